"""Counting before anything is hot: all that a process which runs for a moment has of the compiler.

A function's beginning and the headers of its loops count how often they are passed. The first that has been passed
often enough has the tier made, and with it everything that compiles is imported; from then on each place that becomes
hot goes over to the tier's own counter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jit.budget import MAKING, Budget
from jit.ir.entry import CALL
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode, Lowered, Regs, Step
from refsfi.runtime.store import Frame

if TYPE_CHECKING:
    from jit.log import Meter
    from jit.options import Options
    from jit.tier import JitTier

__all__ = ["LateTier", "lowered_of", "places", "threshold", "waiting"]


def lowered_of(code: FuncCode) -> Lowered:
    """The steps of a function that has been lowered."""
    lowered = code.lowered
    if lowered is None:
        raise Crash("a function without steps")
    return lowered


def places(code: FuncCode) -> dict[int, int]:
    """The steps at which counting begins -> the pc of the loop whose header it is, the outermost where several share a
    step; or CALL, where only calls arrive."""
    found: dict[int, int] = {}
    lowered = lowered_of(code)
    body = code.program.module.funcs[code.index].body
    for pc, ip in sorted(lowered.places.items()):
        # In front of what is unreachable there is nothing to count.
        if body[pc].op.mnemonic == "loop" and code.side.heights[pc] >= 0:
            found.setdefault(ip, pc)
    if 0 not in lowered.places.values():
        found[0] = CALL
    return found


def threshold(options: Options, pc: int) -> int:
    """How often the place `pc` is passed until it is hot."""
    if options.force:
        return 1
    return options.hot_call if pc == CALL else options.hot_loop


def waiting(options: Options, pc: int) -> int:
    """How often the place `pc` is passed until it asks again, where it is hot and nothing may be compiled yet."""
    return -(-threshold(options, pc) // 4)


class LateTier:
    """A tier that `make` makes when something is hot for the first time and `budget` allows it."""

    # Whether the process has made one, and so has imported what is needed.
    _made = False

    def __init__(
        self, options: Options, budget: Budget, make: Callable[[], JitTier], meter: Meter | None = None
    ) -> None:
        """`meter`: who is to know what is counted."""
        self._options = options
        self._budget = budget
        self._make = make
        self._meter = meter
        self._tier: JitTier | None = None
        self._lock = threading.RLock()

    def tier(self) -> JitTier:
        """The tier itself."""
        if self._tier is None:
            with self._lock:
                if self._tier is None:
                    began = self._budget.begin()
                    self._tier = self._make()
                    LateTier._made = True
                    self._budget.end(began)
        return self._tier

    def lowered(self, code: FuncCode) -> None:
        if self._tier is not None:
            self._tier.lowered(code)
            return
        steps = lowered_of(code).steps
        for ip, pc in places(code).items():
            steps[ip] = self._counter(code, ip, pc, steps[ip])

    def coverage(self) -> Mapping[str, Mapping[str, int]]:
        return {} if self._tier is None else self._tier.coverage()

    def _counter(self, code: FuncCode, ip: int, pc: int, original: Step) -> Step:
        left = enough = threshold(self._options, pc)
        waits = 0
        if self._meter is not None:
            self._meter.counts(code, pc, lambda: (left, enough, waits))

        def step(r: Regs, f: Frame) -> int:
            nonlocal left, waits
            left -= 1
            if left > 0 or f.store.observer is not None:
                return original(r, f)
            if self._tier is None and not self._budget.allows(0 if LateTier._made else MAKING):
                left = waiting(self._options, pc)
                waits += 1
                return original(r, f)
            hot = self.tier().counter(code, pc, original, left=1)
            steps = lowered_of(code).steps
            if steps[ip] is step:
                steps[ip] = hot
            return hot(r, f)

        return step
