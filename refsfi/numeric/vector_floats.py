"""Lanewise floating-point arithmetic on v128.

Each shape's arithmetic has a fast path on Python floats. What is exceptional in it, a NaN result, an overflow, a zero
divisor, the root of a negative number, goes lane by lane through the scalar operators, which say what the result is.
f32 lanes are computed in double precision and rounded once, as in `floats`.

Rule lines name the shape's rule and the scalar's numeric function.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from refsfi.numeric.floats import (
    f32_ceil,
    f32_div,
    f32_floor,
    f32_max,
    f32_min,
    f32_nearest,
    f32_round,
    f32_sqrt,
    f32_trunc,
    f64_ceil,
    f64_div,
    f64_floor,
    f64_max,
    f64_min,
    f64_nearest,
    f64_round,
    f64_sqrt,
    f64_trunc,
)
from refsfi.numeric.layout import (
    pack_2f64,
    pack_4f32,
    pack_u32,
    pack_u64,
    repeat,
    unpack_2f64,
    unpack_4f32,
    unpack_u32,
    unpack_u64,
)

_F32X4_SIGNS = repeat(0x80000000, 32)
_F32X4_MAGNITUDES = repeat(0x7FFFFFFF, 32)
_F64X2_SIGNS = repeat(0x8000000000000000, 64)
_F64X2_MAGNITUDES = repeat(0x7FFFFFFFFFFFFFFF, 64)


def _round_f32x4(z0: float, z1: float, z2: float, z3: float) -> bytes:
    """Four results of double-precision arithmetic rounded to f32, NaNs canonical."""
    if z0 == z0 and z1 == z1 and z2 == z2 and z3 == z3:
        try:
            return pack_4f32(z0, z1, z2, z3)
        except OverflowError:
            pass
    return pack_u32(f32_round(z0), f32_round(z1), f32_round(z2), f32_round(z3))


def _round_f64x2(z0: float, z1: float) -> bytes:
    """Two results of double-precision arithmetic, NaNs canonical."""
    if z0 == z0 and z1 == z1:
        return pack_2f64(z0, z1)
    return pack_u64(f64_round(z0), f64_round(z1))


def _f32x4_lanewise(operator: Callable[[int, int], int], a: bytes, b: bytes) -> bytes:
    return pack_u32(*map(operator, unpack_u32(a), unpack_u32(b)))


def _f64x2_lanewise(operator: Callable[[int, int], int], a: bytes, b: bytes) -> bytes:
    return pack_u64(*map(operator, unpack_u64(a), unpack_u64(b)))


def f32x4_abs(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fabs_"""
    return (int.from_bytes(v, "little") & _F32X4_MAGNITUDES).to_bytes(16, "little")


def f32x4_neg(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fneg_"""
    return (int.from_bytes(v, "little") ^ _F32X4_SIGNS).to_bytes(16, "little")


def f32x4_sqrt(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fsqrt_"""
    x0, x1, x2, x3 = unpack_4f32(v)
    try:
        return _round_f32x4(sqrt(x0), sqrt(x1), sqrt(x2), sqrt(x3))
    except ValueError:
        return pack_u32(*map(f32_sqrt, unpack_u32(v)))


def f32x4_ceil(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fceil_"""
    return pack_u32(*map(f32_ceil, unpack_u32(v)))


def f32x4_floor(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, ffloor_"""
    return pack_u32(*map(f32_floor, unpack_u32(v)))


def f32x4_trunc(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, ftrunc_"""
    return pack_u32(*map(f32_trunc, unpack_u32(v)))


def f32x4_nearest(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fnearest_"""
    return pack_u32(*map(f32_nearest, unpack_u32(v)))


def f32x4_add(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fadd_"""
    x0, x1, x2, x3 = unpack_4f32(a)
    y0, y1, y2, y3 = unpack_4f32(b)
    return _round_f32x4(x0 + y0, x1 + y1, x2 + y2, x3 + y3)


def f32x4_sub(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fsub_"""
    x0, x1, x2, x3 = unpack_4f32(a)
    y0, y1, y2, y3 = unpack_4f32(b)
    return _round_f32x4(x0 - y0, x1 - y1, x2 - y2, x3 - y3)


def f32x4_mul(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fmul_"""
    x0, x1, x2, x3 = unpack_4f32(a)
    y0, y1, y2, y3 = unpack_4f32(b)
    return _round_f32x4(x0 * y0, x1 * y1, x2 * y2, x3 * y3)


def f32x4_div(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fdiv_"""
    x0, x1, x2, x3 = unpack_4f32(a)
    y0, y1, y2, y3 = unpack_4f32(b)
    try:
        return _round_f32x4(x0 / y0, x1 / y1, x2 / y2, x3 / y3)
    except ZeroDivisionError:
        return _f32x4_lanewise(f32_div, a, b)


def f32x4_min(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fmin_"""
    return _f32x4_lanewise(f32_min, a, b)


def f32x4_max(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fmax_"""
    return _f32x4_lanewise(f32_max, a, b)


def f32x4_pmin(a: bytes, b: bytes) -> bytes:
    """The second operand where it is less than the first, else the first, NaNs as they are.

    Rule: Step_pure/vbinop-val, fvbinop_, fpmin_
    """
    lanes = zip(unpack_4f32(a), unpack_4f32(b), unpack_u32(a), unpack_u32(b))
    return pack_u32(*[j if y < x else i for x, y, i, j in lanes])


def f32x4_pmax(a: bytes, b: bytes) -> bytes:
    """The second operand where it is greater than the first, else the first, NaNs as they are.

    Rule: Step_pure/vbinop-val, fvbinop_, fpmax_
    """
    lanes = zip(unpack_4f32(a), unpack_4f32(b), unpack_u32(a), unpack_u32(b))
    return pack_u32(*[j if x < y else i for x, y, i, j in lanes])


def f64x2_abs(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fabs_"""
    return (int.from_bytes(v, "little") & _F64X2_MAGNITUDES).to_bytes(16, "little")


def f64x2_neg(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fneg_"""
    return (int.from_bytes(v, "little") ^ _F64X2_SIGNS).to_bytes(16, "little")


def f64x2_sqrt(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fsqrt_"""
    x0, x1 = unpack_2f64(v)
    try:
        return _round_f64x2(sqrt(x0), sqrt(x1))
    except ValueError:
        return pack_u64(*map(f64_sqrt, unpack_u64(v)))


def f64x2_ceil(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fceil_"""
    return pack_u64(*map(f64_ceil, unpack_u64(v)))


def f64x2_floor(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, ffloor_"""
    return pack_u64(*map(f64_floor, unpack_u64(v)))


def f64x2_trunc(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, ftrunc_"""
    return pack_u64(*map(f64_trunc, unpack_u64(v)))


def f64x2_nearest(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, fvunop_, fnearest_"""
    return pack_u64(*map(f64_nearest, unpack_u64(v)))


def f64x2_add(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fadd_"""
    x0, x1 = unpack_2f64(a)
    y0, y1 = unpack_2f64(b)
    return _round_f64x2(x0 + y0, x1 + y1)


def f64x2_sub(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fsub_"""
    x0, x1 = unpack_2f64(a)
    y0, y1 = unpack_2f64(b)
    return _round_f64x2(x0 - y0, x1 - y1)


def f64x2_mul(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fmul_"""
    x0, x1 = unpack_2f64(a)
    y0, y1 = unpack_2f64(b)
    return _round_f64x2(x0 * y0, x1 * y1)


def f64x2_div(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fdiv_"""
    x0, x1 = unpack_2f64(a)
    y0, y1 = unpack_2f64(b)
    try:
        return _round_f64x2(x0 / y0, x1 / y1)
    except ZeroDivisionError:
        return _f64x2_lanewise(f64_div, a, b)


def f64x2_min(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fmin_"""
    return _f64x2_lanewise(f64_min, a, b)


def f64x2_max(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, fvbinop_, fmax_"""
    return _f64x2_lanewise(f64_max, a, b)


def f64x2_pmin(a: bytes, b: bytes) -> bytes:
    """The second operand where it is less than the first, else the first, NaNs as they are.

    Rule: Step_pure/vbinop-val, fvbinop_, fpmin_
    """
    lanes = zip(unpack_2f64(a), unpack_2f64(b), unpack_u64(a), unpack_u64(b))
    return pack_u64(*[j if y < x else i for x, y, i, j in lanes])


def f64x2_pmax(a: bytes, b: bytes) -> bytes:
    """The second operand where it is greater than the first, else the first, NaNs as they are.

    Rule: Step_pure/vbinop-val, fvbinop_, fpmax_
    """
    lanes = zip(unpack_2f64(a), unpack_2f64(b), unpack_u64(a), unpack_u64(b))
    return pack_u64(*[j if x < y else i for x, y, i, j in lanes])
