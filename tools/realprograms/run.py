"""Running tasks, each in a process of its own, so that one that hangs or dies is one task's failure."""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.realprograms.fetch import Store, Unavailable
from tools.realprograms.list import ROOT, Task
from tools.realprograms.tasks import Guest, GuestAbort, GuestExit, Mismatch, check_command, make_folders, run_steps

__all__ = ["ENGINES", "Result", "Speed", "obstacle", "run_all", "run_here", "run_task"]

ENGINES = ("refsfi", "jit", "wasmtime")

# Verdicts. All from `limit` on say that a task was not run, or not to its end, and why.
SAME, DIFFERS, LIMIT, TOO_LONG, LEFT_OUT, UNFETCHED = "same", "differs", "limit", "too long", "left out", "unfetched"

# Beyond the seconds allowed to the guest: starting Python, reading and checking the modules.
GRACE = 60


@dataclass(slots=True)
class Result:
    """`prepare` are the seconds to decode and validate (lazily) and to instantiate, `seconds` those of the run, `cpu`
    the seconds that the processor worked on the run: less, where others share the machine. None where there was no
    run. `detail` explains every verdict but `same`. `estimate`: seconds, before the run."""

    id: str
    verdict: str
    detail: str = ""
    prepare: float | None = None
    seconds: float | None = None
    cpu: float | None = None
    estimate: float | None = None
    peak: int | None = None  # bytes of resident memory, at most

    def speed(self, task: Task) -> float | None:
        """Instructions in a second of the processor; reading, validating and lowering functions when they are first
        called is in that second."""
        return task.fuel / self.cpu if self.cpu else None


def run_here(task: Task, store: Store, engine: str) -> Result:
    """Run a task in this process, to its end. Unavailable where something it needs is not at hand."""
    binaries = {linked.name: store.read(linked.file) for linked in task.modules}
    make_guest = _engine(engine)
    with tempfile.TemporaryDirectory(prefix="refsfi-corpus-") as scratch:
        began = time.perf_counter()
        prepared, worked = None, 0.0
        try:
            folders = make_folders(task, store.shared, Path(scratch))
            guest = make_guest(task, store.shared, folders, binaries)
            guest.start()
            prepared, worked = time.perf_counter(), time.process_time()
            if task.expect is None:
                run_steps(guest)
            else:
                code = guest.run_command()
                check_command(task, code, bytes(guest.stdout), bytes(guest.stderr), folders)
        except Unavailable:
            raise
        except (Mismatch, GuestAbort, GuestExit) as error:
            verdict, detail = DIFFERS, str(error)
        except Exception as error:  # whatever an engine does wrong is a task's failure
            verdict, detail = DIFFERS, _describe(error)
        else:
            verdict, detail = SAME, ""
        ended, done = time.perf_counter(), time.process_time()
    result = Result(task.id, verdict, detail, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    if prepared is None:
        result.prepare = ended - began
    else:
        result.prepare, result.seconds, result.cpu = prepared - began, ended - prepared, done - worked
    return result


def _engine(name: str) -> Callable[..., Guest]:
    """The class of an engine's guests. Imported here, so that it is in nobody's time."""
    if name == "wasmtime":
        from tools.realprograms.wasmtime import Wasmtime

        return Wasmtime
    from tools.realprograms.interpreter import Compiler, Interpreter

    return Compiler if name == "jit" else Interpreter


def _describe(error: Exception) -> str:
    """Class and message of an engine's error, with the innermost frames of a trap."""
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
    frames = getattr(error, "frames", None) or ()
    places = [
        f"{frame.func_name or f'func {frame.func_index}'}@0x{frame.module_offset or 0:x}"
        for frame in list(frames)[:4]
        if hasattr(frame, "func_index")
    ]
    return f"{text} in {' < '.join(places)}" if places else text


# --- one process a task ----------------------------------------------------------------------------------------------


def run_task(task: Task, store: Store, engine: str, limit: float) -> Result:
    """Run a task in a process of its own, stopped `limit` seconds (and a grace for its start) after it began."""
    command = [sys.executable, str(ROOT / "tools" / "corpus"), "one", task.id, "--engine", engine]
    if store.shared is not None:
        command += ["--shared", str(store.shared)]
    environment = {**os.environ, "REFSFI_CORPUS_CACHE": str(store.cache), "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit + GRACE if limit else None,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(task.id, LIMIT, f"stopped after {limit + GRACE:.0f} s")
    if done.returncode:
        why = f"signal {signal.Signals(-done.returncode).name}" if done.returncode < 0 else f"exit {done.returncode}"
        lines = done.stderr.strip().splitlines()
        return Result(task.id, DIFFERS, f"the process ended with {why}: {lines[-1][:200] if lines else ''}")
    return Result(**json.loads(done.stdout))


class Speed:
    """Instructions a second of the engine on this machine: the median of the tasks that have run, before that of a
    small loop."""

    def __init__(self, engine: str) -> None:
        self._seen: list[float] = []
        self._first = _loop_speed() if engine == "refsfi" else 1e9

    @property
    def value(self) -> float:
        return statistics.median(self._seen) if len(self._seen) >= 3 else self._first

    def note(self, task: Task, result: Result) -> None:
        # By the wall clock, as the limit is. In a short run the lowering of functions is most of it: that says
        # nothing of a long one.
        if result.seconds and task.fuel >= 1_000_000 and result.verdict == SAME:
            self._seen.append(task.fuel / result.seconds)


_LOOP = """
(module (func (export "run") (param i32) (result i32) (local i32)
  loop local.get 1 local.get 0 i32.const 3 i32.mul i32.xor local.set 1
    local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end
  local.get 1))
"""
_ROUNDS, _PER_ROUND = 60_000, 11


def _loop_speed() -> float:
    from refsfi.exec.code import Program
    from refsfi.exec.instantiate import instantiate
    from refsfi.exec.machine import invoke
    from refsfi.runtime.store import FuncInst, Store
    from refsfi.text.parser import parse_module
    from refsfi.valid.module import validate

    module = parse_module(_LOOP)
    store = Store()
    func = instantiate(store, Program(module, validate(module)), []).exports["run"]
    if not isinstance(func, FuncInst):
        raise TypeError("the export is no function")
    began = time.perf_counter()
    invoke(store, func, [_ROUNDS])
    return _ROUNDS * _PER_ROUND / (time.perf_counter() - began)


def run_all(
    tasks: Sequence[Task],
    store: Store,
    engine: str,
    limit: float,
    jobs: int,
    ended: Callable[[Task, Result], None],
) -> list[Result]:
    """Fetch what is missing and run the tasks, the shortest first, `jobs` at a time; results in the given order.

    `limit`: seconds for each task, 0 for none; one that would take longer, by the speed seen until then, is not begun.
    `ended` is told of each, in the order in which they end.
    """
    speed = Speed(engine)
    results: dict[str, Result] = {}

    def run(task: Task) -> None:
        result = _run_unless_too_long(task, store, engine, limit, speed)
        speed.note(task, result)
        results[task.id] = result
        ended(task, result)

    ready: list[Task] = []
    for task in tasks:
        why = obstacle(task, store)
        if why is None:
            ready.append(task)
        else:
            results[task.id] = why
            ended(task, results[task.id])
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        _drain(pool.map(run, sorted(ready, key=lambda task: task.fuel)))
    return [results[task.id] for task in tasks]


def _drain(items: Iterable[None]) -> None:
    for _ in items:
        pass


def obstacle(task: Task, store: Store) -> Result | None:
    """Why a task cannot be run here, after trying to fetch what it needs; None where it can."""
    for path in task.shared_paths():
        if store.shared is None or not (store.shared / path).exists():
            return Result(task.id, LEFT_OUT, f"needs {path} of the shared folder")
    try:
        for linked in task.modules:
            store.ensure(linked.file)
    except Unavailable as error:
        return Result(task.id, UNFETCHED, str(error))
    return None


def _run_unless_too_long(task: Task, store: Store, engine: str, limit: float, speed: Speed) -> Result:
    estimate = task.fuel / speed.value
    if limit and estimate > limit:
        detail = f"would take about {estimate:.0f} s: {task.fuel:,} instructions at {speed.value / 1e6:.1f} million/s"
        return Result(task.id, TOO_LONG, detail, estimate=estimate)
    result = run_task(task, store, engine, limit)
    result.estimate = estimate
    return result
