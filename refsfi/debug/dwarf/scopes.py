"""Which functions a unit has, what is inlined into them, and what their variables are: the tree of scopes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from refsfi.debug.dwarf.constants import At, Tag
from refsfi.debug.dwarf.cursor import Budget, DwarfError
from refsfi.debug.dwarf.demangle import demangle, is_mangled
from refsfi.debug.dwarf.ranges import ranges
from refsfi.debug.dwarf.units import Entry, Unit

__all__ = ["Scope", "UnitScopes"]

_SCOPES: Final = (Tag.SUBPROGRAM, Tag.INLINED_SUBROUTINE, Tag.LEXICAL_BLOCK)
_FUNCTIONS: Final = (Tag.SUBPROGRAM, Tag.INLINED_SUBROUTINE)
_VARIABLES: Final = (Tag.FORMAL_PARAMETER, Tag.VARIABLE)
# What qualifies the names inside it.
_NAMING: Final = (
    Tag.NAMESPACE,
    Tag.CLASS_TYPE,
    Tag.STRUCTURE_TYPE,
    Tag.UNION_TYPE,
    Tag.ENUMERATION_TYPE,
    Tag.SUBPROGRAM,
)

# How far an entry may refer to one that refers to another, and how deep a name may be qualified.
_HOPS: Final = 16


@dataclass(slots=True)
class Scope:
    """A function, one inlined into it, or a block, with the addresses [low, high) of its code."""

    entry: Entry
    ranges: list[tuple[int, int]]
    children: list[Scope] = field(default_factory=list)
    variables: list[Entry] = field(default_factory=list)

    @property
    def is_function(self) -> bool:
        return self.entry.tag in _FUNCTIONS

    def contains(self, address: int) -> bool:
        return any(low <= address < high for low, high in self.ranges)


class UnitScopes:
    """Of one unit, read as a whole when it is made. DwarfError."""

    def __init__(self, unit: Unit, budget: Budget) -> None:
        self.unit = unit
        self.functions: list[Scope] = []
        # The unit's own variables: those of the whole program and of the file.
        self.globals: list[Entry] = []
        # Offset of an entry -> offset of the one around it, for qualified names.
        self._around: dict[int, int] = {}
        self._names: dict[int, str | None] = {}
        self._read(budget)
        self._starts = sorted(
            (low, high, number) for number, scope in enumerate(self.functions) for low, high in scope.ranges
        )

    def _read(self, budget: Budget) -> None:
        # The scope and the naming entry that each depth is in.
        scopes: list[Scope | None] = [None]
        naming: list[int | None] = [None]
        for depth, entry in self.unit.entries():
            del scopes[depth + 1 :], naming[depth + 1 :]
            scope, around = scopes[depth], naming[depth]
            if around is not None and (entry.tag in _NAMING or entry.tag in _VARIABLES):
                self._around[entry.offset] = around
            if entry.tag in _VARIABLES:
                if scope is not None:
                    scope.variables.append(entry)
                elif entry.tag == Tag.VARIABLE:
                    self.globals.append(entry)
            if entry.tag in _SCOPES:
                found = Scope(entry, ranges(entry, budget))
                if scope is not None and entry.tag != Tag.SUBPROGRAM:
                    scope.children.append(found)
                elif entry.tag == Tag.SUBPROGRAM and found.ranges:
                    self.functions.append(found)
                scope = found
            scopes.append(scope)
            naming.append(entry.offset if entry.tag in _NAMING else around)

    # --- addresses ---

    def at(self, address: int) -> list[Scope]:
        """The scopes around an address, outermost first: a function, and what is in it. Empty outside of all."""
        place = bisect_right(self._starts, address, key=lambda start: start[0]) - 1
        if place < 0 or address >= self._starts[place][1]:
            return []
        scope: Scope | None = self.functions[self._starts[place][2]]
        found = []
        while scope is not None:
            found.append(scope)
            scope = next((child for child in scope.children if child.contains(address)), None)
        return found

    # --- names ---

    def described(self, entry: Entry) -> Iterator[Entry]:
        """The entry, and those of the same unit that it says to look at for the rest: what it is an instance of, and
        what it completes."""
        for _ in range(_HOPS):
            yield entry
            offset = entry.reference(At.ABSTRACT_ORIGIN)
            if offset is None:
                offset = entry.reference(At.SPECIFICATION)
            if offset is None:
                return
            try:
                entry = self.unit.entry(offset)
            except DwarfError:
                # Linked units share functions by references across units, of which only the name is lost.
                return

    def name(self, entry: Entry) -> str | None:
        """A function's or variable's name: its linkage name made readable, else its own with what it is in."""
        if entry.offset not in self._names:
            self._names[entry.offset] = self._name(entry)
        return self._names[entry.offset]

    def _name(self, entry: Entry) -> str | None:
        described = list(self.described(entry))
        for one in described:
            linkage = one.name(At.LINKAGE_NAME) or one.name(At.MIPS_LINKAGE_NAME)
            if linkage:
                readable = demangle(linkage)
                if not is_mangled(readable):
                    return readable
                break
        else:
            # One that has its own name for the linker as well: C's, and what others declare to be like C's.
            return next((name for one in described if (name := one.name())), None)
        return next((self.qualified(one.offset, name) for one in described if (name := one.name())), linkage)

    def qualified(self, offset: int, name: str) -> str:
        """A name with those of the namespaces and classes around the entry at `offset`."""
        parts = [name]
        around = self._around.get(offset)
        while around is not None and len(parts) < _HOPS:
            parts.append(self.unit.entry(around).name() or "(anonymous)")
            around = self._around.get(around)
        return "::".join(reversed(parts))
