"""Conversions between vectors of integers and of floats, and between f32x4 and f64x2."""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.vectors import canonical_lanes, lanes_label, unary

_T: Final = at.VSCRATCH
_U: Final = at.VSCRATCH2

# As f32 and f64.
_F32_65536: Final = 0x47800000
_F32_2_31: Final = 0x4F000000
_F64_2_31_MINUS_1: Final = 0x41DFFFFFFFC00000
_F64_2_32_MINUS_1: Final = 0x41EFFFFFFFE00000
_F64_2_52: Final = 0x4330000000000000

_LESS_OR_EQUAL: Final = 2
_ORDERED: Final = 7
_TOWARDS_ZERO: Final = 11


@emits("f32x4.demote_f64x2_zero", "f64x2.promote_low_f32x4")
def resize(e: Emitter, v: int) -> int:
    demote = e.graph.op[v].name.startswith("f32")
    return canonical_lanes(e, "ps" if demote else "pd", unary(e, v, "cvtpd2ps" if demote else "cvtps2pd"))


@emits("f32x4.convert_i32x4_s", "f64x2.convert_low_i32x4_s")
def convert(e: Emitter, v: int) -> int:
    return unary(e, v, "cvtdq2ps" if e.graph.op[v].name.startswith("f32") else "cvtdq2pd")


@emits("f32x4.convert_i32x4_u")
def convert_unsigned(e: Emitter, v: int) -> int:
    """Both halves of a lane are exact as floats; only their sum is rounded."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    asm.rr("movdqa", _T, dest)
    asm.rm_rip("pand", _T, lanes_label(e, 32, 0xFFFF))
    asm.ri("psrld", dest, 16)
    asm.rr("cvtdq2ps", _T, _T)
    asm.rr("cvtdq2ps", dest, dest)
    asm.rm_rip("mulps", dest, lanes_label(e, 32, _F32_65536))
    asm.rr("addps", dest, _T)
    return dest


@emits("f64x2.convert_low_i32x4_u")
def convert_low_unsigned(e: Emitter, v: int) -> int:
    """As the lowest bits of a float that is 2^52 larger."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    asm.rm_rip("unpcklps", dest, lanes_label(e, 32, _F64_2_52 >> 32))
    asm.rm_rip("subpd", dest, lanes_label(e, 64, _F64_2_52))
    return dest


@emits("i32x4.trunc_sat_f32x4_s", "i32x4.relaxed_trunc_f32x4_s")
def truncate(e: Emitter, v: int) -> int:
    """The processor gives -2^31 for what it cannot represent; inverted, that is right for large numbers."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    # NaNs become 0.
    asm.rr("movaps", _T, dest)
    asm.rri("cmpps", _T, _T, _ORDERED)
    asm.rr("andps", dest, _T)
    asm.rm_rip("movaps", _T, lanes_label(e, 32, _F32_2_31))
    asm.rri("cmpps", _T, dest, _LESS_OR_EQUAL)
    asm.rr("cvttps2dq", dest, dest)
    asm.rr("pxor", dest, _T)
    return dest


@emits("i32x4.trunc_sat_f32x4_u", "i32x4.relaxed_trunc_f32x4_u")
def truncate_unsigned(e: Emitter, v: int) -> int:
    """From 2^31 on the conversion gives just that, and what is above it is converted apart and added: 2^31 - 1 at
    most."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    limit = lanes_label(e, 32, _F32_2_31)
    # The maximum of a NaN and 0 is the second operand.
    asm.rr("pxor", _T, _T)
    asm.rr("maxps", dest, _T)
    asm.rr("movaps", _T, dest)
    asm.rm_rip("subps", _T, limit)
    asm.rm_rip("movaps", _U, limit)
    asm.rri("cmpps", _U, _T, _LESS_OR_EQUAL)
    asm.rr("cvttps2dq", _T, _T)
    asm.rr("pxor", _T, _U)
    asm.rr("pxor", _U, _U)
    asm.rr("pmaxsd", _T, _U)
    asm.rr("cvttps2dq", dest, dest)
    asm.rr("paddd", dest, _T)
    return dest


@emits("i32x4.trunc_sat_f64x2_s_zero", "i32x4.relaxed_trunc_f64x2_s_zero")
def truncate_doubles(e: Emitter, v: int) -> int:
    """What is too small gives -2^31 without help. A NaN's minimum is the second operand, which is 0 there."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    asm.rr("movaps", _T, dest)
    asm.rri("cmppd", _T, _T, _ORDERED)
    asm.rm_rip("andps", _T, lanes_label(e, 64, _F64_2_31_MINUS_1))
    asm.rr("minpd", dest, _T)
    asm.rr("cvttpd2dq", dest, dest)
    return dest


@emits("i32x4.trunc_sat_f64x2_u_zero", "i32x4.relaxed_trunc_f64x2_u_zero")
def truncate_doubles_unsigned(e: Emitter, v: int) -> int:
    """With 2^52 added, the number is what the lower half of the bits says."""
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    asm.rr("xorps", _T, _T)
    asm.rr("maxpd", dest, _T)
    asm.rm_rip("minpd", dest, lanes_label(e, 64, _F64_2_32_MINUS_1))
    asm.rri("roundpd", dest, dest, _TOWARDS_ZERO)
    asm.rm_rip("addpd", dest, lanes_label(e, 64, _F64_2_52))
    asm.rri("shufps", dest, _T, 0x88)
    return dest
