"""A valid function, checked once more: for those who look at what validation finds and does not keep."""

from __future__ import annotations

from functools import cache
from typing import cast

from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import OPS, Op
from refsfi.syntax.types import I32
from refsfi.valid.checker import SPECIAL, Checker, Plan
from refsfi.valid.context import Context
from refsfi.valid.function import locals_of
from refsfi.valid.plans import rule_of

__all__ = ["Recheck"]


class Recheck(Checker):
    """Of defined function `index`. `run` checks its body, and calls `meet` in front of each instruction."""

    __slots__ = ()

    def __init__(self, context: Context, index: int) -> None:
        func = context.module.funcs[index]
        types, tracked = locals_of(context, func)
        super().__init__(context, _plans(), types, tracked, context.func_type(func.type).results)

    def meet(self, instr: Instr) -> None:
        """The stacks of operands and of labels are as the instruction finds them. What is raised ends the check."""


@cache
def _plans() -> tuple[Plan, ...]:
    return tuple(_plan(op) for op in OPS)


def _plan(op: Op) -> Plan:
    rule = rule_of(op)

    def meet(c: Checker, instr: Instr) -> None:
        cast(Recheck, c).meet(instr)
        rule(c, instr)

    return SPECIAL, None, None, I32, 0, meet
