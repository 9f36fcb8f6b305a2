"""What a register, or a word of memory, may hold.

A `Number` is a range of unsigned 64-bit integers and, where it is known, a sum: of *symbols*, each of which stands for
one unknown value, and a constant. Two registers with the same sum hold the same. `exact` says that the sum is the value
as integers go, without a carry lost; a comparison bounds an address only if it is.

The rest are pointers. A pointer's kind is all that may be done with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

__all__ = [
    "ANY",
    "I32",
    "MASK",
    "Fuel",
    "Kind",
    "Memory",
    "Number",
    "Pointer",
    "Reference",
    "Room",
    "Value",
    "add",
    "constant",
    "plus",
    "symbol",
]

MASK: Final = (1 << 64) - 1
_HALF: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Number:
    """lo <= value <= hi, and value = symbols + k, modulo 2**64 unless `exact`. `under`, a pair (symbol, c): the value,
    as a signed number, plus c is not above the symbol's."""

    lo: int = 0
    hi: int = MASK
    symbols: tuple[int, ...] | None = None
    k: int = 0
    exact: bool = False
    under: tuple[int, int] | None = None


ANY: Final = Number()
I32: Final = Number(0, (1 << 32) - 1)


class Kind(Enum):
    """What a pointer points to; `index` says which."""

    RECORD = "a memory's record"
    TABLE = "a table's record"
    ELEMENTS = "a table's functions"
    MIRROR = "a table's references"
    GLOBAL = "a global"
    FUNCTIONS = "the instance's functions"
    CELL = "the address of a function's body"
    RETURN = "the return address"
    OPAQUE = "something that is not the code's business"
    JUMPS = "a jump table"  # index: its offset in the unit
    DISTANCE = "a distance from a jump table"
    TARGET = "a jump table's target"


@dataclass(frozen=True, slots=True)
class Pointer:
    """`count`: of JUMPS' kin, how many entries there are."""

    kind: Kind
    index: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """An address in a linear memory: its base and an offset."""

    index: int
    offset: Number


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference; `symbol` stands for which. `record`: a function's record, unless null. `type`: the number of the
    function's type, where it has been compared, else -1. `here`: it is of this instance. `unknown`: it may be none,
    as the word that it is from mirrors one."""

    symbol: int
    nonnull: bool = False
    record: bool = False
    type: int = -1
    here: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of the guest's stack, plus `gained`, minus the cost of the function `callee` (a reference's symbol;
    0 for none). `enough`: it is not negative."""

    gained: int = 0
    callee: int = 0
    enough: bool = False


@dataclass(frozen=True, slots=True)
class Fuel:
    """What is left of fuel. `taken`: once something has been taken from it. `enough`: it is not negative."""

    taken: bool = False
    enough: bool = False


Value: TypeAlias = Number | Pointer | Memory | Reference | Room | Fuel


def constant(value: int) -> Number:
    value &= MASK
    return Number(value, value, (), value, True)


def symbol(number: int, range: Number) -> Number:
    """A value about which nothing is known but its range."""
    return Number(range.lo, range.hi, (number,), 0, True, range.under)


def under(value: Number, of: int) -> int | None:
    """The c with value + c <= symbol `of`, where that is known."""
    if value.under is not None and value.under[0] == of:
        return value.under[1]
    if value.symbols == (of,) and value.exact:
        return -value.k
    return None


def plus(value: Number, delta: int) -> Number:
    """value + delta, a signed constant, modulo 2**64."""
    lo, hi = value.lo + delta, value.hi + delta
    if lo >> 64 == hi >> 64:
        wrapped = lo >> 64 != 0
        lo, hi = lo & MASK, hi & MASK
    else:
        wrapped, lo, hi = True, 0, MASK
    below = None
    if value.hi < _HALF or value.lo >= MASK - _HALF:
        if value.under is not None:
            below = value.under[0], value.under[1] - delta
        elif value.symbols is not None and len(value.symbols) == 1 and value.exact:
            below = value.symbols[0], -value.k - delta
    return Number(lo, hi, value.symbols, value.k + delta, value.exact and not wrapped, below)


def add(a: Number, b: Number) -> Number:
    """a + b modulo 2**64."""
    for one, other in ((a, b), (b, a)):
        if other.symbols == () and other.lo == other.hi:
            # As the negative number that it may stand for only if it is too large otherwise.
            return plus(one, other.lo if one.hi + other.lo <= MASK or other.lo < 1 << 63 else other.lo - (1 << 64))
    lo, hi = a.lo + b.lo, a.hi + b.hi
    fits = hi <= MASK
    symbols = None
    if a.symbols is not None and b.symbols is not None and len(a.symbols) + len(b.symbols) <= 3:
        symbols = tuple(sorted(a.symbols + b.symbols))
    exact = fits and a.exact and b.exact
    return Number(lo, hi, symbols, a.k + b.k, exact) if fits else Number(0, MASK, symbols, a.k + b.k)


def limited(value: Number, lo: int, hi: int) -> Number | None:
    """The value, known to be in a range besides; None where it cannot be."""
    lo, hi = max(value.lo, lo), min(value.hi, hi)
    return replace(value, lo=lo, hi=hi) if lo <= hi else None
