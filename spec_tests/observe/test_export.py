"""Profiles in the formats of other tools: what the published schemas of these ask for, and that nothing gets lost.

Structure is checked here by rules taken from the formats' descriptions, so that no other tool is needed.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from refsfi.observe.export import FORMATS, Category, Event, Lane, Profile, Sample, Spot

COMPILED, INTERPRETED = Category("Compiled", "green"), Category("Interpreted", "yellow")
MAIN = Spot("$main", INTERPRETED, "m.wat", 3, 1, begin=2)
HOST = Spot("host fd_write")


def hot(line: int) -> Spot:
    """A function with a name that its author has thought about."""
    return Spot("$f;x\n\x1b[2J", COMPILED, "m.wat", line, 5, begin=9)


SAMPLES = [
    Sample(0, (MAIN,)),
    Sample(1, (MAIN, hot(10))),
    Sample(2, (MAIN, hot(11)), 2),
    Sample(4, ()),
    Sample(5, (MAIN, HOST)),
]
EVENTS = [
    Event("compile $f", 1.5, 2.5, COMPILED, {"bytes": 40, "type": "loop"}),
    Event("abort", 3, None, INTERPRETED, {"reason": "too long"}),
]
PROFILE = Profile(
    "demo", [Lane("main", 7, SAMPLES, EVENTS), Lane("worker", 8, SAMPLES[:2])], 1.0, began=1.7e9, process=42
)
EMPTY = Profile("empty", [Lane("main", 1)])


def exported(format: str, profile: Profile = PROFILE) -> Any:
    return json.loads(FORMATS[format](profile))


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_a_profile_as_well(format: str) -> None:
    text = FORMATS[format](EMPTY)
    assert text == "" if format == "collapsed" else json.loads(text)


@pytest.mark.parametrize("format", FORMATS)
def test_names_move_no_cursor(format: str) -> None:
    text = FORMATS[format](PROFILE)
    assert "$f" in text
    assert "\x1b" not in text
    assert "\\u001b" not in text


# --- collapsed -------------------------------------------------------------------------------------------------------


def test_collapsed() -> None:
    assert FORMATS["collapsed"](PROFILE).splitlines() == [
        "main;$main 1",
        "main;$main;$f:x\\n\\x1b[2J 3",
        "main;$main;host fd_write 1",
        "worker;$main 1",
        "worker;$main;$f:x\\n\\x1b[2J 1",
    ]


def test_collapsed_time_is_in_microseconds() -> None:
    profile = Profile("p", [Lane("main", 1, [Sample(0, (MAIN,), 1.25), Sample(2, (MAIN,), 0.5)])], unit="ms")
    assert FORMATS["collapsed"](profile) == "$main 1750\n"


# --- speedscope ------------------------------------------------------------------------------------------------------


def test_speedscope_has_the_samples() -> None:
    data = exported("speedscope")
    assert data["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = data["shared"]["frames"]
    assert all(set(frame) <= {"name", "file", "line"} and frame["name"] for frame in frames)
    main, worker = data["profiles"]
    assert (main["type"], main["name"], main["unit"], worker["name"]) == ("sampled", "main", "none", "worker")
    assert main["endValue"] == sum(main["weights"]) == 6
    stacks = [[(frames[i]["name"], frames[i].get("line")) for i in stack] for stack in main["samples"]]
    f = "$f;x\\n\\x1b[2J"
    assert stacks == [
        [("$main", 2)],
        [("$main", 2), (f, 9)],
        [("$main", 2), (f, 9)],
        [],
        [("$main", 2), ("host fd_write", None)],
    ]


def test_speedscope_evented_nests_and_ends() -> None:
    data = exported("speedscope-evented")
    for profile in data["profiles"]:
        assert profile["type"] == "evented"
        stack: list[int] = []
        last = profile["startValue"]
        for event in profile["events"]:
            assert last <= event["at"] <= profile["endValue"]
            last = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
            else:
                assert stack.pop() == event["frame"]
        assert stack == []
    # `$f` went on to another line without being left.
    events = [(event["type"], event["at"]) for event in data["profiles"][0]["events"]]
    assert events == [("O", 0), ("O", 1), ("C", 4), ("C", 4), ("O", 5), ("O", 5), ("C", 6), ("C", 6)]


# --- Chrome ----------------------------------------------------------------------------------------------------------


def test_chrome_events_nest() -> None:
    data = exported("chrome")
    stacks: dict[int, list[Any]] = {}
    last: Counter[int] = Counter()
    for event in data["traceEvents"]:
        assert {"ph", "pid", "tid", "ts", "name"} <= event.keys()
        assert event["pid"] == 42
        stack = stacks.setdefault(event["tid"], [])
        if event["ph"] == "B":
            stack.append((event["name"], event.get("args")))
        elif event["ph"] == "E":
            assert stack.pop() == (event["name"], event.get("args"))
        assert event["ts"] >= last[event["tid"]]
        last[event["tid"]] = event["ts"]
    assert not any(stacks.values())
    names = {event["args"]["name"] for event in data["traceEvents"] if event["name"] == "thread_name"}
    assert names == {"main", "main: events", "worker"}


def test_chrome_has_the_events() -> None:
    span, instant = (event for event in exported("chrome")["traceEvents"] if event["ph"] in "Xi")
    assert (span["name"], span["ts"], span["dur"], span["args"]) == (
        "compile $f",
        1500,
        1000,
        {"bytes": 40, "type": "loop"},
    )
    assert (instant["ph"], instant["ts"], instant["s"]) == ("i", 3000, "t")


# --- Firefox Profiler ------------------------------------------------------------------------------------------------

# Which columns a table has, and what the numbers in them are indices of; by the types of the format's version 57.
TABLES = {
    "stackTable": {"frame": "frameTable", "prefix": "stackTable"},
    "frameTable": {
        "address": "", "inlineDepth": "", "category": "categories", "subcategory": "", "func": "funcTable",
        "nativeSymbol": "nativeSymbols", "innerWindowID": "", "implementation": "strings", "line": "", "column": "",
    },
    "funcTable": {
        "name": "strings", "isJS": "", "relevantForJS": "", "resource": "resourceTable", "fileName": "strings",
        "lineNumber": "", "columnNumber": "",
    },
    "resourceTable": {"lib": "libs", "name": "strings", "host": "strings", "type": ""},
    "nativeSymbols": {"libIndex": "libs", "address": "", "name": "strings", "functionSize": ""},
    "samples": {"stack": "stackTable", "time": "", "weight": ""},
    "markers": {"data": "", "name": "strings", "startTime": "", "endTime": "", "phase": "", "category": "categories"},
}  # fmt: skip


def test_firefox_tables_fit_together() -> None:
    data = exported("firefox")
    for thread in data["threads"]:
        sizes = {name: thread[name]["length"] for name in TABLES}
        sizes |= {"strings": len(data["shared"]["stringArray"]), "categories": len(data["meta"]["categories"])}
        sizes["libs"] = len(data["libs"])
        for name, columns in TABLES.items():
            table = thread[name]
            assert table.keys() - {"length", "weightType"} == columns.keys()
            for column, refers in columns.items():
                assert len(table[column]) == table["length"]
                if refers:
                    assert all(-1 <= index < sizes[refers] for index in table[column] if index is not None)
        # A stack's prefix stands before it.
        prefixes = thread["stackTable"]["prefix"]
        assert all(prefix is None or prefix < number for number, prefix in enumerate(prefixes))


def test_firefox_has_the_samples() -> None:
    data = exported("firefox")
    strings = data["shared"]["stringArray"]
    thread = data["threads"][0]
    frames, funcs, stacks = thread["frameTable"], thread["funcTable"], thread["stackTable"]

    def stack(number: int | None) -> list[tuple[str, int | None, str]]:
        if number is None:
            return []
        frame = stacks["frame"][number]
        category = data["meta"]["categories"][frames["category"][frame]]["name"]
        level = (strings[funcs["name"][frames["func"][frame]]], frames["line"][frame], category)
        return [*stack(stacks["prefix"][number]), level]

    f = "$f;x\\n\\x1b[2J"
    assert [stack(number) for number in thread["samples"]["stack"]] == [
        [("$main", 3, "Interpreted")],
        [("$main", 3, "Interpreted"), (f, 10, "Compiled")],
        [("$main", 3, "Interpreted"), (f, 11, "Compiled")],
        [],
        [("$main", 3, "Interpreted"), ("host fd_write", None, "Other")],
    ]
    assert funcs["length"] == 3
    assert thread["samples"]["weight"] == [1, 1, 2, 1, 1]
    assert thread["samples"]["time"] == [0, 1, 2, 4, 5]


def test_firefox_has_the_events_with_a_schema_each() -> None:
    data = exported("firefox")
    markers = data["threads"][0]["markers"]
    assert markers["data"] == [
        {"type": "Compiled", "bytes": "40", "type_": "loop"},
        {"type": "Interpreted", "reason": "too long"},
    ]
    assert (markers["phase"], markers["endTime"]) == ([1, 0], [2.5, None])
    schemas = {schema["name"]: [field["key"] for field in schema["fields"]] for schema in data["meta"]["markerSchema"]}
    assert schemas == {"Compiled": ["bytes", "type_"], "Interpreted": ["reason"]}


def test_firefox_meta() -> None:
    meta = exported("firefox")["meta"]
    assert meta["preprocessedProfileVersion"] == 57
    assert (meta["startTime"], meta["endTime"], meta["interval"]) == (1.7e12, 1.7e12 + 6, 1.0)
    # The default category is the first grey one, and each has the subcategory that stands for itself.
    assert meta["categories"][0] == {"name": "Other", "color": "grey", "subcategories": ["Other"]}
    assert all(category["subcategories"] == ["Other"] for category in meta["categories"])
