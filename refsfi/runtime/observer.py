"""What may look on while a guest runs: the protocol between the machine and monitors, traces and debuggers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from refsfi.errors import Trap

if TYPE_CHECKING:
    from refsfi.runtime.store import Frame
    from refsfi.runtime.values import Value

__all__ = ["Observer"]


class Observer:
    """Hooks that do nothing; override those of interest and set `Store.observer`.

    While a store has an observer, its guests run one instruction a step (`FuncCode.stepwise`): `pc` is the index of an
    instruction in the function's body, and between two instructions every operand is in its slot of `frame.regs`.
    A store without an observer pays nothing.

    A hook may read and change registers, memory and globals. It may raise: what is raised comes out of the invocation
    as if the instruction had raised it.
    """

    def before(self, frame: Frame, pc: int) -> None:
        """Instruction `pc` of the innermost frame is about to be executed. `frame.ip` is `pc`; a hook that sets it to
        another instruction with the same operands makes execution go on there. An observer whose class does not
        override this costs nothing at an instruction."""

    def enter(self, frame: Frame) -> None:
        """A function was called: its arguments are the first registers of its new frame."""

    def leave(self, frame: Frame, results: Sequence[Value] | None) -> None:
        """A frame is gone: its function returned `results`, or None where a tail call took its place or an exception
        went through it."""

    def trap(self, frame: Frame, pc: int, trap: Trap) -> None:
        """Instruction `pc` trapped; `trap` has its backtrace. The frames are still there, and are not told to leave."""
