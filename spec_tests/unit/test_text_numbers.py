"""Number literals: text to bits and back, against Python's own conversions and exact arithmetic."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.text.numbers import F32, F64, FloatFormat, OutOfRange, float_bits, float_text, integer, is_number, natural

FORMATS: dict[str, tuple[FloatFormat, int, str, str]] = {"f32": (F32, 32, "<f", "<I"), "f64": (F64, 64, "<d", "<Q")}


def value(bits: int, name: str) -> float:
    _, _, code, integer_code = FORMATS[name]
    (number,) = struct.unpack(code, struct.pack(integer_code, bits))
    return float(number)


def bits_of(number: float, name: str) -> int:
    _, _, code, integer_code = FORMATS[name]
    (bits,) = struct.unpack(integer_code, struct.pack(code, number))
    return int(bits)


@given(st.sampled_from(sorted(FORMATS)), st.integers(0, 2**64 - 1))
def test_every_float_is_written_so_that_it_reads_back(name: str, bits: int) -> None:
    format, width, _, _ = FORMATS[name]
    bits &= (1 << width) - 1
    text = float_text(bits, format)
    assert is_number(text)
    assert float_bits(text, format) == bits


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_read_as_python_reads_them(number: float) -> None:
    assert float_bits(repr(number), F64) == bits_of(number, "f64")
    assert float_bits(f"{number:.30e}", F64) == bits_of(number, "f64")
    assert float_bits(number.hex().removeprefix("-"), F64) == bits_of(abs(number), "f64")


@given(st.integers(0, 10**40), st.integers(-60, 30))
def test_an_f32_is_rounded_once(digits: int, exponent: int) -> None:
    exact = Fraction(digits) * Fraction(10) ** exponent
    try:
        bits = float_bits(f"{digits}e{exponent}", F32)
    except OutOfRange:
        # Halfway between the largest finite number and the next one, ties to even.
        assert exact >= Fraction(2**128 - 2**103)
        return
    assert bits is not None
    got = Fraction(value(bits, "f32"))
    for other in (bits - 1, bits + 1):
        if 0 <= other < 0x7F800000:
            distance, theirs = abs(exact - got), abs(exact - Fraction(value(other, "f32")))
            assert distance < theirs or (distance == theirs and bits % 2 == 0)


@given(st.integers(-(2**63), 2**64 - 1))
def test_integers(number: int) -> None:
    sign = "-" if number < 0 else ""
    for text in (str(number), f"{sign}{hex(abs(number))}", f"{sign}0x{abs(number):_X}"):
        assert integer(text, 64) == number % 2**64
        assert is_number(text)


@pytest.mark.parametrize(
    "text", ["_1", "1_", "1__0", "0x", "0x_1", "1x", "--1", "+", "e1", ".5", "0x.8", "1e", "1e+", "nan:1", "nan:0x"]
)
def test_what_is_no_number(text: str) -> None:
    assert not is_number(text)
    assert integer(text, 32) is None
    assert float_bits(text, F64) is None


@pytest.mark.parametrize(
    ("text", "bits"),
    [("0", 0), ("4294967295", 2**32 - 1), ("-2147483648", 2**31), ("+7", 7), ("-0", 0), ("0xffff_ffff", 2**32 - 1)],
)
def test_integers_at_the_edge(text: str, bits: int) -> None:
    assert integer(text, 32) == bits


@pytest.mark.parametrize("text", ["4294967296", "-2147483649", "0x1_0000_0000", "9" * 100_000])
def test_integers_beyond_it(text: str) -> None:
    with pytest.raises(OutOfRange):
        integer(text, 32)


def test_naturals_have_no_sign() -> None:
    assert natural("1_0", 32) == 10
    assert natural("+1", 32) is natural("-1", 32) is None


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("inf", 0x7F800000),
        ("-inf", 0xFF800000),
        ("nan", 0x7FC00000),
        ("-nan:0x1", 0xFF800001),
        ("nan:0x7f_ffff", 0x7FFFFFFF),
        ("0x1p-149", 1),
        # Exactly half of the least number: to even, which is zero; and a little more.
        ("0x1p-150", 0),
        ("0x1.000001p-150", 1),
        ("0x1.fffffefffffff8000000p127", 0x7F7FFFFF),
        ("-0x0p999999999999999999", 0x80000000),
        ("0e999999999999999999", 0),
        ("1e-999999999999999999", 0),
    ],
)
def test_floats_at_the_edge(text: str, bits: int) -> None:
    assert float_bits(text, F32) == bits


@pytest.mark.parametrize("text", ["nan:0x0", "nan:0x800000", "0x1p128", "3.40282357e38", "1e999999999999999999"])
def test_floats_beyond_it(text: str) -> None:
    with pytest.raises(OutOfRange):
        float_bits(text, F32)


def test_a_long_literal_costs_no_more_than_its_length() -> None:
    for text in ("1" * 200_000 + "e-199999", "0." + "0" * 200_000 + "1e200001", "0x1" + "0" * 200_000 + "p-800000"):
        assert float_bits(text, F64) in (bits_of(1.0, "f64"), bits_of(1.1111111111111112, "f64"))
