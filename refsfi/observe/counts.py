"""How often each instruction is executed, at the price of one addition a straight line.

The instructions of a straight line (`Program.fuel_blocks`) are executed one behind the other unless one of them traps:
all that lead elsewhere end a line. So the count of its first instruction is that of all, but for what a trap cuts off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from refsfi.errors import Crash, Trap
from refsfi.exec.code import FuncCode
from refsfi.exec.observed import NotBegun
from refsfi.observe.probes import Probes, reachable
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame

__all__ = ["Counts"]


@dataclass(slots=True)
class _Lines:
    """Of one function: `starts[i]` is the pc at which line `i` begins and `counts[i]` how often it did. `cuts`: pc of
    an instruction that trapped -> how often. `calls`: activations."""

    starts: list[int]
    ends: list[int]
    counts: list[int]
    cuts: dict[int, int] = field(default_factory=dict)
    calls: int = 0


class Counts(Observer):
    """Counts in all functions that are entered from now on; several monitors share one."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._functions: dict[FuncCode, _Lines] = {}
        probes.on_function(self._place)
        probes.listen(self)

    def _place(self, code: FuncCode) -> None:
        ends = code.program.fuel_blocks(code.index)
        starts = [0, *ends[:-1]]
        lines = self._functions[code] = _Lines(starts, ends, [0] * len(starts))
        for index, pc in enumerate(starts):
            if reachable(code, pc):
                self._probes.count(code, pc, lines.counts, index)

    def enter(self, frame: Frame) -> None:
        self._lines(frame).calls += 1

    def trap(self, frame: Frame, pc: int, trap: Trap) -> None:
        lines = self._lines(frame)
        if isinstance(trap, NotBegun):
            if pc in lines.starts:
                return
            pc -= 1
        lines.cuts[pc] = lines.cuts.get(pc, 0) + 1

    def _lines(self, frame: Frame) -> _Lines:
        if frame.code is None:
            raise Crash("an entry frame is not observed")
        return self._functions[frame.code]

    def functions(self) -> Iterable[FuncCode]:
        """Those that have been entered, in the order of their first call."""
        return self._functions

    def calls(self, code: FuncCode) -> int:
        """How often a function was entered."""
        lines = self._functions.get(code)
        return lines.calls if lines else 0

    def of(self, code: FuncCode) -> list[int]:
        """For each instruction of a function, how often it was begun; all 0 where the function was not entered."""
        lines = self._functions.get(code)
        if lines is None:
            return [0] * len(code.program.module.funcs[code.index].body)
        found: list[int] = []
        for start, end, count in zip(lines.starts, lines.ends, lines.counts, strict=True):
            for pc in range(start, end):
                found.append(count)
                count -= lines.cuts.get(pc, 0)
        return found
