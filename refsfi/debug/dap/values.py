"""Values as text, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.debug.expressions import number
from refsfi.debug.model import DebugError, Variable
from refsfi.numeric.conversions import f32_demote_f64
from refsfi.numeric.layout import pack_f64, unpack_i64
from refsfi.runtime.show import show_value
from refsfi.runtime.store import FuncInst, HostFunc
from refsfi.runtime.values import Value
from refsfi.syntax.types import F32, F64, V128, NumType, RefType, StorageType
from refsfi.text import numbers
from refsfi.text.numbers import OutOfRange, float_bits

if TYPE_CHECKING:
    from refsfi.debug.session import Session

__all__ = ["parse", "shown", "shown_value"]


def shown(variable: Variable, hexadecimal: bool = False) -> str:
    """A variable's value."""
    return shown_value(variable.value, variable.type, hexadecimal)


def shown_value(value: Value, type: StorageType | None, hexadecimal: bool = False) -> str:
    """Of packed fields, the number."""
    if isinstance(value, FuncInst):
        name = value.inst.program.module.names.funcs.get(value.code.func_index)
        return f"func {value.code.func_index}" + ("" if name is None else f" (${name})")
    if isinstance(value, HostFunc):
        return f"host func {value.name}"
    if hexadecimal and isinstance(value, int):
        return f"{value:#x}"
    if isinstance(type, NumType | RefType):
        return show_value(value, type)
    return str(value)


def parse(session: Session, text: str, type: StorageType | None, level: int = 0) -> Value:
    """What somebody writes for something of that type: an expression, `nan` and the like for floats, `null` for a
    reference, a number of 128 bits for a vector. DebugError."""
    text = text.strip()
    if isinstance(type, RefType):
        if text == "null" and type.null:
            return None
        raise DebugError(f"of type {type} only null can be written" + ("" if type.null else ", which it may not be"))
    if type is V128:
        return _vector(text)
    if type is F32 or type is F64:
        try:
            bits = float_bits(text, numbers.F32 if type is F32 else numbers.F64)
        except OutOfRange:
            raise DebugError(f"{text[:40]!r} is out of range for type {type}") from None
        if bits is not None:
            return bits
    found = session.evaluate(text, level)
    if found.type is type and isinstance(type, NumType):
        return found.value
    value = number(found)
    if type is F32 or type is F64:
        wide = unpack_i64(pack_f64(float(value)))[0]
        return f32_demote_f64(wide) if type is F32 else wide
    if not isinstance(value, int):
        raise DebugError(f"{text[:40]!r} is a float; an integer is expected")
    return value


def _vector(text: str) -> Any:
    try:
        return int(text, 0).to_bytes(16, "little")
    except (ValueError, OverflowError):
        raise DebugError(f"{text[:40]!r} is no vector: one number of 128 bits is expected") from None
