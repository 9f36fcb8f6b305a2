"""The log of what came into the sandbox: every call of a host function, with its results and what it wrote.

The guest's imports are replaced by functions that go through the journal. Where the log already has what a call gave
the first time, that is given again and the host is left alone; so going back and forth in time, or replaying a
recording, never touches the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from refsfi.debug.executor import Halt
from refsfi.debug.model import DebugError, Reason
from refsfi.errors import Crash, GuestException, GuestExit, MemoryFault, Trap, TrapCode
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import GlobalInst, HostFunc
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value

__all__ = ["Call", "Effects", "Exhausted", "Journal", "World", "Writes", "bordered"]

# (memory, address, bytes) in the order in which they were written.
Writes: TypeAlias = "list[tuple[MemInst, int, bytes]]"


class Exhausted(Halt):
    """A replayed recording has no more calls: it was cut short here."""


@dataclass(slots=True)
class Effects:
    """What a host function did to the guest's state besides returning. `grown`: memories and their new sizes in
    bytes."""

    writes: Writes = field(default_factory=list)
    grown: list[tuple[MemInst, int]] = field(default_factory=list)
    globals: list[tuple[GlobalInst, Value]] = field(default_factory=list)
    tables: list[tuple[TableInst, list[Value]]] = field(default_factory=list)

    def apply(self) -> None:
        for memory, size in self.grown:
            missing = size - len(memory.data) >> memory.declared.page_size_log2
            if missing > 0 and memory.grow(missing) is None:
                raise DebugError(f"a memory cannot grow to {size} bytes, as it did before: this machine has no room")
        for memory, address, data in self.writes:
            memory.data[address : address + len(data)] = data
        for variable, value in self.globals:
            variable.value = value
        for table, elems in self.tables:
            table.elems[:] = elems


@dataclass(slots=True)
class Call:
    """`failure` makes what the function raised, None where it returned `results`. `clock`: instructions before it.
    `decisions`: what is to be told of it to people."""

    name: str
    arguments: tuple[Value, ...]
    results: tuple[Value, ...] = ()
    effects: Effects = field(default_factory=Effects)
    failure: Callable[[], Exception] | None = None
    clock: int = 0
    decisions: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        return "" if self.failure is None else str(self.failure())


class World(Protocol):
    """What the journal has to know of the guest."""

    def before(self, function: HostFunc, arguments: tuple[Value, ...]) -> None:
        """The guest is about to call; may raise `Halt`."""

    def after(self, call: Call) -> None:
        """The effects of a call have come about."""

    def now(self) -> int:
        """The instructions before the call that is being made."""

    def shared(self) -> tuple[Iterable[MemInst], Iterable[GlobalInst], Iterable[TableInst]]:
        """What of the guest's a host function may be able to change."""


class Journal:
    """`cursor`: how many calls lie before the present. A journal that is not `live` only has what it was given."""

    def __init__(self, *, live: bool = True) -> None:
        self.calls: list[Call] = []
        self.cursor = 0
        self.live = live
        self.world: World | None = None
        # Whether a host function is being executed; what it calls back into the guest belongs to that call.
        self.inside = False
        # Told of a call when it has been made for the first time.
        self.record: Callable[[Call], None] | None = None
        self._decisions: list[str] = []

    def note(self, line: str) -> None:
        """A host function's remark about the call that it is in."""
        self._decisions.append(line)

    def cut(self) -> bool:
        """Forget what was recorded behind the present; whether there was anything."""
        had = len(self.calls) > self.cursor
        del self.calls[self.cursor :]
        return had

    def call(self, function: HostFunc, arguments: tuple[Value, ...]) -> Sequence[Value]:
        """What stands in for `function`."""
        world = self.world
        if world is None or self.inside:
            return function.fn(*arguments)
        world.before(function, arguments)
        if self.cursor < len(self.calls):
            call = self.calls[self.cursor]
            if call.name != function.name or call.arguments != arguments:
                raise Crash(f"replay calls {function.name}{arguments}, recorded was {call.name}{call.arguments}")
            call.effects.apply()
            call.clock = world.now()
        elif not self.live:
            raise Exhausted(Reason.HISTORY_END, message="the recording ends here")
        else:
            call = self._make(world, function, arguments)
            self.calls.append(call)
            if self.record is not None:
                self.record(call)
        self.cursor += 1
        world.after(call)
        if call.failure is not None:
            raise call.failure()
        return call.results

    def _make(self, world: World, function: HostFunc, arguments: tuple[Value, ...]) -> Call:
        call = Call(function.name, arguments, clock=world.now())
        self._decisions.clear()
        watcher = _Watcher(world)
        self.inside = True
        try:
            call.results = tuple(function.fn(*arguments))
        except (Trap, GuestException, GuestExit) as error:
            call.failure = _again(error)
        finally:
            self.inside = False
        call.effects = watcher.effects()
        call.decisions = tuple(self._decisions)
        return call


def bordered(function: HostFunc, journal: Journal, name: str) -> HostFunc:
    """A host function whose calls go through the journal, under a name of its own there."""
    named = HostFunc(function.type, function.fn, name)
    return HostFunc(function.type, lambda *arguments: journal.call(named, arguments), name)


def _again(error: Trap | GuestException | GuestExit) -> Callable[[], Exception]:
    """Makes the same exception anew each time: the machine adds a backtrace to it."""
    if isinstance(error, GuestExit):
        code = error.code
        return lambda: GuestExit(code)
    if isinstance(error, GuestException):
        exception = error.exception
        return lambda: GuestException(exception)
    kind, trap, message, fault = type(error), error.code, error.message, error.fault
    return lambda: _trap(kind, trap, message, fault)


def _trap(kind: type[Trap], code: TrapCode, message: str, fault: MemoryFault | None) -> Trap:
    return kind(code, message, fault)


class _Watcher:
    """Finds out what a host function does to the guest's state, by comparing before and after."""

    PIECE = 4096

    def __init__(self, world: World) -> None:
        memories, variables, tables = world.shared()
        self._memories = [(m, bytes(m.data[:])) for m in memories]
        self._globals = [(g, g.value) for g in variables]
        self._tables = [(t, list(t.elems)) for t in tables]

    def effects(self) -> Effects:
        effects = Effects()
        for memory, before in self._memories:
            data = memory.data
            size = len(data)
            if size != len(before):
                effects.grown.append((memory, size))
            _differences(memory, before, effects.writes)
        effects.globals = [(g, g.value) for g, value in self._globals if g.value is not value and g.value != value]
        for table, elems in self._tables:
            if len(elems) != len(table.elems) or any(a is not b for a, b in zip(elems, table.elems)):
                effects.tables.append((table, list(table.elems)))
        return effects


def _differences(memory: MemInst, before: bytes, writes: Writes) -> None:
    data = memory.data
    piece = _Watcher.PIECE
    if data[: len(before)] == before and len(data) == len(before):
        return
    for start in range(0, len(data), piece):
        old = before[start : start + piece]
        new = bytes(data[start : start + piece])
        old += bytes(len(new) - len(old))
        if old == new:
            continue
        first = next(i for i in range(len(new)) if old[i] != new[i])
        last = next(i for i in reversed(range(len(new))) if old[i] != new[i])
        writes.append((memory, start + first, new[first : last + 1]))
