"""Runs many scripts, one after the other or spread over processes by file, and sums up."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context
from pathlib import Path

from refsfi.exec.tiers import TierChoice, make_tier
from refsfi.runtime.tier import Tier
from refsfi.script.ast import Command, Script, SubScript, Thread, command_kind
from refsfi.script.engine import Engine
from refsfi.script.files import BadScript, load_script
from refsfi.script.record import Outcome, Record
from refsfi.script.runner import Runner
from refsfi.script.select import Select, compile_select
from refsfi.script.suite import features_for
from refsfi.syntax.features import Feature, switched

__all__ = ["FileResult", "Options", "run_file", "run_files"]


@dataclass(frozen=True, slots=True)
class Options:
    """`select` is an expression of `script/select`. `only` restricts a file, by its path, to commands `LINE KIND`.

    `max_failures` stops the run, 0 never. `keep_passed` keeps the records of what passed; failures are always kept.
    `echo` prints what guests print. `tier` says what compiles, `coverage` that it is counted what it compiled.
    """

    select: str = ""
    on: frozenset[Feature] = frozenset()
    off: frozenset[Feature] = frozenset()
    only: dict[str, frozenset[str]] = field(default_factory=dict)
    max_failures: int = 0
    keep_passed: bool = False
    echo: bool = False
    tier: TierChoice = field(default_factory=TierChoice)
    coverage: bool = False


@dataclass(slots=True)
class FileResult:
    """Of one file: counts as `Record.counted`, seconds of wall time. `deselected` counts assertions that ran
    unreported. `coverage`: see `Tier.coverage`; empty where nobody asked.
    """

    path: str
    passed: int = 0
    failed: int = 0
    deselected: int = 0
    seconds: float = 0.0
    records: list[Record] = field(default_factory=list)
    coverage: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def counted(self) -> int:
        return self.passed + self.failed


def new_engine(mode: str, tier: Tier | None) -> Engine:
    """The engine that scripts run on."""
    from refsfi.script.interpreter import Interpreter

    # What compares tiers counts instructions by fuel.
    return Interpreter(tier=tier, metered=mode == "check")


def run_file(path: str, options: Options) -> FileResult:
    """Run one script. What is not selected is executed too, as what follows may depend on it, but is not reported."""
    start = time.perf_counter()
    try:
        script = load_script(path)
    except BadScript as error:
        result = _failed(path, Record(path, error.line, "script", Outcome.FAILED, False, "a test script", str(error)))
        result.seconds = time.perf_counter() - start
        return result
    result = FileResult(path)
    select = compile_select(options.select)
    only = options.only.get(path)
    if _any_selected(script, script.commands, select, only):
        # A converted script has the features of the place that it was converted from.
        features = switched(features_for(Path(script.origin or path)), options.on, options.off)
        output = print if options.echo else _silent
        tier = make_tier(options.tier)
        runner = Runner(new_engine(options.tier.mode, tier), features, output)
        for record in runner.run(script):
            if not record.counted:
                continue
            if not (select(record.id) and (only is None or f"{record.line} {record.kind}" in only)):
                result.deselected += 1
                continue
            if record.failed:
                result.failed += 1
            else:
                result.passed += 1
            if record.failed or options.keep_passed:
                result.records.append(record)
            if record.failed and result.failed == options.max_failures:
                break
        if tier is not None and options.coverage:
            # Plain dictionaries: it may come from another process.
            result.coverage = {kind: dict(counts) for kind, counts in tier.coverage().items()}
    result.seconds = time.perf_counter() - start
    return result


def _failed(path: str, record: Record) -> FileResult:
    """The result of a script that failed as a whole."""
    return FileResult(path, failed=1, records=[record])


def _silent(_: str) -> None:
    pass


def _any_selected(script: Script, commands: Sequence[Command], select: Select, only: frozenset[str] | None) -> bool:
    """Whether a command of a script may be reported."""
    for command in commands:
        # What a file named by `input` holds is known only when it is read.
        kind = command_kind(command)
        if kind == "input":
            return True
        if select(f"{script.path}:{command.line} {kind}") and (only is None or f"{command.line} {kind}" in only):
            return True
        if isinstance(command, Thread | SubScript) and _any_selected(script, command.commands, select, only):
            return True
    return False


def run_files(paths: Sequence[str], options: Options, jobs: int = 1) -> Iterator[FileResult]:
    """Run scripts and yield each result when it is there; with several jobs, in the order in which they end."""
    if jobs <= 1 or len(paths) <= 1:
        yield from _serially(paths, options)
    else:
        yield from _in_processes(paths, options, jobs)


def _serially(paths: Sequence[str], options: Options) -> Iterator[FileResult]:
    failures = 0
    for path in paths:
        result = run_file(path, options)
        yield result
        failures += result.failed
        if options.max_failures and failures >= options.max_failures:
            return


def _in_processes(paths: Sequence[str], options: Options, jobs: int) -> Iterator[FileResult]:
    # Big files first, so that none of them is alone at the end.
    waiting = sorted(paths, key=_size)
    suspects: list[str] = []
    failures = 0
    while waiting or suspects:
        results = _with_pool(waiting, suspects, options, jobs) if waiting else _alone(suspects.pop(), options)
        for result in results:
            yield result
            failures += result.failed
            if options.max_failures and failures >= options.max_failures:
                return


def _alone(path: str, options: Options) -> Iterator[FileResult]:
    """Run a script in a process of its own. If that dies, the script failed."""
    killers: list[str] = []
    yield from _with_pool([path], killers, options, 1)
    for killer in killers:
        got = "the process that ran this script died"
        yield _failed(killer, Record(killer, 0, "script", Outcome.FAILED, False, "the script ends", got))


def _with_pool(waiting: list[str], suspects: list[str], options: Options, jobs: int) -> Iterator[FileResult]:
    """Take scripts from the end of `waiting` until none is left, or a worker dies and with it the pool.

    What was running then becomes a suspect: which of them killed the worker cannot be seen from here.
    """
    others = set(active_children())
    # Spawned, not forked: the parent may run threads.
    pool = ProcessPoolExecutor(min(jobs, len(waiting)), get_context("spawn"), initializer=_ignore_interrupts)
    running: dict[Future[FileResult], str] = {}
    broken = finished = False
    try:
        while (waiting and not broken) or running:
            while waiting and not broken and len(running) < jobs:
                path = waiting.pop()
                running[pool.submit(run_file, path, options)] = path
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                path = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    broken = True
                    suspects.append(path)
        finished = True
    finally:
        if not finished:
            # Stopped in the middle: a worker may be in a guest that never ends.
            for child in set(active_children()) - others:
                child.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; the parent alone answers it, by ending the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
