"""The frames of a failure as they were: what a trap's explanation and a core dump are made from.

A `PostMortem` set as `Store.witness` costs nothing until something fails. It keeps the innermost frame then, with its
callers behind it; their registers stay as they are, since nobody executes them any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from refsfi.errors import Crash, GuestException, Trap
from refsfi.exec.code import FuncCode
from refsfi.exec.lower import Lowerer
from refsfi.runtime.store import Frame, Instance
from refsfi.syntax.types import NumType, ValType
from refsfi.valid.sidetable import UNREACHABLE

__all__ = ["MISSING", "Activation", "PostMortem"]

# Stands for a value that was never computed, because the step that needs it computes it itself.
MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Activation:
    """A frame that stands at instruction `pc`: the one that failed, or the call in which it waits. `fused`: operands
    may be in other registers than their slots."""

    frame: Frame
    code: FuncCode
    pc: int
    fused: bool
    waits: bool

    @property
    def instance(self) -> Instance:
        return self.frame.inst

    def locals(self) -> list[Any]:
        """Parameters first."""
        return self.frame.regs[: self.code.nlocals]

    def operands(self) -> list[Any]:
        """All operands in front of the instruction, deepest first; `MISSING` for one that is not there. Of a frame that
        waits, its call has taken some of them already."""
        code = self.code
        height = code.side.heights[self.pc]
        if height == UNREACHABLE:
            return []
        first = code.nlocals
        registers: Sequence[int] = range(first, first + height)
        if self.fused:
            registers = _registers(code, self.pc)
        values = [self.frame.regs[register] for register in registers]
        branch = code.program.module.funcs[code.index].body[self.pc].op.mnemonic in _ABSORBING
        if self.fused and branch and registers[-1] == first + height - 1:
            values[-1] = MISSING
        return values

    def taken(self, types: Sequence[ValType]) -> list[Any]:
        """The topmost operands, those of the instruction, given their types. A call that compiled code made may have
        passed them on without keeping them."""
        values = self.operands()[-len(types) :] if types else []
        return [
            MISSING if value is None and isinstance(type, NumType) else value
            for value, type in zip(values, types, strict=True)
        ]


@lru_cache(64)
def _registers(code: FuncCode, pc: int) -> tuple[int, ...]:
    """Recursion asks for the same ones again and again."""
    return tuple(Lowerer(code, code.side, fuse=True).stack_at(pc))


# A comparison in front of these is part of their step.
_ABSORBING: Final = ("br_if", "if")


class PostMortem:
    """The last failure: its error, and where."""

    def __init__(self) -> None:
        self.error: Trap | GuestException | None = None
        self._innermost: tuple[Frame, int, bool] | None = None

    def failed(self, frame: Frame, pc: int, at: int | None, error: Trap | GuestException) -> None:
        if self.error is error:
            # It passes through the invocation of a host function's caller.
            return
        self.error = error
        self._innermost = (frame, pc, at is None)

    def activations(self) -> Iterator[Activation]:
        """Innermost first, across calls of the host."""
        if self._innermost is None:
            return
        frame, pc, plain = self._innermost
        code = _code(frame)
        yield Activation(frame, code, pc, plain and _is_fused(frame, code), False)
        caller = frame.caller
        while caller is not None:
            if caller.code is not None:
                fused = _is_fused(caller, caller.code)
                lowered = caller.code.lowered if fused else caller.code.stepwise
                if lowered is None:
                    raise Crash("a function's frame without code")
                yield Activation(caller, caller.code, lowered.pcs[caller.ip - 1], fused, True)
            caller = caller.caller


def _code(frame: Frame) -> FuncCode:
    if frame.code is None:
        raise Crash("an entry frame executes no instruction")
    return frame.code


def _is_fused(frame: Frame, code: FuncCode) -> bool:
    return code.lowered is not None and frame.ops is code.lowered.steps
