"""What the native tier calls in the C library, through cffi's ABI mode: declarations for x86-64 Linux, no compiler."""

from __future__ import annotations

import os
from typing import Any

import cffi

__all__ = ["MAP_FAILED", "ffi", "libc", "system_error"]

ffi: Any = cffi.FFI()
ffi.cdef(
    """
    typedef struct {
        unsigned long words[16];
    } sigset_t;
    typedef struct {
        unsigned long handler;
        sigset_t mask;
        unsigned int flags;
        void *restorer;
    } sigaction_t;
    int sigaction(int signal, const sigaction_t *action, sigaction_t *old);
    void *mmap(void *address, size_t size, int protection, int flags, int file, long offset);
    int mprotect(void *address, size_t size, int protection);
    int munmap(void *address, size_t size);
    int madvise(void *address, size_t size, int advice);
    """
)
libc: Any = ffi.dlopen(None)

MAP_FAILED = (1 << 64) - 1


def system_error(what: str) -> OSError:
    """The error that the last call left behind; `what` was being done."""
    return OSError(ffi.errno, f"{what}: {os.strerror(ffi.errno)}")
