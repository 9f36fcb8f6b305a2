"""Collapsed stacks, a line each: `outer;inner weight`, as flamegraph.pl, inferno and speedscope read them."""

from __future__ import annotations

from refsfi.observe.export.model import Profile, visible

__all__ = ["collapsed"]


def collapsed(profile: Profile) -> str:
    """Sorted lines. Weights are whole numbers: samples, or microseconds. Where there are several lanes, a lane's name
    is the outermost level."""
    scale = 1 if profile.unit == "samples" else 1000
    weights: dict[str, float] = {}
    for lane in profile.lanes:
        outer = [lane.name] if len(profile.lanes) > 1 else []
        for sample in lane.samples:
            if sample.stack:
                stack = ";".join(map(_level, [*outer, *(spot.name for spot in sample.stack)]))
                weights[stack] = weights.get(stack, 0) + sample.weight * scale
    return "".join(f"{stack} {round(weight)}\n" for stack, weight in sorted(weights.items()) if round(weight))


def _level(name: str) -> str:
    """A name in which nothing looks like the end of a level or of a line."""
    return visible(name).replace(";", ":") or "?"
