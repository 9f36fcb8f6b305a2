"""Breakpoints, catchpoints and watchpoints: what they are, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from refsfi.debug.model import DebugError, Place
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import GlobalInst
from refsfi.runtime.table import TableInst

__all__ = ["Access", "Breakpoint", "Breakpoints", "Event", "Watched"]


class Event(StrEnum):
    """What can be caught other than an instruction."""

    TRAP = "trap"
    THROW = "throw"
    IMPORT = "import"
    EXPORT = "export"
    GROW = "grow"
    EXIT = "exit"
    SYSCALL = "syscall"


class Access(StrEnum):
    """What a watchpoint stops at. `change` is a write that leaves another value."""

    READ = "read"
    WRITE = "write"
    ACCESS = "access"
    CHANGE = "change"

    @property
    def reads(self) -> bool:
        return self in (Access.READ, Access.ACCESS)

    @property
    def writes(self) -> bool:
        return self is not Access.READ


@dataclass(frozen=True, slots=True)
class Watched:
    """`size` bytes of a memory from `start`, elements of a table, a global, or a field of a structure or an array:
    `item` says which."""

    item: Any
    start: int = 0
    size: int = 1
    text: str = ""

    def value(self) -> Any:
        """What is there now: bytes, a tuple of elements, or a value; None where it does not exist."""
        item = self.item
        if isinstance(item, MemInst):
            return bytes(item.data[self.start : self.start + self.size])
        if isinstance(item, TableInst):
            return tuple(item.elems[self.start : self.start + self.size])
        if isinstance(item, GlobalInst):
            return item.value
        values = item.fields if hasattr(item, "fields") else item.items
        return values[self.start] if self.start < len(values) else None


@dataclass(slots=True, eq=False)
class Breakpoint:
    """One of them. What it is: `place`, an instruction; `rule`, a rule of the specification, before whose instructions
    it stops; `event`, with the `name` of an import, export or WASI function, None for any; or `watched` and `access`.

    `condition` is an expression of `refsfi.debug.expressions`: it does not count where that is zero. `ignore`: how many
    times more it is passed. `hits`: how often it was met while the guest went forward. `accept` is asked last whether
    it counts, and told whether this is a look back. `commands` are the face's.
    """

    number: int
    place: Place | None = None
    rule: str | None = None
    event: Event | None = None
    name: str | None = None
    watched: Watched | None = None
    access: Access = Access.CHANGE
    condition: str | None = None
    ignore: int = 0
    enabled: bool = True
    temporary: bool = False
    hits: int = 0
    accept: Callable[[Breakpoint, bool], bool] | None = None
    commands: list[str] = field(default_factory=list)
    # Why the condition could not be evaluated the last time, which counts as fulfilled.
    trouble: str = ""

    @property
    def title(self) -> str:
        """What it stops at, in words."""
        if self.watched is not None:
            return f"{self.access} of {self.watched.text}"
        if self.event is not None:
            return f"catch {self.event}" + ("" if self.name is None else f" {self.name}")
        if self.rule is not None:
            return f"rule {self.rule}"
        return str(self.place)


class Breakpoints:
    """All of them by number. `changed` is called when other instructions are to be stopped at than before."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._all: dict[int, Breakpoint] = {}
        self._next = 1
        self._changed = changed

    def __iter__(self) -> Iterator[Breakpoint]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, number: int) -> Breakpoint:
        found = self._all.get(number)
        if found is None:
            raise DebugError(f"no breakpoint number {number}")
        return found

    @property
    def enabled(self) -> Iterable[Breakpoint]:
        return [b for b in self._all.values() if b.enabled]

    def add(self, **what: Any) -> Breakpoint:
        found = Breakpoint(self._next, **what)
        self._next += 1
        self._all[found.number] = found
        self._changed()
        return found

    def remove(self, number: int) -> None:
        del self._all[self[number].number]
        self._changed()

    def enable(self, number: int, enabled: bool = True) -> None:
        self[number].enabled = enabled
        self._changed()
