"""Nothing recurses in Python: what nests deeply, in any part, is ordinary or ends in one clear error.

The depth is far beyond Python's recursion limit, and large enough for anything quadratic in it to run into the timeout.
"""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import Exhaustion, GuestException, MalformedError
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import FuncInst, Store
from refsfi.runtime.values import Value
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from refsfi.text.printer import print_module
from refsfi.valid.module import validate

pytestmark = pytest.mark.timeout(120)

DEPTH = 20_000


def execute(module: Module, *args: Value) -> list[Value]:
    """What the export `f` returns."""
    store = Store()
    func = instantiate(store, Program(module, validate(module, ALL)), []).exports["f"]
    assert isinstance(func, FuncInst)
    return list(invoke(store, func, list(args)))


def nested(opening: str, inside: str, closing: str) -> str:
    return f'(module (tag) (func (export "f") (result i32) {opening * DEPTH} {inside} {closing * DEPTH}))'


NESTED = {
    "block": nested("(block (result i32) ", "(i32.const 7)", ")"),
    "loop": nested("loop (result i32) ", "i32.const 7", " end"),
    "operands": nested("(i32.add (i32.const 0) ", "(i32.const 7)", ")"),
    "if": nested("(if (result i32) (i32.const 1) (then ", "(i32.const 7)", ") (else (i32.const 0)))"),
    "condition": nested("(if (result i32) ", "(i32.const 1)", " (then (i32.const 7)) (else (i32.const 0)))"),
    "try_table": nested("(block (try_table (catch_all 0) ", "(throw 0)", ")) (i32.const 7) (return)"),
    "try": nested("(try (result i32) (do ", "(throw 0)", ") (catch_all (i32.const 7)))"),
    "delegate": nested("(try (result i32) (do ", "(i32.const 7)", ") (delegate 0))"),
}


@pytest.mark.parametrize("kind", NESTED)
def test_nested_code(kind: str) -> None:
    module = parse_module(NESTED[kind], ALL)
    data = encode(module)
    decoded = decode(data, ALL)
    for fold in (False, True):
        assert encode(parse_module(print_module(decoded, fold=fold), ALL)) == data
    assert execute(decoded) == [7]


def test_constant_expressions() -> None:
    init = "(i32.add (i32.const 1) " * DEPTH + "(i32.const 0)" + ")" * DEPTH
    module = parse_module(f'(module (global i32 {init}) (func (export "f") (result i32) (global.get 0)))')
    assert execute(decode(encode(module))) == [DEPTH]


@pytest.mark.parametrize("rec", ["", "(rec "])
def test_types_that_refer_to_types(rec: str) -> None:
    chain = "".join(f"(type (struct (field (ref null {i}))))" for i in range(DEPTH // 4))
    text = f"""(module (type (struct)) {rec}{chain}{")" if rec else ""}
      (func (export "f") (result i32) (ref.test (ref {DEPTH // 4}) (struct.new_default {DEPTH // 4}))))"""
    module = parse_module(text)
    data = encode(module)
    assert encode(parse_module(print_module(module))) == data
    # Equal types of another module are the same types, however deep.
    assert execute(module) == execute(decode(data)) == [1]


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("(@a ", ""), ("(;", ""), ("(func ", ")"), ("(@custom ", ")"), ("(rec ", ")")]
)
def test_nested_text_that_means_nothing(opening: str, closing: str) -> None:
    with pytest.raises(MalformedError):
        parse_module(f"(module {opening * DEPTH}{closing * DEPTH})", ALL)


def test_annotations_and_comments_may_nest() -> None:
    for opening, closing in (("(@a ", ")"), ("(;", ";)")):
        parse_module(f"(module {opening * DEPTH}{closing * DEPTH})", ALL)


@pytest.mark.parametrize(
    "call",
    [
        "(call $f)",
        "(call_indirect (result i32) (i32.const 0))",
        "(call_ref $t (ref.func $f))",
        "(block (result i32) (try_table (result i32) (catch_all 1) (call $f)))",
        "(try (result i32) (do (call $f)) (catch_all (i32.const 0)))",
    ],
)
def test_calls_without_end_exhaust_the_stack(call: str) -> None:
    text = f"""(module (type $t (func (result i32))) (table funcref (elem $f)) (tag)
      (func $f (export "f") (result i32) (block (i32.add {call} (i32.const 1)) (return)) (i32.const 0)))"""
    with pytest.raises(Exhaustion, match="call stack exhausted"):
        execute(parse_module(text, ALL))


def test_an_exception_leaves_any_number_of_frames() -> None:
    text = """(module (tag) (func $f (export "f") (param i32)
      (if (i32.eqz (local.get 0)) (then (throw 0)))
      (block (try_table (catch 0 0) (call $f (i32.sub (local.get 0) (i32.const 1))) (return)))
      (throw 0)))"""
    with pytest.raises(GuestException):
        execute(parse_module(text), DEPTH)


# A list of a million objects, each of which only the one before it keeps.
LINKED = {
    "struct": (
        "(type $n (struct (field (ref null $n)))) (global $g (mut (ref null $n)) (ref.null $n))",
        "(global.set $g (struct.new $n (global.get $g)))",
        "(ref.null $n)",
    ),
    "array": (
        "(type $n (array anyref)) (global $g (mut anyref) (ref.null any))",
        "(global.set $g (array.new_fixed $n 1 (global.get $g)))",
        "(ref.null any)",
    ),
    "extern": (
        "(type $n (array externref)) (global $g (mut externref) (ref.null extern))",
        "(global.set $g (extern.convert_any (array.new_fixed $n 1 (global.get $g))))",
        "(ref.null extern)",
    ),
    "exn": (
        "(tag $e (param exnref)) (global $g (mut exnref) (ref.null exn))",
        "(block $b (result exnref) (try_table (catch_all_ref $b) (throw $e (global.get $g))) (unreachable))"
        " (global.set $g)",
        "(ref.null exn)",
    ),
}


@pytest.mark.parametrize("kind", LINKED)
@pytest.mark.parametrize("dropped", ["by the guest", "with the store"])
def test_linked_objects_die(kind: str, dropped: str) -> None:
    declare, link, null = LINKED[kind]
    forget = f"(global.set $g {null})" if dropped == "by the guest" else ""
    text = f"""(module {declare} (func (export "f") (param i32) (result i32)
      (loop $more {link} (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      {forget} (i32.const 1)))"""
    assert execute(parse_module(text), 1_000_000) == [1]
