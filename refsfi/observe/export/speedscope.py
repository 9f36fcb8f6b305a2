"""speedscope's own format (https://www.speedscope.app/file-format-schema.json): a profile a lane."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from refsfi.observe.export.model import Lane, Profile, Spot, stack_changes, visible

__all__ = ["speedscope", "speedscope_evented"]

_Frame: TypeAlias = Callable[[Spot], int]


def speedscope(profile: Profile) -> str:
    """Samples with weights."""
    return _file(profile, _sampled)


def speedscope_evented(profile: Profile) -> str:
    """What was entered and left when, so that the time order can be looked at as well. Weights are not used."""
    return _file(profile, _evented)


def _file(profile: Profile, of_lane: Callable[[Profile, Lane, _Frame], dict[str, Any]]) -> str:
    # speedscope takes the same function at another line for another one: lines are those at which functions begin.
    frames: dict[tuple[str, str], int] = {}
    described: list[dict[str, Any]] = []

    def frame(spot: Spot) -> int:
        number = frames.get((spot.name, spot.file))
        if number is None:
            number = frames[spot.name, spot.file] = len(described)
            described.append(_frame(spot))
        return number

    profiles = [of_lane(profile, lane, frame) for lane in profile.lanes if lane.samples]
    return json.dumps(
        {
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "name": profile.name,
            "exporter": "refsfi",
            "activeProfileIndex": 0,
            "shared": {"frames": described},
            "profiles": profiles,
        }
    )


def _frame(spot: Spot) -> dict[str, Any]:
    facts = {"name": visible(spot.name), "file": spot.file or None, "line": spot.begin}
    return {key: value for key, value in facts.items() if value is not None}


def _sampled(profile: Profile, lane: Lane, frame: _Frame) -> dict[str, Any]:
    weights = [sample.weight for sample in lane.samples]
    return {
        "type": "sampled",
        "name": lane.name,
        "unit": "none" if profile.unit == "samples" else "milliseconds",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": [[frame(spot) for spot in sample.stack] for sample in lane.samples],
        "weights": weights,
    }


def _evented(profile: Profile, lane: Lane, frame: _Frame) -> dict[str, Any]:
    end = profile.lane_ended(lane)
    return {
        "type": "evented",
        "name": lane.name,
        "unit": "milliseconds",
        "startValue": lane.samples[0].time,
        "endValue": end,
        "events": [
            {"type": "O" if entered else "C", "at": time, "frame": frame(spot)}
            for time, entered, spot in stack_changes(lane, end)
        ],
    }
