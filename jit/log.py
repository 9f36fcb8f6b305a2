"""What happens in the tier, as events: for `--jv`, for dumps, for the profiler.

The last events are always kept, without the objects that they are about, so that whoever comes late can look back.
Departures are too many for that: they are told only to listeners who want them, and measured only while there is a
meter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from jit.backend import Outcome, Unit
    from refsfi.exec.code import FuncCode

__all__ = ["EVENTS", "KINDS", "Event", "Heat", "Listener", "Log", "Meter"]

# name -> what it tells.
EVENTS: Final = {
    "record": "a recording has ended: its `length` in instructions, how it `ended`, how many ns it `took`",
    "abort": "a region was not compiled: the `reason` (`jit.reasons`), what the threshold is multiplied by (`penalty`)"
    ", how many ns it `took`",
    "graph": "a region's `graph` has been built and is about to be optimised; only for listeners",
    "compile": "a region was compiled: `unit`; whether `again`; its `kind`, one of KINDS; how many `instructions`; the "
    "pcs of the function's own (`compiled`); ns of the phases `build`, `optimise`, `emit`, `install`",
    "link": "calls of the function from other regions reach its region from now on",
    "unlink": "they reach the interpreter again: the region is given up, see the abort that follows",
    "exit": "a region has been left at `pc` so often (`count`) that what follows is recorded",
    "leave": "a region was left: the `departure`; only for listeners",
    "release": "a region's code was given up: for newer code, or because leaving it cost more than it gained",
}

# Why something was compiled -> what that means.
KINDS: Final = {
    "first": "the function had no region",
    "bridge": "an exit of its region had become hot, and what follows it was recorded",
    "entry": "a recording came through more of the function, or enters it at another place",
}

# Events that are not kept, and facts that would keep regions alive or are long.
_PASSING: Final = frozenset(["graph", "leave"])
_HEAVY: Final = frozenset(["unit", "compiled"])

# Events that are kept.
_KEPT: Final = 4096


@dataclass(slots=True)
class Event:
    """`name` is one of EVENTS, `func` the function's name for people, `pc` an instruction of it, `time` when it was
    told (`perf_counter_ns`). `code` is the function: None in what is kept."""

    name: str
    func: str
    pc: int
    facts: dict[str, Any] = field(default_factory=dict)
    code: FuncCode | None = None
    time: int = 0


Listener: TypeAlias = Callable[[Event], None]

# Of a place that is counted: how often it still has to be passed until it is hot; how often it takes in all; how often
# it was hot, and the budget (`jit.budget`) did not allow anything.
Heat: TypeAlias = tuple[int, int, int]


class Meter(Protocol):
    """Who measures each run of compiled code."""

    def ran(self, unit: Unit, outcome: Outcome, began: int, ended: int) -> None:
        """A region was entered from the interpreter and has returned or been left. Times as of `perf_counter_ns`."""

    def counts(self, code: FuncCode, pc: int, heat: Callable[[], Heat]) -> None:
        """The place `pc` of a function is counted from now on. Called again for a place, it replaces the counter."""


class Log:
    """`recent` has the last events, oldest first; their facts are plain data. `departures`: whether anybody wants to be
    told of each one."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.departures = False
        self.meter: Meter | None = None
        self.recent: deque[Event] = deque(maxlen=_KEPT)

    def tell(self, name: str, func: str, pc: int, code: FuncCode | None = None, **facts: Any) -> None:
        now = perf_counter_ns()
        if name not in _PASSING:
            kept = {key: fact for key, fact in facts.items() if key not in _HEAVY}
            self.recent.append(Event(name, func, pc, kept, None, now))
        if self.listeners:
            event = Event(name, func, pc, facts, code, now)
            for listener in self.listeners:
                listener(event)
