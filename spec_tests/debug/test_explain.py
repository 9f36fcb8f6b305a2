"""Explanations of traps: what was needed, what there was, where it came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.cli.main import main
from refsfi.debug.explain import Explanation, explain
from refsfi.debug.flow import Flow, Origin
from refsfi.errors import Frame, TrapCode
from refsfi.observe.trace import Trace
from refsfi.runtime.limits import Limits
from refsfi.syntax.features import ALL
from spec_tests.debug.support import FIXTURES, Watched, fixture

GUEST = """(module $m
  (type $unary (func (param i32) (result i32)))
  (memory 1) (table $t 4 funcref) (elem (i32.const 1) $id $nop)
  (global $where (mut i32) (i32.const 65000))
  (tag $oops (param i32 f64))
  (type $pair (struct (field i32)))
  (type $cells (array (mut i32)))
  (func $id (param i32) (result i32) (local.get 0))
  (func $nop)
  (func (export "load") (param $i i32) (result i32) (local $p i32)
    (local.set $p (i32.add (global.get $where) (i32.shl (local.get $i) (i32.const 2))))
    (i32.add (i32.const 1) (i32.load offset=16 (local.get $p))))
  (func (export "joined") (param $i i32) (result i32)
    (i32.load (if (result i32) (local.get $i) (then (i32.const 65536)) (else (call $id (i32.const 65535))))))
  (func (export "looped") (param $n i32) (result i32) (local $p i32)
    (loop $l
      (local.set $p (i32.add (local.get $p) (i32.load (local.get $p))))
      (local.set $p (i32.add (local.get $p) (i32.const 65535)))
      (br $l)) (unreachable))
  (func (export "copy") (memory.copy (i32.const 10) (i32.const 65530) (i32.const 7)))
  (func (export "call") (param i32) (result i32)
    (call_indirect $t (type $unary) (i32.const 5) (local.get 0)))
  (func (export "get") (param i32) (drop (table.get $t (local.get 0))))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "trunc") (param f64) (result i32) (i32.trunc_f64_u (local.get 0)))
  (func (export "misaligned") (drop (i32.atomic.load offset=1 (i32.const 4))))
  (func (export "wait") (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))))
  (func $down (export "down") (param i32) (result i32) (call $down (i32.add (local.get 0) (i32.const 1))))
  (func (export "spin") (loop (br 0)))
  (func (export "abort") (call $nop) (unreachable))
  (func (export "item") (param i32) (result i32)
    (array.get $cells (array.new_default $cells (i32.const 3)) (local.get 0)))
  (func (export "field") (result i32) (struct.get $pair 0 (ref.null $pair)))
  (func (export "cast") (drop (ref.cast (ref $pair) (ref.i31 (i32.const 3)))))
  (func (export "grow") (drop (array.new_default $cells (i32.const -1))))
  (func (export "throw") (throw $oops (i32.const 7) (f64.const 1.5))))"""


def place(frame: Frame, pc: int) -> str:
    return f"@{pc}"


def explained(name: str, *arguments: int, guest: Watched | None = None) -> Explanation:
    watched = guest or Watched(GUEST)
    return explain(watched.fails(name, *arguments), watched.witness)


def fact(explanation: Explanation, label: str) -> str:
    return next(fact.text for fact in explanation.facts if fact.label == label)


def kinds(origin: Origin) -> list[str]:
    return [origin.kind, *(kind for source in origin.sources for kind in kinds(source))]


class TestFacts:
    def test_memory(self) -> None:
        found = explained("load", 200)
        assert fact(found, "address") == "0x10118 = operand 0x10108 + offset 0x10"
        assert fact(found, "size") == "4 bytes, up to 0x1011b"
        assert fact(found, "memory") == "0x10000 bytes, the last at 0xffff"
        assert fact(found, "distance") == "284 bytes beyond the end"
        assert "Step_read/load-num-oob" in found.rules

    def test_a_range_of_memory(self) -> None:
        found = explained("copy")
        texts = [fact.text for fact in found.facts]
        assert texts == [
            "7 items",
            "memory 0 has 0x10000; from 0xa to 0x11 fits",
            "memory 0 has 0x10000; from 0xfffa to 0x10001 is 1 too far",
        ]
        assert found.rules == ("Step_read/memory.copy-oob",)

    def test_tables(self) -> None:
        assert fact(explained("call", 4), "table") == "table $t has 4 elements, the last is 3"
        assert fact(explained("get", 9), "index") == "9"
        assert fact(explained("call", 3), "functions") == "2 of its elements are functions"

    def test_a_signature(self) -> None:
        found = explained("call", 2)
        assert fact(found, "expected") == "[i32] -> [i32]"
        assert fact(found, "found") == "func 1 ($nop) of type [] -> []"

    def test_numbers(self) -> None:
        assert [o.value for o in explained("divide", 1 << 31, 0xFFFFFFFF).operands] == [
            "-2147483648 = 0x80000000",
            "-1 = 0xffffffff",
        ]
        found = explained("trunc", 0x41F0000000000000)
        assert fact(found, "range") == "0 to 4294967295"
        assert [o.value for o in found.operands] == ["4294967296.0"]
        assert found.rules == ("Step_pure/cvtop-trap",)
        assert fact(explained("misaligned"), "size") == "4 bytes; the address is 1 too high"

    def test_references(self) -> None:
        assert fact(explained("item", 3), "array") == "has 3 elements"
        assert [o.value for o in explained("field").operands] == ["null"]
        found = fact(explained("cast"), "found")
        assert found == "i31 3, of type (ref i31)"

    def test_the_stack(self) -> None:
        found = explained("down", 0, guest=Watched(GUEST, Limits(stack=8000)))
        assert fact(found, "stack") == "7920 of 8000 bytes in 90 frames"
        assert fact(found, "recursion") == "$down is on it 90 times, 88 bytes each"
        assert found.operands == ()

    def test_what_was_to_end_the_program(self) -> None:
        assert fact(explained("abort"), "before") == "the call of $nop in front of it returned"

    def test_an_exception(self) -> None:
        found = explained("throw")
        assert fact(found, "thrown") == "with 2 values"
        assert [o.value for o in found.operands] == ["7", "1.5"]
        assert found.meaning is not None

    def test_fuel_and_time(self) -> None:
        found = explained("spin", guest=Watched(GUEST, fuel=100))
        assert found.instruction is not None
        assert found.meaning is not None
        assert "-W fuel=N" in found.meaning

    @pytest.mark.parametrize("name", ["grow", "wait"])
    def test_the_rest(self, name: str) -> None:
        found = explained(name)
        assert found.operands
        assert None not in [o.value for o in found.operands]

    def test_without_a_witness_what_the_trap_says_is_told(self) -> None:
        found = explain(Watched(GUEST).fails("load", 200))
        assert fact(found, "address") == "0x10118 = operand 0x10108 + offset 0x10"
        assert found.operands == ()


class TestOrigins:
    def test_over_locals_to_arguments_and_globals(self) -> None:
        (operand,) = explained("load", 200).operands
        assert kinds(operand.origin) == ["local", "operation", "global", "operation", "argument", "constant"]
        assert operand.origin.text == "local $p, set here"

    def test_where_ways_meet(self) -> None:
        (operand,) = explained("joined", 1).operands
        assert operand.origin.kind == "either"
        assert "end" in operand.origin.text

    def test_a_loop_brings_other_values(self) -> None:
        (operand,) = explained("looped", 1).operands
        assert operand.origin.kind == "either"
        assert [source.kind for source in operand.origin.sources] == ["local", "more", "zero"]

    @pytest.mark.parametrize(
        ("taken", "kinds_found"),
        [
            # What the other arm does is never the last word.
            (
                "(if (local.get 0) (then (local.set $p (i32.const 5))) (else (drop (i32.load (local.get $p)))))",
                ["either"],
            ),
            (
                "(if (local.get 0) (then (local.set $p (i32.const 5)) (nop))) (drop (i32.load (local.get $p)))",
                ["either"],
            ),
            ("(local.set $p (i32.const 5)) (if (local.get 0) (then)) (drop (i32.load (local.get $p)))", ["local"]),
            (
                "(block (br_if 0 (local.get 0)) (local.set $p (i32.const 5))) (drop (i32.load (local.get $p)))",
                ["either"],
            ),
        ],
    )
    def test_what_may_have_been_set(self, taken: str, kinds_found: list[str]) -> None:
        guest = Watched(f'(module (memory 0) (func (export "f") (param i32) (local $p i32) {taken}))')
        (operand,) = explained("f", 0, guest=guest).operands
        assert [operand.origin.kind] == kinds_found
        if kinds_found == ["either"]:
            assert [source.kind for source in operand.origin.sources] == ["local", "zero"]

    def test_a_loop_does_not_lead_round_and_round(self) -> None:
        guest = Watched(fixture("faults-o2"))
        found = explain(guest.fails("grow", 3), guest.witness)
        for operand in found.operands:
            assert len(kinds(operand.origin)) < 60

    def test_every_operand_has_a_producer(self) -> None:
        for name in ("faults", "faults-o2", "shapes"):
            program = Watched(fixture(name)).program
            for code in program.funcs:
                code.prepare()
                flow = Flow(code)
                for pc, height in enumerate(code.side.heights):
                    origins = flow.operands(pc)
                    assert len(origins) <= max(height, 0)


class TestValues:
    @pytest.mark.parametrize(
        ("name", "arguments"),
        [("load", (200,)), ("joined", (0,)), ("call", (2,)), ("divide", (7, 0)), ("down", (0,)), ("item", (5,))],
    )
    def test_fused_steps_leave_the_same_frames_as_single_ones(self, name: str, arguments: tuple[int, ...]) -> None:
        limits = Limits(stack=8000)
        fused, single = Watched(GUEST, limits), Watched(GUEST, limits)
        single.store.observer = Trace([], lambda line: None)
        fused.fails(name, *arguments)
        single.fails(name, *arguments)
        left, right = list(fused.witness.activations()), list(single.witness.activations())
        assert all(activation.fused for activation in left)
        assert not any(activation.fused for activation in right)
        assert [(a.pc, a.locals()) for a in left] == [(a.pc, a.locals()) for a in right]
        if name != "item":
            assert left[0].operands() == right[0].operands()

    @pytest.mark.parametrize("name", ["faults", "faults-o2"])
    def test_so_do_those_of_a_compiler(self, name: str) -> None:
        frames = []
        for observer in (None, Trace([], lambda line: None)):
            guest = Watched(fixture(name))
            guest.store.observer = observer
            guest.fails("walk_out", 17)
            frames.append([(a.pc, a.locals(), a.operands()) for a in guest.witness.activations()])
        waiting = [(pc, locals) for pc, locals, _ in frames[0][1:]]
        assert frames[0][0] == frames[1][0]
        assert waiting == [(pc, locals) for pc, locals, _ in frames[1][1:]]

    def test_compiled_code_leaves_the_same_explanation(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        reports = []
        for jit in ("off", "force"):
            arguments = [f"--jit={jit}", "--trap=json", "--invoke", "walk_out", str(FIXTURES / "faults.wasm"), "17"]
            assert main(["run", *arguments]) == 134
            reports.append(json.loads(capfdbinary.readouterr().err.splitlines()[-1]))
        assert reports[0] == reports[1]
        assert reports[0]["explanation"]["operands"][0]["value"] == "1114112 = 0x110000"


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guest.wat").write_text(GUEST)

    def invoke(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["run", *map(str, arguments)])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return invoke


class TestCommand:
    def test_the_whole_report(self, run: Run) -> None:
        _, _, err = run("--trap=explain", "--invoke", "load", "guest.wat", "200")
        assert err == (
            "error: failed to run main module `guest.wat`: failed to invoke `load`\n"
            "error while executing at wasm backtrace:\n"
            "    0:    0x11c - m!<wasm function 2>\n"
            "                    at guest.wat:12:29\n"
            "instruction: i32.load offset=16\n"
            "      place: instruction 8 of func 2, at 0x11c (guest.wat:12:29)\n"
            "    address: 0x10118 = operand 0x10108 + offset 0x10\n"
            "       size: 4 bytes, up to 0x1011b\n"
            "     memory: 0x10000 bytes, the last at 0xffff\n"
            "   distance: 284 bytes beyond the end\n"
            "    operand: 65800 = 0x10108 (i32), made by\n"
            "               local $p, set here, at 0x116 (guest.wat:11:6)\n"
            "                 i32.add, at 0x115 (guest.wat:11:20)\n"
            "                   global.get $where, at 0x10e (guest.wat:11:29)\n"
            "                   i32.shl, at 0x114 (guest.wat:11:49)\n"
            "                     argument $i\n"
            "                     i32.const 2, at 0x112 (guest.wat:11:73)\n"
            "    meaning: the guest wanted bytes that its memory does not have\n"
            "       rule: Step_read/load-num-oob\n"
            "memory fault at wasm address 0x10118 in linear memory of size 0x10000\n"
            "wasm trap: out of bounds memory access\n"
        )

    def test_source_lines_are_those_of_the_debug_information(self, run: Run) -> None:
        arguments = ("--invoke", "grow", FIXTURES / "faults-o2.wasm", "3")
        _, _, err = run(*arguments)
        assert err.splitlines()[2:6] == [
            "    0:    0x10a - scale",
            "                    at /src/faults.c:31:17",
            "                - grow",
            "                    at /src/faults.c:37:42",
        ]
        _, _, err = run("-D", "debug-info=n", *arguments)
        assert "faults.c" not in err
        assert "    0:    0x10a - faults-o2.wasm!grow" in err

    def test_damaged_debug_information_is_one_warning(self, run: Run, tmp_path: Path) -> None:
        module = decode(fixture("faults"), ALL)
        line = next(custom for custom in module.customs if custom.name == ".debug_line")
        line.data = line.data[:4] + b"\x09" + line.data[5:]
        (tmp_path / "damaged.wasm").write_bytes(encode(module))
        for form in ("text", "explain"):
            _, _, err = run(f"--trap={form}", "--invoke", "walk_out", "damaged.wasm", "17")
            assert err.startswith(
                "warning: faults.wasm: debug information: .debug_line: the table at 0x0 is of version 9"
            )
            assert err.count("warning") == 1
            assert err.endswith("wasm trap: out of bounds memory access\n")

    def test_the_calls_of_the_host_before(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "open.wat").write_text(
            """(module
              (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
              (memory (export "memory") 1)
              (func (export "_start") (drop (call $prestat (i32.const 9) (i32.const 0))) (unreachable)))"""
        )
        _, _, err = run("--trap=explain", "open.wat")
        assert " host calls: fd_prestat_get(fd=9, " in err
        assert " -> badf\n" in err
        _, _, err = run("--trap=json", "open.wat")
        report = json.loads(err)
        assert report["explanation"]["host_calls"][0].endswith("-> badf")
        assert report["code"] == TrapCode.UNREACHABLE
