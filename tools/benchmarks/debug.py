"""What the debugger costs: a run under it beside the plain interpreter, and how long going back takes.

The guest is a loop over a memory of 4 MiB. Seconds are of the processor, the best of several; runs that are compared
take turns.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, Final

from refsfi.debug.history import HistoryOptions
from refsfi.debug.recording.write import Recorder
from refsfi.debug.session import Session
from refsfi.debug.target import Target, untracked
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import PLENTY
from refsfi.runtime.store import FuncInst, Store
from refsfi.syntax.features import DEFAULT
from tools.benchmarks.report import seconds, table

__all__ = ["debug"]

_GUEST: Final = b"""(module (memory 64)
 (func (export "main") (param $n i32) (result i32) (local $i i32) (local $s i32)
  (loop $again
   (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31))
     (i32.load (i32.and (local.get $i) (i32.const 0xfffc)))))
   (if (i32.and (local.get $s) (i32.const 1))
     (then (i32.store (i32.and (local.get $s) (i32.const 0x3ffffc)) (local.get $i))))
   (local.set $i (i32.add (local.get $i) (i32.const 1)))
   (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
  (local.get $s)))"""
_ROUNDS: Final = 435_000

# What is promised: times the interpreter's time, seconds for 10 million instructions, bytes.
BAR_RECORD, BAR_BACK, BUDGET = 2.0, 10.0, 16 << 20


def debug(report: dict[str, Any], repeat: int, *, quiet: bool) -> bool:
    """Measure, print unless `quiet`, and say whether the promises are kept."""
    plain, counted = load_program(_GUEST), load_program(_GUEST, metered=True)
    times: dict[str, list[float]] = {"plain": [], "recorded": [], "under the debugger": []}
    for _ in range(repeat):
        times["plain"].append(_timed(_plain(plain)))
        times["recorded"].append(_timed(_recorded(counted)))
        session = Session(Target.of(plain, calls=[("main", [_ROUNDS])]), HistoryOptions(BUDGET))
        times["under the debugger"].append(_timed(session.run))
    best = {name: min(found) for name, found in times.items()}
    end, size = session.clock, session.snapshot_size
    rows = [[name, seconds(found), f"{found / best['plain']:.2f}"] for name, found in best.items()]
    watch = session.watch(session.watch_memory(0x500000, 4))
    back = {"reverse-continue, a watchpoint never hit": _timed(lambda: session.run(back=True))}
    session.breakpoints.remove(watch.number)
    session.goto(end - 1)
    back["reverse-stepi"] = _timed(lambda: session.step(back=True))
    back["last write to a byte that nobody wrote"] = _timed(lambda: session.last_write(2))
    rows += [[name, seconds(found), ""] for name, found in back.items()]
    report["debug"] = {"instructions": end, "seconds": best | back, "snapshots": size}
    if not quiet:
        print(f"\ndebugger, {end / 1e6:.1f} million instructions, snapshots of {size / 1e6:.1f} MB")
        print(*table(["", "time", "of plain"], rows), sep="\n")
    slow = max(back.values()) * 1e7 / end
    ratio = best["recorded"] / best["plain"]
    return ratio <= BAR_RECORD and slow <= BAR_BACK and size <= BUDGET


def _timed(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def _plain(program: Program) -> Callable[[], object]:
    store = Store()
    func = instantiate(store, program, []).exports["main"]
    if not isinstance(func, FuncInst):
        raise TypeError("main is a function")
    return lambda: invoke(store, func, [_ROUNDS])


def _recorded(program: Program) -> Callable[[], object]:
    store = Store(fuel=PLENTY)
    recorder = Recorder(io.BytesIO(), store, DEFAULT)
    recorder.module(program, _GUEST)
    instance = instantiate(store, program, recorder.instantiating(program, [], untracked))
    recorder.made(instance)
    func = instance.exports["main"]
    if not isinstance(func, FuncInst):
        raise TypeError("main is a function")
    recorder.invoking(func, [_ROUNDS])
    return lambda: recorder.end(invoke(store, func, [_ROUNDS]))
