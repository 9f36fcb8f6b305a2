"""References into the guest's heap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.api.types import ValType
from refsfi.runtime.values import I31, same_ref, type_of_ref

if TYPE_CHECKING:
    from refsfi.api.context import Context

__all__ = ["Ref"]


class Ref:
    """A structure, array, i31, exception or externalised reference of the guest: opaque, kept alive, and to be passed
    back to guests of the same store. Equal where `ref.eq` would say so."""

    __slots__ = ("_context", "_value")

    def __init__(self, context: Context, value: Any) -> None:
        self._context = context
        self._value = value

    @property
    def type(self) -> ValType:
        """The most specific type."""
        return ValType._of(type_of_ref(self._value))

    @property
    def i31(self) -> int | None:
        """The number in an i31 reference, -2**30 to 2**30 - 1; None for other references."""
        if not isinstance(self._value, I31):
            return None
        value = self._value.value
        return value - (1 << 31) if value & 1 << 30 else value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and same_ref(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"<Ref {self.type}>"
