"""Memory instances, chapter 4.2.9.

The bytes live in an anonymous private mapping, so that a memory costs what its guest touches and not what it
declares, and growing moves page tables instead of bytes. Python code reaches them only through operations that
check bounds themselves (`struct`, slices and indices of the mapping after a comparison with its length).
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable
from typing import TypeAlias
from weakref import WeakSet

from refsfi.errors import LimitError, MemoryFault, Trap, TrapCode
from refsfi.syntax.types import I64, Limits, MemType

__all__ = ["Buffer", "MemInst", "Waiters"]

Buffer: TypeAlias = "mmap.mmap | bytearray"

_PIECE = 1 << 16

_MAP_NORESERVE = 0x4000  # mmap.MAP_NORESERVE exists from Python 3.13 on
_FLAGS = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0) | _MAP_NORESERVE


def _allocate(size: int) -> Buffer:
    """Zeroed bytes. A mapping cannot be empty, hence the bytearray. OSError, ValueError or OverflowError without
    room."""
    if size == 0:
        return bytearray()
    return mmap.mmap(-1, size, flags=_FLAGS)


class _File:
    """Pages without a name that can be mapped more than once."""

    __slots__ = ("_fd",)

    def __init__(self, size: int) -> None:
        self._fd = os.memfd_create("wasm-memory", os.MFD_CLOEXEC)
        try:
            self.resize(size)
        except OSError:
            os.close(self._fd)
            self._fd = -1
            raise

    def resize(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def map(self, size: int) -> mmap.mmap:
        return mmap.mmap(self._fd, size)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class MemInst:
    """A memory. `type.limits.min` follows the current size, as `type` is what importers are matched against.

    `data` is replaced or resized by `grow`; nobody keeps it across an instruction, except as a view of a pinned memory.
    `ceiling` is the host's limit in bytes.
    """

    __slots__ = ("__weakref__", "_file", "_type", "ceiling", "data", "lock", "waiters")

    def __init__(self, type: MemType, ceiling: int | None = None) -> None:
        """LimitError where the minimum is above the ceiling or cannot be had from the operating system."""
        self._type = type
        self.ceiling = ceiling
        size = type.limits.min << type.page_size_log2
        if ceiling is not None and size > ceiling:
            raise LimitError(f"memory minimum size of {type.limits.min} pages exceeds the limit of {ceiling} bytes")
        try:
            self._storage = _allocate(type, size)
        except (OSError, ValueError, OverflowError) as error:
            raise LimitError(f"memory of {type.limits.min} pages cannot be allocated: {error}") from None
        self.data: Buffer = self._storage.buffer
        # Atomic instructions and growing exclude each other; only shared memories are ever contended.
        self.lock = threading.RLock()
        self._record: ctypes.Array[ctypes.c_uint64] | None = None
        self.waiters = Waiters() if type.shared else None

    @property
    def declared(self) -> MemType:
        """The type that it was made with."""
        return self._type

    @property
    def type(self) -> MemType:
        t = self._type
        return MemType(Limits(self.pages, t.limits.max), t.addr, t.shared, t.page_size_log2)

    @property
    def shared(self) -> bool:
        return self._type.shared

    @property
    def pages(self) -> int:
        return len(self.data) >> self._type.page_size_log2

    def grow(self, delta: int) -> int | None:
        """Add `delta` zeroed pages; the old size in pages, or None where type, ceiling or machine do not allow it.

        Rule: Step/memory.grow-succeed, Step/memory.grow-fail
        """
        type = self._type
        with self.lock:
            old = self.pages
            pages = old + delta
            bits = 64 if type.addr is I64 else 32
            most = 1 << (bits - type.page_size_log2)
            if type.page_size_log2 == 0:
                most -= 1  # the size itself must be a value of the address type
            if pages > (most if type.limits.max is None else min(most, type.limits.max)):
                return None
            size = pages << type.page_size_log2
            if self.ceiling is not None and size > self.ceiling:
                return None
            if delta and not self._resize(size):
                return None
            return old

    def pin(self) -> None:
        """Make views of `data` lasting: a view taken from now on goes on showing the memory's bytes after `grow`, the
        first as many as there were when it was taken. OSError without room or descriptors.

        The pages move into a file without a name, of which old and new mapping show the same bytes. It costs a
        descriptor for as long as the memory lives, hence only for memories that somebody looks into.
        """
        with self.lock:
            data = self.data
            if self._file is not None or not len(data):
                return
            file = _File(len(data))
            fresh = file.map(len(data))
            zeros = bytes(_PIECE)
            for start in range(0, len(data), _PIECE):
                piece = data[start : start + _PIECE]
                # What the guest has not touched need not be had.
                if piece != zeros[: len(piece)]:
                    fresh[start : start + len(piece)] = piece
            self.data = fresh
            self._file = file
            _pinned.add(self)

    def unpin(self) -> None:
        """Give the memory pages of its own again. Views of before are views of something else from now on."""
        file = self._file
        if file is None:
            return
        fresh = _allocate(len(self.data))
        fresh[:] = self.data[:]
        self.data = fresh
        self._file = None

    def _resize(self, size: int) -> bool:
        data = self.data
        try:
            if self._file is not None:
                self._file.resize(size)
                self.data = self._file.map(size)
                return True
            if isinstance(data, mmap.mmap):
                try:
                    data.resize(size)
                    return True
                except (BufferError, SystemError):
                    # Somebody holds a view of the old bytes, or the system cannot move mappings.
                    pass
            fresh = _allocate(size)
            fresh[: len(data)] = data[:]
            self.data = fresh
            return True
        except (OSError, ValueError, OverflowError):
            return False

    def out_of_bounds(self, address: int) -> Trap:
        """The trap of an access at effective address `address` (bytes)."""
        return Trap(TrapCode.MEMORY_OUT_OF_BOUNDS, fault=MemoryFault(address, len(self.data)))


class Waiters:
    """The queues of threads suspended by memory.atomic.wait, by address (threads proposal, "wait and notify")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[int, list[threading.Event]] = {}

    # A waiting thread looks up this often whether its host wants it to stop.
    POLL = 0.02

    def wait(self, address: int, differs: Callable[[], bool], timeout: float | None, stop: Callable[[], None]) -> int:
        """Suspend the calling thread. 0: woken; 1: `differs()` was true; 2: `timeout` (seconds, None for ever)
        passed.

        `stop` is called now and then and raises to give up.
        """
        event = threading.Event()
        with self._lock:
            # Compared under the lock that notify takes: no wake-up is lost in between.
            if differs():
                return 1
            self._queues.setdefault(address, []).append(event)
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                left = self.POLL if deadline is None else min(self.POLL, deadline - time.monotonic())
                if event.wait(max(left, 0)):
                    return 0
                stop()
                if deadline is not None and time.monotonic() >= deadline:
                    with self._lock:
                        return 0 if event.is_set() else 2
        finally:
            with self._lock:
                queue = self._queues.get(address, [])
                if event in queue:
                    queue.remove(event)
                if not queue:
                    self._queues.pop(address, None)

    def notify(self, address: int, count: int) -> int:
        """Wake at most `count` threads in the order in which they came; how many were woken."""
        with self._lock:
            queue = self._queues.get(address, [])
            woken, queue[:] = queue[:count], queue[count:]
            for event in woken:
                event.set()
            return len(woken)


_pinned: WeakSet[MemInst] = WeakSet()


def _separate() -> None:
    """In the child of a fork: pinned memories are shared with the parent otherwise."""
    for mem in list(_pinned):
        mem.unpin()
    _pinned.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_separate)
