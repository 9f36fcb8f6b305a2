"""Lanewise floating-point operators do in every lane what the scalar operators do, in whatever company the lane is."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.numeric.table import SEMANTICS

SHAPES = {"f32x4": ("f32", 4), "f64x2": ("f64", 8)}
SPECIAL = {
    "f32": [
        *(0, 1, 0x007FFFFF, 0x00800000, 0x34000000, 0x3F000000, 0x3F800000, 0x40200000, 0x4B000001),
        *(0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7F800001, 0x7FC00005),
    ],
    "f64": [
        *(0, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x3FE0000000000000, 0x3FF0000000000000, 0x4004000000000000),
        *(0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF8000000000000, 0x7FF0000000000001, 0x7FF8000000000005),
    ],
}
ALL_SHAPES = pytest.mark.parametrize("shape", SHAPES)


def split(size: int, v: bytes) -> list[int]:
    return [int.from_bytes(v[i : i + size], "little") for i in range(0, 16, size)]


def join(size: int, lanes: Sequence[int]) -> bytes:
    return b"".join(x.to_bytes(size, "little") for x in lanes)


def vectors(shape: str) -> st.SearchStrategy[bytes]:
    """Vectors of ordinary numbers only, of any mixture with special ones, and of random bits.

    Those without anything special take another path than the others. Lanes are drawn as bytes, which is several times
    as fast as drawing them one by one.
    """
    scalar, size = SHAPES[shape]
    sign = 1 << 8 * size - 1
    ordinary = [int.from_bytes(struct.pack("<f" if size == 4 else "<d", x / 8 - 12), "little") for x in range(97, 256)]
    special = SPECIAL[scalar] + [a | sign for a in SPECIAL[scalar]]

    def drawn_from(pool: Sequence[int]) -> st.SearchStrategy[bytes]:
        choices = st.binary(min_size=16 // size, max_size=16 // size)
        return choices.map(lambda choice: join(size, [pool[x % len(pool)] for x in choice]))

    return st.one_of(
        drawn_from(ordinary),
        drawn_from(special),
        drawn_from(special + ordinary[:40]),
        st.binary(min_size=16, max_size=16),
    )


@ALL_SHAPES
@pytest.mark.parametrize("operator", "abs neg sqrt ceil floor trunc nearest".split())
@given(data=st.data())
def test_unary_operators(shape: str, operator: str, data: st.DataObject) -> None:
    scalar, size = SHAPES[shape]
    v = data.draw(vectors(shape))
    expected = [SEMANTICS[f"{scalar}.{operator}"](x) for x in split(size, v)]
    assert SEMANTICS[f"{shape}.{operator}"](v) == join(size, expected)


@ALL_SHAPES
@pytest.mark.parametrize("operator", "add sub mul div min max".split())
@given(data=st.data())
def test_binary_operators(shape: str, operator: str, data: st.DataObject) -> None:
    scalar, size = SHAPES[shape]
    a, b = data.draw(vectors(shape)), data.draw(vectors(shape))
    expected = [SEMANTICS[f"{scalar}.{operator}"](x, y) for x, y in zip(split(size, a), split(size, b))]
    assert SEMANTICS[f"{shape}.{operator}"](a, b) == join(size, expected)


@ALL_SHAPES
@pytest.mark.parametrize("operator", "eq ne lt gt le ge".split())
@given(data=st.data())
def test_comparisons_fill_the_lane(shape: str, operator: str, data: st.DataObject) -> None:
    scalar, size = SHAPES[shape]
    a, b = data.draw(vectors(shape)), data.draw(vectors(shape))
    b = data.draw(st.sampled_from([a, b]))
    ones = (1 << 8 * size) - 1
    expected = [ones * SEMANTICS[f"{scalar}.{operator}"](x, y) for x, y in zip(split(size, a), split(size, b))]
    assert SEMANTICS[f"{shape}.{operator}"](a, b) == join(size, expected)


@ALL_SHAPES
@given(data=st.data())
def test_pseudo_minimum_and_maximum_select_an_operand_as_it_is(shape: str, data: st.DataObject) -> None:
    scalar, size = SHAPES[shape]
    less = SEMANTICS[f"{scalar}.lt"]
    a, b = data.draw(vectors(shape)), data.draw(vectors(shape))
    pairs = list(zip(split(size, a), split(size, b)))
    assert SEMANTICS[f"{shape}.pmin"](a, b) == join(size, [y if less(y, x) else x for x, y in pairs])
    assert SEMANTICS[f"{shape}.pmax"](a, b) == join(size, [y if less(x, y) else x for x, y in pairs])


def test_pseudo_minimum_keeps_the_first_operand_if_unordered_or_equal() -> None:
    nan, minus_zero = 0xFFC12345, 0x80000000
    a = join(4, [nan, 0x3F800000, 0, minus_zero])
    b = join(4, [0x3F800000, nan, minus_zero, 0])
    assert SEMANTICS["f32x4.pmin"](a, b) == SEMANTICS["f32x4.pmax"](a, b) == a


def test_one_exceptional_lane_does_not_disturb_the_others() -> None:
    one, two, greatest, infinity = 0x3F800000, 0x40000000, 0x7F7FFFFF, 0x7F800000
    a = join(4, [greatest, one, infinity, one])
    assert SEMANTICS["f32x4.add"](a, a) == join(4, [infinity, two, infinity, two])
    assert SEMANTICS["f32x4.sub"](a, a) == join(4, [0, 0, 0x7FC00000, 0])
    assert SEMANTICS["f32x4.div"](a, join(4, [one, 0, one, 0x80000000])) == join(
        4, [greatest, infinity, infinity, 0xFF800000]
    )
    assert SEMANTICS["f32x4.sqrt"](join(4, [0xBF800000, one, 0x80000000, infinity])) == join(
        4, [0x7FC00000, one, 0x80000000, infinity]
    )


@ALL_SHAPES
@pytest.mark.parametrize("sx", "su")
@given(data=st.data())
def test_truncation_to_i32x4(shape: str, sx: str, data: st.DataObject) -> None:
    scalar, size = SHAPES[shape]
    v = data.draw(vectors(shape))
    expected = [SEMANTICS[f"i32.trunc_sat_{scalar}_{sx}"](x) for x in split(size, v)]
    suffix = "_zero" if shape == "f64x2" else ""
    assert SEMANTICS[f"i32x4.trunc_sat_{shape}_{sx}{suffix}"](v) == join(4, expected).ljust(16, b"\0")


@pytest.mark.parametrize("sx", "su")
@given(v=st.binary(min_size=16, max_size=16))
def test_conversion_from_i32x4(sx: str, v: bytes) -> None:
    xs = split(4, v)
    to_f32 = [SEMANTICS[f"f32.convert_i32_{sx}"](x) for x in xs]
    to_f64 = [SEMANTICS[f"f64.convert_i32_{sx}"](x) for x in xs[:2]]
    assert SEMANTICS[f"f32x4.convert_i32x4_{sx}"](v) == join(4, to_f32)
    assert SEMANTICS[f"f64x2.convert_low_i32x4_{sx}"](v) == join(8, to_f64)


@given(vectors("f64x2"), vectors("f32x4"))
def test_demotion_and_promotion(wide: bytes, narrow: bytes) -> None:
    demoted = [SEMANTICS["f32.demote_f64"](x) for x in split(8, wide)]
    assert SEMANTICS["f32x4.demote_f64x2_zero"](wide) == join(4, [*demoted, 0, 0])
    promoted = [SEMANTICS["f64.promote_f32"](x) for x in split(4, narrow)[:2]]
    assert SEMANTICS["f64x2.promote_low_f32x4"](narrow) == join(8, promoted)
