"""The machine's loop for a store with an observer: one instruction a step, and a hook before each.

It differs from the plain loop in nothing that a guest could notice. Fuel is charged instruction by instruction, so that
nothing has to be settled when one fails.
"""

from __future__ import annotations

from refsfi.errors import Crash, Exhaustion, GuestException, GuestExit, Trap, TrapCode
from refsfi.exec.code import FuncCode
from refsfi.exec.machine import blame, locate, unwind
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame, Store

__all__ = ["NotBegun", "run_observed"]


class NotBegun(Exhaustion):
    """There is not enough fuel for an instruction, which has done nothing: not what others run out of fuel in."""


def run_observed(store: Store, observer: Observer) -> None:
    """Run the innermost frame, which has just been made, and those it calls, until an entry frame is reached."""
    before = observer.before
    # Who looks at no instruction is not asked at each: frames run their steps, of which some may be probes.
    each = type(observer).before is not Observer.before
    frame = _innermost(store)
    code: FuncCode | None = _begin(frame, observer)
    while code is not None:
        metered = code.program.metered
        steps = frame.ops
        regs = frame.regs
        pc = frame.ip
        try:
            if each or metered:
                body = code.program.module.funcs[code.index].body
                while pc >= 0:
                    frame.ip = pc
                    before(frame, pc)
                    pc = frame.ip
                    if metered:
                        _charge(store, body[pc].op.fuel)
                    pc = steps[pc](regs, frame)
            else:
                while pc >= 0:
                    pc = steps[pc](regs, frame)
        except GuestException as error:
            # The explicit place: a call has set `ip` to where its callee returns to.
            store.at = pc
            handled = unwind(store, frame, pc, error.exception)
            _tell_left(observer, frame, _innermost(store))
            if not handled:
                blame(frame, pc, pc, error)
                raise
        except GuestExit as exit:
            blame(frame, pc, pc, exit)
            raise
        except Trap as trap:
            # That it is explicit also says that no fuel was charged in advance.
            store.at = pc
            locate(store, frame, pc, trap)
            observer.trap(frame, pc, trap)
            raise
        else:
            _change(code, frame, _innermost(store), observer)
        frame = _innermost(store)
        code = frame.code


def _innermost(store: Store) -> Frame:
    frame = store.frame
    if frame is None:
        raise Crash("running without a frame")
    return frame


def _charge(store: Store, cost: int) -> None:
    if store.fuel is None:
        raise Crash("a metered program in a store without fuel")
    if store.fuel < cost:
        raise NotBegun(TrapCode.OUT_OF_FUEL)
    store.fuel -= cost


def _begin(frame: Frame, observer: Observer) -> FuncCode:
    """A new frame runs its function's unfused steps."""
    code = frame.code
    if code is None:
        raise Crash("an entry frame was called")
    frame.ops = code.stepwise.steps
    observer.enter(frame)
    return code


def _change(code: FuncCode, frame: Frame, now: Frame, observer: Observer) -> None:
    """Tell who left and who came when `now` became the innermost frame instead of `frame`."""
    if now is frame.caller:
        observer.leave(frame, now.regs[frame.ret : frame.ret + code.nresults])
        return
    if now.caller is not frame:
        observer.leave(frame, None)
    _begin(now, observer)


def _tell_left(observer: Observer, frame: Frame, handler: Frame) -> None:
    """An exception went from `frame` out to the frame that handles it, or to the entry frame."""
    passed: Frame | None = frame
    while passed is not None and passed is not handler:
        observer.leave(passed, None)
        passed = passed.caller
