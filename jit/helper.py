"""Instructions that compiled code has the interpreter execute in the middle of a region.

What a region cannot do itself, because it needs Python objects, the operating system or other threads, need not be a
reason to leave: the interpreter's step for the one instruction runs with the operands that compiled code hands over,
and the region goes on with the results. So there is still one place that says what the instruction does.

Only instructions that neither call nor branch can be executed so. What such a step raises has a place and a state: the
region is left in front of the instruction, and the interpreter raises it there (`Departure.error`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from jit.ir.ops import Type
from jit.results import pushed
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.exec.machine import Entry
from refsfi.runtime.store import Frame, FuncInst, Instance
from refsfi.runtime.values import Value
from refsfi.syntax.module import Instr

__all__ = ["HELPED", "Helper"]

# Mnemonics, and families of rules.
HELPED: Final = (
    *("memory.grow", "memory.init", "data.drop"),
    *("table.get", "table.set", "table.grow", "table.fill", "table.copy", "table.init", "elem.drop"),
    *("atomic.wait", "atomic.notify"),
)


@dataclass(frozen=True, slots=True)
class Helper:
    """Instruction `pc` of a function. IndexError where there is none, Crash where it pushes what nobody knows."""

    code: FuncCode
    pc: int
    instr: Instr = field(init=False, compare=False, repr=False)
    _results: tuple[Type, ...] = field(init=False, compare=False, repr=False)
    _operands: int = field(init=False, compare=False, repr=False)
    # How many registers of the frame are in use behind it.
    _after: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Once, not whenever it is executed.
        code, pc = self.code, self.pc
        instr = code.program.module.funcs[code.index].body[pc]
        found = pushed(code.program, instr)
        if found is None:
            raise Crash(f"{instr.op.mnemonic} is no instruction for a helper")
        heights = code.side.heights
        for name, value in (
            ("instr", instr),
            ("_results", tuple(found)),
            ("_operands", heights[pc] - heights[pc + 1] + len(found)),
            ("_after", code.nlocals + heights[pc + 1]),
        ):
            object.__setattr__(self, name, value)

    def results(self) -> tuple[Type, ...]:
        """Their types."""
        return self._results

    def operands(self) -> int:
        """How many it takes."""
        return self._operands

    def run(self, inst: Instance, operands: Sequence[Value]) -> list[Value]:
        """Execute it in an instance: its results. Raises what the interpreter would."""
        code = self.code
        func = inst.funcs[code.func_index]
        if not isinstance(func, FuncInst):
            raise Crash("a helper of a host function")
        first = self._after - len(self._results)
        regs: list[Value] = [None] * first
        regs += operands
        regs += [None] * len(self._results)
        code.stepwise.steps[self.pc](regs, Frame(func, regs, Entry(inst.store, None, 0), 0))
        return regs[first : self._after]
