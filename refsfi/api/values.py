"""Values with their type, for where Python's own values do not say enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.api.errors import WasmtimeError
from refsfi.api.types import ValType, core_type
from refsfi.numeric.floats import f32_round
from refsfi.numeric.layout import pack_i32, unpack_f32
from refsfi.syntax import types as core

if TYPE_CHECKING:
    from refsfi.api.func import Func

__all__ = ["Val"]


class Val:
    """A value and its type; accepted wherever a value is. Integers wrap, floats are rounded to their type."""

    __slots__ = ("_type", "_value")

    def __init__(self, kind: ValType, val: Any) -> None:
        self._type = core_type(kind)
        self._value = val

    @classmethod
    def _of(cls, type: core.ValType, value: Any) -> Val:
        made = cls.__new__(cls)
        made._type = type
        made._value = value
        return made

    @classmethod
    def i32(cls, val: int) -> Val:
        return cls._of(core.I32, _signed(val, 32))

    @classmethod
    def i64(cls, val: int) -> Val:
        return cls._of(core.I64, _signed(val, 64))

    @classmethod
    def f32(cls, val: float) -> Val:
        return cls._of(core.F32, unpack_f32(pack_i32(f32_round(_float(val))))[0])

    @classmethod
    def f64(cls, val: float) -> Val:
        return cls._of(core.F64, _float(val))

    @classmethod
    def v128(cls, val: int | bytes) -> Val:
        """From 16 bytes, lane 0 first, or from the number they make up, least significant first."""
        from refsfi.api.convert import vector

        return cls._of(core.V128, vector(val))

    @classmethod
    def funcref(cls, f: Func | None) -> Val:
        return cls._of(core.FUNCREF, f)

    @classmethod
    def externref(cls, extern: Any | None) -> Val:
        return cls._of(core.EXTERNREF, extern)

    @classmethod
    def ref_null(cls, ty: ValType) -> Val:
        """Null of a nullable reference type."""
        if not isinstance(ty, ValType) or not ty.nullable:
            raise WasmtimeError(f"Invalid reference type for `ref_null`: {ty}")
        return cls._of(ty._type, None)

    @property
    def value(self) -> Any:
        return self._value

    @property
    def type(self) -> ValType:
        return ValType._of(self._type)

    def _as(self, type: core.ValType) -> Any:
        return self._value if self._type == type else None

    def as_i32(self) -> int | None:
        """The value if it is of this type, else None; likewise the others."""
        return self._as(core.I32)  # type: ignore[no-any-return]

    def as_i64(self) -> int | None:
        return self._as(core.I64)  # type: ignore[no-any-return]

    def as_f32(self) -> float | None:
        return self._as(core.F32)  # type: ignore[no-any-return]

    def as_f64(self) -> float | None:
        return self._as(core.F64)  # type: ignore[no-any-return]

    def as_v128(self) -> bytes | None:
        return self._as(core.V128)  # type: ignore[no-any-return]

    def as_funcref(self) -> Func | None:
        return self._as(core.FUNCREF)  # type: ignore[no-any-return]

    def as_externref(self) -> Any | None:
        return self._as(core.EXTERNREF)

    def __eq__(self, rhs: Any) -> Any:
        """With another `Val`: type and value. With anything else: the value."""
        if isinstance(rhs, Val):
            return self._type == rhs._type and self._value == rhs._value
        return self._value == rhs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Val {self._type} {self._value!r}>"


def _signed(value: object, bits: int) -> int:
    if not isinstance(value, int):
        raise TypeError("expected an integer")
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _float(value: object) -> float:
    if not isinstance(value, float):
        raise TypeError("expected a float")
    return value
