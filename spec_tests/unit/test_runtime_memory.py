"""Memory instances: with a reservation of address space and without one they behave the same."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable

import pytest

from refsfi.errors import LimitError
from refsfi.runtime import memory as runtime_memory
from refsfi.runtime.memory import MemInst
from refsfi.runtime.reservation import MEMORY_RANGES, SLOT
from refsfi.syntax.types import I32, I64, Limits, MemType

PAGE = 1 << 16

Make = Callable[..., MemInst]


@pytest.fixture(params=["guarded", "refused", "64-bit"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Memories with a reservation, where none is to be had, and where none is wanted."""

    def refuse(size: int) -> None:
        raise OSError(12, "no address space")

    if request.param == "refused":
        monkeypatch.setattr(runtime_memory, "Reservation", type("Reservation", (), {"__init__": lambda *_: refuse(0)}))
    address = I64 if request.param == "64-bit" else I32

    def made(least: int, most: int | None = None, *, ceiling: int | None = None) -> MemInst:
        memory = MemInst(MemType(Limits(least, most), address), ceiling)
        assert memory.guarded is (request.param == "guarded")
        return memory

    return made


def record(memory: MemInst) -> tuple[int, int]:
    """The two words that compiled code reads."""
    base, size = (ctypes.c_uint64 * 2).from_address(memory.record)
    return base, size


@pytest.mark.parametrize(
    ("type", "guarded"),
    [
        (MemType(Limits(1, None)), True),
        (MemType(Limits(0, 0)), True),
        (MemType(Limits(1, 2), shared=True), True),
        (MemType(Limits(16, None), page_size_log2=12), True),
        (MemType(Limits(5, None), page_size_log2=0), False),
        (MemType(Limits(1, None), I64), False),
    ],
)
def test_which_memories_are_guarded(type: MemType, guarded: bool) -> None:
    memory = MemInst(type)
    assert memory.guarded is guarded
    size = type.limits.min << type.page_size_log2
    assert len(memory.data) == size
    assert record(memory) == (memory.base, size)
    if guarded:
        assert memory.base in MEMORY_RANGES
        assert memory.base + SLOT - 1 in MEMORY_RANGES


def test_bytes_and_record_are_the_same_memory(make: Make) -> None:
    memory = make(1)
    struct.pack_into("<I", memory.data, PAGE - 4, 0x01020304)
    base, size = record(memory)
    assert ctypes.string_at(base + size - 4, 4) == b"\4\3\2\1"
    ctypes.memset(base, 0x55, 2)
    assert bytes(memory.data[:3]) == b"\x55\x55\0"


def test_growing(make: Make) -> None:
    memory = make(1, 4)
    place = memory.record
    memory.data[0:2] = b"ab"
    assert memory.grow(0) == 1
    assert memory.grow(2) == 1
    assert memory.pages == memory.type.limits.min == 3
    assert bytes(memory.data[:3]) == b"ab\0"
    assert not any(memory.data[2:])
    assert memory.grow(2) is None
    assert memory.grow(1) == 3
    # Compiled code finds the record where it was, and in it what is true now.
    assert memory.record == place
    assert record(memory) == (memory.base, 4 * PAGE)
    assert ctypes.string_at(memory.base, 2) == b"ab"


def test_growing_from_nothing(make: Make) -> None:
    memory = make(0)
    assert record(memory)[1] == 0
    assert memory.grow(1) == 0
    memory.data[PAGE - 1] = 3
    assert record(memory) == (memory.base, PAGE)
    assert ctypes.string_at(memory.base + PAGE - 1, 1) == b"\3"


def test_the_ceiling(make: Make) -> None:
    with pytest.raises(LimitError, match="exceeds the limit of 65536 bytes"):
        make(2, ceiling=PAGE)
    memory = make(1, ceiling=2 * PAGE)
    assert memory.grow(2) is None
    assert memory.grow(1) == 1
    assert memory.pages == 2


def test_growth_that_is_refused_changes_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = make(1)
    memory.data[5] = 1
    before = record(memory)

    def refuse(self: object, size: int) -> None:
        raise OSError(12, "no memory")

    with monkeypatch.context() as patched:
        patched.setattr(type(memory._storage), "resize", refuse)
        assert memory.grow(1) is None
    assert record(memory) == before
    assert memory.data[5] == 1
    assert memory.grow(1) == 1


def test_views_taken_before_growing_show_the_memory(make: Make) -> None:
    memory = make(1)
    memory.data[1] = 1
    memory.pin()
    view = memoryview(memory.data)
    for _ in range(3):
        memory.grow(1)
    memory.data[2] = 2
    view[3] = 3
    assert bytes(view[:4]) == bytes(memory.data[:4]) == b"\0\1\2\3"
    assert len(view) == PAGE
    assert record(memory) == (memory.base, 4 * PAGE)


def test_a_guarded_memory_never_moves() -> None:
    memory = MemInst(MemType(Limits(1, None)))
    base, view = memory.base, memory.data
    for _ in range(20):
        memory.grow(3)
    memory.data[0] = 7
    assert (memory.base, view[0]) == (base, 7)


def test_pinned_memories_of_parent_and_child_are_apart(make: Make) -> None:
    memory = make(1)
    memory.data[0] = 1
    memory.pin()
    place = memory.record
    to_child, to_parent = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(to_child[0], 1)
        seen = memory.data[0]
        memory.data[0] = 3
        same = memory.record == place and record(memory) == (memory.base, PAGE)
        os.write(to_parent[1], bytes((seen, same, ctypes.string_at(memory.base, 1)[0])))
        os._exit(0)
    memory.data[0] = 2
    os.write(to_child[1], b"x")
    assert os.read(to_parent[0], 3) == bytes((1, True, 3))
    assert os.waitpid(pid, 0)[1] == 0
    assert memory.data[0] == 2
    for end in (*to_child, *to_parent):
        os.close(end)


def test_a_memory_that_nobody_can_have() -> None:
    with pytest.raises(LimitError, match="cannot be allocated"):
        MemInst(MemType(Limits(1 << 46, None), I64))
