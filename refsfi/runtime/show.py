"""Run-time values as text, in the notation of the text format, for people.

Integers are shown signed; floats as the shortest decimal number that reads back to the same bits, NaNs with their
payload.
"""

from __future__ import annotations

from collections.abc import Callable

from refsfi.numeric.floats import f32_round
from refsfi.numeric.layout import pack_i32, pack_i64, unpack_f32, unpack_f64
from refsfi.runtime.values import I31, ArrayInst, ExnInst, ExternRef, HostRef, StructInst, Value
from refsfi.syntax.types import F32, F64, I32, I64, V128, NumType, ValType

__all__ = ["show_float", "show_int", "show_ref", "show_value"]


def show_int(value: int, bits: int) -> str:
    """An unsigned integer of `bits` bits, in two's complement."""
    return str(value - (1 << bits) if value >> (bits - 1) else value)


def show_float(bits: int, type: NumType) -> str:
    """The raw bits of an f32 or f64."""
    width, mantissa = (32, 23) if type is F32 else (64, 52)
    sign = "-" if bits >> (width - 1) else ""
    payload = bits & ((1 << mantissa) - 1)
    if (bits >> mantissa) & ((1 << (width - 1 - mantissa)) - 1) == (1 << (width - 1 - mantissa)) - 1:
        if payload == 0:
            return sign + "inf"
        return sign + ("nan" if payload == 1 << (mantissa - 1) else f"nan:0x{payload:x}")
    if type is F32:
        return _shortest_f32(bits)
    return repr(unpack_f64(pack_i64(bits))[0])


def _shortest_f32(bits: int) -> str:
    number: float = unpack_f32(pack_i32(bits))[0]
    for digits in range(1, 9):
        text = repr(float(f"{number:.{digits}g}"))
        if _f32(float(text)) == number:
            return text
    # Nine significant digits identify every f32.
    return repr(float(f"{number:.9g}"))


def _f32(number: float) -> float:
    rounded: float = unpack_f32(pack_i32(f32_round(number)))[0]
    return rounded


def show_ref(value: Value) -> str:
    """A reference: its kind, the number of a host's object or of an i31."""
    if value is None:
        return "null"
    if isinstance(value, HostRef):
        return f"host {value.value}"
    if isinstance(value, ExternRef):
        return f"extern {show_ref(value.inner)}"
    if isinstance(value, I31):
        return f"i31 {value.value}"
    for kind, name in _REFS.items():
        if isinstance(value, kind):
            return name
    return "func"


_REFS: dict[type, str] = {StructInst: "struct", ArrayInst: "array", ExnInst: "exn"}


def show_value(value: Value, type: ValType) -> str:
    """A value of static type `type`, without the type."""
    show = _SHOW.get(type) if isinstance(type, NumType) else show_ref
    return show(value) if show else repr(value)


_SHOW: dict[NumType, Callable[[Value], str]] = {
    I32: lambda value: show_int(value, 32),
    I64: lambda value: show_int(value, 64),
    F32: lambda value: show_float(value, F32),
    F64: lambda value: show_float(value, F64),
    V128: lambda value: (
        "i32x4 " + " ".join(f"0x{int.from_bytes(value[i : i + 4], 'little'):08x}" for i in range(0, 16, 4))
    ),
}
