"""A soak measures what random modules leave behind: nothing, and it would notice."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest

from jit.options import Options
from jit.x64.backend import X64Backend
from jit.x64.contexts import VmContext
from refsfi.runtime.store import Store
from tools.fuzzing import soak as soaking
from tools.fuzzing.jitcases import JitCase
from tools.fuzzing.soak import Sample, grown, heading, soak

SAMPLES = 9
FLAT = Sample(0, 0.0, 60 << 20, 215, 6, 2, 52_000, 1216, 0, 0, 0, 0)


def series(**values: list[int]) -> list[Sample]:
    """Samples that differ in what is given."""
    return [replace(FLAT, **{name: numbers[i] for name, numbers in values.items()}) for i in range(SAMPLES)]


def test_what_stays_level_is_no_leak() -> None:
    assert list(grown([FLAT] * SAMPLES)) == []


@pytest.mark.parametrize("name", ["code", "exits", "faults", "calls", "contexts", "descriptors", "threads"])
def test_one_of_what_the_project_hands_out_is_a_leak(name: str) -> None:
    value = getattr(FLAT, name)
    (leak,) = grown(series(**{name: [value] * 6 + [value + 1] * 3}))
    assert leak.startswith(f"{name}: {value + 1} at the end")


@pytest.mark.parametrize(("name", "step"), [("rss", 2 << 20), ("mappings", 8), ("objects", 600)])
def test_what_rises_evenly_is_a_leak_and_what_rises_ever_more_slowly_is_not(name: str, step: int) -> None:
    base = getattr(FLAT, name)
    assert list(grown(series(**{name: [base + step * n for n in range(SAMPLES)]})))
    assert not list(grown(series(**{name: [base + 4 * step - 4 * step // (n + 1) for n in range(SAMPLES)]})))
    # High for a while, and down again.
    assert not list(grown(series(**{name: [base] * 4 + [base + 99 * step] * 2 + [base] * 3})))


def test_too_few_samples_say_nothing() -> None:
    with pytest.raises(ValueError, match="8 samples; at least 9"):
        list(grown([FLAT] * 8))


def test_nothing_stays_behind() -> None:
    shown: list[str] = []
    samples, findings = soak(1, SAMPLES, lambda number, cases: cases < 5 * number, lambda s: shown.append(s.line()))
    assert findings == []
    assert list(grown(samples)) == []
    assert {len(line) for line in shown} == {len(heading())}
    assert len(heading()) <= 80


def test_what_stays_behind_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases that leave a descriptor and a native stack each."""
    descriptors: list[int] = []
    contexts: list[VmContext] = []

    def leaking(case: JitCase) -> tuple[Counter[str], None]:
        descriptors.append(os.dup(0))
        contexts.append(VmContext(Store(), X64Backend(Options()).instance_context))
        return Counter(), None

    monkeypatch.setattr(soaking, "judge_tiers", leaking)
    try:
        samples, _ = soak(1, SAMPLES, lambda number, cases: cases < 2 * number)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    leaks = [leak.partition(":")[0] for leak in grown(samples)]
    assert {"descriptors", "contexts"} <= set(leaks)
