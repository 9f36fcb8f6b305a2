"""Reading numbers and strings out of a debug section, never beyond its end, and the budget of a reader."""

from __future__ import annotations

from refsfi.errors import WasmError

__all__ = ["Budget", "Cursor", "DwarfError"]


class DwarfError(WasmError):
    """The debug information cannot be read; the message says what is wrong and in which section."""


class Budget:
    """How much work may still be done. Sections are small and say how much there is to read in them, but several parts
    may refer to one and the same other part; without a bound, a few kilobytes could ask for hours."""

    __slots__ = ("_amount", "_left")

    def __init__(self, amount: int) -> None:
        self._amount = self._left = amount

    def renew(self) -> None:
        """For the next question."""
        self._left = self._amount

    def spend(self, amount: int = 1) -> None:
        """DwarfError where nothing is left."""
        self._left -= amount
        if self._left < 0:
            raise DwarfError("the debug information asks for far more work than its size warrants")


class Cursor:
    """A position in a section. DwarfError where the section ends too early."""

    __slots__ = ("data", "end", "name", "pos")

    def __init__(self, data: bytes, name: str, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.name = name
        self.pos = pos
        self.end = len(data) if end is None else min(end, len(data))
        if not 0 <= pos <= self.end:
            raise DwarfError(f"{name}: offset {pos:#x} lies outside of the section's {len(data):#x} bytes")

    def take(self, count: int) -> bytes:
        pos = self.pos
        if count > self.end - pos:
            raise DwarfError(f"{self.name}: unexpected end at {self.end:#x}")
        self.pos = pos + count
        return self.data[pos : pos + count]

    def skip(self, count: int) -> None:
        if count > self.end - self.pos:
            raise DwarfError(f"{self.name}: unexpected end at {self.end:#x}")
        self.pos += count

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little", signed=True)

    def u8(self) -> int:
        pos = self.pos
        if pos >= self.end:
            raise DwarfError(f"{self.name}: unexpected end at {self.end:#x}")
        self.pos = pos + 1
        return self.data[pos]

    def uleb(self) -> int:
        """At most 64 bits count: no offset and no constant has more."""
        byte = self.u8()
        if byte < 0x80:
            return byte
        value, shift = byte & 0x7F, 7
        while byte >= 0x80:
            byte = self.u8()
            if shift < 64:
                value |= (byte & 0x7F) << shift
            shift += 7
        return value & 0xFFFFFFFFFFFFFFFF

    def sleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.u8()
            if shift < 64:
                value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        width = min(shift, 64)
        value &= (1 << width) - 1
        return value - (1 << width) if value >> (width - 1) else value

    def string(self) -> bytes:
        """Up to a NUL."""
        stop = self.data.find(b"\0", self.pos, self.end)
        if stop < 0:
            raise DwarfError(f"{self.name}: a string at {self.pos:#x} does not end")
        text = self.data[self.pos : stop]
        self.pos = stop + 1
        return text

    def length(self) -> tuple[int, int]:
        """The length that a unit begins with, and the size of offsets in it: 4, or 8 where it says so."""
        value = self.unsigned(4)
        if value == 0xFFFFFFFF:
            return self.unsigned(8), 8
        if value >= 0xFFFFFFF0:
            raise DwarfError(f"{self.name}: a reserved unit length at {self.pos - 4:#x}")
        return value, 4
