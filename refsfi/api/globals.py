"""Globals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.api.context import Context
from refsfi.api.convert import from_wasm, to_wasm, wrong_store
from refsfi.api.errors import WasmtimeError
from refsfi.api.types import GlobalType
from refsfi.runtime.store import GlobalInst

if TYPE_CHECKING:
    from refsfi.api.store import AsStore

__all__ = ["Global"]


class Global:
    """A variable of a store, or a constant."""

    __slots__ = ("__weakref__", "_context", "_global")

    _context: Context
    _global: GlobalInst

    def __init__(self, store: AsStore, ty: GlobalType, val: Any) -> None:
        context = store._context
        if not isinstance(ty, GlobalType):
            raise TypeError("expected a GlobalType")
        ty._check_open()
        context.check_thread()
        self._global = GlobalInst(ty._type, to_wasm(ty._type.type)(val, context))
        self._context = context

    @classmethod
    def _of(cls, context: Context, global_: GlobalInst) -> Global:
        made = cls.__new__(cls)
        made._context = context
        made._global = global_
        return made

    def _checked(self, store: AsStore) -> GlobalInst:
        context = store._context
        if context is not self._context:
            raise wrong_store()
        if context.owner is not None:
            context.check_thread()
        return self._global

    def type(self, store: AsStore) -> GlobalType:
        return GlobalType._of(self._checked(store).type)

    def value(self, store: AsStore) -> Any:
        global_ = self._checked(store)
        return from_wasm(global_.type.type)(global_.value, self._context)

    def set_value(self, store: AsStore, val: Any) -> None:
        """WasmtimeError for a constant."""
        global_ = self._checked(store)
        value = to_wasm(global_.type.type)(val, self._context)
        if not global_.type.mut:
            raise WasmtimeError("immutable global cannot be set")
        global_.value = value
