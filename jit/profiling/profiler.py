"""The profiler: listens to the tier's log, measures the runs of compiled code, samples threads.

    profiler = Profiler(file)
    choice = TierChoice("on", watch=Watch(profiler=profiler))     # the tier's log tells it what happens
    profiler.module(program, path, data)
    with profiler:                                                # in the main thread
        …
    profile = profiler.profile(tier.coverage())

What it is told and what it measures costs a microsecond for each run of compiled code; nothing where there is none.
"""

from __future__ import annotations

import gc
import hashlib
import threading
import time
from collections.abc import Mapping
from time import perf_counter_ns
from types import FrameType, TracebackType
from typing import IO, Any, Final

from jit.backend import Departure, Outcome, Unit
from jit.ir.text import dump
from jit.log import Event, Log
from jit.profiling.causes import cause_of
from jit.profiling.places import place
from jit.profiling.regions import Known, Regions
from jit.profiling.sampling import Sampling
from jit.reasons import REASONS
from jit.x64.encodings import shared
from refsfi.exec.code import FuncCode, Program
from refsfi.observe.profile import model
from refsfi.observe.profile.file import Writer, module_row
from refsfi.observe.profile.model import Compilation, Exit, Profile, Region

__all__ = ["Profiler"]

_INTERVAL: Final = 1_000_000
# What is written to the file is at most so old, in ns, while compiled code is entered.
_STALE: Final = 500_000_000


class _Thread:
    """What is measured of a thread: the exit that led to the interpreter, when, and how many ns of the time since were
    not the interpreter's."""

    __slots__ = ("aside", "exit", "left")

    def __init__(self) -> None:
        self.exit: Exit | None = None
        self.left = 0
        self.aside = 0


class Profiler:
    """Of one run. `profile()` may be asked at any time, also while the run goes on."""

    def __init__(self, file: IO[str] | None = None, *, interval: int = _INTERVAL) -> None:
        """`file`: where rows are written as they come. `interval`: ns between samples; 0 for none."""
        self._profile = Profile(interval=interval)
        self._writer = None if file is None else Writer(file)
        self._start = perf_counter_ns()
        self._stopped = 0
        self._regions = Regions()
        self._exits: dict[tuple[int, int, FuncCode, int], Exit] = {}
        self._threads: dict[int, _Thread] = {}
        self._modules: dict[Program, int] = {}
        self._graphs: dict[int, tuple[str, int]] = {}
        self._logs: list[Log] = []
        self._lock = threading.RLock()
        self._sampling: Sampling | None = None
        self._written = self._spots = 0
        self._due = 0

    # --- what is profiled --------------------------------------------------------------------------------------------

    def attach(self, log: Log) -> None:
        """Listen to a tier."""
        log.listeners.append(self._told)
        log.meter = self
        self._logs.append(log)

    def module(self, program: Program, path: str, data: bytes) -> None:
        """What a program was loaded from. Without that, its regions cannot be replayed."""
        with self._lock:
            self._add_module(program, module_row(path, hashlib.sha256(data).hexdigest(), data))

    def __enter__(self) -> Profiler:
        profile = self._profile
        if profile.interval:
            self._sampling = Sampling(profile.interval, self._spot, self._native)
            gc.callbacks.append(self._sampling.collecting)
            self._sampling.begin()
        profile.began = time.time()
        self._start = perf_counter_ns()
        if self._writer is not None:
            self._writer.run(profile)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sampling = self._sampling
        if sampling is not None:
            sampling.end()
            gc.callbacks.remove(sampling.collecting)
        self._stopped = perf_counter_ns()
        for log in self._logs:
            log.meter = None
            log.listeners.remove(self._told)
        self._logs.clear()

    def profile(self, coverage: Mapping[str, Mapping[str, int]] | None = None) -> Profile:
        """What is known so far. After the run's end it is written to the file, as its last rows. `coverage`: the
        tier's."""
        profile = self._profile
        with self._lock:
            if coverage is not None:
                profile.formless = dict(coverage.get("no form", {}))
                profile.left = dict(coverage.get("left", {}))
            profile.wall = (self._stopped or perf_counter_ns()) - self._start
            if self._sampling is not None:
                self._sampling.fill(profile, self._start)
            profile.exits = list(self._exits.values())
            if self._stopped and not profile.complete:
                profile.complete = True
                self._write(last=True)
        return profile

    # --- the log -----------------------------------------------------------------------------------------------------

    def _told(self, event: Event) -> None:
        if event.name == "leave":
            # Told where dumps want them; measured by `ran`.
            return
        began = perf_counter_ns()
        with self._lock:
            took = self._take(event)
        state = self._thread()
        state.aside += took + perf_counter_ns() - began
        if began > self._due:
            self._due = began + _STALE
            self.flush()

    def _take(self, event: Event) -> int:
        """Note an event; how many ns what it tells of took."""
        facts = event.facts
        code = event.code
        number = -1 if code is None else code.func_index
        module = 0 if code is None else self._module(code)
        time = event.time - self._start
        if event.name == "graph":
            self._graphs[threading.get_ident()] = dump(facts["graph"]), shared().misses
            return 0
        took = int(facts.get("took", 0))
        row: Compilation | None = None
        if event.name == "compile":
            text, misses = self._graphs.pop(threading.get_ident(), ("", 0))
            phases = {phase: facts[phase] for phase in ("build", "optimise", "emit", "install")}
            unit: Unit = facts["unit"]
            costs = unit.costs()
            region = Region(
                number=len(self._profile.regions),
                func=number,
                name=event.func,
                time=time,
                wasm=facts["instructions"],
                ir=len(unit.graph.op),
                code=costs["bytes"],
                exits=costs["exits"],
                spills=costs.get("spills", 0),
                module=module,
                graph=text,
            )
            self._regions.add(unit, region, event.time)
            self._profile.regions.append(region)
            if self._sampling is not None:
                self._sampling.forget()
            self._row("region", region)
            row = Compilation(time, number, event.func, region.number, phases, shared().misses - misses, module=module)
            took = row.took
            facts = {key: fact for key, fact in facts.items() if key not in ("unit", "compiled", *phases)}
            facts["region"] = region.number
        elif event.name == "abort":
            self._graphs.pop(threading.get_ident(), None)
            reason = facts["reason"]
            known = REASONS.get(reason)
            remedy = "" if known is None else known.cure
            phases = {"build": took}
            penalty = facts["penalty"]
            row = Compilation(time, number, event.func, -1, phases, 0, reason, remedy, penalty, module)
        if row is not None:
            self._profile.compilations.append(row)
            self._row("compilation", row)
        told = model.Event(time, event.name, event.func, event.pc, took, dict(facts))
        self._profile.events.append(told)
        self._row("event", told)
        return took

    # --- runs of compiled code ---------------------------------------------------------------------------------------

    def ran(self, unit: Unit, outcome: Outcome, began: int, ended: int) -> None:
        state = self._thread()
        exit = state.exit
        if exit is not None:
            exit.cost += max(began - state.left - state.aside, 0)
        known = self._regions.of(unit)
        if known is not None:
            known.region.entered += 1
            known.region.native += ended - began
        state.left = ended
        state.aside = 0
        if outcome.__class__ is Departure:
            state.exit = exit = self._exit(outcome)
            exit.taken += 1
        else:
            state.exit = None

    def _exit(self, departure: Departure) -> Exit:
        innermost = departure.frames[-1]
        known = self._regions.of(departure.unit)
        number = -1 if known is None else known.region.number
        key = number, departure.exit, innermost.code, innermost.pc
        exit = self._exits.get(key)
        if exit is None:
            exit = self._new_exit(key, departure)
        return exit

    def _new_exit(self, key: tuple[int, int, FuncCode, int], departure: Departure) -> Exit:
        region, snapshot, code, pc = key
        cause = cause_of(departure, code, pc)
        with self._lock:
            exit = self._exits[key] = Exit(
                number=len(self._exits),
                region=region,
                snapshot=snapshot,
                func=code.func_index,
                name=_name(code),
                pc=pc,
                instruction=code.program.module.funcs[code.index].body[pc].op.mnemonic,
                cause=cause.name,
                remedy=cause.remedy,
                module=self._module(code),
            )
        return exit

    def _thread(self) -> _Thread:
        ident = threading.get_ident()
        state = self._threads.get(ident)
        if state is None:
            state = self._threads[ident] = _Thread()
            if self._sampling is not None:
                self._sampling.join(threading.current_thread())
        return state

    # --- samples -----------------------------------------------------------------------------------------------------

    def _spot(self, frame: FrameType | None, ident: int) -> tuple[Any, ...]:
        """What a thread does, by its Python stack, as the fields of a spot."""
        category, name, code, pc = place(frame)
        if code is None:
            return category, name
        state = self._threads.get(ident)
        exit = -1
        region = -1
        if category == "interpreting" and state is not None and state.exit is not None:
            exit = state.exit.number
        elif category == "native":
            known = self._regions.latest(code)
            region = -1 if known is None else known.region.number
        return category, _name(code), code.func_index, pc, region, -1, exit, self._modules.get(code.program, 0)

    def _native(self, address: int, time: int) -> tuple[Any, ...]:
        """The same for an instruction of machine code."""
        known: Known | None = self._regions.at(address, time)
        if known is None:
            return "entering", "stubs"
        offset = address - known.base
        code, pc = known.line(offset)
        module = self._modules.get(code.program, 0)
        return "native", _name(known.code), code.func_index, pc, known.region.number, offset, -1, module

    # --- the file ----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is new. Not from a signal's handler."""
        if self._writer is not None and self._lock.acquire(blocking=False):
            try:
                if self._sampling is not None:
                    self._sampling.fill(self._profile, self._start)
                self._profile.exits = list(self._exits.values())
                self._write()
            finally:
                self._lock.release()

    def _write(self, *, last: bool = False) -> None:
        writer, profile = self._writer, self._profile
        if writer is None:
            return
        spots, samples = len(profile.spots), len(profile.samples)
        for spot in profile.spots[self._spots : spots]:
            self._row("spot", spot)
        for start in range(self._written, samples, 1000):
            part = profile.samples[start : min(start + 1000, samples)]
            writer.row("samples", [[s.time, s.thread, s.spot, s.weight] for s in part])
        self._spots, self._written = spots, samples
        writer.row("exits", [writer.fields(exit) for exit in profile.exits], last=last)
        if last:
            for number, name in profile.threads.items():
                writer.row("thread", [number, name])
            for region in profile.regions:
                # How often each was entered is known by now.
                self._row("entered", [region.number, region.entered, region.native])
            writer.run(profile)
        writer.flush()

    def _row(self, kind: str, row: Any) -> None:
        if self._writer is not None:
            self._writer.row(kind, self._writer.fields(row))

    def _module(self, code: FuncCode) -> int:
        number = self._modules.get(code.program)
        if number is None:
            number = self._add_module(code.program, {"path": "", "digest": "", "binary": ""})
        return number

    def _add_module(self, program: Program, row: dict[str, Any]) -> int:
        number = self._modules[program] = len(self._profile.modules)
        self._profile.modules.append(row)
        self._row("module", row)
        return number


def _name(code: FuncCode) -> str:
    name = code.program.module.names.funcs.get(code.func_index)
    return f"func {code.func_index}" if name is None else f"${name}"
