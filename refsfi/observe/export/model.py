"""What is exported: samples of stacks and events, on lanes. Times are milliseconds since the profile began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["OTHER", "Category", "Event", "Fact", "Lane", "Profile", "Sample", "Spot", "stack_changes", "visible"]

Fact: TypeAlias = "str | int | float"


@dataclass(frozen=True, slots=True)
class Category:
    """What time is spent on. `color` is one of the Firefox Profiler's: transparent, purple, green, orange, yellow,
    lightblue, blue, brown, magenta, red, lightred, darkgrey, grey."""

    name: str
    color: str


# Whatever has no category.
OTHER = Category("Other", "grey")


@dataclass(frozen=True, slots=True)
class Spot:
    """One level of a stack: a function, or something else that takes time. Functions are the same if `name` and `file`
    are. `line` and `column` count from 1; `address` is an offset in a binary module. `begin` is the line at which the
    function begins."""

    name: str
    category: Category = OTHER
    file: str = ""
    line: int | None = None
    column: int | None = None
    address: int | None = None
    begin: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """At `time` this was going on: `stack`, outermost first, empty where nothing was. `weight` is in the profile's
    unit; the stack is taken to have lasted until the next sample."""

    time: float
    stack: tuple[Spot, ...]
    weight: float = 1


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `end` is None for what took no time."""

    name: str
    start: float
    end: float | None = None
    category: Category = OTHER
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lane:
    """A thread, or a part of one that is shown by itself. Samples and events are in the order of their times."""

    name: str
    id: int
    samples: Sequence[Sample] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """`interval` is the time between samples, in ms; `began` is in seconds since 1970. `unit` is that of the samples'
    weights: how many samples each one stands for, or how many milliseconds."""

    name: str
    lanes: Sequence[Lane]
    interval: float = 1.0
    unit: Literal["samples", "ms"] = "samples"
    began: float = 0.0
    process: int = 0

    def lane_ended(self, lane: Lane) -> float:
        """When the last sample of a lane is over, which must have one."""
        last = lane.samples[-1]
        return last.time + (last.weight * self.interval if self.unit == "samples" else last.weight)

    @property
    def ended(self) -> float:
        """When the last sample or event is over."""
        ends = [self.lane_ended(lane) for lane in self.lanes if lane.samples]
        ends += [event.start if event.end is None else event.end for lane in self.lanes for event in lane.events]
        return max(ends, default=0.0)


def visible(name: str) -> str:
    """A name in which nothing moves a terminal's cursor: it is a guest's choice, and those who read profiles may print
    it."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def stack_changes(lane: Lane, end: float) -> Iterator[tuple[float, bool, Spot]]:
    """The samples of a lane as what was entered (True) and left (False) when: (time, entered, spot). What two samples
    in a row have in common, from the outermost on, has not been left in between. Everything is left at `end`."""
    stack: tuple[Spot, ...] = ()
    for sample in lane.samples:
        common = 0
        for one, other in zip(stack, sample.stack, strict=False):
            # A function that has gone on to another line is still the same activation.
            if (one.name, one.file) != (other.name, other.file):
                break
            common += 1
        for spot in reversed(stack[common:]):
            yield sample.time, False, spot
        for spot in sample.stack[common:]:
            yield sample.time, True, spot
        # Those that go on are left under the name, and at the line, with which they were entered.
        stack = stack[:common] + sample.stack[common:]
    for spot in reversed(stack):
        yield end, False, spot
