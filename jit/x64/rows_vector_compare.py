"""Lanewise comparisons. The processor has equal and signed greater-than of integers; the rest is made of these, of
minimum and maximum, and of inversion."""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.vectors import combine, copy_of, invert

_T: Final = at.VSCRATCH
_U: Final = at.VSCRATCH2

_LETTERS: Final = {"i8x16": "b", "i16x8": "w", "i32x4": "d"}

# Relation -> (greater-than, operands swapped, inverted).
_SIGNED: Final = {"gt_s": (False, False), "lt_s": (True, False), "le_s": (False, True), "ge_s": (True, True)}


def _letter(e: Emitter, v: int) -> str:
    return _LETTERS.get(e.graph.op[v].name[:5], "q")


@emits(*(f"{shape}.{relation}" for shape in (*_LETTERS, "i64x2") for relation in ("eq", "ne")))
def equal(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    dest = combine(e, v, "pcmpeq" + _letter(e, v), a, b, commutes=True)
    return invert(e, dest) if e.graph.op[v].name.endswith("ne") else dest


@emits(*(f"{shape}.{relation}" for shape in _LETTERS for relation in ("gt_s", "lt_s")))
def greater(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    if e.graph.op[v].name.endswith("lt_s"):
        a, b = b, a
    return combine(e, v, "pcmpgt" + _letter(e, v), a, b)


_EXTREMES: Final = {"le": "pmin", "ge": "pmax", "gt": "pmin", "lt": "pmax"}


@emits(*(f"{shape}.{r}" for shape in _LETTERS for r in ("le_s", "ge_s", "le_u", "ge_u", "lt_u", "gt_u")))
def by_extreme(e: Emitter, v: int) -> int:
    """The lesser one of two is the one that is less or equal; unsigned, more is what is not less or equal."""
    a, b = e.graph.args[v]
    letter = _letter(e, v)
    relation, sign = e.graph.op[v].name[6:].split("_")
    asm = e.asm
    other, first = e.xmm(b), e.xmm(a)
    dest = copy_of(e, v, first)
    asm.rr(f"{_EXTREMES[relation]}{sign}{letter}", dest, other)
    asm.rr("pcmpeq" + letter, dest, first)
    return invert(e, dest) if relation in ("gt", "lt") else dest


@emits(*(f"i64x2.{relation}" for relation in _SIGNED))
def quadwords(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    swapped, inverted = _SIGNED[e.graph.op[v].name[6:]]
    if swapped:
        a, b = b, a
    dest = combine(e, v, "pcmpgtq", a, b) if "sse4.2" in e.features else _greater_quadwords(e, v, a, b)
    return invert(e, dest) if inverted else dest


def _greater_quadwords(e: Emitter, v: int, a: int, b: int) -> int:
    """Where the upper halves are equal, the difference `b - a` of the whole is negative if the lower half of `a` is
    greater; else the upper halves decide."""
    asm = e.asm
    other, first = e.xmm(b), e.xmm(a)
    dest = e.new_xmm(v)
    asm.rr("movdqa", _T, other)
    asm.rr("psubq", _T, first)
    asm.rr("movdqa", _U, first)
    asm.rr("pcmpeqd", _U, other)
    asm.rr("pand", _T, _U)
    asm.rr("movdqa", dest, first)
    asm.rr("pcmpgtd", dest, other)
    asm.rr("por", dest, _T)
    asm.rri("pshufd", dest, dest, 0xF5)
    return dest


# Predicate, operands swapped. Unordered is true for `ne` alone.
_FLOAT: Final = {
    "eq": (0, False),
    "lt": (1, False),
    "le": (2, False),
    "ne": (4, False),
    "gt": (1, True),
    "ge": (2, True),
}


@emits(*(f"{shape}.{relation}" for shape in ("f32x4", "f64x2") for relation in _FLOAT))
def floats(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    name = "cmpps" if e.graph.op[v].name.startswith("f32") else "cmppd"
    predicate, swapped = _FLOAT[e.graph.op[v].name[6:]]
    if swapped:
        a, b = b, a
    other = e.xmm(b)
    if "avx" in e.features and not e.dies(a):
        first = e.xmm(a)
        dest = e.new_xmm(v)
        e.asm.rrri("v" + name, dest, first, other, predicate)
    else:
        dest = e.over_xmm(v, a)
        e.asm.rri(name, dest, other, predicate)
    return dest
