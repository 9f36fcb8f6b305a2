"""Relaxed SIMD takes the first of the results that the specification lists: the deterministic profile."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.numeric.table import SEMANTICS

VECTORS = st.binary(min_size=16, max_size=16)

EQUIVALENTS = {
    "i8x16.relaxed_swizzle": "i8x16.swizzle",
    "i8x16.relaxed_laneselect": "v128.bitselect",
    "i16x8.relaxed_laneselect": "v128.bitselect",
    "i32x4.relaxed_laneselect": "v128.bitselect",
    "i64x2.relaxed_laneselect": "v128.bitselect",
    "i16x8.relaxed_q15mulr_s": "i16x8.q15mulr_sat_s",
    "i32x4.relaxed_trunc_f32x4_s": "i32x4.trunc_sat_f32x4_s",
    "i32x4.relaxed_trunc_f32x4_u": "i32x4.trunc_sat_f32x4_u",
    "i32x4.relaxed_trunc_f64x2_s_zero": "i32x4.trunc_sat_f64x2_s_zero",
    "i32x4.relaxed_trunc_f64x2_u_zero": "i32x4.trunc_sat_f64x2_u_zero",
    "f32x4.relaxed_min": "f32x4.min",
    "f32x4.relaxed_max": "f32x4.max",
    "f64x2.relaxed_min": "f64x2.min",
    "f64x2.relaxed_max": "f64x2.max",
}


def vector(size: int, lanes: Sequence[int]) -> bytes:
    return b"".join((x % 2 ** (8 * size)).to_bytes(size, "little") for x in lanes)


@pytest.mark.parametrize("relaxed", EQUIVALENTS)
@given(a=VECTORS, b=VECTORS, c=VECTORS)
def test_equal_to_the_strict_operator(relaxed: str, a: bytes, b: bytes, c: bytes) -> None:
    count = 3 if "laneselect" in relaxed else 1 if "trunc" in relaxed else 2
    operands = (a, b, c)[:count]
    assert SEMANTICS[relaxed](*operands) == SEMANTICS[EQUIVALENTS[relaxed]](*operands)


@pytest.mark.parametrize(
    ("shape", "size", "a", "b", "c", "unfused"),
    [
        # (1 + 2^-22) * (1 + 2^-15) - (1 + 2^-15 + 2^-22) is 2^-37 exactly, 0 with a rounded product.
        ("f32x4", 4, 0x3F800002, 0x3F800100, 0xBF800102, 0x00000000),
        # The greatest number times two, less itself: the product overflows.
        ("f32x4", 4, 0x7F7FFFFF, 0x40000000, 0xFF7FFFFF, 0x7F800000),
        # (1 + 2^-52) * (1 - 2^-52) - 1 is -2^-104 exactly.
        ("f64x2", 8, 0x3FF0000000000001, 0x3FEFFFFFFFFFFFFE, 0xBFF0000000000000, 0x0000000000000000),
        ("f64x2", 8, 0x7FEFFFFFFFFFFFFF, 0x4000000000000000, 0xFFEFFFFFFFFFFFFF, 0x7FF0000000000000),
    ],
)
def test_multiply_add_rounds_the_product(shape: str, size: int, a: int, b: int, c: int, unfused: int) -> None:
    x, y, z = (vector(size, [i] * (16 // size)) for i in (a, b, c))
    negated = vector(size, [a ^ 1 << 8 * size - 1] * (16 // size))
    assert SEMANTICS[f"{shape}.relaxed_madd"](x, y, z) == vector(size, [unfused] * (16 // size))
    assert SEMANTICS[f"{shape}.relaxed_nmadd"](negated, y, z) == vector(size, [unfused] * (16 // size))


@pytest.mark.parametrize("shape", ["f32x4", "f64x2"])
@given(a=VECTORS, b=VECTORS, c=VECTORS)
def test_multiply_add_is_a_product_and_a_sum(shape: str, a: bytes, b: bytes, c: bytes) -> None:
    add, mul, neg = (SEMANTICS[f"{shape}.{operator}"] for operator in ("add", "mul", "neg"))
    assert SEMANTICS[f"{shape}.relaxed_madd"](a, b, c) == add(mul(a, b), c)
    assert SEMANTICS[f"{shape}.relaxed_nmadd"](a, b, c) == add(mul(neg(a), b), c)


def test_multiply_add_gives_the_canonical_nan() -> None:
    nan = vector(4, [0xFFC00001] * 4)
    one = vector(4, [0x3F800000] * 4)
    for operands in ((nan, one, one), (one, nan, one), (one, one, nan)):
        for operator in ("relaxed_madd", "relaxed_nmadd"):
            assert SEMANTICS[f"f32x4.{operator}"](*operands) == vector(4, [0x7FC00000] * 4)


def signed_bytes(v: bytes) -> list[int]:
    return [x - 256 if x >= 128 else x for x in v]


@given(VECTORS, VECTORS, VECTORS)
def test_dot_products_read_both_operands_as_signed(a: bytes, b: bytes, c: bytes) -> None:
    products = [x * y for x, y in zip(signed_bytes(a), signed_bytes(b))]
    pairs = [min(products[i] + products[i + 1], 2**15 - 1) for i in range(0, 16, 2)]
    assert SEMANTICS["i16x8.relaxed_dot_i8x16_i7x16_s"](a, b) == vector(2, pairs)
    addends = [int.from_bytes(c[i : i + 4], "little") for i in range(0, 16, 4)]
    sums = [pairs[2 * i] + pairs[2 * i + 1] + addend for i, addend in enumerate(addends)]
    assert SEMANTICS["i32x4.relaxed_dot_i8x16_i7x16_add_s"](a, b, c) == vector(4, sums)


def test_the_only_dot_product_that_saturates() -> None:
    least = b"\x80" * 16
    assert SEMANTICS["i16x8.relaxed_dot_i8x16_i7x16_s"](least, least) == vector(2, [0x7FFF] * 8)
    assert SEMANTICS["i32x4.relaxed_dot_i8x16_i7x16_add_s"](least, least, bytes(16)) == vector(4, [0xFFFE] * 4)
