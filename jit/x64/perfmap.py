"""Names of compiled code for Linux `perf`: one line a block in /tmp/perf-PID.map, as its tools/perf documents."""

from __future__ import annotations

import os

__all__ = ["begin", "describe"]


def begin() -> None:
    """Begin this process's file, without what an earlier process of its number left. OSError where that is refused."""
    os.close(_open(os.O_TRUNC))


def describe(address: int, size: int, name: str) -> None:
    """Say that `size` bytes at `address` are called `name`. OSError where the file cannot be written."""
    file = _open(os.O_APPEND)
    try:
        os.write(file, f"{address:x} {size:x} {' '.join(name.split())}\n".encode())
    finally:
        os.close(file)


def _open(flags: int) -> int:
    # /tmp is everybody's: a link that somebody put there is not followed.
    flags |= os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(f"/tmp/perf-{os.getpid()}.map", flags, 0o600)
