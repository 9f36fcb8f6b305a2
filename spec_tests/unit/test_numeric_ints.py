"""i32 and i64 operators, against their definitions in unbounded arithmetic and on strings of bits."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.errors import Trap, TrapCode
from refsfi.numeric.table import SEMANTICS

WIDTHS = (32, 64)


def edges(n: int) -> list[int]:
    top = 1 << n - 1
    near = {0, 1, 2, 3, 7, n - 1, n, n + 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x55555555, 0x9E3779B9}
    return sorted(near | {top - 2, top - 1, top, top + 1, 2 * top - 7, 2 * top - 2, 2 * top - 1})


def words(n: int) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from(edges(n)), st.integers(0, 2**n - 1))


def signed(n: int, i: int) -> int:
    return i if i < 2 ** (n - 1) else i - 2**n


def bits(n: int, i: int) -> str:
    return format(i, f"0{n}b")


UNARY: dict[str, Callable[[int, int], int]] = {
    "clz": lambda n, i: n - len(bits(n, i).lstrip("0")),
    "ctz": lambda n, i: n - len(bits(n, i).rstrip("0")),
    "popcnt": lambda n, i: bits(n, i).count("1"),
    "extend8_s": lambda n, i: signed(8, i % 2**8) % 2**n,
    "extend16_s": lambda n, i: signed(16, i % 2**16) % 2**n,
    "eqz": lambda n, i: int(i == 0),
}

BINARY: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda n, i, j: (i + j) % 2**n,
    "sub": lambda n, i, j: (i - j) % 2**n,
    "mul": lambda n, i, j: (i * j) % 2**n,
    "and": lambda n, i, j: int("".join(str(int(x == y == "1")) for x, y in zip(bits(n, i), bits(n, j))), 2),
    "or": lambda n, i, j: int("".join(str(int("1" in x + y)) for x, y in zip(bits(n, i), bits(n, j))), 2),
    "xor": lambda n, i, j: int("".join(str(int(x != y)) for x, y in zip(bits(n, i), bits(n, j))), 2),
    "shl": lambda n, i, j: i * 2 ** (j % n) % 2**n,
    "shr_u": lambda n, i, j: i // 2 ** (j % n),
    "shr_s": lambda n, i, j: signed(n, i) // 2 ** (j % n) % 2**n,
    "rotl": lambda n, i, j: int(bits(n, i)[j % n :] + bits(n, i)[: j % n], 2),
    "rotr": lambda n, i, j: int(bits(n, i)[n - j % n :] + bits(n, i)[: n - j % n], 2),
    "eq": lambda n, i, j: int(i == j),
    "ne": lambda n, i, j: int(i != j),
    "lt_u": lambda n, i, j: int(i < j),
    "lt_s": lambda n, i, j: int(signed(n, i) < signed(n, j)),
    "gt_u": lambda n, i, j: int(i > j),
    "gt_s": lambda n, i, j: int(signed(n, i) > signed(n, j)),
    "le_u": lambda n, i, j: int(i <= j),
    "le_s": lambda n, i, j: int(signed(n, i) <= signed(n, j)),
    "ge_u": lambda n, i, j: int(i >= j),
    "ge_s": lambda n, i, j: int(signed(n, i) >= signed(n, j)),
}

DIVISION: dict[str, Callable[[int, int, int], int]] = {
    "div_u": lambda n, i, j: i // j,
    "div_s": lambda n, i, j: trunc(Fraction(signed(n, i), signed(n, j))) % 2**n,
    "rem_u": lambda n, i, j: i - j * (i // j),
    "rem_s": lambda n, i, j: (signed(n, i) - signed(n, j) * trunc(Fraction(signed(n, i), signed(n, j)))) % 2**n,
}


def check(name: str, *operands: int, expected: int) -> None:
    result = SEMANTICS[name](*operands)
    assert type(result) is int
    assert result == expected, (name, operands)


def check_division(n: int, operator: str, i: int, j: int) -> None:
    name = f"i{n}.{operator}"
    code = None
    if j == 0:
        code = TrapCode.INTEGER_DIVISION_BY_ZERO
    elif operator == "div_s" and i == 2 ** (n - 1) and j == 2**n - 1:
        code = TrapCode.INTEGER_OVERFLOW
    if code is None:
        check(name, i, j, expected=DIVISION[operator](n, i, j))
        return
    with pytest.raises(Trap) as trap:
        SEMANTICS[name](i, j)
    assert trap.value.code is code


@pytest.mark.parametrize("n", WIDTHS)
@pytest.mark.parametrize("operator", UNARY)
def test_unary_operators_at_the_edges(n: int, operator: str) -> None:
    for i in edges(n) + [1 << k for k in range(n)] + [(1 << k) - 1 for k in range(n)]:
        check(f"i{n}.{operator}", i, expected=UNARY[operator](n, i))


@pytest.mark.parametrize("n", WIDTHS)
@pytest.mark.parametrize("operator", BINARY)
def test_binary_operators_at_the_edges(n: int, operator: str) -> None:
    for i in edges(n):
        for j in edges(n):
            check(f"i{n}.{operator}", i, j, expected=BINARY[operator](n, i, j))


@pytest.mark.parametrize("n", WIDTHS)
@pytest.mark.parametrize("operator", DIVISION)
def test_division_at_the_edges(n: int, operator: str) -> None:
    for i in edges(n):
        for j in edges(n):
            check_division(n, operator, i, j)


@pytest.mark.parametrize("n", WIDTHS)
@given(data=st.data())
def test_all_operators_on_random_words(n: int, data: st.DataObject) -> None:
    i, j = data.draw(words(n)), data.draw(words(n))
    for operator, unary in UNARY.items():
        check(f"i{n}.{operator}", i, expected=unary(n, i))
    for operator, binary in BINARY.items():
        check(f"i{n}.{operator}", i, j, expected=binary(n, i, j))
    for operator in DIVISION:
        check_division(n, operator, i, j)


@given(words(64))
def test_extend32_s(i: int) -> None:
    check("i64.extend32_s", i, expected=signed(32, i % 2**32) % 2**64)


@pytest.mark.parametrize("n", WIDTHS)
def test_the_remainder_has_the_sign_of_the_dividend_and_never_overflows(n: int) -> None:
    least, minus_one = 2 ** (n - 1), 2**n - 1
    check(f"i{n}.rem_s", least, minus_one, expected=0)
    check(f"i{n}.rem_s", 2**n - 7, 3, expected=2**n - 1)
    check(f"i{n}.rem_s", 7, 2**n - 3, expected=1)
    check(f"i{n}.div_s", 2**n - 7, 2, expected=2**n - 3)


def test_trap_messages_are_the_specifications() -> None:
    with pytest.raises(Trap, match=r"^integer divide by zero$"):
        SEMANTICS["i32.rem_u"](1, 0)
    with pytest.raises(Trap, match=r"^integer overflow$"):
        SEMANTICS["i64.div_s"](2**63, 2**64 - 1)


def check_wide(i: int, j: int) -> None:
    def halves(x: int) -> tuple[int, int]:
        return x % 2**64, x // 2**64 % 2**64

    assert SEMANTICS["i64.add128"](*halves(i), *halves(j)) == halves(i + j)
    assert SEMANTICS["i64.sub128"](*halves(i), *halves(j)) == halves(i - j)
    x, y = i % 2**64, j % 2**64
    assert SEMANTICS["i64.mul_wide_u"](x, y) == halves(x * y)
    assert SEMANTICS["i64.mul_wide_s"](x, y) == halves(signed(64, x) * signed(64, y))


def test_wide_arithmetic_at_the_edges() -> None:
    wide = [low + (high << 64) for low in (0, 1, 2**63, 2**64 - 1) for high in (0, 1, 2**63, 2**64 - 1)]
    for i in wide:
        for j in wide:
            check_wide(i, j)


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_wide_arithmetic_on_random_words(i: int, j: int) -> None:
    check_wide(i, j)
