"""Who listens to the tier's log: what `--jv`, `--jdump`, `--profile=perfmap` and `--profile=jitdump` ask for."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable

from jit.dump import Dump
from jit.lines import Lines
from jit.log import Event, Log
from jit.x64 import perfmap
from jit.x64.jitdump import JitDump
from refsfi.exec.tiers import Watch

__all__ = ["log_for"]


def log_for(watch: Watch) -> Log:
    """A log with listeners. OSError where a file cannot be written."""
    log = Log()
    if watch.lines is not None:
        log.listeners.append(Lines(_writer(watch.lines)))
    if watch.dump is not None:
        log.listeners.append(Dump(watch.dumped, _writer(watch.dump)))
        log.departures = "x" in watch.dumped
    if watch.perf_map:
        perfmap.begin()
        log.listeners.append(_describe)
    if watch.jit_dump:
        dump = JitDump(os.curdir)
        atexit.register(dump.close)
        log.listeners.append(lambda event: _load(dump, event))
    if watch.profiler is not None:
        watch.profiler.attach(log)
    return log


def _writer(path: str) -> Callable[[str], None]:
    """What writes lines to a file, or to the standard error, each at once. Names in them are the guest's choice: what
    is not printable is escaped."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666) if path else -1

    def write(line: str) -> None:
        if not line.isprintable():
            line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
        if file >= 0:
            os.write(file, f"{line}\n".encode())
        elif sys.stderr is not None:
            try:
                sys.stderr.write(f"{line}\n")
                sys.stderr.flush()
            except (OSError, ValueError):
                # Nobody reads it; the guest does not stop for that.
                pass

    return write


def _describe(event: Event) -> None:
    if event.name == "compile":
        where = event.facts["unit"].where
        if where is not None:
            address, size = where
            perfmap.describe(address, size, event.func)


def _load(dump: JitDump, event: Event) -> None:
    from jit.x64.linemap import lines
    from jit.x64.unit import NativeUnit

    unit = event.facts.get("unit")
    if event.name == "compile" and isinstance(unit, NativeUnit):
        dump.load(unit.block.address, unit.block.read()[: unit.code.asm.size], event.func, lines(unit))
