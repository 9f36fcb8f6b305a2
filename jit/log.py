"""What happens in the tier, as events: for `--jv`, for dumps, for the profiler. Nothing is kept when nobody listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["EVENTS", "Event", "Listener", "Log"]

# name -> what it tells.
EVENTS = {
    "record": "a recording has ended: its `length` in instructions, how it `ended`, how many ns it `took`",
    "abort": "a region was not compiled: the `reason` (`jit.reasons`), what the threshold is multiplied by (`penalty`)",
    "compile": "a region was compiled: `unit`; whether `again`; how many `instructions`; the pcs of the function's own "
    "(`compiled`); ns of the phases `build`, `optimise`, `emit`",
    "exit": "a region has been left at `pc` so often (`count`) that what follows is recorded",
    "leave": "a region was left: the `departure`",
    "release": "a region's code was given up for newer code",
}


@dataclass(slots=True)
class Event:
    """`name` is one of EVENTS, `func` the function's name for people, `pc` an instruction of it."""

    name: str
    func: str
    pc: int
    facts: dict[str, Any] = field(default_factory=dict)


Listener: TypeAlias = Callable[[Event], None]


class Log:
    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def tell(self, name: str, func: str, pc: int, **facts: Any) -> None:
        if self.listeners:
            event = Event(name, func, pc, facts)
            for listener in self.listeners:
                listener(event)
