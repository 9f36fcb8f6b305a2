"""Executable memory: never writable and executable, blocks that do not overlap, and forks."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from jit.x64.codememory import CODE_RANGES, Block, CodeMemory, CodeMemoryFull, CodeMemoryRefused
from jit.x64.extents import Extents
from jit.x64.libc import ffi
from jit.x64.perfmap import describe
from refsfi.runtime.ranges import RangeTable
from spec_tests.jit.maps import mappings, permissions

SIZE = 1 << 20

# mov eax, imm32; ret — the constant begins at its second byte.
RETURN = b"\xb8%b\xc3"


def returning(value: int) -> bytes:
    return RETURN % value.to_bytes(4, "little")


def call(block: Block, at: int = 0) -> int:
    return int(ffi.cast("uint32_t (*)(void)", block.address + at)())


@pytest.fixture
def memory() -> CodeMemory:
    return CodeMemory(SIZE)


@pytest.fixture
def forked() -> Iterator[None]:
    """A test that forks must not leave the child behind in pytest."""
    parent = os.getpid()
    yield
    if os.getpid() != parent:
        os._exit(99)


# --- protection


def test_code_is_executed_where_it_was_not_written(memory: CodeMemory) -> None:
    block = memory.allocate(6)
    block.write(returning(42))
    assert call(block) == 42
    block.write(returning(43))
    assert call(block) == 43
    assert block.read()[:6] == returning(43)


def test_one_mapping_to_write_and_one_to_execute(memory: CodeMemory) -> None:
    memory.allocate(100).write(returning(1))
    assert permissions(memory.base, memory.base + SIZE) == [(SIZE, "r-x")]
    views = [m for m in mappings() if "refsfi-code" in m.name]
    assert {m.permissions for m in views} == {"r-xs", "rw-s"}


def unsafe() -> list[int]:
    """Where mappings begin that can be written and executed. Others have such: callbacks of ctypes."""
    return [m.start for m in mappings() if "w" in m.permissions and "x" in m.permissions]


def test_nothing_becomes_writable_and_executable() -> None:
    before = unsafe()
    memory = CodeMemory(SIZE)
    block = memory.allocate(100)
    block.write(returning(1))
    assert call(block) == 1
    assert unsafe() == before


def test_no_descriptor_is_kept() -> None:
    before = len(os.listdir("/proc/self/fd"))
    memories = [CodeMemory(SIZE) for _ in range(3)]
    assert len(os.listdir("/proc/self/fd")) == before
    del memories


def test_it_is_announced_as_long_as_it_lives() -> None:
    table = RangeTable(2)
    memory = CodeMemory(SIZE, ranges=table)
    base = memory.base
    assert table.ranges() == [(base, base + SIZE)]
    assert [base in table, base + SIZE - 1 in table, base + SIZE in table, base - 1 in table] == [1, 1, 0, 0]
    assert [base in memory, base + SIZE in memory] == [True, False]
    assert CodeMemory(SIZE, ranges=None).base not in table
    del memory
    assert table.ranges() == []
    assert base not in table
    assert permissions(base, base + SIZE) == [(SIZE, "unmapped")]


def test_a_full_table_of_ranges_is_a_refusal() -> None:
    table = RangeTable(1)
    memory = CodeMemory(SIZE, ranges=table)
    with pytest.raises(CodeMemoryRefused, match="no executable memory: the table of 1 address ranges is full"):
        CodeMemory(SIZE, ranges=table)
    assert table.ranges() == [(memory.base, memory.base + SIZE)]


def test_the_usual_memory_is_among_the_ranges_of_guests_code(memory: CodeMemory) -> None:
    assert (memory.base, memory.base + SIZE) in CODE_RANGES.ranges()


# --- blocks


def test_blocks_are_whole_cache_lines(memory: CodeMemory) -> None:
    blocks = [memory.allocate(size) for size in (1, 64, 65, 0)]
    assert [block.size for block in blocks] == [64, 64, 128, 64]
    assert all(block.address % 64 == 0 for block in blocks)
    assert memory.in_use == 320
    for block in blocks:
        block.free()
    assert memory.in_use == 0


def test_writing_outside_of_a_block_is_refused(memory: CodeMemory) -> None:
    block = memory.allocate(64)
    for at, size in ((0, 65), (60, 5), (-1, 1), (64, 1)):
        with pytest.raises(ValueError, match="do not fit a block of 64"):
            block.write(bytes(size), at)
    block.write(b"", 64)
    with pytest.raises(ValueError, match="do not fit"):
        block.patch(64, 0)
    block.free()
    block.free()
    for use in (lambda: block.write(b"x"), lambda: block.patch(0, 0), block.read):
        with pytest.raises(ValueError, match="has been freed"):
            use()
    assert memory.in_use == 0


def test_patching(memory: CodeMemory) -> None:
    block = memory.allocate(64)
    # Three no-operations put the constant at an offset that one store can replace.
    block.write(b"\x90" * 3 + returning(1))
    assert call(block) == 1
    block.patch(4, 0xFFFFFFFE)
    assert call(block) == 0xFFFFFFFE
    block.patch(4, -3)
    assert call(block) == 0xFFFFFFFD
    with pytest.raises(ValueError, match="not a multiple of 4"):
        block.patch(5, 0)


def test_a_freed_block_traps_instead_of_running_on(memory: CodeMemory) -> None:
    block, neighbour = memory.allocate(64), memory.allocate(64)
    block.write(returning(1))
    neighbour.write(returning(2))
    address = block.address
    block.free()
    assert memory.in_use == 64
    assert bytes(ffi.buffer(ffi.cast("char *", address), 64)) == b"\xcc" * 64
    assert call(neighbour) == 2


def test_the_limit(memory: CodeMemory) -> None:
    small = CodeMemory(SIZE, limit=256)
    blocks = [small.allocate(64) for _ in range(4)]
    with pytest.raises(CodeMemoryFull, match="64 bytes of code do not fit: 256 of 256 are in use"):
        small.allocate(1)
    blocks[1].free()
    small.allocate(1)
    with pytest.raises(CodeMemoryFull):
        memory.allocate(SIZE + 1)
    whole = memory.allocate(SIZE)
    with pytest.raises(CodeMemoryFull):
        memory.allocate(1)
    whole.free()
    assert memory.allocate(SIZE).size == SIZE


def file_bytes() -> int:
    """Memory that the files of code take."""
    total = 0
    rows = Path("/proc/self/smaps").read_text().split("\n")
    inside = False
    for row in rows:
        if "-" in row.split(" ")[0]:
            inside = "refsfi-code" in row and " rw-s " in row
        elif inside and row.startswith("Rss:"):
            total += int(row.split()[1]) << 10
    return total


def test_large_blocks_return_their_pages(memory: CodeMemory) -> None:
    before = file_bytes()
    first = memory.allocate(64)
    first.write(returning(1))
    large = memory.allocate(1 << 19)
    last = memory.allocate(64)
    last.write(returning(2))
    large.write(b"\x90" * (1 << 19))
    start = large.address
    assert file_bytes() - before > 1 << 19
    large.free()
    assert file_bytes() - before <= 3 << 12
    # What shares its first and last page with neighbours leaves no code behind, and the neighbours are whole.
    left = bytes(ffi.buffer(ffi.cast("char *", start), 1 << 19))
    assert set(left) <= {0x00, 0xCC}
    assert (call(first), call(last)) == (1, 2)


def test_blocks_against_a_model() -> None:
    """Random blocks taken and given back: they never overlap, keep their bytes, and all of it is free in the end."""
    memory = CodeMemory(SIZE)
    choose = random.Random(4)
    live: dict[Block, bytes] = {}
    for step in range(4000):
        if live and (choose.random() < 0.5 or len(live) > 200):
            block = choose.choice(list(live))
            assert block.read() == live.pop(block)
            block.free()
            continue
        try:
            block = memory.allocate(choose.choice((1, 64, 100, 1000, 5000, 70000)))
        except CodeMemoryFull:
            continue
        live[block] = choose.randbytes(block.size)
        block.write(live[block])
        assert memory.in_use == sum(other.size for other in live)
        if step % 500 == 0:
            places = sorted((other.address, other.address + other.size) for other in live)
            assert all(end <= start for (_, end), (start, _) in pairwise(places))
    for block in live:
        block.free()
    assert memory.in_use == 0
    assert memory.allocate(SIZE).size == SIZE


def test_free_extents_merge_with_both_neighbours() -> None:
    extents = Extents(100)
    starts = [extents.take(10) for _ in range(10)]
    assert starts == list(range(0, 100, 10))
    assert extents.take(1) is None
    for start in (10, 30, 20):
        extents.give(start, 10)
    assert extents.free == 30
    assert list(extents.taken()) == [(0, 10), (40, 100)]
    assert extents.take(30) == 10
    extents.give(10, 30)
    extents.give(0, 10)
    extents.give(90, 10)
    assert list(extents.taken()) == [(40, 90)]
    # The smallest that suffices.
    assert extents.take(10) == 90


def test_blocks_are_freed_by_finalisers_in_the_midst_of_allocation(memory: CodeMemory) -> None:
    """A garbage collection can run anywhere, and what it frees waits until the memory is consistent."""
    from jit.x64 import codememory

    block = memory.allocate(64)
    with codememory._lock:
        block.free()  # does not wait
    assert memory.in_use == 0


def test_threads_do_not_get_the_same_block(memory: CodeMemory) -> None:
    failures: list[int] = []

    def work(number: int) -> None:
        for turn in range(300):
            block = memory.allocate(64)
            block.write(returning(number * 1000 + turn))
            if call(block) != number * 1000 + turn:
                failures.append(number)
            block.free()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert memory.in_use == 0


# --- processes


def test_parent_and_child_do_not_see_each_others_code(memory: CodeMemory, forked: None) -> None:
    block = memory.allocate(64)
    block.write(returning(1))
    to_child, to_parent = os.pipe(), os.pipe()
    before = unsafe()
    pid = os.fork()
    if pid == 0:
        os.read(to_child[0], 1)
        seen = call(block)
        block.write(returning(3))
        fresh = memory.allocate(64)
        fresh.write(returning(4))
        safe = unsafe() == before
        os.write(to_parent[1], bytes((seen, call(block), call(fresh), safe)))
        os._exit(0)
    block.write(returning(2))
    mine = memory.allocate(64)
    mine.write(returning(5))
    os.write(to_child[1], b"x")
    # The child executes what there was at the fork, at the same address, and its writing is not seen here.
    assert os.read(to_parent[0], 4) == bytes((1, 3, 4, True))
    assert os.waitpid(pid, 0)[1] == 0
    assert (call(block), call(mine)) == (2, 5)
    for end in (*to_child, *to_parent):
        os.close(end)


def test_a_block_freed_by_the_parent_stays_executable_in_the_child(memory: CodeMemory, forked: None) -> None:
    block = memory.allocate(1 << 17)
    block.write(returning(7))
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(go[0], 1)
        os._exit(call(block))
    block.free()
    assert memory.allocate(1 << 17).address > 0
    os.write(go[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    for end in (*ready, *go):
        os.close(end)


def test_forks_leave_no_descriptors_and_no_lock_behind(memory: CodeMemory, forked: None) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            code = memory.allocate(64)
            code.write(returning(len(os.listdir("/proc/self/fd")) - before))
            os._exit(call(code))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(os.listdir("/proc/self/fd")) == before
    memory.allocate(64)


def test_without_a_copy_the_child_neither_writes_nor_executes(
    memory: CodeMemory, forked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jit.x64 import codememory

    def refuse(size: int) -> int:
        raise OSError(errno.ENOMEM, "no memory")

    block = memory.allocate(64)
    block.write(returning(1))
    monkeypatch.setattr(codememory, "_file", refuse)
    pid = os.fork()
    if pid == 0:
        try:
            memory.allocate(64)
        except CodeMemoryRefused:
            os._exit(5 if permissions(memory.base, memory.base + SIZE) == [(SIZE, "---")] else 6)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    assert call(block) == 1


# --- refusals


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOMEM])
def test_refused_executable_memory_is_one_clear_error(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from jit.x64 import codememory

    real = codememory._map

    def refuse(file: int, size: int, protection: int, over: int | None = None) -> int:
        if protection & 4:
            raise OSError(number, os.strerror(number))
        return real(file, size, protection, over)

    monkeypatch.setattr(codememory, "_map", refuse)
    before = len(mappings()), len(os.listdir("/proc/self/fd"))
    with pytest.raises(CodeMemoryRefused, match="no executable memory") as caught:
        CodeMemory(SIZE)
    assert caught.value.errno == number
    del caught
    assert (len(mappings()), len(os.listdir("/proc/self/fd"))) == before


def test_a_process_without_address_space_is_refused() -> None:
    """A real refusal: RLIMIT_AS leaves room for one of the two mappings."""
    code = """
        import resource
        from jit.x64.codememory import CodeMemory, CodeMemoryRefused
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + (320 << 20), -1))
        try:
            CodeMemory()
        except CodeMemoryRefused as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "no executable memory" in done.stdout, done.stderr


# --- perf


def test_lines_for_perf(memory: CodeMemory) -> None:
    path = Path(f"/tmp/perf-{os.getpid()}.map")
    block = memory.allocate(64)
    try:
        describe(block.address, block.size, "trace 1 of\nfib")
        describe(0x10, 3, "λ")
        assert path.read_text() == f"{block.address:x} 40 trace 1 of fib\n10 3 λ\n"
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        path.unlink(missing_ok=True)


def test_a_link_in_place_of_the_perf_map_is_not_followed(tmp_path: Path) -> None:
    path = Path(f"/tmp/perf-{os.getpid()}.map")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path.symlink_to(victim)
    try:
        with pytest.raises(OSError, match="perf"):
            describe(0x10, 3, "x")
        assert victim.read_text() == "mine"
    finally:
        path.unlink()
