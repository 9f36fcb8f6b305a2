"""Operators that build, read, permute and summarise the lanes of a v128, one factory a kind.

Lanes that hold floats are moved as bits, so f32x4 and f64x2 share the functions' makers with i32x4 and i64x2. `size` is
a lane's width in bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from refsfi.numeric.layout import UnpackInts, unpack_u8, unpack_u16, unpack_u32, unpack_u64

Splat = Callable[[int], bytes]
ExtractLane = Callable[[bytes, int], int]
ReplaceLane = Callable[[bytes, int, int], bytes]
VTestop = Callable[[bytes], int]


def _splat(size: int) -> Splat:
    mask = (1 << 8 * size) - 1
    count = 16 // size

    def splat(x: int) -> bytes:
        """Every lane becomes the operand, i32 wrapped to the lane's width.

        Rule: Step_pure/vsplat, lpacknum_
        """
        return (x & mask).to_bytes(size, "little") * count

    return splat


i8x16_splat = _splat(1)
i16x8_splat = _splat(2)
i32x4_splat = _splat(4)
i64x2_splat = _splat(8)
f32x4_splat = _splat(4)
f64x2_splat = _splat(8)


def _extract_lane(size: int) -> ExtractLane:
    def extract_lane(v: bytes, lane: int) -> int:
        """The lane's value.

        Rule: Step_pure/vextract_lane-num, lanes_
        """
        return int.from_bytes(v[size * lane : size * lane + size], "little")

    return extract_lane


def _extract_lane_s(size: int) -> ExtractLane:
    sign = 1 << (8 * size - 1)

    def extract_lane_s(v: bytes, lane: int) -> int:
        """The lane's value, sign-extended to i32.

        Rule: Step_pure/vextract_lane-pack, extend__
        """
        return ((int.from_bytes(v[size * lane : size * lane + size], "little") ^ sign) - sign) & 0xFFFFFFFF

    return extract_lane_s


def _extract_lane_u(size: int) -> ExtractLane:
    def extract_lane_u(v: bytes, lane: int) -> int:
        """The lane's value, zero-extended to i32.

        Rule: Step_pure/vextract_lane-pack, extend__
        """
        return int.from_bytes(v[size * lane : size * lane + size], "little")

    return extract_lane_u


i8x16_extract_lane_s = _extract_lane_s(1)
i8x16_extract_lane_u = _extract_lane_u(1)
i16x8_extract_lane_s = _extract_lane_s(2)
i16x8_extract_lane_u = _extract_lane_u(2)
i32x4_extract_lane = _extract_lane(4)
i64x2_extract_lane = _extract_lane(8)
f32x4_extract_lane = _extract_lane(4)
f64x2_extract_lane = _extract_lane(8)


def _replace_lane(size: int) -> ReplaceLane:
    mask = (1 << 8 * size) - 1

    def replace_lane(v: bytes, x: int, lane: int) -> bytes:
        """The vector with one lane replaced by `x`, i32 wrapped to the lane's width.

        Rule: Step_pure/vreplace_lane, lpacknum_
        """
        start = size * lane
        return v[:start] + (x & mask).to_bytes(size, "little") + v[start + size :]

    return replace_lane


i8x16_replace_lane = _replace_lane(1)
i16x8_replace_lane = _replace_lane(2)
i32x4_replace_lane = _replace_lane(4)
i64x2_replace_lane = _replace_lane(8)
f32x4_replace_lane = _replace_lane(4)
f64x2_replace_lane = _replace_lane(8)


# `bytes.translate` maps each byte through a table of 256: exactly what permuting byte lanes is, with the indices as the
# bytes and the lanes, padded, as the table.


def i8x16_swizzle(v: bytes, indices: bytes) -> bytes:
    """Lane i of the result is the lane of `v` that `indices` names in its lane i; 0 if there is no such lane.

    Rule: Step_pure/vswizzlop, iswizzle_lane_
    """
    return indices.translate(v.ljust(256, b"\0"))


def i8x16_shuffle(a: bytes, b: bytes, lanes: bytes) -> bytes:
    """Lane i of the result is lane `lanes[i]`, below 32, of the two operands' lanes in a row.

    Rule: Step_pure/vshuffle, ivshufflop_
    """
    return lanes.translate((a + b).ljust(256, b"\0"))


def _all_true(lanes: UnpackInts) -> VTestop:
    def all_true(v: bytes) -> int:
        """1 if no lane is zero.

        Rule: Step_pure/vtestop, inez_
        """
        return 0 if 0 in lanes(v) else 1

    return all_true


i8x16_all_true = _all_true(unpack_u8)
i16x8_all_true = _all_true(unpack_u16)
i32x4_all_true = _all_true(unpack_u32)
i64x2_all_true = _all_true(unpack_u64)

# Maps a byte to the digit that its sign bit is.
_SIGN_DIGIT = b"0" * 128 + b"1" * 128


def _bitmask(size: int) -> VTestop:
    def bitmask(v: bytes) -> int:
        """The lanes' sign bits, lane 0's lowest.

        Rule: Step_pure/vbitmask, ivbitmaskop_
        """
        # The step picks the most significant byte of each lane, last lane first: the digits as one writes them.
        return int(v[::-size].translate(_SIGN_DIGIT), 2)

    return bitmask


i8x16_bitmask = _bitmask(1)
i16x8_bitmask = _bitmask(2)
i32x4_bitmask = _bitmask(4)
i64x2_bitmask = _bitmask(8)
