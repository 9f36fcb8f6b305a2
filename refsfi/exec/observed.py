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

__all__ = ["run_observed"]


def run_observed(store: Store, observer: Observer) -> None:
    """Run the innermost frame, which has just been made, and those it calls, until an entry frame is reached."""
    before = observer.before
    frame = _innermost(store)
    code: FuncCode | None = _begin(frame, observer)
    while code is not None:
        metered = code.program.metered
        body = code.program.module.funcs[code.index].body
        steps = frame.ops
        regs = frame.regs
        pc = frame.ip
        try:
            while pc >= 0:
                at = frame.ip = pc
                before(frame, pc)
                at = frame.ip
                if metered:
                    _charge(store, body[at].op.fuel)
                pc = steps[at](regs, frame)
        except GuestException as error:
            # The explicit place: a call has set `ip` to where its callee returns to.
            store.at = at
            handled = unwind(store, frame, at, error.exception)
            _tell_left(observer, frame, _innermost(store))
            if not handled:
                blame(frame, at, at, error)
                raise
        except GuestExit as exit:
            blame(frame, at, at, exit)
            raise
        except Trap as trap:
            # That it is explicit also says that no fuel was charged in advance.
            store.at = at
            locate(store, frame, at, trap)
            observer.trap(frame, at, trap)
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
        raise Exhaustion(TrapCode.OUT_OF_FUEL)
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
