"""v128 as 128 bits."""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX
from jit.x64.vectors import combine, fresh, invert

_T: Final = at.VSCRATCH

_BITWISE: Final = {"v128.and": "pand", "v128.or": "por", "v128.xor": "pxor"}


@emits(*_BITWISE)
def bitwise(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    return combine(e, v, _BITWISE[e.graph.op[v].name], a, b, commutes=True)


@emits("v128.andnot")
def and_not(e: Emitter, v: int) -> int:
    """The processor inverts its first operand, Wasm the second."""
    a, b = e.graph.args[v]
    return combine(e, v, "pandn", b, a)


@emits("v128.not")
def complement(e: Emitter, v: int) -> int:
    return invert(e, e.over_xmm(v, e.graph.args[v][0]))


@emits("v128.bitselect", *(f"{shape}.relaxed_laneselect" for shape in ("i8x16", "i16x8", "i32x4", "i64x2")))
def bit_select(e: Emitter, v: int) -> int:
    """Where the mask is set, what differs is changed from the second operand to the first."""
    a, b, mask = e.graph.args[v]
    asm = e.asm
    other, chosen = e.xmm(b), e.xmm(mask)
    dest = fresh(e, v, a, b, mask)
    asm.rr("pxor", dest, other)
    asm.rr("pand", dest, chosen)
    asm.rr("pxor", dest, other)
    return dest


@emits("v128.any_true")
def any_true(e: Emitter, v: int) -> int:
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_gpr(v)
    e.asm.rr("ptest", source, source)
    e.asm.r("setne", RAX)
    e.asm.rr("movzx8_32", dest, RAX)
    return dest


_EQUAL: Final = {"i8x16": "pcmpeqb", "i16x8": "pcmpeqw", "i32x4": "pcmpeqd", "i64x2": "pcmpeqq"}


@emits(*(f"{shape}.all_true" for shape in _EQUAL))
def all_true(e: Emitter, v: int) -> int:
    """No lane equals zero."""
    asm = e.asm
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_gpr(v)
    asm.rr("pxor", _T, _T)
    asm.rr(_EQUAL[e.graph.op[v].name[:5]], _T, source)
    asm.rr("ptest", _T, _T)
    asm.r("sete", RAX)
    asm.rr("movzx8_32", dest, RAX)
    return dest


_MASKS: Final = {"i8x16": "pmovmskb", "i32x4": "movmskps", "i64x2": "movmskpd"}


@emits(*(f"{shape}.bitmask" for shape in _MASKS))
def bitmask(e: Emitter, v: int) -> int:
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_gpr(v)
    e.asm.rr(_MASKS[e.graph.op[v].name[:5]], dest, source)
    return dest


@emits("i16x8.bitmask")
def bitmask_words(e: Emitter, v: int) -> int:
    """Packing with saturation keeps the signs."""
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_gpr(v)
    e.asm.rr("pxor", _T, _T)
    e.asm.rr("packsswb", _T, source)
    e.asm.rr("pmovmskb", dest, _T)
    e.asm.ri("shr32", dest, 8)
    return dest
