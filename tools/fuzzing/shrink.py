"""Making a finding small: parts are left out as long as the finding stays the same."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["shrink"]

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[()]|[^\s()"]+|\s+|.', re.DOTALL)


def shrink(content: bytes | str, same: Callable[[bytes | str], bool], seconds: float) -> bytes | str:
    """A smaller input for which `same` still holds; after at most `seconds` the smallest one found so far."""
    end = time.monotonic() + seconds
    if isinstance(content, bytes):
        parts: list[Any] = [bytes([b]) for b in content]
        join: Callable[[Sequence[Any]], bytes | str] = b"".join
    else:
        parts = _TOKEN.findall(content)
        join = "".join
    size = max(1, len(parts) // 2)
    while size and time.monotonic() < end:
        at = 0
        smaller = False
        while at < len(parts) and time.monotonic() < end:
            candidate = parts[:at] + parts[at + size :]
            if same(join(candidate)):
                parts = candidate
                smaller = True
            else:
                at += size
        size = size // 2 if not smaller or size > 1 else size
        if size == 1 and not smaller:
            break
    return join(parts)
