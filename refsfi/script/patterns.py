"""Literals become values; results are matched against patterns, to the bit.

Values do not carry their type, so a result is judged together with the static type that the function or global
declares: a pattern for an i32 does not match an f32 with the same bits, nor a null function a null external reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.errors import Crash
from refsfi.runtime.show import show_float, show_int, show_value
from refsfi.runtime.values import I31, ArrayInst, HostRef, StructInst, Value
from refsfi.script.ast import (
    Either,
    HostLiteral,
    Literal,
    NanPattern,
    NullLiteral,
    NullPattern,
    NumLiteral,
    NumPattern,
    Pattern,
    RefPattern,
    VecPattern,
)
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import (
    F32,
    F64,
    I32,
    I64,
    V128,
    AbsHeap,
    FuncType,
    HeapType,
    NumType,
    RefType,
    TypeUse,
    ValType,
)

__all__ = ["SHAPES", "accepts", "matches", "show_literal", "show_pattern", "show_result", "value_of"]

# Lane type and lane width in bits, by shape.
SHAPES: dict[str, tuple[NumType, int]] = {
    "i8x16": (I32, 8),
    "i16x8": (I32, 16),
    "i32x4": (I32, 32),
    "i64x2": (I64, 64),
    "f32x4": (F32, 32),
    "f64x2": (F64, 64),
}

_WIDTH = {I32: 32, I64: 64, F32: 32, F64: 64}


def top(heap: HeapType) -> AbsHeap:
    """The hierarchy that a closed heap type belongs to: ANY, FUNC, EXTERN or EXN."""
    if isinstance(heap, TypeUse):
        return AbsHeap.FUNC if isinstance(heap.type, DefType) and isinstance(heap.type.comp, FuncType) else AbsHeap.ANY
    return _TOP.get(heap, AbsHeap.ANY)


_TOP = {
    AbsHeap.FUNC: AbsHeap.FUNC,
    AbsHeap.NOFUNC: AbsHeap.FUNC,
    AbsHeap.EXTERN: AbsHeap.EXTERN,
    AbsHeap.NOEXTERN: AbsHeap.EXTERN,
    AbsHeap.EXN: AbsHeap.EXN,
    AbsHeap.NOEXN: AbsHeap.EXN,
}


# --- literals --------------------------------------------------------------------------------------------------------


def value_of(literal: Literal) -> Value:
    """The run-time value of a literal."""
    if isinstance(literal, NumLiteral):
        return literal.value
    return HostRef(literal.number) if isinstance(literal, HostLiteral) else None


def accepts(type: ValType, literal: Literal) -> bool:
    """Whether a literal may be passed where `type` (closed) is expected."""
    if isinstance(literal, NumLiteral):
        return type is literal.type
    if not isinstance(type, RefType) or top(type.heap) is not top(literal.heap):
        return False
    if isinstance(literal, NullLiteral):
        return type.null
    return type.heap is literal.heap


# --- matching --------------------------------------------------------------------------------------------------------


def matches(pattern: Pattern, value: Value, type: ValType) -> bool:
    """Whether `value`, of static type `type`, is in the set that `pattern` describes."""
    if isinstance(pattern, NumPattern):
        return type is pattern.type and _lane_matches(pattern.value, value, pattern.type)
    if isinstance(pattern, VecPattern):
        if type is not V128:
            return False
        lane_type, _ = SHAPES[pattern.shape]
        lanes = _lanes(value, pattern.shape)
        return len(lanes) == len(pattern.lanes) and all(
            _lane_matches(want, got, lane_type) for want, got in zip(pattern.lanes, lanes, strict=True)
        )
    if isinstance(pattern, Either):
        return any(matches(option, value, type) for option in pattern.options)
    if not isinstance(type, RefType):
        return False
    if isinstance(pattern, NullPattern):
        return value is None and (pattern.heap is None or top(pattern.heap) is top(type.heap))
    return value is not None and _ref_matches(pattern, value, top(type.heap))


def _lane_matches(want: int | NanPattern, got: int, type: NumType) -> bool:
    if isinstance(want, int):
        return want == got
    # The exponent and the payload's top bit: the canonical NaN but for its sign.
    canonical = 0x7FC00000 if type is F32 else 0x7FF8000000000000
    if want is NanPattern.CANONICAL:
        return got & ~_sign(type) == canonical
    return got & canonical == canonical


def _sign(type: NumType) -> int:
    return 1 << (_WIDTH[type] - 1)


def _lanes(value: bytes, shape: str) -> list[int]:
    size = SHAPES[shape][1] // 8
    return [int.from_bytes(value[at : at + size], "little") for at in range(0, 16, size)]


def _ref_matches(pattern: RefPattern, value: Value, hierarchy: AbsHeap) -> bool:
    if pattern.heap is None:
        return hierarchy is not AbsHeap.FUNC
    if hierarchy is not top(pattern.heap):
        return False
    if pattern.number is not None:
        return isinstance(value, HostRef) and value == HostRef(pattern.number)
    objects = _OBJECTS.get(pattern.heap)
    return objects is None or isinstance(value, objects)


_OBJECTS: dict[AbsHeap, tuple[type, ...]] = {
    AbsHeap.EQ: (I31, StructInst, ArrayInst),
    AbsHeap.I31: (I31,),
    AbsHeap.STRUCT: (StructInst,),
    AbsHeap.ARRAY: (ArrayInst,),
}


# --- showing ---------------------------------------------------------------------------------------------------------


def _show_bits(value: int, type: NumType, width: int) -> str:
    if type in (F32, F64):
        return f"{show_float(value, type)} (0x{value:0{width // 4}x})"
    return show_int(value, width)


def _show_lane(value: int | NanPattern, type: NumType, width: int) -> str:
    return value.value if isinstance(value, NanPattern) else _show_bits(value, type, width)


def _show_vector(lanes: Sequence[int | NanPattern], shape: str) -> str:
    type, width = SHAPES[shape]
    return f"(v128.const {shape} {' '.join(_show_lane(lane, type, width) for lane in lanes)})"


def show_result(value: Value, type: ValType, like: Pattern | None = None) -> str:
    """A result as a script would write it, floats in hexadecimal too; vectors in the shape of `like`, if it has one."""
    if isinstance(type, RefType):
        hierarchy = top(type.heap)
        if value is None:
            return f"(ref.null {hierarchy})"
        if isinstance(value, HostRef) and hierarchy is AbsHeap.EXTERN:
            return f"(ref.extern {value.value})"
        return f"(ref.{show_value(value, type)})"
    if type is V128:
        shape = _shape(like)
        return _show_vector(_lanes(value, shape), shape)
    return f"({type}.const {_show_bits(value, type, _WIDTH[type])})"


def _shape(pattern: Pattern | None) -> str:
    while isinstance(pattern, Either):
        pattern = pattern.options[0]
    return pattern.shape if isinstance(pattern, VecPattern) else "i32x4"


def show_pattern(pattern: Pattern) -> str:
    """A pattern as a script would write it, floats in hexadecimal too."""
    if isinstance(pattern, NumPattern):
        return f"({pattern.type}.const {_show_lane(pattern.value, pattern.type, _WIDTH[pattern.type])})"
    if isinstance(pattern, VecPattern):
        return _show_vector(pattern.lanes, pattern.shape)
    if isinstance(pattern, Either):
        return f"(either {' '.join(map(show_pattern, pattern.options))})"
    if isinstance(pattern, NullPattern):
        return f"(ref.null {pattern.heap})" if pattern.heap else "(ref.null)"
    if pattern.heap is None:
        return "(ref)"
    if pattern.number is None:
        return f"(ref.{pattern.heap})"
    return f"(ref.{'host' if pattern.heap is AbsHeap.ANY else 'extern'} {pattern.number})"


def show_literal(literal: Literal) -> str:
    """Likewise a literal."""
    if isinstance(literal, NullLiteral):
        return f"(ref.null {literal.heap})"
    if isinstance(literal, HostLiteral):
        return f"(ref.{'host' if literal.heap is AbsHeap.ANY else 'extern'} {literal.number})"
    if isinstance(literal.value, bytes):
        return _show_vector(_lanes(literal.value, "i32x4"), "i32x4")
    if literal.type is V128:
        raise Crash("a vector literal without bytes")
    return f"({literal.type}.const {_show_bits(literal.value, literal.type, _WIDTH[literal.type])})"
