"""A profile of both tiers (`observe.profile`) as one that can be exported: what time is spent on is the outermost level
of each stack, then what led there, the function, and the instruction."""

from __future__ import annotations

from typing import Final

from refsfi.observe.export import model as out
from refsfi.observe.profile import model as of

__all__ = ["exportable"]

# The colors of `of.CATEGORIES`.
_COLORS: Final = {
    "native": "green",
    "interpreting": "yellow",
    "entering": "orange",
    "recording": "lightred",
    "compiling": "red",
    "host": "blue",
    "start-up": "purple",
    "collecting": "brown",
    "profiling": "darkgrey",
    "other": "grey",
}
_NS: Final = 1e6


def exportable(profile: of.Profile) -> out.Profile:
    """The samples of each thread, weighed in ms, and the events of the tier beside those of the first one."""
    categories = {name: out.Category(name, _COLORS.get(name, "grey")) for name in of.CATEGORIES}
    exits = {exit.number: exit for exit in profile.exits}
    paths = [str(module.get("path", "")) for module in profile.modules]
    stacks = [_stack(spot, categories, exits, paths) for spot in profile.spots]
    samples: dict[int, list[out.Sample]] = {thread: [] for thread in profile.threads}
    for sample in profile.samples:
        samples.setdefault(sample.thread, []).append(
            # A sample is taken at the end of the time that it stands for.
            out.Sample((sample.time - sample.weight) / _NS, stacks[sample.spot], sample.weight / _NS)
        )
    lanes = [out.Lane(profile.threads.get(thread, str(thread)), thread, listed) for thread, listed in samples.items()]
    if profile.events:
        compiling = categories["compiling"]
        events = sorted((_event(event, compiling) for event in profile.events), key=lambda event: event.start)
        lanes.append(out.Lane("compiler", 0, events=events))
    return out.Profile(profile.program, lanes, profile.interval / _NS, "ms", profile.began)


def _stack(
    spot: of.Spot, categories: dict[str, out.Category], exits: dict[int, of.Exit], paths: list[str]
) -> tuple[out.Spot, ...]:
    category = categories.get(spot.category, out.OTHER)
    stack = [out.Spot(spot.category, category)]
    exit = exits.get(spot.exit)
    if exit is not None:
        stack.append(out.Spot(f"after {exit.name}@{exit.pc} {exit.instruction}: {exit.cause}", category))
    file = paths[spot.module] if spot.func >= 0 and spot.module < len(paths) else ""
    name = f"{spot.name} (region {spot.region})" if spot.region >= 0 else spot.name
    stack.append(out.Spot(name, category, file))
    if spot.pc >= 0:
        stack.append(out.Spot(f"{spot.name}@{spot.pc}", category, file))
    return tuple(stack)


def _event(event: of.Event, category: out.Category) -> out.Event:
    """One that took time is told of when it is over."""
    facts: dict[str, out.Fact] = {"pc": event.pc}
    facts.update({key: fact for key, fact in event.facts.items() if isinstance(fact, str | int | float)})
    name = f"{event.name} {event.func}"
    if not event.took:
        return out.Event(name, event.time / _NS, None, category, facts)
    return out.Event(name, (event.time - event.took) / _NS, event.time / _NS, category, facts)
