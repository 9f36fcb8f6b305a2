"""Runs the guest for the debugger: forward from where it stands, a long way or an instruction at a time.

The state is the store's: frames are plain data, so that nothing of the debugger's waits on Python's stack while the
guest stands still, and another state can be put in place at any time. Between two calls of `run` and `step`, the frame
at the top runs its stepwise form and its `ip` is the pc of the next instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from refsfi.debug.counted import Clock, DebugCode, Reached
from refsfi.debug.model import Reason, WatchHit
from refsfi.errors import Crash, Exhaustion, GuestException, GuestExit, Trap, TrapCode
from refsfi.exec.code import FuncCode, Lowered
from refsfi.exec.machine import blame, locate, unwind
from refsfi.runtime.store import Frame, Store

__all__ = ["Ended", "Executor", "Halt"]


class Halt(Exception):
    """Raised by a hook, or by the border to the host: do not execute the instruction, stand still in front of it.
    `hits` are numbers of breakpoints, `watches` of watchpoints whose verdict depends on what the instruction will do;
    `watch` is the verdict."""

    def __init__(
        self,
        reason: Reason = Reason.STEP,
        hits: tuple[int, ...] = (),
        watches: tuple[int, ...] = (),
        message: str = "",
        watch: WatchHit | None = None,
    ) -> None:
        super().__init__(message)
        self.watch = watch
        self.reason = reason
        self.hits = hits
        self.watches = watches
        self.message = message


@dataclass(frozen=True, slots=True)
class Ended:
    """How the guest ended, and the clock then: the instruction that failed is not counted. `error` is None where the
    host's call returned."""

    clock: int
    error: Trap | GuestException | GuestExit | None = None


class Executor:
    """Of one store. `stepping` tells the border to the host that the clock has not counted the call that it is in;
    `called`, if set, is told the clock and the caller of every call that makes a frame."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.stepping = False
        # Set from another thread, or a signal handler, to have `run` return at the next straight line.
        self.interrupted = False
        # A function of the host is being executed, and is not to be disturbed.
        self.outside = False
        self.called: Callable[[int, Frame], None] | None = None

    def interrupt(self) -> None:
        self.interrupted = True
        if not self.outside:
            self.clock.limit = -1

    # --- forms of frames ---------------------------------------------------------------------------------------------

    def settle(self) -> Frame | None:
        """The innermost frame, in its stepwise form; None where no function is being executed."""
        frame = self.store.frame
        if frame is None or frame.code is None:
            return None
        to_stepwise(frame)
        return frame

    def settle_all(self) -> None:
        """The same for all frames: nothing of the counting form is in use then."""
        frame = self.store.frame
        while frame is not None:
            if frame.code is not None:
                to_stepwise(frame)
            frame = frame.caller

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, limit: int, awaited: Frame | None = None) -> Ended | Halt | None:
        """Run until the clock would pass `limit`: None; less than a straight line is left to it. Or until a hook raises
        `Halt`, or the frame `awaited` or one outside of it goes on behind a call: that. Or to the end."""
        store = self.store
        clock = self.clock
        clock.limit = limit
        if self.interrupted:
            return None
        outer = _chain(awaited)
        called = self.called
        before: Frame | None = None
        while True:
            f = store.frame
            if f is None:
                raise Crash("running without a frame")
            if called is not None and before is not None and f.caller is before:
                called(clock.now - 1, before)
            before = f
            code = f.code
            if code is None:
                return Ended(clock.now)
            if not isinstance(code, DebugCode) or code.lowered is None:
                raise Crash("the debugger runs what was not made for it")
            lowered = code.lowered
            if f.ops is not lowered.steps:
                if f in outer:
                    return Halt()
                place = lowered.places.get(f.ip)
                if place is None:
                    # In the middle of a straight line.
                    if clock.now >= limit:
                        return None
                    ended = self.step()
                    if ended is not None:
                        return ended
                    before = None
                    continue
                f.ops = lowered.steps
                f.ip = place
            r = f.regs
            steps = lowered.steps
            ip = f.ip
            try:
                while ip >= 0:
                    ip = steps[ip](r, f)
            except Reached:
                _stand(f, code, lowered.pcs[ip])
                return None
            except Halt as halt:
                pc = lowered.pcs[ip]
                if lowered.places.get(pc) != ip:
                    # A call of the host that is not to be made has been counted with its line.
                    clock.now -= code.line_end(pc) - pc
                    _give_back(store, code, pc)
                _stand(f, code, pc)
                return halt
            except (Trap, GuestException, GuestExit) as error:
                pc = lowered.pcs[ip] if store.at is None else store.at
                clock.now -= code.line_end(pc) - pc
                ended = self._failed(f, ip, pc, error)
                if ended is not None:
                    return ended
                before = None
            except BaseException:
                # Of the host, or Ctrl-C. The clock says where the line began; the state is to be made anew there.
                pc = lowered.pcs[ip]
                clock.now -= code.line_end(pc) - code.line_start(pc)
                raise

    def step(self) -> Ended | Halt | None:
        """Execute one instruction. Halt: the border to the host would not let it."""
        store = self.store
        f = self.settle()
        if f is None or not isinstance(f.code, DebugCode):
            raise Crash("a step outside of a function")
        code = f.code
        pc = f.ip
        self.stepping = True
        try:
            if code.program.metered:
                charge(store, code.program.module.funcs[code.index].body[pc].op.fuel)
            ip = code.stepwise.steps[pc](f.regs, f)
        except Halt as halt:
            _give_back(store, code, pc)
            f.ip = pc
            return halt
        except (Trap, GuestException, GuestExit) as error:
            # The explicit place: a call has set `ip` to where its callee returns to.
            store.at = pc
            return self._failed(f, pc, pc, error)
        finally:
            self.stepping = False
        if ip >= 0:
            f.ip = ip
        elif self.called is not None and store.frame is not None and store.frame.caller is f:
            self.called(self.clock.now, f)
        self.clock.now += 1
        return None

    def _failed(self, f: Frame, ip: int, pc: int, error: Trap | GuestException | GuestExit) -> Ended | None:
        """What step `ip`, of instruction `pc`, raised: the end, but for an exception that the guest handles. The frames
        stay as they are for it to be looked at."""
        store = self.store
        if isinstance(error, GuestException):
            room = store.room
            if unwind(store, f, ip, error.exception):
                self.clock.now += 1
                handler = store.frame
                if handler is not None and handler.code is not None:
                    _stand(handler, handler.code, _lowered(handler, handler.code).pcs[handler.ip])
                return None
            store.frame, store.room = f, room
            blame(f, ip, pc, error)
        elif isinstance(error, Trap):
            locate(store, f, ip, error)
        else:
            store.at = None
            blame(f, ip, pc, error)
        if f.code is not None:
            _stand(f, f.code, pc)
        return Ended(self.clock.now, error)


def charge(store: Store, cost: int) -> None:
    """Take an instruction's fuel."""
    if store.fuel is None:
        raise Crash("a metered program in a store without fuel")
    if store.fuel < cost:
        raise Exhaustion(TrapCode.OUT_OF_FUEL)
    store.fuel -= cost


def _give_back(store: Store, code: DebugCode, pc: int) -> None:
    if code.program.metered and store.fuel is not None:
        store.fuel += code.program.module.funcs[code.index].body[pc].op.fuel


def to_stepwise(f: Frame) -> None:
    """Bring a frame that has just been made, or that waits in a call, to its stepwise form."""
    code = f.code
    if code is None or code.lowered is None:
        raise Crash("a frame without code")
    lowered = _lowered(f, code)
    if lowered is code.lowered:
        f.ip = lowered.pcs[f.ip - 1] + 1 if f.ip else 0
        f.ops = code.stepwise.steps


def _lowered(f: Frame, code: FuncCode) -> Lowered:
    if code.lowered is None:
        raise Crash("a function's frame without code")
    return code.lowered if f.ops is code.lowered.steps else code.stepwise


def _stand(f: Frame, code: FuncCode, pc: int) -> None:
    """The frame goes on with instruction `pc`, in front of which its operands are in their slots."""
    f.ops = code.stepwise.steps
    f.ip = pc


def _chain(frame: Frame | None) -> frozenset[Frame]:
    """A frame and those around it, brought to the form that has `run` look at them when they go on."""
    found = set()
    while frame is not None and frame.code is not None:
        to_stepwise(frame)
        found.add(frame)
        frame = frame.caller
    return frozenset(found)
