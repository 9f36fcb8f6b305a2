"""Bitwise operators on v128, which has no shape here: 16 bytes are one 128-bit integer."""

from __future__ import annotations

_ONES = (1 << 128) - 1
_ZERO = bytes(16)


def v128_not(v: bytes) -> bytes:
    """Rule: Step_pure/vvunop, inot_"""
    return (int.from_bytes(v, "little") ^ _ONES).to_bytes(16, "little")


def v128_and(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vvbinop, iand_"""
    return (int.from_bytes(a, "little") & int.from_bytes(b, "little")).to_bytes(16, "little")


def v128_andnot(a: bytes, b: bytes) -> bytes:
    """The bits of the first operand that are clear in the second.

    Rule: Step_pure/vvbinop, iandnot_
    """
    return (int.from_bytes(a, "little") & ~int.from_bytes(b, "little")).to_bytes(16, "little")


def v128_or(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vvbinop, ior_"""
    return (int.from_bytes(a, "little") | int.from_bytes(b, "little")).to_bytes(16, "little")


def v128_xor(a: bytes, b: bytes) -> bytes:
    """Rule: Step_pure/vvbinop, ixor_"""
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(16, "little")


def v128_bitselect(a: bytes, b: bytes, mask: bytes) -> bytes:
    """Bits of `a` where the mask is set, of `b` where it is clear.

    Rule: Step_pure/vvternop, ibitselect_
    """
    y = int.from_bytes(b, "little")
    return (y ^ (int.from_bytes(a, "little") ^ y) & int.from_bytes(mask, "little")).to_bytes(16, "little")


def v128_any_true(v: bytes) -> int:
    """Rule: Step_pure/vvtestop, inez_"""
    return 0 if v == _ZERO else 1
