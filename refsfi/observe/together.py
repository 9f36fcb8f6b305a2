"""Several observers of one store."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.errors import Trap
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame
from refsfi.runtime.values import Value

__all__ = ["together"]


def together(observers: Sequence[Observer]) -> Observer | None:
    """One that tells all of them, in this order; None for none. Instructions are looked at only if one of them does."""
    if len(observers) < 2:
        return observers[0] if observers else None
    each = [observer for observer in observers if type(observer).before is not Observer.before]
    return _Each(observers, each) if each else _Together(observers)


class _Together(Observer):
    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def enter(self, frame: Frame) -> None:
        for observer in self._observers:
            observer.enter(frame)

    def leave(self, frame: Frame, results: Sequence[Value] | None) -> None:
        for observer in self._observers:
            observer.leave(frame, results)

    def trap(self, frame: Frame, pc: int, trap: Trap) -> None:
        for observer in self._observers:
            observer.trap(frame, pc, trap)


class _Each(_Together):
    def __init__(self, observers: Sequence[Observer], each: Sequence[Observer]) -> None:
        super().__init__(observers)
        self._each = tuple(each)

    def before(self, frame: Frame, pc: int) -> None:
        for observer in self._each:
            observer.before(frame, pc)
