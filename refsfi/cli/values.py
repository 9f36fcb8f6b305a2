"""Guest values on the command line: arguments as they are typed, results as they are printed.

Forms are wasmtime's: integers decimal or hexadecimal, printed signed; floats in the shortest form that reads back to
the same bits, a whole number without `.0`. Vectors are one number of 128 bits, printed hexadecimal, and NaNs other than
the canonical ones show their payload.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from refsfi.cli.options import UsageError
from refsfi.runtime.show import show_float, show_int, show_ref
from refsfi.runtime.values import HostRef, Value
from refsfi.syntax.types import F32, F64, I32, I64, V128, AbsHeap, FuncType, RefType, ValType
from refsfi.text import numbers
from refsfi.text.numbers import FloatFormat, OutOfRange, float_bits, integer

__all__ = ["parse_arguments", "parse_value", "print_value"]


def parse_arguments(texts: Sequence[str], type: FuncType, name: str) -> list[Value]:
    """Arguments for a function of that type. UsageError."""
    expected = len(type.params)
    if len(texts) != expected:
        kinds = f" ({', '.join(map(str, type.params))})" if expected else ""
        few = "not enough" if len(texts) < expected else "too many"
        raise UsageError(f"{few} arguments for '{name}': it takes {expected}{kinds}, {len(texts)} given")
    values = []
    for index, (text, param) in enumerate(zip(texts, type.params, strict=True)):
        try:
            values.append(parse_value(text, param))
        except ValueError as error:
            raise UsageError(f"argument {index + 1} of '{name}': {error}") from None
    return values


def parse_value(text: str, type: ValType) -> Value:
    """A value of that type. ValueError."""
    if type is I32 or type is I64:
        return _integer(text, 32 if type is I32 else 64)
    if type is F32 or type is F64:
        return _float(text, numbers.F32 if type is F32 else numbers.F64)
    if type is V128:
        return _integer(text, 128).to_bytes(16, "little")
    if isinstance(type, RefType):
        if text == "null" and type.null:
            return None
        if type.heap is AbsHeap.EXTERN:
            return HostRef(text)
    raise ValueError(f"a value of type {type} cannot be given on the command line{_null_hint(type)}")


def _null_hint(type: ValType) -> str:
    return ", except null" if isinstance(type, RefType) and type.null else ""


def _integer(text: str, bits: int) -> int:
    """A signed or unsigned literal, as an unsigned number."""
    try:
        value = integer(text.replace("X", "x"), bits) if text else None
    except OutOfRange:
        raise ValueError(f"'{text}' does not fit into {bits} bits") from None
    if value is None:
        raise ValueError(f"'{text}' is not an integer")
    return value


def _float(text: str, format: FloatFormat) -> int:
    """The bits of a float: decimal, hexadecimal, inf, nan or nan:0xPAYLOAD, in upper or lower case."""
    literal = _POINT.sub(r"\g<1>0.", text.lower().replace("infinity", "inf"))
    try:
        bits = float_bits(literal, format) if text else None
    except OutOfRange:
        raise ValueError(f"'{text}' is out of range") from None
    if bits is None:
        raise ValueError(f"'{text}' is not a number")
    return bits


# A number may begin with its point here.
_POINT = re.compile(r"^([+-]?)\.(?=[0-9])")


def print_value(value: Value, type: ValType) -> str:
    """A result, for a line of its own."""
    if type is I32 or type is I64:
        return show_int(value, 32 if type is I32 else 64)
    if type is F32 or type is F64:
        return show_float(value, type).removesuffix(".0").replace("nan", "NaN")
    if type is V128:
        return f"0x{int.from_bytes(value, 'little'):032x}"
    return f"<null {type}>" if value is None else f"<{show_ref(value)}>"
