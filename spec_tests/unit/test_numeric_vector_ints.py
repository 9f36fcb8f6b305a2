"""Lanewise integer and bitwise operators on v128, against definitions lane by lane in unbounded arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.numeric.table import SEMANTICS

WIDTHS = {"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64}


def lanes(n: int, v: bytes, sx: str = "u") -> list[int]:
    size = n // 8
    return [int.from_bytes(v[i : i + size], "little", signed=sx == "s") for i in range(0, 16, size)]


def vector(n: int, values: Iterable[int]) -> bytes:
    return b"".join((x % 2**n).to_bytes(n // 8, "little") for x in values)


def vectors(n: int) -> st.SearchStrategy[bytes]:
    top = 1 << n - 1
    edges = [0, 1, 2, top - 2, top - 1, top, top + 1, 2 * top - 2, 2 * top - 1, 2 * top // 3]
    # Drawn as bytes, which is several times as fast as drawing lane by lane.
    choices = st.binary(min_size=128 // n, max_size=128 // n)
    at_the_edges = choices.map(lambda choice: vector(n, [edges[x % len(edges)] for x in choice]))
    return st.one_of(at_the_edges, st.binary(min_size=16, max_size=16))


def clamp(n: int, sx: str, x: int) -> int:
    least, greatest = (0, (1 << n) - 1) if sx == "u" else (-(1 << n - 1), (1 << n - 1) - 1)
    return min(max(x, least), greatest)


# Operators on any shape; {sx} stands for both signednesses. The functions get the width and the lanes read accordingly.
UNARY: dict[str, Callable[[int, int], int]] = {
    "neg": lambda n, x: -x,
    "abs": lambda n, x: abs(x),
}
BINARY: dict[str, Callable[[int, str, int, int], int]] = {
    "add": lambda n, sx, x, y: x + y,
    "sub": lambda n, sx, x, y: x - y,
    "mul": lambda n, sx, x, y: x * y,
    "add_sat_{sx}": lambda n, sx, x, y: clamp(n, sx, x + y),
    "sub_sat_{sx}": lambda n, sx, x, y: clamp(n, sx, x - y),
    "min_{sx}": lambda n, sx, x, y: min(x, y),
    "max_{sx}": lambda n, sx, x, y: max(x, y),
    "avgr_{sx}": lambda n, sx, x, y: -((x + y) // -2),
    "eq": lambda n, sx, x, y: -(x == y),
    "ne": lambda n, sx, x, y: -(x != y),
    "lt_{sx}": lambda n, sx, x, y: -(x < y),
    "gt_{sx}": lambda n, sx, x, y: -(x > y),
    "le_{sx}": lambda n, sx, x, y: -(x <= y),
    "ge_{sx}": lambda n, sx, x, y: -(x >= y),
}
BINARY_CASES = [
    pytest.param(shape, name, sx, definition, id=name)
    for shape in WIDTHS
    for pattern, definition in BINARY.items()
    for sx in ("su" if "{sx}" in pattern else "u")
    if (name := f"{shape}.{pattern.format(sx=sx)}") in SEMANTICS
]


@pytest.mark.parametrize("shape", WIDTHS)
@pytest.mark.parametrize("operator", UNARY)
@given(data=st.data())
def test_unary_operators(shape: str, operator: str, data: st.DataObject) -> None:
    n = WIDTHS[shape]
    v = data.draw(vectors(n))
    assert SEMANTICS[f"{shape}.{operator}"](v) == vector(n, [UNARY[operator](n, x) for x in lanes(n, v, "s")])


@pytest.mark.parametrize(("shape", "name", "sx", "definition"), BINARY_CASES)
@given(data=st.data())
def test_binary_operators(
    shape: str, name: str, sx: str, definition: Callable[[int, str, int, int], int], data: st.DataObject
) -> None:
    n = WIDTHS[shape]
    a, b = data.draw(vectors(n)), data.draw(vectors(n))
    expected = [definition(n, sx, x, y) for x, y in zip(lanes(n, a, sx), lanes(n, b, sx))]
    assert SEMANTICS[name](a, b) == vector(n, expected)


@pytest.mark.parametrize("shape", WIDTHS)
@given(data=st.data())
def test_shifts_take_the_distance_modulo_the_width(shape: str, data: st.DataObject) -> None:
    n = WIDTHS[shape]
    v = data.draw(vectors(n))
    distance = data.draw(st.one_of(st.integers(0, 2 * n), st.integers(0, 2**32 - 1)))
    factor = 2 ** (distance % n)
    assert SEMANTICS[f"{shape}.shl"](v, distance) == vector(n, [x * factor for x in lanes(n, v)])
    assert SEMANTICS[f"{shape}.shr_u"](v, distance) == vector(n, [x // factor for x in lanes(n, v)])
    assert SEMANTICS[f"{shape}.shr_s"](v, distance) == vector(n, [x // factor for x in lanes(n, v, "s")])


@given(vectors(8))
def test_popcnt(v: bytes) -> None:
    assert SEMANTICS["i8x16.popcnt"](v) == bytes(bin(x).count("1") for x in v)


@given(vectors(16), vectors(16))
def test_q15mulr_sat_s(a: bytes, b: bytes) -> None:
    # Rounding adds one half before the floor.
    expected = [clamp(16, "s", (2 * x * y + 2**15) // 2**16) for x, y in zip(lanes(16, a, "s"), lanes(16, b, "s"))]
    assert SEMANTICS["i16x8.q15mulr_sat_s"](a, b) == vector(16, expected)


def test_q15mulr_sat_s_saturates_only_minus_one_squared() -> None:
    a = vector(16, [-0x8000, -0x8000, 0x7FFF, 0x4000, -1, 1, 0, 181])
    b = vector(16, [-0x8000, 0x7FFF, 0x7FFF, 1, 1, 0x4000, 5, 91])
    expected = vector(16, [0x7FFF, -0x7FFF, 0x7FFE, 1, 0, 1, 0, 1])
    assert SEMANTICS["i16x8.q15mulr_sat_s"](a, b) == expected


def test_the_least_value_is_its_own_magnitude_and_negation() -> None:
    for shape, n in WIDTHS.items():
        v = vector(n, [2 ** (n - 1)] * (128 // n))
        assert SEMANTICS[f"{shape}.abs"](v) == SEMANTICS[f"{shape}.neg"](v) == v


EXTENDING = [("i16x8", "i8x16"), ("i32x4", "i16x8"), ("i64x2", "i32x4")]


@pytest.mark.parametrize(("wide", "narrow"), EXTENDING)
@pytest.mark.parametrize("sx", "su")
@given(data=st.data())
def test_extending_operators(wide: str, narrow: str, sx: str, data: st.DataObject) -> None:
    n, m = WIDTHS[narrow], WIDTHS[wide]
    a, b = data.draw(vectors(n)), data.draw(vectors(n))
    xs, ys = lanes(n, a, sx), lanes(n, b, sx)
    for half, part in (("low", slice(0, 64 // n)), ("high", slice(64 // n, 128 // n))):
        assert SEMANTICS[f"{wide}.extend_{half}_{narrow}_{sx}"](a) == vector(m, xs[part])
        products = [x * y for x, y in zip(xs[part], ys[part])]
        assert SEMANTICS[f"{wide}.extmul_{half}_{narrow}_{sx}"](a, b) == vector(m, products)
    if wide != "i64x2":
        sums = [xs[i] + xs[i + 1] for i in range(0, len(xs), 2)]
        assert SEMANTICS[f"{wide}.extadd_pairwise_{narrow}_{sx}"](a) == vector(m, sums)


@given(vectors(16), vectors(16))
def test_dot_product(a: bytes, b: bytes) -> None:
    products = [x * y for x, y in zip(lanes(16, a, "s"), lanes(16, b, "s"))]
    expected = vector(32, [products[i] + products[i + 1] for i in range(0, 8, 2)])
    assert SEMANTICS["i32x4.dot_i16x8_s"](a, b) == expected


def test_dot_product_wraps() -> None:
    least = vector(16, [-0x8000] * 8)
    assert SEMANTICS["i32x4.dot_i16x8_s"](least, least) == vector(32, [2**31] * 4)


@pytest.mark.parametrize(("narrow", "wide"), [("i8x16", "i16x8"), ("i16x8", "i32x4")])
@pytest.mark.parametrize("sx", "su")
@given(data=st.data())
def test_narrowing_saturates_signed_lanes(narrow: str, wide: str, sx: str, data: st.DataObject) -> None:
    n, m = WIDTHS[narrow], WIDTHS[wide]
    near = st.integers(-(2 ** (n + 1)), 2 ** (n + 1))
    some = st.one_of(vectors(m), st.lists(near, min_size=128 // m, max_size=128 // m).map(lambda x: vector(m, x)))
    a, b = data.draw(some), data.draw(some)
    expected = [clamp(n, sx, x) for x in lanes(m, a, "s") + lanes(m, b, "s")]
    assert SEMANTICS[f"{narrow}.narrow_{wide}_{sx}"](a, b) == vector(n, expected)


@given(vectors(8), vectors(8), vectors(8))
def test_bitwise_operators_byte_by_byte(a: bytes, b: bytes, c: bytes) -> None:
    assert SEMANTICS["v128.not"](a) == bytes(255 - x for x in a)
    assert SEMANTICS["v128.and"](a, b) == bytes(x & y for x, y in zip(a, b))
    assert SEMANTICS["v128.andnot"](a, b) == bytes(x & (255 - y) for x, y in zip(a, b))
    assert SEMANTICS["v128.or"](a, b) == bytes(x | y for x, y in zip(a, b))
    assert SEMANTICS["v128.xor"](a, b) == bytes(x ^ y for x, y in zip(a, b))
    assert SEMANTICS["v128.bitselect"](a, b, c) == bytes(x & z | y & (255 - z) for x, y, z in zip(a, b, c))


def test_bitselect_takes_the_first_operand_where_the_mask_is_set() -> None:
    ones, zeros = b"\xff" * 16, bytes(16)
    mask = bytes(range(16))
    assert SEMANTICS["v128.bitselect"](ones, zeros, mask) == mask
