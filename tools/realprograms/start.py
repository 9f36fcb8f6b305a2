"""How soon a command's guest begins: from the start of the process to its first instruction.

`refsfi run -W fuel=0` ends exactly there, with the trap that says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.realprograms.fetch import Store, Unavailable
from tools.realprograms.list import ROOT, Task, WasmFile

__all__ = ["Start", "commands_of", "measure", "report"]

# Seconds and bytes that a module of any size may take.
MOST_SECONDS = 2.0
MOST_MEMORY = 400 << 20

_SAID = b"wasm trap: all fuel consumed by WebAssembly"


@dataclass(frozen=True, slots=True)
class Start:
    """`seconds` of each attempt, by the wall clock, and `cpu`, of the processor; `peak`: bytes of resident memory, at
    most."""

    file: WasmFile
    seconds: tuple[float, ...]
    cpu: tuple[float, ...]
    peak: int

    @property
    def good(self) -> bool:
        return min(self.seconds) <= MOST_SECONDS and self.peak <= MOST_MEMORY


def commands_of(tasks: Iterable[Task]) -> list[WasmFile]:
    """The modules of the tasks that are WASI commands, each once, the largest first."""
    found = {task.modules[0].file: None for task in tasks if task.expect is not None}
    return sorted(found, key=lambda file: -file.size)


def measure(file: WasmFile, store: Store, attempts: int = 3) -> Start:
    """Unavailable where the module cannot be had, or its guest does not begin."""
    store.ensure(file)
    path = store.path(file)
    if path is None:
        raise Unavailable(f"{file.name} has no file")
    seconds, cpu, peaks = zip(*(_begin(path) for _ in range(attempts)), strict=True)
    return Start(file, seconds, cpu, max(peaks))


def _begin(path: Path) -> tuple[float, float, int]:
    """Seconds by the clock, seconds of the processor, bytes."""
    command = [sys.executable, "-m", "refsfi.cli.main", "run", "-W", "fuel=0,unknown-imports-trap", str(path)]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if process.stderr is None:
        raise Unavailable("no standard error")
    with process.stderr:
        said = process.stderr.read()
    # Not `wait`: the kernel tells of a child's memory only here.
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 134 or _SAID not in said:
        lines = said.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
        raise Unavailable(f"{path}: did not come to its first instruction: {lines[-1][:200]}")
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def report(starts: Iterable[Start]) -> Iterator[str]:
    yield f"{'module':26} {'bytes':>12} {'best s':>8} {'worst s':>8} {'cpu s':>7} {'peak MiB':>9}"
    for start in starts:
        best, worst = min(start.seconds), max(start.seconds)
        over = "" if start.good else f"  more than {MOST_SECONDS:g} s or {MOST_MEMORY >> 20} MiB"
        times = f"{best:>8.2f} {worst:>8.2f} {min(start.cpu):>7.2f}"
        yield f"{start.file.name:26} {start.file.size:>12,} {times} {start.peak / (1 << 20):>9.0f}{over}"
