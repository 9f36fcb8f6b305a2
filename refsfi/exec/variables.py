"""Parametric and variable instructions, chapters 4.6.3 and 4.6.4."""

from __future__ import annotations

from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import lowering
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Instr


@lowering("nop")
def lower_nop(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/nop"""


@lowering("drop")
def lower_drop(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/drop"""
    low.pop()


@lowering("select")
def lower_select(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/select-true, Step_pure/select-false"""
    low.emit_value(_select, *low.pop_many(3))


def _select(a: int, b: int, c: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = r[a] if r[c] else r[b]
        return nxt

    return step


@lowering("local.get")
def lower_local_get(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/local.get"""
    if low.fuse:
        low.push(instr.args[0])
    else:
        low.move(instr.args[0], low.push_slot())


@lowering("local.set")
def lower_local_set(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/local.set"""
    local = instr.args[0]
    source = low.pop()
    if local in low.stack:
        # Operands that are still to be read from the local keep its old value.
        low.flush()
    if source != local and not low.retarget(source, local):
        low.move(source, local)
    low.last = None


@lowering("local.tee")
def lower_local_tee(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/local.tee"""
    if low.fuse:
        lower_local_set(low, pc, instr)
        low.push(instr.args[0])
    else:
        low.move(low.stack[-1], instr.args[0])


@lowering("global.get")
def lower_global_get(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/global.get"""
    low.emit_value(_global_get, instr.args[0])


def _global_get(x: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = f.inst.globals[x].cell.value
        return nxt

    return step


@lowering("global.set")
def lower_global_set(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/global.set"""
    low.emit(_global_set, instr.args[0], low.pop())


def _global_set(x: int, a: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        f.inst.globals[x].cell.value = r[a]
        return nxt

    return step
