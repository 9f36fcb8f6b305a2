"""What the emitter makes, and the numbers by which it says where values are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from jit.helper import Helper
from jit.ir.ops import Type
from jit.x64.asm import Assembler
from refsfi.exec.code import FuncCode

__all__ = [
    "ARGUMENT",
    "HOME",
    "NOTHING",
    "SLOT",
    "XMM",
    "Addresses",
    "CallSite",
    "Code",
    "ExitState",
    "inverse",
]

# Where a value is, as an int: a general register 0 to 15; a vector register from XMM on; a spill slot, SLOT + its
# offset from rsp; an argument, ARGUMENT + its offset behind the return address; a register of the interpreter's frame
# as it was handed over at the entry, HOME + its offset in the buffer.
XMM: Final = 16
SLOT: Final = 64
ARGUMENT: Final = 1 << 22
HOME: Final = 1 << 24

# What a row's function returns if there is no result.
NOTHING: Final = -1


class ExitState:
    """Where the values of a snapshot are when the region is left there. `plan`: how they are read, once that is
    known."""

    __slots__ = ("memory", "plan", "registers", "snapshot")

    def __init__(self, snapshot: int, registers: dict[int, int], memory: dict[int, int]) -> None:
        self.snapshot = snapshot
        self.registers = registers
        self.memory = memory
        self.plan: Any = None


class CallSite:
    """A call, by the address that it returns to. `memory`: where the values of its snapshot are. `callee`: the index of
    the function, None for an indirect call. `types`: of its arguments. `helper`: what is called is no function."""

    __slots__ = ("callee", "helper", "memory", "plan", "registers", "snapshot", "types")

    def __init__(
        self,
        snapshot: int,
        memory: dict[int, int],
        callee: int | None,
        types: list[Type],
        helper: Helper | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.memory = memory
        # Nothing is in a register during a call.
        self.registers: dict[int, int] = {}
        self.plan: Any = None
        self.callee = callee
        self.types = types
        self.helper = helper


class Code:
    """What the emitter makes. Offsets are in bytes from the code's beginning.

    `entries`: pc -> offset. `body`: the offset behind the call entry's checks. `homes`: pc -> the registers that the
    entry reads, in the order of the buffer, with their types. `faults`: offset of an instruction -> its exit. `calls`:
    offset that a call returns to -> the call. `frame`: bytes of a frame without return address and arguments. `pcs`:
    (offset, pc) pairs for listings. `stubs`: offset of the code that leaves by an exit -> the exit.
    `inlined`: offset -> the function that a pc there is of, where it is an inlined one.
    `checked` and `unchecked`: accesses to memory with and without a comparison in front of them.
    """

    def __init__(self) -> None:
        self.asm = Assembler()
        self.entries: dict[int, int] = {}
        self.body = 0
        self.homes: dict[int, list[tuple[int, Type]]] = {}
        self.exits: list[ExitState] = []
        self.faults: dict[int, int] = {}
        self.calls: dict[int, CallSite] = {}
        self.frame = 0
        self.arguments = 0
        self.results: list[Type] = []
        self.pcs: list[tuple[int, int]] = []
        self.stubs: dict[int, int] = {}
        self.inlined: dict[int, FuncCode] = {}
        self.spills = 0
        self.checked = 0
        self.unchecked = 0


class Addresses:
    """Addresses outside of the region that its code needs. `thunk(index)`: what to call for a function of the module;
    `cell(index)`: where the address behind its checks is, for tail calls. `helper`: what to call for an instruction
    that the interpreter executes."""

    def __init__(
        self,
        landing: int,
        refused: int,
        helper: int,
        thunk: Callable[[int], int],
        cell: Callable[[int], int],
    ) -> None:
        self.landing = landing
        self.refused = refused
        self.helper = helper
        self.thunk = thunk
        self.cell = cell


_INVERSE: Final = {
    "e": "ne",
    "b": "ae",
    "a": "be",
    "l": "ge",
    "g": "le",
    "s": "ns",
    "p": "np",
    "o": "no",
    "feq": "fne",
}
_INVERSE.update({v: k for k, v in list(_INVERSE.items())})


def inverse(cc: str) -> str:
    """The condition that holds where `cc` does not."""
    return _INVERSE[cc]
