"""Units of .debug_info and the entries (DIEs) in them, chapter 7.5 of the standard.

Entries are read one behind the other, never through the sibling references, which may lead anywhere. What an entry
says is kept as its forms have it; strings and addresses are looked up when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from refsfi.debug.dwarf.constants import At, Form, Tag
from refsfi.debug.dwarf.cursor import Budget, Cursor, DwarfError

__all__ = ["ADDRESS_INDICES", "Entry", "Sections", "Unit", "read_units"]

# Name (with its dot) -> contents; a section that is absent is empty.
Sections: TypeAlias = Mapping[str, bytes]

_INFO: Final = ".debug_info"


@dataclass(frozen=True, slots=True)
class _Abbreviation:
    """The shape of an entry: (attribute, form, implicit constant) each."""

    tag: int
    children: bool
    attributes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`offset` is its place in .debug_info; `attributes` the forms' raw values, `forms` which form each had."""

    unit: Unit
    offset: int
    tag: int
    children: bool
    attributes: dict[int, Any]
    forms: dict[int, int]

    def name(self, attribute: int = At.NAME) -> str | None:
        """A string, None where the entry has none."""
        return self.unit.string(self.attributes.get(attribute), self.forms.get(attribute))

    def number(self, attribute: int) -> int | None:
        """A constant, None where it is none."""
        value = self.attributes.get(attribute)
        return value if isinstance(value, int) else None

    def address(self, attribute: int) -> int | None:
        """An address, looked up in .debug_addr where it is an index."""
        value = self.attributes.get(attribute)
        return self.unit.address(value, self.forms[attribute]) if isinstance(value, int) else None

    def reference(self, attribute: int) -> int | None:
        """The offset in .debug_info of the entry that is referred to; None for one that is not there."""
        value = self.attributes.get(attribute)
        if not isinstance(value, int):
            return None
        form = self.forms[attribute]
        if form == Form.REF_ADDR:
            return value
        return self.unit.start + value if form in _LOCAL_REFERENCES else None


_LOCAL_REFERENCES: Final = frozenset({Form.REF1, Form.REF2, Form.REF4, Form.REF8, Form.REF_UDATA})


@dataclass(slots=True)
class Unit:
    """A unit from `start` to `end`; its first entry begins at `first`. `offset_size` is 4 or 8."""

    sections: Sections
    start: int
    end: int
    first: int
    version: int
    offset_size: int
    address_size: int
    abbreviations: dict[int, _Abbreviation]
    # What reading its entries may cost: their attributes take one byte each on average, or more.
    budget: Budget
    top: Entry = field(init=False)

    # --- entries ---

    def entry(self, offset: int) -> Entry:
        """The entry at an offset in .debug_info. DwarfError where there is none."""
        if not self.first <= offset < self.end:
            raise DwarfError(f"{_INFO}: a reference to {offset:#x} leaves its unit")
        found = self._read(Cursor(self.sections[_INFO], _INFO, offset, self.end))
        if found is None:
            raise DwarfError(f"{_INFO}: a reference to {offset:#x}, where no entry is")
        return found

    def entries(self, start: int | None = None) -> Iterator[tuple[int, Entry]]:
        """An entry, the unit's own if not said, and all those in it, in order, each with its depth: 0 for the first."""
        cursor = Cursor(self.sections[_INFO], _INFO, self.first if start is None else start, self.end)
        depth = 0
        while cursor.pos < self.end:
            found = self._read(cursor)
            if found is None:
                depth -= 1
                if depth <= 0:
                    return
                continue
            yield depth, found
            if found.children:
                depth += 1
            elif depth == 0:
                return

    def _read(self, cursor: Cursor) -> Entry | None:
        offset = cursor.pos
        code = cursor.uleb()
        if code == 0:
            return None
        shape = self.abbreviations.get(code)
        if shape is None:
            raise DwarfError(f"{_INFO}: an entry at {offset:#x} of unknown shape {code}")
        self.budget.spend(1 + len(shape.attributes))
        attributes: dict[int, Any] = {}
        forms: dict[int, int] = {}
        for attribute, form, implicit in shape.attributes:
            if form == Form.INDIRECT:
                form = cursor.uleb()
            attributes[attribute] = implicit if form == Form.IMPLICIT_CONST else self._value(cursor, form)
            forms[attribute] = form
        return Entry(self, offset, shape.tag, shape.children, attributes, forms)

    def _value(self, cursor: Cursor, form: int) -> Any:
        size = _FIXED.get(form)
        if size is not None:
            return cursor.unsigned(size)
        match form:
            case Form.STRP | Form.LINE_STRP | Form.SEC_OFFSET | Form.STRP_SUP:
                return cursor.unsigned(self.offset_size)
            case Form.REF_ADDR:
                return cursor.unsigned(self.address_size if self.version == 2 else self.offset_size)
            case Form.ADDR:
                return cursor.unsigned(self.address_size)
            case Form.UDATA | Form.REF_UDATA | Form.STRX | Form.ADDRX | Form.LOCLISTX | Form.RNGLISTX:
                return cursor.uleb()
            case Form.SDATA:
                return cursor.sleb()
            case Form.FLAG_PRESENT:
                return 1
            case Form.STRING:
                return cursor.string()
            case Form.EXPRLOC | Form.BLOCK:
                return cursor.take(cursor.uleb())
            case Form.BLOCK1:
                return cursor.take(cursor.unsigned(1))
            case Form.BLOCK2:
                return cursor.take(cursor.unsigned(2))
            case Form.BLOCK4:
                return cursor.take(cursor.unsigned(4))
        raise DwarfError(f"{_INFO}: unknown form {form:#x} before {cursor.pos:#x}")

    # --- what forms refer to ---

    def string(self, value: Any, form: int | None) -> str | None:
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if not isinstance(value, int):
            return None
        section = ".debug_line_str" if form == Form.LINE_STRP else ".debug_str"
        if form in _STRING_INDICES:
            base = self.top.number(At.STR_OFFSETS_BASE) or 2 * self.offset_size
            value = self._indexed(".debug_str_offsets", base, value, self.offset_size)
        elif form not in (Form.STRP, Form.LINE_STRP):
            return None
        return Cursor(self.sections[section], section, value).string().decode("utf-8", "replace")

    def address(self, value: int, form: int) -> int:
        return self.indexed_address(value) if form in ADDRESS_INDICES else value

    def indexed_address(self, index: int) -> int:
        """An entry of the unit's part of .debug_addr."""
        return self._indexed(".debug_addr", self.top.number(At.ADDR_BASE) or 8, index, self.address_size)

    def _indexed(self, section: str, base: int, index: int, size: int) -> int:
        return Cursor(self.sections[section], section, base + index * size).unsigned(size)


_STRING_INDICES: Final = frozenset({Form.STRX, Form.STRX1, Form.STRX2, Form.STRX3, Form.STRX4})
ADDRESS_INDICES: Final = frozenset({Form.ADDRX, Form.ADDRX1, Form.ADDRX2, Form.ADDRX3, Form.ADDRX4})
_FIXED: Final[dict[int, int]] = {
    Form.DATA1: 1,
    Form.DATA2: 2,
    Form.DATA4: 4,
    Form.DATA8: 8,
    Form.DATA16: 16,
    Form.FLAG: 1,
    Form.REF1: 1,
    Form.REF2: 2,
    Form.REF4: 4,
    Form.REF8: 8,
    Form.REF_SUP4: 4,
    Form.REF_SUP8: 8,
    Form.REF_SIG8: 8,
    Form.STRX1: 1,
    Form.STRX2: 2,
    Form.STRX3: 3,
    Form.STRX4: 4,
    Form.ADDRX1: 1,
    Form.ADDRX2: 2,
    Form.ADDRX3: 3,
    Form.ADDRX4: 4,
}

_TYPE_UNITS: Final = (2, 6)
_WITH_ID: Final = (4, 5)  # skeleton and split units have an id of 8 bytes behind their header


def read_units(sections: Sections, budget: Budget) -> Iterator[Unit]:
    """The compilation units in order. DwarfError at the first that makes no sense; what follows cannot be found."""
    data = sections[_INFO]
    tables: dict[int, dict[int, _Abbreviation]] = {}
    cursor = Cursor(data, _INFO)
    while cursor.pos < len(data):
        start = cursor.pos
        length, offset_size = cursor.length()
        end = cursor.pos + length
        if end > len(data):
            raise DwarfError(f"{_INFO}: the unit at {start:#x} is longer than the section")
        version = cursor.unsigned(2)
        if not 2 <= version <= 5:
            raise DwarfError(f"{_INFO}: the unit at {start:#x} is of version {version}; 2 to 5 are known")
        kind = cursor.u8() if version == 5 else 1
        if version == 5:
            address_size = cursor.u8()
            table = cursor.unsigned(offset_size)
        else:
            table = cursor.unsigned(offset_size)
            address_size = cursor.u8()
        if kind in _WITH_ID:
            cursor.skip(8)
        if address_size not in (4, 8):
            raise DwarfError(f"{_INFO}: the unit at {start:#x} has addresses of {address_size} bytes; 4 or 8 are known")
        if table not in tables:
            tables[table] = _abbreviations(sections[".debug_abbrev"], table, budget)
        first, cursor.pos = cursor.pos, end
        if kind in _TYPE_UNITS:
            continue
        cost = Budget(16 * length + 1000)
        unit = Unit(sections, start, end, first, version, offset_size, address_size, tables[table], cost)
        unit.top = unit.entry(first)
        if unit.top.tag in (Tag.COMPILE_UNIT, Tag.PARTIAL_UNIT, Tag.SKELETON_UNIT):
            yield unit


def _abbreviations(data: bytes, offset: int, budget: Budget) -> dict[int, _Abbreviation]:
    table: dict[int, _Abbreviation] = {}
    cursor = Cursor(data, ".debug_abbrev", offset)
    while True:
        code = cursor.uleb()
        if code == 0:
            return table
        tag = cursor.uleb()
        children = cursor.u8() != 0
        attributes = []
        while True:
            budget.spend()
            attribute, form = cursor.uleb(), cursor.uleb()
            if form == Form.IMPLICIT_CONST:
                attributes.append((attribute, form, cursor.sleb()))
            elif attribute or form:
                attributes.append((attribute, form, 0))
            else:
                break
        table[code] = _Abbreviation(tag, children, tuple(attributes))
