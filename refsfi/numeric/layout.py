"""Byte layouts: pre-bound `struct` codecs that carry values between integers, floats and vectors.

Scalars: `pack_f64(x)` then `unpack_i64` turns a float into its bits; the `_2` forms convert both operands of a binary
operator in one call. Vectors (`bytes` of length 16, lane 0 first): `unpack_s16` gives eight signed lanes, `unpack_u16`
eight unsigned ones, `pack_s16` and `pack_u16` take as many. Everything is little-endian whatever the host is.
These are the specification's `ibits_`, `fbits_` and `lanes_` with their inverses.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

UnpackInts = Callable[[bytes], tuple[int, ...]]
UnpackFloats = Callable[[bytes], tuple[float, ...]]
Unpack = Callable[[bytes], tuple[float, ...]]
Pack = Callable[..., bytes]

pack_i32: Callable[[int], bytes] = Struct("<I").pack
pack_i64: Callable[[int], bytes] = Struct("<Q").pack
pack_f32: Callable[[float], bytes] = Struct("<f").pack
pack_f64: Callable[[float], bytes] = Struct("<d").pack
pack_2i32: Callable[[int, int], bytes] = Struct("<II").pack
pack_2i64: Callable[[int, int], bytes] = Struct("<QQ").pack

unpack_i32: Callable[[bytes], tuple[int]] = Struct("<I").unpack
unpack_i64: Callable[[bytes], tuple[int]] = Struct("<Q").unpack
unpack_f32: Callable[[bytes], tuple[float]] = Struct("<f").unpack
unpack_f64: Callable[[bytes], tuple[float]] = Struct("<d").unpack
unpack_2f32: Callable[[bytes], tuple[float, float]] = Struct("<ff").unpack
unpack_2f64: Callable[[bytes], tuple[float, float]] = Struct("<dd").unpack

unpack_s8: UnpackInts = Struct("<16b").unpack
unpack_u8: UnpackInts = Struct("<16B").unpack
unpack_s16: UnpackInts = Struct("<8h").unpack
unpack_u16: UnpackInts = Struct("<8H").unpack
unpack_s32: UnpackInts = Struct("<4i").unpack
unpack_u32: UnpackInts = Struct("<4I").unpack
unpack_s64: UnpackInts = Struct("<2q").unpack
unpack_u64: UnpackInts = Struct("<2Q").unpack
unpack_4f32: Callable[[bytes], tuple[float, float, float, float]] = Struct("<4f").unpack

pack_s8: Pack = Struct("<16b").pack
pack_u8: Pack = Struct("<16B").pack
pack_s16: Pack = Struct("<8h").pack
pack_u16: Pack = Struct("<8H").pack
pack_s32: Pack = Struct("<4i").pack
pack_u32: Pack = Struct("<4I").pack
pack_s64: Pack = Struct("<2q").pack
pack_u64: Pack = Struct("<2Q").pack
pack_4f32: Pack = Struct("<4f").pack
pack_2f64: Pack = Struct("<2d").pack


def repeat(lane: int, width: int) -> int:
    """The 128-bit integer whose lanes of `width` bits all equal `lane`."""
    return sum(lane << shift for shift in range(0, 128, width))
