"""The log of what came into the sandbox: every call of a host function, with its results and what it wrote.

The guest's imports are replaced by functions that go through the journal. Where the log already has what a call gave
the first time, that is given again and the host is left alone; so going back and forth in time, or replaying a
recording, never touches the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from refsfi.debug.executor import Halt
from refsfi.debug.model import DebugError, Reason
from refsfi.errors import GuestException, GuestExit, Trap
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import GlobalInst, HostFunc, Instance, Store
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value

__all__ = ["Call", "Effects", "Exhausted", "Journal", "Refusal", "Tracker", "Watcher", "World", "bordered"]


class Exhausted(Halt):
    """A replayed recording has no more calls: it was cut short here."""


class Tracker(Protocol):
    """Knows what a host function writes to the guest, better and cheaper than by comparing before and after."""

    def begin(self) -> None:
        """A call begins."""

    def end(self) -> list[tuple[MemInst, int, bytes]]:
        """What it has written, in order. Nothing else of the guest's has changed."""


@dataclass(slots=True)
class Effects:
    """What a host function did to the guest's state besides returning: bytes written, new sizes in bytes of memories
    that grew, globals, contents of tables; each thing goes by its number, see `World.shared`. `fuel` was spent by what
    it called back into the guest, which belongs to the call and is not executed again. Objects of the garbage-collected
    heap that such a call changes are not noticed."""

    writes: list[tuple[int, int, bytes]] = field(default_factory=list)
    grown: list[tuple[int, int]] = field(default_factory=list)
    globals: list[tuple[int, Value]] = field(default_factory=list)
    tables: list[tuple[int, list[Value]]] = field(default_factory=list)
    fuel: int = 0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.writes or self.grown or self.globals or self.tables or self.fuel)

    def apply(self, shared: Shared) -> None:
        """But for the fuel. DebugError where they do not fit."""
        for number, size in self.grown:
            memory = _numbered(shared[0], number)
            missing = size - len(memory.data) >> memory.declared.page_size_log2
            if missing > 0 and memory.grow(missing) is None:
                raise DebugError(f"a memory cannot grow to {size} bytes, as it did before: this machine has no room")
        for number, address, data in self.writes:
            memory = _numbered(shared[0], number)
            if address + len(data) > len(memory.data):
                raise DebugError(f"the recording writes to {address:#x}, where the memory has no bytes")
            memory.data[address : address + len(data)] = data
        for number, value in self.globals:
            _numbered(shared[1], number).value = value
        for number, elems in self.tables:
            _numbered(shared[2], number).restore(elems)


# Memories, globals, tables, each without repetitions and in the order of the instances.
Shared: TypeAlias = "tuple[Sequence[MemInst], Sequence[GlobalInst], Sequence[TableInst]]"

_T = TypeVar("_T")


def shared_by(instances: Sequence[Instance]) -> Shared:
    return (
        [*dict.fromkeys(m for i in instances for m in i.mems)],
        [*dict.fromkeys(g for i in instances for g in i.globals)],
        [*dict.fromkeys(t for i in instances for t in i.tables)],
    )


def _numbered(items: Sequence[_T], number: int) -> _T:
    if number >= len(items):
        raise DebugError("the recording changes something that there is not: it does not belong to this guest")
    return items[number]


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


@dataclass(slots=True)
class Refusal:
    """The machine had no room for a memory to grow to `size` bytes."""

    size: int


class World(Protocol):
    """What the journal has to know of the guest, which is in `store`; `instances` in the order in which they were
    made."""

    store: Store
    instances: list[Instance]

    def before(self, function: HostFunc, arguments: tuple[Value, ...]) -> None:
        """The guest is about to call; may raise `Halt`."""

    def after(self, call: Call) -> None:
        """The effects of a call have come about."""
        return

    def now(self) -> int:
        """The instructions before the call that is being made; 0 where nobody counts them."""
        return 0

    def outside(self) -> AbstractContextManager[None]:
        """While the host is at it. What the guest does then, called back, is no part of its time."""
        return nullcontext()

    def spend(self, fuel: int) -> None:
        """Take fuel of the guest's."""
        if self.store.fuel is not None:
            self.store.fuel -= fuel

    def fuel(self) -> int:
        """What is left of it; 0 where none is counted."""
        return self.store.fuel or 0

    def shared(self) -> Shared:
        """What of the guest's a host function may be able to change."""
        return shared_by(self.instances)


class Journal:
    """`cursor`: how many entries lie before the present. A journal that is not `live` only has what it was given.
    `record` is told of each entry that is new; one that is not `kept` is forgotten then."""

    def __init__(
        self,
        entries: Iterable[Call | Refusal] = (),
        *,
        live: bool = True,
        kept: bool = True,
        record: Callable[[Call | Refusal], None] | None = None,
    ) -> None:
        self.entries: list[Call | Refusal] = list(entries)
        self.cursor = 0
        self.live = live
        self.world: World | None = None
        self._kept = kept
        self._record = record
        # Whether a host function is being executed; what it calls back into the guest belongs to that call.
        self._inside = False
        self._notes: list[str] = []

    @property
    def inside(self) -> bool:
        """Whether a function of the host is being executed."""
        return self._inside

    def note(self, line: str) -> None:
        """Somebody's remark about the call of the host that is being made, for people."""
        self._notes.append(line)

    @property
    def calls(self) -> list[Call]:
        """Those of the host's functions, before the present and behind it."""
        return [entry for entry in self.entries if isinstance(entry, Call)]

    @property
    def past(self) -> list[Call]:
        """Those before the present."""
        return [entry for entry in self.entries[: self.cursor] if isinstance(entry, Call)]

    def cut(self) -> None:
        """Forget what was recorded behind the present."""
        del self.entries[self.cursor :]

    def _next(self) -> Call | Refusal | None:
        """What the log has for now; None where it is to be found out. Exhausted."""
        if self.cursor < len(self.entries):
            return self.entries[self.cursor]
        if not self.live:
            raise Exhausted(Reason.HISTORY_END, message="the recording ends here")
        return None

    def _add(self, entry: Call | Refusal) -> None:
        if self._kept:
            self.entries.append(entry)
            self.cursor += 1
        if self._record is not None:
            self._record(entry)

    def call(self, function: HostFunc, arguments: tuple[Value, ...], tracker: Tracker | None) -> Sequence[Value]:
        """What stands in for `function`."""
        world = self.world
        if world is None or self._inside:
            return function.fn(*arguments)
        world.before(function, arguments)
        known = self._next()
        if known is None:
            call = self._make(world, function, arguments, tracker)
            self._add(call)
        else:
            if not isinstance(known, Call) or known.name != function.name or known.arguments != arguments:
                raise DebugError(
                    f"the guest calls {function.name}{arguments}, and the recording has {_described(known)}: it does "
                    "not belong to this guest, or was made by a refsfi that executes otherwise"
                )
            call = known
            self.cursor += 1
            call.effects.apply(world.shared())
            world.spend(call.effects.fuel)
            call.clock = world.now()
        world.after(call)
        if call.failure is not None:
            raise call.failure()
        return call.results

    def _make(self, world: World, function: HostFunc, arguments: tuple[Value, ...], tracker: Tracker | None) -> Call:
        call = Call(function.name, arguments, clock=world.now())
        shared = world.shared()
        watcher = None if tracker is not None else Watcher(shared)
        if tracker is not None:
            tracker.begin()
        self._notes.clear()
        self._inside = True
        fuel = world.fuel()
        try:
            with world.outside():
                call.results = tuple(function.fn(*arguments))
        except (Trap, GuestException, GuestExit) as error:
            call.failure = again(error)
        finally:
            self._inside = False
        if tracker is not None:
            call.effects.writes = [(_index(shared[0], m), address, data) for m, address, data in tracker.end()]
        elif watcher is not None:
            call.effects = watcher.effects()
        call.effects.fuel = max(fuel - world.fuel(), 0)
        call.decisions = tuple(self._notes)
        return call

    # --- growing memories: what `MemInst.growth` is asked and told ---------------------------------------------------

    def may_grow(self, size: int) -> bool:
        """Whether a memory could be made to have `size` bytes when this was executed for the first time. Sizes only
        rise, so that the size tells which attempt it is."""
        if self._inside or self.cursor == len(self.entries):
            return True
        entry = self.entries[self.cursor]
        if not isinstance(entry, Refusal) or entry.size != size:
            return True
        self.cursor += 1
        return False

    def no_room(self, size: int) -> None:
        """The machine had none."""
        if self._inside:
            return
        if self.cursor < len(self.entries) or not self.live:
            raise DebugError(f"a memory cannot grow to {size} bytes, as it did before: this machine has no room")
        self._add(Refusal(size))


def _described(entry: Call | Refusal) -> str:
    return f"{entry.name}{entry.arguments}" if isinstance(entry, Call) else "a refused memory.grow"


def _index(items: Sequence[Any], item: Any) -> int:
    return next(i for i, other in enumerate(items) if other is item)


def bordered(function: HostFunc, journal: Journal, name: str, tracker: Tracker | None = None) -> HostFunc:
    """A host function whose calls go through the journal, under a name of its own there."""
    named = HostFunc(function.type, function.fn, name)
    return HostFunc(function.type, lambda *arguments: journal.call(named, arguments, tracker), name)


def again(error: Trap | GuestException | GuestExit) -> Callable[[], Exception]:
    """Makes the same exception anew each time: the machine adds a backtrace to it."""
    if isinstance(error, GuestExit):
        code = error.code
        return lambda: GuestExit(code)
    if isinstance(error, GuestException):
        exception = error.exception
        return lambda: GuestException(exception)
    kind, trap, message, fault = type(error), error.code, error.message, error.fault
    return lambda: kind(trap, message, fault)


# Bytes that are compared at a time, small enough for the processor's caches; and those of what is written down.
_BLOCK: Final = 1 << 16
_PIECE: Final = 4096


class Watcher:
    """Finds out what the host does to the guest's state, by comparing it with what it was."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        memories, variables, tables = shared
        self._memories = [bytes(m.data[:]) for m in memories]
        self._globals = [g.value for g in variables]
        self._tables = [list(t.elems) for t in tables]

    def effects(self) -> Effects:
        effects = Effects()
        memories, variables, tables = self._shared
        for number, (memory, before) in enumerate(zip(memories, self._memories)):
            if len(memory.data) != len(before):
                effects.grown.append((number, len(memory.data)))
            effects.writes += [(number, address, data) for address, data in _differences(memory, before)]
        for number, (variable, value) in enumerate(zip(variables, self._globals)):
            if variable.value is not value and variable.value != value:
                effects.globals.append((number, variable.value))
        for number, (table, elems) in enumerate(zip(tables, self._tables)):
            if len(elems) != len(table.elems) or any(a is not b for a, b in zip(elems, table.elems)):
                effects.tables.append((number, list(table.elems)))
        return effects


def _differences(memory: MemInst, before: bytes) -> Iterator[tuple[int, bytes]]:
    data = memory.data
    for block in range(0, len(data), _BLOCK):
        new = bytes(data[block : block + _BLOCK])
        old = before[block : block + _BLOCK]
        old += bytes(len(new) - len(old))
        if old != new:
            yield from ((block + start, piece) for start, piece in _pieces(old, new))


def _pieces(before: bytes, after: bytes) -> Iterator[tuple[int, bytes]]:
    """Where two blocks of a size differ, at most one stretch in a piece."""
    for start in range(0, len(after), _PIECE):
        old, new = before[start : start + _PIECE], after[start : start + _PIECE]
        if old != new:
            first = next(i for i in range(len(new)) if old[i] != new[i])
            last = next(i for i in reversed(range(len(new))) if old[i] != new[i])
            yield start + first, new[first : last + 1]
