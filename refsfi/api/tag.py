"""Tags of exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refsfi.api.context import Context
from refsfi.api.convert import wrong_store
from refsfi.api.errors import WasmtimeError
from refsfi.api.types import TagType
from refsfi.runtime.store import TagInst
from refsfi.runtime.values import func_type

if TYPE_CHECKING:
    from refsfi.api.store import AsStore

__all__ = ["Tag"]


class Tag:
    """Tells exceptions apart: a handler catches those thrown with the very tag it names."""

    __slots__ = ("__weakref__", "_context", "_tag")

    _context: Context
    _tag: TagInst

    def __init__(self, store: AsStore, ty: TagType) -> None:
        context = store._context
        if not isinstance(ty, TagType):
            raise TypeError("expected a TagType")
        ty._check_open()
        if func_type(ty._def).results:
            raise WasmtimeError("Cannot create an exception type from a tag type with results in the signature")
        self._context = context
        self._tag = TagInst(ty._def)

    @classmethod
    def _of(cls, context: Context, tag: TagInst) -> Tag:
        made = cls.__new__(cls)
        made._context = context
        made._tag = tag
        return made

    def type(self, store: AsStore) -> TagType:
        self._check(store)
        return TagType._of(self._tag.type)

    def eq(self, store: AsStore, other: Tag) -> bool:
        """Whether both are the same tag."""
        self._check(store)
        return self._tag is other._tag

    def _check(self, store: AsStore) -> None:
        if store._context is not self._context:
            raise wrong_store()
