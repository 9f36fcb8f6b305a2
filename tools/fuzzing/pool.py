"""Cases spread over processes. A process that hangs or dies costs one case, not the run.

Cases are numbered, and what a case is depends on its number alone, so the number of processes changes nothing.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

__all__ = ["Lost", "run"]

# For a process to start and to make its function of a case.
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lost:
    """Case `index` did not come back: the process hung (and was killed) or died."""

    index: int
    why: str


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    results: Connection
    next: int
    stop: int
    # Until when it has time for what it does now (monotonic).
    end: float
    begun: bool = False


def run(
    make: Callable[..., Callable[[int], Any]],
    arguments: tuple[Any, ...],
    count: int,
    jobs: int,
    case_seconds: float,
    end: float | None = None,
) -> Iterator[tuple[int, Any]]:
    """(number, result) of every case below `count`, in no particular order.

    `make(*arguments)` is called once in each process, by import, and gives the function of one case. `end` is a time
    (monotonic) after which nothing new is begun. RuntimeError where a process does not come as far as its first case.
    """
    context = multiprocessing.get_context("spawn")
    share = -(-count // max(1, jobs))
    workers: list[_Worker] = []

    def start(first: int, stop: int) -> None:
        if first >= stop:
            return
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=_main, args=(send, make, arguments, first, stop, end), daemon=True)
        process.start()
        send.close()
        workers.append(_Worker(process, receive, first, stop, time.monotonic() + case_seconds + _START_SECONDS))

    for first in range(0, count, max(1, share)):
        start(first, min(first + share, count))
    try:
        while workers:
            ready = set(wait([w.results for w in workers], timeout=0.5))
            for worker in list(workers):
                lost = ""
                if worker.results in ready:
                    try:
                        message = worker.results.recv()
                    except (EOFError, OSError):
                        worker.process.join()
                        if not worker.begun:
                            raise RuntimeError(
                                "a process died before its first case; its own message says why"
                            ) from None
                        if worker.next < worker.stop and worker.process.exitcode:
                            lost = f"the process died with exit code {worker.process.exitcode}"
                        else:
                            workers.remove(worker)
                            continue
                    else:
                        worker.end = time.monotonic() + case_seconds
                        worker.begun = True
                        if message is not None:
                            worker.next = message[0] + 1
                            yield message
                        continue
                elif time.monotonic() > worker.end:
                    worker.process.kill()
                    worker.process.join()
                    lost = f"no answer after {case_seconds:g} s"
                if lost:
                    workers.remove(worker)
                    yield worker.next, Lost(worker.next, lost)
                    start(worker.next + 1, worker.stop)
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.join()


def _main(
    results: Connection,
    make: Callable[..., Callable[[int], Any]],
    arguments: tuple[Any, ...],
    first: int,
    stop: int,
    end: float | None,
) -> None:
    case = make(*arguments)
    # From now on each case has its time.
    results.send(None)
    for index in range(first, stop):
        if end is not None and time.monotonic() > end:
            return
        try:
            results.send((index, case(index)))
        except BrokenPipeError:
            return
