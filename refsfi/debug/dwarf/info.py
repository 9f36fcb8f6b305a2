"""The debug information of a module: from file offsets to source lines and functions, and back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from refsfi.binary.codes import SectionId
from refsfi.binary.reader import name as read_name
from refsfi.binary.sections import sections
from refsfi.debug.dwarf.constants import At
from refsfi.debug.dwarf.cursor import Budget, DwarfError
from refsfi.debug.dwarf.lines import LineTable, Position, read_lines
from refsfi.debug.dwarf.ranges import ranges
from refsfi.debug.dwarf.scopes import Scope, UnitScopes
from refsfi.debug.dwarf.units import Sections, Unit, read_units
from refsfi.debug.dwarf.variables import SourceVariable, State, globals_of, variables_at
from refsfi.errors import DecodeError
from refsfi.syntax.module import Module

__all__ = ["DebugInfo", "SourceFrame", "debug_info", "debug_info_hint"]

_SECTIONS: Final = (
    ".debug_abbrev .debug_addr .debug_info .debug_line .debug_line_str .debug_loc .debug_loclists .debug_ranges "
    ".debug_rnglists .debug_str .debug_str_offsets"
).split()

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A function at a place in its source; `inlined` into the next frame. None and 0 stand for what is not known."""

    function: str | None
    file: str | None
    line: int
    column: int
    inlined: bool

    def __str__(self) -> str:
        """`file:line:column`, or as much of it as is known; column 0 is the whole line."""
        place = self.file or "??"
        return f"{place}:{self.line}:{self.column}" if self.line else place


@dataclass(slots=True)
class _UnitInfo:
    """A unit with what has been read of it; None: not yet, or not readable."""

    unit: Unit
    lines: LineTable | None = None
    scopes: UnitScopes | None = None
    lines_read: bool = False
    scopes_read: bool = False


class DebugInfo:
    """Of one module. Whatever cannot be read is left out, and `problems` says so, a line each."""

    def __init__(self, contents: Sections, code: int) -> None:
        self._code = code
        self.problems: list[str] = []
        self._units: list[_UnitInfo] = []
        size = sum(map(len, contents.values()))
        self.budget = Budget(16 * size + 100_000)
        self._tables: dict[int, LineTable] = {}
        self._index: list[tuple[int, int, _UnitInfo]] = []
        self._attempt(lambda: self._read_units(contents), None)

    def _read_units(self, contents: Sections) -> None:
        for unit in read_units(contents, self.budget):
            self._units.append(_UnitInfo(unit))
        for info in self._units:
            self._index += [(low, high, info) for low, high in self._code_of(info)]
        self._index.sort(key=lambda row: row[0])

    def _code_of(self, info: _UnitInfo) -> list[tuple[int, int]]:
        none: list[tuple[int, int]] = []
        found = self._attempt(lambda: ranges(info.unit.top, self.budget), none)
        if found:
            return found
        # Some assemblers leave the unit's range to its lines.
        table = self._lines(info)
        return none if table is None else [(sequence.starts[0], sequence.end) for sequence in table.sequences]

    def _attempt(self, read: Callable[[], _Made], otherwise: _Made) -> _Made:
        try:
            return read()
        except DwarfError as error:
            problem = f"debug information: {error}"
            if problem not in self.problems:
                self.problems.append(problem)
            return otherwise

    # --- from code to source ---

    def locate(self, offset: int) -> list[SourceFrame]:
        """The functions at a file offset, innermost first, those that are inlined before the one they are in. Empty
        where nothing is known."""
        address = offset - self._code
        info = self._unit(address)
        if info is None:
            return []
        table = self._lines(info)
        position = table.position(address) if table is not None else None
        scopes = self._scopes(info)
        functions = [scope for scope in scopes.at(address) if scope.is_function] if scopes is not None else []
        if not functions or scopes is None:
            return [] if position is None else [_frame(None, position, False)]
        frames = []
        for depth in range(len(functions) - 1, -1, -1):
            function = functions[depth]
            frames.append(_frame(self._name(scopes, function), position, depth > 0))
            position = self._call_site(table, function)
        return frames

    def _name(self, scopes: UnitScopes, function: Scope) -> str | None:
        return self._attempt(lambda: scopes.name(function.entry), None)

    def _call_site(self, table: LineTable | None, scope: Scope) -> Position | None:
        """Where an inlined function was called."""
        entry = scope.entry
        number, line = entry.number(At.CALL_FILE), entry.number(At.CALL_LINE)
        if table is None or number is None or line is None:
            return None
        return Position(table.file(number), line, entry.number(At.CALL_COLUMN) or 0)

    def _unit(self, address: int) -> _UnitInfo | None:
        at = bisect_right(self._index, address, key=lambda row: row[0]) - 1
        if at < 0 or address >= self._index[at][1]:
            return None
        found = self._index[at][2]
        self.budget.renew()
        found.unit.budget.renew()
        return found

    def _lines(self, info: _UnitInfo) -> LineTable | None:
        if not info.lines_read:
            info.lines_read = True
            info.lines = self._attempt(lambda: self._read_lines(info.unit), None)
        return info.lines

    def _read_lines(self, unit: Unit) -> LineTable | None:
        offset = unit.top.number(At.STMT_LIST)
        if offset is None:
            return None
        if offset not in self._tables:
            directory = unit.top.name(At.COMP_DIR) or ""
            self._tables[offset] = read_lines(unit, offset, directory, self.budget)
        return self._tables[offset]

    def _scopes(self, info: _UnitInfo) -> UnitScopes | None:
        if not info.scopes_read:
            info.scopes_read = True
            info.scopes = self._attempt(lambda: UnitScopes(info.unit, self.budget), None)
        return info.scopes

    # --- variables ---

    def variables(self, offset: int, state: State) -> list[SourceVariable]:
        """Those that are in scope at a file offset, innermost scope first, with their values in `state`."""
        address = offset - self._code
        info = self._unit(address)
        scopes = None if info is None else self._scopes(info)
        if scopes is None:
            return []
        none: list[SourceVariable] = []
        return self._attempt(lambda: variables_at(scopes, address, state, self.budget), none)

    def globals(self, offset: int, state: State) -> list[SourceVariable]:
        """Those of the unit that the code at a file offset belongs to."""
        info = self._unit(offset - self._code)
        scopes = None if info is None else self._scopes(info)
        if scopes is None:
            return []
        none: list[SourceVariable] = []
        return self._attempt(lambda: globals_of(scopes, state, self.budget), none)

    # --- from source to code ---

    def files(self) -> list[str]:
        """The paths of all source files that have code."""
        found = {table.file(number) for table in self._all_lines() for _, number, _, _ in table.rows()}
        return sorted(found)

    def offsets(self, file: str, line: int) -> list[int]:
        """The file offsets at which the code of a source line begins, ascending; of the next line that has code where
        this one has none. `file` is a path or the end of one: `walk.c`, `src/walk.c`."""
        best: int | None = None
        found: list[int] = []
        for table in self._all_lines():
            wanted = {number for number, path in enumerate(table.files) if _same_file(path, file)}
            if not wanted:
                continue
            for sequence in table.sequences:
                previous = 0
                for row, number in enumerate(sequence.files):
                    here = sequence.lines[row]
                    # Rows that go on with the same line begin nothing.
                    begins = here != previous and number in wanted
                    previous = here if number in wanted else 0
                    if not begins or here < line or (best is not None and here > best):
                        continue
                    if best is None or here < best:
                        best = here
                        found.clear()
                    found.append(sequence.starts[row] + self._code)
        return sorted(set(found))

    def _all_lines(self) -> Iterator[LineTable]:
        self.budget.renew()
        seen: set[int] = set()
        for info in self._units:
            table = self._lines(info)
            if table is not None and id(table) not in seen:
                seen.add(id(table))
                yield table


def _frame(function: str | None, position: Position | None, inlined: bool) -> SourceFrame:
    if position is None:
        return SourceFrame(function, None, 0, 0, inlined)
    return SourceFrame(function, position.file, position.line, position.column, inlined)


def _same_file(path: str, file: str) -> bool:
    return path == file or path.endswith(f"/{file.removeprefix('./')}")


# --- modules ---------------------------------------------------------------------------------------------------------


def debug_info(module: Module) -> DebugInfo | None:
    """What a module says about its source; None for one without debug information, and for text."""
    if module.binary is None:
        return None
    contents = dict.fromkeys(_SECTIONS, b"")
    contents.update((custom.name, custom.data) for custom in module.customs if custom.name in contents)
    if not contents[".debug_info"]:
        return None
    code = next((section.start for section in sections(module.binary) if section.id is SectionId.CODE), None)
    return None if code is None else DebugInfo(contents, code)


def debug_info_hint(module: Module) -> str | None:
    """Where the debug information may be of a module that has none in itself, as a clause; None where it says
    nothing."""
    customs = {custom.name: custom.data for custom in module.customs}
    parts = []
    if "external_debug_info" in customs:
        try:
            where, _ = read_name(customs["external_debug_info"], 0)
            parts.append(f"it names '{where}' as the file that has it")
        except (DecodeError, IndexError):
            parts.append("what it says about a file that has it cannot be read")
    if "build_id" in customs:
        # A length and the bytes.
        parts.append(f"its build id is {customs['build_id'][1:33].hex()}")
    return ", and ".join(parts) or None
