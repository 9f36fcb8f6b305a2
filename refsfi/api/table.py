"""Tables of references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.api.context import Context
from refsfi.api.convert import from_wasm, to_wasm, wrong_store
from refsfi.api.errors import WasmtimeError
from refsfi.api.types import TableType
from refsfi.errors import REPORT_TEXT, LimitError, TrapCode
from refsfi.runtime.table import TableInst

if TYPE_CHECKING:
    from refsfi.api.store import AsStore

__all__ = ["Table"]


class Table:
    """Elements are `Func` or None in a table of functions, any objects in one of externref."""

    __slots__ = ("__weakref__", "_context", "_table")

    _context: Context
    _table: TableInst

    def __init__(self, store: AsStore, ty: TableType, init: Any) -> None:
        context = store._context
        type = ty._type
        ty._check_open()
        context.check_thread()
        value = to_wasm(type.elem)(init, context)
        context.count(0, 1, 0)
        ceiling = context.limits.table
        if type.limits.min > ceiling:
            raise WasmtimeError(f"table minimum size of {type.limits.min} elements exceeds table limits")
        try:
            self._table = TableInst(type, value, ceiling)
        except LimitError as error:
            raise WasmtimeError(str(error)) from error
        self._context = context

    @classmethod
    def _of(cls, context: Context, table: TableInst) -> Table:
        made = cls.__new__(cls)
        made._context = context
        made._table = table
        return made

    def _checked(self, store: AsStore) -> TableInst:
        context = store._context
        if context is not self._context:
            raise wrong_store()
        if context.owner is not None:
            context.check_thread()
        return self._table

    def type(self, store: AsStore) -> TableType:
        return TableType._of(self._checked(store).declared)

    def size(self, store: AsStore) -> int:
        """In elements."""
        return len(self._checked(store).elems)

    def get(self, store: AsStore, idx: int) -> Any | None:
        """The element; None for null, and where there is no such element."""
        table = self._checked(store)
        _index(idx)
        if not 0 <= idx < len(table.elems):
            return None
        return from_wasm(table.type.elem)(table.elems[idx], self._context)

    def set(self, store: AsStore, idx: int, val: Any) -> None:
        """WasmtimeError where there is no such element."""
        table = self._checked(store)
        value = to_wasm(table.type.elem)(val, self._context)
        _index(idx)
        if not 0 <= idx < len(table.elems):
            raise WasmtimeError(f"wasm trap: {REPORT_TEXT[TrapCode.TABLE_OUT_OF_BOUNDS]}")
        table.elems[idx] = value
        table.changed(idx, 1)

    def grow(self, store: AsStore, amt: int, init: Any) -> int:
        """Append `amt` times `init`; the old size. WasmtimeError where type or limits forbid it."""
        table = self._checked(store)
        value = to_wasm(table.type.elem)(init, self._context)
        _index(amt)
        old = table.grow(amt, value) if amt >= 0 else None
        if old is None:
            raise WasmtimeError(f"failed to grow table by `{amt}`")
        return old


def _index(value: object) -> None:
    if not isinstance(value, int):
        raise TypeError(f"expected an int, not {value!r}")
