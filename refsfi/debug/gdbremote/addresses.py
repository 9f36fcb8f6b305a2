"""LLDB's address space for WebAssembly: one number for a place in any memory or any module.

Bits 63 and 62 say what the address is of, bits 61 to 32 of which instance, bits 31 to 0 where in it: the address in its
first memory, or the offset in its module's file.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ["Address", "Space"]


class Space(IntEnum):
    MEMORY = 0
    CODE = 1


class Address(NamedTuple):
    """`instance` counts instances from 0, in the order in which they were made."""

    space: int
    instance: int
    offset: int

    @classmethod
    def of(cls, number: int) -> Address:
        """The parts of a 64-bit number. Its space may be one that there is not."""
        return cls(number >> 62 & 3, number >> 32 & 0x3FFF_FFFF, number & 0xFFFF_FFFF)

    def __int__(self) -> int:
        return self.space << 62 | self.instance << 32 | self.offset
