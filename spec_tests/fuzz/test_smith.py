"""Modules that `wasm-tools smith` generates, as they are and mutated: the verdict of `wasm-tools validate`, and the
results, traps, memories, globals and fuel of wasmtime. `tools/fuzz smith` does the same at length."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tools.fuzzing.peers import missing

ABSENT = missing()
CASES = 200


def test_the_peers_are_there() -> None:
    if ABSENT:
        pytest.fail(f"not installed, so nothing was compared with them: {ABSENT} (pip install 'refsfi[peers]')")


@pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {ABSENT}")
@pytest.mark.parametrize("seed", [101, 102])
def test_generated_modules(seed: int, record_property: Callable[[str, object], None]) -> None:
    from tools.fuzzing.smith import smith_run

    report = smith_run(CASES, seed, jobs=1)
    for found in report.found.values():
        pytest.fail(
            f"case {found.index} of seed {seed}: {found.finding.signature}\n{found.finding.detail}", pytrace=False
        )
    assert report.cases == CASES
    assert report.stages["ran"] > CASES // 3
    assert report.stages["malformed"] + report.stages["invalid"] > CASES // 10
    record_property("compared smith: verdicts", CASES - report.stages["not generated"] - report.stages["limit"])
    for name in ("instances", "values", "trap", "memories", "fuel counts"):
        assert report.counts[name], f"nothing was compared: {name}"
        record_property(f"compared smith: {name}", report.counts[name])
