"""The machine: runs frames until an invocation is over, unwinds them for exceptions, and reports where a trap
happened.

Wasm calls are frames linked through `Frame.caller`, never Python calls. Python's stack grows only where a host
function calls back into the guest, which `Limits.host_nesting` bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refsfi.errors import Crash, Exhaustion, GuestException, GuestExit, Trap, TrapCode
from refsfi.errors import Frame as TraceFrame
from refsfi.exec.calls import enter
from refsfi.exec.code import FuncCode, Lowered
from refsfi.runtime.store import Frame, FuncInst, HostFunc, Instance, Store
from refsfi.runtime.values import ExnInst, Value

__all__ = ["Entry", "backtrace", "invoke", "invoke_start", "locate", "unwind"]


class Entry(Frame):
    """The frame of the host's call: receives the results and ends the run. `code` is None, which tells it from a
    function's; it has no steps."""

    __slots__ = ()

    def __init__(self, store: Store, caller: Frame | None, results: int) -> None:
        self.code = None
        self.store = store
        self.caller = caller
        self.regs = [None] * results
        self.ip = 0


def invoke(store: Store, func: FuncInst | HostFunc, arguments: Sequence[Value]) -> list[Value]:
    """Call a function with arguments of its parameter types; its results.

    Raises Trap, Exhaustion, GuestException, and whatever a host function raises. The store is usable afterwards in
    each case. (Specification: 4.7.4 "Invocation".)
    """
    if func.__class__ is not FuncInst:
        return list(func.fn(*arguments))  # type: ignore[union-attr]
    outer = store.frame
    room = store.room
    # That of the host's caller, who may be in the middle of an instruction.
    at = store.at
    if store.nesting >= store.limits.host_nesting:
        raise Exhaustion(TrapCode.STACK_OVERFLOW)
    store.nesting += 1
    entry = Entry(store, outer, func.code.nresults)
    store.frame = entry
    store.at = None
    try:
        enter(func, list(arguments), entry, 0)
        if store.observer is None:
            _run(store)
        else:
            from refsfi.exec.observed import run_observed

            run_observed(store, store.observer)
    finally:
        store.frame = outer
        store.room = room
        store.at = at
        store.nesting -= 1
    return entry.regs


def invoke_start(inst: Instance, func: FuncInst | HostFunc) -> None:
    """Call the start function of an instance. A function of the host sees the instance as its caller."""
    store = inst.store
    if isinstance(func, FuncInst):
        invoke(store, func, [])
        return
    outer = store.frame
    entry = Entry(store, outer, 0)
    entry.inst = inst
    store.frame = entry
    try:
        func.fn()
    finally:
        store.frame = outer


def _run(store: Store) -> None:
    """Run the innermost frame, and those it calls, until an entry frame is reached."""
    while True:
        f = store.frame
        if f is None:
            raise Crash("running without a frame")
        if f.code is None:
            return
        r = f.regs
        steps = f.ops
        ip = f.ip
        try:
            while ip >= 0:
                ip = steps[ip](r, f)
        except GuestException as error:
            f = _failing(store)
            at = store.at
            if not unwind(store, f, ip, error.exception):
                blame(f, ip, at, error)
                raise
        except Trap as trap:
            locate(store, _failing(store), ip, trap)
            raise
        except GuestExit as exit:
            f = _failing(store)
            at, store.at = store.at, None
            blame(f, ip, at, exit)
            raise


def _failing(store: Store) -> Frame:
    """The frame in which something failed: not that of the machine's step, where a tier ran in that step and other
    frames came to be. It says where by `store.at` then."""
    if store.frame is None:
        raise Crash("a failure without a frame")
    return store.frame


def _lowered(frame: Frame, code: FuncCode) -> Lowered:
    """The form of its function that a frame runs: with an observer, one step an instruction."""
    lowered = code.lowered
    if lowered is None:
        raise Crash("a function's frame without code")
    return lowered if frame.ops is lowered.steps else code.stepwise


def locate(store: Store, f: Frame, ip: int, trap: Trap) -> None:
    """Settle the fuel of a frame that trapped in step `ip` and give the trap its backtrace."""
    code = f.code
    at, store.at = store.at, None
    if code is None:
        raise Crash("trap outside of a function")
    pc = _lowered(f, code).pcs[ip] if at is None else at
    if code.program.metered and at is None and store.fuel is not None:
        store.fuel += code.unspent(pc)
    if store.witness is not None:
        store.witness.failed(f, pc, at, trap)
    if not trap.frames:
        trap.frames = _trace(f, code, pc)


def blame(f: Frame, ip: int, at: int | None, error: GuestException | GuestExit) -> None:
    """Give an exception that nothing caught, or an exit, its backtrace: it happened in frame `f`, step `ip`, at
    instruction `at` where that is not the one that the step stands for."""
    if f.code is None:
        return
    pc = _lowered(f, f.code).pcs[ip] if at is None else at
    if f.store.witness is not None and isinstance(error, GuestException):
        f.store.witness.failed(f, pc, at, error)
    if error.frames:
        return
    error.frames = _trace(f, f.code, pc)


def _trace(f: Frame, code: FuncCode, pc: int) -> list[TraceFrame]:
    """The backtrace of what failed in frame `f` at instruction `pc`."""
    limit = f.store.limits.backtrace
    return [code.trace_frame(pc), *backtrace(f.caller, limit - 1)] if limit > 0 else []


def backtrace(frame: Frame | None, limit: int) -> list[TraceFrame]:
    """The suspended activations from `frame` outwards, innermost first, across the host's own calls."""
    found: list[TraceFrame] = []
    while frame is not None and len(found) < limit:
        code = frame.code
        if code is not None:
            found.append(code.trace_frame(_lowered(frame, code).pcs[frame.ip - 1]))
        frame = frame.caller
    return found


def unwind(store: Store, f: Frame, ip: int, exception: ExnInst) -> bool:
    """Find the handler of an exception thrown in step `ip` of frame `f` and make it the place to go on; False, with
    the frames of this invocation gone, where there is none.

    Rule: Step_read/throw_ref-instrs, Step_read/throw_ref-label, Step_read/throw_ref-frame,
    Step_read/throw_ref-handler-empty, Step_read/throw_ref-handler-catch, Step_read/throw_ref-handler-catch_ref,
    Step_read/throw_ref-handler-catch_all, Step_read/throw_ref-handler-catch_all_ref, Step_read/throw_ref-handler-next
    """
    frame = f
    at, store.at = store.at, None
    while True:
        code = frame.code
        if code is None:
            store.frame = frame
            return False
        lowered = _lowered(frame, code)
        pc = lowered.pcs[ip] if at is None else at
        at = None
        tags = frame.inst.tags
        number = lowered.guard_of(pc)
        while number >= 0:
            for clause in lowered.guards[number].catchers:
                if clause.tag is not None and tags[clause.tag] is not exception.tag:
                    continue
                fields: list[Any] = [] if clause.tag is None else list(exception.fields)
                if clause.ref:
                    fields.append(exception)
                if clause.keep is not None:
                    frame.regs[clause.keep] = exception
                frame.regs[clause.dest : clause.dest + len(fields)] = fields
                frame.ip = clause.ip
                store.frame = frame
                return True
            number = lowered.guards[number].parent
        store.room += code.cost
        caller = frame.caller
        if caller is None:
            raise Crash("a function's frame without a caller")
        frame = caller
        ip = frame.ip - 1
