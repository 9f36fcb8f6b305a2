"""The line number program, chapter 6.2: which address belongs to which line of which file."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from refsfi.debug.dwarf.constants import Form
from refsfi.debug.dwarf.cursor import Budget, Cursor, DwarfError
from refsfi.debug.dwarf.units import Unit

__all__ = ["LineTable", "Position", "Sequence", "read_lines"]

_LINE: Final = ".debug_line"

# What directory and file tables of version 5 may hold, the forms that can say it, and what one takes at least.
_PATH: Final = 1
_DIRECTORY: Final = 2


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a source file; line and column count from 1, 0 where the compiler names none."""

    file: str
    line: int
    column: int


@dataclass(slots=True)
class Sequence:
    """Rows for the addresses from `starts[0]` on and below `end`, ascending."""

    starts: array[int] = field(default_factory=lambda: array("Q"))
    files: array[int] = field(default_factory=lambda: array("I"))
    lines: array[int] = field(default_factory=lambda: array("I"))
    columns: array[int] = field(default_factory=lambda: array("I"))
    end: int = 0

    def row(self, address: int) -> int:
        """The number of the row that an address of the sequence belongs to."""
        return bisect_right(self.starts, address) - 1


@dataclass(slots=True)
class LineTable:
    """`files[n]` is the path of file number n; `sequences` are ascending and do not overlap."""

    files: list[str]
    sequences: list[Sequence]

    def file(self, number: int) -> str:
        return self.files[number] if 0 <= number < len(self.files) else "??"

    def position(self, address: int) -> Position | None:
        at = bisect_right(self.sequences, address, key=lambda sequence: sequence.starts[0]) - 1
        if at < 0 or address >= self.sequences[at].end:
            return None
        sequence = self.sequences[at]
        row = sequence.row(address)
        return Position(self.file(sequence.files[row]), sequence.lines[row], sequence.columns[row])

    def rows(self) -> Iterator[tuple[int, int, int, int]]:
        """(address, file, line, column) of each row."""
        for sequence in self.sequences:
            yield from zip(sequence.starts, sequence.files, sequence.lines, sequence.columns, strict=True)


def read_lines(unit: Unit, offset: int, directory: str, budget: Budget) -> LineTable:
    """The table at an offset of .debug_line; `directory` is where the compiler ran. DwarfError."""
    head = Cursor(unit.sections[_LINE], _LINE, offset)
    length, offset_size = head.length()
    cursor = Cursor(head.data, _LINE, head.pos, head.pos + length)
    version = cursor.unsigned(2)
    if not 2 <= version <= 5:
        raise DwarfError(f"{_LINE}: the table at {offset:#x} is of version {version}; 2 to 5 are known")
    if version == 5:
        cursor.skip(2)
    size = cursor.unsigned(offset_size)
    program = cursor.pos + size
    least = cursor.u8()
    if version >= 4:
        cursor.u8()
    cursor.u8()
    base, span = cursor.signed(1), cursor.u8()
    if span == 0:
        raise DwarfError(f"{_LINE}: the table at {offset:#x} has a line range of 0")
    first_special = cursor.u8()
    operands = [cursor.u8() for _ in range(max(first_special - 1, 0))]
    files = _files_5(unit, cursor, budget) if version == 5 else _files(cursor, directory, budget)
    cursor = Cursor(cursor.data, _LINE, program, cursor.end)
    sequences = _Program(cursor, budget, least, base, span, first_special, operands, unit.address_size).run()
    return LineTable(files, sequences)


def _files(cursor: Cursor, directory: str, budget: Budget) -> list[str]:
    directories = [directory]
    while name := cursor.string():
        budget.spend(1 + len(directory) // 16)
        directories.append(_join(directory, name.decode("utf-8", "replace")))
    # Files count from 1 here.
    files = ["??"]
    while name := cursor.string():
        number = cursor.uleb()
        cursor.uleb()
        cursor.uleb()
        where = directories[number] if number < len(directories) else ""
        budget.spend(1 + len(where) // 16)
        files.append(_join(where, name.decode("utf-8", "replace")))
    return files


def _files_5(unit: Unit, cursor: Cursor, budget: Budget) -> list[str]:
    directories: list[str] = []
    for path, _ in _names_5(unit, cursor, budget):
        directories.append(_join(directories[0], path) if directories else path)
    files = []
    for path, number in _names_5(unit, cursor, budget):
        where = directories[number] if number < len(directories) else ""
        budget.spend(len(where) // 16)
        files.append(_join(where, path))
    return files


def _names_5(unit: Unit, cursor: Cursor, budget: Budget) -> Iterator[tuple[str, int]]:
    shape = [(cursor.uleb(), cursor.uleb()) for _ in range(cursor.u8())]
    for _ in range(cursor.uleb()):
        # Each costs something even where the shape is empty: the count alone may say anything.
        budget.spend(1 + len(shape))
        path, number = "", 0
        for content, form in shape:
            value = cursor.take(16) if form == Form.DATA16 else unit._value(cursor, form)
            if content == _PATH:
                path = unit.string(value, form) or ""
                budget.spend(len(path) // 16)
            elif content == _DIRECTORY and isinstance(value, int):
                number = value
        yield path, number


def _join(directory: str, name: str) -> str:
    # A path of the machine that compiled: not necessarily of this kind of system.
    if not directory or name.startswith(("/", "\\")) or name[1:3] in (":\\", ":/"):
        return name
    return f"{directory.rstrip('/')}/{name}"


_LIMIT: Final = 0xFFFFFFFF


class _Program:
    """The state machine that makes the rows."""

    def __init__(
        self,
        cursor: Cursor,
        budget: Budget,
        least: int,
        base: int,
        span: int,
        first_special: int,
        operands: list[int],
        address_size: int,
    ) -> None:
        self._cursor = cursor
        self._budget = budget
        self._least = least
        self._base = base
        self._span = span
        self._first_special = first_special
        self._operands = operands
        self._mask = (1 << 8 * address_size) - 1
        self._found: list[Sequence] = []
        self._reset()

    def _reset(self) -> None:
        self._address = self._column = 0
        self._file = self._line = 1
        self._rows = Sequence()
        self._sorted = True

    def run(self) -> list[Sequence]:
        cursor = self._cursor
        first_special, base, span, least = self._first_special, self._base, self._span, self._least
        while cursor.pos < cursor.end:
            self._budget.spend()
            code = cursor.u8()
            if code >= first_special:
                code -= first_special
                self._advance(code // span * least)
                self._line = self._line + base + code % span & _LIMIT
                self._row()
            elif code == 0:
                self._extended()
            else:
                self._standard(code)
        return self._in_order()

    def _advance(self, amount: int) -> None:
        self._address = self._address + amount & self._mask

    def _standard(self, code: int) -> None:
        cursor = self._cursor
        match code:
            case 1:
                self._row()
            case 2:
                self._advance(cursor.uleb() * self._least)
            case 3:
                self._line = self._line + cursor.sleb() & _LIMIT
            case 4:
                self._file = cursor.uleb() & _LIMIT
            case 5:
                self._column = cursor.uleb() & _LIMIT
            case 8:
                self._advance((255 - self._first_special) // self._span * self._least)
            case 9:
                self._advance(cursor.unsigned(2))
            case _:
                # Statement, block and prologue marks are not looked at; of what is unknown the operands are known.
                for _ in range(self._operands[code - 1]):
                    cursor.uleb()

    def _extended(self) -> None:
        cursor = self._cursor
        size = cursor.uleb()
        end = cursor.pos + size
        if size == 0 or end > cursor.end:
            raise DwarfError(f"{_LINE}: an instruction of {size} bytes at {cursor.pos:#x}")
        match cursor.u8():
            case 1:
                self._finish()
            case 2:
                self._address = int.from_bytes(cursor.take(min(size - 1, 8)), "little") & self._mask
        cursor.pos = end

    def _row(self) -> None:
        rows = self._rows
        if rows.starts and self._address < rows.starts[-1]:
            self._sorted = False
        rows.starts.append(self._address)
        rows.files.append(self._file)
        rows.lines.append(self._line)
        rows.columns.append(self._column)

    def _finish(self) -> None:
        rows = self._rows
        rows.end = self._address
        # Rows from 0 or the last address are of functions that the linker dropped: no code is there.
        if rows.starts and self._sorted and 0 < rows.starts[0] < rows.end:
            self._found.append(rows)
        self._reset()

    def _in_order(self) -> list[Sequence]:
        """Those that begin inside another are left out: two rows for an address help nobody."""
        found: list[Sequence] = []
        for sequence in sorted(self._found, key=lambda s: s.starts[0]):
            if not found or sequence.starts[0] >= found[-1].end:
                found.append(sequence)
        return found
