"""Lanewise comparisons of integers and floats: a lane becomes all ones where they hold, else zero.

One factory an operator. How the lanes are read, signed, unsigned or as floats, is all that the shapes differ in; Python
compares floats as IEEE 754 does, NaNs included. The result is packed from signed lanes, where -1 is all ones.
"""

from __future__ import annotations

from collections.abc import Callable

from refsfi.numeric.layout import (
    Pack,
    Unpack,
    pack_s8,
    pack_s16,
    pack_s32,
    pack_s64,
    unpack_2f64,
    unpack_4f32,
    unpack_s8,
    unpack_s16,
    unpack_s32,
    unpack_s64,
    unpack_u8,
    unpack_u16,
    unpack_u32,
)

VRelop = Callable[[bytes, bytes], bytes]


def _eq(lanes: Unpack, pack: Pack) -> VRelop:
    def eq(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vrelop, ieq_, feq_"""
        return pack(*[-1 if x == y else 0 for x, y in zip(lanes(a), lanes(b))])

    return eq


def _ne(lanes: Unpack, pack: Pack) -> VRelop:
    def ne(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vrelop, ine_, fne_"""
        return pack(*[-1 if x != y else 0 for x, y in zip(lanes(a), lanes(b))])

    return ne


def _lt(lanes: Unpack, pack: Pack) -> VRelop:
    def lt(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vrelop, ilt_, flt_"""
        return pack(*[-1 if x < y else 0 for x, y in zip(lanes(a), lanes(b))])

    return lt


def _gt(lanes: Unpack, pack: Pack) -> VRelop:
    def gt(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vrelop, igt_, fgt_"""
        return pack(*[-1 if x > y else 0 for x, y in zip(lanes(a), lanes(b))])

    return gt


def _le(lanes: Unpack, pack: Pack) -> VRelop:
    def le(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vrelop, ile_, fle_"""
        return pack(*[-1 if x <= y else 0 for x, y in zip(lanes(a), lanes(b))])

    return le


def _ge(lanes: Unpack, pack: Pack) -> VRelop:
    def ge(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vrelop, ige_, fge_"""
        return pack(*[-1 if x >= y else 0 for x, y in zip(lanes(a), lanes(b))])

    return ge


i8x16_eq = _eq(unpack_s8, pack_s8)
i8x16_ne = _ne(unpack_s8, pack_s8)
i8x16_lt_s = _lt(unpack_s8, pack_s8)
i8x16_lt_u = _lt(unpack_u8, pack_s8)
i8x16_gt_s = _gt(unpack_s8, pack_s8)
i8x16_gt_u = _gt(unpack_u8, pack_s8)
i8x16_le_s = _le(unpack_s8, pack_s8)
i8x16_le_u = _le(unpack_u8, pack_s8)
i8x16_ge_s = _ge(unpack_s8, pack_s8)
i8x16_ge_u = _ge(unpack_u8, pack_s8)

i16x8_eq = _eq(unpack_s16, pack_s16)
i16x8_ne = _ne(unpack_s16, pack_s16)
i16x8_lt_s = _lt(unpack_s16, pack_s16)
i16x8_lt_u = _lt(unpack_u16, pack_s16)
i16x8_gt_s = _gt(unpack_s16, pack_s16)
i16x8_gt_u = _gt(unpack_u16, pack_s16)
i16x8_le_s = _le(unpack_s16, pack_s16)
i16x8_le_u = _le(unpack_u16, pack_s16)
i16x8_ge_s = _ge(unpack_s16, pack_s16)
i16x8_ge_u = _ge(unpack_u16, pack_s16)

i32x4_eq = _eq(unpack_s32, pack_s32)
i32x4_ne = _ne(unpack_s32, pack_s32)
i32x4_lt_s = _lt(unpack_s32, pack_s32)
i32x4_lt_u = _lt(unpack_u32, pack_s32)
i32x4_gt_s = _gt(unpack_s32, pack_s32)
i32x4_gt_u = _gt(unpack_u32, pack_s32)
i32x4_le_s = _le(unpack_s32, pack_s32)
i32x4_le_u = _le(unpack_u32, pack_s32)
i32x4_ge_s = _ge(unpack_s32, pack_s32)
i32x4_ge_u = _ge(unpack_u32, pack_s32)

i64x2_eq = _eq(unpack_s64, pack_s64)
i64x2_ne = _ne(unpack_s64, pack_s64)
i64x2_lt_s = _lt(unpack_s64, pack_s64)
i64x2_gt_s = _gt(unpack_s64, pack_s64)
i64x2_le_s = _le(unpack_s64, pack_s64)
i64x2_ge_s = _ge(unpack_s64, pack_s64)

f32x4_eq = _eq(unpack_4f32, pack_s32)
f32x4_ne = _ne(unpack_4f32, pack_s32)
f32x4_lt = _lt(unpack_4f32, pack_s32)
f32x4_gt = _gt(unpack_4f32, pack_s32)
f32x4_le = _le(unpack_4f32, pack_s32)
f32x4_ge = _ge(unpack_4f32, pack_s32)

f64x2_eq = _eq(unpack_2f64, pack_s64)
f64x2_ne = _ne(unpack_2f64, pack_s64)
f64x2_lt = _lt(unpack_2f64, pack_s64)
f64x2_gt = _gt(unpack_2f64, pack_s64)
f64x2_le = _le(unpack_2f64, pack_s64)
f64x2_ge = _ge(unpack_2f64, pack_s64)
