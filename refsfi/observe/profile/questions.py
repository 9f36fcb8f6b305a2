"""Questions to profiles: why a function is, or is not, compiled; and what is different between two runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from refsfi.observe.profile.costs import payback
from refsfi.observe.profile.file import ProfileError
from refsfi.observe.profile.model import Profile

__all__ = ["Answer", "Change", "Difference", "diff", "top", "why"]

# Exits, aborts and functions that an answer has.
_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """`verdict` in a sentence, and what it rests on, each a sentence, in the order in which it happened."""

    name: str
    verdict: str
    grounds: list[str] = field(default_factory=list)


def why(profile: Profile, function: str) -> Answer:
    """Why a function is, or is not, compiled. `function`: its name, with `$` or without, or its index. ProfileError for
    one that the profile has not heard of."""
    names = _named(profile, function)
    if not names:
        raise ProfileError(_unheard(profile, function))
    module, func = names[0]
    name = _name(profile, module, func)
    attempts = [c for c in profile.compilations if (c.module, c.func) == (module, func)]
    regions = [r for r in profile.regions if (r.module, r.func) == (module, func)]
    grounds: list[str] = []
    for attempt in attempts:
        when = f"after {attempt.time / 1e6:.0f} ms"
        if attempt.abort:
            cure = f"; to cure it, {attempt.remedy}" if attempt.remedy else ""
            grounds.append(f"{when} refused: {attempt.abort} (threshold x{attempt.penalty}){cure}")
        else:
            paid = payback(profile, attempt)
            after = "" if paid is None else f", paid back after {paid.count} {paid.unit}"
            grounds.append(f"{when} compiled as region {attempt.region}, in {attempt.took / 1e6:.1f} ms{after}")
    numbers = {region.number for region in regions}
    exits = [e for e in profile.ranked_exits() if e.region in numbers]
    for exit in exits[:_MOST]:
        grounds.append(
            f"left {exit.taken} times at {exit.title}; {exit.cost / 1e6:.1f} ms in the interpreter; {exit.remedy}"
        )
    times = profile.function_times().get((module, func), {})
    spent = ", ".join(f"{category} {ns / 1e6:.0f} ms" for category, ns in sorted(times.items(), key=lambda t: -t[1]))
    if spent:
        grounds.append(f"time in it: {spent}")
    if attempts and attempts[-1].abort and not regions:
        verdict = f"not compiled: {attempts[-1].abort}"
    elif attempts and attempts[-1].abort:
        verdict = f"compiled, but not anew: {attempts[-1].abort}"
    elif regions:
        verdict = "compiled"
    elif any(e.name == "record" and e.func == name for e in profile.events):
        verdict = "not compiled: it was recorded, and nothing was learned that could be entered"
    else:
        verdict = _cold(profile, module, func)
    return Answer(name, verdict, grounds)


def _cold(profile: Profile, module: int, func: int) -> str:
    """Of a function that was never recorded: how hot it got."""
    counters = [c for c in profile.counters if (c.module, c.func) == (module, func)]
    if not counters:
        return "not compiled: no counter of it is known; it was not called, or the profile is of a run that did not end"
    hottest = max(counters, key=lambda c: (c.waits, c.passed / max(c.threshold, 1)))
    place = f"its loop @{hottest.pc}" if hottest.loop else "its beginning"
    if hottest.waits:
        return f"not compiled: {place} was hot, and {hottest.waits} times compiling had used up its share of the run"
    if hottest.passed == 0:
        return f"not compiled: {place} was not passed by the interpreter; calls of it are inlined, or there were none"
    return f"not compiled: it is cold: {place} was passed {hottest.passed} times, and {hottest.threshold} make it hot"


def _named(profile: Profile, function: str) -> list[tuple[int, int]]:
    """Functions of that name or index: those that most is known of first."""
    heard: dict[tuple[int, int], int] = defaultdict(int)
    for module, func, name in _functions(profile):
        if function in (name, name.removeprefix("$"), str(func)):
            heard[module, func] += 1
    return sorted(heard, key=lambda key: (-heard[key], key))


def _functions(profile: Profile) -> Iterator[tuple[int, int, str]]:
    """Module, index and name of all functions that rows are about, as often as they are."""
    yield from ((row.module, row.func, row.name) for row in profile.compilations)
    yield from ((row.module, row.func, row.name) for row in profile.exits)
    yield from ((row.module, row.func, row.name) for row in profile.counters)
    yield from ((row.module, row.func, row.name) for row in profile.spots if row.func >= 0)


def _name(profile: Profile, module: int, func: int) -> str:
    return next((name for *key, name in _functions(profile) if key == [module, func]), f"func {func}")


def _unheard(profile: Profile, function: str) -> str:
    known = sorted({name for _, _, name in _functions(profile)})
    told = f"; it knows {', '.join(known[:_MOST])}{', …' if len(known) > _MOST else ''}" if known else ""
    return f"the profile has not seen a function {function!r}: it took no time that was sampled{told}"


@dataclass(frozen=True, slots=True)
class Change:
    """Of a thing in two profiles: ns in the first and in the second."""

    name: str
    before: int
    after: int

    @property
    def by(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two profiles; of each list the largest changes come first."""

    wall: Change
    categories: list[Change]
    functions: list[Change]
    exits: list[Change]
    compiling: list[Change]


def diff(before: Profile, after: Profile) -> Difference:
    """Functions are the same if their names are, exits if their places and causes are."""
    return Difference(
        Change("wall", before.wall, after.wall),
        _changes(before.times(), after.times()),
        _changes(_by_function(before), _by_function(after)),
        _changes(_by_exit(before), _by_exit(after)),
        _changes(_by_compilation(before), _by_compilation(after)),
    )


def top(profile: Profile, count: int = 5) -> list[str]:
    """The names of the functions with most time in compiled code."""
    times: dict[str, int] = defaultdict(int)
    for number, ns in profile.region_times().items():
        if 0 <= number < len(profile.regions):
            times[profile.regions[number].name] += ns
    return sorted(times, key=lambda name: (-times[name], name))[:count]


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> list[Change]:
    found = [Change(name, before.get(name, 0), after.get(name, 0)) for name in {**before, **after}]
    return sorted((c for c in found if c.before or c.after), key=lambda c: (-abs(c.by), c.name))


def _sums(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for name, ns in rows:
        found[name] += ns
    return found


def _by_function(profile: Profile) -> dict[str, int]:
    spots = profile.spots
    return _sums((spots[s.spot].name, s.weight) for s in profile.samples if spots[s.spot].func >= 0)


def _by_exit(profile: Profile) -> dict[str, int]:
    return _sums((exit.title, exit.cost) for exit in profile.exits)


def _by_compilation(profile: Profile) -> dict[str, int]:
    return _sums((row.name, row.took) for row in profile.compilations)
