"""A module's sections, chapter 5.5.2, before anything in them is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refsfi.binary.codes import MAGIC, VERSION, SectionId
from refsfi.binary.reader import at_end, count
from refsfi.errors import DecodeError

__all__ = ["Section", "sections"]

_IDS = {int(id): id for id in SectionId}


@dataclass(frozen=True, slots=True)
class Section:
    """A section: offsets of its id byte, of its contents (behind the size) and of the end of those."""

    id: SectionId
    at: int
    start: int
    end: int


def sections(data: bytes) -> Iterator[Section]:
    """The sections of a module in the order of the file, whatever that is; DecodeError where the framing breaks."""
    if len(data) < 4:
        raise DecodeError("unexpected end", len(data))
    if data[:4] != MAGIC:
        raise DecodeError("magic header not detected", 0)
    if len(data) < 8:
        raise DecodeError("unexpected end", len(data))
    if data[4:8] != VERSION:
        raise DecodeError("unknown binary version", 4)
    pos = 8
    with at_end(data):
        while pos < len(data):
            id = _IDS.get(data[pos])
            if id is None:
                raise DecodeError("malformed section id", pos)
            size, start = count(data, pos + 1)
            yield Section(id, pos, start, start + size)
            pos = start + size
