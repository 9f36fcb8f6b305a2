"""What the native tier calls in the C library, through cffi's ABI mode: declarations for x86-64 Linux, no compiler.

The declarations have been parsed ahead (`libc_declarations.py`).
"""

from __future__ import annotations

import os
from typing import Any

from jit.x64 import libc_generated

__all__ = ["MAP_FAILED", "ffi", "libc", "system_error"]

ffi: Any = libc_generated.ffi
libc: Any = ffi.dlopen(None)

MAP_FAILED = (1 << 64) - 1


def system_error(what: str) -> OSError:
    """The error that the last call left behind; `what` was being done."""
    return OSError(ffi.errno, f"{what}: {os.strerror(ffi.errno)}")
