"""f32 and f64 operators, against exact rational arithmetic that is rounded once, by a rounding of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.numeric.table import SEMANTICS


@dataclass(frozen=True)
class Format:
    """A binary interchange format: `width` bits of which `fraction` are stored fraction bits."""

    name: str
    width: int
    fraction: int

    @property
    def sign(self) -> int:
        return 1 << self.width - 1

    @property
    def infinity(self) -> int:
        return self.sign - (1 << self.fraction)

    @property
    def nan(self) -> int:
        return self.infinity | 1 << self.fraction - 1

    @property
    def one(self) -> int:
        return self.infinity >> 1 & self.infinity

    @property
    def greatest(self) -> int:
        return self.infinity - 1

    @property
    def quantum(self) -> Fraction:
        """The least positive subnormal number."""
        bias = (1 << self.width - self.fraction - 2) - 1
        return Fraction(1, 1 << bias - 1 + self.fraction)

    def is_nan(self, a: int) -> bool:
        return a & ~self.sign > self.infinity

    def is_infinite(self, a: int) -> bool:
        return a & ~self.sign == self.infinity

    def number(self, a: int) -> Fraction:
        exponent, fraction = divmod(a & ~self.sign, 1 << self.fraction)
        if exponent:
            fraction = (fraction | 1 << self.fraction) << exponent - 1
        return (-1 if a & self.sign else 1) * fraction * self.quantum

    def nearest(self, q: Fraction, zero: int = 0) -> int:
        """The bits of the number nearest to `q`, ties to even; `zero` is the result for an exact zero."""
        if q == 0:
            return zero
        sign = self.sign if q < 0 else 0
        units = abs(q) / self.quantum
        # Numbers are in the order of their bits, so the result is the last one not above, or its successor.
        shift = max(0, (units.numerator // units.denominator).bit_length() - self.fraction - 1)
        digits = math.floor(units / (1 << shift))
        below = digits if shift == 0 else digits + (shift << self.fraction)
        twice_rest = 2 * (units / (1 << shift) - digits)
        up = twice_rest > 1 or (twice_rest == 1 and digits % 2 == 1)
        return sign | min(below + up, self.infinity)


F32 = Format("f32", 32, 23)
F64 = Format("f64", 64, 52)
FORMATS = pytest.mark.parametrize("f", [F32, F64], ids=lambda f: f.name)


def edges(f: Format) -> list[int]:
    half_up = f.one - (1 << f.fraction)
    integral = f.one + (f.fraction << f.fraction)  # 2^fraction, from which on all numbers are integral
    positive = {0, 1, 2, (1 << f.fraction) - 1, 1 << f.fraction, (1 << f.fraction) + 1}
    positive |= {half_up - 1, half_up, half_up + 1, f.one - 1, f.one, f.one + 1, f.one + (3 << f.fraction - 1)}
    positive |= {f.one + (1 << f.fraction - 1), f.one + (1 << f.fraction), f.one + (5 << f.fraction - 2)}
    positive |= {integral - 2, integral - 1, integral, integral + 1, integral - (1 << f.fraction) + 1}
    positive |= {f.greatest - 1, f.greatest, f.infinity, f.infinity + 1, f.nan, f.nan + 1, f.sign - 1}
    return sorted(positive | {a | f.sign for a in positive})


def floats(f: Format) -> st.SearchStrategy[int]:
    near_one = st.integers(f.one - (3 << f.fraction), f.one + (3 << f.fraction))
    signs = st.sampled_from([0, f.sign])
    return st.one_of(
        st.sampled_from(edges(f)), st.integers(0, 2**f.width - 1), st.builds(lambda a, s: a | s, near_one, signs)
    )


def expected_sum(f: Format, a: int, b: int) -> int:
    if f.is_nan(a) or f.is_nan(b):
        return f.nan
    if f.is_infinite(a):
        return f.nan if b == a ^ f.sign else a
    if f.is_infinite(b):
        return b
    both_negative_zeros = a == b == f.sign
    return f.nearest(f.number(a) + f.number(b), zero=f.sign if both_negative_zeros else 0)


def expected_difference(f: Format, a: int, b: int) -> int:
    return expected_sum(f, a, b ^ f.sign)


def expected_product(f: Format, a: int, b: int) -> int:
    sign = (a ^ b) & f.sign
    if f.is_nan(a) or f.is_nan(b):
        return f.nan
    if f.is_infinite(a) or f.is_infinite(b):
        return f.nan if 0 in (a & ~f.sign, b & ~f.sign) else f.infinity | sign
    return f.nearest(f.number(a) * f.number(b), zero=sign)


def expected_quotient(f: Format, a: int, b: int) -> int:
    sign = (a ^ b) & f.sign
    if f.is_nan(a) or f.is_nan(b):
        return f.nan
    if f.is_infinite(a):
        return f.nan if f.is_infinite(b) else f.infinity | sign
    if f.is_infinite(b):
        return sign
    if f.number(b) == 0:
        return f.nan if f.number(a) == 0 else f.infinity | sign
    return f.nearest(f.number(a) / f.number(b), zero=sign)


def order(f: Format, a: int) -> int:
    """A number's place among all, -0 right below +0."""
    return a if a < f.sign else f.sign - 1 - a


def expected_least(f: Format, a: int, b: int) -> int:
    return f.nan if f.is_nan(a) or f.is_nan(b) else min(a, b, key=lambda x: order(f, x))


def expected_greatest(f: Format, a: int, b: int) -> int:
    return f.nan if f.is_nan(a) or f.is_nan(b) else max(a, b, key=lambda x: order(f, x))


def expected_root(f: Format, a: int) -> int:
    if f.is_nan(a) or a > f.sign:
        return f.nan
    if f.is_infinite(a):
        return a
    q = f.number(a)
    # The root of q * 4^1200, with a last bit for whatever is cut off: far below any rounding boundary's distance.
    scaled = math.floor(q * 4**1200)
    root = math.isqrt(scaled)
    return f.nearest(Fraction(2 * root + (root * root != scaled), 2**1201), zero=a)


def expected_integral(rounding: Callable[[Fraction], int]) -> Callable[[Format, int], int]:
    def expected(f: Format, a: int) -> int:
        if f.is_nan(a):
            return f.nan
        return a if f.is_infinite(a) else f.nearest(Fraction(rounding(f.number(a))), zero=a & f.sign)

    return expected


UNARY: dict[str, Callable[[Format, int], int]] = {
    "abs": lambda f, a: a % f.sign,
    "neg": lambda f, a: (a + f.sign) % (2 * f.sign),
    "sqrt": expected_root,
    "ceil": expected_integral(math.ceil),
    "floor": expected_integral(math.floor),
    "trunc": expected_integral(math.trunc),
    "nearest": expected_integral(round),
}

BINARY: dict[str, Callable[[Format, int, int], int]] = {
    "add": expected_sum,
    "sub": expected_difference,
    "mul": expected_product,
    "div": expected_quotient,
    "min": expected_least,
    "max": expected_greatest,
    "copysign": lambda f, a, b: a % f.sign + (f.sign if b >= f.sign else 0),
}

COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "gt": lambda x, y: x > y,
    "le": lambda x, y: x <= y,
    "ge": lambda x, y: x >= y,
}


def expected_comparison(f: Format, operator: str, a: int, b: int) -> int:
    if f.is_nan(a) or f.is_nan(b):
        return int(operator == "ne")
    # As a number, the bits of infinity are the next power of two, which is all that a comparison needs.
    return int(COMPARISONS[operator](f.number(a), f.number(b)))


def check(name: str, *operands: int, expected: int) -> None:
    result = SEMANTICS[name](*operands)
    assert type(result) is int
    assert result == expected, (name, [hex(a) for a in operands], hex(result), hex(expected))


def check_all(f: Format, a: int, b: int) -> None:
    for operator, binary in BINARY.items():
        check(f"{f.name}.{operator}", a, b, expected=binary(f, a, b))
    for operator in COMPARISONS:
        check(f"{f.name}.{operator}", a, b, expected=expected_comparison(f, operator, a, b))


@FORMATS
@pytest.mark.parametrize("operator", UNARY)
def test_unary_operators_at_the_edges(f: Format, operator: str) -> None:
    for a in edges(f):
        check(f"{f.name}.{operator}", a, expected=UNARY[operator](f, a))


@FORMATS
@given(data=st.data())
def test_unary_operators_on_random_bits(f: Format, data: st.DataObject) -> None:
    a = data.draw(floats(f))
    for operator, unary in UNARY.items():
        check(f"{f.name}.{operator}", a, expected=unary(f, a))


@FORMATS
def test_binary_operators_and_comparisons_at_the_edges(f: Format) -> None:
    some = edges(f)[::2] if f is F64 else edges(f)
    for a in some:
        for b in edges(f):
            check_all(f, a, b)


@FORMATS
@given(data=st.data())
def test_binary_operators_and_comparisons_on_random_bits(f: Format, data: st.DataObject) -> None:
    check_all(f, data.draw(floats(f)), data.draw(floats(f)))


@FORMATS
@given(data=st.data())
def test_the_quotient_of_subnormal_numbers_is_rounded_once(f: Format, data: st.DataObject) -> None:
    a = data.draw(st.integers(1 << f.fraction, 3 << f.fraction))
    b = data.draw(st.integers(f.one, f.one + (f.fraction + 2 << f.fraction)))
    check(f"{f.name}.div", a, b, expected=expected_quotient(f, a, b))
    check(f"{f.name}.mul", a, 2 * f.one - b, expected=expected_product(f, a, 2 * f.one - b))


@FORMATS
def test_results_at_the_border_to_infinity(f: Format) -> None:
    half_ulp = f.greatest - (f.fraction + 1 << f.fraction) & f.infinity
    check(f"{f.name}.add", f.greatest, half_ulp - 1, expected=f.greatest)
    check(f"{f.name}.add", f.greatest, half_ulp, expected=f.infinity)
    check(f"{f.name}.sub", f.greatest | f.sign, half_ulp, expected=f.infinity | f.sign)
    check(f"{f.name}.mul", f.greatest, f.one + 1, expected=f.infinity)
    check(f"{f.name}.div", f.greatest | f.sign, f.one - 1, expected=f.infinity | f.sign)


@FORMATS
def test_arithmetic_gives_the_positive_canonical_nan_whatever_the_operands_nan(f: Format) -> None:
    for nan in (f.nan, f.nan | f.sign, f.nan + 1, f.infinity + 1, f.sign + f.infinity + 1, 2 * f.sign - 1):
        for operator in ("ceil", "floor", "trunc", "nearest", "sqrt"):
            check(f"{f.name}.{operator}", nan, expected=f.nan)
        for operator in ("add", "sub", "mul", "div", "min", "max"):
            check(f"{f.name}.{operator}", nan, f.one, expected=f.nan)
            check(f"{f.name}.{operator}", f.one, nan, expected=f.nan)


@FORMATS
def test_sign_operators_keep_the_payload_of_a_nan(f: Format) -> None:
    nan = f.infinity + 5
    check(f"{f.name}.abs", nan | f.sign, expected=nan)
    check(f"{f.name}.neg", nan, expected=nan | f.sign)
    check(f"{f.name}.copysign", nan, f.sign, expected=nan | f.sign)


@FORMATS
def test_zeros_keep_their_signs(f: Format) -> None:
    minus_half = f.sign | f.one - (1 << f.fraction)
    check(f"{f.name}.ceil", minus_half, expected=f.sign)
    check(f"{f.name}.nearest", minus_half, expected=f.sign)
    check(f"{f.name}.sqrt", f.sign, expected=f.sign)
    check(f"{f.name}.min", 0, f.sign, expected=f.sign)
    check(f"{f.name}.max", f.sign, 0, expected=0)
    check(f"{f.name}.add", f.sign, f.sign, expected=f.sign)
    check(f"{f.name}.sub", f.one, f.one, expected=0)
