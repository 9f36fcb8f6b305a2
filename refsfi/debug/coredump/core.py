"""What a core dump holds, as plain data."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from refsfi.errors import WasmError
from refsfi.syntax.types import GlobalType, MemType, NumType

__all__ = ["Core", "CoreError", "CoreFrame", "CoreInstance", "CoreMemory", "CoreThread", "CoreValue"]


class CoreError(WasmError):
    """The bytes are no core dump, or not the one of this module; the message says what is wrong and where."""


# Type and value as in `runtime.values`; None for a value that is not in the file.
CoreValue: TypeAlias = tuple[NumType, Any] | None


@dataclass(frozen=True, slots=True)
class CoreInstance:
    """Of module number `module`; its memories and globals by their numbers in the core dump."""

    module: int
    memories: tuple[int, ...]
    globals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CoreFrame:
    """`offset` counts bytes from the start of the body of function `func`, imports counted, of instance number
    `instance`."""

    instance: int
    func: int
    offset: int
    locals: tuple[CoreValue, ...]
    operands: tuple[CoreValue, ...]


@dataclass(frozen=True, slots=True)
class CoreThread:
    """Frames, innermost first."""

    name: str
    frames: tuple[CoreFrame, ...]


@dataclass(slots=True)
class CoreMemory:
    """`size` bytes, of which `segments` (address, contents), ascending, are in the file; the others are zero."""

    type: MemType
    size: int
    segments: list[tuple[int, bytes]] = field(default_factory=list)

    def read(self, address: int, size: int) -> bytes:
        """So many bytes, fewer where the memory ends."""
        end = min(address + size, self.size)
        if not 0 <= address < end:
            return b""
        found = bytearray(end - address)
        at = max(bisect_right(self.segments, address, key=lambda segment: segment[0]) - 1, 0)
        for start, data in self.segments[at:]:
            if start >= end:
                break
            low, high = max(start, address), min(start + len(data), end)
            if low < high:
                found[low - address : high - address] = data[low - start : high - start]
        return bytes(found)


@dataclass(slots=True)
class Core:
    """`problems` are what could not be read of a damaged file, a line each. `trap` is what the guest failed with, and
    `digests` the modules' SHA-256, where refsfi wrote the file."""

    executable: str = ""
    modules: list[str] = field(default_factory=list)
    instances: list[CoreInstance] = field(default_factory=list)
    threads: list[CoreThread] = field(default_factory=list)
    memories: list[CoreMemory] = field(default_factory=list)
    globals: list[tuple[GlobalType, Any]] = field(default_factory=list)
    trap: str | None = None
    digests: list[str | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def frames(self) -> tuple[CoreFrame, ...]:
        """Those of the first thread."""
        return self.threads[0].frames if self.threads else ()
