"""Chrome's trace events, for Perfetto, chrome://tracing and speedscope (the document "Trace Event Format").

Stacks become begin and end events. Events stand on a lane of their own beside the stacks, with which they do not nest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from refsfi.observe.export.model import Event, Lane, Profile, stack_changes, visible

__all__ = ["chrome"]


def chrome(profile: Profile) -> str:
    """The JSON object format; times in microseconds."""
    pid = profile.process
    events: list[dict[str, Any]] = [_meta(pid, 0, "process_name", profile.name)]
    number = 0
    for lane in profile.lanes:
        if lane.samples:
            number += 1
            events.append(_meta(pid, number, "thread_name", lane.name))
            events += _stacks(lane, profile.lane_ended(lane), pid, number)
        if lane.events:
            number += 1
            events.append(_meta(pid, number, "thread_name", f"{lane.name}: events"))
            events += (_event(event, pid, number) for event in lane.events)
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"exporter": "refsfi"}})


def _meta(pid: int, tid: int, what: str, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": pid, "tid": tid, "ts": 0, "name": what, "args": {"name": name}}


def _stacks(lane: Lane, end: float, pid: int, tid: int) -> Iterator[dict[str, Any]]:
    for time, entered, spot in stack_changes(lane, end):
        event: dict[str, Any] = {
            "ph": "B" if entered else "E",
            "pid": pid,
            "tid": tid,
            "ts": time * 1000,
            "name": visible(spot.name),
            "cat": spot.category.name,
        }
        if spot.file:
            # At both ends: speedscope tells functions apart by name and arguments.
            event["args"] = {"function": spot.file if spot.begin is None else f"{spot.file}:{spot.begin}"}
        yield event


def _event(event: Event, pid: int, tid: int) -> dict[str, Any]:
    common = {
        "pid": pid,
        "tid": tid,
        "ts": event.start * 1000,
        "name": visible(event.name),
        "cat": event.category.name,
        "args": dict(event.facts),
    }
    if event.end is None:
        return {"ph": "i", "s": "t", **common}
    return {"ph": "X", "dur": (event.end - event.start) * 1000, **common}
