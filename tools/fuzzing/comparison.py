"""Runs that compare modules with the peers: generated ones, or mutated real ones."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

from refsfi.syntax.features import ALL, DEFAULT, WASM2, WASM3, Feature, Features
from tools.fuzzing import pool
from tools.fuzzing.check import SECONDS, Finding, limit_memory
from tools.fuzzing.corpus import load_seeds
from tools.fuzzing.judge import Case, judge
from tools.fuzzing.mutation import Inputs
from tools.fuzzing.peers import PeerError
from tools.fuzzing.report import Found, Report
from tools.fuzzing.shrink import shrink_module
from tools.fuzzing.smith import make_case

__all__ = ["comparison_run", "smaller"]

MEMORY = 6 << 30

# wasm-tools and the tests of custom descriptors do not agree on which super types a type with a descriptor may have.
_ALL = ALL - {Feature.CUSTOM_DESCRIPTORS}
_FEATURES: tuple[Features, ...] = (_ALL, _ALL, _ALL, _ALL, DEFAULT, WASM3, WASM2)
# Every so many-th real module is left as it is.
_WHOLE = 4


def _maker(paths: Sequence[Path] | None, seed: int) -> Callable[[int], Case]:
    """The function that makes a case of its number: from the modules in `paths`, or for None from wasm-tools smith."""
    if paths is None:
        return partial(make_case, seed)
    inputs = Inputs([s for s in load_seeds(paths) if isinstance(s.content, bytes)], seed)

    def mutated(index: int) -> Case:
        origin, content, _ = inputs.make(index)
        data = origin.content if index % _WHOLE == 0 else content
        if isinstance(data, str):
            raise TypeError("a binary module became text")
        return Case(origin.origin, data, Random(index).choice(_FEATURES))

    return mutated


def worker(paths: Sequence[Path] | None, seed: int) -> Callable[[int], tuple[str, Counter[str], Found | None]]:
    """The function of one case, for `pool.run`."""
    limit_memory(MEMORY)
    make = _maker(paths, seed)

    def one(index: int) -> tuple[str, Counter[str], Found | None]:
        try:
            case = make(index)
        except PeerError:
            return "not generated", Counter(), None
        judged = judge(case, Random(index))
        found = None
        if judged.finding is not None:
            found = Found(index, case.origin, case.features, case.data, judged.finding)
        return judged.stage, judged.counts, found

    return one


def comparison_run(
    paths: Sequence[Path] | None,
    count: int,
    seed: int,
    jobs: int,
    seconds: float | None = None,
    progress: Callable[[Report, Found | None], None] | None = None,
) -> Report:
    """Run `count` cases, or as many as begin within `seconds`: mutations of the modules in `paths`, or for None modules
    of wasm-tools smith."""
    start = time.monotonic()
    report = Report()
    end = None if seconds is None else start + seconds
    for index, result in pool.run(worker, (paths, seed), count, jobs, 4 * SECONDS, end):
        found: Found | None = None
        if isinstance(result, pool.Lost):
            report.stages["lost"] += 1
            case = _maker(paths, seed)(index)
            found = Found(index, case.origin, case.features, case.data, Finding(f"lost: {result.why}", result.why))
        else:
            stage, counts, found = result
            report.stages[stage] += 1
            report.counts += counts
        new = found if found is not None and report.add(found) else None
        if progress is not None:
            progress(report, new)
    report.seconds = time.monotonic() - start
    return report


def smaller(found: Found, seconds: float) -> bytes:
    """A smaller module with the same finding, or the same module."""
    if isinstance(found.content, str):
        raise TypeError("only binary modules are compared")

    def same(data: bytes) -> bool:
        finding = judge(Case(found.origin, data, found.features), Random(found.index)).finding
        return finding is not None and finding.signature == found.finding.signature

    return shrink_module(found.content, same, seconds)
