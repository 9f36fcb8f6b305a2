"""Whether two modules mean the same.

Different spellings of one thing are brought into one form first: how locals are grouped, whether a recursion group of
one is written as a group, an `else` without instructions, and a block type that is the number of a function type
without parameters and with at most one result. Positions, names, custom
sections and the binary format's choices among equal encodings do not count.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from refsfi.syntax.module import Expr, Func, Instr, Module
from refsfi.syntax.opcodes import Imm, op
from refsfi.syntax.types import CompType, FuncType, RecType, ValType

__all__ = ["difference"]

_ELSE, _END = op("else"), op("end")
_PARTS = ("imports", "tables", "mems", "tags", "globals", "exports", "start", "elems", "datas")


def difference(first: Module, second: Module) -> str:
    """The part of the modules that differs, in the words of `Module`'s fields; empty where none does."""
    if [_group(rec) for rec in first.types] != [_group(rec) for rec in second.types]:
        return "types"
    for part in _PARTS:
        if getattr(first, part) != getattr(second, part):
            return part
    comps = [member.comp for rec in first.types for member in rec.members]
    if [_func(func, comps) for func in first.funcs] != [_func(func, comps) for func in second.funcs]:
        return "funcs"
    return ""


def _group(rec: RecType) -> RecType:
    return RecType(rec.members)


def _func(func: Func, comps: list[CompType]) -> tuple[int, list[tuple[int, ValType]], Expr]:
    body = func.body
    kept = (
        instr
        for pc, instr in enumerate(body)
        if instr.op is not _ELSE or pc + 1 == len(body) or body[pc + 1].op is not _END
    )
    return func.type, _locals(func), [_instr(instr, comps) for instr in kept]


def _locals(func: Func) -> list[tuple[int, ValType]]:
    filled = ((count, type) for count, type in func.locals if count)
    return [(sum(count for count, _ in run), type) for type, run in groupby(filled, key=lambda entry: entry[1])]


def _instr(instr: Instr, comps: list[CompType]) -> Instr:
    if not instr.op.imms or instr.op.imms[0] is not Imm.BLOCK:
        return instr
    type: Any = instr.args[0]
    if isinstance(type, int) and type < len(comps):
        comp = comps[type]
        if isinstance(comp, FuncType) and not comp.params and len(comp.results) <= 1:
            return Instr(instr.op, (comp.results[0] if comp.results else None, *instr.args[1:]), instr.at)
    return instr
