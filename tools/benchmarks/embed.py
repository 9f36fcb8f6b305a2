"""What embedding costs: calls, callbacks, traps, memory, instances, in refsfi and in wasmtime-py side by side.

The same code runs with both modules, as their interfaces are the same. A row is measured in rounds in which the engines
take turns, so that what else the machine does falls on both.
"""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

from tools.benchmarks.report import seconds, table

__all__ = ["embed"]

# Does something so many times.
Loop: TypeAlias = Callable[[int], None]

# Name -> what refsfi promises, in microseconds, and what wasmtime-py took where that was promised.
BARS: dict[str, tuple[float, float]] = {
    "call of an empty function": (5, 27),
    "host callback": (5, 17),
    "trap, caught": (25, 32),
    "memory.read of 16 bytes": (1, 4.3),
    "instance: made, called, dropped": (68, 68),
}


@dataclass(slots=True)
class Row:
    """Seconds of one repetition, the best of all rounds, by engine."""

    name: str
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """refsfi's time in terms of wasmtime's."""
        theirs = self.seconds.get("wasmtime")
        return None if theirs is None else self.seconds["refsfi"] / theirs

    @property
    def below(self) -> str:
        """Why the promise is not kept; empty where it is, or where none was given."""
        bar = BARS.get(self.name)
        mine = self.seconds["refsfi"] * 1e6
        if bar is None or mine <= bar[0]:
            return ""
        return f"{self.name}: {mine:.2f} µs, the bar is {bar[0]:g} µs"


def embed(report: dict[str, Any], rounds: int, *, quiet: bool) -> bool:
    """Measure, print unless `quiet`, and add to the report; whether all bars are reached."""
    modules = _modules()
    rows = _measure(modules, rounds)
    stores = {name: _measure_stores(module) for name, module in modules.items()}
    below = [row.below for row in rows if row.below]
    report["embed"] = {
        "rows": [{"name": row.name, "seconds": row.seconds, "ratio": row.ratio} for row in rows],
        "stores": {name: asdict(found) for name, found in stores.items()},
        "below": below,
    }
    if not quiet:
        _print(modules, rows, stores, below)
    return not below


def _print(modules: dict[str, Any], rows: list[Row], stores: dict[str, Stores], below: list[str]) -> None:
    lines = []
    for row in rows:
        bar = BARS.get(row.name)
        lines.append(
            [
                row.name,
                *(seconds(row.seconds[name]) for name in modules),
                "" if row.ratio is None else f"{row.ratio:.2f}",
                "" if bar is None else f"{bar[0]:g} µs",
                "" if bar is None else f"{bar[0] / bar[1]:.2f}",
            ]
        )
    print()
    for line in table(("from Python, once", *modules, "ratio", "bar", "bar's ratio"), lines):
        print(line)
    lines = [
        [
            f"{found.count:,} stores in {name}",
            seconds(found.make / found.count),
            seconds(found.drop / found.count),
            f"{found.python:,.0f}",
            f"{found.resident:,.0f}",
            f"{found.left:,}",
        ]
        for name, found in stores.items()
    ]
    print()
    header = ("an instance each, called once", "make", "drop", "Python's bytes", "resident bytes", "left of all")
    for line in table(header, lines):
        print(line)
    print()
    if "wasmtime" not in modules:
        print("wasmtime is not installed: nothing was compared (pip install -e .[bench])")
    print("\n".join(f"below: {line}" for line in below) if below else "No bar is missed.")


def _modules() -> dict[str, Any]:
    """The modules by name: refsfi, and wasmtime where it is installed."""
    found = {"refsfi": import_module("refsfi")}
    try:
        version("wasmtime")
    except PackageNotFoundError:
        return found
    return found | {"wasmtime": import_module("wasmtime")}


def _measure(modules: dict[str, Any], rounds: int, budget: float = 0.01) -> list[Row]:
    """All rows. A round of a row takes about `budget` seconds."""
    loops = {name: _loops(module) for name, module in modules.items()}
    rows = []
    for name in loops["refsfi"]:
        row = Row(name)
        counts = {engine: _count(made[name], budget) for engine, made in loops.items()}
        for _ in range(rounds):
            for engine, made in loops.items():
                gc.collect()
                start = time.perf_counter()
                made[name](counts[engine])
                took = (time.perf_counter() - start) / counts[engine]
                row.seconds[engine] = min(took, row.seconds.get(engine, took))
        rows.append(row)
    return rows


def _count(loop: Loop, budget: float) -> int:
    """How many repetitions take about `budget` seconds where nothing else gets in between; 100 at least."""
    loop(100)
    best = budget
    for _ in range(5):
        start = time.perf_counter()
        loop(100)
        best = min(best, time.perf_counter() - start)
    return max(100, int(100 * budget / best))


_GUEST = """(module (import "" "host" (func $host)) (import "" "add" (func $add (param i32 i32) (result i32)))
  (func (export "empty"))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "trap") unreachable)
  (func (export "back") (param i32)
    (loop (call $host) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "add back") (param i32)
    (loop (drop (call $add (i32.const 1) (i32.const 2)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (memory (export "memory") 1))"""

_MANY = 100
_HUNDRED = (
    "(module (memory 1) "
    + " ".join(f"(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))" for n in range(_MANY))
    + ' (export "run" (func 50)))'
)
_HUNDRED_EXPORTED = (
    '(module (memory (export "memory") 1) '
    + " ".join(f'(func (export "f{n}") (result i32) (i32.const {n}))' for n in range(_MANY))
    + ")"
)


def _loops(W: Any) -> dict[str, Loop]:
    engine = W.Engine()
    store = W.Store(engine)
    i32 = W.ValType.i32()
    host = W.Func(store, W.FuncType([], []), lambda: None)
    add = W.Func(store, W.FuncType([i32, i32], [i32]), lambda a, b: a + b)
    exports = W.Instance(store, W.Module(engine, _GUEST), [host, add]).exports(store)
    empty, adding, trapping, memory = (exports[name] for name in ("empty", "add", "trap", "memory"))
    piece = bytes(16)

    def call(count: int) -> None:
        for _ in range(count):
            empty(store)

    def call_with_numbers(count: int) -> None:
        for _ in range(count):
            adding(store, 1, 2)

    def trap(count: int) -> None:
        for _ in range(count):
            try:
                trapping(store)
            except W.Trap:
                pass

    def read(count: int) -> None:
        for _ in range(count):
            memory.read(store, 64, 80)

    def write(count: int) -> None:
        for _ in range(count):
            memory.write(store, piece, 64)

    hundred = W.Module(engine, _HUNDRED)
    exported = W.Module(engine, _HUNDRED_EXPORTED)

    def instantiate(count: int) -> None:
        for _ in range(count):
            own = W.Store(engine)
            W.Instance(own, hundred, []).exports(own)["run"](own, 1)

    def instantiate_exported(count: int) -> None:
        for _ in range(count):
            own = W.Store(engine)
            W.Instance(own, exported, []).exports(own)["f50"](own)

    return {
        "call of an empty function": call,
        "call with two numbers and a result": call_with_numbers,
        "host callback": lambda count: exports["back"](store, count),
        "host callback with two numbers and a result": lambda count: exports["add back"](store, count),
        "trap, caught": trap,
        "memory.read of 16 bytes": read,
        "memory.write of 16 bytes": write,
        "instance: made, called, dropped": instantiate,
        "instance with 100 exports": instantiate_exported,
    }


# --- many stores


@dataclass(slots=True)
class Stores:
    """`count` stores with an instance each, called once. Times in seconds for all, sizes in bytes for one: `python`
    is what Python's allocator gave, `resident` what the process grew by."""

    count: int
    make: float
    drop: float
    python: float
    resident: float
    left: int


def _measure_stores(W: Any, count: int = 2000) -> Stores:
    """Make them, keep them, drop them. `left` is what Python's allocator still holds of them afterwards."""
    engine = W.Engine()
    module = W.Module(engine, _HUNDRED)

    def make() -> list[Any]:
        kept = []
        for _ in range(count):
            store = W.Store(engine)
            instance = W.Instance(store, module, [])
            instance.exports(store)["run"](store, 1)
            kept.append((store, instance))
        return kept

    gc.collect()
    resident = _resident()
    start = time.perf_counter()
    kept = make()
    made = time.perf_counter() - start
    resident = _resident() - resident
    start = time.perf_counter()
    kept.clear()
    gc.collect()
    dropped = time.perf_counter() - start
    tracemalloc.start()
    # What grows with the largest number of stores there ever was, grows now.
    make()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    kept = make()
    python = tracemalloc.get_traced_memory()[0] - before
    kept.clear()
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return Stores(count, made, dropped, python / count, resident / count, left)


def _resident() -> int:
    """Bytes of this process that are in memory; 0 where that cannot be told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
