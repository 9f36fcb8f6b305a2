"""Random modules in one process, one after the other, and whether anything of them stays behind.

What a process holds is measured again and again, each time after everything was freed that nothing leads to. Numbers of
what the project itself hands out have to be what they were; what the kernel and Python's allocator keep moves up and
down, and has a little room.

A soak is judged by its own first third. A number may exceed its maximum there by what it rose during that third, or by
its room if that is more: what rises evenly has risen twice as much at the end, however slowly, and is found; what
rises ever more slowly, as caches and free lists do while they fill, is not.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from jit.x64.backend import _process
from jit.x64.contexts import VMS
from tools.fuzzing.check import Finding
from tools.fuzzing.jitcases import judge_tiers, make_jit_case

__all__ = ["FIRST_THIRD", "Sample", "grown", "heading", "measure", "soak"]

# Fewer samples than this say nothing about a third of them.
FIRST_THIRD: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """What this process holds. `rss` and `code` are bytes; `exits`, `faults` and `calls` are entries of the compiler's
    registries, `contexts` native stacks, `objects` what Python's collector knows."""

    cases: int
    seconds: float
    rss: int
    mappings: int
    descriptors: int
    threads: int
    objects: int
    code: int
    exits: int
    faults: int
    calls: int
    contexts: int

    def line(self) -> str:
        values = [getattr(self, name) for name in _MEASURED]
        cells = [f"{self.cases:>7}", f"{self.seconds:>5.0f}", f"{self.rss / (1 << 20):>6.1f}"]
        cells += [f"{value:>{width}}" for value, width in zip(values[1:], _WIDTHS, strict=True)]
        return " ".join(cells)


_MEASURED: Final = [field.name for field in fields(Sample) if field.name not in ("cases", "seconds")]
_WIDTHS: Final = (5, 4, 4, 8, 7, 6, 6, 6, 5)
_TITLES: Final = ("maps", "fds", "thr", "objects", "code B", "exits", "faults", "calls", "ctx")
# Room for what rises and falls by itself: arenas of the allocators, and caches that are full sooner or later.
_ROOM: Final = {"rss": 6 << 20, "mappings": 24, "objects": 2000}


def heading() -> str:
    titles = [f"{title:>{width}}" for title, width in zip(_TITLES, _WIDTHS, strict=True)]
    return " ".join([f"{'cases':>7}", f"{'s':>5}", f"{'MiB':>6}", *titles])


def measure(cases: int, seconds: float) -> Sample:
    """What is held once everything is freed that can be: what is freed may have been the last to lead to more."""
    process = _process()
    for _ in range(4):
        gc.collect()
        process.sweep()
    status = Path("/proc/self/statm").read_text().split()
    return Sample(
        cases,
        seconds,
        rss=int(status[1]) * os.sysconf("SC_PAGESIZE"),
        mappings=Path("/proc/self/maps").read_bytes().count(b"\n"),
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
        objects=len(gc.get_objects()),
        code=process.memory.in_use,
        exits=len(process.exits),
        faults=len(process.faults),
        calls=len(process.calls),
        contexts=len(VMS),
    )


def grown(samples: Sequence[Sample]) -> Iterator[str]:
    """What has grown beyond its bound, in words. ValueError for too few samples to have a first third."""
    third = len(samples) // 3
    if third < FIRST_THIRD:
        raise ValueError(f"{len(samples)} samples; at least {3 * FIRST_THIRD} are needed")
    for name in _MEASURED:
        values = [getattr(sample, name) for sample in samples]
        early, late = values[:third], values[third:]
        bound = max(early) + max(max(early) - early[0], _ROOM.get(name, 0))
        # What was high once and came down again is no leak.
        end = min(late[-FIRST_THIRD:])
        if end > bound:
            yield f"{name}: {end} at the end, {early[0]} to {max(early)} in the first third, at most {bound} expected"


def soak(
    seed: int,
    samples: int,
    goes_on: Callable[[int, int], bool],
    show: Callable[[Sample], None] | None = None,
) -> tuple[list[Sample], list[tuple[int, Finding]]]:
    """Run cases of `tools/fuzz jit --small`, and measure `samples` times: what was measured, and cases with findings.

    `goes_on(number, cases)` says whether another case is run before sample `number`, of `cases` so far.
    """
    measured: list[Sample] = []
    findings: list[tuple[int, Finding]] = []
    start, cases = time.monotonic(), 0
    for number in range(samples):
        while goes_on(number, cases):
            _, finding = judge_tiers(make_jit_case(seed, cases, smith=False, small=True))
            if finding is not None:
                findings.append((cases, finding))
            cases += 1
        sample = measure(cases, time.monotonic() - start)
        measured.append(sample)
        if show is not None:
            show(sample)
    return measured, findings
