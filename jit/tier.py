"""The tier: which functions are counted, recorded, compiled, entered and left, and when.

A function goes through these states; what it is in is what stands in the interpreter's list of its steps:

    counting    the steps at its beginning and at the headers of its loops count how often they are passed
    recording   the recorder runs from there on and fills the histories of what it comes through
    compiled    the steps enter the region; an exit is counted by the instruction at which it leaves
    extended    an exit that became hot was recorded from there on, and the region compiled anew with what that added

A recording or compilation that comes to nothing doubles the function's threshold. Nothing is given up for ever.
"""

from __future__ import annotations

import threading
from collections import Counter
from time import perf_counter_ns

from jit import build_rows  # noqa: F401  (registers what builds each instruction)
from jit.backend import Backend, Departure, Unit
from jit.budget import Budget, Purse, Unlimited
from jit.build import Builder, Refused
from jit.counters import lowered_of, places, threshold, waiting
from jit.ir.graph import CALL, Graph
from jit.log import Log
from jit.optimize.canonical import make_canonical
from jit.optimize.simplify import drop_trivial
from jit.options import Options
from jit.profile import FELL, TOOK, History, history
from jit.record import Recording
from jit.resume import charge, keep_place, raise_again, rebuild, resume_steps
from refsfi.errors import Crash
from refsfi.exec.calls import enter
from refsfi.exec.code import FRAME_CHANGED, FuncCode, Regs, Step
from refsfi.runtime.store import Frame, FuncInst
from refsfi.runtime.values import Value

__all__ = ["JitTier"]


class JitTier:
    """Compiles the functions of the programs that it is the tier of. One for any number of programs and stores."""

    def __init__(
        self,
        backend: Backend,
        options: Options | None = None,
        log: Log | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.backend = backend
        self.options = options or Options()
        self.log = log or Log()
        self.budget = budget or Unlimited()
        # By mnemonic: instructions that were compiled, those that have no native form, and how often regions were left.
        self._compiled: Counter[str] = Counter()
        self._formless: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._lock = threading.RLock()

    # --- counting --------------------------------------------------------------------------------------------------

    def lowered(self, code: FuncCode) -> None:
        steps = lowered_of(code).steps
        if self.options.force:
            see_everything(history(code))
        for ip, pc in places(code).items():
            steps[ip] = self.counter(code, pc, steps[ip], left=threshold(self.options, pc))

    def counter(self, code: FuncCode, pc: int, original: Step, *, left: int) -> Step:
        """A step that does what `original` did, and goes on to compiled code when it has been passed `left` times."""
        again = threshold(self.options, pc)
        waits = 0
        if self.log.meter is not None:
            self.log.meter.counts(code, pc, lambda: (left, again * history(code).threshold, waits))

        def step(r: Regs, f: Frame) -> int:
            nonlocal left, waits
            left -= 1
            if left > 0:
                return original(r, f)
            if not self.budget.allows():
                left = waiting(self.options, pc)
                waits += 1
                return original(r, f)
            past = history(code)
            left = again * past.threshold
            if f.store.observer is not None:
                return original(r, f)
            return self._hot(past, f, pc, original)

        return step

    def _hot(self, past: History, frame: Frame, pc: int, original: Step) -> int:
        """A loop's header or a function's beginning has been passed often enough."""
        if past.unit is not None and past.changed and pc in past.entries:
            # It has waited as long again for the region to be compiled anew.
            self.compile(past)
        if past.unit is not None and pc in past.unit.graph.entries:
            return self.enter(past.unit, pc, frame)
        if pc != CALL:
            past.enter_at(pc)
        if self.options.force:
            self.compile(past)
            unit = past.unit
            if unit is not None and pc in unit.graph.entries:
                return self.enter(unit, pc, frame)
            return original(frame.regs, frame)
        return self.record(frame, max(pc, 0))

    # --- recording -------------------------------------------------------------------------------------------------

    def record(self, frame: Frame, pc: int) -> int:
        """Record from instruction `pc` on, and compile what learned something."""
        code = _code(frame)
        name = name_of(history(code))
        spending = self.budget.begin()
        began = perf_counter_ns()

        def enter(unit: Unit, pc: int, frame: Frame) -> Departure | None:
            """The time of regions that the recording comes to is the guest's."""
            nonlocal spending, began
            entered, inside = self.budget.begin(), perf_counter_ns()
            try:
                return self._enter_recording(unit, pc, frame)
            finally:
                spending += self.budget.begin() - entered
                began += perf_counter_ns() - inside
                self.budget.ran(unit.inside, self.backend.gain)

        recording = Recording(self.options, enter)
        try:
            return recording.run(frame, pc)
        finally:
            took = perf_counter_ns() - began
            self.budget.end(spending)
            ended = recording.ended or "raised"
            self.log.tell("record", name, pc, code, length=recording.length, ended=ended, took=took)
            # What else it came through is compiled once it is hot itself.
            past = history(_code(frame))
            if past.changed and (past.called or past.entries) and self._is_due(past):
                self.compile(past)

    def _enter_recording(self, unit: Unit, pc: int, frame: Frame) -> Departure | None:
        outcome = unit.enter(pc, frame)
        if isinstance(outcome, Departure):
            inner = rebuild(frame, outcome)
            if outcome.error is not None:
                raise_again(inner, outcome.error)
            if outcome.call is not None:
                self._carry_out(inner, _code(inner), inner.ip, *outcome.call)
            return outcome
        _return(frame, outcome)
        return None

    # --- compiling -------------------------------------------------------------------------------------------------

    def compile(self, past: History) -> None:
        """Compile everything that was seen of a function; nothing changes where that is refused."""
        with self._lock:
            name = name_of(past)
            past.changed = False
            spending = self.budget.begin()
            began = perf_counter_ns()
            try:
                if past.leaving * self.options.stretch > past.executed and not self.options.force:
                    # What comes later counts for more.
                    past.executed, past.leaving = past.executed // 2, (past.leaving + 1) // 2
                    raise Refused("leaves too often")
                builder = self._build(past)
                built = perf_counter_ns()
                if self.log.listeners:
                    self.log.tell("graph", name, 0, past.code, graph=builder.graph)
                told = perf_counter_ns()
                graph = self._optimise(builder.graph)
                optimised = perf_counter_ns()
                unit = self.backend.compile(graph)
                emitted = perf_counter_ns()
            except Refused as refused:
                past.threshold = min(past.threshold * 2, 1 << 20)
                took = perf_counter_ns() - began
                self.log.tell("abort", name, 0, past.code, reason=refused.reason, penalty=past.threshold, took=took)
                return
            finally:
                self.budget.end(spending)
            self._compiled.update(scope.flow.body[pc].op.mnemonic for scope, pc in builder.built)
            self._formless.update(builder.left)
            again = past.unit is not None
            kind = "first" if not again else "bridge" if past.bridged else "entry"
            past.bridged = False
            self._install(past, unit)
            self.log.tell(
                "compile",
                name,
                0,
                past.code,
                unit=unit,
                again=again,
                kind=kind,
                compiled=[pc for scope, pc in builder.built if scope.caller is None],
                instructions=len(builder.built),
                build=built - began,
                optimise=optimised - told,
                emit=emitted - optimised,
                install=perf_counter_ns() - emitted,
            )

    def _build(self, past: History) -> Builder:
        while True:
            builder = Builder(past.code, inline=self.options.inline and not self.options.force)
            graph = builder.build()
            if not builder.missing:
                break
            past.entries |= builder.missing
        if len(graph.op) > self.options.max_region:
            raise Refused("region too large")
        return builder

    def _optimise(self, graph: Graph) -> Graph:
        drop_trivial(graph)
        make_canonical(graph)
        return graph

    def _install(self, past: History, unit: Unit) -> None:
        old, past.unit = past.unit, unit
        past.exits.clear()
        past.departures = 0
        code = past.code
        called = CALL in unit.graph.entries
        self.backend.attach(code, unit if called else None)
        if called:
            self.log.tell("link", name_of(past), 0, code)
        lowered = lowered_of(code)
        for ip, pc in places(code).items():
            if pc in unit.graph.entries:
                before = past.before.setdefault(ip, lowered.steps[ip])
                lowered.steps[ip] = self._first_entry(unit, before) if pc == CALL else self._entry(unit, pc, before)
        if past.resume is not None or any(pc not in lowered.places and pc != CALL for pc in unit.graph.entries):
            steps = resume_steps(code)
            for pc in unit.graph.entries:
                if pc != CALL and pc not in lowered.places:
                    steps.pop(pc, None)
                    steps[pc] = self._entry(unit, pc, steps[pc])
        if old is not None:
            old.release()
            self.log.tell("release", name_of(past), 0, code)

    def _count_futile(self, past: History, callee: History) -> None:
        """A region was left for a call of a function that is interpreted. Where that function has been refused, it will
        be so again, and all native frames are given up each time: at last the region is, too."""
        if callee.unit is not None or callee.threshold == 1 or past.unit is None or self.options.force:
            return
        past.futile += 1
        if past.futile < self.options.futile:
            return
        unit, past.unit = past.unit, None
        past.futile = 0
        past.threshold = min(past.threshold * 4, 1 << 20)
        past.changed = True
        self.backend.attach(past.code, None)
        self.log.tell("unlink", name_of(past), 0, past.code)
        steps = lowered_of(past.code).steps
        for ip, before in past.before.items():
            steps[ip] = before
        if past.resume is not None:
            for pc in unit.graph.entries:
                past.resume.pop(pc, None)
        unit.release()
        self.log.tell("release", name_of(past), 0, past.code)
        reason = "calls what is refused"
        self.log.tell("abort", name_of(past), 0, past.code, reason=reason, penalty=past.threshold, took=0)

    def _entry(self, unit: Unit, pc: int, before: Step) -> Step:
        """The entry at instruction `pc`. Where coming and going costs more than compiled code gains, it rests: it goes
        on as `before` for a while, twice as long each time. Calls from other regions are none of that."""
        if self.options.force or not self.options.rest:

            def enter(r: Regs, f: Frame) -> int:
                return self.enter(unit, pc, f)

            return enter

        purse = Purse(self.backend.gain)
        rest, resting = self.options.rest, 0

        def step(r: Regs, f: Frame) -> int:
            nonlocal rest, resting
            if resting > 0:
                resting -= 1
                return before(r, f)
            to = self.enter(unit, pc, f, purse)
            if purse.empty:
                purse.fill()
                resting = rest
                rest = min(2 * rest, 1 << 20)
            return to

        return step

    def _first_entry(self, unit: Unit, before: Step) -> Step:
        """The entry at a function's beginning. A store's first calls go on as `before`, until it has a context of the
        back end's: that costs as much as many calls, and there may be thousands of stores that make but one."""
        entry = self._entry(unit, CALL, before)
        if self.options.force:
            return entry

        def step(r: Regs, f: Frame) -> int:
            store = f.store
            native = store.native
            if native is None:
                native = store.native = _Newcomer(self.options.first_calls)
            if native.__class__ is _Newcomer and native.calls > 0:
                native.calls -= 1
                return before(r, f)
            return entry(r, f)

        return step

    def coverage(self) -> dict[str, Counter[str]]:
        """What has been done so far, by `refsfi.runtime.tier.COVERAGE`."""
        from jit.check import CheckedBackend

        return {
            "compiled": self._compiled,
            "executed": Counter(self.backend.executed) if isinstance(self.backend, CheckedBackend) else Counter(),
            "no form": self._formless,
            "left": self._left,
        }

    # --- running ---------------------------------------------------------------------------------------------------

    def enter(self, unit: Unit, pc: int, frame: Frame, purse: Purse | None = None) -> int:
        """Run a region, and do what is to be done where it ends. `purse`: what pays for coming and going."""
        meter = self.log.meter
        if meter is None:
            outcome = unit.enter(pc, frame)
        else:
            began = perf_counter_ns()
            outcome = unit.enter(pc, frame)
            meter.ran(unit, outcome, began, perf_counter_ns())
        self.budget.ran(unit.inside, self.backend.gain)
        if isinstance(outcome, Departure):
            if purse is not None:
                purse.ran(unit.inside, len(outcome.frames))
            return self._departed(frame, outcome)
        if purse is not None:
            purse.ran(unit.inside, 0)
        _return(frame, outcome)
        return FRAME_CHANGED

    def _departed(self, frame: Frame, departure: Departure) -> int:
        frame = rebuild(frame, departure)
        pc = frame.ip
        code = _code(frame)
        past = history(code)
        self._left[past.flow.body[pc].op.mnemonic] += 1
        if self.log.departures:
            self.log.tell("leave", name_of(past), pc, code, departure=departure)
        if departure.call is not None:
            self._count_futile(past, history(departure.call[0].code))
            return self._carry_out(frame, code, pc, *departure.call)
        if departure.error is not None:
            raise_again(frame, departure.error)
        if departure.exit < 0:
            return self._execute(frame, code, pc)
        self.backend.learn(frame, pc)
        count = past.exits.get(pc, 0) + 1
        past.exits[pc] = count
        past.departures += 1
        if not self.options.force:
            if count == self.options.hot_exit * past.threshold and self._worth_recording(past, pc):
                if self.budget.allows():
                    self.log.tell("exit", name_of(past), pc, code, count=count)
                    past.bridged = True
                    return self.record(frame, pc)
                past.exits[pc] -= -(-self.options.hot_exit // 4)
            if past.changed and self._is_due(past) and self.budget.allows():
                self.compile(past)
        return self._execute(frame, code, pc)

    def _is_due(self, past: History) -> bool:
        """Whether compiling the region anew is paid for by what leaving it has cost."""
        unit = past.unit
        return unit is None or past.departures >= self.options.exits_per_value * len(unit.graph.op)

    def _carry_out(self, frame: Frame, code: FuncCode, pc: int, func: FuncInst, arguments: list[Value]) -> int:
        """Make the call at which the innermost frame waits. Its fuel, like that of the line it ends, has been taken."""
        frame.ip = pc + 1
        store = frame.store
        ret = code.nlocals + code.side.heights[pc + 1] - func.code.nresults
        store.at = pc
        to = enter(func, arguments, frame, ret)
        store.at = None
        return to

    def _worth_recording(self, past: History, pc: int) -> bool:
        """Whether a recording could add to the region where it was left: not where an instruction has no native form,
        or where a check failed that may fail again."""
        mnemonic = past.flow.body[pc].op.mnemonic
        return mnemonic in _EXTENDABLE

    def _execute(self, frame: Frame, code: FuncCode, pc: int) -> int:
        """Let the interpreter execute the instruction at which a region was left, lest it be entered there again."""
        store = frame.store
        body = code.program.module.funcs[code.index].body
        last = pc
        lowered = code.lowered
        if body[pc].op.mnemonic == "loop" and lowered is not None:
            # Labels behind a loop's header share its step where nothing has to be done in between: that step would lead
            # back to where the region was left.
            place = lowered.places.get(pc)
            last = max((label for label, ip in lowered.places.items() if ip == place), default=pc)
        while True:
            instr = body[pc]
            if code.program.metered and instr.op.fuel:
                charge(store, instr.op.fuel, pc)
            store.at = pc
            try:
                to = code.stepwise.steps[pc](frame.regs, frame)
            except BaseException as error:
                keep_place(store, error, pc)
                raise
            store.at = None
            if to < 0:
                return FRAME_CHANGED
            frame.ip = to
            if to != pc + 1 or to > last:
                return FRAME_CHANGED
            pc = to


class _Newcomer:
    """What stands for a back end's context in a store that has none yet. `calls`: how many are still interpreted."""

    __slots__ = ("calls",)

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def set_stop(self, stop: bool) -> None:
        """Nothing compiled runs that could be stopped."""


# Where a region leaves at one of these, it may be because it was never seen to go there.
_EXTENDABLE = frozenset("if br_if br_table br_on_null br_on_non_null br else end call call_indirect call_ref".split())


def _return(frame: Frame, results: list[object]) -> None:
    """The frame's activation is over."""
    caller = frame.caller
    if caller is None:
        raise Crash("a function's frame without a caller")
    caller.regs[frame.ret : frame.ret + len(results)] = results
    frame.store.frame = caller


def see_everything(past: History) -> None:
    """Make a history of all that could happen, for regions that are whole functions."""
    code = past.code
    past.called = past.changed = True
    branches = code.side.branches
    for pc, branch in branches.items():
        past.seen[pc] = (1 << len(branch)) - 1 if isinstance(branch, tuple) else FELL | TOOK


def _code(frame: Frame) -> FuncCode:
    code = frame.code
    if code is None:
        raise Crash("an entry frame has no function")
    return code


def name_of(past: History) -> str:
    """A function's name for people."""
    code = past.code
    name = code.program.module.names.funcs.get(code.func_index)
    return f"func {code.func_index}" if name is None else f"${name}"
