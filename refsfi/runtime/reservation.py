"""Address space for linear memories.

A *slot* is what one memory takes: the four gigabytes that a 32-bit address can reach, and a guard behind them as large
as the largest static offset. All of it is reserved and none of it accessible; a memory of n bytes makes the first n
accessible. So machine code that adds a zero-extended 32-bit index and a static offset of less than `GUARD` to the base
either hits the memory or faults inside the slot, growing never moves the base, and a memory without pages is all guard.

Slots are carved from few large mappings (*chunks*), so that what is inaccessible merges with its neighbours and a
memory costs the kernel two mappings: of the 65,530 that Linux allows, 10,000 memories take 20,000. A slot that is freed
is mapped over: pages, contents and permissions of one tenant are gone before the next one comes. Chunks are kept.

The mappings are private and anonymous: after `fork` the child has its own copy of every memory, at the same address.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import sys
import threading

from refsfi.runtime.ranges import RangeTable

__all__ = ["GUARD", "MEMORY_RANGES", "REACH", "SLOT", "Reservation"]

# Bytes. What a 32-bit address reaches; what is never accessible behind it; both.
REACH = 1 << 32
GUARD = 1 << 31
SLOT = REACH + GUARD

# Behind the last slot of a chunk: an access that begins in the guard's last bytes ends here.
_MARGIN = 1 << 16

# Slots of the first chunk and of the largest; each chunk is twice as large as the one before.
_FIRST_CHUNK = 8
_LARGEST_CHUNK = 512

# Entries of the table of chunks. Chunks grow, so that 128 TiB, all there is, are some fifty of them; where address
# space is scarce and they have one slot each, this is how many memories there can be.
_CHUNKS = 4096

_NONE = 0
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
_FIXED = 0x10
_NORESERVE = 0x4000
_RESERVED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
_FAILED = ctypes.c_void_p(-1).value


class _Pool:
    """Free slots of the process, and where all of them are."""

    def __init__(self) -> None:
        if sys.platform != "linux" or sys.maxsize < SLOT:
            raise OSError(errno.ENOTSUP, "reserving address space for memories needs 64-bit Linux")
        libc = ctypes.CDLL(None, use_errno=True)
        self._mmap = libc.mmap
        self._mmap.restype = ctypes.c_void_p
        size, number = ctypes.c_size_t, ctypes.c_int
        self._mmap.argtypes = [ctypes.c_void_p, size, number, number, number, ctypes.c_long]
        # Without giving up the interpreter, which in a process with busy threads takes long to get back.
        self._mprotect = ctypes.PyDLL(None, use_errno=True).mprotect
        self._mprotect.argtypes = [ctypes.c_void_p, size, number]
        # Lists, of which `append` and `pop` are atomic: a finaliser, which puts a slot back, may run at any moment,
        # also inside of `take`, and must not wait for a lock.
        self._free: list[int] = []
        self._unclean: list[tuple[int, int]] = []
        self._chunk = _FIRST_CHUNK
        self._total = 0

    def _map(self, address: int | None, size: int, flags: int) -> int:
        got = self._mmap(address, size, _NONE, _RESERVED | flags, -1, 0)
        if got == _FAILED:
            number = ctypes.get_errno()
            raise OSError(number, f"{size} bytes of address space cannot be reserved: {os.strerror(number)}")
        return int(got)

    def take(self) -> int:
        """The base of a slot without an accessible byte. OSError where there is none to be had."""
        try:
            return self._free.pop()
        except IndexError:
            pass
        with _lock:
            for _ in range(len(self._unclean)):
                self.put(*self._unclean.pop())
            return self._free.pop() if self._free else self._add_chunk()

    def _add_chunk(self) -> int:
        """Reserve another chunk; one slot of it, the others are free from now on."""
        count = self._chunk
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            # The rest of the process lives within the same limit and keeps at least half of it.
            count = 1
            if self._total + SLOT + _MARGIN > limit // 2:
                raise OSError(errno.ENOMEM, f"a memory's {SLOT} bytes of address space exceed half of RLIMIT_AS")
        while True:
            size = count * SLOT + _MARGIN
            try:
                base = self._map(None, size, 0)
                break
            except OSError:
                if count == 1:
                    raise
                count //= 2
        MEMORY_RANGES.add(base, base + size)
        self._total += size
        self._chunk = min(2 * count, _LARGEST_CHUNK)
        self._free.extend(base + index * SLOT for index in range(count - 1, 0, -1))
        return base

    def put(self, base: int, used: int) -> None:
        """Take a slot back of which the first `used` bytes have been accessible."""
        if used:
            try:
                self._map(base, used, _FIXED)
            except OSError:
                # The process is at its limit of mappings. Nobody gets this slot before it has been cleaned.
                self._unclean.append((base, used))
                return
        self._free.append(base)

    def open(self, start: int, end: int) -> None:
        """Make the pages from address `start` to before `end` accessible. OSError where the kernel refuses; none of
        them is then."""
        if self._mprotect(start, end - start, _READ_WRITE):
            number = ctypes.get_errno()
            # It may have changed some of them.
            self._mprotect(start, end - start, _NONE)
            raise OSError(number, f"{end - start} bytes of memory cannot be had: {os.strerror(number)}")

    def close(self, start: int, end: int) -> None:
        """Make these pages inaccessible and forget what they hold. OSError where the kernel refuses."""
        self._map(start, end - start, _FIXED)


# Where the slots of all memories are, guards included. Faults of compiled code at other addresses are not the guest's.
MEMORY_RANGES = RangeTable(_CHUNKS)

_pool: _Pool | None = None

# For making the pool and adding chunks.
_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


# Another thread of the parent may have held it.
os.register_at_fork(after_in_child=_renew_lock)


def _make_pool() -> _Pool:
    global _pool
    with _lock:
        if _pool is None:
            _pool = _Pool()
    return _pool


class _Tenancy(ctypes.c_ubyte * REACH):  # type: ignore[misc]
    """All that a slot can give, as an array, of which `used` bytes are accessible. Every view of them keeps it, and its
    end frees the slot.

    One type for all memories: a type for each size would be far dearer than taking a slice.
    """

    pool: _Pool
    used: int

    def extend(self, size: int) -> None:
        base = ctypes.addressof(self)
        self.pool.open(base + self.used, base + size)
        self.used = size

    def give_back(self, size: int) -> None:
        base = ctypes.addressof(self)
        if size < self.used:
            self.pool.close(base + size, base + self.used)
        self.used = size

    def __del__(self) -> None:
        self.pool.put(ctypes.addressof(self), self.used)


class Reservation:
    """A slot of address space of which the first `size` bytes are accessible.

    `base` is its address, the same for life. `buffer` is a view of exactly the accessible bytes, zero at first:
    `struct` functions, indices and slices work on it, and a slice is a view, not a copy.
    """

    __slots__ = ("_bytes", "_tenancy", "base", "buffer")

    def __init__(self, size: int) -> None:
        """`size`: bytes, a multiple of the system's page size and at most `REACH`, else ValueError. OSError where there
        is no slot to be had (limits of the process, another platform) or not that much memory."""
        _check(size)
        pool = _pool or _make_pool()
        self.base = pool.take()
        tenancy = _Tenancy.from_address(self.base)
        tenancy.pool = pool
        tenancy.used = 0
        self._tenancy: _Tenancy | None = tenancy
        if size:
            tenancy.extend(size)
        self._bytes = memoryview(tenancy).cast("B")
        self.buffer = self._bytes[:size]

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.buffer)

    def resize(self, size: int) -> None:
        """Make the first `size` bytes accessible; new ones are zero. Views taken before stay valid and as long as they
        were, which is why a reservation cannot shrink (ValueError). OSError where the kernel refuses; nothing has
        changed then."""
        _check(size)
        if self._tenancy is None:
            raise ValueError("the reservation has been released")
        if size < len(self.buffer):
            raise ValueError(f"a reservation of {len(self.buffer)} bytes cannot shrink to {size}")
        if size > len(self.buffer):
            self._tenancy.extend(size)
            self.buffer = self._bytes[:size]

    def shrink(self, size: int) -> None:
        """Take back what `resize` gave beyond the first `size` bytes; it is inaccessible, and zero when it is given
        again. For who has just had it and knows that no view reaches there: reading it through one would end the
        process. ValueError, OSError as in `resize`."""
        _check(size)
        if self._tenancy is None or size > len(self.buffer):
            raise ValueError(f"{size} bytes are no less than the reservation has")
        self.buffer = self._bytes[:size]
        self._tenancy.give_back(size)

    def release(self) -> None:
        """Give the slot back, as the end of the object does. As long as views of the bytes live it stays theirs."""
        self._tenancy = None
        self._bytes = self.buffer = memoryview(b"")


def _check(size: int) -> None:
    if not 0 <= size <= REACH or size % mmap.PAGESIZE:
        raise ValueError(f"{size} is not a size of a reservation: a multiple of {mmap.PAGESIZE} up to {REACH}")
