"""The calling guest: its memory, through which all arguments and results beyond plain numbers pass.

A pointer outside of memory, or one that is not aligned as its type asks for, is a trap and not an errno: the witx
documentation demands it ("the function shall trap"), and wasmtime does it. Every pointer of a call is checked before
anything is done, so that a call that traps has had no effect.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from refsfi.errors import Trap, TrapCode
from refsfi.host.wasi.abi import IOVEC, Errno, Snapshot, WasiError
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store

if TYPE_CHECKING:
    from refsfi.host.wasi.options import Observer
    from refsfi.host.wasi.wasi import Wasi

__all__ = ["MAX_PATH", "Guest"]

# The most buffers that one call of the host takes (IOV_MAX), and so the most that one call of the guest gets filled.
_MAX_IOVECS = 1024
# Empty buffers are skipped, but not without end.
_MAX_SCANNED = 1 << 16
# Bytes of a path, as PATH_MAX.
MAX_PATH = 4096

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class _NoMemory(Trap):
    @property
    def report(self) -> str:
        return self.message


class Guest:
    """One call of a WASI function. Views of memory are released before anything can call back into the guest, as a
    memory cannot grow in place while one exists."""

    __slots__ = ("_memory", "_observer", "snapshot", "store", "wasi")

    def __init__(self, wasi: Wasi, store: Store, snapshot: Snapshot, observer: Observer | None) -> None:
        self.wasi = wasi
        self.store = store
        self.snapshot = snapshot
        self._observer = observer
        self._memory: MemInst | None = None

    @property
    def memory(self) -> MemInst:
        """The memory that the calling instance exports under the name `memory`."""
        found = self._memory
        if found is None:
            inst = getattr(self.store.frame, "inst", None)
            found = None if inst is None else inst.exports.get("memory")
            if not isinstance(found, MemInst):
                raise _NoMemory(TrapCode.MEMORY_OUT_OF_BOUNDS, "missing required memory export")
            self._memory = found
        return found

    def poll_stop(self) -> None:
        """Raise what the host asked the guest to stop with."""
        if self.store.stop is not None:
            raise self.store.stop

    # --- checks

    def check(self, address: int, size: int, align: int = 1) -> None:
        """Trap unless `size` bytes at `address` lie in memory."""
        memory = self.memory
        if address + size > len(memory.data):
            raise memory.out_of_bounds(address)
        if address & (align - 1):
            raise Trap(TrapCode.HEAP_MISALIGNED, f"unaligned pointer 0x{address:x}")

    # --- from the guest

    def read(self, address: int, size: int) -> bytes:
        """A copy of bytes that are checked."""
        return bytes(self.memory.data[address : address + size])

    def unpack(self, layout: struct.Struct, address: int) -> tuple[int, ...]:
        """A record that is checked."""
        return layout.unpack_from(self.memory.data, address)

    def path(self, address: int, size: int) -> bytes:
        """A path: UTF-8 without NUL. ILSEQ, INVAL, NAMETOOLONG."""
        self.check(address, size)
        if size > MAX_PATH:
            raise WasiError(Errno.NAMETOOLONG)
        data = self.read(address, size)
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            raise WasiError(Errno.ILSEQ) from None
        if b"\0" in data:
            raise WasiError(Errno.INVAL)
        return data

    def buffers(self, address: int, count: int) -> list[tuple[int, int]]:
        """Address and size of the first buffers that a list of iovecs names, without empty ones."""
        self.check(address, count * IOVEC.size, 4)
        found: list[tuple[int, int]] = []
        data = self.memory.data
        size = len(data)
        for index in range(min(count, _MAX_SCANNED)):
            start, length = IOVEC.unpack_from(data, address + index * IOVEC.size)
            if start + length > size:
                raise self.memory.out_of_bounds(start)
            if length:
                found.append((start, length))
                if len(found) == _MAX_IOVECS:
                    break
        return found

    # --- to the guest: every byte passes through one of these

    def write(self, address: int, data: bytes | bytearray) -> None:
        """Bytes to where it is checked that they fit."""
        self.memory.data[address : address + len(data)] = data
        if self._observer is not None:
            with memoryview(data) as view:
                self._observer.wrote(address, view)

    def pack(self, layout: struct.Struct, address: int, *values: int) -> None:
        self.write(address, layout.pack(*values))

    def write_u32(self, address: int, value: int) -> None:
        self.write(address, _U32.pack(value))

    def write_u64(self, address: int, value: int) -> None:
        self.write(address, _U64.pack(value))

    def filled(self, buffers: list[tuple[int, int]], count: int) -> None:
        """`count` bytes were put into the buffers by the host's kernel."""
        if self._observer is None:
            return
        with memoryview(self.memory.data) as view:
            for address, size in buffers:
                if count <= 0:
                    break
                with view[address : address + min(size, count)] as part:
                    self._observer.wrote(address, part)
                count -= size

    def views(self, buffers: list[tuple[int, int]]) -> Views:
        return Views(self.memory, buffers)


class Views:
    """The bytes of some buffers of a memory, for one call of the host's kernel: `with guest.views(...) as views`."""

    __slots__ = ("_views",)

    def __init__(self, memory: MemInst, buffers: list[tuple[int, int]]) -> None:
        with memoryview(memory.data) as whole:
            self._views = [whole[address : address + size] for address, size in buffers]

    def __enter__(self) -> list[memoryview]:
        return self._views

    def __exit__(self, *exception: object) -> None:
        for view in self._views:
            view.release()
