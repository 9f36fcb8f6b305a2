"""`--profile=jitdump`: the file, record by record, read by a reader of its own, as tools/perf describes the format."""

from __future__ import annotations

import multiprocessing
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jit.x64.cpu import cpu
from jit.x64.encode import installed
from jit.x64.jitdump import CLOSE, DEBUG_INFO, LOAD, JitDump, Line

ROOT = Path(__file__).parent.parent.parent

needs_machine_code = pytest.mark.skipif(
    bool(cpu().reason) or installed() is None, reason="there is no machine code here: nothing is compiled to it"
)

GUEST = """(module
  (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
  (func $sum (export "sum") (param $n i32) (result i32) (local $i i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (local.get $s) (call $square (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $s)))"""


@dataclass
class Region:
    process: int
    address: int
    number: int
    name: str
    code: bytes
    # Offset -> (file, line).
    lines: dict[int, tuple[str, int]] = field(default_factory=dict)


def read(data: bytes) -> tuple[int, list[Region], bool]:
    """The process, the regions, and whether the file was closed. Everything else fails."""
    magic, version, size, machine, pad, process, _, flags = struct.unpack_from("<IIIIIIQQ", data)
    assert (magic, version, size, machine, pad, flags) == (0x4A695444, 1, 40, 62, 0, 0)
    regions: list[Region] = []
    waiting: tuple[int, dict[int, tuple[str, int]]] | None = None
    closed = False
    last = 0
    for kind, time, content in records(data, size):
        assert not closed
        assert time >= last
        last = time
        if kind == LOAD:
            pid, _, runs_at, made_at, length, number = struct.unpack_from("<IIQQQQ", content)
            assert runs_at == made_at
            name, code = content[40:].split(b"\0", 1)
            assert len(code) == length
            regions.append(Region(pid, runs_at, number, name.decode(), code))
            if waiting is not None:
                assert waiting[0] == runs_at
                regions[-1].lines = waiting[1]
                waiting = None
        elif kind == DEBUG_INFO:
            assert waiting is None
            waiting = debug_info(content)
        else:
            assert (kind, content) == (CLOSE, b"")
            closed = True
    assert waiting is None
    return process, regions, closed


def records(data: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    while at < len(data):
        kind, size, time = struct.unpack_from("<IIQ", data, at)
        assert size >= 16
        assert at + size <= len(data)
        yield kind, time, data[at + 16 : at + size]
        at += size


def debug_info(content: bytes) -> tuple[int, dict[int, tuple[str, int]]]:
    address, count = struct.unpack_from("<QQ", content)
    rest = content[16:]
    lines = {}
    for _ in range(count):
        where, line, discriminator = struct.unpack_from("<QII", rest)
        assert discriminator == 0
        name, rest = rest[16:].split(b"\0", 1)
        lines[where - address] = (name.decode(), line)
    assert rest == b""
    return address, lines


def test_what_is_written_is_read(tmp_path: Path) -> None:
    dump = JitDump(str(tmp_path))
    dump.load(0x1000, b"\x90\xc3\0", "$f", [Line(0, "a.wat", 3), Line(1, "a.wat", 4)])
    dump.load(0x2000, b"\xc3", "no lines\n\x1b", [])
    dump.close()
    dump.close()
    process, regions, closed = read((tmp_path / f"jit-{os.getpid()}.dump").read_bytes())
    assert (process, closed) == (os.getpid(), True)
    assert regions == [
        Region(process, 0x1000, 0, "$f", b"\x90\xc3\0", {0: ("a.wat", 3), 1: ("a.wat", 4)}),
        Region(process, 0x2000, 1, "no lines??", b"\xc3"),
    ]


def test_perf_can_find_the_file(tmp_path: Path) -> None:
    dump = JitDump(str(tmp_path))
    mapped = [row.split() for row in Path("/proc/self/maps").read_text().splitlines() if row.endswith(dump.path)]
    assert [row[1] for row in mapped] == ["r-xp"]
    dump.close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / f"jit-{os.getpid()}.dump").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        JitDump(str(tmp_path))
    assert victim.read_text() == "kept"


def test_a_forked_child_leaves_the_file_alone(tmp_path: Path) -> None:
    dump = JitDump(str(tmp_path))

    def child() -> None:
        dump.load(0x1000, b"\xc3", "$child", [])
        dump.close()

    forked = multiprocessing.get_context("fork").Process(target=child)
    forked.start()
    forked.join(30)
    assert forked.exitcode == 0
    dump.load(0x1000, b"\xc3", "$parent", [])
    dump.close()
    _, regions, closed = read(Path(dump.path).read_bytes())
    assert ([region.name for region in regions], closed) == (["$parent"], True)


@needs_machine_code
@pytest.mark.parametrize("binary", [False, True])
def test_regions_have_names_bytes_and_lines(tmp_path: Path, binary: bool) -> None:
    (tmp_path / "m.wat").write_text(GUEST)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    refsfi = [sys.executable, "-m", "refsfi"]
    if binary:
        subprocess.run([*refsfi, "parse", "m.wat", "-o", "m.wasm"], cwd=tmp_path, env=environment, check=True)
    command = [
        *refsfi,
        "run",
        "--jit=force",
        "--profile=jitdump",
        "--invoke",
        "sum",
        "m.wasm" if binary else "m.wat",
        "10000",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = process.communicate(timeout=120)
    assert err == ""
    assert out == "-1724114088\n"
    pid, regions, closed = read((tmp_path / f"jit-{process.pid}.dump").read_bytes())
    assert (pid, closed) == (process.pid, True)
    region = next(region for region in regions if region.name == "$sum")
    assert all(0 <= offset < len(region.code) for offset in region.lines)
    files = {file for file, _ in region.lines.values()}
    lines = {line for _, line in region.lines.values()}
    if binary:
        # Offsets of instructions.
        assert files == {"module.wasm"}
        size = (tmp_path / "m.wasm").stat().st_size
        assert all(0 < line < size for line in lines)
    else:
        assert {Path(file).name for file in files} == {"m.wat"}
        # The body of the loop; which of its lines the branch's code is said to be for is the emitter's affair.
        assert {5, 6} <= lines <= {2, 3, 4, 5, 6, 7, 8}
