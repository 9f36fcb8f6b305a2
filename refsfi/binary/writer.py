"""Values of the binary format, chapter 5.2, in their shortest form.

A writer appends to a bytearray. ValueError where a number does not fit its field: such a module has no binary form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from typing import Protocol, TypeVar

__all__ = ["items", "name", "sized", "sleb", "uleb", "unsigned"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Collection(Sized, Iterable[T_co], Protocol[T_co]):
    """What can be counted and gone through."""


def uleb(out: bytearray, value: int) -> None:
    """An unsigned integer of at most 64 bits."""
    if 0 <= value < 0x80:
        out.append(value)
        return
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value} is no unsigned integer of 64 bits")
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def unsigned(out: bytearray, value: int) -> None:
    """An unsigned integer of 32 bits: an index or a length."""
    if value >= 1 << 32:
        raise ValueError(f"{value} is no unsigned integer of 32 bits")
    uleb(out, value)


def sleb(out: bytearray, value: int) -> None:
    """A signed integer of at most 64 bits."""
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{value} is no signed integer of 64 bits")
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)


def name(out: bytearray, text: str) -> None:
    """A name: its length in bytes, then UTF-8."""
    sized(out, text.encode("utf-8"))


def sized(out: bytearray, data: bytes | bytearray) -> None:
    """Bytes behind their number."""
    unsigned(out, len(data))
    out += data


def items(out: bytearray, values: _Collection[T], write: Callable[[bytearray, T], None]) -> None:
    """A list: its length, then its elements."""
    unsigned(out, len(values))
    for value in values:
        write(out, value)
