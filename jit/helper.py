"""Instructions that compiled code has the interpreter execute in the middle of a region.

What a region cannot do itself, because it needs Python objects, the operating system or other threads, need not be a
reason to leave: the interpreter's step for the one instruction runs with the operands that compiled code hands over,
and the region goes on with the results. So there is still one place that says what the instruction does.

Only instructions that neither call nor branch can be executed so. What such a step raises has a place and a state: the
region is left in front of the instruction, and the interpreter raises it there (`Departure.error`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """Instruction `pc` of a function."""

    code: FuncCode
    pc: int

    @property
    def instr(self) -> Instr:
        return self.code.program.module.funcs[self.code.index].body[self.pc]

    def results(self) -> list[Type]:
        """Their types."""
        found = pushed(self.code.program, self.instr)
        if found is None:
            raise Crash(f"{self.instr.op.mnemonic} is no instruction for a helper")
        return found

    def operands(self) -> int:
        """How many it takes."""
        heights = self.code.side.heights
        return heights[self.pc] - heights[self.pc + 1] + len(self.results())

    def run(self, inst: Instance, operands: Sequence[Value]) -> list[Value]:
        """Execute it in an instance: its results. Raises what the interpreter would."""
        code, pc = self.code, self.pc
        func = inst.funcs[code.func_index]
        if not isinstance(func, FuncInst):
            raise Crash("a helper of a host function")
        heights = code.side.heights
        after = heights[pc + 1]
        first = code.nlocals + heights[pc] - len(operands)
        regs: list[Value] = [None] * (code.nlocals + code.side.max_height)
        regs[first : first + len(operands)] = operands
        frame = Frame(func, regs, Entry(inst.store, None, 0), 0)
        code.stepwise.steps[pc](regs, frame)
        return regs[first : code.nlocals + after]
