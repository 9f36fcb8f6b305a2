"""Conversions between the scalar types: truncation against exact rationals, rounding by comparing the neighbours."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.errors import Trap, TrapCode
from refsfi.numeric.table import SEMANTICS

FLOATS = {32: ("<I", "<f"), 64: ("<Q", "<d")}
NAN = {32: 0x7FC00000, 64: 0x7FF8000000000000}
INFINITY = {32: 0x7F800000, 64: 0x7FF0000000000000}


def decode(m: int, a: int) -> float:
    """The f32 or f64 with bits `a` as a Python float, which holds either exactly."""
    as_int, as_float = FLOATS[m]
    value: float = struct.unpack(as_float, struct.pack(as_int, a))[0]
    return value


def encode(m: int, x: float) -> int:
    as_int, as_float = FLOATS[m]
    bits: int = struct.unpack(as_int, struct.pack(as_float, x))[0]
    return bits


def number(m: int, a: int) -> Fraction:
    """The positive number with bits `a`. Rounding takes infinity for the power of two after the greatest number."""
    return Fraction(2) ** (128 if m == 32 else 1024) if a == INFINITY[m] else Fraction(decode(m, a))


def is_nearest(m: int, a: int, q: Fraction) -> bool:
    """Whether `a` is the f32 or f64 nearest to `q`, ties to even."""
    sign = 1 << m - 1
    magnitude = a & ~sign
    if (q < 0) != bool(a & sign) and q != 0:
        return False
    if magnitude == INFINITY[m] and abs(q) > number(m, magnitude):
        return True
    neighbours = (max(magnitude - 1, 0), magnitude, min(magnitude + 1, INFINITY[m]))
    errors = {b: abs(abs(q) - number(m, b)) for b in neighbours}
    nearer = [b for b in errors if errors[b] < errors[magnitude]]
    ties = [b for b in errors if errors[b] == errors[magnitude] and b != magnitude]
    return not nearer and (not ties or magnitude % 2 == 0)


def bounds(n: int, sx: str) -> tuple[int, int]:
    return (0, 2**n - 1) if sx == "u" else (-(2 ** (n - 1)), 2 ** (n - 1) - 1)


def check_trunc(n: int, m: int, sx: str, a: int) -> None:
    trapping, saturating = f"i{n}.trunc_f{m}_{sx}", f"i{n}.trunc_sat_f{m}_{sx}"
    least, greatest = bounds(n, sx)
    x = decode(m, a)
    code = None
    if math.isnan(x):
        code, saturated = TrapCode.BAD_CONVERSION_TO_INTEGER, 0
    elif math.isinf(x):
        code, saturated = TrapCode.INTEGER_OVERFLOW, greatest if x > 0 else least
    else:
        exact = math.trunc(Fraction(x))
        saturated = min(max(exact, least), greatest)
        if exact != saturated:
            code = TrapCode.INTEGER_OVERFLOW
    assert SEMANTICS[saturating](a) == saturated % 2**n
    if code is None:
        assert SEMANTICS[trapping](a) == saturated % 2**n
    else:
        with pytest.raises(Trap) as trap:
            SEMANTICS[trapping](a)
        assert trap.value.code is code


TRUNCATIONS = pytest.mark.parametrize(("n", "m", "sx"), [(n, m, sx) for n in (32, 64) for m in (32, 64) for sx in "su"])


@TRUNCATIONS
def test_truncation_at_the_borders_of_the_integer_type(n: int, m: int, sx: str) -> None:
    least, greatest = bounds(n, sx)
    for border in (least - 1, least, -1, 0, 1, greatest, greatest + 1):
        nearest = encode(m, float(border))
        for a in {max(nearest - 1, 0), nearest, nearest + 1, encode(m, border + 0.5), encode(m, border - 0.5)}:
            check_trunc(n, m, sx, a)
            check_trunc(n, m, sx, a ^ 1 << m - 1)


@TRUNCATIONS
def test_truncation_of_what_is_no_number(n: int, m: int, sx: str) -> None:
    for a in (INFINITY[m], INFINITY[m] + 1, NAN[m], NAN[m] + 1, (1 << m - 1) - 1, 1):
        check_trunc(n, m, sx, a)
        check_trunc(n, m, sx, a | 1 << m - 1)


@TRUNCATIONS
@given(data=st.data())
def test_truncation_of_random_floats(n: int, m: int, sx: str, data: st.DataObject) -> None:
    in_reach = st.floats(-(2.0**65), 2.0**65, width=32 if m == 32 else 64).map(lambda x: encode(m, x))
    check_trunc(n, m, sx, data.draw(st.one_of(in_reach, st.integers(0, 2**m - 1))))


def test_trap_messages_are_the_specifications() -> None:
    with pytest.raises(Trap, match=r"^invalid conversion to integer$"):
        SEMANTICS["i32.trunc_f32_s"](NAN[32])
    with pytest.raises(Trap, match=r"^integer overflow$"):
        SEMANTICS["i64.trunc_f64_u"](encode(64, -1.0))


def check_convert(m: int, n: int, sx: str, i: int) -> None:
    value = i - 2**n if sx == "s" and i >= 2 ** (n - 1) else i
    result = SEMANTICS[f"f{m}.convert_i{n}_{sx}"](i)
    assert type(result) is int
    assert is_nearest(m, result, Fraction(value)), (m, n, sx, hex(i), hex(result))


CONVERSIONS = pytest.mark.parametrize(("m", "n", "sx"), [(m, n, sx) for m in (32, 64) for n in (32, 64) for sx in "su"])


@CONVERSIONS
def test_conversion_of_integers_around_rounding_boundaries(m: int, n: int, sx: str) -> None:
    kept = 24 if m == 32 else 53
    for size in range(1, n + 1):
        for pattern in (0, 1, 1 << size // 2, (1 << size - 1) - 1):
            for tail in range(-2, 3):
                # Around halfway between two neighbours of `size` bits, in even and odd position.
                halfway = (1 << size - 1) + ((1 << size - kept - 1) if size > kept else 0) + pattern + tail
                check_convert(m, n, sx, halfway % 2**n)
                check_convert(m, n, sx, -halfway % 2**n)


@CONVERSIONS
@given(data=st.data())
def test_conversion_of_random_integers(m: int, n: int, sx: str, data: st.DataObject) -> None:
    check_convert(m, n, sx, data.draw(st.integers(0, 2**n - 1)))


def test_i64_to_f32_is_not_rounded_twice() -> None:
    # Through f64, each of these would become a tie first and then go the wrong way.
    assert SEMANTICS["f32.convert_i64_u"](0x8000_0080_0000_0001) == 0x5F000001
    assert SEMANTICS["f32.convert_i64_u"](0x8000_017F_FFFF_FFFF) == 0x5F000001
    assert SEMANTICS["f32.convert_i64_s"](0x4000_0040_0000_0001) == 0x5E800001
    assert SEMANTICS["f32.convert_i64_s"](-0x4000_0040_0000_0001 % 2**64) == 0xDE800001
    assert SEMANTICS["f32.convert_i64_u"](2**64 - 1) == 0x5F800000
    assert SEMANTICS["f32.convert_i64_s"](2**63) == 0xDF000000


@given(st.one_of(st.integers(0, 2**64 - 1), st.floats(width=64, min_value=-(2.0**128), max_value=2.0**128)))
def test_demotion_rounds_to_nearest(operand: int | float) -> None:
    a = operand if isinstance(operand, int) else encode(64, operand)
    x = decode(64, a)
    result = SEMANTICS["f32.demote_f64"](a)
    if math.isnan(x):
        assert result == NAN[32]
    elif math.isinf(x):
        assert result == INFINITY[32] | (0x80000000 if x < 0 else 0)
    elif x == 0:
        assert result == a >> 32
    else:
        assert is_nearest(32, result, Fraction(x))


@pytest.mark.parametrize(
    ("x", "bits"),
    [
        ("0x1.fffffep127", 0x7F7FFFFF),
        ("0x1.fffffefffffffp127", 0x7F7FFFFF),
        ("0x1.ffffffp127", 0x7F800000),
        ("-0x1.ffffffp127", 0xFF800000),
        ("0x1p-149", 0x00000001),
        ("0x1p-150", 0x00000000),
        ("0x1.0000000000001p-150", 0x00000001),
        ("-0x1p-1000", 0x80000000),
        ("0x1.000001p0", 0x3F800000),
        ("0x1.0000010000001p0", 0x3F800001),
        ("0x1.000003p0", 0x3F800002),
        ("-0x0p0", 0x80000000),
    ],
)
def test_demotion_at_the_edges(x: str, bits: int) -> None:
    assert SEMANTICS["f32.demote_f64"](encode(64, float.fromhex(x))) == bits


@given(st.integers(0, 2**32 - 1))
def test_promotion_is_exact(a: int) -> None:
    result = SEMANTICS["f64.promote_f32"](a)
    x = decode(32, a)
    assert result == (NAN[64] if math.isnan(x) else encode(64, x))
    assert SEMANTICS["f32.demote_f64"](result) == (NAN[32] if math.isnan(x) else a)


def test_nans_become_canonical() -> None:
    for nan in (0x7F800001, 0xFFC00000, 0x7FC00001, 0xFFFFFFFF):
        assert SEMANTICS["f64.promote_f32"](nan) == NAN[64]
    for nan in (0x7FF0000000000001, 0xFFF8000000000000, 0xFFFFFFFFFFFFFFFF):
        assert SEMANTICS["f32.demote_f64"](nan) == NAN[32]


@given(st.integers(0, 2**64 - 1))
def test_wrapping_extending_and_reinterpreting(i: int) -> None:
    low = i % 2**32
    assert SEMANTICS["i32.wrap_i64"](i) == low
    assert SEMANTICS["i64.extend_i32_u"](low) == low
    assert SEMANTICS["i64.extend_i32_s"](low) == (low if low < 2**31 else low + 2**64 - 2**32)
    for name in ("i64.reinterpret_f64", "f64.reinterpret_i64"):
        assert SEMANTICS[name](i) == i
    for name in ("i32.reinterpret_f32", "f32.reinterpret_i32"):
        assert SEMANTICS[name](low) == low
