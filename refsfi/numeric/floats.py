"""Floating-point operators on f32 and f64, as functions from raw IEEE 754 bits to raw IEEE 754 bits.

Deterministic profile: whatever NaN an arithmetic operator produces is the positive canonical one, so that the set
`nans_N` of the specification has one member. Python's NaNs are never packed: their sign and payload are the host's.

f32 arithmetic is done in double precision and rounded once more. For + - * / and square root that second rounding is
innocuous, since 53 >= 2 * 24 + 2 (Figueroa, When is double rounding innocuous?, 1995), for subnormal results too.
Roundings to integral values, which need no arithmetic, work on the bits.
"""

from __future__ import annotations

from math import sqrt

from refsfi.numeric.layout import (
    pack_2i32,
    pack_2i64,
    pack_f32,
    pack_f64,
    pack_i32,
    pack_i64,
    unpack_2f32,
    unpack_2f64,
    unpack_f32,
    unpack_f64,
    unpack_i32,
    unpack_i64,
)


def f32_round(z: float) -> int:
    """The bits of the f32 nearest to `z`, ties to even; an infinity if too large, canonical if a NaN."""
    try:
        return unpack_i32(pack_f32(z))[0] if z == z else 0x7FC00000
    except OverflowError:
        return 0x7F800000 if z > 0.0 else 0xFF800000


def f64_round(z: float) -> int:
    """The bits of `z`; a NaN gives the canonical one."""
    return unpack_i64(pack_f64(z))[0] if z == z else 0x7FF8000000000000


def f32_abs(a: int) -> int:
    """Rule: Step_pure/unop-val, fabs_"""
    return a & 0x7FFFFFFF


def f32_neg(a: int) -> int:
    """Rule: Step_pure/unop-val, fneg_"""
    return a ^ 0x80000000


def f32_sqrt(a: int) -> int:
    """Rule: Step_pure/unop-val, fsqrt_"""
    x = unpack_f32(pack_i32(a))[0]
    return unpack_i32(pack_f32(sqrt(x)))[0] if x >= 0.0 else 0x7FC00000


def f32_ceil(a: int) -> int:
    """The least integral value not below the operand; zero keeps the operand's sign.

    Rule: Step_pure/unop-val, fceil_
    """
    exponent = (a >> 23) & 0xFF
    if exponent < 127:  # below 1 in magnitude
        if a & 0x80000000:
            return 0x80000000
        return 0x3F800000 if a else 0
    if exponent < 150:
        unit = 1 << (150 - exponent)
        # Adding to the magnitude carries into the exponent, which is just the next binade.
        return (a if a & 0x80000000 else a + unit - 1) & -unit
    return 0x7FC00000 if a & 0x7FFFFFFF > 0x7F800000 else a


def f32_floor(a: int) -> int:
    """The greatest integral value not above the operand; zero keeps the operand's sign.

    Rule: Step_pure/unop-val, ffloor_
    """
    exponent = (a >> 23) & 0xFF
    if exponent < 127:
        if a > 0x80000000:
            return 0xBF800000
        return a & 0x80000000
    if exponent < 150:
        unit = 1 << (150 - exponent)
        return (a + unit - 1 if a & 0x80000000 else a) & -unit
    return 0x7FC00000 if a & 0x7FFFFFFF > 0x7F800000 else a


def f32_trunc(a: int) -> int:
    """The integral part, with the operand's sign.

    Rule: Step_pure/unop-val, ftrunc_
    """
    exponent = (a >> 23) & 0xFF
    if exponent < 127:
        return a & 0x80000000
    if exponent < 150:
        return a & -(1 << (150 - exponent))
    return 0x7FC00000 if a & 0x7FFFFFFF > 0x7F800000 else a


def f32_nearest(a: int) -> int:
    """The nearest integral value, ties to even, with the operand's sign.

    Rule: Step_pure/unop-val, fnearest_
    """
    exponent = (a >> 23) & 0xFF
    if exponent < 127:
        # At most one half goes to zero, more than that to one.
        return (a & 0x80000000) | (0x3F800000 if a & 0x7FFFFFFF > 0x3F000000 else 0)
    if exponent < 150:
        shift = 150 - exponent
        # Half a unit, less a bit if the integral part is even. Its lowest bit is the hidden one for exponent 127,
        # where bit 23, the lowest of that odd biased exponent, is set as well.
        return (a + (1 << (shift - 1)) - 1 + ((a >> shift) & 1)) & -(1 << shift)
    return 0x7FC00000 if a & 0x7FFFFFFF > 0x7F800000 else a


def f32_add(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fadd_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    z = x + y
    try:
        return unpack_i32(pack_f32(z))[0] if z == z else 0x7FC00000
    except OverflowError:
        return 0x7F800000 if z > 0.0 else 0xFF800000


def f32_sub(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fsub_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    z = x - y
    try:
        return unpack_i32(pack_f32(z))[0] if z == z else 0x7FC00000
    except OverflowError:
        return 0x7F800000 if z > 0.0 else 0xFF800000


def f32_mul(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fmul_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    z = x * y
    try:
        return unpack_i32(pack_f32(z))[0] if z == z else 0x7FC00000
    except OverflowError:
        return 0x7F800000 if z > 0.0 else 0xFF800000


def f32_div(a: int, b: int) -> int:
    """The quotient; x/0 is an infinity with the product of the signs, 0/0 a NaN.

    Rule: Step_pure/binop-val, fdiv_
    """
    x, y = unpack_2f32(pack_2i32(a, b))
    if y:
        z = x / y
        try:
            return unpack_i32(pack_f32(z))[0] if z == z else 0x7FC00000
        except OverflowError:
            return 0x7F800000 if z > 0.0 else 0xFF800000
    if x > 0.0 or x < 0.0:
        return ((a ^ b) & 0x80000000) | 0x7F800000
    return 0x7FC00000


def f32_min(a: int, b: int) -> int:
    """The lesser operand, a NaN if either is one; -0 is less than +0.

    Rule: Step_pure/binop-val, fmin_
    """
    x, y = unpack_2f32(pack_2i32(a, b))
    if x < y:
        return a
    if y < x:
        return b
    return a | b if x == y else 0x7FC00000


def f32_max(a: int, b: int) -> int:
    """The greater operand, a NaN if either is one; +0 is greater than -0.

    Rule: Step_pure/binop-val, fmax_
    """
    x, y = unpack_2f32(pack_2i32(a, b))
    if x > y:
        return a
    if y > x:
        return b
    return a & b if x == y else 0x7FC00000


def f32_copysign(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fcopysign_"""
    return (a & 0x7FFFFFFF) | (b & 0x80000000)


def f32_eq(a: int, b: int) -> int:
    """Rule: Step_pure/relop, feq_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    return 1 if x == y else 0


def f32_ne(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fne_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    return 1 if x != y else 0


def f32_lt(a: int, b: int) -> int:
    """Rule: Step_pure/relop, flt_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    return 1 if x < y else 0


def f32_gt(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fgt_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    return 1 if x > y else 0


def f32_le(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fle_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    return 1 if x <= y else 0


def f32_ge(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fge_"""
    x, y = unpack_2f32(pack_2i32(a, b))
    return 1 if x >= y else 0


def f64_abs(a: int) -> int:
    """Rule: Step_pure/unop-val, fabs_"""
    return a & 0x7FFFFFFFFFFFFFFF


def f64_neg(a: int) -> int:
    """Rule: Step_pure/unop-val, fneg_"""
    return a ^ 0x8000000000000000


def f64_sqrt(a: int) -> int:
    """Rule: Step_pure/unop-val, fsqrt_"""
    x = unpack_f64(pack_i64(a))[0]
    return unpack_i64(pack_f64(sqrt(x)))[0] if x >= 0.0 else 0x7FF8000000000000


def f64_ceil(a: int) -> int:
    """The least integral value not below the operand; zero keeps the operand's sign.

    Rule: Step_pure/unop-val, fceil_
    """
    exponent = (a >> 52) & 0x7FF
    if exponent < 1023:  # below 1 in magnitude
        if a & 0x8000000000000000:
            return 0x8000000000000000
        return 0x3FF0000000000000 if a else 0
    if exponent < 1075:
        unit = 1 << (1075 - exponent)
        # Adding to the magnitude carries into the exponent, which is just the next binade.
        return (a if a & 0x8000000000000000 else a + unit - 1) & -unit
    return 0x7FF8000000000000 if a & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 else a


def f64_floor(a: int) -> int:
    """The greatest integral value not above the operand; zero keeps the operand's sign.

    Rule: Step_pure/unop-val, ffloor_
    """
    exponent = (a >> 52) & 0x7FF
    if exponent < 1023:
        if a > 0x8000000000000000:
            return 0xBFF0000000000000
        return a & 0x8000000000000000
    if exponent < 1075:
        unit = 1 << (1075 - exponent)
        return (a + unit - 1 if a & 0x8000000000000000 else a) & -unit
    return 0x7FF8000000000000 if a & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 else a


def f64_trunc(a: int) -> int:
    """The integral part, with the operand's sign.

    Rule: Step_pure/unop-val, ftrunc_
    """
    exponent = (a >> 52) & 0x7FF
    if exponent < 1023:
        return a & 0x8000000000000000
    if exponent < 1075:
        return a & -(1 << (1075 - exponent))
    return 0x7FF8000000000000 if a & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 else a


def f64_nearest(a: int) -> int:
    """The nearest integral value, ties to even, with the operand's sign.

    Rule: Step_pure/unop-val, fnearest_
    """
    exponent = (a >> 52) & 0x7FF
    if exponent < 1023:
        # At most one half goes to zero, more than that to one.
        return (a & 0x8000000000000000) | (0x3FF0000000000000 if a & 0x7FFFFFFFFFFFFFFF > 0x3FE0000000000000 else 0)
    if exponent < 1075:
        shift = 1075 - exponent
        # Half a unit, less a bit if the integral part is even. Its lowest bit is the hidden one for exponent 1023,
        # where bit 52, the lowest of that odd biased exponent, is set as well.
        return (a + (1 << (shift - 1)) - 1 + ((a >> shift) & 1)) & -(1 << shift)
    return 0x7FF8000000000000 if a & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 else a


def f64_add(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fadd_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    z = x + y
    return unpack_i64(pack_f64(z))[0] if z == z else 0x7FF8000000000000


def f64_sub(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fsub_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    z = x - y
    return unpack_i64(pack_f64(z))[0] if z == z else 0x7FF8000000000000


def f64_mul(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fmul_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    z = x * y
    return unpack_i64(pack_f64(z))[0] if z == z else 0x7FF8000000000000


def f64_div(a: int, b: int) -> int:
    """The quotient; x/0 is an infinity with the product of the signs, 0/0 a NaN.

    Rule: Step_pure/binop-val, fdiv_
    """
    x, y = unpack_2f64(pack_2i64(a, b))
    if y:
        z = x / y
        return unpack_i64(pack_f64(z))[0] if z == z else 0x7FF8000000000000
    if x > 0.0 or x < 0.0:
        return ((a ^ b) & 0x8000000000000000) | 0x7FF0000000000000
    return 0x7FF8000000000000


def f64_min(a: int, b: int) -> int:
    """The lesser operand, a NaN if either is one; -0 is less than +0.

    Rule: Step_pure/binop-val, fmin_
    """
    x, y = unpack_2f64(pack_2i64(a, b))
    if x < y:
        return a
    if y < x:
        return b
    return a | b if x == y else 0x7FF8000000000000


def f64_max(a: int, b: int) -> int:
    """The greater operand, a NaN if either is one; +0 is greater than -0.

    Rule: Step_pure/binop-val, fmax_
    """
    x, y = unpack_2f64(pack_2i64(a, b))
    if x > y:
        return a
    if y > x:
        return b
    return a & b if x == y else 0x7FF8000000000000


def f64_copysign(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, fcopysign_"""
    return (a & 0x7FFFFFFFFFFFFFFF) | (b & 0x8000000000000000)


def f64_eq(a: int, b: int) -> int:
    """Rule: Step_pure/relop, feq_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    return 1 if x == y else 0


def f64_ne(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fne_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    return 1 if x != y else 0


def f64_lt(a: int, b: int) -> int:
    """Rule: Step_pure/relop, flt_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    return 1 if x < y else 0


def f64_gt(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fgt_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    return 1 if x > y else 0


def f64_le(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fle_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    return 1 if x <= y else 0


def f64_ge(a: int, b: int) -> int:
    """Rule: Step_pure/relop, fge_"""
    x, y = unpack_2f64(pack_2i64(a, b))
    return 1 if x >= y else 0
