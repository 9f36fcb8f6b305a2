"""The form of a function that has one step an instruction, each made when it is first run.

Step index and `pc` are the same, and all operands are in their slots between steps, so that an instruction can be
lowered without those around it. Whoever needs this form runs it in few places of a function: around a departure of
compiled code, a trap for want of fuel, a breakpoint.
"""

from __future__ import annotations

import threading

from refsfi.errors import Crash
from refsfi.exec.code import Catcher, FuncCode, Guard, Lowered, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import find
from refsfi.valid.sidetable import UNREACHABLE

__all__ = ["lower_stepwise"]


def lower_stepwise(code: FuncCode) -> Lowered:
    """The steps of a function that has been lowered."""
    import refsfi.exec.chapters  # noqa: F401  (registers the lowering functions)

    side = code.side
    steps = _Steps(code)
    lowerer = steps.lowerer
    guards = []
    for handler in side.handlers:
        dead = side.heights[handler.start - 1] == UNREACHABLE
        clauses = [
            Catcher(
                c.tag,
                c.ref,
                lowerer.slot(c.branch.height),
                c.branch.pc,
                None if c.slot is None else lowerer.first_exn + c.slot,
            )
            for c in (() if dead else handler.catches)
        ]
        guards.append(Guard(handler.start, handler.end, handler.parent, tuple(clauses)))
    return Lowered(steps, range(len(lowerer.body)), guards, {})


class _Steps(dict[int, Step]):
    """pc -> step; the dictionary's own look-up asks for what is not there yet."""

    __slots__ = ("_lock", "lowerer")

    def __init__(self, code: FuncCode) -> None:
        tail = code.tail
        if tail is None:
            raise Crash("a function without steps")
        self.lowerer = Lowerer(code, code.side, fuse=False)
        count = len(tail) - (code.nlocals - code.nparams) - code.side.max_height - code.side.exn_slots
        self.lowerer.adopt(tail[len(tail) - count :])
        # Two threads may come to an instruction at the same time, or to two.
        self._lock = threading.Lock()

    def __missing__(self, pc: int) -> Step:
        lowerer = self.lowerer
        height = lowerer.side.heights[pc]
        if height == UNREACHABLE:
            raise Crash(f"unreachable instruction {pc} is run")
        instr = lowerer.body[pc]
        with self._lock:
            lowerer.begin(pc, height)
            find(instr.op)(lowerer, pc, instr)
            step = self[pc] = lowerer.only_step(pc)
        return step
