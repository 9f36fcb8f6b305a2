"""Table instances, chapter 4.2.8."""

from __future__ import annotations

from typing import Protocol

from refsfi.errors import LimitError
from refsfi.runtime.values import Value
from refsfi.syntax.types import I64, Limits, TableType

__all__ = ["MAX_ELEMENTS", "TableInst"]

# A table costs its whole length at once; more than this is refused unless the host allows it.
MAX_ELEMENTS = 10_000_000


class TableInst:
    """A table. `type.limits.min` follows the current size. `ceiling` is the host's limit in elements. Who writes to
    `elems` says so by `changed`; `mirror` is a compiling tier's copy, if it has one."""

    __slots__ = ("__weakref__", "_type", "ceiling", "elems", "mirror")

    def __init__(self, type: TableType, init: Value = None, ceiling: int = MAX_ELEMENTS) -> None:
        """`type` is closed. LimitError where the minimum is above the ceiling."""
        if type.limits.min > ceiling:
            raise LimitError(f"table minimum size of {type.limits.min} elements exceeds the limit of {ceiling}")
        self._type = type
        self.ceiling = ceiling
        self.elems: list[Value] = [init] * type.limits.min
        self.mirror: Mirror | None = None

    @property
    def declared(self) -> TableType:
        """The type that it was made with."""
        return self._type

    @property
    def type(self) -> TableType:
        t = self._type
        return TableType(t.elem, Limits(len(self.elems), t.limits.max), t.addr)

    def grow(self, delta: int, init: Value) -> int | None:
        """Append `delta` elements; the old size, or None where type or ceiling do not allow it.

        Rule: Step/table.grow-succeed, Step/table.grow-fail
        """
        old = len(self.elems)
        limit = self._type.limits.max
        most = (1 << (64 if self._type.addr is I64 else 32)) - 1
        if old + delta > min(most if limit is None else limit, self.ceiling):
            return None
        self.elems.extend([init] * delta)
        if self.mirror is not None:
            self.mirror.resized()
        return old

    def restore(self, elems: list[Value]) -> None:
        """Have these elements again, which it had before it was written or grown."""
        self.elems[:] = elems
        if self.mirror is not None:
            self.mirror.forget(0, len(elems))
            self.mirror.resized()

    def changed(self, start: int, count: int) -> None:
        """Elements from `start` on have been, or are about to be, written."""
        if self.mirror is not None:
            self.mirror.forget(start, count)


class Mirror(Protocol):
    """What compiled code knows of a table."""

    def forget(self, start: int, count: int) -> None:
        """These elements may be others now."""

    def resized(self) -> None:
        """The table has another length."""
