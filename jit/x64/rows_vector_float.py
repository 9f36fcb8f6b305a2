"""Lanewise floating-point arithmetic. NaNs that it makes are canonical at once, for any instruction may look at a
vector's bits. What only moves or selects lanes, or changes signs, keeps them."""

from __future__ import annotations

from typing import Final

from jit.x64.emit import Emitter, emits
from jit.x64.vectors import (
    ROUNDING,
    canonical_lanes,
    combine,
    fresh,
    lanes_label,
    map_lanes,
    maximum,
    minimum,
    unary,
)

_SHAPES: Final = ("f32x4", "f64x2")


def _suffix(e: Emitter, v: int) -> str:
    return "ps" if e.graph.op[v].name.startswith("f32") else "pd"


@emits(*(f"{shape}.{name}" for shape in _SHAPES for name in ("add", "sub", "mul", "div")))
def arithmetic(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    suffix, name = _suffix(e, v), e.graph.op[v].name[6:]
    return canonical_lanes(e, suffix, combine(e, v, name + suffix, a, b, commutes=name in ("add", "mul")))


@emits(*(f"{shape}.sqrt" for shape in _SHAPES))
def square_root(e: Emitter, v: int) -> int:
    suffix = _suffix(e, v)
    return canonical_lanes(e, suffix, unary(e, v, "sqrt" + suffix))


@emits(*(f"{shape}.{name}" for shape in _SHAPES for name in ROUNDING))
def rounding(e: Emitter, v: int) -> int:
    suffix = _suffix(e, v)
    dest = e.over_xmm(v, e.graph.args[v][0])
    e.asm.rri("round" + suffix, dest, dest, ROUNDING[e.graph.op[v].name[6:]])
    return canonical_lanes(e, suffix, dest)


@emits(*(f"{shape}.{name}" for shape in _SHAPES for name in ("min", "relaxed_min")))
def least(e: Emitter, v: int) -> int:
    suffix = _suffix(e, v)
    return canonical_lanes(e, suffix, minimum(e, v, suffix))


@emits(*(f"{shape}.{name}" for shape in _SHAPES for name in ("max", "relaxed_max")))
def greatest(e: Emitter, v: int) -> int:
    suffix = _suffix(e, v)
    return canonical_lanes(e, suffix, maximum(e, v, suffix))


@emits(*(f"{shape}.{name}" for shape in _SHAPES for name in ("pmin", "pmax")))
def pseudo_extreme(e: Emitter, v: int) -> int:
    """The processor's own, with the operands the other way round."""
    a, b = e.graph.args[v]
    return combine(e, v, e.graph.op[v].name[7:] + _suffix(e, v), b, a)


def _sign(e: Emitter, v: int) -> tuple[int, int]:
    """The width of lanes, and their sign bit."""
    width = 32 if e.graph.op[v].name.startswith("f32") else 64
    return width, 1 << width - 1


@emits(*(f"{shape}.abs" for shape in _SHAPES))
def absolute(e: Emitter, v: int) -> int:
    width, sign = _sign(e, v)
    return map_lanes(e, v, "andps", width, sign - 1)


@emits(*(f"{shape}.neg" for shape in _SHAPES))
def negate(e: Emitter, v: int) -> int:
    width, sign = _sign(e, v)
    return map_lanes(e, v, "xorps", width, sign)


@emits(*(f"{shape}.{name}" for shape in _SHAPES for name in ("relaxed_madd", "relaxed_nmadd")))
def multiply_add(e: Emitter, v: int) -> int:
    """Not fused: the product is rounded. The sum with its negative is the difference."""
    a, b, c = e.graph.args[v]
    suffix = _suffix(e, v)
    asm = e.asm
    factor, addend = e.xmm(b), e.xmm(c)
    dest = fresh(e, v, a, c)
    asm.rr("mul" + suffix, dest, factor)
    if e.graph.op[v].name.endswith("nmadd"):
        width, sign = _sign(e, v)
        asm.rm_rip("xorps", dest, lanes_label(e, width, sign))
    asm.rr("add" + suffix, dest, addend)
    return canonical_lanes(e, suffix, dest)
