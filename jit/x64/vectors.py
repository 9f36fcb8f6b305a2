"""What the rows of floats and of vectors share: two-operand instructions, constants in memory, canonical lanes."""

from __future__ import annotations

from typing import Final

from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.emit import Emitter
from jit.x64.registers import RAX

__all__ = [
    "ROUNDING",
    "canonical_lanes",
    "combine",
    "constant_label",
    "copy_of",
    "fresh",
    "invert",
    "lanes_label",
    "map_lanes",
    "maximum",
    "minimum",
    "unary",
]

# Of f32x4 and f64x2: width of a lane, suffix of instructions, what is not in a canonical NaN.
_NOT_CANONICAL: Final = {"ps": (32, 0xFFFFFFFF ^ 0x7FC00000), "pd": (64, 0xFFFFFFFFFFFFFFFF ^ 0x7FF8000000000000)}
_UNORDERED: Final = 3

# Instruction -> how the processor rounds then, without telling that it did.
ROUNDING: Final = {"nearest": 8, "floor": 9, "ceil": 10, "trunc": 11}

_BYTES: Final = {Type.F32: 4, Type.F64: 8}


def lanes_label(e: Emitter, width: int, lane: int) -> int:
    """The label of a vector constant whose lanes of `width` bits are all the same."""
    return e.asm.data(lane.to_bytes(width // 8, "little") * (128 // width))


def constant_label(e: Emitter, value: int) -> int:
    """The label of a constant value in memory, as wide as its type."""
    imm = e.graph.imm[value]
    return e.asm.data(imm if isinstance(imm, bytes) else imm.to_bytes(_BYTES[e.graph.type[value]], "little"))


def fresh(e: Emitter, v: int, first: int, *others: int) -> int:
    """A register for the result that holds the operand `first`, and is none of the other operands' even if they are the
    same value. Ask for the others before."""
    if first not in others:
        return e.over_xmm(v, first)
    return copy_of(e, v, e.xmm(first))


def copy_of(e: Emitter, v: int, source: int) -> int:
    """A register for the result, different from those of the operands, that holds what `source` does."""
    dest = e.new_xmm(v)
    e.asm.rr("movaps", dest, source)
    return dest


def combine(e: Emitter, v: int, name: str, a: int, b: int, *, commutes: bool = False) -> int:
    """`a name b` by one instruction of the processor."""
    asm = e.asm
    if commutes and (e.is_constant(a) or (e.dies(b) and not e.dies(a))) and not e.is_constant(b):
        a, b = b, a
    if "avx" in e.features and not e.dies(a):
        first = e.xmm(a)
        if e.is_constant(b):
            dest = e.new_xmm(v)
            asm.rrm_rip("v" + name, dest, first, constant_label(e, b))
        else:
            second = e.xmm(b)
            dest = e.new_xmm(v)
            asm.rrr("v" + name, dest, first, second)
        return dest
    if e.is_constant(b):
        dest = e.over_xmm(v, a)
        asm.rm_rip(name, dest, constant_label(e, b))
    else:
        second = e.xmm(b)
        dest = e.over_xmm(v, a)
        asm.rr(name, dest, second)
    return dest


def unary(e: Emitter, v: int, name: str) -> int:
    """`name` of the operand, where the instruction has a destination of its own."""
    (a,) = e.graph.args[v]
    if e.dies(a):
        dest = e.over_xmm(v, a)
        e.asm.rr(name, dest, dest)
        return dest
    source = e.xmm(a)
    dest = e.new_xmm(v)
    e.asm.rr(name, dest, source)
    return dest


def map_lanes(e: Emitter, v: int, name: str, width: int, lane: int) -> int:
    """The operand combined with a constant whose lanes are all the same."""
    dest = e.over_xmm(v, e.graph.args[v][0])
    e.asm.rm_rip(name, dest, lanes_label(e, width, lane))
    return dest


def minimum(e: Emitter, v: int, suffix: str) -> int:
    """Of `ss`, `sd`, `ps` or `pd`; a NaN may be any.

    The processor gives the second operand for two zeros and for NaNs; so both orders are asked, and the answers
    combined: -0 with 0 is -0, and a NaN with anything a NaN.
    """
    a, b = e.graph.args[v]
    asm = e.asm
    other = e.xmm(b)
    dest = fresh(e, v, a, b)
    asm.rr("movaps", at.VSCRATCH, other)
    asm.rr("min" + suffix, at.VSCRATCH, dest)
    asm.rr("min" + suffix, dest, other)
    asm.rr("orps", dest, at.VSCRATCH)
    return dest


def maximum(e: Emitter, v: int, suffix: str) -> int:
    """As the minimum; the bits in which the answers differ are set, so that a NaN stays one, and subtracted again:
    -0 - -0 is 0."""
    a, b = e.graph.args[v]
    asm = e.asm
    other = e.xmm(b)
    dest = fresh(e, v, a, b)
    asm.rr("movaps", at.VSCRATCH, other)
    asm.rr("max" + suffix, at.VSCRATCH, dest)
    asm.rr("max" + suffix, dest, other)
    asm.rr("xorps", at.VSCRATCH, dest)
    asm.rr("orps", dest, at.VSCRATCH)
    asm.rr("sub" + suffix, dest, at.VSCRATCH)
    return dest


def invert(e: Emitter, register: int) -> int:
    """Write what inverts all bits of a register. Uses xmm15. Returns the register."""
    e.asm.rr("pcmpeqd", at.VSCRATCH, at.VSCRATCH)
    e.asm.rr("pxor", register, at.VSCRATCH)
    return register


def canonical_lanes(e: Emitter, suffix: str, register: int) -> int:
    """Write the canonical NaN into the lanes of a register that hold any; `suffix` is `ps` or `pd`. Uses rax and xmm15.
    Returns the register.

    A branch that is never taken, where there are no NaNs, does not have to be waited for as a mask would have to be.
    """
    asm = e.asm
    width, others = _NOT_CANONICAL[suffix]
    mask = at.VSCRATCH
    if "avx" in e.features:
        asm.rrri("vcmp" + suffix, mask, register, register, _UNORDERED)
    else:
        asm.rr("movaps", mask, register)
        asm.rri("cmp" + suffix, mask, mask, _UNORDERED)
    asm.rr("movmskps", RAX, mask)
    asm.rr("test32", RAX, RAX)

    def replace() -> None:
        # Such a lane becomes all ones, and loses those that do not belong to it.
        asm.rr("orps", register, mask)
        asm.rm_rip("andps", mask, lanes_label(e, width, others))
        asm.rr("xorps", register, mask)

    e.cold("ne", replace)
    return register
