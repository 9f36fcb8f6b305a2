"""Why compiled code is left: one row a cause, with what it means and what helps."""

from __future__ import annotations

from typing import Final, NamedTuple

from jit.backend import Departure
from jit.build_rows import leaves
from refsfi.exec.code import FuncCode

__all__ = ["CAUSES", "Cause", "cause_of"]


class Cause(NamedTuple):
    name: str
    meaning: str
    remedy: str


_ROWS = (
    Cause(
        "branch never seen", "a branch went where no recording has seen it go", "none is needed: hot ones are compiled"
    ),
    Cause(
        "call not native",
        "the function that is called has not been compiled, or its frame does not fit the guest's stack",
        "see why that function is not compiled: --why",
    ),
    Cause("host call", "the host's functions are Python", "call the host less often, with more to do each time"),
    Cause(
        "call of unknown function",
        "an indirect call of a function that was not called from there before",
        "none is needed: it is known the next time",
    ),
    Cause("access to memory", "the address is out of bounds: a trap", "none: it is the guest's defect"),
    Cause("no native form", "the instruction is always interpreted", "keep it out of hot loops"),
    Cause(
        "stop",
        "the host asked: for a signal, a time limit or an interruption, or fuel is short",
        "none is needed: compiled code is entered again",
    ),
    Cause("check failed", "the operands are such as trap, or are not what the code was made for", "none"),
)

CAUSES: Final[dict[str, Cause]] = {row.name: row for row in _ROWS}

_BRANCHES: Final = frozenset("if br_if br_table br_on_null br_on_non_null br else end".split())
_CALLS: Final = frozenset("call return_call".split())
_INDIRECT: Final = frozenset("call_indirect call_ref return_call_indirect return_call_ref".split())


def cause_of(departure: Departure, code: FuncCode, pc: int) -> Cause:
    """Why a region was left at instruction `pc` of `code`."""
    if departure.call is not None:
        return CAUSES["call not native"]
    program = code.program
    instr = program.module.funcs[code.index].body[pc]
    mnemonic = instr.op.mnemonic
    if departure.exit < 0 or mnemonic == "loop":
        return CAUSES["stop"]
    if mnemonic in _CALLS:
        return CAUSES["host call" if instr.args[0] < program.imported_funcs else "call not native"]
    if mnemonic in _INDIRECT:
        return CAUSES["call of unknown function"]
    if leaves(program, instr):
        return CAUSES["no native form"]
    if mnemonic in _BRANCHES:
        return CAUSES["branch never seen"]
    if ".load" in mnemonic or ".store" in mnemonic or mnemonic.startswith("memory."):
        return CAUSES["access to memory"]
    return CAUSES["check failed"]
