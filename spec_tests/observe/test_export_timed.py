"""Profiles of both tiers, exported: all time is there, under what it was spent on."""

from __future__ import annotations

import json

import pytest

from refsfi.observe.export import FORMATS
from refsfi.observe.export.timed import exportable
from refsfi.observe.profile.model import CATEGORIES, Event, Exit, Profile, Sample, Spot

SPOTS = [
    Spot("native", "$f", func=1, pc=4, region=2),
    Spot("interpreting", "$f", func=1, pc=7, exit=3),
    Spot("compiling", "optimise"),
    Spot("host", "fd_write", func=1, pc=9),
    Spot("unheard of", "x"),
]
PROFILE = Profile(
    program="guest.wasm",
    began=1.7e9,
    wall=9_000_000,
    interval=1_000_000,
    threads={0: "main", 1: "worker"},
    modules=[{"path": "guest.wasm"}],
    spots=SPOTS,
    samples=[
        Sample(1_000_000, 0, 0, 1_000_000),
        Sample(3_000_000, 0, 1, 2_000_000),
        Sample(4_000_000, 0, 2, 1_000_000),
        Sample(4_500_000, 1, 3, 500_000),
        Sample(6_000_000, 0, 4, 2_000_000),
    ],
    events=[
        Event(2_000_000, "exit", "$f", 7, 0, {"count": 8, "unit": object()}),
        Event(3_500_000, "compile", "$f", 0, 400_000, {"again": True}),
    ],
    exits=[Exit(3, 2, 0, 1, "$f", 7, "br_if $l", "branch", "none")],
)


def test_stacks() -> None:
    assert FORMATS["collapsed"](exportable(PROFILE)).splitlines() == [
        "main;compiling;optimise 1000",
        "main;interpreting;after $f@7 br_if $l: branch;$f;$f@7 2000",
        "main;native;$f (region 2);$f@4 1000",
        "main;unheard of;x 2000",
        "worker;host;fd_write;fd_write@9 500",
    ]


def test_samples_begin_where_their_time_begins() -> None:
    main = exportable(PROFILE).lanes[0]
    assert [(sample.time, sample.weight) for sample in main.samples] == [(0, 1), (1, 2), (3, 1), (4, 2)]


def test_events_have_the_time_that_they_took() -> None:
    *_, compiler = exportable(PROFILE).lanes
    assert [(event.name, event.start, event.end, dict(event.facts)) for event in compiler.events] == [
        ("exit $f", 2.0, None, {"pc": 7, "count": 8}),
        ("compile $f", pytest.approx(3.1), 3.5, {"pc": 0, "again": True}),
    ]


def test_every_category_has_a_color_of_its_own() -> None:
    data = json.loads(FORMATS["firefox"](exportable(Profile(
        program="p", threads={0: "main"}, spots=[Spot(name, "x") for name in CATEGORIES],
        samples=[Sample(i, 0, i, 1) for i in range(len(CATEGORIES))],
    ))))  # fmt: skip
    colors = {category["name"]: category["color"] for category in data["meta"]["categories"]}
    assert colors.keys() == {*CATEGORIES, "Other"}
    assert len({colors[name] for name in CATEGORIES}) == len(CATEGORIES)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_takes_it(format: str) -> None:
    text = FORMATS[format](exportable(PROFILE))
    assert "optimise" in text
    assert text == FORMATS[format](exportable(PROFILE))
