"""What the tier asks of a back end, and what it gets from a region.

Two back ends compile graphs: `jit.portable`, to Python source, and `jit.x64`, to machine code. Both get the same graphs
and must do the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeAlias

from jit.ir.graph import Graph
from jit.plain import Plain
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import Frame, FuncInst, Instance
from refsfi.runtime.values import Value

__all__ = ["Activation", "Backend", "Departure", "Unit"]


class Activation(Plain):
    """A frame of the interpreter as it has to be. Of all but the innermost one, `pc` is the call at which it waits.
    `values`: pairs (register, value)."""

    __slots__ = ("code", "inst", "pc", "values")
    __match_args__ = ("inst", "code", "pc", "values")

    def __init__(self, inst: Instance, code: FuncCode, pc: int, values: list[tuple[int, Value]]) -> None:
        self.inst = inst
        self.code = code
        self.pc = pc
        self.values = values


class Departure(Plain):
    """A region has been left at an instruction that the interpreter is to execute.

    `frames`: outermost first. The first one is that which entered the region; the others were called or inlined. `unit`
    and `exit` say where it was left: the unit of the innermost region, and the number of its snapshot; -1 where that
    says nothing of the region, which was just asked to leave.

    `call`: the innermost frame waits at a call, which the interpreter is to carry out: the function and its arguments.

    `error`: the instruction has been executed, by a `jit.helper`, and this is what it raised; its fuel has been taken.
    """

    __slots__ = ("call", "error", "exit", "frames", "unit")
    __match_args__ = ("frames", "unit", "exit", "call", "error")

    def __init__(
        self,
        frames: list[Activation],
        unit: Unit,
        exit: int,
        call: tuple[FuncInst, list[Value]] | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.frames = frames
        self.unit = unit
        self.exit = exit
        self.call = call
        self.error = error


# What the region's activation returned, or where it was left.
Outcome: TypeAlias = "list[Value] | Departure"


class Unit(Protocol):
    """A compiled region. `where`: address and size of its machine code, None where it has none. `inside`: how many ns
    the last run was in its code, whichever thread's that was; 0 where nobody measures."""

    graph: Graph
    inside: int
    where: tuple[int, int] | None

    def enter(self, pc: int, frame: Frame) -> Outcome:
        """Run from entry `pc` with the frame's registers; `jit.ir.graph.CALL` stands for pc 0 with just its arguments.

        `store.room` and `store.fuel` are right before and after: a frame's own cost has been taken when it enters, is
        given back when it returns, and the costs of all frames of a departure are taken. What is not an `Outcome` is
        not raised, except `Crash`.
        """

    def release(self) -> None:
        """Nothing enters the unit any more."""

    def costs(self) -> dict[str, int]:
        """What it came to, for reports: `bytes` of code, places that may be left (`exits`), and what else is
        counted."""

    def listing(self) -> Iterator[str]:
        """Its code as lines of text."""


class Backend(Protocol):
    """`name` is what `--jit-backend` calls it. `gain`: how many times as long as compiled code the interpreter takes,
    at the least."""

    name: str
    gain: int

    def compile(self, graph: Graph) -> Unit:
        """Compile a graph. `jit.build.Refused` where that cannot be done; `Crash` where the graph is not
        well-formed."""

    def learn(self, frame: Frame, pc: int) -> None:
        """A region was left in front of instruction `pc`, perhaps for want of knowledge of the instance that can be had
        for the next time: of a table's element, of a function's reference."""

    def attach(self, code: FuncCode, unit: Unit | None) -> None:
        """Let calls of the function from other regions reach this unit from now on (None: the interpreter)."""
