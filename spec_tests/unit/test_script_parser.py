"""The language of .wast scripts: every command, literal and pattern, and what is said of a file that is no script."""

from __future__ import annotations

import pytest

from refsfi.errors import ParseError
from refsfi.script.ast import (
    AssertAction,
    AssertKind,
    AssertModule,
    AssertReturn,
    BinaryModule,
    Command,
    Either,
    Get,
    HostLiteral,
    Input,
    Invoke,
    ModuleCommand,
    ModuleInstance,
    ModuleRef,
    NanPattern,
    NullLiteral,
    NullPattern,
    NumLiteral,
    NumPattern,
    Output,
    Perform,
    QuotedModule,
    RefPattern,
    Register,
    SubScript,
    TextModule,
    Thread,
    VecPattern,
    Wait,
)
from refsfi.script.parser import MAX_DEPTH, parse_script
from refsfi.syntax.types import F32, F64, I32, I64, V128, AbsHeap


def commands(text: str) -> tuple[Command, ...]:
    return parse_script(text, "test.wast", ".").commands


def command(text: str) -> Command:
    (only,) = commands(text)
    return only


def module_text(source: object) -> str:
    assert isinstance(source, TextModule)
    return source.source.text[source.start : source.end]


class TestModules:
    def test_text(self) -> None:
        parsed = command("\n(module $m (func))")
        assert isinstance(parsed, ModuleCommand)
        assert (parsed.line, parsed.name, parsed.definition) == (2, "m", False)
        assert module_text(parsed.source) == "(module $m (func))"

    def test_binary_strings_are_joined(self) -> None:
        assert command(r'(module binary "\00as" "m")') == ModuleCommand(1, None, BinaryModule(b"\0asm"))

    def test_quoted_text_may_be_no_utf8(self) -> None:
        assert command(r'(module $q quote "\ff(" "func)")') == ModuleCommand(1, "q", QuotedModule(b"\xff(func)"))

    def test_definition(self) -> None:
        parsed = command("(module definition $d (func) (memory 1))")
        assert isinstance(parsed, ModuleCommand)
        assert parsed.definition
        assert parsed.name == "d"
        assert module_text(parsed.source).strip() == "(func) (memory 1)"
        assert command('(module definition binary "")') == ModuleCommand(1, None, BinaryModule(b""), True)

    def test_instances(self) -> None:
        assert command("(module instance $i $m)") == ModuleInstance(1, "i", "m")
        assert command("(module instance $m)") == ModuleInstance(1, None, "m")
        assert command("(module instance)") == ModuleInstance(1, None, None)

    def test_fields_alone_are_one_module(self) -> None:
        parsed = command('(func) (memory 0) (func (export "f"))')
        assert isinstance(parsed, ModuleCommand)
        assert module_text(parsed.source) == '(func) (memory 0) (func (export "f"))'

    def test_an_error_inside_a_module_is_left_to_its_command(self) -> None:
        first, second = commands("(module (fnuc)) (module)")
        assert isinstance(first, ModuleCommand)
        assert isinstance(second, ModuleCommand)

    def test_an_empty_file_is_an_empty_script(self) -> None:
        assert commands(" ;; nothing\n") == ()


class TestCommands:
    def test_register(self) -> None:
        assert command('(register "M" $m)') == Register(1, "M", "m")
        assert command('(register "M")') == Register(1, "M", None)

    def test_actions(self) -> None:
        assert command('(invoke $m "f" (i32.const 1))') == Perform(1, Invoke("m", "f", (NumLiteral(I32, 1),)))
        assert command('(get "g")') == Perform(1, Get(None, "g"))

    def test_assert_return(self) -> None:
        assert command('(assert_return (invoke "f"))') == AssertReturn(1, Invoke(None, "f", ()), ())
        assert command('(assert_return (get $m "g") (i64.const -1))') == AssertReturn(
            1, Get("m", "g"), (NumPattern(I64, 2**64 - 1),)
        )

    @pytest.mark.parametrize("kind", [AssertKind.TRAP, AssertKind.EXHAUSTION])
    def test_assertions_of_actions(self, kind: AssertKind) -> None:
        action = Invoke(None, "f", ())
        assert command(f'({kind.value} (invoke "f") "why")') == AssertAction(1, kind, action, "why")

    def test_assert_exception_has_no_text(self) -> None:
        action = Invoke(None, "f", ())
        assert command('(assert_exception (invoke "f"))') == AssertAction(1, AssertKind.EXCEPTION, action, "")

    @pytest.mark.parametrize(
        "kind",
        [
            AssertKind.MALFORMED,
            AssertKind.MALFORMED_CUSTOM,
            AssertKind.INVALID,
            AssertKind.INVALID_CUSTOM,
            AssertKind.UNLINKABLE,
        ],
    )
    def test_assertions_of_modules(self, kind: AssertKind) -> None:
        parsed = command(f'({kind.value} (module quote "x") "why")')
        assert parsed == AssertModule(1, kind, QuotedModule(b"x"), "why")

    def test_assert_trap_of_a_module_is_about_instantiation(self) -> None:
        parsed = command('(assert_trap (module binary "") "why")')
        assert parsed == AssertModule(1, AssertKind.UNINSTANTIABLE, BinaryModule(b""), "why")

    def test_assertions_of_instances(self) -> None:
        parsed = command('(assert_unlinkable (module instance $i $m) "why")')
        assert parsed == AssertModule(1, AssertKind.UNLINKABLE, ModuleRef("m"), "why")

    def test_threads(self) -> None:
        parsed = command('(thread $t (shared (module $a)) (shared (module $b))\n(register "a" $a)) ')
        assert parsed == Thread(1, "t", ("a", "b"), (Register(2, "a", "a"),))
        assert command("(wait $t)") == Wait(1, "t")

    def test_meta(self) -> None:
        assert command("(script $s (wait))") == SubScript(1, "s", (Wait(1, None),))
        assert command('(input $s "a.wast")') == Input(1, "s", "a.wast")
        assert command('(output $s "a.wasm")') == Output(1, "s", "a.wasm")
        assert command("(output)") == Output(1, None, None)


class TestValues:
    @pytest.mark.parametrize(
        ("text", "literal"),
        [
            ("(i32.const -1)", NumLiteral(I32, 0xFFFFFFFF)),
            ("(i32.const 0xffff_ffff)", NumLiteral(I32, 0xFFFFFFFF)),
            ("(i64.const 0x8000000000000000)", NumLiteral(I64, 1 << 63)),
            ("(f32.const -0)", NumLiteral(F32, 0x80000000)),
            ("(f32.const nan:0x200000)", NumLiteral(F32, 0x7FA00000)),
            ("(f64.const 1.5)", NumLiteral(F64, 0x3FF8000000000000)),
            ("(f64.const -inf)", NumLiteral(F64, 0xFFF0000000000000)),
            (
                "(v128.const i32x4 1 2 3 -1)",
                NumLiteral(V128, bytes([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]) + b"\xff" * 4),
            ),
            ("(v128.const f64x2 0 1.5)", NumLiteral(V128, bytes(8) + bytes.fromhex("000000000000f83f"))),
            ("(ref.null extern)", NullLiteral(AbsHeap.EXTERN)),
            ("(ref.extern 3)", HostLiteral(AbsHeap.EXTERN, 3)),
            ("(ref.host 3)", HostLiteral(AbsHeap.ANY, 3)),
        ],
    )
    def test_literals(self, text: str, literal: object) -> None:
        assert command(f'(invoke "f" {text})') == Perform(1, Invoke(None, "f", (literal,)))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("text", "pattern"),
        [
            ("(f32.const nan:canonical)", NumPattern(F32, NanPattern.CANONICAL)),
            ("(f64.const nan:arithmetic)", NumPattern(F64, NanPattern.ARITHMETIC)),
            (
                "(v128.const f32x4 nan:canonical 0 -0 1)",
                VecPattern("f32x4", (NanPattern.CANONICAL, 0, 1 << 31, 0x3F800000)),
            ),
            ("(v128.const i16x8 0 1 2 3 4 5 6 -1)", VecPattern("i16x8", (0, 1, 2, 3, 4, 5, 6, 0xFFFF))),
            ("(ref.null)", NullPattern()),
            ("(ref.null func)", NullPattern(AbsHeap.FUNC)),
            ("(ref)", RefPattern(None)),
            ("(ref.any)", RefPattern(AbsHeap.ANY)),
            ("(ref.eq)", RefPattern(AbsHeap.EQ)),
            ("(ref.i31)", RefPattern(AbsHeap.I31)),
            ("(ref.struct)", RefPattern(AbsHeap.STRUCT)),
            ("(ref.array)", RefPattern(AbsHeap.ARRAY)),
            ("(ref.func)", RefPattern(AbsHeap.FUNC)),
            ("(ref.exn)", RefPattern(AbsHeap.EXN)),
            ("(ref.extern)", RefPattern(AbsHeap.EXTERN)),
            ("(ref.extern 7)", RefPattern(AbsHeap.EXTERN, 7)),
            ("(ref.host 7)", RefPattern(AbsHeap.ANY, 7)),
            ("(either (i32.const 1) (i32.const 2))", Either((NumPattern(I32, 1), NumPattern(I32, 2)))),
        ],
    )
    def test_patterns(self, text: str, pattern: object) -> None:
        assert command(f'(assert_return (invoke "f") {text})') == AssertReturn(
            1,
            Invoke(None, "f", ()),
            (pattern,),  # type: ignore[arg-type]
        )


class TestErrors:
    @pytest.mark.parametrize(
        "text",
        [
            "(modul)",
            "module",
            "(",
            "(module",
            "(module (func)",
            '(invoke "f"',
            '(invoke "f" (i32.const))',
            '(invoke "f" (i32.const 1 2))',
            '(invoke "f" (i32.const 0x1_0000_0000))',
            '(invoke "f" (f32.const nan:canonical))',
            '(invoke "f" (v128.const i32x4 1 2 3))',
            '(invoke "f" (ref.null 0))',
            '(assert_return (invoke "f") (i32.const nan:canonical))',
            '(assert_return (invoke "f") (either))',
            '(assert_trap (invoke "f"))',
            "(wait $t) )",
            "(register M)",
        ],
    )
    def test_a_file_that_is_no_script(self, text: str) -> None:
        with pytest.raises(ParseError):
            commands(text)

    def test_the_place_is_told(self) -> None:
        with pytest.raises(ParseError) as caught:
            commands("(module)\n  (frobnicate)")
        assert (caught.value.line, caught.value.column) == (2, 3)

    def test_bytes_that_are_no_utf8(self) -> None:
        with pytest.raises(ParseError, match="malformed UTF-8"):
            parse_script(b"(module)\n;; \xff", "test.wast", ".")

    @pytest.mark.parametrize(
        ("opening", "inner", "closing"),
        [("(script ", "(wait)", ")"), ("(thread ", "(wait)", ")"), ('(assert_return (invoke "f") ', "", ")")],
    )
    def test_nesting_is_bounded(self, opening: str, inner: str, closing: str) -> None:
        if opening.startswith("(assert"):
            text = opening + "(either " * 100_000 + "(i32.const 1)" + ")" * 100_000 + closing
        else:
            text = opening * 100_000 + inner + closing * 100_000
        with pytest.raises(ParseError, match=f"deeper than {MAX_DEPTH}"):
            commands(text)

    def test_deep_nesting_inside_a_module_does_not_matter(self) -> None:
        first, second = commands("(module " + "(" * 100_000 + ")" * 100_000 + ") (wait)")
        assert isinstance(first, ModuleCommand)
        assert second == Wait(1, None)
