"""What generated code calls: the names in its globals.

Numbers that generated code hands over are what the values are there: ints in range, floats as Python floats. What
cannot be done raises one of `FAULTS`, before anything has been written; the code leaves then.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_float
from math import ceil, copysign, floor, inf, nan, sqrt, trunc
from typing import Any

from refsfi.errors import Trap
from refsfi.numeric.table import SEMANTICS
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import FuncInst
from refsfi.runtime.values import same_ref

__all__ = ["FAULTS", "NAMES", "Check"]


class Check(Exception):
    """The interpreter is to execute this instruction."""


# An address out of bounds, a divisor of zero, and what the semantic functions say.
FAULTS = (Check, struct.error, IndexError, OverflowError, ZeroDivisionError, Trap)

_ONES = {32: 0xFFFFFFFF, 64: 0xFFFFFFFFFFFFFFFF}


def _codec(form: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    codec = struct.Struct(form)
    return codec.unpack_from, codec.pack_into


def round32(x: float) -> float:
    """The nearest f32; too large a number is an infinity."""
    return c_float(x).value


def canon(x: float) -> float:
    return x if x == x else nan


def fdiv(x: float, y: float) -> float:
    if y:
        return x / y
    if x > 0.0 or x < 0.0:
        return copysign(inf, x) * copysign(1.0, y)
    return nan


def fsqrt(x: float) -> float:
    return sqrt(x) if x >= 0.0 else nan


def fmin(x: float, y: float) -> float:
    if x < y:
        return x
    if y < x:
        return y
    if x == y:
        return x if copysign(1.0, x) < 0.0 else y
    return nan


def fmax(x: float, y: float) -> float:
    if x > y:
        return x
    if y > x:
        return y
    if x == y:
        return y if copysign(1.0, x) < 0.0 else x
    return nan


def _rounding(function: Callable[[float], int]) -> Callable[[float], float]:
    def rounded(x: float) -> float:
        # From 2^52 on all numbers are integral.
        if -4503599627370496.0 < x < 4503599627370496.0:
            return float(function(x)) or copysign(0.0, x)
        return x

    return rounded


def _truncation(bits: int, signed: bool, saturating: bool) -> Callable[[float], int]:
    mask = _ONES[bits]
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, mask)
    # The bounds themselves are no doubles; those of the open interval around are, or the next ones within are the same.
    below, above = float(low) - 1.0, float(high + 1)

    def truncated(x: float) -> int:
        if low <= x < above or below < x < 0.0:
            return int(x) & mask
        if not saturating:
            raise Check
        return (low if x < 0.0 else high if x > 0.0 else 0) & mask

    return truncated


def mul_high_s(a: int, b: int) -> int:
    half = 0x8000000000000000
    return ((((a ^ half) - half) * ((b ^ half) - half)) >> 64) & _ONES[64]


def words(mem: MemInst) -> dict[str, memoryview]:
    """A memory's bytes as arrays, by format. What does not fill an item at the end is missing.

    Generated code keeps them across instructions between which a signal handler of the host may have the memory grow.
    So they are to be of the same bytes as the grown memory's; only a process without descriptors left goes without.
    """
    with suppress(OSError):
        mem.pin()
    data = memoryview(mem.data)
    whole = data[: len(data) & -8]
    made: dict[str, memoryview] = {"B": data}
    made["H"], made["I"], made["Q"] = whole.cast("H"), whole.cast("I"), whole.cast("Q")
    # Typed as views of ints in the standard library's stubs.
    floats: Any = (whole.cast("f"), whole.cast("d"))
    made["f"], made["d"] = floats
    mem.words = made
    return made


def _names() -> dict[str, Any]:
    names: dict[str, Any] = {
        "FAULTS": FAULTS,
        "Check": Check,
        "FuncInst": FuncInst,
        "NAN": nan,
        "c_float": c_float,
        "canon": canon,
        "copysign": copysign,
        "fdiv": fdiv,
        "fsqrt": fsqrt,
        "fmin": fmin,
        "fmax": fmax,
        "fceil": _rounding(ceil),
        "ffloor": _rounding(floor),
        "ftrunc": _rounding(trunc),
        "fnearest": _rounding(round),
        "mul_high_s": mul_high_s,
        "same": same_ref,
        "words": words,
    }
    for form in ("H", "I", "Q", "f", "d", "16s"):
        names[f"load_{form}"], names[f"store_{form}"] = _codec(f"<{form}")
    for name, form in (("I", "<I"), ("Q", "<Q"), ("f", "<f"), ("d", "<d")):
        codec = struct.Struct(form)
        names[f"pack_{name}"], names[f"unpack_{name}"] = codec.pack, codec.unpack
    for bits in (32, 64):
        for sign in "su":
            names[f"trunc_i{bits}_{sign}"] = _truncation(bits, sign == "s", False)
            names[f"trunc_sat_i{bits}_{sign}"] = _truncation(bits, sign == "s", True)
    for mnemonic, function in SEMANTICS.items():
        names[semantic(mnemonic)] = function
    return names


def semantic(mnemonic: str) -> str:
    """The name of an instruction's semantic function."""
    return "sem_" + mnemonic.replace(".", "_")


NAMES = _names()
