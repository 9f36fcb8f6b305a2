"""Compiled code for Linux `perf`, with names, bytes and lines: the jitdump format of tools/perf in Linux
(Documentation/jitdump-specification.txt).

A file `jit-PID.dump` begins with a header; records follow, one a region and another, in front of it, with its lines.
`perf record` notes the file because a page of it is mapped executable; `perf inject --jit` makes an object file of each
region. Times are those of the monotonic clock: `perf record -k mono`.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["CLOSE", "DEBUG_INFO", "LOAD", "JitDump", "Line"]

_MAGIC: Final = 0x4A695444
_VERSION: Final = 1
_X86_64: Final = 62
# Magic, version, its own size, machine, padding, process, time, flags.
_HEADER: Final = struct.Struct("<6I2Q")
# Kind, size with this prefix, time.
_PREFIX: Final = struct.Struct("<2IQ")
# Process, thread, address twice (where it runs, where it was made), size, number.
_LOAD: Final = struct.Struct("<2I4Q")
# Address of the code, number of lines.
_DEBUG_INFO: Final = struct.Struct("<2Q")
# Address, line, discriminator; the file's name follows.
_LINE: Final = struct.Struct("<QII")

LOAD: Final = 0
DEBUG_INFO: Final = 2
CLOSE: Final = 3


class Line(NamedTuple):
    """From `offset` bytes behind the beginning of a region on, code is for this line of a file."""

    offset: int
    file: str
    line: int


class JitDump:
    """Writes this process's file into a folder. OSError where that is refused. A process that forks away from it
    writes nothing: the file has the parent's number."""

    def __init__(self, folder: str) -> None:
        self.process = os.getpid()
        self.path = os.path.join(folder, f"jit-{self.process}.dump")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self.path, flags, 0o600)
        header = _HEADER.pack(_MAGIC, _VERSION, _HEADER.size, _X86_64, 0, self.process, time.monotonic_ns(), 0)
        os.write(self._file, header)
        # What tells `perf record` of the file; it stays mapped as long as the process lives.
        self._marker = mmap.mmap(self._file, _HEADER.size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
        self._count = 0
        self._lock = threading.Lock()

    def load(self, address: int, code: bytes, name: str, lines: Iterable[Line]) -> None:
        """Say that these bytes are at an address now. OSError where the file cannot be written."""
        if os.getpid() != self.process:
            return
        with self._lock:
            now = time.monotonic_ns()
            entries = [_LINE.pack(address + line.offset, line.line, 0) + _text(line.file) for line in lines]
            records = b""
            if entries:
                records = _record(DEBUG_INFO, now, _DEBUG_INFO.pack(address, len(entries)) + b"".join(entries))
            place = _LOAD.pack(self.process, threading.get_native_id(), address, address, len(code), self._count)
            records += _record(LOAD, now, place + _text(name) + code)
            self._count += 1
            _write(self._file, records)

    def close(self) -> None:
        """Say that nothing follows."""
        if os.getpid() == self.process and self._file >= 0:
            _write(self._file, _record(CLOSE, time.monotonic_ns(), b""))
            os.close(self._file)
            self._file = -1


def _record(kind: int, now: int, content: bytes) -> bytes:
    return _PREFIX.pack(kind, _PREFIX.size + len(content), now) + content


def _text(name: str) -> bytes:
    """A string that ends with a zero byte and has no other, nor anything that moves a terminal's cursor."""
    shown = name if name.isprintable() else "".join(c if c.isprintable() else "?" for c in name)
    return shown.encode("utf-8", "replace") + b"\0"


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
