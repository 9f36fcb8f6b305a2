"""The snapshots of a run, and which of them to keep.

They are taken at intervals that grow with what one costs. When they take more than the budget allows, one is given up
whose neighbours are close by, measured by how far away the present is: so there are many of the recent past and
exponentially fewer of what lies further back. The first one and those that cannot be made again stay.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from refsfi.debug.snapshot import Pages, Snapshot

__all__ = ["History", "HistoryOptions"]


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """`budget`: bytes that snapshots may take. `interval`: instructions between two of them at least."""

    budget: int = 256 << 20
    interval: int = 250_000


# More are of no use: going to a place between two of that many is quick.
_MOST: Final = 400


class History:
    """Snapshots by clock, at most one for each."""

    def __init__(self, options: HistoryOptions) -> None:
        self.options = options
        self.pages = Pages()
        self._snapshots: list[Snapshot] = []
        self._clocks: list[int] = []
        self._own = 0

    def __len__(self) -> int:
        return len(self._snapshots)

    @property
    def size(self) -> int:
        """In bytes."""
        return self.pages.size + self._own

    @property
    def clocks(self) -> list[int]:
        return list(self._clocks)

    def at_or_before(self, clock: int) -> Snapshot | None:
        index = bisect_right(self._clocks, clock)
        return self._snapshots[index - 1] if index else None

    def barrier(self, after: int) -> Snapshot | None:
        """The next pinned snapshot behind a clock: executing up to there does not make that state."""
        for index in range(bisect_right(self._clocks, after), len(self._snapshots)):
            if self._snapshots[index].pinned:
                return self._snapshots[index]
        return None

    def pinned_at(self, clock: int) -> Snapshot | None:
        found = self.at_or_before(clock)
        return found if found is not None and found.pinned and found.clock == clock else None

    def add(self, snapshot: Snapshot) -> None:
        """Keep it in place of one with the same clock."""
        index = bisect_right(self._clocks, snapshot.clock)
        if index and self._clocks[index - 1] == snapshot.clock:
            index -= 1
            self._drop(index)
        self._snapshots.insert(index, snapshot)
        self._clocks.insert(index, snapshot.clock)
        self._own += snapshot.size
        self._thin(snapshot.clock)

    def cut(self, clock: int) -> None:
        """Forget what lies behind a clock."""
        first = bisect_right(self._clocks, clock)
        while len(self._snapshots) > first:
            self._drop(len(self._snapshots) - 1)

    def _drop(self, index: int) -> None:
        snapshot = self._snapshots.pop(index)
        del self._clocks[index]
        self._own -= snapshot.size
        snapshot.release(self.pages)

    def _thin(self, now: int) -> None:
        while self.size > self.options.budget or len(self._snapshots) > _MOST:
            clocks = self._clocks
            candidates = [
                ((clocks[i + 1] - clocks[i - 1]) / (abs(now - clocks[i]) + 1), i)
                for i in range(1, len(clocks) - 1)
                if not self._snapshots[i].pinned
            ]
            if not candidates:
                return
            self._drop(min(candidates)[1])
