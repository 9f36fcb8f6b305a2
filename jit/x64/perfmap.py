"""Names of compiled code for Linux `perf`: one line a block in /tmp/perf-PID.map, as its tools/perf documents."""

from __future__ import annotations

import os

__all__ = ["describe"]


def describe(address: int, size: int, name: str) -> None:
    """Say that `size` bytes at `address` are called `name`. OSError where the file cannot be written."""
    # /tmp is everybody's: a link that somebody put there is not followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(f"/tmp/perf-{os.getpid()}.map", flags, 0o600)
    try:
        os.write(file, f"{address:x} {size:x} {' '.join(name.split())}\n".encode())
    finally:
        os.close(file)
