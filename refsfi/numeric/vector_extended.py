"""Operators whose results have lanes twice as wide as their operands': full products, pairwise sums, dot products."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from refsfi.numeric.layout import (
    Pack,
    UnpackInts,
    pack_s16,
    pack_s32,
    pack_s64,
    pack_u16,
    pack_u32,
    pack_u64,
    unpack_s8,
    unpack_s16,
    unpack_u8,
    unpack_u16,
)

VExtunop = Callable[[bytes], bytes]
VExtbinop = Callable[[bytes, bytes], bytes]


def _extadd_pairwise(lanes: UnpackInts, pack: Pack) -> VExtunop:
    def extadd_pairwise(v: bytes) -> bytes:
        """The sums of neighbouring lanes, which the wider lanes always hold.

        Rule: Step_pure/vextunop, ivadd_pairwise_
        """
        xs = lanes(v)
        return pack(*[x + y for x, y in zip(xs[::2], xs[1::2])])

    return extadd_pairwise


i16x8_extadd_pairwise_i8x16_s = _extadd_pairwise(unpack_s8, pack_s16)
i16x8_extadd_pairwise_i8x16_u = _extadd_pairwise(unpack_u8, pack_u16)
i32x4_extadd_pairwise_i16x8_s = _extadd_pairwise(unpack_s16, pack_s32)
i32x4_extadd_pairwise_i16x8_u = _extadd_pairwise(unpack_u16, pack_u32)


def _extmul(half_format: str, offset: int, pack: Pack) -> VExtbinop:
    unpack_half = Struct(half_format).unpack_from

    def extmul(a: bytes, b: bytes) -> bytes:
        """The full products of the lanes in one half of the operands.

        Rule: Step_pure/vextbinop, ivmul_
        """
        return pack(*[x * y for x, y in zip(unpack_half(a, offset), unpack_half(b, offset))])

    return extmul


i16x8_extmul_low_i8x16_s = _extmul("<8b", 0, pack_s16)
i16x8_extmul_high_i8x16_s = _extmul("<8b", 8, pack_s16)
i16x8_extmul_low_i8x16_u = _extmul("<8B", 0, pack_u16)
i16x8_extmul_high_i8x16_u = _extmul("<8B", 8, pack_u16)
i32x4_extmul_low_i16x8_s = _extmul("<4h", 0, pack_s32)
i32x4_extmul_high_i16x8_s = _extmul("<4h", 8, pack_s32)
i32x4_extmul_low_i16x8_u = _extmul("<4H", 0, pack_u32)
i32x4_extmul_high_i16x8_u = _extmul("<4H", 8, pack_u32)
i64x2_extmul_low_i32x4_s = _extmul("<2i", 0, pack_s64)
i64x2_extmul_high_i32x4_s = _extmul("<2i", 8, pack_s64)
i64x2_extmul_low_i32x4_u = _extmul("<2I", 0, pack_u64)
i64x2_extmul_high_i32x4_u = _extmul("<2I", 8, pack_u64)


def i32x4_dot_i16x8_s(a: bytes, b: bytes) -> bytes:
    """The sums of neighbouring products; four times -2^15 wrap to -2^31.

    Rule: Step_pure/vextbinop, ivdot_
    """
    products = [x * y for x, y in zip(unpack_s16(a), unpack_s16(b))]
    return pack_u32(*[x + y & 0xFFFFFFFF for x, y in zip(products[::2], products[1::2])])
