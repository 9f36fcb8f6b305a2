"""The file of a recording: a head, then pieces, each with its length and checksum.

    file  = "refsfi recording\\n" version(u16) { piece }
    piece = kind(u8) length(u32) crc32(u32) payload

A file that ends within a piece was cut short by a crash and is good up to there. Numbers are little-endian, and LEB128
in payloads.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO, Final

from refsfi.errors import WasmError
from refsfi.runtime.values import HostRef

__all__ = [
    "Cut",
    "HostObjects",
    "Kind",
    "Opaque",
    "Reader",
    "RecordingError",
    "Writer",
    "pieces",
    "put_bytes",
    "put_number",
    "put_value",
]

MAGIC: Final = b"refsfi recording\n"
VERSION: Final = 2
_VERSION: Final = struct.Struct("<H")
_PIECE: Final = struct.Struct("<BII")

# Bytes of a piece; a module is the largest that there is.
_MOST: Final = 1 << 30


class RecordingError(WasmError):
    """The file is no recording, or a damaged one; or what happens cannot be recorded."""


class Kind(IntEnum):
    HEAD = 1  # JSON: what the store was made with
    MODULE = 2  # zlib: the bytes of a module
    EXTERN = 3  # something of the host's that is no function: memory, table, global, tag
    INSTANTIATE = 4
    INVOKE = 5
    NAME = 6  # of a host function, by number in the order of these pieces
    CALL = 7  # of a host function
    REFUSAL = 8  # the machine had no room for a memory to grow
    END = 9  # JSON: how the run ended
    CHANGE = 10  # what the host did to the guest between two calls
    DONE = 11  # JSON: how the call before ended


class Writer:
    """Writes pieces to a binary file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(MAGIC + _VERSION.pack(VERSION))

    def write(self, kind: Kind, payload: bytes | bytearray) -> None:
        """RecordingError where the file cannot be written."""
        try:
            self._file.write(_PIECE.pack(kind, len(payload), zlib.crc32(payload)) + payload)
        except OSError as error:
            raise RecordingError(f"the recording cannot be written: {error.strerror}") from None


@dataclass(slots=True)
class Cut:
    """Whether a file turned out to be cut short."""

    cut: bool = False


def pieces(data: bytes, cut: Cut) -> Iterator[tuple[Kind, bytes]]:
    """The pieces of a file. RecordingError where it is none, or damaged."""
    head = len(MAGIC) + _VERSION.size
    if data[: len(MAGIC)] != MAGIC:
        raise RecordingError("not a recording: it does not begin as one")
    if len(data) < head:
        raise RecordingError("the recording ends within its head")
    (version,) = _VERSION.unpack_from(data, len(MAGIC))
    if version != VERSION:
        raise RecordingError(f"the recording is of version {version}, and this refsfi reads version {VERSION}")
    at = head
    while at < len(data):
        if at + _PIECE.size > len(data):
            cut.cut = True
            return
        kind, length, checksum = _PIECE.unpack_from(data, at)
        if kind not in Kind.__members__.values() or length > _MOST:
            raise RecordingError(f"the recording is damaged at byte {at:#x}: there is no such piece")
        start = at + _PIECE.size
        payload = data[start : start + length]
        if len(payload) < length:
            cut.cut = True
            return
        if zlib.crc32(payload) != checksum:
            raise RecordingError(f"the recording is damaged at byte {at:#x}: the checksum of a piece is wrong")
        yield Kind(kind), payload
        at = start + length


# --- payloads --------------------------------------------------------------------------------------------------------


class Opaque:
    """A reference of the guest's in the arguments of a call, which says nothing outside of its process: equal to any
    other."""

    def __eq__(self, other: object) -> bool:
        return not isinstance(other, int | bytes | HostRef) and other is not None

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "ref"


def put_number(out: bytearray, number: int) -> None:
    """One that is not negative."""
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def put_bytes(out: bytearray, data: bytes) -> None:
    put_number(out, len(data))
    out += data


@dataclass(frozen=True, slots=True)
class Recorded:
    """What stands for an object of the host's when a recording is run: the guest can only hand it on."""

    number: int


class HostObjects:
    """Numbers the references to its objects that the host hands in, by identity."""

    def __init__(self) -> None:
        # With the reference, so that its id stays its own.
        self._numbers: dict[int, tuple[int, HostRef]] = {}

    def number(self, ref: HostRef) -> int:
        return self._numbers.setdefault(id(ref), (len(self._numbers), ref))[0]


_NUMBER, _VECTOR, _NULL, _OPAQUE, _HOST = range(5)


def put_value(out: bytearray, value: Any, objects: HostObjects, *, opaque: bool = False) -> None:
    """A number, a vector, null or an object of the host's; another reference only where `opaque` ones do.
    RecordingError."""
    if isinstance(value, int):
        out.append(_NUMBER)
        put_number(out, value)
    elif isinstance(value, bytes):
        out.append(_VECTOR)
        put_bytes(out, value)
    elif value is None:
        out.append(_NULL)
    elif isinstance(value, HostRef):
        out.append(_HOST)
        put_number(out, objects.number(value))
    elif opaque:
        out.append(_OPAQUE)
    else:
        raise RecordingError("the host hands a reference of the guest's in, which cannot be recorded")


class Reader:
    """Reads a payload. RecordingError where it ends too soon or has too much. `objects`: what stands for those of the
    host's, by number; what is missing is added."""

    def __init__(self, data: bytes, objects: dict[int, HostRef]) -> None:
        self._data = data
        self._objects = objects
        self._at = 0

    def number(self) -> int:
        number = shift = 0
        data = self._data
        while True:
            if self._at >= len(data) or shift > 140:
                raise RecordingError("the recording is damaged: a number does not end")
            byte = data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def bytes(self) -> bytes:
        length = self.number()
        data = self._data[self._at : self._at + length]
        if len(data) < length:
            raise RecordingError("the recording is damaged: bytes are missing")
        self._at += length
        return data

    def text(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise RecordingError("the recording is damaged: a text is not UTF-8") from None

    def value(self) -> Any:
        tag = self.number()
        if tag == _NUMBER:
            return self.number()
        if tag == _VECTOR:
            return self.bytes()
        if tag == _NULL:
            return None
        if tag == _OPAQUE:
            return Opaque()
        if tag == _HOST:
            number = self.number()
            return self._objects.setdefault(number, HostRef(Recorded(number)))
        raise RecordingError("the recording is damaged: there is no such value")

    def values(self) -> tuple[Any, ...]:
        return tuple(self.value() for _ in range(self.count()))

    def count(self) -> int:
        """Of things that take a byte each at least."""
        count = self.number()
        if count > len(self._data) - self._at:
            raise RecordingError("the recording is damaged: things are missing")
        return count

    def end(self) -> None:
        if self._at != len(self._data):
            raise RecordingError("the recording is damaged: a piece has too much")
