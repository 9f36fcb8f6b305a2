"""The Firefox Profiler's processed format, which profiler.firefox.com, samply and speedscope read.

Tables are columns of equal length that refer to each other by index; strings are shared by all threads. The version
written here is 57 (docs-developer/CHANGELOG-formats.md and src/types/profile.ts of firefox-devtools/profiler); the
profiler upgrades older versions when it loads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from refsfi.observe.export.model import OTHER, Category, Event, Lane, Profile, Sample, Spot, visible

__all__ = ["firefox"]

_VERSION: Final = 57
# Of the unprocessed format, which has numbers of its own.
_UNPROCESSED: Final = 31
# A resource that is a library, as far as the profiler is concerned: a group of functions with a name.
_LIBRARY: Final = 1
# Phases of markers.
_INSTANT: Final = 0
_INTERVAL: Final = 1


class _Strings:
    """The shared table of strings."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self._index.setdefault(text, len(self._index))

    def all(self) -> list[str]:
        return list(self._index)


class _Categories:
    """Categories by number; the grey one, which is the default, first."""

    def __init__(self) -> None:
        self._index: dict[Category, int] = {OTHER: 0}

    def __call__(self, category: Category) -> int:
        return self._index.setdefault(category, len(self._index))

    def all(self) -> list[dict[str, Any]]:
        return [{"name": c.name, "color": c.color, "subcategories": ["Other"]} for c in self._index]


class _Table:
    """Rows that are stored by column; equal keys are one row."""

    def __init__(self, *columns: str) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in columns}
        self._index: dict[Any, int] = {}

    def add(self, key: Any, **row: Any) -> int:
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self._index)
            for name, column in self.columns.items():
                column.append(row[name])
        return index

    def json(self) -> dict[str, Any]:
        return {**self.columns, "length": len(self._index)}


class _Stacks:
    """Of one thread: stacks as a tree of frames, their frames, functions, and the files these are in."""

    def __init__(self, strings: _Strings, categories: _Categories) -> None:
        self._strings = strings
        self._categories = categories
        self.stacks = _Table("frame", "prefix")
        self.frames = _Table(
            "address",
            "inlineDepth",
            "category",
            "subcategory",
            "func",
            "nativeSymbol",
            "innerWindowID",
            "implementation",
            "line",
            "column",
        )
        self.funcs = _Table("name", "isJS", "relevantForJS", "resource", "fileName", "lineNumber", "columnNumber")
        self.resources = _Table("lib", "name", "host", "type")

    def add(self, stack: tuple[Spot, ...]) -> int | None:
        """The number of a stack; None of an empty one."""
        prefix: int | None = None
        for spot in stack:
            frame = self._frame(spot)
            prefix = self.stacks.add((prefix, frame), frame=frame, prefix=prefix)
        return prefix

    def _frame(self, spot: Spot) -> int:
        return self.frames.add(
            spot,
            address=-1 if spot.address is None else spot.address,
            inlineDepth=0,
            category=self._categories(spot.category),
            subcategory=0,
            func=self._func(spot),
            nativeSymbol=None,
            innerWindowID=0,
            implementation=None,
            line=spot.line,
            column=spot.column,
        )

    def _func(self, spot: Spot) -> int:
        file = self._strings(spot.file) if spot.file else None
        return self.funcs.add(
            (spot.name, spot.file),
            name=self._strings(visible(spot.name)),
            isJS=False,
            relevantForJS=False,
            resource=-1 if file is None else self.resources.add(file, lib=None, name=file, host=None, type=_LIBRARY),
            fileName=file,
            lineNumber=spot.begin,
            columnNumber=None,
        )


def firefox(profile: Profile) -> str:
    """JSON for profiler.firefox.com ("Load a profile from file")."""
    strings, categories = _Strings(), _Categories()
    kinds: dict[str, list[str]] = {}
    threads = [_thread(profile, lane, strings, categories, kinds, first=i == 0) for i, lane in enumerate(profile.lanes)]
    began = profile.began * 1000
    return json.dumps(
        {
            "meta": {
                "interval": profile.interval,
                "startTime": began,
                "endTime": began + profile.ended,
                "processType": 0,
                "product": profile.name,
                "stackwalk": 1,
                "debug": False,
                "version": _UNPROCESSED,
                "preprocessedProfileVersion": _VERSION,
                "symbolicated": True,
                "symbolicationNotSupported": True,
                "importedFrom": "refsfi",
                "usesOnlyOneStackType": True,
                "sourceCodeIsNotOnSearchfox": True,
                "sampleUnits": {"time": "ms", "eventDelay": "ms", "threadCPUDelta": "ns"},
                "categories": categories.all(),
                "markerSchema": [_schema(name, keys) for name, keys in kinds.items()],
                "extensions": {"baseURL": [], "id": [], "name": [], "length": 0},
                "keepProfileThreadOrder": True,
            },
            "libs": [],
            "pages": [],
            "counters": [],
            "profilerOverhead": [],
            "shared": {"stringArray": strings.all()},
            "threads": threads,
        }
    )


def _thread(
    profile: Profile,
    lane: Lane,
    strings: _Strings,
    categories: _Categories,
    kinds: dict[str, list[str]],
    *,
    first: bool,
) -> dict[str, Any]:
    stacks = _Stacks(strings, categories)
    samples = _samples(profile, lane.samples, stacks)
    return {
        "processType": "default",
        "processStartupTime": 0,
        "processShutdownTime": None,
        "registerTime": 0,
        "unregisterTime": None,
        "pausedRanges": [],
        "showMarkersInTimeline": True,
        "name": lane.name,
        "isMainThread": first,
        "processName": profile.name,
        "pid": str(profile.process),
        "tid": lane.id,
        "samples": samples,
        "markers": _markers(lane.events, strings, categories, kinds),
        "stackTable": stacks.stacks.json(),
        "frameTable": stacks.frames.json(),
        "funcTable": stacks.funcs.json(),
        "resourceTable": stacks.resources.json(),
        "nativeSymbols": {"libIndex": [], "address": [], "name": [], "functionSize": [], "length": 0},
    }


def _samples(profile: Profile, samples: Sequence[Sample], stacks: _Stacks) -> dict[str, Any]:
    return {
        "stack": [stacks.add(sample.stack) for sample in samples],
        "time": [sample.time for sample in samples],
        "weight": [sample.weight for sample in samples],
        "weightType": "samples" if profile.unit == "samples" else "tracing-ms",
        "length": len(samples),
    }


def _markers(
    events: Sequence[Event], strings: _Strings, categories: _Categories, kinds: dict[str, list[str]]
) -> dict[str, Any]:
    for event in events:
        known = kinds.setdefault(_kind(event), [])
        known += (key for key in event.facts if key not in known)
    return {
        "data": [{"type": _kind(event), **_facts(event.facts)} for event in events],
        "name": [strings(visible(event.name)) for event in events],
        "startTime": [event.start for event in events],
        "endTime": [event.end for event in events],
        "phase": [_INSTANT if event.end is None else _INTERVAL for event in events],
        "category": [categories(event.category) for event in events],
        "length": len(events),
    }


def _kind(event: Event) -> str:
    """The type of a marker, which has a schema: all of a category have one."""
    return event.category.name


def _facts(facts: Mapping[str, Any]) -> dict[str, str]:
    # `type` is the profiler's own key.
    return {_key(key): str(value) for key, value in facts.items()}


def _key(key: str) -> str:
    return f"{key}_" if key == "type" else key


def _schema(name: str, keys: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "tooltipLabel": "{marker.name}",
        "tableLabel": "{marker.name}",
        "chartLabel": "{marker.name}",
        "display": ["marker-chart", "marker-table", "timeline-overview"],
        "fields": [{"key": _key(key), "label": key, "format": "string"} for key in keys],
    }
