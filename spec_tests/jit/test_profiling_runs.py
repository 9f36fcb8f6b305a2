"""Profiles of runs in both tiers: what is counted is exact, what is attributed belongs there, what is kept can be
replayed."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jit.log import EVENTS, KINDS
from jit.profiling.causes import CAUSES
from jit.profiling.replay import PASSES, replay
from jit.reasons import REASONS
from jit.select import obstacle
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import PLENTY, TierChoice, Watch, make_profiler, make_tier
from refsfi.observe.profile.file import ProfileError, Writer, read
from refsfi.observe.profile.model import Profile
from refsfi.observe.profile.questions import why
from refsfi.runtime.store import HostFunc, Store
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.types import I32, FuncType

pytestmark = pytest.mark.skipif(obstacle() is not None, reason=f"no machine code here: {obstacle()}")

ROOT = Path(__file__).parents[2]

# A loop with a host call each 64th time, a branch that is first taken late, and a function that is called but twice.
GUEST = b"""(module (import "env" "tick" (func $tick (param i32) (result i32)))
  (memory 1)
  (func $seldom (param $i i32) (result i32) (i32.xor (local.get $i) (i32.const 0x5555)))
  (func $main (export "run") (param $n i32) (result i32) (local $i i32) (local $s i32)
    (loop $again
      (i32.store (i32.and (local.get $i) (i32.const 0xfffc)) (local.get $s))
      (local.set $s (i32.add (i32.load (i32.and (local.get $s) (i32.const 0xfffc))) (local.get $i)))
      (if (i32.eqz (i32.and (local.get $i) (i32.const 63)))
        (then (local.set $s (i32.add (local.get $s) (call $tick (local.get $i))))))
      (if (i32.gt_u (local.get $i) (i32.const 15000))
        (then (local.set $s (i32.mul (local.get $s) (i32.const 31)))))
      (if (i32.eq (i32.and (local.get $i) (i32.const 0x3fff)) (i32.const 7))
        (then (local.set $s (call $seldom (local.get $s)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $s)))"""
ROUNDS = 30_000


def profiled(
    file: Any = None,
    *,
    mode: str = "on",
    backend: str | None = None,
    bounds: str = "guard",
    watch: Watch | None = None,
    **tuning: int,
) -> tuple[Profile, int, list[Any]]:
    """The profile, how often the host was called, and the results."""
    profiler = make_profiler(file)
    watch = replace(watch or Watch(), profiler=profiler)
    options = {"hot_loop": 100, "hot_call": 100, "share": 1_000_000, "stretch": 1, **tuning}
    tier = make_tier(TierChoice(mode, bounds, backend, watch, tuple(options.items())))
    assert tier is not None
    calls = 0

    def tick(i: int) -> tuple[int]:
        nonlocal calls
        calls += 1
        return (i,)

    with profiler:
        program = load_program(GUEST, tier=tier, metered=mode == "check")
        profiler.module(program, "guest.wat", GUEST)
        store = Store(fuel=PLENTY if mode == "check" else None)
        instance = instantiate(store, program, [HostFunc(func_deftype(FuncType((I32,), (I32,))), tick, "env.tick")])
        func: Any = instance.exports["run"]
        results = list(invoke(store, func, [ROUNDS]))
    found: Profile = profiler.profile(tier.coverage())
    return found, calls, results


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, Profile, int]:
    """A profile, the same from its file, and how often the host was called."""
    path = tmp_path_factory.mktemp("profiles") / "a.profile"
    with open(path, "w", encoding="utf-8") as file:
        profile, calls, _ = profiled(file)
    return profile, read(path), calls


def test_the_file_says_the_same(kept: tuple[Profile, Profile, int]) -> None:
    profile, again, _ = kept
    assert again.cut == ""
    for name in ("regions", "exits", "compilations", "events", "samples", "spots", "counters", "left", "wall"):
        assert getattr(again, name) == getattr(profile, name), name


def test_exits_are_counted(tmp_path: Path) -> None:
    """As often as a dump of all exits has them, each where it was and for its cause."""
    dump = tmp_path / "exits"
    profile, calls, _ = profiled(watch=Watch(dump=str(dump), dumped=frozenset("x")))
    told = Counter(line.split("@")[1].split(" ")[0].rstrip(":") for line in dump.read_text().splitlines())
    taken: Counter[str] = Counter()
    for exit in profile.exits:
        taken[str(exit.pc)] += exit.taken
    assert taken == told
    assert dict(profile.left) == totals(profile)
    body = load_program(GUEST).module.funcs[1].body
    branch = next(pc for pc, instr in enumerate(body) if instr.op.mnemonic == "if")
    branches = sum(exit.taken for exit in profile.exits if exit.pc == branch and exit.cause == "branch never seen")
    hosts = sum(exit.taken for exit in profile.exits if exit.cause == "host call")
    assert branches >= 40
    assert 0 < hosts <= calls - branches
    assert {exit.cause for exit in profile.exits} <= set(CAUSES)


def totals(profile: Profile) -> dict[str, int]:
    """Mnemonic -> how often a region was left in front of one, by the exits."""
    found: dict[str, int] = {}
    for exit in profile.exits:
        found[exit.instruction] = found.get(exit.instruction, 0) + exit.taken
    return found


def test_entries_are_counted(kept: tuple[Profile, Profile, int]) -> None:
    """Each run of compiled code but the last one ended with an exit."""
    profile, _, _ = kept
    entered = sum(region.entered for region in profile.regions)
    left = sum(exit.taken for exit in profile.exits)
    assert 0 <= entered - left <= 1


def test_a_hot_exit_makes_a_bridge(kept: tuple[Profile, Profile, int]) -> None:
    profile, _, _ = kept
    mine = [c for c in profile.compilations if c.name == "$main" and not c.abort]
    assert mine[0].kind == "first"
    assert "bridge" in {c.kind for c in mine}
    assert {c.kind for c in mine} <= set(KINDS)
    assert any(e.name == "exit" and e.facts["count"] > 0 for e in profile.events)
    assert any(e.name == "release" for e in profile.events)
    assert mine[0].passed >= 100
    regions = [region for region in profile.regions if region.name == "$main"]
    assert [region.replaces for region in regions[1:]] == [region.number for region in regions[:-1]]


def test_events_are_of_the_table(kept: tuple[Profile, Profile, int]) -> None:
    profile, _, _ = kept
    assert {event.name for event in profile.events} <= set(EVENTS)
    assert all(c.abort in REASONS for c in profile.compilations if c.abort)


def test_phases_and_encodings_are_told(kept: tuple[Profile, Profile, int]) -> None:
    profile, _, _ = kept
    for compilation in profile.compilations:
        if not compilation.abort:
            assert set(compilation.phases) == {"build", "optimise", "emit", "install"}
            assert all(ns >= 0 for ns in compilation.phases.values())
            assert 0 <= compilation.misses <= compilation.made


@pytest.mark.parametrize("bounds", ["guard", "explicit"])
def test_comparisons_that_are_not_needed(bounds: str) -> None:
    """One load and one store: with guard pages neither is compared."""
    profile, _, _ = profiled(bounds=bounds)
    for region in profile.regions:
        if region.name == "$main":
            assert (region.accesses, region.unchecked) == (2, 2 if bounds == "guard" else 0)


def test_every_region_is_compiled_again_to_the_same_code(kept: tuple[Profile, Profile, int]) -> None:
    """From the file alone. Addresses differ, which are operands: so does no length, and nothing of the rest."""
    _, again, _ = kept
    assert again.regions
    for region in again.regions:
        stages = list(replay(again, region.number))
        assert [stage.name for stage in stages] == ["built", *PASSES, "code"]
        assert stages[0].text == region.graph
        found = replayed_lines(again, region.number)
        assert found == [(offset, pc) for offset, _, pc in region.lines]


def replayed_lines(profile: Profile, number: int) -> list[tuple[int, int]]:
    """Where the code of each instruction is, when the region is compiled now."""
    from jit.ir.text import parse
    from jit.optimize.canonical import make_canonical
    from jit.optimize.simplify import drop_trivial
    from jit.options import Options
    from jit.x64.backend import X64Backend

    program = load_program(GUEST)
    for code in program.funcs:
        if code.tail is None:
            code.prepare()
    graph = parse(profile.regions[number].graph, program)
    drop_trivial(graph)
    make_canonical(graph)
    unit = X64Backend(Options()).compile(graph)
    assert unit.code.asm.size == profile.regions[number].code
    return [(offset, pc) for offset, pc in unit.code.pcs]


def test_what_cannot_be_replayed_is_said() -> None:
    profile, _, _ = profiled()
    with pytest.raises(ProfileError, match="there is no region 99"):
        list(replay(profile, 99))
    with pytest.raises(ProfileError, match="keeps no graph"):
        list(replay(profile, 0))
    profile.regions[0].graph = "b0: nonsense"
    with pytest.raises(ProfileError, match="region 0 cannot be read"):
        list(replay(profile, 0))
    profile.regions[0].module = 7
    with pytest.raises(ProfileError, match="a module that the profile does not have"):
        list(replay(profile, 0))


def test_a_cold_function_says_how_cold(kept: tuple[Profile, Profile, int]) -> None:
    profile, again, _ = kept
    for found in (profile, again):
        assert why(found, "$main").verdict == "compiled"
    cold, _, _ = profiled(hot_call=1000, hot_loop=1_000_000)
    answer = why(cold, "$seldom")
    assert "passed 2 times, and 1000 make it hot" in answer.verdict
    assert f"passed {ROUNDS} times, and 1000000 make it hot" in why(cold, "$main").verdict


def test_a_function_for_which_there_is_no_budget() -> None:
    """Hot, and nothing may be compiled."""
    found, _, _ = profiled(share=0)
    assert not found.regions
    assert "compiling had used up its share" in why(found, "$main").verdict


def test_the_portable_back_end_is_profiled_alike() -> None:
    native, calls, results = profiled()
    portable, calls_again, results_again = profiled(backend="portable")
    assert (calls, results) == (calls_again, results_again)
    assert portable.regions
    assert not portable.regions[0].machine
    # When somebody asks to stop is nobody's choice.
    places = [{(e.pc, e.cause) for e in p.exits if e.cause != "stop"} for p in (native, portable)]
    assert places[0] == places[1] != set()
    assert dict(portable.left) == totals(portable)
    assert {s.category for s in portable.spots} & {"native", "interpreting"}


def test_checked_runs_are_profiled() -> None:
    _, calls, results = profiled()
    checked, calls_again, results_again = profiled(mode="check")
    assert results == results_again
    assert calls == calls_again
    assert checked.regions
    assert dict(checked.left) == totals(checked)


def test_a_file_that_is_full_is_a_profile_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.profiling.output.Writer", lambda file: Writer(file, 3000))
    path = tmp_path / "a.profile"
    with open(path, "w", encoding="utf-8") as file:
        profiled(file)
    assert read(path).complete


def test_nobody_is_measured_any_more_after_the_end() -> None:
    profiler = make_profiler(io.StringIO())
    tier: Any = make_tier(TierChoice("force", watch=Watch(profiler=profiler)))
    with profiler:
        pass
    assert tier.log.meter is None
    assert not tier.log.listeners
