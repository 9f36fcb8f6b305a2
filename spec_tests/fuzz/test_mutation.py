"""Mutated modules and texts: refused with an error that says where, or valid and then true to themselves. `tools/fuzz
mutate` does the same at length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.script.suite import find_scripts, find_suite
from tools.fuzzing.mutation import mutation_run
from tools.fuzzing.report import Report

PROJECT = Path(__file__).parents[2]
CONFORMANCE = PROJECT / "spec_tests" / "conformance"
SUITE = find_suite(PROJECT)
# Of the suite every so many-th script: reading all of them takes longer than the cases.
STRIDE = 10
CASES = 1_000


def _run(seeds: list[Path], seed: int) -> Report:
    report = mutation_run(seeds, CASES, seed, jobs=1)
    for found in report.found.values():
        case = f"case {found.index} of seed {seed}, from {found.origin}"
        pytest.fail(f"{case}: {found.finding.signature}\n{found.finding.detail}", pytrace=False)
    assert report.cases == CASES
    for stage in ("malformed", "invalid", "ran"):
        assert report.stages[stage] > CASES // 20, report.stages
    return report


@pytest.mark.parametrize("seed", [1, 2])
def test_mutations_of_the_conformance_scripts(seed: int, record_property: Callable[[str, object], None]) -> None:
    record_property("compared mutations: inputs", _run([CONFORMANCE], seed).cases)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutations_of_the_official_suite(seed: int, record_property: Callable[[str, object], None]) -> None:
    if SUITE is None:
        pytest.fail("the official test suite is missing, so nothing of it was mutated: tools/fetch-testsuite")
    seeds = list(find_scripts(SUITE))[seed::STRIDE]
    record_property("compared mutations: inputs", _run(seeds, seed).cases)
