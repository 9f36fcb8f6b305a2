"""Stacks for compiled code.

Compiled code does not run on the C stack of its thread: its depth has the interpreter's limit and not the thread's, and
its frames may stay parked while a host function, called from them, does something else.

    guard | spare | what frames may use | guard
                  ^ limit               ^ top

The guards are inaccessible, and no reservation of a memory: an overrun is a crash and never a guest's trap. The spare
bytes below the limit are for the kernel, which puts the frame of a signal wherever the thread's rsp is.
"""

from __future__ import annotations

import mmap
import sys

from jit.x64.libc import MAP_FAILED, ffi, libc, system_error

__all__ = ["SPARE", "STACK_GUARD", "NativeStack"]

# Bytes. A signal frame with all of AVX-512 and AMX is 11 KiB, and handlers may be in front of each other.
SPARE = 1 << 16
STACK_GUARD = 1 << 16

_RESERVED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE


class NativeStack:
    """A stack of `size` bytes that grows down from `top`, which is aligned to 16, to `limit`.

    Pages are had when they are first used, and given back with the object.
    """

    __slots__ = ("_base", "limit", "top")

    def __init__(self, size: int) -> None:
        """`size` is rounded up to whole pages. OSError where there is no memory for it."""
        self._base = MAP_FAILED  # while there is nothing to give back
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        whole = STACK_GUARD + SPARE + size + STACK_GUARD
        base = int(ffi.cast("uintptr_t", libc.mmap(ffi.NULL, whole, 0, _RESERVED, -1, 0)))
        if base == MAP_FAILED:
            raise system_error(f"reserving a native stack of {size} bytes")
        self.limit = base + STACK_GUARD + SPARE
        self.top = self.limit + size
        self._base = base
        usable = ffi.cast("void *", base + STACK_GUARD)
        if libc.mprotect(usable, SPARE + size, mmap.PROT_READ | mmap.PROT_WRITE):
            raise system_error(f"allocating a native stack of {size} bytes")

    def __del__(self) -> None:
        if self._base != MAP_FAILED and not sys.is_finalizing():
            libc.munmap(ffi.cast("void *", self._base), self.top + STACK_GUARD - self._base)
