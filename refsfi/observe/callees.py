"""Which function a call is about to reach."""

from __future__ import annotations

from typing import Final

from refsfi.observe.operands import operand_values
from refsfi.runtime.store import Frame, FuncInst, HostFunc
from refsfi.syntax.module import Instr

__all__ = ["CALLS", "INDIRECT", "callee"]

_DIRECT: Final = frozenset(["call", "return_call"])
INDIRECT: Final = frozenset(["call_indirect", "return_call_indirect", "call_ref", "return_call_ref"])
CALLS: Final = _DIRECT | INDIRECT


def callee(frame: Frame, pc: int, instr: Instr) -> FuncInst | HostFunc | None:
    """The function that call `pc` of the innermost frame names; None where there is none, and the call will trap."""
    mnemonic, args = instr.op.mnemonic, instr.args
    if mnemonic in _DIRECT:
        return frame.inst.funcs[args[0]]
    # The reference, or the index into the table, is the topmost operand.
    (top,) = operand_values(frame, pc, 1)
    found: FuncInst | HostFunc | None = top
    if mnemonic not in ("call_ref", "return_call_ref"):
        elems = frame.inst.tables[args[1]].elems
        found = elems[top] if top < len(elems) else None
    return found
