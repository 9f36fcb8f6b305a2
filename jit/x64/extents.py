"""Which parts of a stretch of space are free: best fit, with neighbours merged at once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

__all__ = ["Extents"]


class Extents:
    """The free extents of [0, size), all of it at first. Taking and giving cost the logarithm of their number, and a
    shift of a list."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = 0  # in all
        self._by_size: list[tuple[int, int]] = []  # (size, start), sorted
        self._size_at: dict[int, int] = {}  # by start
        self._start_of: dict[int, int] = {}  # by end
        self._insert(0, size)

    def _insert(self, start: int, size: int) -> None:
        insort(self._by_size, (size, start))
        self._size_at[start] = size
        self._start_of[start + size] = start
        self.free += size

    def _remove(self, start: int) -> int:
        size = self._size_at.pop(start)
        del self._start_of[start + size]
        del self._by_size[bisect_left(self._by_size, (size, start))]
        self.free -= size
        return size

    def take(self, size: int) -> int | None:
        """The start of an extent of `size`, from now on not free: of the smallest that suffices, the lowest. None
        where there is none."""
        at = bisect_left(self._by_size, (size, 0))
        if at == len(self._by_size):
            return None
        start = self._by_size[at][1]
        whole = self._remove(start)
        if whole > size:
            self._insert(start + size, whole - size)
        return start

    def give(self, start: int, size: int) -> None:
        """Make an extent free that was taken."""
        if start + size in self._size_at:
            size += self._remove(start + size)
        before = self._start_of.get(start)
        if before is not None:
            size += self._remove(before)
            start = before
        self._insert(start, size)

    def taken(self) -> Iterator[tuple[int, int]]:
        """What is not free, as (start, end), in order and neighbours merged."""
        at = 0
        for start, size in sorted(self._size_at.items()):
            if start > at:
                yield at, start
            at = start + size
        if at < self.size:
            yield at, self.size
