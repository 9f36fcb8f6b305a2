"""Comparisons: as conditions of branches, as conditions of `select`, and as values."""

from __future__ import annotations

from typing import Final

from jit.x64.code import inverse
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX

__all__ = ["compare"]

_INTEGER: Final = {
    "eq": "e",
    "ne": "ne",
    "lt_s": "l",
    "lt_u": "b",
    "gt_s": "g",
    "gt_u": "a",
    "le_s": "le",
    "le_u": "be",
    "ge_s": "ge",
    "ge_u": "ae",
}
_SWAPPED: Final = {"e": "e", "ne": "ne", "l": "g", "b": "a", "g": "l", "a": "b", "le": "ge", "be": "ae", "ge": "le"}
_SWAPPED_ALL: Final = {**_SWAPPED, "ae": "be"}

# Operands of `ucomis` are swapped for less-than, so that unordered, which sets the carry flag, is false.
_FLOAT: Final = {
    "eq": ("feq", False),
    "ne": ("fne", False),
    "gt": ("a", False),
    "ge": ("ae", False),
    "lt": ("a", True),
    "le": ("ae", True),
}


def compare(e: Emitter, condition: int) -> str:
    """Write what sets the flags for a condition; what holds then if it is true."""
    if condition in e.liveness.fused:
        return _flags(e, condition)
    if e.is_constant(condition):
        e.load_constant(RAX, condition)
        e.asm.rr("test32", RAX, RAX)
        return "ne"
    register = e.gpr(condition)
    e.asm.rr("test32", register, register)
    return "ne"


def _flags(e: Emitter, value: int) -> str:
    """Set the flags as a comparison says, which is not computed as a value."""
    name = e.graph.op[value].name
    args = e.graph.args[value]
    if name.endswith("eqz"):
        (operand,) = args
        if operand in e.liveness.fused:
            return inverse(_flags(e, operand))
        register = e.gpr(operand)
        e.asm.rr("test32" if name == "i32.eqz" else "test64", register, register)
        return "e"
    if name == "ref.is_null":
        register = e.gpr(args[0])
        e.asm.rr("test64", register, register)
        return "e"
    a, b = args
    if name == "ref.eq":
        e.asm.rr("cmp64", e.gpr(a), e.gpr(b))
        return "e"
    type, _, relation = name.partition(".")
    if type in ("f32", "f64"):
        cc, swapped = _FLOAT[relation]
        if swapped:
            a, b = b, a
        e.asm.rr("ucomiss" if type == "f32" else "ucomisd", e.xmm(a), e.xmm(b))
        return cc
    cc = _INTEGER[relation]
    if e.is_constant(a):
        a, b = b, a
        cc = _SWAPPED_ALL[cc]
    size = "32" if type == "i32" else "64"
    register = e.gpr(a)
    imm = e.imm32(b)
    if imm is None:
        e.asm.rr("cmp" + size, register, e.gpr(b))
    elif imm == 0 and cc in ("e", "ne", "l", "ge", "g", "le"):
        e.asm.rr("test" + size, register, register)
    else:
        e.asm.ri("cmp" + size, register, imm)
    return cc


_RELATIONS = [f"{t}.{r}" for t in ("i32", "i64") for r in _INTEGER] + [
    f"{t}.{r}" for t in ("f32", "f64") for r in _FLOAT
]


@emits(*_RELATIONS, "i32.eqz", "i64.eqz", "ref.is_null", "ref.eq")
def comparison(e: Emitter, v: int) -> int:
    cc = _flags(e, v)
    dest = e.new_gpr(v)
    asm = e.asm
    if cc in ("feq", "fne"):
        # Unordered sets zero and parity flag.
        asm.r("setnp" if cc == "feq" else "setp", RAX)
        asm.r("sete" if cc == "feq" else "setne", dest)
        asm.rr("and8" if cc == "feq" else "or8", dest, RAX)
    else:
        asm.r("set" + cc, dest)
    asm.rr("movzx8_32", dest, dest)
    return dest


@emits("i32.select", "i64.select", "ref.select")
def select(e: Emitter, v: int) -> int:
    x, y, condition = e.graph.args[v]
    # The result begins as y and becomes x where the condition holds.
    register = e.gpr(condition)
    source = e.gpr(x)
    dest = e.over_gpr(v, y)
    e.asm.rr("test32", register, register)
    e.asm.rr("cmovne64", dest, source)
    return dest


@emits("f32.select", "f64.select", "v128.select")
def select_vector(e: Emitter, v: int) -> int:
    x, y, condition = e.graph.args[v]
    register = e.gpr(condition)
    source = e.xmm(x)
    dest = e.over_xmm(v, y)
    done = e.asm.label()
    e.asm.rr("test32", register, register)
    e.asm.jcc("e", done)
    e.asm.rr("movaps", dest, source)
    e.asm.bind(done)
    return dest
