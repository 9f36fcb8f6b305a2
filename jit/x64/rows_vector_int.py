"""Lanewise integer arithmetic, and shifts."""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX
from jit.x64.vectors import combine, lanes_label, unary

_T: Final = at.VSCRATCH
_U: Final = at.VSCRATCH2

_LETTERS: Final = {"i8x16": "b", "i16x8": "w", "i32x4": "d", "i64x2": "q"}
_WIDTHS: Final = {"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64}


def _binary_names() -> dict[str, tuple[str, bool]]:
    """Instruction -> (the processor's, whether it commutes)."""
    names: dict[str, tuple[str, bool]] = {}
    for shape, letter in _LETTERS.items():
        names[f"{shape}.add"] = f"padd{letter}", True
        names[f"{shape}.sub"] = f"psub{letter}", False
        if shape != "i64x2":
            for extreme in ("min", "max"):
                for sign in "su":
                    names[f"{shape}.{extreme}_{sign}"] = f"p{extreme}{sign}{letter}", True
        if letter in "bw":
            names[f"{shape}.avgr_u"] = f"pavg{letter}", True
            for sign, infix in (("s", "s"), ("u", "us")):
                names[f"{shape}.add_sat_{sign}"] = f"padd{infix}{letter}", True
                names[f"{shape}.sub_sat_{sign}"] = f"psub{infix}{letter}", False
    names["i16x8.mul"] = "pmullw", True
    names["i32x4.mul"] = "pmulld", True
    names["i32x4.dot_i16x8_s"] = "pmaddwd", True
    return names


_BINARY: Final = _binary_names()


@emits(*_BINARY)
def binary(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    name, commutes = _BINARY[e.graph.op[v].name]
    return combine(e, v, name, a, b, commutes=commutes)


@emits("i64x2.mul")
def multiply_quadwords(e: Emitter, v: int) -> int:
    """The product of the lower halves, and those of upper and lower halves in its upper half."""
    asm = e.asm
    a, b = e.graph.args[v]
    other, first = e.xmm(b), e.xmm(a)
    asm.rr("movdqa", _T, first)
    asm.ri("psrlq", _T, 32)
    asm.rr("pmuludq", _T, other)
    asm.rr("movdqa", _U, other)
    asm.ri("psrlq", _U, 32)
    asm.rr("pmuludq", _U, first)
    asm.rr("paddq", _T, _U)
    asm.ri("psllq", _T, 32)
    dest = e.over_xmm(v, a)
    asm.rr("pmuludq", dest, other)
    asm.rr("paddq", dest, _T)
    return dest


@emits("i16x8.q15mulr_sat_s", "i16x8.relaxed_q15mulr_s")
def multiply_q15(e: Emitter, v: int) -> int:
    """The processor does not saturate: -1 times -1 gives -1, as no other product does."""
    a, b = e.graph.args[v]
    dest = combine(e, v, "pmulhrsw", a, b, commutes=True)
    e.asm.rm_rip("movdqa", _T, lanes_label(e, 16, 0x8000))
    e.asm.rr("pcmpeqw", _T, dest)
    e.asm.rr("pxor", dest, _T)
    return dest


_ABSOLUTE: Final = {"i8x16.abs": "pabsb", "i16x8.abs": "pabsw", "i32x4.abs": "pabsd"}


@emits(*_ABSOLUTE)
def absolute(e: Emitter, v: int) -> int:
    return unary(e, v, _ABSOLUTE[e.graph.op[v].name])


@emits("i64x2.abs")
def absolute_quadwords(e: Emitter, v: int) -> int:
    """With the sign in all bits of a lane: invert it, and subtract -1."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    asm.rri("pshufd", _T, dest, 0xF5)
    asm.ri("psrad", _T, 31)
    asm.rr("pxor", dest, _T)
    asm.rr("psubq", dest, _T)
    return dest


@emits(*(f"{shape}.neg" for shape in _LETTERS))
def negate(e: Emitter, v: int) -> int:
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_xmm(v)
    e.asm.rr("pxor", dest, dest)
    e.asm.rr("psub" + _LETTERS[e.graph.op[v].name[:5]], dest, source)
    return dest


@emits("i8x16.popcnt")
def population(e: Emitter, v: int) -> int:
    """The counts of both halves of each byte, looked up."""
    asm = e.asm
    counts = asm.data(bytes(i.bit_count() for i in range(16)))
    low = lanes_label(e, 8, 0x0F)
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_xmm(v)
    asm.rr("movdqa", _U, source)
    asm.rm_rip("pand", _U, low)
    asm.rm_rip("movdqa", dest, counts)
    asm.rr("pshufb", dest, _U)
    asm.rr("movdqa", _U, source)
    asm.ri("psrlw", _U, 4)
    asm.rm_rip("pand", _U, low)
    asm.rm_rip("movdqa", _T, counts)
    asm.rr("pshufb", _T, _U)
    asm.rr("paddb", dest, _T)
    return dest


# --- shifts -----------------------------------------------------------------------------------------------------------

_SHIFTS: Final = {
    "i16x8.shl": "psllw",
    "i32x4.shl": "pslld",
    "i64x2.shl": "psllq",
    "i16x8.shr_s": "psraw",
    "i32x4.shr_s": "psrad",
    "i16x8.shr_u": "psrlw",
    "i32x4.shr_u": "psrld",
    "i64x2.shr_u": "psrlq",
}


def _count(e: Emitter, v: int, more: int = 0) -> int | None:
    """The count of a shift if it is known, else None; then it is in xmm15, modulo the width of the lanes, plus
    `more`."""
    count = e.graph.args[v][1]
    width = _WIDTHS[e.graph.op[v].name[:5]]
    if e.is_constant(count):
        return int(e.graph.imm[count]) % width + more
    asm = e.asm
    asm.rr("mov32", RAX, e.gpr(count))
    asm.ri("and32", RAX, width - 1)
    if more:
        asm.ri("add32", RAX, more)
    asm.rr("movd_xr", _T, RAX)
    return None


def _shift(e: Emitter, name: str, register: int, count: int | None) -> None:
    """By a count as `_count` gives it."""
    if count is None:
        e.asm.rr(name, register, _T)
    elif count:
        e.asm.ri(name, register, count)


@emits(*_SHIFTS)
def shift(e: Emitter, v: int) -> int:
    count = _count(e, v)
    dest = e.over_xmm(v, e.graph.args[v][0])
    _shift(e, _SHIFTS[e.graph.op[v].name], dest, count)
    return dest


@emits("i64x2.shr_s")
def shift_quadwords(e: Emitter, v: int) -> int:
    """The sign bit has gone right with the rest: to invert it and to subtract it extends it."""
    asm = e.asm
    count = _count(e, v)
    dest = e.over_xmm(v, e.graph.args[v][0])
    _shift(e, "psrlq", dest, count)
    asm.rm_rip("movdqa", _U, lanes_label(e, 64, 1 << 63))
    _shift(e, "psrlq", _U, count)
    asm.rr("pxor", dest, _U)
    asm.rr("psubq", dest, _U)
    return dest


@emits("i8x16.shl", "i8x16.shr_u")
def shift_bytes(e: Emitter, v: int) -> int:
    """As words; what came over from the other byte is masked out."""
    asm = e.asm
    left = e.graph.op[v].name.endswith("shl")
    name = "psllw" if left else "psrlw"
    count = _count(e, v)
    dest = e.over_xmm(v, e.graph.args[v][0])
    _shift(e, name, dest, count)
    if count is not None:
        if count:
            asm.rm_rip("pand", dest, lanes_label(e, 8, 0xFF << count & 0xFF if left else 0xFF >> count))
        return dest
    # The lower byte of each word of the mask is what it would be in bytes.
    asm.rr("pcmpeqd", _U, _U)
    asm.ri("psrlw", _U, 8)
    asm.rr(name, _U, _T)
    asm.rr("pxor", _T, _T)
    asm.rr("pshufb", _U, _T)
    asm.rr("pand", dest, _U)
    return dest


@emits("i8x16.shr_s")
def shift_bytes_signed(e: Emitter, v: int) -> int:
    """As the upper bytes of words, which are packed again."""
    asm = e.asm
    count = _count(e, v, 8)
    dest = e.over_xmm(v, e.graph.args[v][0])
    asm.rr("punpckhbw", _U, dest)
    asm.rr("punpcklbw", dest, dest)
    _shift(e, "psraw", _U, count)
    _shift(e, "psraw", dest, count)
    asm.rr("packsswb", dest, _U)
    return dest
