"""Frames that a region has left: how the interpreter goes on in them.

It goes on one instruction a step, as `FuncCode.stepwise` has it, since all operands are in their slots there, and
changes to the fused form at the next label, where they are in both forms. Where a region has an entry that is no label
of the fused form (behind a call), it is entered from here.
"""

from __future__ import annotations

from typing import NoReturn

from jit.backend import Activation, Departure
from jit.profile import history
from refsfi.errors import Crash, Exhaustion, GuestException, GuestExit, Trap, TrapCode
from refsfi.exec.code import FRAME_CHANGED, FuncCode, Regs, Step, Steps
from refsfi.runtime.store import Frame, FuncInst, Store

__all__ = ["charge", "keep_place", "raise_again", "rebuild", "resume_steps"]


def resume_steps(code: FuncCode) -> dict[int, Step]:
    """The steps that a frame runs after a departure: step `pc` is instruction `pc`."""
    past = history(code)
    steps = past.resume
    if steps is None:
        steps = past.resume = _Resumed(code)
    return steps


class _Resumed(dict[int, Step]):
    """pc -> step, made when it is asked for. The tier puts in those that enter a region."""

    __slots__ = ("_costs", "_fused", "_places", "_stepwise")

    def __init__(self, code: FuncCode) -> None:
        lowered = code.lowered
        if lowered is None:
            raise Crash("a frame of a function without steps")
        self._stepwise = code.stepwise.steps
        self._fused = lowered.steps
        self._places = lowered.places
        self._costs = code.program.module.funcs[code.index].body if code.program.metered else None

    def __missing__(self, pc: int) -> Step:
        ip = self._places.get(pc)
        if ip is not None:
            step = _fuse(self._fused, ip)
        elif self._costs is None:
            step = self._stepwise[pc]
        else:
            step = _metered(self._stepwise[pc], self._costs[pc].op.fuel, pc)
        self[pc] = step
        return step


def _metered(step: Step, cost: int, pc: int) -> Step:
    if not cost:
        return step

    def charged(r: Regs, f: Frame) -> int:
        store = f.store
        charge(store, cost, pc)
        # Nothing has been taken for what follows, so that whoever settles a trap has nothing to give back.
        store.at = pc
        try:
            to = step(r, f)
        except BaseException as error:
            keep_place(store, error, pc)
            raise
        store.at = None
        return to

    return charged


def charge(store: Store, cost: int, pc: int) -> None:
    """Take the fuel of one instruction, or say that there is none left for it."""
    if store.fuel is None:
        raise Crash("a metered program in a store without fuel")
    if store.fuel < cost:
        store.at = pc
        raise Exhaustion(TrapCode.OUT_OF_FUEL)
    store.fuel -= cost


def keep_place(store: Store, error: BaseException, pc: int) -> None:
    """Something was raised at instruction `pc`. The machine asks where traps and exceptions of the guest came from;
    said again here, as a call of the host may have run other instructions. Whatever else passes through has no
    place."""
    store.at = pc if isinstance(error, Trap | GuestException | GuestExit) else None


def raise_again(frame: Frame, error: BaseException) -> NoReturn:
    """Raise what the instruction that the frame was left at has raised already, when a helper executed it."""
    keep_place(frame.store, error, frame.ip)
    raise error


def _fuse(steps: Steps, ip: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        f.ops = steps
        f.ip = ip
        return FRAME_CHANGED

    return step


def rebuild(frame: Frame, departure: Departure) -> Frame:
    """Make the interpreter's frames what they have to be; the innermost one, whose `ip` is the instruction to
    execute."""
    first, *rest = departure.frames
    if first.code is not frame.code:
        # Tail calls have put another function in the place of the one that entered.
        if frame.caller is None:
            raise Crash("a function's frame without a caller")
        frame = _activation(first, frame.caller, frame.ret)
    _fill(frame, first)
    for activation in rest:
        frame.ip += 1
        frame = _called(frame, activation)
        _fill(frame, activation)
    frame.store.frame = frame
    return frame


def _called(caller: Frame, activation: Activation) -> Frame:
    code = activation.code
    outer = caller.code
    if outer is None:
        raise Crash("a region called from nowhere")
    # `ip` is behind the call already, with the results on the stack there.
    return _activation(activation, caller, outer.nlocals + outer.side.heights[caller.ip] - code.nresults)


def _activation(activation: Activation, caller: Frame, ret: int) -> Frame:
    """A frame for an activation, its registers still to be filled."""
    code = activation.code
    tail = code.tail
    if tail is None:
        tail = code.prepare()
    func = activation.inst.funcs[code.func_index]
    if not isinstance(func, FuncInst):
        raise Crash("a region of a host function")
    return Frame(func, [None] * code.nparams + tail, caller, ret)


def _fill(frame: Frame, activation: Activation) -> None:
    regs = frame.regs
    for register, value in activation.values:
        regs[register] = value
    frame.ops = resume_steps(activation.code)
    frame.ip = activation.pc
