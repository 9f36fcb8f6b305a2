"""How often loops go round each time they are entered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refsfi.exec.code import FuncCode
from refsfi.observe.monitors.monitor import Monitor
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Column, Report, Table
from refsfi.observe.probes import Callback, instructions
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame
from refsfi.runtime.values import Value


@dataclass(slots=True)
class _Loop:
    """What is known of one loop: of the runs that are over, how many, how many iterations, the fewest and the most."""

    runs: int = 0
    iterations: int = 0
    fewest: int = 0
    most: int = 0

    def over(self, iterations: int) -> None:
        self.fewest = min(self.fewest, iterations) if self.runs else iterations
        self.most = max(self.most, iterations)
        self.runs += 1
        self.iterations += iterations


@register
class Loops(Monitor, Observer):
    """A run of a loop begins when control comes to its header from above, and is over when that happens again or the
    activation ends. An iteration begins at the header: a loop that is left without going round has one."""

    name = "loops"
    summary = "how often loops go round each time they are entered"

    def begin(self) -> None:
        self._loops: dict[tuple[FuncCode, int], _Loop] = {}
        # Activation -> header -> iterations of the run that it is in.
        self._running: dict[Frame, dict[int, int]] = {}
        # The activation that has just branched back to a header.
        self._back: Frame | None = None
        self.watched.probes.on_function(self._place)
        self.watched.probes.listen(self)

    def _place(self, code: FuncCode) -> None:
        headers = {pc for pc, instr in instructions(code) if instr.op.mnemonic == "loop"}
        for pc in headers:
            self._loops[code, pc] = _Loop()
            self.watched.probes.probe(code, pc, self._arrived)
        for pc, branch in code.side.branches.items():
            targets = {b.pc for b in (branch if isinstance(branch, tuple) else (branch,))}
            back = frozenset(target for target in targets & headers if target <= pc)
            if back:
                self.watched.probes.after(code, pc, self._branched(back))

    def _branched(self, headers: frozenset[int]) -> Callback:
        def went(frame: Frame, to: int) -> None:
            if to in headers:
                self._back = frame

        return went

    def _arrived(self, frame: Frame, pc: int) -> None:
        runs = self._running.get(frame)
        if runs is None:
            runs = self._running[frame] = {}
        if self._back is frame:
            self._back = None
            runs[pc] += 1
            return
        self._over(frame, pc, runs)
        runs[pc] = 1

    def _over(self, frame: Frame, pc: int, runs: dict[int, int]) -> None:
        iterations = runs.pop(pc, 0)
        if iterations and frame.code is not None:
            self._loops[frame.code, pc].over(iterations)

    def leave(self, frame: Frame, results: Sequence[Value] | None) -> None:
        runs = self._running.pop(frame, {})
        for pc in list(runs):
            self._over(frame, pc, runs)

    def report(self) -> Report:
        # Activations that a trap ended, or an exit, were not told to leave.
        for frame in list(self._running):
            self.leave(frame, None)
        modules = self.watched.modules
        entered = [(place, loop) for place, loop in self._loops.items() if loop.runs]
        entered.sort(key=lambda item: -item[1].iterations)
        return Report(
            self.name,
            {
                "loops": len(entered),
                "entries": sum(loop.runs for _, loop in entered),
                "iterations": sum(loop.iterations for _, loop in entered),
            },
            [
                Table(
                    "loops",
                    "Loops",
                    [
                        Column("place", "function:pc"),
                        Column("position", "position"),
                        Column("iterations", "iterations", "count"),
                        Column("entries", "entries", "count"),
                        Column("mean", "per entry", "number"),
                        Column("fewest", "fewest", "count"),
                        Column("most", "most", "count"),
                    ],
                    [
                        (
                            f"{modules.func(code)}:{pc}",
                            modules.view(code.program).where(code, pc),
                            loop.iterations,
                            loop.runs,
                            loop.iterations / loop.runs,
                            loop.fewest,
                            loop.most,
                        )
                        for (code, pc), loop in entered
                    ],
                )
            ],
        )
