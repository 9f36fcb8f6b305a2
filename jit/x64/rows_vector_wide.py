"""Vectors whose lanes become twice or half as wide: extensions, products, sums of neighbours, narrowing."""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.vectors import combine, fresh, lanes_label

_T: Final = at.VSCRATCH
_U: Final = at.VSCRATCH2

_NARROW: Final = {
    "i8x16.narrow_i16x8_s": "packsswb",
    "i8x16.narrow_i16x8_u": "packuswb",
    "i16x8.narrow_i32x4_s": "packssdw",
    "i16x8.narrow_i32x4_u": "packusdw",
}


@emits(*_NARROW)
def narrow(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    return combine(e, v, _NARROW[e.graph.op[v].name], a, b)


_HALVES: Final = ("low", "high")
_EXTEND: Final = {"i8x16": "bw", "i16x8": "wd", "i32x4": "dq"}
_WIDER: Final = {"i8x16": "i16x8", "i16x8": "i32x4", "i32x4": "i64x2"}


@emits(*(f"{_WIDER[shape]}.extend_{half}_{shape}_{sign}" for shape in _EXTEND for half in _HALVES for sign in "su"))
def extend(e: Emitter, v: int) -> int:
    _, half, shape, sign = e.graph.op[v].name.split("_")
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_xmm(v)
    if half == "high":
        e.asm.rri("pshufd", dest, source, 0xEE)
        source = dest
    e.asm.rr(_extension(shape, sign), dest, source)
    return dest


def _extension(shape: str, sign: str) -> str:
    return f"pmov{'s' if sign == 's' else 'z'}x{_EXTEND[shape]}"


@emits(*(f"i16x8.extmul_{half}_i8x16_{sign}" for half in _HALVES for sign in "su"))
def multiply_bytes(e: Emitter, v: int) -> int:
    asm = e.asm
    _, half, shape, sign = e.graph.op[v].name.split("_")
    a, b = e.graph.args[v]
    other, first = e.xmm(b), e.xmm(a)
    dest = e.new_xmm(v)
    name = _extension(shape, sign)
    if half == "high":
        asm.rri("pshufd", _T, other, 0xEE)
        asm.rri("pshufd", dest, first, 0xEE)
        other, first = _T, dest
    asm.rr(name, _T, other)
    asm.rr(name, dest, first)
    asm.rr("pmullw", dest, _T)
    return dest


@emits(*(f"i32x4.extmul_{half}_i16x8_{sign}" for half in _HALVES for sign in "su"))
def multiply_words(e: Emitter, v: int) -> int:
    """The lower and the upper halves of the products, interleaved."""
    asm = e.asm
    _, half, _, sign = e.graph.op[v].name.split("_")
    a, b = e.graph.args[v]
    other = e.xmm(b)
    dest = e.over_xmm(v, a)
    asm.rr("movdqa", _T, dest)
    asm.rr("pmulhw" if sign == "s" else "pmulhuw", _T, other)
    asm.rr("pmullw", dest, other)
    asm.rr("punpcklwd" if half == "low" else "punpckhwd", dest, _T)
    return dest


@emits(*(f"i64x2.extmul_{half}_i32x4_{sign}" for half in _HALVES for sign in "su"))
def multiply_doublewords(e: Emitter, v: int) -> int:
    """The processor multiplies the lanes 0 and 2."""
    asm = e.asm
    _, half, _, sign = e.graph.op[v].name.split("_")
    lanes = 0x50 if half == "low" else 0xFA
    a, b = e.graph.args[v]
    other, first = e.xmm(b), e.xmm(a)
    dest = e.new_xmm(v)
    asm.rri("pshufd", _T, other, lanes)
    asm.rri("pshufd", dest, first, lanes)
    asm.rr("pmuldq" if sign == "s" else "pmuludq", dest, _T)
    return dest


@emits("i16x8.extadd_pairwise_i8x16_s")
def add_pairs_of_bytes(e: Emitter, v: int) -> int:
    """The first operand of `pmaddubsw` is unsigned, the second signed."""
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_xmm(v)
    e.asm.rm_rip("movdqa", dest, lanes_label(e, 8, 1))
    e.asm.rr("pmaddubsw", dest, source)
    return dest


_PAIRS: Final = {
    "i16x8.extadd_pairwise_i8x16_u": ("pmaddubsw", 8),
    "i32x4.extadd_pairwise_i16x8_s": ("pmaddwd", 16),
}


@emits(*_PAIRS)
def add_pairs(e: Emitter, v: int) -> int:
    name, width = _PAIRS[e.graph.op[v].name]
    dest = e.over_xmm(v, e.graph.args[v][0])
    e.asm.rm_rip(name, dest, lanes_label(e, width, 1))
    return dest


@emits("i32x4.extadd_pairwise_i16x8_u")
def add_pairs_of_words(e: Emitter, v: int) -> int:
    """As signed numbers, each less by 2^15."""
    dest = e.over_xmm(v, e.graph.args[v][0])
    e.asm.rm_rip("pxor", dest, lanes_label(e, 16, 0x8000))
    e.asm.rm_rip("pmaddwd", dest, lanes_label(e, 16, 1))
    e.asm.rm_rip("paddd", dest, lanes_label(e, 32, 0x10000))
    return dest


@emits("i16x8.relaxed_dot_i8x16_i7x16_s")
def dot_bytes(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    other = e.xmm(b)
    dest = fresh(e, v, a, b)
    _dot(e, dest, other)
    return dest


@emits("i32x4.relaxed_dot_i8x16_i7x16_add_s")
def dot_bytes_add(e: Emitter, v: int) -> int:
    a, b, c = e.graph.args[v]
    other, addend = e.xmm(b), e.xmm(c)
    dest = fresh(e, v, a, b, c)
    _dot(e, dest, other)
    e.asm.rm_rip("pmaddwd", dest, lanes_label(e, 16, 1))
    e.asm.rr("paddd", dest, addend)
    return dest


def _dot(e: Emitter, dest: int, other: int) -> None:
    """The sums, which saturate, of neighbouring products of signed bytes: `pmaddubsw` has no form for two signed
    operands, so even and odd bytes are extended and multiplied apart."""
    asm = e.asm
    for register, source in ((_T, other), (_U, dest)):
        asm.rr("movdqa", register, source)
        asm.ri("psllw", register, 8)
        asm.ri("psraw", register, 8)
    asm.rr("pmullw", _U, _T)
    asm.rr("movdqa", _T, other)
    asm.ri("psraw", _T, 8)
    asm.ri("psraw", dest, 8)
    asm.rr("pmullw", dest, _T)
    asm.rr("paddsw", dest, _U)
