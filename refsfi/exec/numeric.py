"""Numeric and vector instructions, chapters 4.6.1 and 4.6.2: the functions of `numeric/` applied to registers.

`numeric/table` says what an instruction computes; the rules of the step relation that apply it are named there too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import lowering
from refsfi.numeric.table import SEMANTICS
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Instr

_Function = Callable[..., Any]


@lowering("const", "vconst")
def lower_const(low: Lowerer, pc: int, instr: Instr) -> None:
    """A constant is a value already.

    Rule: Instr_ok/const, Instr_ok/vconst
    """
    push_constant(low, instr.args[0])


def push_constant(low: Lowerer, value: Any) -> None:
    """Push a constant: its register where there is one, else its slot, loaded by a step."""
    register = low.constant(value)
    if register is None:
        low.emit_value(_load_constant, value)
    elif low.fuse:
        low.push(register)
    else:
        low.move(register, low.push_slot())


def _load_constant(value: Any, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = value
        return nxt

    return step


@lowering(
    *"unop binop testop relop cvtop vvunop vvbinop vvternop vvtestop vunop vbinop vternop vtestop vrelop "
    "vshiftop vbitmask vswizzlop vshuffle vsplat vextract_lane vreplace_lane vextunop vextbinop vextternop "
    "vnarrow vcvtop".split()
)
def lower_numeric(low: Lowerer, pc: int, instr: Instr) -> None:
    """Emit the step that computes one result; a lane immediate is one more operand, held in a register."""
    operands = low.pop_many(len(instr.op.operands or ()))
    function = SEMANTICS[instr.op.mnemonic]
    if instr.args:
        register = low.constant(instr.args[0])
        if register is None:
            low.emit_value(_lanes, function, instr.args, operands)
            return
        operands.append(register)
    low.emit_value((_unary, _binary, _ternary)[len(operands) - 1], function, *operands)


@lowering("wide")
def lower_wide(low: Lowerer, pc: int, instr: Instr) -> None:
    """Wide arithmetic: two results, the low half first."""
    operands = low.pop_many(len(instr.op.operands or ()))
    low.emit(_wide, SEMANTICS[instr.op.mnemonic], operands, low.push_many(2))


def _unary(function: _Function, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(r[a])
        return nxt

    return step


def _binary(function: _Function, a: int, b: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(r[a], r[b])
        return nxt

    return step


def _ternary(function: _Function, a: int, b: int, c: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(r[a], r[b], r[c])
        return nxt

    return step


def _lanes(function: _Function, immediates: tuple[Any, ...], sources: list[int], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(*[r[s] for s in sources], *immediates)
        return nxt

    return step


def _wide(function: _Function, sources: list[int], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d], r[d + 1] = function(*[r[s] for s in sources])
        return nxt

    return step
