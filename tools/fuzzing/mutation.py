"""The mutation fuzzer: seeds, mutated, through the check."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.syntax.features import ALL, DEFAULT, WASM1, WASM2, WASM3, Features
from tools.fuzzing import pool
from tools.fuzzing.check import SECONDS, Finding, Outcome, check, limit_memory
from tools.fuzzing.corpus import Seed, load_seeds
from tools.fuzzing.mutate import mutate_binary, mutate_text
from tools.fuzzing.mutate_module import mutate_module
from tools.fuzzing.report import Found, Report

__all__ = ["Inputs", "case_input", "mutation_run"]

MEMORY = 3 << 30
# Mostly everything on, so that most of the code is reached.
_FEATURES: tuple[Features, ...] = (ALL, ALL, ALL, ALL, DEFAULT, WASM3, WASM2, WASM1)


class Inputs:
    """What the cases of a run are; each depends on the seeds, the run's seed and its own number alone."""

    def __init__(self, seeds: Sequence[Seed], seed: int) -> None:
        self.seeds = seeds
        self.seed = seed
        self.texts = [s.content for s in seeds if isinstance(s.content, str)]
        self.binaries = [s.content for s in seeds if isinstance(s.content, bytes)]

    def make(self, index: int) -> tuple[Seed, bytes | str, Features]:
        random = Random(f"{self.seed}:{index}")
        seed = random.choice(self.seeds)
        content = seed.content
        features = random.choice(_FEATURES)
        if isinstance(content, str):
            return seed, mutate_text(content, self.texts, random), features
        if random.random() < 0.6:
            # Decoded anew each time: the mutations work in place.
            module = decode(content, ALL)
            mutate_module(module, random)
            return seed, encode(module), features
        return seed, mutate_binary(content, self.binaries, random), features


def case_input(paths: Sequence[Path], seed: int, index: int) -> tuple[Seed, bytes | str, Features]:
    """The seed, the input and the features of one case."""
    return Inputs(load_seeds(paths), seed).make(index)


def worker(paths: Sequence[Path], seed: int) -> Callable[[int], tuple[str, Found | None]]:
    """The function of one case, for `pool.run`."""
    limit_memory(MEMORY)
    inputs = Inputs(load_seeds(paths), seed)

    def case(index: int) -> tuple[str, Found | None]:
        origin, content, features = inputs.make(index)
        outcome: Outcome = check(content, features)
        if outcome.finding is None:
            return outcome.stage, None
        return outcome.stage, Found(index, origin.origin, features, content, outcome.finding)

    return case


def mutation_run(
    paths: Sequence[Path],
    count: int,
    seed: int,
    jobs: int,
    seconds: float | None = None,
    progress: Callable[[Report, Found | None], None] | None = None,
) -> Report:
    """Run `count` cases, or as many as begin within `seconds`."""
    start = time.monotonic()
    report = Report()
    end = None if seconds is None else start + seconds
    for index, result in pool.run(worker, (paths, seed), count, jobs, 4 * SECONDS, end):
        new: Found | None = None
        if isinstance(result, pool.Lost):
            report.stages["lost"] += 1
            origin, content, features = case_input(paths, seed, index)
            found = Found(index, origin.origin, features, content, Finding(f"lost: {result.why}", result.why))
            new = found if report.add(found) else None
        else:
            stage, maybe = result
            report.stages[stage] += 1
            if maybe is not None and report.add(maybe):
                new = maybe
        if progress is not None:
            progress(report, new)
    report.seconds = time.monotonic() - start
    return report
