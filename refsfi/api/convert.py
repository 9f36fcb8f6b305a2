"""Between Python's values and the machine's (`runtime.values`), one converter a type.

    i32, i64    int; any int goes in and wraps, a signed one comes out
    f32, f64    float; an int is refused
    v128        16 bytes, lane 0 first; going in also an int
    funcref     Func or None
    externref   any object or None
    others      Ref or None; going in, an int is an i31

A `Val` goes in where its type is the expected one. Each converter takes the value and the store's context. Those of a
function type are looked up once, in `signature`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from refsfi.api.context import Context
from refsfi.api.errors import WasmtimeError
from refsfi.api.refs import Ref
from refsfi.api.values import Val
from refsfi.errors import Crash
from refsfi.numeric.floats import f32_round
from refsfi.numeric.layout import pack_f32, pack_f64, pack_i32, pack_i64, unpack_f32, unpack_f64, unpack_i32, unpack_i64
from refsfi.runtime.store import FuncInst, HostFunc
from refsfi.runtime.values import I31, HostRef, Value, func_type, type_of_ref
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import F32, F64, I32, I64, V128, AbsHeap, NumType, RefType, ValType
from refsfi.valid.matching import heap_matches, ref_matches, top_of

__all__ = ["FromWasm", "Signature", "ToWasm", "from_wasm", "signature", "to_wasm", "vector"]

ToWasm: TypeAlias = Callable[[Any, Context], Value]
FromWasm: TypeAlias = Callable[[Value, Context], Any]


class Signature:
    """The converters of a function type, for calls in both directions."""

    __slots__ = ("from_params", "from_results", "params", "results", "to_params", "to_results", "type")

    def __init__(self, type: DefType) -> None:
        func = func_type(type)
        self.type = type
        self.params = len(func.params)
        self.results = len(func.results)
        self.to_params = tuple(to_wasm(t) for t in func.params)
        self.from_params = tuple(from_wasm(t) for t in func.params)
        self.to_results = tuple(to_wasm(t) for t in func.results)
        self.from_results = tuple(from_wasm(t) for t in func.results)


@lru_cache(maxsize=4096)
def signature(type: DefType) -> Signature:
    """Equal types are one object, hence share their converters."""
    return Signature(type)


def to_wasm(type: ValType) -> ToWasm:
    """The converter of Python values into the closed type `type`: TypeError for a value that does not fit."""
    if isinstance(type, NumType):
        return _TO[type]
    if type.heap is AbsHeap.EXTERN and type.null:
        return _to_externref
    return _to_ref(type)


def from_wasm(type: ValType) -> FromWasm:
    """The converter of values of the closed type `type` into Python's."""
    if isinstance(type, NumType):
        return _FROM[type]
    return _from_ref


def _refuse(value: object, type: ValType) -> TypeError:
    if isinstance(value, Val):
        return TypeError("wrong type of `Val` provided")
    return TypeError(f"don't know how to convert {value!r} to {type}")


# --- numbers, to the guest -------------------------------------------------------------------------------------------


def _to_i32(value: Any, context: Context) -> int:
    if value.__class__ is int:
        return value & 0xFFFFFFFF
    if isinstance(value, Val) and value._type is I32:
        value = value._value
    if not isinstance(value, int):
        raise _refuse(value, I32)
    return value & 0xFFFFFFFF


def _to_i64(value: Any, context: Context) -> int:
    if value.__class__ is int:
        return value & 0xFFFFFFFFFFFFFFFF
    if isinstance(value, Val) and value._type is I64:
        value = value._value
    if not isinstance(value, int):
        raise _refuse(value, I64)
    return value & 0xFFFFFFFFFFFFFFFF


def _to_f32(value: Any, context: Context) -> int:
    if isinstance(value, Val) and value._type is F32:
        value = value._value
    if not isinstance(value, float):
        raise _refuse(value, F32)
    try:
        # Keeps a NaN's payload, which rounding as the guest does would not.
        return unpack_i32(pack_f32(value))[0]
    except OverflowError:
        return f32_round(value)


def _to_f64(value: Any, context: Context) -> int:
    if isinstance(value, Val) and value._type is F64:
        value = value._value
    if not isinstance(value, float):
        raise _refuse(value, F64)
    return unpack_i64(pack_f64(value))[0]


def vector(value: object) -> bytes:
    """16 bytes of a vector given as such or as a number."""
    if isinstance(value, int):
        return (value & ((1 << 128) - 1)).to_bytes(16, "little")
    if isinstance(value, bytes | bytearray | memoryview):
        if len(value) != 16:
            raise TypeError(f"a v128 has 16 bytes, {len(value)} given")
        return bytes(value)
    raise _refuse(value, V128)


def _to_v128(value: Any, context: Context) -> bytes:
    return vector(value._value if isinstance(value, Val) and value._type is V128 else value)


_TO: dict[NumType, ToWasm] = {I32: _to_i32, I64: _to_i64, F32: _to_f32, F64: _to_f64, V128: _to_v128}


# --- numbers, from the guest -----------------------------------------------------------------------------------------


def _from_i32(value: Value, context: Context) -> int:
    return (value ^ 0x80000000) - 0x80000000  # type: ignore[no-any-return]


def _from_i64(value: Value, context: Context) -> int:
    return (value ^ 0x8000000000000000) - 0x8000000000000000  # type: ignore[no-any-return]


def _from_f32(value: Value, context: Context) -> float:
    return unpack_f32(pack_i32(value))[0]


def _from_f64(value: Value, context: Context) -> float:
    return unpack_f64(pack_i64(value))[0]


def _from_v128(value: Value, context: Context) -> bytes:
    return value  # type: ignore[no-any-return]


_FROM: dict[NumType, FromWasm] = {I32: _from_i32, I64: _from_i64, F32: _from_f32, F64: _from_f64, V128: _from_v128}


# --- references ------------------------------------------------------------------------------------------------------


def _to_externref(value: Any, context: Context) -> Value:
    if value is None:
        return None
    if isinstance(value, Val):
        if not isinstance(value._type, RefType) or value._type.heap is not AbsHeap.EXTERN:
            raise _refuse(value, RefType(True, AbsHeap.EXTERN))
        return _to_externref(value._value, context)
    if isinstance(value, Ref):
        inner = _own(value, context)
        if type_of_ref(inner).heap is AbsHeap.EXTERN:
            return inner
    return HostRef(value)


def _to_ref(type: RefType) -> ToWasm:
    top = top_of(type.heap)

    def convert(value: Any, context: Context) -> Value:
        if isinstance(value, Val):
            if not isinstance(value._type, RefType) or top_of(value._type.heap) is not top:
                raise _refuse(value, type)
            value = value._value
        if value is None:
            if type.null:
                return None
        elif top is AbsHeap.FUNC:
            func = getattr(value, "_func", None)
            if isinstance(func, FuncInst | HostFunc):
                if value._context is not context:
                    raise wrong_store()
                if ref_matches(type_of_ref(func), type):
                    return func
        elif top is AbsHeap.EXTERN:
            return _to_externref(value, context)
        elif isinstance(value, Ref):
            inner = _own(value, context)
            if _fits(inner, type, top):
                return inner
        elif isinstance(value, int) and -(1 << 30) <= value < 1 << 31 and heap_matches(AbsHeap.I31, type.heap):
            return I31(value & 0x7FFFFFFF)
        raise _refuse(value, type)

    return convert


def _own(value: Ref, context: Context) -> Value:
    if value._context is not context:
        raise wrong_store()
    return value._value


def _fits(value: Value, type: RefType, top: AbsHeap) -> bool:
    actual = type_of_ref(value)
    if actual.heap is AbsHeap.EXTERN:
        # A host's object on the inner side of the conversion is of type any and of no other.
        return top is AbsHeap.ANY and type.heap is AbsHeap.ANY and isinstance(value, HostRef)
    return ref_matches(actual, type)


def _from_ref(value: Value, context: Context) -> Any:
    if value is None:
        return None
    if isinstance(value, HostRef):
        return value.value
    if isinstance(value, FuncInst | HostFunc):
        from refsfi.api.func import Func

        return Func._of(context, value)
    if isinstance(value, Val):
        raise Crash("a converted value among the machine's")
    return Ref(context, value)


def wrong_store() -> WasmtimeError:
    return WasmtimeError("object used with the wrong store")
