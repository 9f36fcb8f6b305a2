"""What all expressions of one generated function share: the names of its locals and constants, and its memories.

The text of a value depends on its type, and texts of different types contain each other; so the classes that write them
build on one another: `Access`, `Integers`, `Floats`, `Expressions`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from jit.portable.ranges import Ranges
from jit.portable.shape import Shape
from jit.portable.values import Values
from refsfi.errors import Crash

__all__ = ["FORMS", "Access", "op_memory"]

# Formats of `struct` for unsigned numbers of so many bytes.
FORMS: Final = {2: "H", 4: "I", 8: "Q"}


class Access(ABC):
    """`wanted` gathers the locals that were named since it was last emptied."""

    def __init__(
        self,
        shape: Shape,
        values: Values,
        nan: list[int],
        form: list[int],
        alias: dict[int, int],
        constant: Callable[[Any], str],
    ) -> None:
        graph = shape.graph
        self.graph = graph
        self.values = values
        # Of floats, as in `Values`, but of this function alone.
        self.nan = nan
        self.form = form
        # Parameters that stand for one value in this function.
        self.alias = alias
        self.ranges = Ranges(shape, values.block, alias)
        # Gives an object a name in the generated code's globals.
        self.constant = constant
        if graph.code is None:
            raise Crash("a region of no function")
        self.mems = graph.code.program.info.mems
        self.wanted: set[int] = set()
        # Of each memory that was named, the formats; of each global, the index.
        self.memories: dict[int, set[str]] = {}
        self.globals: set[int] = set()
        # Whether what defines a local need not be rounded to an f32.
        self.rounds = False
        self._defined = -1

    def name(self, value: int) -> str:
        self.wanted.add(value)
        return f"v{value}"

    def is_local(self, value: int) -> bool:
        return self.values.local[value] and value != self._defined

    def define(self, value: int) -> str:
        """The expression that computes a value, be it a local."""
        self._defined = value
        text = self.same(value)
        self._defined = -1
        return text

    def is_const(self, value: int) -> bool:
        value = self.alias.get(value, value)
        return self.values.block[value] < 0 and self.graph.op[value].name.endswith(".const")

    def known(self, value: int) -> int:
        """What a constant of an integer or float type is."""
        return int(self.graph.imm[self.alias.get(value, value)])

    # --- written by those that build on this ------------------------------------------------------------------------

    @abstractmethod
    def exact(self, value: int, near: bool = False) -> str:
        """An i32 or i64 as an unsigned number. `near`: it is likely to be small, as addresses and counters are."""

    @abstractmethod
    def number(self, value: int) -> str:
        """An f32 or f64 as a Python float."""

    @abstractmethod
    def bits(self, value: int) -> str:
        """The bits of an f32 or f64, observable ones."""

    @abstractmethod
    def reference(self, value: int) -> str:
        """A reference."""

    @abstractmethod
    def same(self, value: int) -> str:
        """The value as locals hold it."""

    @abstractmethod
    def call(self, value: int) -> str:
        """A call of the instruction's semantic function."""

    # --- memories and globals ---------------------------------------------------------------------------------------

    def bytes(self, value: int) -> str:
        """The memory that a load or store accesses, as bytes."""
        index = op_memory(self.graph.imm[value])
        if not self.is_steady(index):
            return f"inst.mems[{index}].data"
        self.memories.setdefault(index, set()).add("B")
        return f"m{index}_B"

    def words(self, value: int, form: str) -> str:
        """Likewise as an array of items of a format of `struct`."""
        index = op_memory(self.graph.imm[value])
        self.memories.setdefault(index, set()).add(form)
        return f"m{index}_{form}"

    def is_steady(self, index: int) -> bool:
        """Whether nobody else can move a memory: no other thread has it."""
        return not self.mems[index].shared

    def read(self, value: int, width: int, form: str = "") -> str:
        """The unsigned number, or the float, of so many bytes. The memory is looked at as an array where the address is
        a multiple of the width, which is several times as fast."""
        address = self.effective(value)
        if width == 1:
            return f"{self.bytes(value)}[{address}]"
        form = form or FORMS[width]
        if not self.is_steady(op_memory(self.graph.imm[value])):
            return f"load_{form}({self.bytes(value)}, {address})[0]"
        shift = width.bit_length() - 1
        if self.is_aligned(value, width):
            return f"{self.words(value, form)}[{address} >> {shift}]"
        place = address
        if not address.isidentifier():
            place, address = "a", f"(a := {address})"
        aligned = f"{self.words(value, form)}[{place} >> {shift}]"
        return f"({aligned} if not {address} & {width - 1} else load_{form}({self.bytes(value)}, {place})[0])"

    def is_aligned(self, value: int, width: int) -> bool:
        """Whether the address of a load or store is known to be a multiple of `width`."""
        imm = self.graph.imm[value]
        arg = imm[0] if isinstance(imm, tuple) else imm
        return not arg.offset & (width - 1) and self.ranges.zeros(self.graph.args[value][0]) >= width.bit_length() - 1

    def effective(self, value: int) -> str:
        imm = self.graph.imm[value]
        arg = imm[0] if isinstance(imm, tuple) else imm
        operand = self.graph.args[value][0]
        if self.is_const(operand):
            return str(self.known(operand) + arg.offset)
        address = self.exact(operand, near=True)
        return f"{address} + {arg.offset}" if arg.offset else address

    def global_(self, index: int) -> str:
        self.globals.add(index)
        return f"g{index}.value"


def op_memory(imm: Any) -> int:
    """The index of the memory that an immediate names."""
    arg = imm[0] if isinstance(imm, tuple) else imm
    return int(arg.mem)
