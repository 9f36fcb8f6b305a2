"""Core dumps: what is written, that others read it, and files that are damaged."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.binary.writer import name, sized
from refsfi.cli.main import main
from refsfi.debug.coredump import Core, CoreDump, CoreError, core_views, instances_of, read_core
from refsfi.debug.coredump import write as writer
from refsfi.exec.code import Program
from refsfi.exec.load import load_program
from refsfi.runtime.limits import Limits
from refsfi.syntax.features import ALL
from refsfi.syntax.types import F32, F64, I32, I64
from spec_tests.debug.support import FIXTURES, Watched, fixture
from tools.fuzzing import peers

GUEST = """(module $m
  (memory $low 3) (memory $wide i64 1) (memory $tiny 5 (pagesize 1))
  (data (memory $low) (i32.const 4096) "here")
  (data (memory $wide) (i64.const 65532) "\\01\\02\\03\\04") (data (memory $tiny) (i32.const 4) "!")
  (global $i (mut i32) (i32.const -5)) (global $l i64 (i64.const -6)) (global $f f32 (f32.const 1.5))
  (global $d f64 (f64.const -2.5)) (global $v v128 (v128.const i64x2 1 2)) (global $r anyref (ref.null any))
  (func $inner (param $a i32) (param $b i64) (param f32 f64) (result i32) (local externref)
    (i32.const 11) (i64.const -12) (f32.const 13.5) (f64.const nan)
    (i32.store8 $low (i32.const 131072) (i32.const 7))
    (i32.store $low (i32.const 196606) (local.get $a))
    (unreachable))
  (func $outer (export "outer") (result i32)
    (i32.const 99)
    (i32.add (call $inner (i32.const -1) (i64.const -2) (f32.const 0.5) (f64.const 0.25)))))"""


def dump(guest: Watched, title: str = "guest") -> bytes:
    made = CoreDump(guest.witness, [guest.instance], title, lambda program: title)
    return b"".join(bytes(piece) for piece in made.pieces())


@pytest.fixture(scope="module")
def guest() -> Watched:
    watched = Watched(GUEST)
    watched.fails("outer")
    return watched


@pytest.fixture(scope="module")
def data(guest: Watched) -> bytes:
    return dump(guest)


@pytest.fixture
def core(data: bytes) -> Core:
    return read_core(data)


class TestContents:
    def test_who_it_is_of(self, core: Core) -> None:
        assert (core.executable, core.modules, core.trap) == ("guest", ["guest"], "out of bounds memory access")
        assert [(i.module, i.memories, i.globals) for i in core.instances] == [(0, (0, 1, 2), (0, 1, 2, 3, 4, 5))]
        assert core.problems == []

    def test_the_stack(self, core: Core, guest: Watched) -> None:
        inner, outer = core.frames
        assert (inner.func, outer.func) == (0, 1)
        assert inner.locals == ((I32, 0xFFFFFFFF), (I64, (1 << 64) - 2), (F32, 0x3F000000), (F64, 0x3FD0 << 48), None)
        assert inner.operands == (
            (I32, 11),
            (I64, (1 << 64) - 12),
            (F32, 0x41580000),
            (F64, 0x7FF8 << 48),
            (I32, 196606),
            (I32, 0xFFFFFFFF),
        )
        # What the call took is no operand any more.
        assert outer.operands == ((I32, 99),)
        assert outer.locals == ()

    def test_memories_without_their_zeros(self, core: Core, data: bytes) -> None:
        low, wide, tiny = core.memories
        assert (low.size, wide.size, tiny.size) == (196608, 65536, 5)
        assert low.read(4094, 8) == b"\0\0here\0\0"
        assert low.read(131071, 3) == b"\0\x07\0"
        assert low.read(196606, 10) == b"\0\0"
        assert low.read(196608, 1) == b"" == low.read(-1, 1)
        assert wide.read(65530, 100) == b"\0\0\1\2\3\4"
        assert tiny.read(0, 5) == b"\0\0\0\0!"
        assert len(data) < 4 * 4096

    def test_globals(self, core: Core) -> None:
        assert [value for _, value in core.globals] == [
            0xFFFFFFFB,
            (1 << 64) - 6,
            0x3FC00000,
            0xC004 << 48,
            (1).to_bytes(8, "little") + (2).to_bytes(8, "little"),
            None,
        ]

    def test_in_the_shapes_of_a_live_session(self, core: Core, guest: Watched) -> None:
        instances = instances_of(core, [guest.program])
        inner, outer = core_views(core, instances)
        assert inner.name == "$inner"
        assert [(v.name, v.value) for v in inner.locals][:2] == [("$a", 0xFFFFFFFF), ("$b", (1 << 64) - 2)]
        assert inner.place.instr.op.mnemonic == "i32.store"
        assert outer.place.instr.op.mnemonic == "call"
        assert [label.depth for label in outer.labels] == [0]
        assert bytes(instances[0].mems[0].data[4096:4100]) == b"here"
        assert instances[0].globals[0].value == 0xFFFFFFFB

    def test_a_trap_in_a_start_function_is_of_an_instance_that_is_in_no_list(self) -> None:
        watched = Watched('(module (memory 1) (func (export "f") (unreachable)))')
        watched.fails("f")
        made = CoreDump(watched.witness, [], "", lambda program: "")
        core = read_core(b"".join(bytes(piece) for piece in made.pieces()))
        assert len(core.instances) == 1
        assert core.frames[0].instance == 0


class TestLimits:
    def test_only_the_innermost_frames_of_a_long_stack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer, "FRAMES_LIMIT", 10)
        watched = Watched('(module (func $f (export "f") (call $f)))', Limits(stack=6400))
        watched.fails("f")
        made = CoreDump(watched.witness, [watched.instance], "", lambda program: "")
        core = read_core(b"".join(bytes(piece) for piece in made.pieces()))
        assert len(core.frames) == 10
        assert made.left_out == ["90 outer frames"]

    def test_so_many_bytes_of_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer, "CONTENTS_LIMIT", 8192)
        watched = Watched(
            """(module (memory 4) (func (export "f")
                 (memory.fill (i32.const 0) (i32.const 1) (i32.const 4096))
                 (memory.fill (i32.const 100000) (i32.const 1) (i32.const 90000)) (unreachable)))"""
        )
        watched.fails("f")
        made = CoreDump(watched.witness, [watched.instance], "", lambda program: "")
        core = read_core(b"".join(bytes(piece) for piece in made.pieces()))
        assert [address for address, _ in core.memories[0].segments] == [0]
        assert made.left_out == ["94208 bytes of memory, from 0x18000 on"]

    def test_four_gibibytes_of_zeros_take_no_room(self) -> None:
        watched = Watched('(module (memory 2000) (func (export "f") (unreachable)))')
        watched.fails("f")
        assert len(dump(watched)) < 1000


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str | Path) -> tuple[int, str]:
        code = main(["run", *map(str, arguments)])
        return code, capfdbinary.readouterr().err.decode()

    return invoke


class TestCommand:
    def test_a_file_at_a_trap(self, run: Run, tmp_path: Path) -> None:
        code, err = run("-D", "coredump=core", "--invoke", "walk_out", FIXTURES / "faults.wasm", "17")
        assert code == 134
        assert err.endswith("wasm trap: out of bounds memory access\n")
        core = read_core((tmp_path / "core").read_bytes())
        assert core.executable == str(FIXTURES / "faults.wasm")
        program = load_program(fixture("faults"), ALL)
        assert [view.name for view in core_views(core, instances_of(core, [program]))] == ["$walk", "$walk_out"]

    @pytest.mark.parametrize("name", ["faults", "faults-o2"])
    def test_compiled_code_leaves_the_same_but_for_what_nobody_reads_any_more(
        self, run: Run, tmp_path: Path, name: str
    ) -> None:
        for jit in ("off", "force"):
            arguments = ("-D", f"coredump={jit}", "--invoke", "walk_out", FIXTURES / f"{name}.wasm", "17")
            run(f"--jit={jit}", *arguments)
        interpreted, compiled = (read_core((tmp_path / jit).read_bytes()) for jit in ("off", "force"))
        assert len(interpreted.frames) == len(compiled.frames) == 2
        kept = 0
        for one, other in zip(interpreted.frames, compiled.frames, strict=True):
            assert (one.func, one.offset, one.operands) == (other.func, other.offset, other.operands)
            assert None not in one.locals
            kept += sum(value is not None for value in other.locals)
            assert all(b in (a, None) for a, b in zip(one.locals, other.locals, strict=True))
        assert kept > 0
        assert interpreted.memories == compiled.memories

    def test_compiled_recursion(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "deep.wat").write_text(
            """(module (func $f (export "f") (param i32) (result i32) (local i64)
                 (i32.add (local.get 0) (call $f (i32.add (local.get 0) (i32.const 1))))))"""
        )
        code, err = run(
            "--jit=force", "-W", "max-wasm-stack=8K", "-D", "coredump=core", "--invoke", "f", "deep.wat", "0"
        )
        assert (code, err.splitlines()[-1]) == (134, "wasm trap: call stack exhausted")
        frames = read_core((tmp_path / "core").read_bytes()).frames
        assert len(frames) == 8192 // (64 + 8 * 5)
        # What is left below the call is what comes after it.
        assert [frame.operands[0] for frame in frames[1:]] == [(I32, n) for n in range(len(frames) - 2, -1, -1)]

    def test_of_several_modules(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "lib.wat").write_text(
            """(module (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 9))
                 (func (export "f") (param i32) (drop (i32.load (local.get 0)))))"""
        )
        (tmp_path / "main.wat").write_text(
            """(module (import "lib" "f" (func $f (param i32))) (import "lib" "m" (memory 1))
                 (import "lib" "g" (global (mut i32))) (memory 2)
                 (func (export "_start") (call $f (i32.const -1))))"""
        )
        code, _ = run("--preload", "lib=lib.wat", "-D", "coredump=core", "main.wat")
        assert code == 134
        core = read_core((tmp_path / "core").read_bytes())
        assert sorted(core.modules) == ["lib.wat", "main.wat"]
        assert [core.modules[core.instances[frame.instance].module] for frame in core.frames] == ["lib.wat", "main.wat"]
        # What is shared is in the file once.
        assert [memory.size for memory in core.memories] == [65536, 131072]
        assert [i.memories for i in core.instances] == [(0,), (0, 1)]
        assert [value for _, value in core.globals] == [9]

    def test_a_name_that_is_no_text(self, run: Run, tmp_path: Path) -> None:
        path = os.fsdecode(b"\xff.wat")
        (tmp_path / path).write_text('(module (func (export "_start") unreachable))')
        assert run("-D", "coredump=core", path)[0] == 134
        assert read_core((tmp_path / "core").read_bytes()).executable == "?.wat"

    def test_none_without_a_trap(self, run: Run, tmp_path: Path) -> None:
        assert run("-D", "coredump=core", "--invoke", "walk_nodes", FIXTURES / "faults.wasm")[0] == 0
        assert not (tmp_path / "core").exists()

    def test_no_room_for_it(self, run: Run) -> None:
        code, err = run("-D", "coredump=no/where", "--invoke", "walk_out", FIXTURES / "faults.wasm", "17")
        assert code == 134
        assert err.startswith("warning: no core dump: no/where: no such file or directory\n")
        assert run("-D", "coredump", "m")[0] == 2


@pytest.mark.skipif(bool(peers.missing()), reason=f"not installed: {peers.missing()}")
class TestWasmTools:
    def test_reads_it(self, data: bytes) -> None:
        assert peers.run(peers.WASM_TOOLS, "validate", "--features=all", data=data).message == ""
        text = peers.run(peers.WASM_TOOLS, "dump", data=data).output.decode()
        # The first frame's offset is that of the store in the body.
        assert "stacks: main / [CoreDumpStackFrame { instanceidx: 0, funcidx: 0, codeoffset: " in text
        assert "locals: [I32(-1), I64(-2), F32(Ieee32(1056964608)), F64(" in text
        assert "stack: [I32(99)]" in text

    def test_its_offsets_are_ours(self, guest: Watched, core: Core) -> None:
        views = core_views(core, instances_of(core, [guest.program]))
        assert [view.place.pc for view in views] == [a.pc for a in guest.witness.activations()]


class TestHostileBytes:
    def test_what_is_no_core_dump(self) -> None:
        for bytes_, message in (
            (b"", "unexpected end"),
            (b"core", "magic header not detected"),
            (fixture("faults"), "it has neither a section `core` nor `corestack`"),
        ):
            with pytest.raises(CoreError, match=message):
                read_core(bytes_)

    def test_of_a_damaged_stack_the_innermost_frames_are_left(self, data: bytes) -> None:
        stack = data.rindex(b"corestack")
        cut = read_core(data[: stack + 9] + data[stack + 9 :].replace(b"\x0b\x7e", b"\x0b\x55", 1))
        assert cut.problems
        assert "a value of unknown type 0x55" in cut.problems[0]
        assert cut.memories

    def test_truncated_and_corrupt_files_are_read_or_refused(self, guest: Watched, data: bytes) -> None:
        rng = random.Random(7)
        refused = damaged = 0
        for _ in range(400):
            changed = bytearray(data)
            # Most of a core dump is memory, where nothing can go wrong.
            for _ in range(rng.choice((1, 1, 3))):
                at = rng.randrange(200) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(300)
                changed[at] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            if rng.random() < 0.2:
                del changed[rng.randrange(len(changed)) :]
            try:
                core = read_core(bytes(changed))
                damaged += bool(core.problems)
                views = core_views(core, instances_of(core, [guest.program]))
                assert all(isinstance(view.name, str) for view in views)
            except CoreError:
                refused += 1
        assert refused > 20
        assert damaged > 20

    def test_another_module_is_refused(self, core: Core) -> None:
        with pytest.raises(CoreError, match="not of this module"):
            instances_of(core, [load_program(fixture("faults"), ALL)])
        with pytest.raises(CoreError, match="module 0, which is not given"):
            instances_of(core, [])

    def test_a_frame_in_no_function(self, data: bytes, guest: Watched) -> None:
        stack = bytearray([0])
        name(stack, "main")
        stack += b"\x01\x00\x00\x63\x00\x00\x00"
        section = bytearray()
        name(section, "corestack")
        section += stack
        whole = bytearray(data[: data.rindex(b"\x09corestack") - 2])
        whole.append(0)
        sized(whole, section)
        core = read_core(bytes(whole))
        with pytest.raises(CoreError, match="in function 99, which the module does not have"):
            core_views(core, instances_of(core, [_program(guest)]))


def _program(guest: Watched) -> Program:
    return guest.program
