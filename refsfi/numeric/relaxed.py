"""Relaxed SIMD in the deterministic profile: of the results that the rules allow, each operator takes the first.

That choice (`relaxed2`, `relaxed4` with index 0) makes most of them equal to a strict operator. In particular
multiply-add is *not* fused, the product is rounded before the addition; lane selection goes bit by bit; a lane index
out of range gives zero; and both operands of the dot products are signed.
"""

from __future__ import annotations

from refsfi.numeric.layout import pack_s16, unpack_s8
from refsfi.numeric.vector_bits import v128_bitselect
from refsfi.numeric.vector_conversions import (
    i32x4_trunc_sat_f32x4_s,
    i32x4_trunc_sat_f32x4_u,
    i32x4_trunc_sat_f64x2_s_zero,
    i32x4_trunc_sat_f64x2_u_zero,
)
from refsfi.numeric.vector_extended import i32x4_extadd_pairwise_i16x8_s
from refsfi.numeric.vector_floats import (
    f32x4_add,
    f32x4_max,
    f32x4_min,
    f32x4_mul,
    f32x4_neg,
    f64x2_add,
    f64x2_max,
    f64x2_min,
    f64x2_mul,
    f64x2_neg,
)
from refsfi.numeric.vector_ints import i16x8_q15mulr_sat_s, i32x4_add
from refsfi.numeric.vector_lanes import i8x16_swizzle


def i8x16_relaxed_swizzle(v: bytes, indices: bytes) -> bytes:
    """Rule: Step_pure/vswizzlop, irelaxed_swizzle_lane_, R_swizzle"""
    return i8x16_swizzle(v, indices)


def i32x4_relaxed_trunc_f32x4_s(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, relaxed_trunc__, R_trunc_s"""
    return i32x4_trunc_sat_f32x4_s(v)


def i32x4_relaxed_trunc_f32x4_u(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, relaxed_trunc__, R_trunc_u"""
    return i32x4_trunc_sat_f32x4_u(v)


def i32x4_relaxed_trunc_f64x2_s_zero(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, relaxed_trunc__, R_trunc_s"""
    return i32x4_trunc_sat_f64x2_s_zero(v)


def i32x4_relaxed_trunc_f64x2_u_zero(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, relaxed_trunc__, R_trunc_u"""
    return i32x4_trunc_sat_f64x2_u_zero(v)


def f32x4_relaxed_madd(a: bytes, b: bytes, c: bytes) -> bytes:
    """a * b + c, rounded twice.

    Rule: Step_pure/vternop-val, frelaxed_madd_, R_fmadd
    """
    return f32x4_add(f32x4_mul(a, b), c)


def f32x4_relaxed_nmadd(a: bytes, b: bytes, c: bytes) -> bytes:
    """-a * b + c, rounded twice.

    Rule: Step_pure/vternop-val, frelaxed_nmadd_, R_fmadd
    """
    return f32x4_add(f32x4_mul(f32x4_neg(a), b), c)


def f64x2_relaxed_madd(a: bytes, b: bytes, c: bytes) -> bytes:
    """a * b + c, rounded twice.

    Rule: Step_pure/vternop-val, frelaxed_madd_, R_fmadd
    """
    return f64x2_add(f64x2_mul(a, b), c)


def f64x2_relaxed_nmadd(a: bytes, b: bytes, c: bytes) -> bytes:
    """-a * b + c, rounded twice.

    Rule: Step_pure/vternop-val, frelaxed_nmadd_, R_fmadd
    """
    return f64x2_add(f64x2_mul(f64x2_neg(a), b), c)


def relaxed_laneselect(a: bytes, b: bytes, mask: bytes) -> bytes:
    """Bits of `a` where the mask is set, of `b` where it is clear, whatever the shape.

    Rule: Step_pure/vternop-val, irelaxed_laneselect_, R_laneselect
    """
    return v128_bitselect(a, b, mask)


def f32x4_relaxed_min(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, frelaxed_min_, R_fmin"""
    return f32x4_min(a, b)


def f32x4_relaxed_max(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, frelaxed_max_, R_fmax"""
    return f32x4_max(a, b)


def f64x2_relaxed_min(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, frelaxed_min_, R_fmin"""
    return f64x2_min(a, b)


def f64x2_relaxed_max(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, frelaxed_max_, R_fmax"""
    return f64x2_max(a, b)


def i16x8_relaxed_q15mulr_s(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vbinop-val, irelaxed_q15mulr_, R_iq15mulr"""
    return i16x8_q15mulr_sat_s(a, b)


def i16x8_relaxed_dot_i8x16_i7x16_s(a: bytes, b: bytes) -> bytes:
    """The sums of neighbouring signed products; twice -128 * -128 saturates.

    Rule: Step_pure/vextbinop, ivdot_sat_, R_idot
    """
    products = [x * y for x, y in zip(unpack_s8(a), unpack_s8(b))]
    return pack_s16(*[min(x + y, 0x7FFF) for x, y in zip(products[::2], products[1::2])])


def i32x4_relaxed_dot_i8x16_i7x16_add_s(a: bytes, b: bytes, c: bytes) -> bytes:
    """The i16x8 dot product, its neighbouring lanes added up in 32 bits, plus `c`.

    Rule: Step_pure/vextternop, vextternop__, R_idot
    """
    return i32x4_add(i32x4_extadd_pairwise_i16x8_s(i16x8_relaxed_dot_i8x16_i7x16_s(a, b)), c)
