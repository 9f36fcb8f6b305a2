"""Values of the binary format, chapter 5.2.

A reader is a function from the bytes and a position to the value and the position behind it. Readers look at single
bytes by indexing and let IndexError escape at the end of the bytes, which keeps a test out of the hottest loops;
`at_end`, around a whole decoding step, turns it into the DecodeError that it means. Whatever is longer than a byte
is checked before it is sliced, for a slice would silently come out short.

As in the reference implementation, a reader stops at the end of the bytes and not at the end of its section; the
section's size is compared afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from refsfi.errors import DecodeError

__all__ = ["at_end", "count", "name", "raw", "s32", "s33", "s64", "u32", "u64", "unexpected_end"]


def unexpected_end(data: bytes) -> DecodeError:
    """The error for a construct that goes on where the bytes have ended."""
    return DecodeError("unexpected end of section or function", len(data))


@contextmanager
def at_end(data: bytes) -> Iterator[None]:
    """Turn the IndexError of reading behind the end of `data` into a DecodeError."""
    try:
        yield
    except IndexError:
        raise unexpected_end(data) from None


# --- integers (rules uN, sN): LEB128 in at most ceil(N / 7) bytes, the last of them with no bit beyond N ------------


def u32(data: bytes, pos: int) -> tuple[int, int]:
    """An unsigned integer below 2^32."""
    byte = data[pos]
    if byte < 0x80:
        return byte, pos + 1
    return _unsigned(data, pos, 32)


def u64(data: bytes, pos: int) -> tuple[int, int]:
    """An unsigned integer below 2^64."""
    byte = data[pos]
    if byte < 0x80:
        return byte, pos + 1
    return _unsigned(data, pos, 64)


def s32(data: bytes, pos: int) -> tuple[int, int]:
    """A signed integer of 32 bits."""
    byte = data[pos]
    if byte < 0x80:
        return (byte ^ 0x40) - 0x40, pos + 1
    return _signed(data, pos, 32)


def s33(data: bytes, pos: int) -> tuple[int, int]:
    """A signed integer of 33 bits: an index of 32 bits, or a negative number that stands for something else."""
    byte = data[pos]
    if byte < 0x80:
        return (byte ^ 0x40) - 0x40, pos + 1
    return _signed(data, pos, 33)


def s64(data: bytes, pos: int) -> tuple[int, int]:
    """A signed integer of 64 bits."""
    byte = data[pos]
    if byte < 0x80:
        return (byte ^ 0x40) - 0x40, pos + 1
    return _signed(data, pos, 64)


def _unsigned(data: bytes, pos: int, bits: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift >= bits:
            raise DecodeError("integer representation too long", pos)
        byte = data[pos]
        low = byte & 0x7F
        if bits - shift < 7 and low >> (bits - shift):
            raise DecodeError("integer too large", pos)
        value |= low << shift
        pos += 1
        shift += 7
        if byte < 0x80:
            return value, pos


def _signed(data: bytes, pos: int, bits: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift >= bits:
            raise DecodeError("integer representation too long", pos)
        byte = data[pos]
        low = byte & 0x7F
        left = bits - shift
        # The bits from the sign bit on must all equal it.
        if left < 7 and low >> (left - 1) not in (0, 0x7F >> (left - 1)):
            raise DecodeError("integer too large", pos)
        value |= low << shift
        pos += 1
        shift += 7
        if byte < 0x80:
            return (value - (1 << shift) if byte & 0x40 else value), pos


# --- lists, bytes, names --------------------------------------------------------------------------------------------


def count(data: bytes, pos: int) -> tuple[int, int]:
    """The length of a list. Its elements take a byte or more each, so it cannot exceed the bytes that are left."""
    number, after = u32(data, pos)
    if number > len(data) - after:
        # The reference implementation counts from the length's first byte.
        if number > len(data) - pos:
            raise DecodeError("length out of bounds", pos)
        raise unexpected_end(data)
    return number, after


def raw(data: bytes, pos: int, size: int) -> tuple[bytes, int]:
    """`size` bytes as they are."""
    end = pos + size
    if end > len(data):
        raise unexpected_end(data)
    return data[pos:end], end


def name(data: bytes, pos: int) -> tuple[str, int]:
    """A name: its length in bytes, then UTF-8."""
    size, pos = count(data, pos)
    end = pos + size
    try:
        return str(data[pos:end], "utf-8"), end
    except UnicodeDecodeError as error:
        raise DecodeError("malformed UTF-8 encoding", pos + error.start) from None
