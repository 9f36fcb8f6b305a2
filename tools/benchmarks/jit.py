"""What compiling gains and costs, beside other engines.

Each figure comes from fresh processes in which the engines take turns, as the median, in seconds of the processor:
what else a machine does weighs less on those than on the clock. `first` is everything that a program waits for:
importing the engine, loading and compiling the module, the first call. `second` is the median of the calls after the
first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.benchmarks.cold import cold_kernels
from tools.benchmarks.engines import COMPILERS, Engine
from tools.benchmarks.kernels import Kernel, corpus_kernels, long_kernels, own_kernels
from tools.benchmarks.report import seconds, table
from tools.benchmarks.worker import Outcome, job

__all__ = ["jit"]

ROOT = Path(__file__).resolve().parents[2]

# What is promised: how many times as fast as another engine a second call is at least.
BAR_WASM3, BAR_PWASM, BAR_PPCI, BAR_INTERPRETER = 3.0, 20.0, 1.0, 5.0
# First calls: no slower than the interpreter's by more than this.
BAR_SLOWER = 1.05
# Microseconds of all phases for an instruction, after the first compilation.
BAR_COMPILE = 60.0

# Fuel of the longest call of the corpus in each of the two tables.
LONG_FUEL, SHORT_FUEL = 150_000_000, 2_100_000
_SHORT = ("interpreter", "jit", "jit-portable")


@dataclass(slots=True)
class Row:
    """One kernel under one engine. None for both figures where `why` says what came in between."""

    kernel: str
    engine: str
    first: float | None = None
    second: float | None = None
    why: str = ""
    outcomes: list[Outcome] = field(default_factory=list)

    def settle(self) -> None:
        """Make the figures of the outcomes."""
        self.why = next((o.why for o in self.outcomes if o.why), self.why)
        if self.why or not self.outcomes:
            return
        self.first = statistics.median(o.start + o.load + o.calls[0] for o in self.outcomes)
        # What takes so long that it is called once is an interpreter, which does no better the second time.
        self.second = statistics.median(s for o in self.outcomes for s in o.calls[1:] or o.calls)

    def as_json(self) -> dict[str, Any]:
        return {
            "kernel": self.kernel,
            "engine": self.engine,
            "first": self.first,
            "second": self.second,
            "why": self.why,
            "start": [o.start for o in self.outcomes],
            "load": [o.load for o in self.outcomes],
            "calls": [o.calls for o in self.outcomes],
            "wall": [o.wall for o in self.outcomes],
            "peak_bytes": [o.peak for o in self.outcomes],
        }


@dataclass(slots=True)
class Costs:
    """Of compiling after the first compilation of a process: microseconds of recording for an instruction recorded, of
    all other phases for an instruction of a region."""

    recording: float
    compiling: float
    compiled: int

    @property
    def sum(self) -> float:
        return self.recording + self.compiling


def jit(options: argparse.Namespace, corpus: Path | None, report: dict[str, Any]) -> bool:
    """Measure, print unless --json, add to the report; whether no bar is missed."""
    engines = [engine for engine in COMPILERS if not options.engine or engine.name in options.engine]
    short_engines = [engine for engine in engines if engine.name in _SHORT]

    def chosen(kernels: Iterator[Kernel]) -> list[Kernel]:
        return [kernel for kernel in kernels if options.only in kernel.name]

    long = chosen(long_kernels())
    short = [*chosen(own_kernels()), *chosen(cold_kernels())]
    if corpus is not None:
        long += chosen(corpus_kernels(corpus, LONG_FUEL))
        short += chosen(corpus_kernels(corpus, SHORT_FUEL))
    other = next(kernel for kernel in own_kernels() if kernel.name == "hashmix")
    with TemporaryDirectory(prefix="refsfi-bench-") as folder:
        run = Runner(Path(folder), 6 * options.patience)
        for engine in engines:
            if engine.version is not None:
                run(job(engine.name, other, options.patience))
        rows = _measure(long, engines, options, run)
        if not options.json:
            print("\nAll until the first call has ended, and a call after it; `x`: how many times as fast jit is.\n")
            _print_rows(rows)
        in_fresh = _measure(short, short_engines, options, run)
        if not options.json:
            print("\nShort calls in fresh processes.\n")
            _print_rows(in_fresh)
        in_warm = _measure(short, short_engines, options, run, other)
        if not options.json:
            print("\nShort calls in processes that have compiled something else before.\n")
            _print_rows(in_warm)
        costs = _costs(long, options, run)
    below = [*_below_long(rows), *_below_short(in_fresh, "fresh"), *_below_short(in_warm, "warm"), *_below_costs(costs)]
    report["jit"] = {
        "long": [row.as_json() for row in rows],
        "short": [row.as_json() for row in in_fresh],
        "short_warm": [row.as_json() for row in in_warm],
        "microseconds": None if costs is None else {"recording": costs.recording, "compiling": costs.compiling},
        "below": below,
    }
    if not options.json:
        _print_summary(rows, costs, below)
    return not below


# --- measuring --------------------------------------------------------------------------------------------------------


def _measure(
    kernels: Sequence[Kernel],
    engines: Sequence[Engine],
    options: argparse.Namespace,
    run: Runner,
    warm: Kernel | None = None,
) -> list[Row]:
    rows = []
    for kernel in kernels:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{kernel.name}", end="", file=sys.stderr, flush=True)
        found = [Row(kernel.name, engine.name) for engine in engines]
        for _ in range(options.repeat):
            for engine, row in zip(engines, found):
                if row.why:
                    continue
                if engine.version is None:
                    row.why = "NOT INSTALLED"
                    continue
                outcome = run(job(engine.name, kernel, options.patience, warm))
                if isinstance(outcome, str):
                    row.why = outcome
                else:
                    row.outcomes.append(outcome)
                    row.why = outcome.why
        for row in found:
            row.settle()
        rows += found
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return rows


class Runner:
    """Runs jobs, each in a process of its own, stopped after `limit` seconds.

    Python's byte code is kept in a folder for them, as it is where packages are installed, whatever this machine's
    environment says; once an engine has run, its packages are there.
    """

    def __init__(self, folder: Path, limit: float) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {**kept, "PYTHONPYCACHEPREFIX": str(folder)}
        self._limit = limit

    def __call__(self, given: str) -> Outcome | str:
        """The outcome of a job, or why there is none."""
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tools.benchmarks.worker"],
                input=given,
                capture_output=True,
                text=True,
                cwd=ROOT,
                env=self._environment,
                timeout=self._limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"not done in {self._limit:.0f} s"
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return f"died ({done.returncode}): {lines[-1][:40] if lines else ''}".rstrip(": ")
        return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def _costs(kernels: Sequence[Kernel], options: argparse.Namespace, run: Runner) -> Costs | None:
    """Over all compilations of these kernels but the first of each process; None where there is none."""
    if options.engine and "jit" not in options.engine:
        return None
    recorded = record_ns = compiled = compile_ns = 0
    for kernel in kernels:
        outcome = run(job("jit", kernel, options.patience, listen=True))
        if isinstance(outcome, str):
            raise SystemExit(f"tools/bench: {kernel.name} with a listener: {outcome}")
        seen_one = False
        for name, count, took in outcome.events:
            if name == "record":
                recorded, record_ns = recorded + count, record_ns + took
            elif seen_one:
                compiled, compile_ns = compiled + count, compile_ns + took
            else:
                seen_one = True
    if not recorded or not compiled:
        return None
    return Costs(record_ns / recorded / 1e3, compile_ns / compiled / 1e3, compiled)


# --- judging ----------------------------------------------------------------------------------------------------------


def ratios(rows: Sequence[Row], engine: str, other: str, figure: str = "second") -> dict[str, float]:
    """By kernel, how many times as fast `engine` is as `other`, where there are figures of both."""
    found: dict[tuple[str, str], float] = {}
    for row in rows:
        value = getattr(row, figure)
        if value is not None:
            found[row.kernel, row.engine] = value
    return {
        kernel: value / found[kernel, engine]
        for (kernel, name), value in found.items()
        if name == other and (kernel, engine) in found
    }


def mean(values: dict[str, float]) -> float:
    """The geometric mean; there must be values."""
    return statistics.geometric_mean(values.values())


def _below_mean(rows: Sequence[Row], engine: str, other: str, bar: float, figure: str = "second") -> Iterator[str]:
    found = ratios(rows, engine, other, figure)
    if found and mean(found) < bar:
        yield f"{engine}, {figure} call: {mean(found):.2f} times {other} in geometric mean, the bar is {bar:g}"


def _below_long(rows: Sequence[Row]) -> Iterator[str]:
    engines = {row.engine for row in rows}
    for name in ("wasm3", "pwasm-auto", "ppci"):
        if name in engines and all(row.why == "NOT INSTALLED" for row in rows if row.engine == name):
            yield f"{name} is not installed, so nothing was compared with it"
    for row in rows:
        if row.engine.startswith("jit") and row.first is None:
            yield f"{row.engine} on {row.kernel}: {row.why}"
    for kernel, ratio in ratios(rows, "jit", "wasm3").items():
        if ratio < BAR_WASM3:
            yield f"jit on {kernel}: {ratio:.2f} times wasm3, the bar is {BAR_WASM3:g}"
    yield from _below_mean(rows, "jit", "pwasm-auto", BAR_PWASM)
    yield from _below_mean(rows, "jit", "ppci", BAR_PPCI)
    for kernel, ratio in ratios(rows, "jit", "ppci", "first").items():
        if ratio < 1:
            yield f"jit on {kernel}: first call {ratio:.2f} times as soon as ppci's"
    yield from _below_mean(rows, "jit-portable", "interpreter", BAR_INTERPRETER)
    yield from _below_mean(rows, "jit-portable", "pwasm-auto", 1.0)
    for engine in ("jit", "jit-portable"):
        yield from _slower(rows, engine, "fresh")


def _below_short(rows: Sequence[Row], state: str) -> Iterator[str]:
    for row in rows:
        if row.first is None:
            yield f"{row.engine} on {row.kernel}, {state} process: {row.why}"
    for engine in ("jit", "jit-portable"):
        yield from _slower(rows, engine, state)


def _slower(rows: Sequence[Row], engine: str, state: str) -> Iterator[str]:
    for kernel, ratio in ratios(rows, engine, "interpreter", "first").items():
        if 1 / ratio > BAR_SLOWER:
            yield f"{engine} on {kernel}, {state} process: first call takes {1 / ratio:.2f} times the interpreter's"


def _below_costs(costs: Costs | None) -> Iterator[str]:
    if costs is not None and costs.sum > BAR_COMPILE:
        yield f"recording and compiling cost {costs.sum:.0f} µs an instruction, the bar is {BAR_COMPILE:g}"


# --- printing ---------------------------------------------------------------------------------------------------------


def _print_summary(rows: Sequence[Row], costs: Costs | None, below: Sequence[str]) -> None:
    print()
    for engine, other, figure in (
        ("jit", "wasm3", "second"),
        ("jit", "pwasm-auto", "second"),
        ("jit", "ppci", "second"),
        ("jit", "ppci", "first"),
        ("jit", "wasmtime", "second"),
        ("jit", "jit-explicit", "second"),
        ("jit", "interpreter", "second"),
        ("jit-portable", "interpreter", "second"),
        ("jit-portable", "pwasm-auto", "second"),
    ):
        found = ratios(rows, engine, other, figure)
        if found:
            print(
                f"{engine}, {figure} call: {mean(found):.2f} times {other} in geometric mean over {len(found)} kernels,"
                f" {min(found.values()):.2f} to {max(found.values()):.2f}"
            )
    if costs is not None:
        print(
            f"After the first compilation of a process: {costs.recording:.1f} µs to record an instruction,"
            f" {costs.compiling:.1f} µs to compile one, over {costs.compiled:,} compiled; the bar is {BAR_COMPILE:g}"
        )
    print("\n".join(f"below: {line}" for line in below) if below else "No bar is missed.")


def _print_rows(rows: Sequence[Row]) -> None:
    mine = {row.kernel: row for row in rows if row.engine == "jit"}
    lines = []
    last = ""
    for row in rows:
        shown = row.kernel if row.kernel != last else ""
        last = row.kernel
        if row.first is None or row.second is None:
            lines.append([shown, row.engine, row.why, "", "", ""])
            continue
        line = [shown, row.engine, seconds(row.first), "", seconds(row.second), ""]
        own = mine.get(row.kernel)
        if own is not None and own is not row and own.first and own.second:
            line[3], line[5] = f"{row.first / own.first:.2f}", f"{row.second / own.second:.2f}"
        lines.append(line)
    for text in table(("kernel", "engine", "first", "x", "second", "x"), lines, left=2):
        print(text, flush=True)
