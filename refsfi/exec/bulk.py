"""Bulk instructions on long ranges, done in pieces: between two of them the host can stop the guest, and none needs as
much again of the host's memory. Where fuel is counted, they cost their length besides the unit of every instruction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from refsfi.errors import Exhaustion, TrapCode
from refsfi.runtime.store import Store

__all__ = ["BYTES", "ITEMS", "pay", "pieces", "repeated"]

# What a piece holds at most, in bytes of a memory and in elements of a table or an array: well below a millisecond.
BYTES = 1 << 20
ITEMS = 1 << 17


def pay(store: Store, count: int) -> None:
    """Take the fuel for so many bytes, elements or pages, once it is known that they will be dealt with.

    The instructions that do so end a straight line: nothing has been taken for what comes behind them.
    """
    fuel = store.fuel
    if fuel is not None:
        store.fuel = max(fuel - count, 0)
        if fuel < count:
            raise Exhaustion(TrapCode.OUT_OF_FUEL)


def pieces(store: Store, count: int, size: int, *, backwards: bool = False) -> Iterator[tuple[int, int]]:
    """(start, length) of the pieces of a range of `count`, `size` each and the rest, from its last one on if
    `backwards`. Raises in front of a piece what the host stops the guest with."""
    starts = range(0, count, size)
    for start in reversed(starts) if backwards else starts:
        if store.stop is not None:
            raise store.stop
        yield start, min(size, count - start)


def repeated(store: Store, value: Any, count: int) -> list[Any]:
    """`[value] * count`."""
    if count <= ITEMS:
        return [value] * count
    items: list[Any] = []
    for _, length in pieces(store, count, ITEMS):
        items += [value] * length
    return items
