"""The wire: messages of JSON, each behind a header that says how many bytes it has.

Debug Adapter Protocol, "Base protocol". What is no message is told as `Garbled` and skipped, up to where the next
header begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

__all__ = ["MOST", "Framer", "Garbled", "Message", "frame"]

# Bytes of a message that are accepted: more than any client has to say, memory that it writes included.
MOST: Final = 1 << 26
_MOST_HEADER: Final = 1 << 12

Message: TypeAlias = "dict[str, Any]"

_LENGTH: Final = re.compile(rb"content-length:[ \t]*([0-9]{1,18})[ \t]*\r?\n", re.IGNORECASE)
_BEGIN: Final = re.compile(rb"content-length:", re.IGNORECASE)
_END: Final = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes that are no message; `why` is a sentence."""

    why: str


class Framer:
    """Cuts a stream into messages, however it arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # Of a message that is too long, so many bytes are still to be passed over.
        self._skip = 0
        # Bytes without a header have been reported once.
        self._lost = False

    def feed(self, data: bytes) -> Iterator[Message | Garbled]:
        """The messages that are complete now."""
        self._buffer += data
        while True:
            if self._skip:
                passed = min(self._skip, len(self._buffer))
                del self._buffer[:passed]
                self._skip -= passed
            item = self._next()
            if item is None:
                return
            yield item

    def _next(self) -> Message | Garbled | None:
        buffer = self._buffer
        begin = _BEGIN.search(buffer)
        if begin is None or begin.start():
            # A header may have other fields in front; anything else is not the protocol's.
            lost = self._resynchronize(len(buffer) if begin is None else begin.start())
            if lost is not None:
                return lost
            begin = _BEGIN.search(buffer)
        if begin is None:
            return None
        end = _END.search(buffer, begin.start())
        if end is None or end.end() > _MOST_HEADER:
            if len(buffer) <= _MOST_HEADER:
                return None
            del buffer[: begin.end()]
            return Garbled(f"a header does not end within {_MOST_HEADER} bytes")
        header = _LENGTH.match(buffer, begin.start())
        if header is None:
            del buffer[: begin.end()]
            self._lost = True
            return Garbled("a header's Content-Length is not a number of bytes")
        size = int(header[1])
        if size > MOST:
            del buffer[: end.end()]
            self._skip = size
            return Garbled(f"a message of {size} bytes is too long; up to {MOST} are read")
        if len(buffer) < end.end() + size:
            return None
        body = bytes(buffer[end.end() : end.end() + size])
        del buffer[: end.end() + size]
        self._lost = False
        return _parse(body)

    def _resynchronize(self, size: int) -> Garbled | None:
        """Pass over bytes in front of a header."""
        front = bytes(self._buffer[:size])
        if _is_fields(front):
            if len(front) <= _MOST_HEADER:
                return None
        elif size == len(self._buffer):
            # The last bytes may be the beginning of one.
            size = max(size - len(b"content-length"), 0)
            if not size:
                return None
        del self._buffer[:size]
        if self._lost:
            return None
        self._lost = True
        return Garbled("bytes came that are no message: each begins with Content-Length: and the number of its bytes")


def _is_fields(data: bytes) -> bool:
    """Whether these are header fields, the last perhaps incomplete."""
    return all(re.match(rb"[A-Za-z-]+(:|$)", line) for line in data.split(b"\n") if line.strip())


def _parse(body: bytes) -> Message | Garbled:
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        # What cannot be decoded is a ValueError as well.
        return Garbled(f"a message of {len(body)} bytes is not JSON: {str(error)[:200]}")
    if not isinstance(message, dict):
        return Garbled("a message is JSON, but not an object")
    return message


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def frame(message: Message) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
