"""Lanewise integer arithmetic on v128, one factory an operator; the arguments say how a shape's lanes are read.

Addition, subtraction and shifts treat the vector as one 128-bit integer and keep carries inside the lanes (SWAR;
Knuth, The Art of Computer Programming, 7.1.3): the lanes' top bits are left out of the sum, which then cannot carry out
of a lane, and are added back without carry. The other operators go through the lanes.
"""

from __future__ import annotations

from collections.abc import Callable

from refsfi.numeric.layout import (
    Pack,
    UnpackInts,
    pack_s8,
    pack_s16,
    pack_s32,
    pack_s64,
    pack_u8,
    pack_u16,
    pack_u32,
    pack_u64,
    repeat,
    unpack_s8,
    unpack_s16,
    unpack_s32,
    unpack_s64,
    unpack_u8,
    unpack_u16,
    unpack_u32,
    unpack_u64,
)

VUnop = Callable[[bytes], bytes]
VBinop = Callable[[bytes, bytes], bytes]
VShiftop = Callable[[bytes, int], bytes]


def _abs(lanes: UnpackInts, pack: Pack) -> VUnop:
    def abs_(v: bytes) -> bytes:
        """Magnitudes; the least signed value stays as it is.

        Rule: Step_pure/vunop-val, iabs_
        """
        return pack(*[abs(x) for x in lanes(v)])

    return abs_


i8x16_abs = _abs(unpack_s8, pack_u8)
i16x8_abs = _abs(unpack_s16, pack_u16)
i32x4_abs = _abs(unpack_s32, pack_u32)
i64x2_abs = _abs(unpack_s64, pack_u64)


def _neg(width: int) -> VUnop:
    tops = repeat(1 << (width - 1), width)
    rests = repeat((1 << (width - 1)) - 1, width)

    def neg(v: bytes) -> bytes:
        """Rule: Step_pure/vunop-val, ineg_"""
        x = int.from_bytes(v, "little")
        return ((tops - (x & rests)) ^ (~x & tops)).to_bytes(16, "little")

    return neg


i8x16_neg = _neg(8)
i16x8_neg = _neg(16)
i32x4_neg = _neg(32)
i64x2_neg = _neg(64)

_POPCNT = bytes(x.bit_count() for x in range(256))


def i8x16_popcnt(v: bytes) -> bytes:
    """Rule: Step_pure/vunop-val, ipopcnt_"""
    return v.translate(_POPCNT)


def _add(width: int) -> VBinop:
    tops = repeat(1 << (width - 1), width)
    rests = repeat((1 << (width - 1)) - 1, width)

    def add(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, iadd_"""
        x = int.from_bytes(a, "little")
        y = int.from_bytes(b, "little")
        return (((x & rests) + (y & rests)) ^ ((x ^ y) & tops)).to_bytes(16, "little")

    return add


i8x16_add = _add(8)
i16x8_add = _add(16)
i32x4_add = _add(32)
i64x2_add = _add(64)


def _sub(width: int) -> VBinop:
    tops = repeat(1 << (width - 1), width)
    rests = repeat((1 << (width - 1)) - 1, width)

    def sub(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, isub_"""
        x = int.from_bytes(a, "little")
        y = int.from_bytes(b, "little")
        # A set top bit in each minuend lane stops the borrow, so the top bits come out inverted.
        return (((x | tops) - (y & rests)) ^ (~(x ^ y) & tops)).to_bytes(16, "little")

    return sub


i8x16_sub = _sub(8)
i16x8_sub = _sub(16)
i32x4_sub = _sub(32)
i64x2_sub = _sub(64)


def _mul(lanes: UnpackInts, pack: Pack, mask: int) -> VBinop:
    def mul(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, imul_"""
        return pack(*[x * y & mask for x, y in zip(lanes(a), lanes(b))])

    return mul


i16x8_mul = _mul(unpack_u16, pack_u16, 0xFFFF)
i32x4_mul = _mul(unpack_u32, pack_u32, 0xFFFFFFFF)
i64x2_mul = _mul(unpack_u64, pack_u64, 0xFFFFFFFFFFFFFFFF)


def _add_sat(lanes: UnpackInts, pack: Pack, least: int, greatest: int) -> VBinop:
    def add_sat(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, iadd_sat_"""
        sums = [x + y for x, y in zip(lanes(a), lanes(b))]
        return pack(*[least if z < least else greatest if z > greatest else z for z in sums])

    return add_sat


i8x16_add_sat_s = _add_sat(unpack_s8, pack_s8, -0x80, 0x7F)
i8x16_add_sat_u = _add_sat(unpack_u8, pack_u8, 0, 0xFF)
i16x8_add_sat_s = _add_sat(unpack_s16, pack_s16, -0x8000, 0x7FFF)
i16x8_add_sat_u = _add_sat(unpack_u16, pack_u16, 0, 0xFFFF)


def _sub_sat(lanes: UnpackInts, pack: Pack, least: int, greatest: int) -> VBinop:
    def sub_sat(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, isub_sat_"""
        differences = [x - y for x, y in zip(lanes(a), lanes(b))]
        return pack(*[least if z < least else greatest if z > greatest else z for z in differences])

    return sub_sat


i8x16_sub_sat_s = _sub_sat(unpack_s8, pack_s8, -0x80, 0x7F)
i8x16_sub_sat_u = _sub_sat(unpack_u8, pack_u8, 0, 0xFF)
i16x8_sub_sat_s = _sub_sat(unpack_s16, pack_s16, -0x8000, 0x7FFF)
i16x8_sub_sat_u = _sub_sat(unpack_u16, pack_u16, 0, 0xFFFF)


def _min(lanes: UnpackInts, pack: Pack) -> VBinop:
    def min_(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, imin_"""
        return pack(*[x if x <= y else y for x, y in zip(lanes(a), lanes(b))])

    return min_


i8x16_min_s = _min(unpack_s8, pack_s8)
i8x16_min_u = _min(unpack_u8, pack_u8)
i16x8_min_s = _min(unpack_s16, pack_s16)
i16x8_min_u = _min(unpack_u16, pack_u16)
i32x4_min_s = _min(unpack_s32, pack_s32)
i32x4_min_u = _min(unpack_u32, pack_u32)


def _max(lanes: UnpackInts, pack: Pack) -> VBinop:
    def max_(a: bytes, b: bytes) -> bytes:
        """Rule: Step_pure/vbinop-val, imax_"""
        return pack(*[x if x >= y else y for x, y in zip(lanes(a), lanes(b))])

    return max_


i8x16_max_s = _max(unpack_s8, pack_s8)
i8x16_max_u = _max(unpack_u8, pack_u8)
i16x8_max_s = _max(unpack_s16, pack_s16)
i16x8_max_u = _max(unpack_u16, pack_u16)
i32x4_max_s = _max(unpack_s32, pack_s32)
i32x4_max_u = _max(unpack_u32, pack_u32)


def _avgr_u(lanes: UnpackInts, pack: Pack) -> VBinop:
    def avgr_u(a: bytes, b: bytes) -> bytes:
        """Averages, halves rounded up.

        Rule: Step_pure/vbinop-val, iavgr_
        """
        return pack(*[(x + y + 1) >> 1 for x, y in zip(lanes(a), lanes(b))])

    return avgr_u


i8x16_avgr_u = _avgr_u(unpack_u8, pack_u8)
i16x8_avgr_u = _avgr_u(unpack_u16, pack_u16)


def i16x8_q15mulr_sat_s(a: bytes, b: bytes) -> bytes:
    """Products of Q15 fixed-point numbers, rounded; only -1 * -1 saturates.

    Rule: Step_pure/vbinop-val, iq15mulr_sat_
    """
    products = [(x * y + 0x4000) >> 15 for x, y in zip(unpack_s16(a), unpack_s16(b))]
    return pack_s16(*[z if z < 0x8000 else 0x7FFF for z in products])


def _shl(width: int) -> VShiftop:
    modulo = width - 1
    ones = (1 << width) - 1
    # For each distance, the bits that a lane keeps to itself.
    kept = tuple(repeat(ones << k & ones, width) for k in range(width))

    def shl(v: bytes, distance: int) -> bytes:
        """Rule: Step_pure/vshiftop, ishl_"""
        k = distance & modulo
        return (int.from_bytes(v, "little") << k & kept[k]).to_bytes(16, "little")

    return shl


i8x16_shl = _shl(8)
i16x8_shl = _shl(16)
i32x4_shl = _shl(32)
i64x2_shl = _shl(64)


def _shr_s(lanes: UnpackInts, pack: Pack, width: int) -> VShiftop:
    modulo = width - 1

    def shr_s(v: bytes, distance: int) -> bytes:
        """Rule: Step_pure/vshiftop, ishr_"""
        k = distance & modulo
        return pack(*[x >> k for x in lanes(v)])

    return shr_s


i8x16_shr_s = _shr_s(unpack_s8, pack_s8, 8)
i16x8_shr_s = _shr_s(unpack_s16, pack_s16, 16)
i32x4_shr_s = _shr_s(unpack_s32, pack_s32, 32)
i64x2_shr_s = _shr_s(unpack_s64, pack_s64, 64)


def _shr_u(width: int) -> VShiftop:
    modulo = width - 1
    ones = (1 << width) - 1
    kept = tuple(repeat(ones >> k, width) for k in range(width))

    def shr_u(v: bytes, distance: int) -> bytes:
        """Rule: Step_pure/vshiftop, ishr_"""
        k = distance & modulo
        return (int.from_bytes(v, "little") >> k & kept[k]).to_bytes(16, "little")

    return shr_u


i8x16_shr_u = _shr_u(8)
i16x8_shr_u = _shr_u(16)
i32x4_shr_u = _shr_u(32)
i64x2_shr_u = _shr_u(64)
