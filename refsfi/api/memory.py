"""Memories, of one store or shared between threads, and views of their bytes."""

from __future__ import annotations

import ctypes
from importlib import import_module
from typing import TYPE_CHECKING, Any

from refsfi.api.context import Context
from refsfi.api.convert import wrong_store
from refsfi.api.engine import Engine
from refsfi.api.errors import WasmtimeError
from refsfi.api.managed import Managed
from refsfi.api.types import MemoryType
from refsfi.errors import LimitError
from refsfi.runtime.memory import Buffer, MemInst

if TYPE_CHECKING:
    import numpy

    from refsfi.api.store import AsStore

__all__ = ["Memory", "SharedMemory"]


class Memory:
    """A linear memory. Sizes are in pages where they come from `size` or `grow`, else in bytes.

    `memory[i]`, `memory[a:b]`, `memory[i] = byte`, `memory[a:b] = data` and `len(memory)` work as on a bytearray that
    cannot change its length; the store need not be named, as a memory knows it.

    Views (`view`, `numpy`, `get_buffer_ptr`, `data_ptr`) copy nothing. One that was taken before the memory grew goes
    on showing, and changing, the same memory; it only ends where memory ended then. Take a new one to see the rest.
    """

    __slots__ = ("__weakref__", "_context", "_mem", "_store")

    _context: Context
    _mem: MemInst
    # Keeps the store, as the bytes can be used without naming it.
    _store: object

    def __init__(self, store: AsStore, ty: MemoryType) -> None:
        context = store._context
        type = ty._type
        ty._check_open()
        if type.shared:
            raise WasmtimeError("shared memories must be created through `SharedMemory`")
        self._context = context
        self._store = context.handle()
        context.check_thread()
        context.count(0, 0, 1)
        self._mem = _create(type, context.limits.memory)

    @classmethod
    def _of(cls, context: Context, mem: MemInst) -> Memory:
        made = cls.__new__(cls)
        made._context = context
        made._store = context.handle()
        made._mem = mem
        return made

    def _checked(self, store: AsStore) -> MemInst:
        context = store._context
        if context is not self._context:
            raise wrong_store()
        if context.owner is not None:
            context.check_thread()
        return self._mem

    @property
    def _data(self) -> Buffer:
        context = self._context
        if context.released:
            raise ValueError("the store of this memory is closed")
        if context.owner is not None:
            context.check_thread()
        return self._mem.data

    def type(self, store: AsStore) -> MemoryType:
        """As it was declared, whatever its size is now."""
        return MemoryType._of(self._checked(store).declared)

    def size(self, store: AsStore) -> int:
        """In pages."""
        return self._checked(store).pages

    def data_len(self, store: AsStore) -> int:
        """In bytes."""
        return len(self._checked(store).data)

    def page_size(self, store: AsStore) -> int:
        """In bytes."""
        return 1 << self._checked(store).type.page_size_log2

    def page_size_log2(self, store: AsStore) -> int:
        return self._checked(store).type.page_size_log2

    def grow(self, store: AsStore, delta: int) -> int:
        """Add `delta` pages of zeros; the old size in pages. WasmtimeError where type, limits or machine forbid it."""
        return _grow(self._checked(store), delta)

    # --- copies

    def read(self, store: AsStore, start: int | None = 0, stop: int | None = None) -> bytearray:
        """A copy of the bytes from `start` to before `stop`, with the rules of slices: negative positions count from
        the end, and what lies outside is left out."""
        return bytearray(self._checked(store).data[start:stop])

    def write(self, store: AsStore, value: bytes | bytearray | memoryview, start: int | None = None) -> int:
        """Copy bytes into memory from `start` (0) on; how many. A negative start counts from the end. IndexError, and
        nothing written, where they do not fit."""
        data = self._checked(store).data
        if not isinstance(value, bytes | bytearray):
            if isinstance(value, int):
                raise TypeError("expected bytes, not an int")
            value = bytearray(value)
        size = len(data)
        at = slice(start, None).indices(size)[0]
        if at >= size or at + len(value) > size:
            raise IndexError("index out of range")
        data[at : at + len(value)] = value
        return len(value)

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, key: int | slice) -> Any:
        data = self._data
        return bytes(data[key]) if isinstance(key, slice) else data[key]

    def __setitem__(self, key: int | slice, value: Any) -> None:
        data = self._data
        if isinstance(key, slice):
            if not isinstance(value, bytes | bytearray):
                value = memoryview(value).cast("B")
            if len(range(*key.indices(len(data)))) != len(value):
                raise ValueError("a memory's slice can only be replaced by as many bytes")
        elif not -len(data) <= key < len(data):
            raise IndexError("index out of range")
        elif not 0 <= value <= 0xFF:
            raise ValueError("a byte must be in range(0, 256)")
        data[key] = value

    # --- views

    def view(self, store: AsStore) -> memoryview:
        """The bytes themselves."""
        return memoryview(_pinned(self._checked(store)).data)

    def numpy(self, store: AsStore, dtype: Any = "uint8", offset: int = 0, count: int = -1) -> numpy.ndarray[Any, Any]:
        """The bytes from `offset` on as a writable array of `count` elements (-1: as many as there are), shape
        (count,). ValueError where they do not fit."""
        np = import_module("numpy")
        data = _pinned(self._checked(store)).data
        type = np.dtype(dtype)
        if not 0 <= offset <= len(data):
            raise ValueError(f"offset must be within memory, 0 to {len(data)}")
        if count < 0:
            count = (len(data) - offset) // type.itemsize
        if count == 0:
            return np.empty(0, type)  # type: ignore[no-any-return]
        return np.frombuffer(data, type, count, offset)  # type: ignore[no-any-return]

    def get_buffer_ptr(self, store: AsStore, size: int | None = None, offset: int = 0) -> ctypes.Array[ctypes.c_ubyte]:
        """`size` bytes (all) from `offset` on as a ctypes array. ValueError where they do not fit."""
        data = _pinned(self._checked(store)).data
        if not 0 <= offset <= len(data):
            raise ValueError(f"offset must be within memory, 0 to {len(data)}")
        return (ctypes.c_ubyte * (len(data) - offset if size is None else size)).from_buffer(data, offset)

    def data_ptr(self, store: AsStore) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A pointer to the first byte. Nothing checks what is done through it; beyond memory the process may crash."""
        return _pointer(self._checked(store))


def _create(type: Any, ceiling: int | None) -> MemInst:
    if ceiling is not None and type.limits.min << type.page_size_log2 > ceiling:
        raise WasmtimeError(f"memory minimum size of {type.limits.min} pages exceeds memory limits")
    try:
        return MemInst(type, ceiling)
    except LimitError as error:
        raise WasmtimeError(str(error)) from error


def _grow(mem: MemInst, delta: int) -> int:
    if not isinstance(delta, int):
        raise TypeError(f"expected an int, not {delta!r}")
    if delta < 0:
        raise WasmtimeError("cannot grow by negative amount")
    old = mem.grow(delta)
    if old is None:
        raise WasmtimeError(f"failed to grow memory by `{delta}`")
    return old


def _pinned(mem: MemInst) -> MemInst:
    try:
        mem.pin()
    except OSError as error:
        raise WasmtimeError(f"no view of the memory can be had: {error}") from error
    return mem


def _pointer(mem: MemInst) -> ctypes._Pointer[ctypes.c_ubyte]:
    data = _pinned(mem).data
    array = (ctypes.c_ubyte * len(data)).from_buffer(data)
    # The pointer keeps the array, and this the bytes.
    return ctypes.cast(array, ctypes.POINTER(ctypes.c_ubyte))


class SharedMemory(Managed):
    """A memory that any number of stores and threads use at once; needs `Config.shared_memory`. Atomic instructions are
    atomic between them; reads and writes from Python are not."""

    def __init__(self, engine: Engine, ty: MemoryType) -> None:
        state = engine._engine
        type = ty._type
        ty._check_open()
        if not type.shared:
            raise WasmtimeError("shared memory must have the `shared` flag enabled on its memory type")
        if not state.settings.shared_memory:
            raise unshared()
        self._mem = _create(type, None)

    @classmethod
    def _of(cls, mem: MemInst) -> SharedMemory:
        made = cls.__new__(cls)
        made._mem = mem
        return made

    @property
    def _open(self) -> MemInst:
        self._check_open()
        return self._mem

    def type(self) -> MemoryType:
        return MemoryType._of(self._open.declared)

    def size(self) -> int:
        """In pages."""
        return self._open.pages

    def data_len(self) -> int:
        """In bytes."""
        return len(self._open.data)

    def grow(self, delta: int) -> int:
        """Add `delta` pages of zeros; the old size in pages. WasmtimeError where type or machine forbid it."""
        return _grow(self._open, delta)

    def view(self) -> memoryview:
        """The bytes themselves."""
        return memoryview(_pinned(self._open).data)

    def data_ptr(self) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A pointer to the first byte. Nothing checks what is done through it."""
        return _pointer(self._open)


def unshared() -> WasmtimeError:
    return WasmtimeError("shared memory support is disabled for this engine -- see `Config::shared_memory`")
