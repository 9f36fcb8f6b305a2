"""The profiler: listens to the tier's log, measures the runs of compiled code, samples threads.

    profiler = Profiler(file)
    choice = TierChoice("on", watch=Watch(profiler=profiler))     # the tier's log tells it what happens
    profiler.module(program, path, data)
    with profiler:                                                # in the main thread
        …
    profile = profiler.profile(tier.coverage())

What it is told and what it measures costs a microsecond for each run of compiled code; nothing where there is none.
What can wait does not happen where it is told: `output` writes the file.
"""

from __future__ import annotations

import gc
import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from types import FrameType, TracebackType
from typing import IO, Any, Final
from weakref import WeakSet

from jit.backend import Departure, Outcome, Unit
from jit.ir.copies import copied
from jit.ir.graph import Graph
from jit.log import Event, Heat, Log
from jit.profiling.causes import cause_of
from jit.profiling.heats import Heats
from jit.profiling.output import Output
from jit.profiling.places import place
from jit.profiling.regions import Known, Regions
from jit.profiling.sampling import Sampling
from jit.reasons import REASONS
from jit.x64.codememory import CodeMemoryRefused
from jit.x64.encodings import shared
from jit.x64.samples import SignalTaken
from refsfi.exec.code import FuncCode, Program
from refsfi.exec.tiers import ProfilerUnavailable
from refsfi.observe.profile import model
from refsfi.observe.profile.file import module_row
from refsfi.observe.profile.model import Compilation, Counter, Exit, Profile, Region

__all__ = ["Profiler"]

_INTERVAL: Final = 1_000_000


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
        self._output = None if file is None else Output(file, self._profile, self._fill)
        self._start = perf_counter_ns()
        self._stopped = 0
        self._regions = Regions()
        self._exits: dict[tuple[int, int, FuncCode, int], Exit] = {}
        self._threads: dict[int, _Thread] = {}
        self._modules: dict[Program, int] = {}
        # Thread -> the graph that it compiles, and how many encodings had been made and missed before.
        self._graphs: dict[int, tuple[Graph | None, int, int]] = {}
        self._heats = Heats()
        # Number of an exit -> ns from there until compiled code was entered again; of these, in functions of the host.
        self._until_entered: list[int] = []
        self._in_host: list[int] = []
        self._blamed = 0
        self._logs: list[Log] = []
        self._lock = threading.RLock()
        self._sampling: Sampling | None = None

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
        """ProfilerUnavailable where threads cannot be sampled."""
        profile = self._profile
        if profile.interval:
            self._sampling = Sampling(profile.interval, self._spot, self._native)
            try:
                self._sampling.begin()
            except (SignalTaken, CodeMemoryRefused, OSError, ValueError) as error:
                self._sampling = None
                self._detach()
                raise ProfilerUnavailable(f"threads cannot be sampled: {error}") from error
            gc.callbacks.append(self._sampling.collecting)
        profile.began = time.time()
        if self._output is not None:
            self._output.begin()
        _running.add(self)
        self._start = perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self not in _running:
            # A child of the process that is profiled.
            return
        _running.discard(self)
        sampling = self._sampling
        if sampling is not None:
            sampling.end()
            gc.callbacks.remove(sampling.collecting)
        self._stopped = perf_counter_ns()
        self._detach()
        if self._output is not None:
            self._output.end()

    def _detach(self) -> None:
        for log in self._logs:
            log.meter = None
            log.listeners.remove(self._told)
        self._logs.clear()

    def forked(self) -> None:
        """In a child: what it does belongs to no profile, and the file to its parent."""
        self._output = self._sampling = None
        self._lock = threading.RLock()
        self._stopped = perf_counter_ns()
        self._detach()

    def profile(self, coverage: Mapping[str, Mapping[str, int]] | None = None) -> Profile:
        """What is known so far. After the run's end it is written to the file, as its last rows. `coverage`: the
        tier's."""
        profile = self._profile
        with self._lock:
            if coverage is not None:
                profile.formless = dict(coverage.get("no form", {}))
                profile.left = dict(coverage.get("left", {}))
            profile.wall = (self._stopped or perf_counter_ns()) - self._start
            self._fill()
            profile.counters = [
                Counter(code.func_index, _name(code), pc, loop, passed, threshold, waits, self._module(code))
                for code, pc, loop, passed, threshold, waits in self._heats.all()
            ]
            last = bool(self._stopped) and not profile.complete
            profile.complete = bool(self._stopped)
        if last and self._output is not None:
            self._output.write(last=True)
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

    def _take(self, event: Event) -> int:
        """Note an event; how many ns what it tells of took."""
        facts = event.facts
        code = event.code
        number = -1 if code is None else code.func_index
        module = 0 if code is None else self._module(code)
        time = event.time - self._start
        if event.name == "graph":
            graph = None if self._output is None else copied(facts["graph"])
            self._graphs[threading.get_ident()] = graph, shared().made, shared().misses
            return 0
        took = int(facts.get("took", 0))
        row: Compilation | None = None
        if event.name == "compile":
            graph, made, misses = self._graphs.pop(threading.get_ident(), (None, shared().made, shared().misses))
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
            )
            self._regions.add(unit, region, event.time)
            self._profile.regions.append(region)
            if self._sampling is not None:
                self._sampling.forget()
            if self._output is not None:
                self._output.region(region, graph)
            row = Compilation(
                time,
                number,
                event.func,
                region.number,
                phases,
                shared().misses - misses,
                module=module,
                made=shared().made - made,
                kind=facts["kind"],
                passed=0 if code is None else self._heats.passed(code),
            )
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
            self._until_entered[exit.number] += max(began - state.left - state.aside, 0)
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

    def counts(self, code: FuncCode, pc: int, heat: Callable[[], Heat]) -> None:
        self._heats.add(code, pc, heat)

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
            self._until_entered.append(0)
            self._in_host.append(0)
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
        state = self._threads.get(ident)
        exit = -1
        region = -1
        if category in ("interpreting", "host") and state is not None and state.exit is not None:
            exit = state.exit.number
        if code is None:
            return category, name, -1, -1, -1, -1, exit
        if category == "native":
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
        if self._output is not None:
            self._output.write()

    @property
    def file_error(self) -> OSError | None:
        """Why the file is not complete, where it could not be written; None where it could."""
        return None if self._output is None else self._output.error

    def _fill(self) -> tuple[int, int]:
        """Bring samples and exits up to date; how many spots and samples there are. An exit is not blamed for what the
        host's functions took."""
        with self._lock:
            self._take_samples()
            return len(self._profile.spots), len(self._profile.samples)

    def _take_samples(self) -> None:
        profile = self._profile
        if self._sampling is not None:
            self._sampling.fill(profile, self._start)
        spots, samples = profile.spots, profile.samples
        for number in range(self._blamed, len(samples)):
            sample = samples[number]
            spot = spots[sample.spot]
            if spot.category == "host" and spot.exit >= 0:
                self._in_host[spot.exit] += sample.weight
        self._blamed = len(samples)
        profile.exits = list(self._exits.values())
        for exit in profile.exits:
            exit.host = self._in_host[exit.number]
            exit.cost = max(self._until_entered[exit.number] - exit.host, 0)

    def _row(self, kind: str, row: Any) -> None:
        if self._output is not None:
            self._output.row(kind, row)

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


# Those whose run goes on.
_running: WeakSet[Profiler] = WeakSet()


def _forked() -> None:
    for profiler in list(_running):
        profiler.forked()
    _running.clear()


os.register_at_fork(after_in_child=_forked)
