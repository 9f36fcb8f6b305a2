"""Exception instructions, chapter 4.6.5, and the legacy ones.

A throw is a Python exception that carries the instance to the machine, which searches the handlers of the side table
(`machine.unwind`). `try_table` and `try` themselves do nothing.
"""

from __future__ import annotations

from typing import Any, NoReturn

from refsfi.errors import GuestException, Trap, TrapCode
from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import lowering
from refsfi.runtime.heap import allocate, fields_size
from refsfi.runtime.store import Frame
from refsfi.runtime.values import ExnInst, func_type
from refsfi.syntax.module import Instr


@lowering("throw")
def lower_throw(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/throw"""
    types = func_type(low.info.tags[instr.args[0]]).params
    low.emit(_throw, instr.args[0], low.pop_many(len(types)), fields_size(types))
    low.live = False


def _throw(tag: int, sources: list[int], size: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        allocate(f.store, size)
        raise GuestException(ExnInst(f.inst.tags[tag], [r[s] for s in sources]))

    return step


@lowering("throw_ref")
def lower_throw_ref(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/throw_ref-null"""
    low.emit(_throw_register, low.pop())
    low.live = False


@lowering("rethrow")
def lower_rethrow(low: Lowerer, pc: int, instr: Instr) -> None:
    """The exception that the legacy catch named by the label has caught."""
    low.emit(_throw_register, low.first_exn + low.side.rethrows[pc])
    low.live = False


def _throw_register(a: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        throw_again(r[a])

    return step


def throw_again(exception: Any) -> NoReturn:
    if exception is None:
        raise Trap(TrapCode.NULL_REFERENCE, "null exception reference")
    raise GuestException(exception)
