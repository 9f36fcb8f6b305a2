"""What the debugger tells its faces: places, stops, frames and variables, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from refsfi.errors import Trap
from refsfi.exec.code import FuncCode, Program
from refsfi.runtime.store import Instance
from refsfi.runtime.values import Value
from refsfi.syntax.module import Instr
from refsfi.syntax.types import ValType

__all__ = [
    "DebugError",
    "FrameView",
    "HostCall",
    "Label",
    "Place",
    "Reason",
    "Step",
    "Stop",
    "Thread",
    "Unit",
    "Variable",
    "WatchHit",
    "Write",
]


class DebugError(Exception):
    """What was asked of the debugger cannot be done; the text says why and what can. The guest's state is unharmed."""


@dataclass(frozen=True, slots=True)
class Place:
    """An instruction: `pc` is its index in the body of function `func_index`, imports counted, of `program`."""

    program: Program
    func_index: int
    pc: int

    @property
    def code(self) -> FuncCode:
        return self.program.funcs[self.func_index - self.program.imported_funcs]

    @property
    def body(self) -> Sequence[Instr]:
        return self.program.module.funcs[self.func_index - self.program.imported_funcs].body

    @property
    def instr(self) -> Instr:
        return self.body[self.pc]

    @property
    def offset(self) -> int | None:
        """In bytes from the start of the file; None for a module that came from text."""
        return self.instr.at if self.program.module.source is None else None

    @property
    def position(self) -> tuple[int, int] | None:
        """Line and column, from 1, in the text that the module came from; None for a binary module."""
        source = self.program.module.source
        return None if source is None else source.position(self.instr.at)

    @property
    def name(self) -> str:
        """The function: `$name`, or its index as text."""
        name = self.program.module.names.funcs.get(self.func_index)
        return str(self.func_index) if name is None else f"${name}"

    def __str__(self) -> str:
        return f"{self.name}:{self.pc}"


class Reason(StrEnum):
    """Why the guest stands still."""

    ENTRY = "entry"  # before its first instruction
    STEP = "step"  # what was asked for is done: steps made, a place or a time reached
    BREAKPOINT = "breakpoint"  # before the instruction, or the event, that a breakpoint asks for
    WATCHPOINT = "watchpoint"  # behind the instruction that touched what is watched; before it, on the way back
    TRAP = "trap"  # at the instruction that trapped, with its operands; the guest cannot go on
    EXCEPTION = "exception"  # likewise, where a guest exception was thrown that nobody catches
    PAUSE = "pause"  # somebody asked for it
    EXIT = "exit"  # it is over: returned, or ended itself
    CALL = "call"  # before the call of an import that is caught
    DEADLOCK = "deadlock"  # at a wait that nobody can end
    HISTORY_BEGIN = "history-begin"  # going back: before the first instruction
    HISTORY_END = "history-end"  # a recording is used up that was cut short


class Unit(StrEnum):
    """How far a step goes."""

    INSTRUCTION = "instruction"
    BLOCK = "block"  # to the next branch target or instruction that ends a straight line
    LINE = "line"  # to another source line; of a text module without debug information, a line of the text


@dataclass(frozen=True, slots=True)
class WatchHit:
    """What happened to something watched. `old` and `new` are bytes of a memory, else values; equal for a read.
    `place` and `clock` are those of the instruction that did it, None for the host."""

    number: int
    access: Literal["read", "write"]
    what: str
    old: Any
    new: Any
    place: Place | None
    clock: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why the guest stands still. `clock` counts the instructions executed before; `place` is the one to be
    executed next (of a trap, the one that trapped), None where there is none.

    `hits` are numbers of breakpoints, `results` and `types` what the last invocation returned, `code` the exit code of
    a guest that ended itself.
    """

    reason: Reason
    clock: int
    place: Place | None = None
    hits: tuple[int, ...] = ()
    message: str = ""
    watch: WatchHit | None = None
    trap: Trap | None = None
    exception: Any = None
    code: int | None = None
    results: tuple[Value, ...] = ()
    types: tuple[ValType, ...] = ()

    @property
    def over(self) -> bool:
        """Whether the guest cannot go on from here."""
        return self.reason in (Reason.TRAP, Reason.EXCEPTION, Reason.EXIT, Reason.DEADLOCK, Reason.HISTORY_END)


@dataclass(frozen=True, slots=True)
class Variable:
    """A named value with its static type, None where it has none of Wasm's (a result of the expression language is
    i32, i64, f32 or f64). `value` is as in `runtime.values`. `where` names what `Session.set_variable` may change."""

    name: str
    type: ValType | None
    value: Any
    where: tuple[Any, ...] | None = None

    @property
    def settable(self) -> bool:
        return self.where is not None


@dataclass(frozen=True, slots=True)
class Label:
    """A block around an instruction. `depth` is what a branch names it by; `target` the pc that a branch to it goes to,
    carrying `arity` operands down to height `height`; `start` and `end` are the pcs of the block and its end."""

    depth: int
    kind: str
    name: str | None
    start: int
    end: int
    target: int
    arity: int
    height: int


@dataclass(frozen=True, slots=True)
class FrameView:
    """An activation at the moment of a stop, `level` 0 being the innermost. `place` is where it is: the next
    instruction, of a caller its call. Valid until the guest goes on."""

    level: int
    place: Place
    instance: Instance
    instance_index: int
    locals: tuple[Variable, ...] = field(repr=False)
    operands: tuple[Variable, ...] = field(repr=False)
    labels: tuple[Label, ...] = field(repr=False)
    # What a caller's host calls are between it and the frame below: a host function called back into the guest.
    across_host: bool = False

    @property
    def name(self) -> str:
        return self.place.name


@dataclass(frozen=True, slots=True)
class Write:
    """Who wrote a byte last: the instruction at `place`, which is a call where `host` is the name of the function that
    did it; None where instantiation, or the user, did."""

    clock: int
    place: Place | None
    old: int | None
    new: int
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A link in a value's history: the instruction that made it at `clock`, what it made, and where its operands came
    from. `what` says it in words; `kind` is one of constant, local, argument, operation, load, store, call, host,
    global, unknown. `value` is None where it is not known any more."""

    kind: str
    what: str
    value: Any
    type: ValType | None
    clock: int
    place: Place | None
    sources: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class HostCall:
    """A call of the host in the log, made by the instruction at `clock`: with what, and what came of it. `writes` are
    (number of the memory among those of all instances, address, bytes); `outcome` says how it ended other than by
    returning; `decisions` are lines about capabilities."""

    clock: int
    name: str
    arguments: tuple[Value, ...]
    results: tuple[Value, ...]
    writes: tuple[tuple[int, int, bytes], ...] = ()
    outcome: str = ""
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """One today: all instances of a store are executed by one agent."""

    number: int
    name: str
