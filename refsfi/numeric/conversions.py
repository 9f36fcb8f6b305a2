"""Conversions between the numeric types, on the bits of their values.

Truncation looks at the integral part: it is representable exactly if the operand lies strictly between the two bounds
that the integer type just misses, min - 1 and max + 1. Where the lower one, -2^63 - 1, is no f64, the next double below
-2^63 stands in: no operand lies between them.
"""

from __future__ import annotations

from refsfi.errors import Trap, TrapCode
from refsfi.numeric.layout import (
    pack_f32,
    pack_f64,
    pack_i32,
    pack_i64,
    unpack_f32,
    unpack_f64,
    unpack_i32,
    unpack_i64,
)


def i32_wrap_i64(a: int) -> int:
    """Rule: Step_pure/cvtop-val, wrap__"""
    return a & 0xFFFFFFFF


def i64_extend_i32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, extend__"""
    return ((a ^ 0x80000000) - 0x80000000) & 0xFFFFFFFFFFFFFFFF


def i64_extend_i32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, extend__"""
    return a


def i32_trunc_f32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f32(pack_i32(a))[0]
    if -2147483649.0 < x < 2147483648.0:
        return int(x) & 0xFFFFFFFF
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i32_trunc_f32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f32(pack_i32(a))[0]
    if -1.0 < x < 4294967296.0:
        return int(x)
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i32_trunc_f64_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f64(pack_i64(a))[0]
    if -2147483649.0 < x < 2147483648.0:
        return int(x) & 0xFFFFFFFF
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i32_trunc_f64_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f64(pack_i64(a))[0]
    if -1.0 < x < 4294967296.0:
        return int(x)
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i64_trunc_f32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f32(pack_i32(a))[0]
    if -9223372036854777856.0 < x < 9223372036854775808.0:
        return int(x) & 0xFFFFFFFFFFFFFFFF
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i64_trunc_f32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f32(pack_i32(a))[0]
    if -1.0 < x < 18446744073709551616.0:
        return int(x)
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i64_trunc_f64_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f64(pack_i64(a))[0]
    if -9223372036854777856.0 < x < 9223372036854775808.0:
        return int(x) & 0xFFFFFFFFFFFFFFFF
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i64_trunc_f64_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, Step_pure/cvtop-trap, trunc__"""
    x = unpack_f64(pack_i64(a))[0]
    if -1.0 < x < 18446744073709551616.0:
        return int(x)
    raise Trap(TrapCode.INTEGER_OVERFLOW if x == x else TrapCode.BAD_CONVERSION_TO_INTEGER)


def i32_trunc_sat_f32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f32(pack_i32(a))[0]
    if -2147483649.0 < x < 2147483648.0:
        return int(x) & 0xFFFFFFFF
    return 0x7FFFFFFF if x > 0.0 else 0x80000000 if x == x else 0


def i32_trunc_sat_f32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f32(pack_i32(a))[0]
    if -1.0 < x < 4294967296.0:
        return int(x)
    return 0xFFFFFFFF if x > 0.0 else 0


def i32_trunc_sat_f64_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f64(pack_i64(a))[0]
    if -2147483649.0 < x < 2147483648.0:
        return int(x) & 0xFFFFFFFF
    return 0x7FFFFFFF if x > 0.0 else 0x80000000 if x == x else 0


def i32_trunc_sat_f64_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f64(pack_i64(a))[0]
    if -1.0 < x < 4294967296.0:
        return int(x)
    return 0xFFFFFFFF if x > 0.0 else 0


def i64_trunc_sat_f32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f32(pack_i32(a))[0]
    if -9223372036854777856.0 < x < 9223372036854775808.0:
        return int(x) & 0xFFFFFFFFFFFFFFFF
    return 0x7FFFFFFFFFFFFFFF if x > 0.0 else 0x8000000000000000 if x == x else 0


def i64_trunc_sat_f32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f32(pack_i32(a))[0]
    if -1.0 < x < 18446744073709551616.0:
        return int(x)
    return 0xFFFFFFFFFFFFFFFF if x > 0.0 else 0


def i64_trunc_sat_f64_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f64(pack_i64(a))[0]
    if -9223372036854777856.0 < x < 9223372036854775808.0:
        return int(x) & 0xFFFFFFFFFFFFFFFF
    return 0x7FFFFFFFFFFFFFFF if x > 0.0 else 0x8000000000000000 if x == x else 0


def i64_trunc_sat_f64_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, trunc_sat__"""
    x = unpack_f64(pack_i64(a))[0]
    if -1.0 < x < 18446744073709551616.0:
        return int(x)
    return 0xFFFFFFFFFFFFFFFF if x > 0.0 else 0


def f32_demote_f64(a: int) -> int:
    """The nearest f32, ties to even; beyond its range an infinity.

    Rule: Step_pure/cvtop-val, demote__
    """
    x = unpack_f64(pack_i64(a))[0]
    try:
        return unpack_i32(pack_f32(x))[0] if x == x else 0x7FC00000
    except OverflowError:
        return 0x7F800000 if x > 0.0 else 0xFF800000


def f64_promote_f32(a: int) -> int:
    """Rule: Step_pure/cvtop-val, promote__"""
    x = unpack_f32(pack_i32(a))[0]
    return unpack_i64(pack_f64(x))[0] if x == x else 0x7FF8000000000000


def f32_convert_i32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, convert__"""
    return unpack_i32(pack_f32((a ^ 0x80000000) - 0x80000000))[0]


def f32_convert_i32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, convert__"""
    return unpack_i32(pack_f32(a))[0]


def f32_convert_i64_s(a: int) -> int:
    """The nearest f32, ties to even.

    Rule: Step_pure/cvtop-val, convert__
    """
    if a < 0x8000000000000000:
        return f32_convert_i64_u(a)
    return f32_convert_i64_u(0x10000000000000000 - a) | 0x80000000


def f32_convert_i64_u(a: int) -> int:
    """The nearest f32, ties to even.

    Rule: Step_pure/cvtop-val, convert__
    """
    if a >= 0x20000000000000 and a & 0x7FF:
        # A double cannot hold it all, and rounding twice could go wrong. Rounding to odd first keeps the fact that
        # something was cut off: bit 11 is the last that is sure to fit.
        a = (a | 0x800) & 0xFFFFFFFFFFFFF800
    return unpack_i32(pack_f32(a))[0]


def f64_convert_i32_s(a: int) -> int:
    """Rule: Step_pure/cvtop-val, convert__"""
    return unpack_i64(pack_f64((a ^ 0x80000000) - 0x80000000))[0]


def f64_convert_i32_u(a: int) -> int:
    """Rule: Step_pure/cvtop-val, convert__"""
    return unpack_i64(pack_f64(a))[0]


def f64_convert_i64_s(a: int) -> int:
    """The nearest f64, ties to even, which is how Python turns an int into a float.

    Rule: Step_pure/cvtop-val, convert__
    """
    return unpack_i64(pack_f64((a ^ 0x8000000000000000) - 0x8000000000000000))[0]


def f64_convert_i64_u(a: int) -> int:
    """The nearest f64, ties to even, which is how Python turns an int into a float.

    Rule: Step_pure/cvtop-val, convert__
    """
    return unpack_i64(pack_f64(a))[0]


def i32_reinterpret_f32(a: int) -> int:
    """Rule: Step_pure/cvtop-val, reinterpret__"""
    return a


def i64_reinterpret_f64(a: int) -> int:
    """Rule: Step_pure/cvtop-val, reinterpret__"""
    return a


def f32_reinterpret_i32(a: int) -> int:
    """Rule: Step_pure/cvtop-val, reinterpret__"""
    return a


def f64_reinterpret_i64(a: int) -> int:
    """Rule: Step_pure/cvtop-val, reinterpret__"""
    return a
