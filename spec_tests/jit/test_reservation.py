"""Address space for linear memories: what is accessible, what stays, what is left behind."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import resource
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from refsfi.runtime.reservation import GUARD, MEMORY_RANGES, REACH, SLOT, Reservation
from spec_tests.jit.maps import mappings, permissions

PAGE = 1 << 16


def slot_permissions(reservation: Reservation) -> list[tuple[int, str]]:
    return permissions(reservation.base, reservation.base + SLOT)


@pytest.fixture
def forked() -> Iterator[None]:
    """A test that forks must not leave the child behind in pytest."""
    parent = os.getpid()
    yield
    if os.getpid() != parent:
        os._exit(99)


# --- what is accessible


@pytest.mark.parametrize("size", [PAGE, 3 * PAGE, 1 << 30])
def test_exactly_the_memory_is_accessible(size: int) -> None:
    memory = Reservation(size)
    assert slot_permissions(memory) == [(size, "rw-"), (SLOT - size, "---")]
    assert len(memory.buffer) == memory.size == size


def test_a_memory_of_zero_pages_is_all_guard() -> None:
    memory = Reservation(0)
    assert slot_permissions(memory) == [(SLOT, "---")]
    assert len(memory.buffer) == 0


def test_the_largest_memory_has_its_guard() -> None:
    memory = Reservation(REACH)
    assert slot_permissions(memory) == [(REACH, "rw-"), (GUARD, "---")]
    memory.buffer[-1] = 7
    assert memory.buffer[REACH - 1] == 7


def test_behind_the_last_slot_accesses_end_in_guard() -> None:
    """One that begins in the last byte of a slot's guard reaches up to 15 bytes further."""
    memory = Reservation(PAGE)
    [(_, end)] = [(base, end) for base, end in MEMORY_RANGES.ranges() if base <= memory.base < end]
    assert permissions(end - PAGE, end) == [(PAGE, "---")]
    assert (end - PAGE - memory.base) % SLOT == 0


def test_slots_do_not_overlap() -> None:
    memories = [Reservation(PAGE) for _ in range(50)]
    bases = sorted(memory.base for memory in memories)
    assert all(after - before >= SLOT for before, after in pairwise(bases))
    for number, memory in enumerate(memories):
        memory.buffer[:] = bytes((number,)) * PAGE
    assert [memory.buffer[PAGE - 1] for memory in memories] == list(range(50))


def test_the_table_of_ranges_contains_every_slot_and_nothing_else() -> None:
    memory = Reservation(PAGE)
    assert memory.base in MEMORY_RANGES
    assert memory.base + SLOT - 1 in MEMORY_RANGES
    assert ctypes.addressof(ctypes.c_int()) not in MEMORY_RANGES
    assert 0 not in MEMORY_RANGES
    count = ctypes.c_uint64.from_address(MEMORY_RANGES.address).value
    native = (ctypes.c_uint64 * (2 * count)).from_address(MEMORY_RANGES.address + 8)
    assert list(zip(native[::2], native[1::2])) == MEMORY_RANGES.ranges()


def test_the_buffer_works_with_struct_and_slices() -> None:
    memory = Reservation(PAGE)
    buffer = memory.buffer
    struct.pack_into("<Q", buffer, PAGE - 8, 0x0123456789ABCDEF)
    assert struct.unpack_from("<I", buffer, PAGE - 4) == (0x01234567,)
    assert buffer[PAGE - 8] == 0xEF
    buffer[0:3] = b"abc"
    assert bytes(buffer[:4]) == b"abc\0"
    assert ctypes.string_at(memory.base, 4) == b"abc\0"
    with pytest.raises(struct.error):
        struct.unpack_from("<I", buffer, PAGE - 3)
    with pytest.raises(struct.error):
        struct.pack_into("<I", buffer, PAGE - 3, 0)
    for index in (PAGE, 1 << 40, 1 << 70):
        with pytest.raises(IndexError):
            buffer[index]


def test_overlapping_copies_are_moves() -> None:
    buffer = Reservation(PAGE).buffer
    buffer[:6] = b"abcdef"
    buffer[2:6] = buffer[0:4]
    assert bytes(buffer[:6]) == b"ababcd"
    buffer[0:4] = buffer[2:6]
    assert bytes(buffer[:6]) == b"abcdcd"


@pytest.mark.parametrize("size", [-PAGE, 1, mmap.PAGESIZE + 1, REACH + PAGE])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="not a size of a reservation"):
        Reservation(size)


# --- growing


def test_growing_moves_nothing_and_adds_zeros() -> None:
    memory = Reservation(PAGE)
    base, before = memory.base, memory.buffer
    before[:3] = b"old"
    memory.resize(3 * PAGE)
    assert memory.base == base
    assert bytes(memory.buffer[:3]) == b"old"
    assert not any(memory.buffer[PAGE:])
    assert slot_permissions(memory) == [(3 * PAGE, "rw-"), (SLOT - 3 * PAGE, "---")]
    # The view of before sees what is written now, as far as it reached.
    memory.buffer[1] = ord("i")
    assert bytes(before[:3]) == b"oid"
    assert len(before) == PAGE


def test_growing_from_nothing() -> None:
    memory = Reservation(0)
    memory.resize(PAGE)
    memory.buffer[PAGE - 1] = 1
    assert slot_permissions(memory) == [(PAGE, "rw-"), (SLOT - PAGE, "---")]


def test_growing_by_nothing_and_shrinking() -> None:
    memory = Reservation(2 * PAGE)
    memory.resize(2 * PAGE)
    with pytest.raises(ValueError, match="cannot shrink"):
        memory.resize(PAGE)
    assert memory.size == 2 * PAGE


def test_growth_that_the_kernel_refuses_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Reservation(PAGE)

    def refuse(start: int, end: int) -> None:
        raise OSError(12, "no")

    monkeypatch.setattr(memory._tenancy.pool, "open", refuse)
    with pytest.raises(OSError, match="no"):
        memory.resize(2 * PAGE)
    monkeypatch.undo()
    assert memory.size == PAGE
    memory.resize(2 * PAGE)
    assert memory.size == 2 * PAGE


# --- the end of a tenancy (CVE-2022-39393, CVE-2026-34988: a reused slot kept the old image or the old permissions)


def reused(base: int, size: int) -> Reservation:
    """A new reservation, at a slot that was just freed."""
    kept = []
    for _ in range(100_000):
        memory = Reservation(size)
        if memory.base == base:
            return memory
        kept.append(memory)
    raise RuntimeError("the slot is not used again")


@pytest.mark.parametrize("after", [0, PAGE, 4 * PAGE])
def test_a_reused_slot_keeps_neither_bytes_nor_permissions(after: int) -> None:
    memory = Reservation(2 * PAGE)
    memory.resize(3 * PAGE)
    memory.buffer[:] = b"\xa5" * (3 * PAGE)
    base = memory.base
    del memory
    gc.collect()
    assert permissions(base, base + SLOT) == [(SLOT, "---")]
    memory = reused(base, after)
    assert slot_permissions(memory) == [run for run in ((after, "rw-"), (SLOT - after, "---")) if run[0]]
    memory.resize(5 * PAGE)
    assert not any(memory.buffer)


def test_a_slot_is_not_reused_while_a_view_lives() -> None:
    memory = Reservation(PAGE)
    base = memory.base
    view = memoryview(memory.buffer)[10:20]
    view[0] = 5
    memory.release()
    assert memory.size == 0
    others = [Reservation(PAGE) for _ in range(100)]
    assert base not in [other.base for other in others]
    assert view[0] == 5
    assert permissions(base, base + SLOT) == [(PAGE, "rw-"), (SLOT - PAGE, "---")]
    del view
    assert permissions(base, base + SLOT) == [(SLOT, "---")]


@pytest.mark.parametrize("make", ["memoryview(b)", "(ctypes.c_ubyte * 8).from_buffer(b)", "numpy.frombuffer(b, 'u8')"])
def test_views_of_every_kind_keep_the_slot(make: str) -> None:
    numpy = pytest.importorskip("numpy")
    memory = Reservation(PAGE)
    base = memory.base
    view = eval(make, {"ctypes": ctypes, "numpy": numpy, "b": memory.buffer})
    del memory
    gc.collect()
    assert permissions(base, base + SLOT)[0] == (PAGE, "rw-")
    del view
    gc.collect()
    assert permissions(base, base + SLOT) == [(SLOT, "---")]


def test_a_released_reservation_does_not_grow() -> None:
    memory = Reservation(PAGE)
    memory.release()
    memory.release()
    with pytest.raises(ValueError, match="released"):
        memory.resize(PAGE)


def test_a_slot_that_cannot_be_cleaned_is_cleaned_before_it_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Reservation(PAGE)
    memory.buffer[0] = 1
    base, pool = memory.base, memory._tenancy.pool
    real = pool._map

    def refuse(address: int | None, size: int, flags: int) -> int:
        raise OSError(12, "too many mappings")

    monkeypatch.setattr(pool, "_map", refuse)
    memory.release()
    assert base not in pool._free
    monkeypatch.setattr(pool, "_map", real)
    monkeypatch.setattr(pool, "_free", [])
    memory = Reservation(PAGE)
    assert memory.base == base
    assert not any(memory.buffer)
    assert slot_permissions(memory) == [(PAGE, "rw-"), (SLOT - PAGE, "---")]


# --- processes and threads


def test_a_child_has_its_own_copy(forked: None) -> None:
    memory = Reservation(PAGE)
    memory.buffer[0] = 1
    to_child, to_parent = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(to_child[0], 1)
        seen = memory.buffer[0]
        memory.buffer[0] = 3
        memory.resize(2 * PAGE)
        memory.buffer[2 * PAGE - 1] = 4
        other = Reservation(PAGE)
        fresh = not any(other.buffer) and other.base != memory.base
        os.write(to_parent[1], bytes((seen, memory.buffer[0], fresh)))
        os._exit(0)
    memory.buffer[0] = 2
    os.write(to_child[1], b"x")
    assert os.read(to_parent[0], 3) == bytes((1, 3, True))
    assert os.waitpid(pid, 0)[1] == 0
    assert memory.buffer[0] == 2
    assert memory.size == PAGE
    for end in (*to_child, *to_parent):
        os.close(end)


def test_threads_get_slots_of_their_own() -> None:
    bases: list[int] = []
    memories: list[Reservation] = []

    def work() -> None:
        for _ in range(300):
            Reservation(PAGE).buffer[0] = 1
            memory = Reservation(PAGE)
            assert memory.buffer[0] == 0
            memory.buffer[0] = 1
            memories.append(memory)
            bases.append(memory.base)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memories) == len(set(bases)) == 8 * 300


def in_process(code: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("limit", "count"),
    # No more than half of the limit goes to memories: none, one, and three of six gigabytes each.
    [(4 << 30, 0), (14 << 30, 1), (40 << 30, 3)],
)
def test_a_limit_of_address_space(limit: int, count: int) -> None:
    printed = in_process(f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
        from refsfi.runtime.reservation import Reservation
        kept = []
        try:
            while True:
                kept.append(Reservation(65536))
        except OSError as error:
            print(len(kept), error)
        # The rest of the process goes on, and a slot that comes back is had again.
        if kept:
            del kept[0]
            kept.append(Reservation(65536))
        bytearray(1 << 28)
    """)
    assert printed.split()[0] == str(count)
    assert "RLIMIT_AS" in printed


def test_ten_thousand_memories(capsys: pytest.CaptureFixture[str]) -> None:
    """The kernel's limit of mappings (65,530) is for the whole process: a memory takes two."""
    before = len(mappings())
    started = time.perf_counter()
    memories = [Reservation(PAGE) for _ in range(10_000)]
    made = time.perf_counter()
    for memory in memories:
        memory.buffer[0] = 1
    touched = time.perf_counter()
    during = len(mappings())
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    freeing = time.perf_counter()
    del memories, memory
    freed = time.perf_counter()
    after = len(mappings())
    with capsys.disabled():
        print(
            f"\n10,000 memories: made in {(made - started) * 1e3:.0f} ms, first written in"
            f" {(touched - made) * 1e3:.0f} ms, freed in {(freed - freeing) * 1e3:.0f} ms;"
            f" mappings {before} -> {during} -> {after}; peak {resident >> 10} MiB"
        )
    assert during - before <= 2 * 10_000 + 100
    assert after - before <= 100
