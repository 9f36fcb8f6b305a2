"""What a profile says, asked of one that was made by hand: sums, trees, questions, the difference between two."""

from __future__ import annotations

import pytest

from refsfi.observe.profile.costs import payback
from refsfi.observe.profile.file import ProfileError
from refsfi.observe.profile.model import Compilation, Counter, Exit, Profile, Region, Sample, Spot
from refsfi.observe.profile.questions import diff, top, why

MS = 1_000_000


def profile() -> Profile:
    """10 ms: 4 of them interpreted before there was a region, 3 native, 1 interpreted behind an exit, 2 in the host."""
    spots = [
        Spot("interpreting", "$f", 1, 4),
        Spot("native", "$f", 1, 5, 0, 16),
        Spot("interpreting", "$f", 1, 6, exit=0),
        Spot("host", "env.wait", exit=0),
        Spot("native", "$f", 1, 5, 0, 20),
    ]
    weights = [(0, 4 * MS), (1, 2 * MS), (2, MS), (3, 2 * MS), (4, MS)]
    samples, time = [], 0
    for spot, weight in weights:
        time += weight
        samples.append(Sample(time, 7, spot, weight))
    region = Region(0, 1, "$f", 4 * MS, 10, 12, 100, 2, 0, entered=2, native=3 * MS)
    exit = Exit(0, 0, 3, 1, "$f", 6, "call", "host call", "call the host less", taken=10, cost=MS, host=2 * MS)
    phases = {"build": 100_000, "optimise": 0, "emit": 300_000, "install": 0}
    first = Compilation(4 * MS, 1, "$f", 0, phases, passed=1000, kind="first")
    counters = [
        Counter(2, "$cold", 0, False, 12, 1500),
        Counter(3, "$dear", 9, True, 700, 1000, waits=3),
        Counter(4, "$inlined", 0, False, 0, 1500),
    ]
    return Profile(
        wall=10 * MS,
        interval=MS,
        spots=spots,
        samples=samples,
        regions=[region],
        exits=[exit],
        compilations=[first],
        counters=counters,
    )


def test_the_parts_are_the_whole() -> None:
    p = profile()
    times = p.times()
    assert {name: ns for name, ns in times.items() if ns} == {
        "interpreting": 5 * MS,
        "native": 3 * MS,
        "host": 2 * MS,
    }
    assert sum(times.values()) == p.sampled == p.tree().total == p.wall
    assert p.region_times() == {0: 3 * MS}
    assert p.line_times(0) == {16: 2 * MS, 20: MS}
    assert p.function_times() == {(0, 1): {"interpreting": 5 * MS, "native": 3 * MS}}


def test_the_interpreter_is_blamed_on_the_exit_that_led_there() -> None:
    tree = profile().tree()
    reasons = tree.children["interpreting"].children["$f"]
    assert {name: node.total for name, node in reasons.children.items()} == {
        "from the start": 4 * MS,
        "after $f@6 call: host call": MS,
    }
    assert [node.name for node in tree.ranked()] == ["interpreting", "native", "host"]


def test_what_a_sample_stands_for_is_spread_over_the_timeline() -> None:
    timeline = profile().timeline(bucket=3 * MS)
    assert timeline == [
        {"interpreting": 3 * MS},
        {"interpreting": MS, "native": 2 * MS},
        {"interpreting": MS, "host": 2 * MS},
        {"native": MS},
    ]


def test_top() -> None:
    p = profile()
    p.regions.append(Region(1, 2, "$g", 0, 1, 1, 1, 0, 0))
    p.spots.append(Spot("native", "$g", 2, 0, 1, 0))
    p.samples.append(Sample(20 * MS, 7, 5, 9 * MS))
    assert top(p) == ["$g", "$f"]
    assert top(p, 1) == ["$g"]


def test_compiling_is_paid_back() -> None:
    p = profile()
    # 4 ms for 1000 passes: 4 us each, and compiling took 400 us.
    found = payback(p, p.compilations[0])
    assert found is not None
    assert (found.count, found.unit, found.each) == (100, "passes", 4000)
    bridge = Compilation(5 * MS, 1, "$f", 1, {"emit": 250_000}, kind="bridge")
    found = payback(p, bridge)
    assert found is not None
    # 10 exits cost 1 ms.
    assert (found.count, found.unit, found.each) == (3, "exits", 100_000)


def test_nothing_is_paid_back_where_nothing_is_known() -> None:
    p = profile()
    assert payback(p, Compilation(0, 1, "$f", -1, {"build": 5}, abort="region too large")) is None
    assert payback(p, Compilation(0, 9, "$g", 3, {"build": 5}, kind="first", passed=10)) is None
    assert payback(p, Compilation(0, 9, "$g", 3, {"build": 5}, kind="entry")) is None


def test_why_it_is_compiled() -> None:
    for name in ("$f", "f", "1"):
        answer = why(profile(), name)
        assert answer.name == "$f"
        assert answer.verdict == "compiled"
        assert any("region 0" in ground and "paid back after 100 passes" in ground for ground in answer.grounds)
        assert any("left 10 times at $f@6 call: host call" in ground for ground in answer.grounds)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("$cold", "its beginning was passed 12 times, and 1500 make it hot"),
        ("$dear", "its loop @9 was hot, and 3 times compiling had used up its share"),
        ("$inlined", "inlined"),
    ],
)
def test_why_it_is_not_compiled(name: str, words: str) -> None:
    answer = why(profile(), name)
    assert answer.verdict.startswith("not compiled: ")
    assert words in answer.verdict


def test_why_it_was_refused() -> None:
    p = profile()
    p.compilations.append(Compilation(MS, 2, "$cold", -1, {"build": 5}, 0, "region too large", "raise it", 2))
    answer = why(p, "$cold")
    assert answer.verdict == "not compiled: region too large"
    assert "threshold x2" in answer.grounds[0]
    assert "raise it" in answer.grounds[0]
    p.compilations.append(Compilation(MS, 1, "$f", -1, {"build": 5}, 0, "region too large", "raise it", 2))
    assert why(p, "$f").verdict == "compiled, but not anew: region too large"


def test_a_function_that_nobody_has_heard_of() -> None:
    with pytest.raises(ProfileError, match=r"has not seen a function 'nobody'.*\$cold"):
        why(profile(), "nobody")


def test_the_difference_between_two_runs() -> None:
    before, after = profile(), profile()
    after.wall += MS
    after.samples.append(Sample(11 * MS, 7, 1, MS))
    after.exits[0].cost += 5 * MS
    found = diff(before, after)
    assert found.wall.by == MS
    assert [(c.name, c.by) for c in found.categories if c.by] == [("native", MS)]
    assert [(c.name, c.by) for c in found.functions] == [("$f", MS)]
    assert [(c.name, c.by) for c in found.exits] == [("$f@6 call: host call", 5 * MS)]
    assert all(change.by == 0 for change in diff(before, before).functions)
