"""What compiling has cost, against what the interpreter takes for the same work."""

from __future__ import annotations

from dataclasses import dataclass

from refsfi.observe.profile.model import Compilation, Profile

__all__ = ["Payback", "payback"]


@dataclass(frozen=True, slots=True)
class Payback:
    """A compilation has paid for itself after `count` of `unit`: "passes" of the function's hottest place, or "exits"
    of the region that it replaced, each of which takes the interpreter `each` ns."""

    count: int
    unit: str
    each: int


def payback(profile: Profile, compilation: Compilation) -> Payback | None:
    """After how much work a compilation has paid for itself; None where it came to nothing, or nothing was sampled that
    it could be compared with.

    A first compilation is compared with what the interpreter took for the function before, by samples, over how often
    its hottest place had been passed; a later one with what exits of the function's regions cost, each. What compiled
    code takes for the same is left out: a fifteenth, or less.
    """
    key = compilation.module, compilation.func
    if compilation.abort:
        return None
    if compilation.kind != "first":
        numbers = {region.number for region in profile.regions if (region.module, region.func) == key}
        exits = [exit for exit in profile.exits if exit.region in numbers]
        return _payback(compilation.took, "exits", sum(e.cost for e in exits), sum(e.taken for e in exits))
    spots = {
        number
        for number, spot in enumerate(profile.spots)
        if spot.category == "interpreting" and (spot.module, spot.func) == key
    }
    before = sum(s.weight for s in profile.samples if s.time <= compilation.time and s.spot in spots)
    return _payback(compilation.took, "passes", before, compilation.passed)


def _payback(took: int, unit: str, time: int, count: int) -> Payback | None:
    if time <= 0 or count <= 0:
        return None
    return Payback(-(-took * count // time), unit, time // count)
