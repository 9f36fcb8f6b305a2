"""Conversions between shapes: lanes are widened, narrowed, or turned from integers to floats and back."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from refsfi.numeric.conversions import (
    f32_demote_f64,
    f64_promote_f32,
    i32_trunc_sat_f32_s,
    i32_trunc_sat_f32_u,
    i32_trunc_sat_f64_s,
    i32_trunc_sat_f64_u,
)
from refsfi.numeric.layout import (
    Pack,
    UnpackInts,
    pack_2f64,
    pack_4f32,
    pack_s8,
    pack_s16,
    pack_s32,
    pack_s64,
    pack_u8,
    pack_u16,
    pack_u32,
    pack_u64,
    unpack_s16,
    unpack_s32,
    unpack_u32,
    unpack_u64,
)

VCvtop = Callable[[bytes], bytes]
VNarrow = Callable[[bytes, bytes], bytes]


def _extend(half_format: str, offset: int, pack: Pack) -> VCvtop:
    unpack_half = Struct(half_format).unpack_from

    def extend(v: bytes) -> bytes:
        """The lanes of one half, sign- or zero-extended.

        Rule: Step_pure/vcvtop, extend__
        """
        return pack(*unpack_half(v, offset))

    return extend


i16x8_extend_low_i8x16_s = _extend("<8b", 0, pack_s16)
i16x8_extend_high_i8x16_s = _extend("<8b", 8, pack_s16)
i16x8_extend_low_i8x16_u = _extend("<8B", 0, pack_u16)
i16x8_extend_high_i8x16_u = _extend("<8B", 8, pack_u16)
i32x4_extend_low_i16x8_s = _extend("<4h", 0, pack_s32)
i32x4_extend_high_i16x8_s = _extend("<4h", 8, pack_s32)
i32x4_extend_low_i16x8_u = _extend("<4H", 0, pack_u32)
i32x4_extend_high_i16x8_u = _extend("<4H", 8, pack_u32)
i64x2_extend_low_i32x4_s = _extend("<2i", 0, pack_s64)
i64x2_extend_high_i32x4_s = _extend("<2i", 8, pack_s64)
i64x2_extend_low_i32x4_u = _extend("<2I", 0, pack_u64)
i64x2_extend_high_i32x4_u = _extend("<2I", 8, pack_u64)


def _narrow(lanes: UnpackInts, pack: Pack, least: int, greatest: int) -> VNarrow:
    def narrow(a: bytes, b: bytes) -> bytes:
        """The lanes of both operands in a row, read as signed and saturated to the narrower range.

        Rule: Step_pure/vnarrow, narrow__
        """
        return pack(*[least if x < least else greatest if x > greatest else x for x in lanes(a) + lanes(b)])

    return narrow


i8x16_narrow_i16x8_s = _narrow(unpack_s16, pack_s8, -0x80, 0x7F)
i8x16_narrow_i16x8_u = _narrow(unpack_s16, pack_u8, 0, 0xFF)
i16x8_narrow_i32x4_s = _narrow(unpack_s32, pack_s16, -0x8000, 0x7FFF)
i16x8_narrow_i32x4_u = _narrow(unpack_s32, pack_u16, 0, 0xFFFF)


def i32x4_trunc_sat_f32x4_s(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, trunc_sat__"""
    return pack_u32(*[i32_trunc_sat_f32_s(x) for x in unpack_u32(v)])


def i32x4_trunc_sat_f32x4_u(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, trunc_sat__"""
    return pack_u32(*[i32_trunc_sat_f32_u(x) for x in unpack_u32(v)])


def i32x4_trunc_sat_f64x2_s_zero(v: bytes) -> bytes:
    """The upper two lanes are zero.

    Rule: Step_pure/vcvtop, trunc_sat__
    """
    x, y = unpack_u64(v)
    return pack_u32(i32_trunc_sat_f64_s(x), i32_trunc_sat_f64_s(y), 0, 0)


def i32x4_trunc_sat_f64x2_u_zero(v: bytes) -> bytes:
    """The upper two lanes are zero.

    Rule: Step_pure/vcvtop, trunc_sat__
    """
    x, y = unpack_u64(v)
    return pack_u32(i32_trunc_sat_f64_u(x), i32_trunc_sat_f64_u(y), 0, 0)


def f32x4_convert_i32x4_s(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, convert__"""
    return pack_4f32(*unpack_s32(v))


def f32x4_convert_i32x4_u(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, convert__"""
    return pack_4f32(*unpack_u32(v))


def f64x2_convert_low_i32x4_s(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, convert__"""
    x, y, _, _ = unpack_s32(v)
    return pack_2f64(x, y)


def f64x2_convert_low_i32x4_u(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, convert__"""
    x, y, _, _ = unpack_u32(v)
    return pack_2f64(x, y)


def f32x4_demote_f64x2_zero(v: bytes) -> bytes:
    """The upper two lanes are zero.

    Rule: Step_pure/vcvtop, demote__
    """
    x, y = unpack_u64(v)
    return pack_u32(f32_demote_f64(x), f32_demote_f64(y), 0, 0)


def f64x2_promote_low_f32x4(v: bytes) -> bytes:
    """Rule: Step_pure/vcvtop, promote__"""
    x, y, _, _ = unpack_u32(v)
    return pack_u64(f64_promote_f32(x), f64_promote_f32(y))
