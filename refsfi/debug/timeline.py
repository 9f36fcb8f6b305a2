"""The run as a line in time: doing the target's actions, executing forward, keeping snapshots, going anywhere.

`clock` is the position. At each there is one state: that before instruction number `clock`, the actions in front of it
done. Some states cannot be made by executing up to them, as something was done from outside there: an instantiation, a
change by the user. Their snapshots are pinned, and executing across such a clock puts them in place.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from refsfi.debug.counted import Clock, DebugCode, DebugProgram
from refsfi.debug.executor import Ended, Executor, Halt
from refsfi.debug.history import History, HistoryOptions
from refsfi.debug.hits import Hits
from refsfi.debug.journal import Call as LoggedCall
from refsfi.debug.journal import Journal, World, bordered
from refsfi.debug.model import Reason
from refsfi.debug.snapshot import Snapshot, take
from refsfi.debug.target import Action, Call, Change, Instantiate, Target
from refsfi.errors import Crash, GuestException, GuestExit, Trap
from refsfi.exec.calls import enter
from refsfi.exec.code import Program
from refsfi.exec.instantiate import allocate
from refsfi.exec.machine import Entry
from refsfi.runtime.store import Extern, Frame, FuncInst, GlobalInst, HostFunc, Instance, Store
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value, func_type
from refsfi.syntax.types import ValType

__all__ = ["Timeline"]

# What taking snapshots may cost of the time of a run.
_SHARE: Final = 0.1


class Timeline(World):
    """`hits` is asked in front of instructions and calls of the host. `ended` tells how the run ended, once it has, and
    is None again wherever it has not."""

    def __init__(
        self,
        target: Target,
        options: HistoryOptions,
        journal: Journal,
        clock: Clock,
        hits: Hits,
    ) -> None:
        self.store = Store(target.limits, target.fuel)
        self.clock = clock
        self.executor = Executor(self.store, clock)
        self.history = History(options)
        self.journal = journal
        journal.world = self
        self.instances: list[Instance] = []
        self.ended: Ended | None = None
        self.results: tuple[tuple[Value, ...], tuple[ValType, ...]] = ((), ())
        self._actions: Sequence[Action] = target.actions
        self._action = 0
        self._hits = hits
        self._tracker = target.tracker
        self._programs: dict[Program, DebugProgram] = {}
        # What the call of an action returns.
        self._types: tuple[ValType, ...] = ()
        # Host functions and what stands in for them; the originals are kept with them, so that ids stay theirs.
        self._stand_ins: dict[int, tuple[HostFunc, HostFunc]] = {}
        self._own: set[int] = set()
        self._interval = options.interval
        self._due = options.interval
        # How far the run has been, up to the last time that it went back.
        self._furthest = 0
        # That of the clock, for when the host has been at it.
        self._limit = 0
        self._begun = time.perf_counter()
        self._advance()

    # --- actions -----------------------------------------------------------------------------------------------------

    def program(self, program: Program) -> DebugProgram:
        """What is executed in place of a program of the target's."""
        found = self._programs.get(program)
        if found is None:
            found = self._programs[program] = DebugProgram(program, self.clock, self._hits.hooks_of)
        return found

    @property
    def action(self) -> int:
        """How many of the target's actions have been begun."""
        return self._action

    @property
    def programs(self) -> Iterable[DebugProgram]:
        return self._programs.values()

    def _advance(self) -> None:
        """Do actions until there is an instruction to be executed, or all is done."""
        pinned = self.history.pinned_at(self.clock.now)
        if pinned is not None and pinned.action > self._action:
            self._restore(pinned)
            return
        made = False
        while self.ended is None and self.store.frame is None:
            if self._action == len(self._actions):
                self.ended = Ended(self.clock.now)
                break
            action = self._actions[self._action]
            self._action += 1
            made |= not isinstance(action, Call)
            try:
                self._begin(action)
            except (Trap, GuestException, GuestExit) as error:
                self.ended = Ended(self.clock.now, error)
        if made:
            self._keep(pinned=True)

    def _begin(self, action: Action) -> None:
        if isinstance(action, Instantiate):
            program = self.program(action.program)
            imports = [
                self._bordered(extern, f"{declared.module}::{declared.name}")
                for extern, declared in zip(action.imports(self.store), program.module.imports, strict=True)
            ]
            instance = allocate(self.store, program, imports)
            self.instances.append(instance)
            for memory in instance.mems:
                memory.growth = self.journal
            if action.made is not None:
                action.made(instance)
            if program.module.start is not None:
                self._enter(instance.funcs[program.module.start], ())
            return
        if isinstance(action, Change):
            action.effects.apply(self.shared())
            return
        self._enter(action.function(), action.arguments)

    def _enter(self, func: FuncInst | HostFunc, arguments: Sequence[Value]) -> None:
        self._types = func_type(func.type).results
        if isinstance(func, HostFunc):
            self._finish(tuple(self._stand_in(func, func.name).fn(*arguments)))
            return
        entry = Entry(self.store, None, func.code.nresults)
        self.store.frame = entry
        try:
            enter(func, list(arguments), entry, 0)
        except Trap:
            self.store.frame = None
            raise

    def _finish(self, results: tuple[Value, ...]) -> None:
        self.results = (results, self._types)
        action = self._actions[self._action - 1]
        if isinstance(action, Call) and action.finished is not None:
            action.finished(results)

    def _returned(self, entry: Frame) -> None:
        """The call of an action is over."""
        self.store.frame = None
        self.store.room = self.store.limits.stack
        self._finish(tuple(entry.regs))
        self._advance()

    def _bordered(self, extern: Extern, name: str) -> Extern:
        """An import, with the journal between it and the guest where it is the host's."""
        if isinstance(extern, HostFunc):
            return self._stand_in(extern, name)
        if isinstance(extern, TableInst):
            extern.elems[:] = [self._stand_in(e, f"{name}[]") if isinstance(e, HostFunc) else e for e in extern.elems]
        elif isinstance(extern, GlobalInst) and isinstance(extern.value, HostFunc):
            extern.value = self._stand_in(extern.value, name)
        return extern

    def _stand_in(self, function: HostFunc, name: str) -> HostFunc:
        if id(function) in self._own:
            return function
        found = self._stand_ins.get(id(function))
        if found is None:
            found = self._stand_ins[id(function)] = (
                function,
                bordered(function, self.journal, name, self._tracker(function)),
            )
            self._own.add(id(found[1]))
        return found[1]

    # --- what the journal asks ---------------------------------------------------------------------------------------

    def before(self, function: HostFunc, arguments: tuple[Value, ...]) -> None:
        frame = self.store.frame
        if frame is not None and frame.code is not None:
            self._hits.host_call(function, arguments, self.now(), frame)

    def after(self, call: LoggedCall) -> None:
        frame = self.store.frame
        inside = frame if frame is not None and frame.code is not None else None
        self._hits.host_called(call, inside, self.shared()[0])

    def now(self) -> int:
        called = self.store.frame is not None and not self.executor.stepping
        return self.clock.now - 1 if called else self.clock.now

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What is executed meanwhile counts on a clock that is put back, and nothing asks or stops it."""
        clock, hits = self.clock, self._hits
        now, armed, hits.armed = clock.now, hits.armed, False
        clock.limit = Clock.NEVER
        self.executor.outside = True
        try:
            yield
        finally:
            self.executor.outside = False
            clock.now, hits.armed = now, armed
            clock.limit = -1 if self.executor.interrupted else self._limit

    # --- forward -----------------------------------------------------------------------------------------------------

    def forward(self, until: int, awaited: Frame | None = None) -> Halt | None:
        """Execute until the clock is exactly `until`: None. Earlier, a Halt says why; of reason `pause`, `exit` or
        `trap` where nobody asked for it. The exception of a host function comes out as it is; the guest stands in front
        of the straight line with the call then."""
        clock = self.clock
        history = self.history
        while True:
            if self._hits.pending is not None:
                pending, self._hits.pending = self._hits.pending, None
                return pending
            if clock.now >= until:
                return None
            if self.ended is not None:
                return Halt(Reason.EXIT)
            if self.executor.interrupted:
                return Halt(Reason.PAUSE)
            barrier = history.barrier(clock.now)
            exact = until if barrier is None else min(until, barrier.clock)
            begun = clock.now
            limit = self._limit = min(exact, self._due)
            try:
                outcome = self.executor.run(limit, awaited)
            except BaseException:
                self._again(clock.now)
                raise
            if isinstance(outcome, Ended):
                self._end(outcome)
                continue
            if outcome is not None:
                return outcome
            if self.executor.interrupted:
                continue
            if limit < exact and clock.now > begun:
                self._keep()
            elif clock.now < exact:
                # The straight line goes beyond it.
                halt = self.step()
                if halt is not None:
                    return halt
            if barrier is not None and clock.now == barrier.clock:
                self._restore(barrier)

    def step(self) -> Halt | None:
        """Execute one instruction, asking what is to be asked in front of it."""
        frame = self.executor.settle()
        if frame is None:
            raise Crash("a step without a frame")
        code = frame.code
        try:
            if isinstance(code, DebugCode):
                hook = code.hooks.get(frame.ip)
                if hook is not None:
                    hook(frame, frame.ip)
            outcome = self.executor.step()
        except Halt as halt:
            return halt
        if isinstance(outcome, Halt):
            return outcome
        if outcome is not None:
            self._end(outcome)
        elif self.store.frame is not None and self.store.frame.code is None:
            self._returned(self.store.frame)
        return None

    def _end(self, outcome: Ended) -> None:
        if outcome.error is None:
            if self.store.frame is None:
                raise Crash("an end without a frame")
            self._returned(self.store.frame)
            return
        # In the counting form not all operands are in their slots; and fuel, or memory in a call of the host, may have
        # changed before it failed. What is shown is the state that the instruction found.
        self._again(outcome.clock)
        self.ended = outcome

    # --- snapshots ---------------------------------------------------------------------------------------------------

    def _keep(self, *, pinned: bool = False) -> None:
        begun = time.perf_counter()
        clock = self.clock.now
        snapshot = take(
            self.store,
            self.instances,
            self.history.pages,
            self.history.at_or_before(clock),
            clock=clock,
            cursor=self.journal.cursor,
            action=self._action,
            pinned=pinned,
            outcome=(self.ended, self.results, self._types),
        )
        self.history.add(snapshot)
        took = time.perf_counter()
        if took - begun > _SHARE * (begun - self._begun) and not pinned:
            self._interval = min(2 * self._interval, 1 << 40)
        self._begun = took
        self._due = clock + self._interval

    def pin(self) -> bool:
        """The state has been changed from outside: keep it, and forget the future that there was. Whether there was
        one."""
        later = self._furthest > self.clock.now
        self._furthest = self.clock.now
        self.history.cut(self.clock.now)
        self.journal.cut()
        self._keep(pinned=True)
        return later

    def _restore(self, snapshot: Snapshot) -> None:
        self._furthest = max(self._furthest, self.clock.now)
        snapshot.restore(self.store)
        self.clock.now = snapshot.clock
        self.journal.cursor = snapshot.cursor
        self._action = snapshot.action
        self.ended, self.results, self._types = snapshot.outcome
        self._due = snapshot.clock + self._interval
        self._begun = time.perf_counter()

    def goto(self, clock: int) -> Halt | None:
        """Make the state that there was, or will be, at a clock, whatever breakpoints there are. A Halt says that the
        run does not get that far, or that somebody wants it to pause on the way."""
        nearest = self._nearest(clock)
        if clock < self.clock.now or nearest.clock > self.clock.now:
            self._restore(nearest)
        armed, self._hits.armed = self._hits.armed, False
        try:
            return self.forward(clock)
        finally:
            self._hits.armed = armed

    def back_to_snapshot(self, before: int) -> int:
        """Put the last snapshot in place that lies before a clock, if only just; its clock."""
        self._restore(self._nearest(before - 1))
        return self.clock.now

    def _nearest(self, clock: int) -> Snapshot:
        nearest = self.history.at_or_before(clock)
        if nearest is None:
            raise Crash("no snapshot of the beginning")
        return nearest

    def _again(self, clock: int) -> None:
        """Make the state at the clock anew: what there is cannot be looked at, or is not to be trusted."""
        interrupted, self.executor.interrupted = self.executor.interrupted, False
        self._restore(self._nearest(clock))
        try:
            self.goto(clock)
        finally:
            self.executor.interrupted = interrupted
