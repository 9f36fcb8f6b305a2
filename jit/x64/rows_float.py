"""Floating-point arithmetic and conversions.

NaNs that arithmetic makes may have any payload here: where somebody could see it, the graph has a `canon`
(`jit.optimize.canonical`). What only moves bits, or changes signs, keeps them all.
"""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX
from jit.x64.vectors import ROUNDING, combine, lanes_label, map_lanes, maximum, minimum, unary

_TYPES: Final = ("f32", "f64")
_SCALAR: Final = {"f32": "ss", "f64": "sd"}
_BITS: Final = {"f32": 32, "f64": 64}

_T: Final = at.VSCRATCH


def _type(e: Emitter, v: int) -> str:
    return e.graph.op[v].name[:3]


def _source(e: Emitter, v: int) -> str:
    """The type of the operand."""
    return "f32" if "f32" in e.graph.op[v].name[3:] else "f64"


@emits(*(f"{t}.{name}" for t in _TYPES for name in ("add", "sub", "mul", "div")))
def arithmetic(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    name = e.graph.op[v].name[4:]
    return combine(e, v, name + _SCALAR[_type(e, v)], a, b, commutes=name in ("add", "mul"))


@emits("f32.sqrt", "f64.sqrt")
def square_root(e: Emitter, v: int) -> int:
    return unary(e, v, "sqrt" + _SCALAR[_type(e, v)])


@emits(*(f"{t}.{name}" for t in _TYPES for name in ROUNDING))
def rounding(e: Emitter, v: int) -> int:
    dest = e.over_xmm(v, e.graph.args[v][0])
    e.asm.rri("round" + _SCALAR[_type(e, v)], dest, dest, ROUNDING[e.graph.op[v].name[4:]])
    return dest


@emits("f32.min", "f64.min")
def least(e: Emitter, v: int) -> int:
    return minimum(e, v, _SCALAR[_type(e, v)])


@emits("f32.max", "f64.max")
def greatest(e: Emitter, v: int) -> int:
    return maximum(e, v, _SCALAR[_type(e, v)])


# --- bits -------------------------------------------------------------------------------------------------------------


def _sign(e: Emitter, v: int) -> tuple[int, int]:
    """The width of the type, and its sign bit."""
    width = _BITS[_type(e, v)]
    return width, 1 << width - 1


@emits("f32.abs", "f64.abs")
def absolute(e: Emitter, v: int) -> int:
    width, sign = _sign(e, v)
    return map_lanes(e, v, "andps", width, sign - 1)


@emits("f32.neg", "f64.neg")
def negate(e: Emitter, v: int) -> int:
    width, sign = _sign(e, v)
    return map_lanes(e, v, "xorps", width, sign)


@emits("f32.copysign", "f64.copysign")
def copy_sign(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    width, sign = _sign(e, v)
    asm = e.asm
    other = e.xmm(b)
    dest = e.over_xmm(v, a)
    asm.rr("movaps", _T, other)
    asm.rm_rip("andps", _T, lanes_label(e, width, sign))
    asm.rm_rip("andps", dest, lanes_label(e, width, sign - 1))
    asm.rr("orps", dest, _T)
    return dest


_CANONICAL: Final = {"f32": 0x7FC00000, "f64": 0x7FF8000000000000}


@emits("f32.canon", "f64.canon")
def canonical(e: Emitter, v: int) -> int:
    type = _type(e, v)
    suffix = _SCALAR[type]
    asm = e.asm
    dest = e.over_xmm(v, e.graph.args[v][0])
    nan = asm.data(_CANONICAL[type].to_bytes(_BITS[type] // 8, "little"))
    asm.rr("ucomi" + suffix, dest, dest)
    e.cold("p", lambda: asm.rm_rip("mov" + suffix, dest, nan))
    return dest


_TO_GENERAL: Final = {"i32.reinterpret_f32": "movd_rx", "i64.reinterpret_f64": "movq_rx"}
_TO_VECTOR: Final = {"f32.reinterpret_i32": "movd_xr", "f64.reinterpret_i64": "movq_xr"}


@emits(*_TO_GENERAL)
def reinterpret_float(e: Emitter, v: int) -> int:
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_gpr(v)
    e.asm.rr(_TO_GENERAL[e.graph.op[v].name], dest, source)
    return dest


@emits(*_TO_VECTOR)
def reinterpret_integer(e: Emitter, v: int) -> int:
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_xmm(v)
    e.asm.rr(_TO_VECTOR[e.graph.op[v].name], dest, source)
    return dest


# --- conversions ------------------------------------------------------------------------------------------------------


@emits("f32.demote_f64", "f64.promote_f32")
def resize(e: Emitter, v: int) -> int:
    return unary(e, v, "cvtsd2ss" if _type(e, v) == "f32" else "cvtss2sd")


@emits(*(f"{t}.convert_{i}" for t in _TYPES for i in ("i32_s", "i32_u", "i64_s", "i64_u")))
def convert(e: Emitter, v: int) -> int:
    suffix = _SCALAR[_type(e, v)]
    kind = e.graph.op[v].name[-5:]
    asm = e.asm
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_xmm(v)
    # The instruction leaves the upper lanes as they are, and would wait for them.
    asm.rr("xorps", dest, dest)
    name = f"cvtsi2{suffix}"
    if kind != "i64_u":
        # An i32 is zero-extended, and so never negative as an i64.
        asm.rr(name + ("32" if kind == "i32_s" else "64"), dest, source)
        return dest
    large, done = asm.label(), asm.label()
    asm.rr("test64", source, source)
    asm.jcc("s", large)
    asm.rr(name + "64", dest, source)
    asm.jmp(done)
    # Half of it, and if a bit is lost, the lowest one set, so that it still decides how it is rounded; then twice that.
    asm.bind(large)
    even = asm.label()
    asm.rr("mov64", RAX, source)
    asm.ri("shr64", RAX, 1)
    asm.jcc("nc", even)
    asm.ri("or64", RAX, 1)
    asm.bind(even)
    asm.rr(name + "64", dest, RAX)
    asm.rr("add" + suffix, dest, dest)
    asm.bind(done)
    return dest


_TRUNC: Final = [
    f"{t}.trunc{sat}_{f}_{s}" for sat in ("", "_sat") for t in ("i32", "i64") for f in _TYPES for s in "su"
]
_2_63: Final = {"f32": 0x5F000000, "f64": 0x43E0000000000000}
_MINUS_2_63: Final = {"f32": 0xDF000000, "f64": 0xC3E0000000000000}


class _Truncation:
    """One truncation being written: names of instructions and registers."""

    __slots__ = ("cvtt", "dest", "e", "name", "sub", "type", "ucomi", "v", "x")

    def __init__(self, e: Emitter, v: int) -> None:
        self.e, self.v = e, v
        self.name = e.graph.op[v].name
        self.type = _source(e, v)
        suffix = _SCALAR[self.type]
        self.cvtt, self.sub, self.ucomi = f"cvtt{suffix}2si64", "sub" + suffix, "ucomi" + suffix
        self.x = e.xmm(e.graph.args[v][0])
        self.dest = e.new_gpr(v)

    def data(self, bits: int) -> int:
        return self.e.asm.data(bits.to_bytes(_BITS[self.type] // 8, "little"))


@emits(*_TRUNC)
def truncate(e: Emitter, v: int) -> int:
    """The processor gives -2^63 for what it cannot represent. Instructions for 64 bits are used for i32 too: there is
    none for unsigned ones."""
    t = _Truncation(e, v)
    done = e.asm.label()
    if t.name.startswith("i32"):
        _to_i32(t, done)
    elif t.name.endswith("_s"):
        _to_i64_s(t, done)
    else:
        _to_i64_u(t, done)
    if "sat" in t.name:
        _saturate(t)
    e.asm.bind(done)
    if t.name.startswith("i32") and t.name.endswith("_s"):
        e.asm.rr("mov32", t.dest, t.dest)
    return t.dest


def _to_i32(t: _Truncation, done: int) -> None:
    """Branch to `done` if the result is one, else leave or go on."""
    asm = t.e.asm
    asm.rr(t.cvtt, t.dest, t.x)
    asm.rr("movsx32_64" if t.name.endswith("_s") else "mov32", RAX, t.dest)
    asm.rr("cmp64", RAX, t.dest)
    _in_range(t, "e", done)


def _in_range(t: _Truncation, cc: str, done: int) -> None:
    if "sat" in t.name:
        t.e.asm.jcc(cc, done)
    else:
        t.e.exit_unless(cc, t.v)


def _to_i64_s(t: _Truncation, done: int) -> None:
    asm = t.e.asm
    asm.rr(t.cvtt, t.dest, t.x)
    # Only -2^63 minus 1 overflows.
    asm.ri("cmp64", t.dest, 1)
    asm.jcc("no", done)
    if "sat" not in t.name:
        asm.rm_rip(t.ucomi, t.x, t.data(_MINUS_2_63[t.type]))
        t.e.exit_if("p", t.v)
        t.e.exit_if("ne", t.v)


def _to_i64_u(t: _Truncation, done: int) -> None:
    """From 2^63 on, it is the rest that is converted."""
    asm = t.e.asm
    asm.rr(t.cvtt, t.dest, t.x)
    asm.rr("test64", t.dest, t.dest)
    asm.jcc("ns", done)
    asm.rr("movaps", _T, t.x)
    asm.rm_rip(t.sub, _T, t.data(_2_63[t.type]))
    asm.rr(t.cvtt, t.dest, _T)
    asm.rr("test64", t.dest, t.dest)
    if "sat" not in t.name:
        t.e.exit_if("s", t.v)
        asm.ri("bts64", t.dest, 63)
        return
    outside = asm.label()
    asm.jcc("s", outside)
    asm.ri("bts64", t.dest, 63)
    asm.jmp(done)
    asm.bind(outside)


# What lies below and above the range gives.
_LIMITS: Final = {
    "i32_s": (1 << 31, (1 << 31) - 1),
    "i64_s": (1 << 63, (1 << 63) - 1),
    "i32_u": (0, (1 << 32) - 1),
    "i64_u": (0, (1 << 64) - 1),
}


def _saturate(t: _Truncation) -> None:
    """The result for a NaN, which is 0, or a number out of range. `mov` leaves the flags as they are."""
    asm = t.e.asm
    low, high = _LIMITS[t.name[:3] + t.name[-2:]]
    done = asm.label()
    asm.rr("xorps", _T, _T)
    asm.ri("mov32", t.dest, 0)
    asm.rr(t.ucomi, t.x, _T)
    asm.jcc("p", done)
    asm.ri("mov64", t.dest, low)
    asm.jcc("b", done)
    asm.ri("mov64", t.dest, high)
    asm.bind(done)
