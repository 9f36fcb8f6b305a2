"""What happens in the tier, as events: for `--jv`, for dumps, for the profiler. Nothing is kept when nobody listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["EVENTS", "Event", "Listener", "Log"]

# name -> what it tells.
EVENTS = {
    "record": "a recording has ended: where it began, instructions, how it ended",
    "abort": "something was not recorded or compiled: the reason",
    "compile": "a region was compiled: instructions, bytes of code, microseconds by phase",
    "exit": "an exit became hot",
    "enter": "a new entry was asked for",
    "release": "a region's code was given up for a newer one",
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
