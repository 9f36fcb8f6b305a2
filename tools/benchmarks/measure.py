"""Measuring: wall seconds of calls and of processes, and the machine they were measured on."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tools.benchmarks.engines import Engine, Unsupported, same
from tools.benchmarks.kernels import Kernel

__all__ = ["Cell", "Machine", "Timing", "measure_kernel", "measure_processes"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures depend on, beside the code."""

    cpu: str
    cores: int
    system: str
    python: str
    load: float

    @staticmethod
    def this() -> Machine:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return Machine(
            _cpu(),
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            f"{platform.system()} {platform.release()} {platform.machine()}",
            python,
            round(os.getloadavg()[0], 2),
        )

    def __str__(self) -> str:
        return f"{self.cpu}, {self.cores} cores, {self.system}, {self.python}, load {self.load}"


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall seconds: the first call, then the minimum and the median of all calls."""

    first: float
    min: float
    median: float
    calls: int

    @staticmethod
    def of(seconds: Sequence[float]) -> Timing:
        return Timing(seconds[0], min(seconds), statistics.median(seconds), len(seconds))


@dataclass(slots=True)
class Cell:
    """One engine on one kernel: a timing, or the reason why there is none."""

    engine: str
    kernel: str
    timing: Timing | None = None
    why: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_kernel(engine: Engine, kernel: Kernel, instructions: int | None, repeat: int, patience: float) -> Cell:
    """Call the kernel `repeat` times in one instance and check each result.

    Not begun where the engine would take more than `patience` seconds a call at its pace.
    """
    cell = Cell(engine.name, kernel.name)
    if engine.version is None:
        cell.why = "not installed"
        return cell
    if engine.pace and instructions and instructions / engine.pace > patience:
        cell.why = f"would take about {instructions / engine.pace:.0f} s"
        return cell
    seconds: list[float] = []
    try:
        call = engine.load(kernel)
        for _ in range(repeat):
            gc.collect()
            start = time.perf_counter()
            results = call()
            seconds.append(time.perf_counter() - start)
            if not same(results, kernel.expect, kernel.results):
                cell.why = f"wrong result {results}"
                return cell
    except Unsupported as error:
        cell.why = f"unsupported: {error}"
        return cell
    except Exception as error:  # a peer's failure is its result
        cell.why = f"{type(error).__name__}: {str(error).splitlines()[0][:40] if str(error) else ''}".rstrip(": ")
        return cell
    cell.timing = Timing.of(seconds)
    return cell


def measure_processes(
    commands: Iterable[tuple[str, list[str]]], repeat: int, cwd: Path, limit: float = 60.0
) -> list[Cell]:
    """Wall seconds from start to exit of fresh processes, the commands taking turns. One that takes longer than
    `limit` seconds is killed.

    `extra["peak_bytes"]` is the resident memory of the largest process that a command came to.
    """
    named = list(commands)
    seconds: dict[str, list[float]] = {name: [] for name, _ in named}
    peaks: dict[str, int] = dict.fromkeys(seconds, 0)
    failures: dict[str, str] = {}
    for _ in range(repeat):
        for name, command in named:
            if name in failures:
                continue
            start = time.perf_counter()
            code, output, peak = _run(command, cwd, limit)
            seconds[name].append(time.perf_counter() - start)
            peaks[name] = max(peaks[name], peak)
            if code:
                lines = output.strip().splitlines()
                failures[name] = f"exit code {code}: {lines[-1][:80] if lines else ''}"
    cells = []
    for name, _ in named:
        cell = Cell(sys.executable, name, extra={"peak_bytes": peaks[name]})
        if name in failures:
            cell.why = failures[name]
        else:
            cell.timing = Timing.of(seconds[name])
        cells.append(cell)
    return cells


def _run(command: list[str], cwd: Path, limit: float) -> tuple[int, str, int]:
    """Exit code, output, and the resident bytes of the largest process, the command's own or one that it waited for."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=cwd, stdout=output, stderr=subprocess.STDOUT)
        watch = threading.Timer(limit, process.kill)
        watch.start()
        # Popen's own wait tells nothing of memory.
        _, status, usage = os.wait4(process.pid, 0)
        watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return process.returncode, output.read().decode("utf-8", "replace"), usage.ru_maxrss * 1024
