"""Executable memory: a file without a name, mapped twice.

One mapping is readable and writable and nobody executes it; the other is readable and executable and nobody can write
to it. Neither ever changes its protection, so that no address is writable and executable at any time, and no change of
protection costs a call and an interruption of the other threads.

All code of a `CodeMemory` lies in one stretch of address space: calls reach everything with 32-bit displacements, and
one comparison tells whether an address is ours. It is handed out in blocks of whole cache lines. A freed block is
filled with `int3`, and the pages of a large one go back to the system.

The file is shared by parent and child after a `fork`. So the child maps a copy of its own over both mappings, made
before the fork: the code stays at its addresses, and what either side writes from then on the other never sees. (A fork
that the C library does on its own, without Python's hooks, does not pass here; such a child must not compile.)
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import threading
from typing import Any
from weakref import WeakSet

from jit.x64.extents import Extents
from jit.x64.libc import MAP_FAILED, ffi, libc, system_error
from refsfi.runtime.ranges import RangeTable

__all__ = ["CODE_RANGES", "Block", "CodeMemory", "CodeMemoryFull", "CodeMemoryRefused"]

# Bytes. Address space costs nothing; pages are had when they are written to.
_SIZE = 256 << 20
_LINE = 64

# From this size on a freed block's pages are returned to the system.
_LARGE = 1 << 16

_INT3 = 0xCC
_FIXED = 0x10
_REMOVE = 9  # MADV_REMOVE: a hole in the file
_MFD_EXEC = 0x10

# Where code is that may fault on behalf of a guest: what the signal handler goes by.
CODE_RANGES = RangeTable(64)

# One for all memories: a fork must find none of them half changed.
_lock = threading.Lock()


class CodeMemoryRefused(OSError):
    """The system allows no executable memory here (a `noexec` policy, seccomp, SELinux, limits of the process)."""


class CodeMemoryFull(Exception):
    """No room for another block within the limit: free some, or do without."""


class Block:
    """Some of a `CodeMemory`. `address` is where it is executed, `size` what can be written, in bytes.

    Nobody may execute it any more when it is freed.
    """

    __slots__ = ("_start", "address", "memory", "size")

    def __init__(self, memory: CodeMemory, start: int, size: int) -> None:
        self.memory = memory
        self._start = start
        self.size = size
        self.address = memory.base + start

    def write(self, code: bytes | bytearray | memoryview, at: int = 0) -> None:
        """Copy bytes to offset `at`. Not for what another thread may be executing."""
        self.memory._write(self._place(at, len(code)), code)

    def patch(self, at: int, value: int) -> None:
        """Replace the 32 bits at offset `at`, a multiple of 4, in a single store: other threads, which may be
        executing the instruction they belong to, see the old ones or the new ones."""
        if at % 4:
            raise ValueError(f"offset {at} is not a multiple of 4: the store could be seen in halves")
        self.memory._patch(self._place(at, 4), value & 0xFFFFFFFF)

    def patch_address(self, at: int, value: int) -> None:
        """Replace the 64 bits at offset `at`, a multiple of 8, in a single store: other threads, which may be reading
        an address there, see the old one or the new one."""
        if at % 8:
            raise ValueError(f"offset {at} is not a multiple of 8: the store could be seen in halves")
        self.memory._patch_address(self._place(at, 8), value)

    def read(self) -> bytes:
        """A copy of the bytes."""
        return self.memory._read(self._place(0, self.size), self.size)

    def free(self) -> None:
        """Give the block back. A second time does nothing."""
        if self._start >= 0:
            start, self._start = self._start, -1
            self.memory._give(start, self.size)

    def _place(self, at: int, size: int) -> int:
        if self._start < 0:
            raise ValueError("the block has been freed")
        if at < 0 or at + size > self.size:
            raise ValueError(f"{size} bytes at offset {at} do not fit a block of {self.size}")
        return self._start + at


class CodeMemory:
    """A stretch of executable memory at `base`, `size` bytes long, of which at most `limit` are in use at a time."""

    def __init__(self, size: int = _SIZE, *, limit: int | None = None, ranges: RangeTable | None = CODE_RANGES) -> None:
        """`size`: a multiple of the page size. `ranges`: where to announce it, None for code that is not a guest's.
        CodeMemoryRefused where the system allows none."""
        self.size = size
        self.limit = size if limit is None else limit
        self._free = Extents(size)
        # Blocks that were given back while the lock was held, by a finaliser in the midst of anything.
        self._returned: list[tuple[int, int]] = []
        self.base = self._writable = MAP_FAILED
        self._ranges: RangeTable | None = None
        try:
            file = _file(size)
            try:
                self._writable = _map(file, size, mmap.PROT_READ | mmap.PROT_WRITE)
                self.base = _map(file, size, mmap.PROT_READ | mmap.PROT_EXEC)
            finally:
                os.close(file)
            with _lock:
                if ranges is not None:
                    self._range = ranges.add(self.base, self.base + size)
                    self._ranges = ranges
        except OSError as error:
            raise CodeMemoryRefused(error.errno, f"no executable memory: {error.strerror}") from error
        self._view: Any = ffi.buffer(ffi.cast("char *", self._writable), size)
        self._words: Any = ffi.cast("uint32_t *", self._writable)
        self._addresses: Any = ffi.cast("uint64_t *", self._writable)
        self._usable = True
        _memories.add(self)

    @property
    def in_use(self) -> int:
        """Bytes of all blocks that have not been freed, in whole cache lines."""
        with _lock:
            self._collect()
            return self.size - self._free.free

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.base <= address < self.base + self.size

    def allocate(self, size: int) -> Block:
        """A block of at least `size` bytes, aligned to a cache line. CodeMemoryFull, or, in a child that could not
        have a copy of its own, CodeMemoryRefused."""
        size = -(-max(size, 1) // _LINE) * _LINE
        with _lock:
            self._collect()
            if not self._usable:
                raise CodeMemoryRefused(errno.ENOMEM, "no executable memory: it could not be copied for this process")
            in_use = self.size - self._free.free
            start = self._free.take(size) if in_use + size <= self.limit else None
            if start is None:
                raise CodeMemoryFull(f"{size} bytes of code do not fit: {in_use} of {self.limit} are in use")
            return Block(self, start, size)

    def _give(self, start: int, size: int) -> None:
        self._returned.append((start, size))
        # Held by this very thread perhaps, below a finaliser: then whoever is next collects.
        if _lock.acquire(blocking=False):
            try:
                self._collect()
            finally:
                _lock.release()

    def _collect(self) -> None:
        """With the lock held: make free what was given back."""
        while self._returned:
            start, size = self._returned.pop()
            if size < _LARGE or not self._punch(start, size):
                self._view[start : start + size] = bytes((_INT3,)) * size
            self._free.give(start, size)

    def _punch(self, start: int, size: int) -> bool:
        """Return the pages of a block; its ends, which share pages with others, are filled."""
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (start + size) // mmap.PAGESIZE * mmap.PAGESIZE
        if libc.madvise(ffi.cast("void *", self._writable + first), last - first, _REMOVE):
            return False
        self._view[start:first] = bytes((_INT3,)) * (first - start)
        self._view[last : start + size] = bytes((_INT3,)) * (start + size - last)
        return True

    def _write(self, start: int, code: bytes | bytearray | memoryview) -> None:
        with _lock:
            self._view[start : start + len(code)] = code

    def _patch(self, start: int, value: int) -> None:
        with _lock:
            self._words[start >> 2] = value

    def _patch_address(self, start: int, value: int) -> None:
        with _lock:
            self._addresses[start >> 3] = value

    def _read(self, start: int, size: int) -> bytes:
        return bytes(self._view[start : start + size])

    def _copy(self) -> int | None:
        """Before a fork: a file with the same contents, or None where it cannot be had."""
        try:
            file = _file(self.size)
        except OSError:
            return None
        try:
            for start, end in self._free.taken():
                while start < end:
                    start += os.pwrite(file, memoryview(self._view)[start:end], start)
            return file
        except OSError:
            os.close(file)
            return None

    def _separate(self, file: int | None) -> None:
        """In the child of a fork: map the copy over the mappings that are shared with the parent."""
        try:
            if file is None:
                raise OSError(errno.ENOMEM, "no copy was made")
            _map(file, self.size, mmap.PROT_READ | mmap.PROT_WRITE, self._writable)
            _map(file, self.size, mmap.PROT_READ | mmap.PROT_EXEC, self.base)
        except OSError:
            # A crash of whoever goes on executing is better than code that another process changes.
            self._usable = False
            for address in (self._writable, self.base):
                libc.mmap(
                    ffi.cast("void *", address),
                    self.size,
                    0,
                    mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _FIXED,
                    -1,
                    0,
                )

    def __del__(self) -> None:
        if sys.is_finalizing():
            return  # other threads may be executing until the process is gone
        if self._ranges is not None:
            self._ranges.withdraw(self._range)
        for address in (self._writable, self.base):
            if address != MAP_FAILED:
                libc.munmap(ffi.cast("void *", address), self.size)


def _file(size: int) -> int:
    """A file of zeros in memory that may be mapped for execution; its descriptor."""
    try:
        file = os.memfd_create("refsfi-code", os.MFD_CLOEXEC | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Kernels before 6.3 do not know the flag, and need none.
        file = os.memfd_create("refsfi-code", os.MFD_CLOEXEC)
    try:
        os.ftruncate(file, size)
    except OSError:
        os.close(file)
        raise
    return file


def _map(file: int, size: int, protection: int, over: int | None = None) -> int:
    flags = mmap.MAP_SHARED | (0 if over is None else _FIXED)
    got = libc.mmap(ffi.NULL if over is None else ffi.cast("void *", over), size, protection, flags, file, 0)
    address = int(ffi.cast("uintptr_t", got))
    if address == MAP_FAILED:
        raise system_error(f"mapping {size} bytes")
    return address


_memories: WeakSet[CodeMemory] = WeakSet()

# Between a fork's beginning and its end, in which the lock is held: the memories and their copies.
_copies: list[tuple[CodeMemory, int | None]] = []


def _before_fork() -> None:
    _lock.acquire()
    for memory in list(_memories):
        memory._collect()
        _copies.append((memory, memory._copy()))


def _after_fork(child: bool) -> None:
    for memory, file in _copies:
        if child:
            memory._separate(file)
        if file is not None:
            os.close(file)
    _copies.clear()
    _lock.release()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork(False),
    after_in_child=lambda: _after_fork(True),
)
