"""Probes: callbacks at single instructions, for those who want to know of few of them.

An observer's `before` is called in front of every instruction. A probe costs only where it is: the function's step
there is replaced by one that calls back and then does what it did. So a program is run at the speed of its
one-instruction steps but for the instructions somebody looks at. (Titzer et al., "Flexible Non-intrusive Dynamic
Instrumentation for WebAssembly", 2024, calls these local probes, and `before` the global one.)

Places are given as (code, pc); the code of a function is shared by all instances of its module, and so are its probes.
They fire in frames that run one instruction a step: those of a store that has an observer, be it one that does
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from refsfi.errors import Crash, Trap
from refsfi.exec.code import FuncCode, Regs, Step
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame
from refsfi.runtime.values import Value
from refsfi.syntax.module import Instr
from refsfi.valid.sidetable import UNREACHABLE

__all__ = ["Callback", "Probe", "Probes", "instructions", "reachable"]

# Called with the innermost frame and the pc; all operands are in their slots.
Callback: TypeAlias = Callable[[Frame, int], None]
_Wrap: TypeAlias = Callable[[Step], Step]


class Probe:
    """A probe that has been placed; `remove` takes it away."""

    __slots__ = ("_wrap", "code", "owner", "pc")

    def __init__(self, owner: Probes, code: FuncCode, pc: int, wrap: _Wrap) -> None:
        self.owner = owner
        self.code = code
        self.pc = pc
        self._wrap = wrap

    def wrapped(self, step: Step) -> Step:
        return self._wrap(step)

    def remove(self) -> None:
        """Take the probe away; nothing where that has been done. Not out of a callback of the same place: it takes
        effect when control comes there again."""
        self.owner.forget(self)


class Probes(Observer):
    """Places probes, and tells of functions when they are first entered, so that only what runs is probed.

    As an observer it passes on `enter`, `leave` and `trap`.
    """

    def __init__(self) -> None:
        # (code, pc) -> the step that stood there, and the probes, the first one placed first.
        self._places: dict[tuple[FuncCode, int], tuple[Step, list[Probe]]] = {}
        self._functions: list[Callable[[FuncCode], None]] = []
        self._known: set[FuncCode] = set()
        self._listeners: tuple[Observer, ...] = ()

    # --- placing -----------------------------------------------------------------------------------------------------

    def probe(self, code: FuncCode, pc: int, callback: Callback) -> Probe:
        """Call back each time before instruction `pc` is executed. A callback may read and change what an observer's
        hook may, and raise. Crash where control cannot reach the instruction."""

        def wrap(step: Step) -> Step:
            def probed(regs: Regs, frame: Frame) -> int:
                callback(frame, pc)
                return step(regs, frame)

            return probed

        return self._place(code, pc, wrap)

    def after(self, code: FuncCode, pc: int, callback: Callable[[Frame, int], None]) -> Probe:
        """Call back each time instruction `pc` has been executed, with the frame and the pc where it led; negative
        where it called or returned. Not where it raised."""

        def wrap(step: Step) -> Step:
            def probed(regs: Regs, frame: Frame) -> int:
                led = step(regs, frame)
                callback(frame, led)
                return led

            return probed

        return self._place(code, pc, wrap)

    def count(self, code: FuncCode, pc: int, counts: list[int], index: int) -> Probe:
        """Add one to `counts[index]` each time before instruction `pc` is executed: the cheapest of all probes."""

        def wrap(step: Step) -> Step:
            def counted(regs: Regs, frame: Frame) -> int:
                counts[index] += 1
                return step(regs, frame)

            return counted

        return self._place(code, pc, wrap)

    def _place(self, code: FuncCode, pc: int, wrap: _Wrap) -> Probe:
        if not reachable(code, pc):
            raise Crash(f"a probe at instruction {pc}, which control cannot reach")
        probe = Probe(self, code, pc, wrap)
        place = self._places.get((code, pc))
        if place is None:
            place = self._places[code, pc] = (code.stepwise.steps[pc], [])
        place[1].append(probe)
        self._patch(code, pc)
        return probe

    def forget(self, probe: Probe) -> None:
        place = self._places.get((probe.code, probe.pc))
        if place is None or probe not in place[1]:
            return
        place[1].remove(probe)
        self._patch(probe.code, probe.pc)
        if not place[1]:
            del self._places[probe.code, probe.pc]

    def _patch(self, code: FuncCode, pc: int) -> None:
        step, probes = self._places[code, pc]
        for probe in reversed(probes):
            step = probe.wrapped(step)
        code.stepwise.steps[pc] = step

    def clear(self) -> None:
        """Take all probes away: every function runs the steps that it ran before."""
        for (code, pc), (step, _) in self._places.items():
            code.stepwise.steps[pc] = step
        self._places.clear()
        self._known.clear()

    # --- who is told -------------------------------------------------------------------------------------------------

    def on_function(self, callback: Callable[[FuncCode], None]) -> None:
        """Tell of each function before its first instruction is executed: the time to place probes in it."""
        self._functions.append(callback)

    def listen(self, observer: Observer) -> None:
        """Pass `enter`, `leave` and `trap` on to somebody; not `before`."""
        self._listeners = (*self._listeners, observer)

    def enter(self, frame: Frame) -> None:
        code = frame.code
        if code is None:
            raise Crash("an entry frame is not observed")
        if code not in self._known:
            self._known.add(code)
            for callback in self._functions:
                callback(code)
        for observer in self._listeners:
            observer.enter(frame)

    def leave(self, frame: Frame, results: Sequence[Value] | None) -> None:
        for observer in self._listeners:
            observer.leave(frame, results)

    def trap(self, frame: Frame, pc: int, trap: Trap) -> None:
        for observer in self._listeners:
            observer.trap(frame, pc, trap)


def reachable(code: FuncCode, pc: int) -> bool:
    """Whether control can reach an instruction, as validation knows: what stands behind a `br` is dead."""
    return code.side.heights[pc] != UNREACHABLE


def instructions(code: FuncCode) -> Iterator[tuple[int, Instr]]:
    """The instructions of a function that control can reach, with their pcs."""
    heights = code.side.heights
    body = code.program.module.funcs[code.index].body
    return ((pc, instr) for pc, instr in enumerate(body) if heights[pc] != UNREACHABLE)
