"""Integer operators on i32 and i64: unsigned Python ints in range, in and out.

A signed reading of x is `(x ^ 2^(N-1)) - 2^(N-1)`; comparisons skip the subtraction, which changes no order. The wide
arithmetic operators at the end return a 128-bit result as the pair (low half, high half).

Each function names the rules of the specification that it implements: the reduction rule of the instruction and, as in
`iadd_`, the numeric function of chapter 4.3.
"""

from __future__ import annotations

from refsfi.errors import Trap, TrapCode


def i32_clz(a: int) -> int:
    """Rule: Step_pure/unop-val, iclz_"""
    return 32 - a.bit_length()


def i32_ctz(a: int) -> int:
    """Rule: Step_pure/unop-val, ictz_"""
    return (a & -a).bit_length() - 1 if a else 32


def i32_popcnt(a: int) -> int:
    """Rule: Step_pure/unop-val, ipopcnt_"""
    return a.bit_count()


def i32_extend8_s(a: int) -> int:
    """Rule: Step_pure/unop-val, iextend_"""
    return (((a & 0xFF) ^ 0x80) - 0x80) & 0xFFFFFFFF


def i32_extend16_s(a: int) -> int:
    """Rule: Step_pure/unop-val, iextend_"""
    return (((a & 0xFFFF) ^ 0x8000) - 0x8000) & 0xFFFFFFFF


def i32_add(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, iadd_"""
    return (a + b) & 0xFFFFFFFF


def i32_sub(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, isub_"""
    return (a - b) & 0xFFFFFFFF


def i32_mul(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, imul_"""
    return (a * b) & 0xFFFFFFFF


def i32_div_s(a: int, b: int) -> int:
    """The quotient truncated toward zero; traps on a zero divisor and where the quotient is not representable.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, idiv_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    n = (a ^ 0x80000000) - 0x80000000
    d = (b ^ 0x80000000) - 0x80000000
    q = n // d
    if q < 0:
        if q * d != n:
            q += 1  # Python rounds down
    elif q == 0x80000000:
        raise Trap(TrapCode.INTEGER_OVERFLOW)
    return q & 0xFFFFFFFF


def i32_div_u(a: int, b: int) -> int:
    """The quotient truncated; traps on a zero divisor.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, idiv_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    return a // b


def i32_rem_s(a: int, b: int) -> int:
    """The remainder with the dividend's sign; traps on a zero divisor, never on overflow.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, irem_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    d = (b ^ 0x80000000) - 0x80000000
    if a < 0x80000000:
        return a % abs(d)
    return -((0x100000000 - a) % abs(d)) & 0xFFFFFFFF


def i32_rem_u(a: int, b: int) -> int:
    """The remainder; traps on a zero divisor.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, irem_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    return a % b


def i32_and(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, iand_"""
    return a & b


def i32_or(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ior_"""
    return a | b


def i32_xor(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ixor_"""
    return a ^ b


def i32_shl(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ishl_"""
    return (a << (b & 31)) & 0xFFFFFFFF


def i32_shr_s(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ishr_"""
    return (((a ^ 0x80000000) - 0x80000000) >> (b & 31)) & 0xFFFFFFFF


def i32_shr_u(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ishr_"""
    return a >> (b & 31)


def i32_rotl(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, irotl_"""
    k = b & 31
    return ((a << k) | (a >> (32 - k))) & 0xFFFFFFFF


def i32_rotr(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, irotr_"""
    k = b & 31
    return ((a >> k) | (a << (32 - k))) & 0xFFFFFFFF


def i32_eqz(a: int) -> int:
    """Rule: Step_pure/testop, ieqz_"""
    return 0 if a else 1


def i32_eq(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ieq_"""
    return 1 if a == b else 0


def i32_ne(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ine_"""
    return 1 if a != b else 0


def i32_lt_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ilt_"""
    return 1 if (a ^ 0x80000000) < (b ^ 0x80000000) else 0


def i32_lt_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ilt_"""
    return 1 if a < b else 0


def i32_gt_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, igt_"""
    return 1 if (a ^ 0x80000000) > (b ^ 0x80000000) else 0


def i32_gt_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, igt_"""
    return 1 if a > b else 0


def i32_le_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ile_"""
    return 1 if (a ^ 0x80000000) <= (b ^ 0x80000000) else 0


def i32_le_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ile_"""
    return 1 if a <= b else 0


def i32_ge_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ige_"""
    return 1 if (a ^ 0x80000000) >= (b ^ 0x80000000) else 0


def i32_ge_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ige_"""
    return 1 if a >= b else 0


def i64_clz(a: int) -> int:
    """Rule: Step_pure/unop-val, iclz_"""
    return 64 - a.bit_length()


def i64_ctz(a: int) -> int:
    """Rule: Step_pure/unop-val, ictz_"""
    return (a & -a).bit_length() - 1 if a else 64


def i64_popcnt(a: int) -> int:
    """Rule: Step_pure/unop-val, ipopcnt_"""
    return a.bit_count()


def i64_extend8_s(a: int) -> int:
    """Rule: Step_pure/unop-val, iextend_"""
    return (((a & 0xFF) ^ 0x80) - 0x80) & 0xFFFFFFFFFFFFFFFF


def i64_extend16_s(a: int) -> int:
    """Rule: Step_pure/unop-val, iextend_"""
    return (((a & 0xFFFF) ^ 0x8000) - 0x8000) & 0xFFFFFFFFFFFFFFFF


def i64_extend32_s(a: int) -> int:
    """Rule: Step_pure/unop-val, iextend_"""
    return (((a & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000) & 0xFFFFFFFFFFFFFFFF


def i64_add(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, iadd_"""
    return (a + b) & 0xFFFFFFFFFFFFFFFF


def i64_sub(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, isub_"""
    return (a - b) & 0xFFFFFFFFFFFFFFFF


def i64_mul(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, imul_"""
    return (a * b) & 0xFFFFFFFFFFFFFFFF


def i64_div_s(a: int, b: int) -> int:
    """The quotient truncated toward zero; traps on a zero divisor and where the quotient is not representable.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, idiv_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    n = (a ^ 0x8000000000000000) - 0x8000000000000000
    d = (b ^ 0x8000000000000000) - 0x8000000000000000
    q = n // d
    if q < 0:
        if q * d != n:
            q += 1  # Python rounds down
    elif q == 0x8000000000000000:
        raise Trap(TrapCode.INTEGER_OVERFLOW)
    return q & 0xFFFFFFFFFFFFFFFF


def i64_div_u(a: int, b: int) -> int:
    """The quotient truncated; traps on a zero divisor.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, idiv_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    return a // b


def i64_rem_s(a: int, b: int) -> int:
    """The remainder with the dividend's sign; traps on a zero divisor, never on overflow.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, irem_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    d = (b ^ 0x8000000000000000) - 0x8000000000000000
    if a < 0x8000000000000000:
        return a % abs(d)
    return -((0x10000000000000000 - a) % abs(d)) & 0xFFFFFFFFFFFFFFFF


def i64_rem_u(a: int, b: int) -> int:
    """The remainder; traps on a zero divisor.

    Rule: Step_pure/binop-val, Step_pure/binop-trap, irem_
    """
    if b == 0:
        raise Trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    return a % b


def i64_and(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, iand_"""
    return a & b


def i64_or(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ior_"""
    return a | b


def i64_xor(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ixor_"""
    return a ^ b


def i64_shl(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ishl_"""
    return (a << (b & 63)) & 0xFFFFFFFFFFFFFFFF


def i64_shr_s(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ishr_"""
    return (((a ^ 0x8000000000000000) - 0x8000000000000000) >> (b & 63)) & 0xFFFFFFFFFFFFFFFF


def i64_shr_u(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, ishr_"""
    return a >> (b & 63)


def i64_rotl(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, irotl_"""
    k = b & 63
    return ((a << k) | (a >> (64 - k))) & 0xFFFFFFFFFFFFFFFF


def i64_rotr(a: int, b: int) -> int:
    """Rule: Step_pure/binop-val, irotr_"""
    k = b & 63
    return ((a >> k) | (a << (64 - k))) & 0xFFFFFFFFFFFFFFFF


def i64_eqz(a: int) -> int:
    """Rule: Step_pure/testop, ieqz_"""
    return 0 if a else 1


def i64_eq(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ieq_"""
    return 1 if a == b else 0


def i64_ne(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ine_"""
    return 1 if a != b else 0


def i64_lt_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ilt_"""
    return 1 if (a ^ 0x8000000000000000) < (b ^ 0x8000000000000000) else 0


def i64_lt_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ilt_"""
    return 1 if a < b else 0


def i64_gt_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, igt_"""
    return 1 if (a ^ 0x8000000000000000) > (b ^ 0x8000000000000000) else 0


def i64_gt_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, igt_"""
    return 1 if a > b else 0


def i64_le_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ile_"""
    return 1 if (a ^ 0x8000000000000000) <= (b ^ 0x8000000000000000) else 0


def i64_le_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ile_"""
    return 1 if a <= b else 0


def i64_ge_s(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ige_"""
    return 1 if (a ^ 0x8000000000000000) >= (b ^ 0x8000000000000000) else 0


def i64_ge_u(a: int, b: int) -> int:
    """Rule: Step_pure/relop, ige_"""
    return 1 if a >= b else 0


def i64_add128(a_low: int, a_high: int, b_low: int, b_high: int) -> tuple[int, int]:
    """The sum of two 128-bit integers, as (low, high).

    Rule: wide-arithmetic/i64.add128
    """
    low = a_low + b_low
    return low & 0xFFFFFFFFFFFFFFFF, (a_high + b_high + (low >> 64)) & 0xFFFFFFFFFFFFFFFF


def i64_sub128(a_low: int, a_high: int, b_low: int, b_high: int) -> tuple[int, int]:
    """The difference of two 128-bit integers, as (low, high).

    Rule: wide-arithmetic/i64.sub128
    """
    low = a_low - b_low
    return low & 0xFFFFFFFFFFFFFFFF, (a_high - b_high + (low >> 64)) & 0xFFFFFFFFFFFFFFFF


def i64_mul_wide_s(a: int, b: int) -> tuple[int, int]:
    """The full signed product, as (low, high).

    Rule: wide-arithmetic/i64.mul_wide_s
    """
    product = ((a ^ 0x8000000000000000) - 0x8000000000000000) * ((b ^ 0x8000000000000000) - 0x8000000000000000)
    return product & 0xFFFFFFFFFFFFFFFF, (product >> 64) & 0xFFFFFFFFFFFFFFFF


def i64_mul_wide_u(a: int, b: int) -> tuple[int, int]:
    """The full unsigned product, as (low, high).

    Rule: wide-arithmetic/i64.mul_wide_u
    """
    product = a * b
    return product & 0xFFFFFFFFFFFFFFFF, product >> 64
