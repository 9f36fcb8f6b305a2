"""Operators that move, pick and summarise lanes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.numeric.table import SEMANTICS

SIZES = {"i8x16": 1, "i16x8": 2, "i32x4": 4, "i64x2": 8, "f32x4": 4, "f64x2": 8}
INTEGER_SHAPES = ("i8x16", "i16x8", "i32x4", "i64x2")
VECTORS = st.binary(min_size=16, max_size=16)


def chunks(shape: str, v: bytes) -> list[bytes]:
    size = SIZES[shape]
    return [v[i : i + size] for i in range(0, 16, size)]


@pytest.mark.parametrize("shape", SIZES)
@given(data=st.data())
def test_splat_and_replace_wrap_the_operand_to_the_lane(shape: str, data: st.DataObject) -> None:
    size = SIZES[shape]
    x = data.draw(st.integers(0, 2 ** max(32, 8 * size) - 1))
    lane_bytes = x.to_bytes(8, "little")[:size]
    assert SEMANTICS[f"{shape}.splat"](x) == lane_bytes * (16 // size)
    v = data.draw(VECTORS)
    for lane in range(16 // size):
        expected = chunks(shape, v)
        expected[lane] = lane_bytes
        assert SEMANTICS[f"{shape}.replace_lane"](v, x, lane) == b"".join(expected)


@pytest.mark.parametrize("shape", SIZES)
@given(v=VECTORS)
def test_extract_lane(shape: str, v: bytes) -> None:
    for lane, chunk in enumerate(chunks(shape, v)):
        unsigned = int.from_bytes(chunk, "little")
        if shape in ("i8x16", "i16x8"):
            signed = int.from_bytes(chunk, "little", signed=True) % 2**32
            assert SEMANTICS[f"{shape}.extract_lane_u"](v, lane) == unsigned
            assert SEMANTICS[f"{shape}.extract_lane_s"](v, lane) == signed
        else:
            assert SEMANTICS[f"{shape}.extract_lane"](v, lane) == unsigned


def test_lane_0_comes_first_in_memory() -> None:
    v = bytes(range(16))
    assert SEMANTICS["i16x8.extract_lane_u"](v, 0) == 0x0100
    assert SEMANTICS["i32x4.extract_lane"](v, 3) == 0x0F0E0D0C
    assert SEMANTICS["i64x2.extract_lane"](v, 1) == 0x0F0E0D0C0B0A0908


@given(VECTORS, st.lists(st.one_of(st.integers(0, 17), st.integers(0, 255)), min_size=16, max_size=16))
def test_swizzle_gives_zero_for_an_index_out_of_range(v: bytes, indices: list[int]) -> None:
    expected = bytes(v[i] if i < 16 else 0 for i in indices)
    assert SEMANTICS["i8x16.swizzle"](v, bytes(indices)) == expected


@given(VECTORS, VECTORS, st.lists(st.integers(0, 31), min_size=16, max_size=16))
def test_shuffle_picks_from_both_operands(a: bytes, b: bytes, lanes: list[int]) -> None:
    expected = bytes(a[i] if i < 16 else b[i - 16] for i in lanes)
    assert SEMANTICS["i8x16.shuffle"](a, b, bytes(lanes)) == expected


SPARSE = st.lists(st.sampled_from([0, 0, 1, 0x7F, 0x80, 0xFF]), min_size=16, max_size=16).map(bytes)


@pytest.mark.parametrize("shape", INTEGER_SHAPES)
@given(v=st.one_of(SPARSE, VECTORS))
def test_all_true_and_bitmask(shape: str, v: bytes) -> None:
    parts = chunks(shape, v)
    assert SEMANTICS[f"{shape}.all_true"](v) == int(all(any(part) for part in parts))
    assert SEMANTICS[f"{shape}.bitmask"](v) == sum(1 << i for i, part in enumerate(parts) if part[-1] >= 0x80)


@given(SPARSE)
def test_any_true(v: bytes) -> None:
    assert SEMANTICS["v128.any_true"](v) == int(any(v))


def test_tests_of_zero_and_of_one_set_bit() -> None:
    assert SEMANTICS["v128.any_true"](bytes(16)) == 0
    for bit in range(128):
        assert SEMANTICS["v128.any_true"]((1 << bit).to_bytes(16, "little")) == 1
    for shape in INTEGER_SHAPES:
        count = 16 // SIZES[shape]
        assert SEMANTICS[f"{shape}.bitmask"](b"\xff" * 16) == (1 << count) - 1
        assert SEMANTICS[f"{shape}.all_true"]((b"\1" + bytes(SIZES[shape] - 1)) * count) == 1
        assert (
            SEMANTICS[f"{shape}.all_true"]((b"\1" + bytes(SIZES[shape] - 1)) * (count - 1) + bytes(SIZES[shape])) == 0
        )
