"""Lists of address ranges and of locations: .debug_ranges and .debug_loc up to version 4, .debug_rnglists and
.debug_loclists from version 5 on (chapters 2.6.2, 2.17.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from refsfi.debug.dwarf.constants import At, Form
from refsfi.debug.dwarf.cursor import Budget, Cursor, DwarfError
from refsfi.debug.dwarf.units import ADDRESS_INDICES, Entry, Unit

__all__ = ["location_at", "ranges"]


def ranges(entry: Entry, budget: Budget) -> list[tuple[int, int]]:
    """The code of an entry: [low, high) each. Empty for one without code, and for code that the linker dropped."""
    unit = entry.unit
    if At.RANGES in entry.attributes:
        found = _listed_ranges(entry, budget)
    else:
        low, high = entry.address(At.LOW_PC), entry.number(At.HIGH_PC)
        if low is None or high is None:
            return []
        # A constant is a length, anything else an address.
        form = entry.forms[At.HIGH_PC]
        absolute = form == Form.ADDR or form in ADDRESS_INDICES
        found = [(low, unit.address(high, form) if absolute else low + high)]
    # Dropped functions are at 0, or at the last addresses.
    dead = (1 << 8 * unit.address_size) - 2
    return [(low, high) for low, high in found if 0 < low < high and low < dead]


def _listed_ranges(entry: Entry, budget: Budget) -> list[tuple[int, int]]:
    unit = entry.unit
    value = entry.number(At.RANGES) or 0
    if unit.version >= 5:
        offset = _list_offset(unit, value, entry.forms[At.RANGES], ".debug_rnglists", At.RNGLISTS_BASE)
        return [(low, high) for low, high, _ in _entries_5(unit, ".debug_rnglists", offset, False, budget)]
    return [(low, high) for low, high, _ in _entries(unit, ".debug_ranges", value, False, budget)]


def location_at(entry: Entry, attribute: int, address: int, budget: Budget) -> bytes | None:
    """The expression that says where something is while `address` is executed; None where nothing does."""
    unit = entry.unit
    value = entry.attributes.get(attribute)
    if isinstance(value, bytes):
        return value
    if not isinstance(value, int):
        return None
    if unit.version >= 5:
        offset = _list_offset(unit, value, entry.forms[attribute], ".debug_loclists", At.LOCLISTS_BASE)
        found = _entries_5(unit, ".debug_loclists", offset, True, budget)
    else:
        found = _entries(unit, ".debug_loc", value, True, budget)
    return next((expression for low, high, expression in found if low <= address < high), None)


def _list_offset(unit: Unit, value: int, form: int, section: str, base_attribute: int) -> int:
    if form not in (Form.LOCLISTX, Form.RNGLISTX):
        return value
    base = unit.top.number(base_attribute) or (12 if unit.offset_size == 4 else 20)
    return base + Cursor(unit.sections[section], section, base + value * unit.offset_size).unsigned(unit.offset_size)


def _base(unit: Unit) -> int:
    return unit.top.address(At.LOW_PC) or 0


def _entries(unit: Unit, section: str, offset: int, located: bool, budget: Budget) -> Iterator[tuple[int, int, bytes]]:
    cursor = Cursor(unit.sections[section], section, offset)
    size = unit.address_size
    base, last = _base(unit), (1 << 8 * size) - 1
    while True:
        budget.spend()
        low, high = cursor.unsigned(size), cursor.unsigned(size)
        if low == high == 0:
            return
        if low == last:
            base = high
            continue
        expression = cursor.take(cursor.unsigned(2)) if located else b""
        yield base + low, base + high, expression


# Kinds of entries: the numbers of both lists agree, but for the default location.
_END: Final = 0
_BASE_X: Final = 1
_START_END_X: Final = 2
_START_LENGTH_X: Final = 3
_OFFSETS: Final = 4


def _entries_5(
    unit: Unit, section: str, offset: int, located: bool, budget: Budget
) -> Iterator[tuple[int, int, bytes]]:
    cursor = Cursor(unit.sections[section], section, offset)
    size = unit.address_size
    base = _base(unit)
    # Behind the default location, which only .debug_loclists has, the numbers are one higher.
    shift = 1 if located else 0

    def indexed() -> int:
        return unit.indexed_address(cursor.uleb())

    while True:
        budget.spend()
        kind = cursor.u8()
        if kind == _END:
            return
        if kind == _BASE_X:
            base = indexed()
            continue
        if kind == 5 + shift:
            base = cursor.unsigned(size)
            continue
        if kind == _START_END_X:
            low, high = indexed(), indexed()
        elif kind == _START_LENGTH_X:
            low = indexed()
            high = low + cursor.uleb()
        elif kind == _OFFSETS:
            low, high = base + cursor.uleb(), base + cursor.uleb()
        elif kind == 5 and located:
            low, high = 0, 1 << 64
        elif kind == 6 + shift:
            low, high = cursor.unsigned(size), cursor.unsigned(size)
        elif kind == 7 + shift:
            low = cursor.unsigned(size)
            high = low + cursor.uleb()
        else:
            raise DwarfError(f"{section}: an entry of unknown kind {kind} before {cursor.pos:#x}")
        yield low, high, cursor.take(cursor.uleb()) if located else b""
