"""The form of a function that counts instructions: what the debugger runs when it has far to go.

It is the fused form with one step more for each straight line, which adds the line's length to the clock. A line that
would go beyond the clock's limit is not begun, so that whoever wants to stand at a certain instruction runs to the line
it is in and makes the rest in single steps. A trap inside of a line gives back what was counted too much.

Every place where somebody wants to look, a breakpoint or an access to what is watched, begins a line of its own, with a
step in front of it that asks. So all operands are in their slots there, and everywhere else nothing is paid.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

from refsfi.exec.code import FuncCode, Lowered, Program, Regs, Step
from refsfi.exec.lower import Lowerer, fuel_block_ends
from refsfi.runtime.store import Frame
from refsfi.valid.sidetable import UNREACHABLE, SideTable

__all__ = ["Clock", "DebugCode", "DebugProgram", "Hook", "Reached"]

# Asked before an instruction; raises to stop.
Hook: TypeAlias = Callable[[Frame, int], None]

# pc -> hook, for one function.
HooksOf: TypeAlias = Callable[["DebugCode"], Mapping[int, Hook]]


class Reached(Exception):
    """The straight line ahead does not fit under the clock's limit; it has not been begun."""


class Clock:
    """`now`: instructions executed since the beginning. No straight line is begun that goes beyond `limit`."""

    __slots__ = ("limit", "now")

    NEVER: ClassVar = 1 << 62

    def __init__(self) -> None:
        self.now = 0
        self.limit = self.NEVER


class DebugProgram(Program):
    """A program whose functions count. The module and what validation knows of it are those of `program`, its
    `original`."""

    __slots__ = ("clock", "debug_funcs", "hooks_of", "original")

    def __init__(self, program: Program, clock: Clock, hooks_of: HooksOf) -> None:
        super().__init__(program.module, program.info, metered=program.metered)
        self.clock = clock
        self.hooks_of = hooks_of
        self.original = program
        self.debug_funcs = [DebugCode(self, i) for i in range(len(program.module.funcs))]
        self.funcs = [*self.debug_funcs]


class DebugCode(FuncCode):
    """A function that counts. `lines` are the pcs behind its straight lines, ascending."""

    __slots__ = ("debug_program", "hooks", "line_ends")

    def __init__(self, program: DebugProgram, index: int) -> None:
        super().__init__(program, index)
        self.debug_program = program
        self.hooks: Mapping[int, Hook] = {}
        self.line_ends: list[int] = []

    def lower(self, side: SideTable) -> tuple[Lowered, list[Any]]:
        import refsfi.exec.chapters  # noqa: F401  (registers the lowering functions)

        self.hooks = self.debug_program.hooks_of(self)
        body = self.program.module.funcs[self.index].body
        self.line_ends = sorted({*fuel_block_ends(body), *(pc for pc in self.hooks if pc)})
        lowerer = _CountingLowerer(self, side)
        lowered = lowerer.run()
        return lowered, lowerer.constants

    def renew(self) -> None:
        """Lower again, with the hooks of now. No frame may be in the old form any more. The constants are the same."""
        if self.tail is None:
            return
        lowered, _ = self.lower(self.side)
        self.lowered = lowered
        self.ops = lowered.steps

    def begins_line(self, pc: int) -> bool:
        return pc == 0 or self.line_ends[max(bisect_right(self.line_ends, pc) - 1, 0)] == pc

    def line_end(self, pc: int) -> int:
        """The pc behind the straight line that `pc` is in."""
        return self.line_ends[bisect_right(self.line_ends, pc)]

    def line_start(self, pc: int) -> int:
        at = bisect_right(self.line_ends, pc)
        return self.line_ends[at - 1] if at else 0

    def unspent(self, pc: int) -> int:
        """As the lines are here."""
        body = self.program.module.funcs[self.index].body
        return sum(body[i].op.fuel for i in range(pc + 1, self.line_end(pc)))


class _CountingLowerer(Lowerer):
    def __init__(self, code: DebugCode, side: SideTable) -> None:
        super().__init__(code, side, fuse=True)
        self.lines = True
        self._code = code

    def charges(self) -> dict[int, int]:
        charges = {}
        start = 0
        for end in self._code.line_ends:
            if self.side.heights[start] != UNREACHABLE:
                charges[start] = sum(self.body[i].op.fuel for i in range(start, end))
            start = end
        return charges

    def begin_line(self, pc: int, cost: int) -> None:
        # A branch to the label that begins here is to be counted as well.
        self.label(pc)
        code = self._code
        hook = code.hooks.get(pc)
        if hook is not None:
            self.emit(_ask, pc, hook)
        self.emit(_count, code.debug_program.clock, code.line_end(pc) - pc)
        if cost and self.program.metered:
            super().begin_line(pc, cost)

    def label(self, pc: int) -> None:
        """The first place that somebody names stays it."""
        self.labels.setdefault(pc, len(self.groups))
        self.last = None


def _ask(pc: int, hook: Hook, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        hook(f, pc)
        return nxt

    return step


def _count(clock: Clock, length: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        now = clock.now + length
        if now > clock.limit:
            raise Reached
        clock.now = now
        return nxt

    return step
