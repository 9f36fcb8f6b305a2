"""Executable code of a module: shared by all its instances, made function by function when first called.

A function is executed as a list of *steps*: Python closures `step(regs, frame) -> next`, where `next` is the index
of the step to run then. `exec/lower` makes them from the flat body and the side table; `exec/machine` runs them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from refsfi.binary.deferred import DeferredFunc
from refsfi.errors import Frame as TraceFrame
from refsfi.errors import WasmError
from refsfi.runtime.store import Frame
from refsfi.runtime.tier import Tier
from refsfi.runtime.values import default, func_type
from refsfi.syntax.deftypes import close_extern
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind
from refsfi.valid.sidetable import ModuleInfo, SideTable

__all__ = [
    "FRAME_CHANGED",
    "FRAME_COST",
    "SLOT_COST",
    "Catcher",
    "FuncCode",
    "Guard",
    "Lowered",
    "Program",
    "Step",
    "Steps",
]

Regs: TypeAlias = list[Any]
Step: TypeAlias = Callable[[Regs, Frame], int]
# Index -> step. Of the form with one step an instruction a dictionary that makes them when they are asked for.
Steps: TypeAlias = list[Step] | dict[int, Step]

# What a step returns instead of an index: the store's innermost frame is another one now.
FRAME_CHANGED = -1

# What an activation costs of `Limits.stack`, in bytes.
FRAME_COST = 64
SLOT_COST = 8


@dataclass(frozen=True, slots=True)
class Catcher:
    """A clause of a handler, ready to run: where the fields go, where execution goes on, which register keeps the
    exception."""

    tag: int | None
    ref: bool
    dest: int
    ip: int
    keep: int | None


@dataclass(frozen=True, slots=True)
class Guard:
    """A `Handler` of the side table, ready to run."""

    start: int
    end: int
    parent: int
    catchers: tuple[Catcher, ...]


@dataclass(slots=True)
class Lowered:
    """The steps of a function. `pcs[ip]` is the instruction that step `ip` stands for (of several fused ones, the one
    that can trap or that controls). `places`: the labels' pcs, at which all operands are in their slots, and the steps
    there."""

    steps: Steps
    pcs: Sequence[int]
    guards: list[Guard]
    places: dict[int, int]

    def guard_of(self, pc: int) -> int:
        """The innermost guard whose range contains `pc`, -1 for none."""
        for i in range(len(self.guards) - 1, -1, -1):
            if self.guards[i].start <= pc < self.guards[i].end:
                return i
        return -1


class FuncCode:
    """A function of a module: what its activations need to know.

    `tail` is what follows the arguments in a new frame's registers; `ops` the steps. Both are empty until `prepare`.
    """

    __slots__ = (
        "cost",
        "func_index",
        "index",
        "lowered",
        "nlocals",
        "nparams",
        "nresults",
        "ops",
        "program",
        "side_",
        "stepwise_",
        "tail",
        "tier",
    )

    def __init__(self, program: Program, index: int) -> None:
        info = program.info
        self.program = program
        self.index = index
        self.func_index = program.imported_funcs + index
        type = func_type(info.funcs[self.func_index])
        self.nparams = len(type.params)
        self.nresults = len(type.results)
        self.nlocals = 0
        self.cost = 0
        self.tail: list[Any] | None = None
        self.ops: Steps = []
        self.lowered: Lowered | None = None
        self.stepwise_: Lowered | None = None
        self.side_: SideTable | None = None
        # What a compiling tier keeps of the function.
        self.tier: object = None

    def prepare(self) -> list[Any]:
        """Lower the function; its `tail`. Of a module that was loaded lazily, DecodeError, ValidationError or
        LimitError."""
        info = self.program.info
        try:
            side = info.sides[self.index]
            types = info.local_types[self.index]
        except WasmError as error:
            error.late_in = self
            raise
        self.nlocals = len(types)
        self.cost = FRAME_COST + SLOT_COST * (len(types) + side.max_height)
        lowered, constants = self.lower(side)
        self.lowered = lowered
        self.ops = lowered.steps
        if self.program.tier is not None:
            self.program.tier.lowered(self)
        slots = side.max_height + side.exn_slots
        tail = [default(t) for t in types[self.nparams :]] + [None] * slots + constants
        func = self.program.module.funcs[self.index]
        if isinstance(func, DeferredFunc):
            # A large module's bodies take more memory than its steps.
            func.forget()
        # Last, for it says to other threads that all the rest is there.
        self.tail = tail
        return tail

    def lower(self, side: SideTable) -> tuple[Lowered, list[Any]]:
        """The steps that activations begin with, and the constants at the end of their registers."""
        from refsfi.exec.lower import lower

        return lower(self, side)

    @property
    def side(self) -> SideTable:
        """The side table, for those that look at operands between steps."""
        if self.side_ is None:
            self.side_ = self.program.info.sides[self.index]
        return self.side_

    @property
    def stepwise(self) -> Lowered:
        """One step an instruction: step `pc` is instruction `pc`, and all operands are in their slots between
        steps. What the debugger, traces and the settlement of fuel run."""
        if self.stepwise_ is None:
            from refsfi.exec.stepwise import lower_stepwise

            self.stepwise_ = lower_stepwise(self)
        return self.stepwise_

    def trace_frame(self, pc: int) -> TraceFrame:
        """The backtrace entry of an activation at instruction `pc`."""
        module = self.program.module
        func = module.funcs[self.index]
        at = func.body[pc].at
        binary = module.source is None
        return TraceFrame(
            self.func_index,
            module.names.funcs.get(self.func_index),
            module.names.module,
            at if binary else None,
            at - func.at if binary else None,
            pc,
            self,
        )

    def unspent(self, pc: int) -> int:
        """The fuel that was charged for the instructions behind `pc` in its straight line."""
        block_ends = self.program.fuel_blocks(self.index)
        end = block_ends[bisect_right(block_ends, pc)]
        body = self.program.module.funcs[self.index].body
        return sum(body[i].op.fuel for i in range(pc + 1, end))


class Program:
    """A valid module, ready to be instantiated any number of times, in any number of stores and threads.

    `metered` programs count fuel; a store with fuel runs only those. `exports` has kind and index of each export.
    `tier` compiles what is hot, None where everything is interpreted.
    """

    __slots__ = (
        "__weakref__",
        "_fuel_blocks",
        "compiled",
        "exports",
        "funcs",
        "import_types",
        "imported_funcs",
        "info",
        "metered",
        "module",
        "tier",
    )

    def __init__(self, module: Module, info: ModuleInfo, *, metered: bool = False, tier: Tier | None = None) -> None:
        self.module = module
        self.info = info
        self.metered = metered
        self.tier = tier
        # What a compiler of this program's functions keeps for all of them.
        self.compiled: object = None
        self.import_types = [close_extern(i.type, info.types) for i in module.imports]
        self.imported_funcs = len(module.imported(ExternKind.FUNC))
        self.funcs = [FuncCode(self, i) for i in range(len(module.funcs))]
        self.exports = {export.name: (export.kind, export.index) for export in module.exports}
        self._fuel_blocks: dict[int, list[int]] = {}

    def fuel_blocks(self, index: int) -> list[int]:
        """Where the straight lines of function `index` end: each entry is the pc behind one, in ascending order."""
        ends = self._fuel_blocks.get(index)
        if ends is None:
            from refsfi.exec.lower import fuel_block_ends

            ends = self._fuel_blocks[index] = fuel_block_ends(self.module.funcs[index].body)
        return ends
