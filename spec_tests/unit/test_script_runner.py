"""Running scripts over the interpreter: what passes, what fails and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from refsfi.errors import Crash
from refsfi.runtime.values import Value
from refsfi.script.engine import Extern
from refsfi.script.interpreter import Interpreter
from refsfi.script.parser import parse_script
from refsfi.script.record import Record
from refsfi.script.runner import MAX_INPUT_DEPTH, Runner
from refsfi.syntax.features import DEFAULT, WASM1, Features

ADD = '(module $add (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'


def run(
    text: str,
    directory: str = ".",
    features: Features = DEFAULT,
    output: list[str] | None = None,
    engine: Interpreter | None = None,
    thread_timeout: float = 60,
) -> list[Record]:
    printed = [] if output is None else output
    runner = Runner(engine or Interpreter(), features, printed.append, thread_timeout)
    return list(runner.run(parse_script(text, "test.wast", directory)))


def last(text: str, **options: object) -> Record:
    return run(text, **options)[-1]  # type: ignore[arg-type]


def passes(text: str, **options: object) -> bool:
    records = run(text, **options)  # type: ignore[arg-type]
    return not any(record.failed for record in records)


class TestReturn:
    def test_a_result_that_matches(self) -> None:
        record = last(f'{ADD}\n(assert_return (invoke "add" (i32.const 1) (i32.const -2)) (i32.const -1))')
        assert not record.failed
        assert record.assertion
        assert record.id == "test.wast:2 assert_return"
        assert record.expected == record.got == ""
        assert record.seconds > 0

    def test_a_result_that_does_not(self) -> None:
        record = last(f'{ADD} (assert_return (invoke "add" (i32.const 1) (i32.const 1)) (i32.const 3))')
        assert record.failed
        assert (record.expected, record.got) == ("(i32.const 3)", "(i32.const 2)")

    def test_too_few_and_too_many_results(self) -> None:
        assert last(f'{ADD} (assert_return (invoke "add" (i32.const 1) (i32.const 1)))').got == "(i32.const 2)"
        assert last('(module (func (export "f"))) (assert_return (invoke "f") (i32.const 0))').got == "no results"

    def test_a_trap_is_no_result(self) -> None:
        record = last('(module (func (export "f") unreachable)) (assert_return (invoke "f"))')
        assert (record.expected, record.got) == ("no results", "trap: unreachable")

    def test_globals(self) -> None:
        module = '(module $m (global (export "g") f32 (f32.const 1.5)))'
        assert passes(
            f'{module} (assert_return (get "g") (f32.const 1.5)) (assert_return (get $m "g") (f32.const 1.5))'
        )
        assert last(f'{module} (assert_return (get "g") (f64.const 1.5))').got == "(f32.const 1.5 (0x3fc00000))"

    def test_references_of_the_host_come_back(self) -> None:
        module = '(module (func (export "f") (param externref) (result externref) (local.get 0)))'
        assert passes(f'{module} (assert_return (invoke "f" (ref.extern 3)) (ref.extern 3))')
        assert passes(f'{module} (assert_return (invoke "f" (ref.null extern)) (ref.null extern))')
        assert last(f'{module} (assert_return (invoke "f" (ref.extern 3)) (ref.extern 4))').got == "(ref.extern 3)"


class TestFailureOfActions:
    TRAP = '(module (func (export "f") (result i32) (i32.div_s (i32.const 1) (i32.const 0))))'

    def test_the_text_begins_the_message(self) -> None:
        assert passes(f'{self.TRAP} (assert_trap (invoke "f") "integer divide by zero")')
        assert passes(f'{self.TRAP} (assert_trap (invoke "f") "integer divide")')
        record = last(f'{self.TRAP} (assert_trap (invoke "f") "integer divide by zero!")')
        assert record.failed
        assert (record.expected, record.got) == ("trap: integer divide by zero!", "trap: integer divide by zero")
        assert last(f'{self.TRAP} (assert_trap (invoke "f") "divide by zero")').failed

    def test_a_result_is_no_trap(self) -> None:
        record = last(f'{ADD} (assert_trap (invoke "add" (i32.const 1) (i32.const 1)) "x")')
        assert (record.expected, record.got) == ("trap: x", "(i32.const 2)")

    def test_exhaustion_and_traps_are_different(self) -> None:
        recursion = '(module (func $f (export "f") (call $f)))'
        assert passes(f'{recursion} (assert_exhaustion (invoke "f") "call stack exhausted")')
        assert (
            last(f'{recursion} (assert_trap (invoke "f") "call stack exhausted")').got
            == "exhaustion: call stack exhausted"
        )
        assert last(f'{self.TRAP} (assert_exhaustion (invoke "f") "")').failed

    def test_exceptions(self) -> None:
        throws = '(module (tag $t) (func (export "f") (throw $t)))'
        assert passes(f'{throws} (assert_exception (invoke "f"))')
        assert last(f'{throws} (assert_trap (invoke "f") "")').got == "exception: uncaught exception"
        assert last(f'{throws} (assert_return (invoke "f"))').failed
        assert last(f'{self.TRAP} (assert_exception (invoke "f"))').failed


class TestFailureOfModules:
    @pytest.mark.parametrize(
        ("module", "phase"),
        [
            ('(module quote "(fnuc)")', "malformed"),
            ('(module binary "")', "malformed"),
            ("(module (func (result i32)))", "invalid"),
            ('(module (import "no" "thing" (func)))', "unlinkable"),
            ("(module (func $f unreachable) (start $f))", "trap"),
            ("(module)", ""),
        ],
    )
    def test_only_the_phase_that_is_named_counts(self, module: str, phase: str) -> None:
        for kind in ("malformed", "invalid", "unlinkable", "trap"):
            record = last(f'(assert_{kind} {module} "")')
            assert record.failed is (kind != phase), (kind, record)
            assert record.got == "" or not phase or record.got.startswith((phase, "module is"))

    def test_what_a_module_did_instead(self) -> None:
        assert last('(assert_malformed (module) "")').got == "module is well-formed"
        assert last('(assert_invalid (module) "")').got == "module is valid"
        assert last('(assert_unlinkable (module) "")').got == "module was instantiated"

    def test_a_quoted_module_that_is_no_utf8(self) -> None:
        assert passes(r'(assert_malformed (module quote "\ff") "malformed UTF-8 encoding")')

    def test_an_instance_of_a_definition(self) -> None:
        definition = '(module definition $m (import "no" "thing" (func)))'
        assert passes(f'{definition} (assert_unlinkable (module instance $m) "unknown import")')

    def test_custom_sections_are_no_matter_of_validity(self) -> None:
        module = '(module (func (@metadata.code.branch_hint "\\01") (nop)))'
        assert passes(f'(assert_invalid_custom {module} "@metadata.code.branch_hint annotation: invalid target")')
        assert last(f'(assert_invalid {module} "")').got == "module is valid"
        assert last(module).failed


class TestNames:
    def test_the_last_module_and_named_ones(self) -> None:
        assert passes(
            """(module $a (func (export "f") (result i32) (i32.const 1)))
            (module (func (export "f") (result i32) (i32.const 2)))
            (assert_return (invoke "f") (i32.const 2))
            (assert_return (invoke $a "f") (i32.const 1))"""
        )

    def test_definitions_and_instances(self) -> None:
        counter = """(module definition $c (global (mut i32) (i32.const 0))
            (func (export "next") (result i32)
              (global.set 0 (i32.add (global.get 0) (i32.const 1))) (global.get 0)))"""
        assert passes(
            f"""{counter} (module instance $a $c) (module instance $b $c)
            (assert_return (invoke $a "next") (i32.const 1)) (assert_return (invoke $a "next") (i32.const 2))
            (assert_return (invoke $b "next") (i32.const 1)) (assert_return (invoke "next") (i32.const 2))"""
        )

    def test_registered_instances_can_be_imported(self) -> None:
        text = f'{ADD} (register "lib" $add) (module (import "lib" "add" (func (param i32 i32) (result i32))))'
        assert passes(text)
        assert last(text.replace('"lib" "add"', '"lib" "sub"')).got == 'unlinkable: unknown import "lib"."sub"'

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ('(invoke "f")', "no module instance defined"),
            ('(invoke $m "f")', "unknown module instance m"),
            ('(register "m")', "no module instance defined"),
            ("(module instance $m)", "unknown module m"),
            ("(wait $t)", "unknown thread t"),
            (f'{ADD} (invoke "sub")', 'unknown export "sub"'),
            (f'{ADD} (invoke "add")', '"add" takes 2 arguments, not 0'),
            (f'{ADD} (invoke "add" (i32.const 0) (i64.const 0))', 'argument 1 of "add" must be of type i32'),
            (f'{ADD} (get "add")', 'export "add" is a func, not a global'),
            ('(module (memory (export "m") 0)) (invoke "m")', 'export "m" is a memory, not a function'),
        ],
    )
    def test_mistakes_of_the_script(self, command: str, message: str) -> None:
        record = last(command)
        assert record.failed
        assert record.got == f"script error: {message}"

    def test_mistakes_are_no_traps(self) -> None:
        assert last(f'{ADD} (assert_trap (invoke "sub") "")').failed

    def test_after_a_failed_module_nothing_runs_against_an_older_one(self) -> None:
        first, second, third, fourth = run(
            f'{ADD}\n(module $add (func (result i32)))\n(invoke "add" (i32.const 0) (i32.const 0))\n'
            '(invoke $add "add" (i32.const 0) (i32.const 0))'
        )
        assert not first.failed
        assert second.got.startswith("invalid: ")
        for record in (third, fourth):
            assert "line 2" in record.got


class TestRecords:
    def test_only_assertions_and_failures_count(self) -> None:
        records = run(f'{ADD} (invoke "add" (i32.const 0) (i32.const 0)) (register "a") (invoke "sub")')
        assert [record.counted for record in records] == [False, False, False, True]

    def test_an_error_of_python_is_a_failure_with_its_traceback(self) -> None:
        class Broken(Interpreter):
            def call(self, func: Extern, args: Sequence[Value]) -> list[Value]:
                raise Crash("a defect")

        for assertion in ('(assert_return (invoke "add" {}))', '(assert_trap (invoke "add" {}) "")'):
            record = last(f"{ADD} {assertion.format('(i32.const 0) (i32.const 0)')}", engine=Broken())
            assert record.failed
            assert record.got == "Crash: a defect"
            assert "in call" in record.traceback

    def test_the_features_of_the_runner_are_those_of_its_modules(self) -> None:
        text = '(assert_malformed (module quote "(func (drop (v128.const i32x4 0 0 0 0)))") "")'
        assert not passes(text)
        two_results = "(module (func (result i32 i32) (i32.const 0) (i32.const 0)))"
        assert passes(two_results)
        assert not passes(two_results, features=WASM1)


class TestThreads:
    MEMORY = '(module $mem (memory (export "shared") 1 1 shared)) '
    STORE = """(register "mem" $mem) (module (memory (import "mem" "shared") 1 1 shared)
        (func (export "run") (i32.store (i32.const 0) (i32.const 42)))) (invoke "run")"""
    LOAD = """(module (memory (import "mem" "shared") 1 1 shared)
        (func (export "get") (result i32) (i32.load (i32.const 0))))"""

    def test_a_shared_instance_is_seen_by_both(self) -> None:
        assert passes(
            f'{self.MEMORY} (thread $t (shared (module $mem)) {self.STORE}) (wait $t) (register "mem" $mem)'
            f' {self.LOAD} (assert_return (invoke "get") (i32.const 42))'
        )

    def test_nothing_else_is(self) -> None:
        outside = '(assert_unlinkable (module (memory (import "mem" "shared") 1 1 shared)) "unknown import")'
        assert passes(f'{self.MEMORY} (register "mem") (thread $t {outside}) (wait $t)')
        assert passes(f"{self.MEMORY} (thread $t (shared (module $mem)) {self.STORE}) (wait $t) {outside}")

    def test_threads_run_at_the_same_time(self) -> None:
        assert passes(
            f"""{self.MEMORY}
            (thread $a (shared (module $mem)) (register "mem" $mem)
              (module (memory (import "mem" "shared") 1 1 shared)
                (func (export "run") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
              (assert_return (invoke "run") (either (i32.const 0) (i32.const 1))))
            (thread $b (shared (module $mem)) (register "mem" $mem)
              (module (memory (import "mem" "shared") 1 1 shared)
                (func (export "run")
                  (i32.atomic.store (i32.const 0) (i32.const 1))
                  (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))))
              (invoke "run"))
            (wait $a) (wait $b)"""
        )

    def test_failures_inside_are_told(self) -> None:
        records = run('(thread $t\n(assert_return (invoke "f")))\n(wait $t)')
        assert [(record.line, record.kind, record.failed) for record in records] == [
            (1, "thread", False),
            (2, "assert_return", True),
            (3, "wait", False),
        ]

    def test_a_thread_that_nobody_waits_for_still_counts(self) -> None:
        assert [record.kind for record in run('(thread $t (assert_return (invoke "f")))') if record.failed] == [
            "assert_return"
        ]

    ENDLESS = f"""{MEMORY} (thread $t (shared (module $mem)) (register "mem" $mem)
      (module (memory (import "mem" "shared") 1 1 shared)
        (func (export "run")
          (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 2_000_000_000)))))
      (invoke "run"))"""

    @pytest.mark.parametrize("wait", ["(wait $t)", ""])
    def test_a_thread_that_does_not_end(self, wait: str) -> None:
        record = run(self.ENDLESS + wait, thread_timeout=0.2)[-1]
        assert (record.kind, record.failed) == ("wait" if wait else "thread", True)
        assert record.got == "still running after 0.2 s"


class TestMeta:
    def test_a_named_script_runs_in_place(self) -> None:
        assert passes(f'(script $s {ADD}) (assert_return (invoke "add" (i32.const 0) (i32.const 1)) (i32.const 1))')

    def test_input(self, tmp_path: Path) -> None:
        (tmp_path / "lib.wast").write_text(ADD)
        (tmp_path / "one.wat").write_text('(func (export "one") (result i32) (i32.const 1))')
        assert passes(
            '(input "lib.wast") (invoke "add" (i32.const 0) (i32.const 1))'
            '(input $one "one.wat") (module) (assert_return (invoke $one "one") (i32.const 1))',
            directory=str(tmp_path),
        )

    def test_input_of_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        got = last('(input "no.wast")', directory=str(tmp_path)).got
        assert got == 'script error: "no.wast": No such file or directory'

    def test_a_script_that_reads_itself_ends(self, tmp_path: Path) -> None:
        (tmp_path / "self.wast").write_text('(input "self.wast")')
        records = run('(input "self.wast")', directory=str(tmp_path))
        assert len(records) == MAX_INPUT_DEPTH + 1
        assert [record.failed for record in records].count(True) == 1

    def test_output_of_a_binary(self, tmp_path: Path) -> None:
        assert passes(
            f'{ADD} (output "add.wasm") (input "add.wasm") (invoke "add" (i32.const 0) (i32.const 0))',
            directory=str(tmp_path),
        )
        assert (tmp_path / "add.wasm").read_bytes().startswith(b"\0asm")

    def test_output_of_text(self, tmp_path: Path) -> None:
        printed: list[str] = []
        assert passes(f'{ADD} (output) (output "add.wat")', directory=str(tmp_path), output=printed)
        assert printed[0].startswith("(module")
        assert (tmp_path / "add.wat").read_text().rstrip() == printed[0]

    @pytest.mark.parametrize("path", ["/tmp/x.wasm", "../x.wasm", "x.js"])
    def test_output_elsewhere_is_refused(self, path: str, tmp_path: Path) -> None:
        record = last(f'(module) (output "{path}")', directory=str(tmp_path))
        assert record.failed
        assert record.got.startswith("script error: ")


def test_inline_fields_are_a_module() -> None:
    assert passes('(func) (memory 0) (func (export "f"))')


def test_guests_print_through_the_runner() -> None:
    printed: list[str] = []
    run(
        """(module (import "spectest" "print_i32" (func $p (param i32)))
          (func (export "f") (call $p (i32.const -7)))) (invoke "f")""",
        output=printed,
    )
    assert printed == ["-7 : i32"]
