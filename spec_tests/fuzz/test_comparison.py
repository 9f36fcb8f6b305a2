"""Modules that `wasm-tools smith` generates, and mutated real ones: the verdict of `wasm-tools validate`, and the
results, traps, backtraces, memories, globals and fuel of wasmtime. `tools/fuzz smith` and `compare` do the same at
length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.fuzzing.peers import missing

CONFORMANCE = Path(__file__).parents[1] / "conformance"
ABSENT = missing()
CASES = 200

with_peers = pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {ABSENT}")
Recorder = Callable[[str, object], None]


def test_the_peers_are_there() -> None:
    if ABSENT:
        pytest.fail(f"not installed, so nothing was compared with them: {ABSENT} (pip install 'refsfi[peers]')")


@with_peers
@pytest.mark.parametrize("seed", [101, 102])
def test_generated_modules(seed: int, record_property: Recorder) -> None:
    _compare(None, seed, record_property)


@with_peers
@pytest.mark.parametrize("seed", [101, 102])
def test_mutations_of_the_conformance_scripts(seed: int, record_property: Recorder) -> None:
    _compare([CONFORMANCE], seed, record_property)


def _compare(paths: list[Path] | None, seed: int, record_property: Recorder) -> None:
    from tools.fuzzing.comparison import comparison_run

    report = comparison_run(paths, CASES, seed, jobs=1)
    for found in report.found.values():
        case = f"case {found.index} of seed {seed}, from {found.origin}"
        pytest.fail(f"{case}: {found.finding.signature}\n{found.finding.detail}", pytrace=False)
    assert report.cases == CASES
    assert report.stages["ran"] > CASES // 5
    assert report.stages["malformed"] + report.stages["invalid"] > CASES // 10
    record_property("compared fuzzing: verdicts", CASES - report.stages["not generated"])
    for name in ("instances", "values", "trap", "memories", "fuel counts"):
        assert report.counts[name], f"nothing was compared: {name}"
        record_property(f"compared fuzzing: {name}", report.counts[name])
