"""How hot the places are that the tier counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jit.ir.entry import CALL
from jit.log import Heat
from refsfi.exec.code import FuncCode

__all__ = ["Heats"]


class Heats:
    """Counters by function and place. What a counter says is asked when somebody wants to know it."""

    def __init__(self) -> None:
        self._known: dict[FuncCode, dict[int, Callable[[], Heat]]] = {}
        # How often earlier counters of a place, which this one has replaced, had to wait.
        self._waited: dict[tuple[FuncCode, int], int] = {}

    def add(self, code: FuncCode, pc: int, heat: Callable[[], Heat]) -> None:
        of = self._known.setdefault(code, {})
        before = of.get(pc)
        if before is not None:
            self._waited[code, pc] = self._waited.get((code, pc), 0) + before()[2]
        of[pc] = heat

    def all(self) -> Iterator[tuple[FuncCode, int, bool, int, int, int]]:
        """Function, pc, whether it is a loop's, how often it was passed since it was hot last, the threshold, how often
        it had to wait."""
        for code, of in list(self._known.items()):
            for pc, heat in list(of.items()):
                left, threshold, waits = heat()
                waits += self._waited.get((code, pc), 0)
                yield code, 0 if pc == CALL else pc, pc != CALL, max(threshold - left, 0), threshold, waits

    def passed(self, code: FuncCode) -> int:
        """How often the place of a function has been passed that is hot now: each time that it had to wait, it was
        passed a quarter of its threshold more."""
        found = 0
        for pc, heat in self._known.get(code, {}).items():
            _, threshold, waits = heat()
            found = max(found, threshold + (waits + self._waited.get((code, pc), 0)) * -(-threshold // 4))
        return found
