"""Ranges of addresses in a form that machine code can search: a signal handler may take no lock and call no Python.

The table is a plain array of 64-bit words at an address that never changes: the number of entries, then two words an
entry, the first address and the one behind the last. Entries are only ever appended, and one becomes visible by the
single store that raises the number. A withdrawn entry stays in its place with an end of zero, which no address is
below.
"""

from __future__ import annotations

import ctypes
import errno

__all__ = ["RangeTable"]


class RangeTable:
    """At most `capacity` ranges, withdrawn ones included. Its owner adds with a lock held; anybody may search."""

    def __init__(self, capacity: int) -> None:
        self._words = (ctypes.c_uint64 * (1 + 2 * capacity))()
        # A handler may look until the process is gone, and Python takes its modules apart before that.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._words))
        self._capacity = capacity

    @property
    def address(self) -> int:
        """Where the number of entries is; the entries follow 8 bytes later, 16 bytes each."""
        return ctypes.addressof(self._words)

    def add(self, base: int, end: int) -> int:
        """Publish [base, end); the entry's index. OSError where the table is full."""
        index = int(self._words[0])
        if index == self._capacity:
            raise OSError(errno.ENOSPC, f"the table of {self._capacity} address ranges is full")
        self._words[1 + 2 * index] = base
        self._words[2 + 2 * index] = end
        # x86-64 lets no store overtake an earlier one: who sees the number sees the entry.
        self._words[0] = index + 1
        return index

    def withdraw(self, index: int) -> None:
        """Make an entry contain nothing. Its place is not used again: a handler might read half of either range."""
        self._words[2 + 2 * index] = 0

    def ranges(self) -> list[tuple[int, int]]:
        """The ranges that are in force, oldest first."""
        words = self._words
        entries = [(words[1 + 2 * i], words[2 + 2 * i]) for i in range(words[0])]
        return [(base, end) for base, end in entries if end]

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and any(base <= address < end for base, end in self.ranges())
