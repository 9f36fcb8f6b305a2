"""Memories as sequences of bytes, and views of them that last."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np
import pytest

import refsfi
from spec_tests.api.support import exports, store_of

TEXT = """(module (memory (export "m") 1 4) (data (i32.const 0) "abcdef")
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0))))"""


class Guest:
    def __init__(self) -> None:
        self.store = store_of()
        self.exports = exports(self.store, TEXT)
        self.memory: refsfi.Memory = self.exports["m"]

    def call(self, name: str, *arguments: int) -> Any:
        return self.exports[name](self.store, *arguments)


def test_items_and_slices() -> None:
    memory = Guest().memory
    assert len(memory) == 65536
    assert memory[0] == ord("a")
    assert memory[-65536] == ord("a")
    assert memory[1:4] == b"bcd"
    assert memory[0:6:2] == b"ace"
    memory[0] = 0x41
    memory[1:4] = b"123"
    memory[-2:] = bytearray(b"zz")
    assert memory[:6] == b"A123ef"
    assert memory[65533:] == b"\0zz"


def test_a_slice_takes_whatever_has_bytes() -> None:
    guest = Guest()
    guest.memory[0:3] = memoryview(b"xyz")
    guest.memory[8:24] = np.arange(4, dtype="<u4")
    assert guest.memory[:3] == b"xyz"
    assert guest.memory[8:24] == bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])


@pytest.mark.parametrize("key", [65536, -65537, 1 << 40])
def test_an_item_outside_is_an_index_error(key: int) -> None:
    memory = Guest().memory
    with pytest.raises(IndexError):
        memory[key]
    with pytest.raises(IndexError):
        memory[key] = 1


def test_a_memory_does_not_change_its_length() -> None:
    memory = Guest().memory
    for data in (b"", b"12", b"1234"):
        with pytest.raises(ValueError, match="as many bytes"):
            memory[0:3] = data
    with pytest.raises(ValueError, match="as many bytes"):
        memory[65535:] = b"12"
    assert memory[:6] == b"abcdef"


def test_a_byte_is_a_byte() -> None:
    memory = Guest().memory
    with pytest.raises(ValueError, match="range"):
        memory[0] = 256


def test_a_memory_keeps_its_store() -> None:
    memory = Guest().memory
    gc.collect()
    memory[0] = 1
    assert memory[0] == 1


def views(guest: Guest) -> dict[str, Any]:
    store, memory = guest.store, guest.memory
    return {
        "memoryview": memory.view(store),
        "numpy": memory.numpy(store),
        "ctypes": memory.get_buffer_ptr(store),
        "pointer": memory.data_ptr(store),
        "numpy of ctypes": np.frombuffer(memory.get_buffer_ptr(store), np.uint8),
    }


def test_views_show_what_the_guest_does_and_the_reverse() -> None:
    guest = Guest()
    for number, (name, view) in enumerate(views(guest).items()):
        guest.call("set", 10, 100 + number)
        assert view[10] == 100 + number, name
        view[11] = number
        assert guest.call("get", 11) == number, name


def test_views_go_on_when_the_guest_grows_its_memory() -> None:
    guest = Guest()
    before = views(guest)
    assert guest.call("grow", 1) == 1
    assert guest.call("grow", 1) == 2
    for number, (name, view) in enumerate(before.items()):
        guest.call("set", 20, 50 + number)
        assert view[20] == 50 + number, name
        view[21] = number
        assert guest.call("get", 21) == number, name
    assert len(before["numpy"]) == 65536
    assert len(guest.memory.numpy(guest.store)) == 3 * 65536


def test_views_go_on_when_the_host_grows_the_memory() -> None:
    guest = Guest()
    array = guest.memory.numpy(guest.store)
    assert guest.memory.grow(guest.store, 2) == 1
    guest.memory[5:6] = b"!"
    assert array[5] == ord("!")


def test_views_outlive_the_store() -> None:
    guest = Guest()
    found = views(guest)
    guest.store.close()
    for name, view in found.items():
        assert view[0] == ord("a"), name
        view[0] = ord("a")
    with pytest.raises(ValueError, match="closed"):
        guest.memory[0]


def test_arrays_of_other_types() -> None:
    guest = Guest()
    store, memory = guest.store, guest.memory
    memory[16:24] = np.array([1.5], "<f8").tobytes()
    assert memory.numpy(store, "<f8", 16, 1)[0] == 1.5
    assert memory.numpy(store, np.uint32).shape == (16384,)
    assert memory.numpy(store, "<u2", 65532).shape == (2,)
    assert memory.numpy(store, "u1", 65536).shape == (0,)
    assert memory.numpy(store, "u1", 3, 0).shape == (0,)
    for offset, count in ((-1, 1), (65537, 0), (65533, 4)):
        with pytest.raises(ValueError, match=r"offset|buffer"):
            memory.numpy(store, "u1", offset, count)


def test_an_empty_memory_has_empty_views() -> None:
    store = store_of()
    memory = exports(store, '(module (memory (export "m") 0 1))')["m"]
    assert (len(memory), memory[:], len(memory.view(store)), memory.numpy(store).shape) == (0, b"", 0, (0,))


def test_a_buffer_within_bounds_only() -> None:
    guest = Guest()
    for size, offset in ((1, 65536), (65537, 0), (None, 65537), (1, -1)):
        with pytest.raises(ValueError, match=r"offset|[Bb]uffer"):
            guest.memory.get_buffer_ptr(guest.store, size, offset)
    assert isinstance(guest.memory.get_buffer_ptr(guest.store, 3), ctypes.Array)


def test_a_shared_memory_is_grown_under_a_view() -> None:
    config = refsfi.Config()
    config.shared_memory = True
    memory = refsfi.SharedMemory(refsfi.Engine(config), refsfi.MemoryType(refsfi.Limits(1, 3), shared=True))
    view = memory.view()
    assert memory.grow(1) == 1
    view[7] = 9
    assert memory.view()[7] == 9
    assert memory.data_ptr()[7] == 9
    assert (memory.size(), memory.data_len()) == (2, 131072)


def test_memories_of_single_bytes() -> None:
    store = store_of(wasm_custom_page_sizes=True)
    memory = exports(store, '(module (memory (export "m") 10 20 (pagesize 1)))')["m"]
    assert (memory.size(store), memory.page_size(store), memory.page_size_log2(store)) == (10, 1, 0)
    memory[9:] = b"x"
    view = memory.view(store)
    assert memory.grow(store, 5) == 10
    view[0] = 1
    assert memory[:] == b"\1" + bytes(8) + b"x" + bytes(5)
