"""Memory instances, chapter 4.2.9.

The bytes of a memory with 32-bit addresses lie in a reservation of address space, which compiled code relies on: its
base never moves, and what is behind the memory faults. Python code reaches the bytes only through operations that check
bounds themselves (`struct`, slices and indices of a buffer, after a comparison with its length).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
import time
from collections.abc import Callable
from typing import ClassVar, Protocol, TypeAlias
from weakref import WeakSet

from refsfi.errors import LimitError, MemoryFault, Trap, TrapCode
from refsfi.runtime.movable import MovableBytes
from refsfi.runtime.reservation import Reservation
from refsfi.syntax.types import I64, Limits, MemType

__all__ = ["Atomics", "Buffer", "Growth", "MemInst", "Waiters"]

# Indices give ints. A slice is a copy or a view, depending on which it is: `bytes` makes it a copy.
Buffer: TypeAlias = "memoryview | mmap.mmap | bytearray"


class Atomics(Protocol):
    """Atomic accesses by machine code."""

    def __call__(self, operation: str, width: int, address: int, operand: int = 0, expected: int = 0) -> int:
        """`load`, `xchg`, `cmpxchg`, or read and write the sum, `sub`, `and`, `or`, `xor`, of `width` bytes at an
        address of the process; the old value. Numbers are unsigned."""


class Growth(Protocol):
    """Whether there is room for a memory to grow depends on the machine, so a log has it."""

    def may_grow(self, size: int) -> bool:
        """Whether the memory is to grow to so many bytes, which it may by its type."""

    def no_room(self, size: int) -> None:
        """The machine has refused."""


_SYSTEM_PAGE_LOG2 = mmap.PAGESIZE.bit_length() - 1


def _allocate(type: MemType, size: int) -> Reservation | MovableBytes:
    """`size` zeroed bytes. OSError, ValueError or OverflowError without room."""
    if type.addr is not I64 and type.page_size_log2 >= _SYSTEM_PAGE_LOG2:
        try:
            return Reservation(size)
        except OSError:
            # No address space for it, or not on this platform.
            pass
    return MovableBytes(size)


class MemInst:
    """A memory. `type.limits.min` follows the current size, as `type` is what importers are matched against.

    `data` is all of its bytes. `grow` replaces it, so nobody keeps it across an instruction; views of it stay valid as
    long as they were if the memory is `guarded` or was pinned before. `ceiling` is the host's limit in bytes.
    """

    __slots__ = ("__weakref__", "_record", "_storage", "_type", "ceiling", "data", "growth", "lock", "waiters", "words")

    # Set where there is a tier that accesses memories without their locks.
    atomics: ClassVar[Atomics | None] = None

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
        # A log of which attempts to grow the machine has refused, if there is one.
        self.growth: Growth | None = None
        # Atomic instructions and growing exclude each other; only shared memories are ever contended.
        self.lock = threading.RLock()
        self._record: ctypes.Array[ctypes.c_uint64] | None = None
        self.waiters = Waiters() if type.shared else None
        # `data` as arrays of numbers, for generated Python, as long as it is what it is.
        self.words: dict[str, memoryview] | None = None

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
    def guarded(self) -> bool:
        """Whether `base` is for life and every access from there, at a 32-bit index and an offset of less than
        `reservation.GUARD`, either hits the memory or faults in a reservation. Otherwise accesses must be compared."""
        return isinstance(self._storage, Reservation)

    @property
    def base(self) -> int:
        """The address of the first byte; it changes when a memory grows that is not guarded. Any number where there is
        no byte."""
        return self._storage.base

    @property
    def record(self) -> int:
        """The address of two words for compiled code, `base` and the size in bytes. It stays the same, and `grow` keeps
        the words up to date."""
        with self.lock:
            if self._record is None:
                self._record = (ctypes.c_uint64 * 2)()
                self._renew()
            return ctypes.addressof(self._record)

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
            if delta:
                growth = self.growth
                if growth is not None and not growth.may_grow(size):
                    return None
                try:
                    self._storage.resize(size)
                except (OSError, ValueError, OverflowError):
                    if growth is not None:
                        growth.no_room(size)
                    return None
                self._renew()
            return old

    def shrink(self, size: int) -> None:
        """Undo a grow, back to `size` bytes, for who has made it on trial: nobody else may have a view of the memory.
        LimitError without room."""
        with self.lock:
            try:
                self._storage.shrink(size)
            except (OSError, ValueError, OverflowError) as error:
                raise LimitError(f"memory cannot go back to {size} bytes: {error}") from None
            self._renew()

    def restart(self, size: int) -> None:
        """Have `size` zeroed bytes in place of what there is, for a debugger that goes back to before a grow. The base
        moves, so no compiled code may be around, and views of before show the old bytes. LimitError without room."""
        with self.lock:
            try:
                self._storage = _allocate(self._type, size)
            except (OSError, ValueError, OverflowError) as error:
                raise LimitError(f"memory of {size} bytes cannot be allocated: {error}") from None
            self._renew()

    def _renew(self) -> None:
        """After the storage has changed."""
        storage = self._storage
        self.data = storage.buffer
        self.words = None
        if self._record is not None:
            self._record[0] = storage.base
            self._record[1] = len(storage.buffer)

    def pin(self) -> None:
        """Make views of `data` lasting: a view taken from now on goes on showing the memory's bytes after `grow`, the
        first as many as there were when it was taken. OSError without room or descriptors."""
        storage = self._storage
        if isinstance(storage, MovableBytes):
            with self.lock:
                if storage.pin():
                    self._renew()
                    _pinned.add(self)

    def out_of_bounds(self, address: int) -> Trap:
        """The trap of an access at effective address `address` (bytes)."""
        return Trap(TrapCode.MEMORY_OUT_OF_BOUNDS, fault=MemoryFault(address, len(self.data)))


class Waiters:
    """The queues of threads suspended by memory.atomic.wait, by address (threads proposal, "wait and notify")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[int, list[threading.Event]] = {}

    # A waiting thread looks up this often whether its host wants it to stop.
    POLL = 0.01

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

# While this thread forks: `copies`, pinned memories and copies of their bytes.
_fork = threading.local()


def _copy_pinned() -> None:
    """Before a fork. Pinned memories would be shared with the child otherwise; what it finds in them is what there was
    at the fork."""
    _fork.copies = []
    for memory in list(_pinned):
        storage = memory._storage
        if isinstance(storage, MovableBytes):
            _fork.copies.append((memory, storage, storage.copy()))


def _forget_copies() -> None:
    _fork.copies = []


def _separate() -> None:
    """In the child of a fork."""
    for memory, storage, copy in _fork.copies:
        storage.replace(copy)
        memory._renew()
    _forget_copies()
    _pinned.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_copy_pinned, after_in_parent=_forget_copies, after_in_child=_separate)
