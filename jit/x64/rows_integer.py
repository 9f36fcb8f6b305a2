"""Integer arithmetic. i32 values are zero-extended: every 32-bit instruction leaves them so."""

from __future__ import annotations

from typing import Final

from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX, RCX, RDX

_SIGN: Final = {"32": 1 << 31, "64": 1 << 63}


def _size(e: Emitter, v: int) -> str:
    return "32" if e.graph.op[v].name.startswith("i32") else "64"


_BINARY: Final = {"add": "add", "sub": "sub", "and": "and", "or": "or", "xor": "xor"}


@emits(*(f"{t}.{name}" for t in ("i32", "i64") for name in _BINARY))
def binary(e: Emitter, v: int) -> int:
    size = _size(e, v)
    name = e.graph.op[v].name[4:]
    a, b = e.graph.args[v]
    if name != "sub" and (e.is_constant(a) or (e.dies(b) and not e.dies(a) and not e.is_constant(b))):
        a, b = b, a
    imm = e.imm32(b)
    if imm is not None:
        if name in ("add", "sub") and not e.dies(a):
            if name == "sub":
                imm = -imm
            if imm < 1 << 31:
                source = e.gpr(a)
                dest = e.new_gpr(v)
                e.asm.rm("lea" + size, dest, source, imm)
                return dest
            imm = -imm
        dest = e.over_gpr(v, a)
        e.asm.ri(_BINARY[name] + size, dest, imm)
        return dest
    if name == "add" and not e.dies(a):
        x, y = e.gpr(a), e.gpr(b)
        dest = e.new_gpr(v)
        e.asm.rmx("lea" + size, dest, x, y, 1, 0)
        return dest
    other = e.gpr(b)
    dest = e.over_gpr(v, a)
    e.asm.rr(_BINARY[name] + size, dest, other)
    return dest


@emits("i32.mul", "i64.mul")
def multiply(e: Emitter, v: int) -> int:
    size = _size(e, v)
    a, b = e.graph.args[v]
    if e.is_constant(a) or (e.dies(b) and not e.dies(a) and not e.is_constant(b)):
        a, b = b, a
    imm = e.imm32(b)
    if imm is not None:
        source = e.gpr(a)
        dest = e.new_gpr(v)
        if imm > 0 and imm & (imm - 1) == 0:
            e.asm.rr("mov" + size, dest, source)
            e.asm.ri("shl" + size, dest, imm.bit_length() - 1)
        else:
            e.asm.rri("imul" + size, dest, source, imm)
        return dest
    other = e.gpr(b)
    dest = e.over_gpr(v, a)
    e.asm.rr("imul" + size, dest, other)
    return dest


@emits("i64.mul_high_s", "i64.mul_high_u")
def multiply_high(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    e.claim(RDX)
    other = e.gpr(b)
    if e.is_constant(a):
        e.load_constant(RAX, a)
    else:
        e.asm.rr("mov64", RAX, e.gpr(a))
    e.asm.r("imul64" if e.graph.op[v].name.endswith("_s") else "mul64", other)
    return _from(e, v, RDX)


def _from(e: Emitter, v: int, source: int) -> int:
    """The result, which is in a certain register now."""
    if source == RDX and e.may_hold(RDX):
        return RDX
    dest = e.new_gpr(v)
    e.asm.rr("mov64", dest, source)
    return dest


@emits(*(f"{t}.{name}" for t in ("i32", "i64") for name in ("div_s", "div_u", "rem_s", "rem_u")))
def divide(e: Emitter, v: int) -> int:
    """Leaves for a zero divisor, and for the one quotient that is too large. The remainder of that division is zero,
    which the processor does not know."""
    asm = e.asm
    size = _size(e, v)
    name = e.graph.op[v].name[4:]
    a, b = e.graph.args[v]
    signed, remainder = name.endswith("_s"), name.startswith("rem")
    known = e.graph.imm[b] if e.is_constant(b) else None
    bits = int(size)
    if known is not None and known and known & (known - 1) == 0 and not signed:
        dest = e.over_gpr(v, a)
        if remainder:
            if known <= 1 << 31:
                asm.ri("and" + size, dest, known - 1)
            else:
                asm.ri("mov64", RAX, known - 1)
                asm.rr("and" + size, dest, RAX)
        elif known > 1:
            asm.ri("shr" + size, dest, known.bit_length() - 1)
        return dest
    e.claim(RDX)
    divisor = e.gpr(b)
    minus_one = (1 << bits) - 1
    if known is None:
        asm.rr("test" + size, divisor, divisor)
        e.exit_if("e", v)
    elif known == 0:
        asm.jmp(e.exit_label(e.graph.snap[v]))
    dividend = e.gpr(a)
    asm.rr("mov" + size, RAX, dividend)
    if not signed:
        asm.rr("xor32", RDX, RDX)
        asm.r("div" + size, divisor)
        return _from(e, v, RDX if remainder else RAX)
    check = known is None or known == minus_one
    done = asm.label()
    if check and remainder:
        # x rem -1 is 0.
        asm.rr("xor32", RDX, RDX)
        asm.ri("cmp" + size, divisor, -1)
        asm.jcc("e", done)
    elif check:
        fine = asm.label()
        asm.ri("cmp" + size, divisor, -1)
        asm.jcc("ne", fine)
        # Only the smallest number is its own negative without being zero.
        asm.r("neg" + size, RAX)
        asm.jcc("o", e.exit_label(e.graph.snap[v]))
        asm.rr("mov" + size, RAX, dividend)
        asm.bind(fine)
    asm.op("cdq" if size == "32" else "cqo")
    asm.r("idiv" + size, divisor)
    asm.bind(done)
    return _from(e, v, RDX if remainder else RAX)


_SHIFTS: Final = {"shl": ("shl", "shlx"), "shr_s": ("sar", "sarx"), "shr_u": ("shr", "shrx")}


@emits(*(f"{t}.{name}" for t in ("i32", "i64") for name in _SHIFTS))
def shift(e: Emitter, v: int) -> int:
    size = _size(e, v)
    plain, bmi = _SHIFTS[e.graph.op[v].name[4:]]
    a, b = e.graph.args[v]
    if e.is_constant(b):
        count = e.graph.imm[b] & (int(size) - 1)
        dest = e.over_gpr(v, a)
        if count:
            e.asm.ri(plain + size, dest, count)
        elif size == "32":
            e.asm.rr("mov32", dest, dest)
        return dest
    if "bmi2" in e.features:
        source, count = e.gpr(a), e.gpr(b)
        dest = e.new_gpr(v)
        e.asm.rrr(bmi + size, dest, source, count)
        return dest
    return _by_cl(e, v, plain + size + "_cl", a, b)


def _by_cl(e: Emitter, v: int, name: str, a: int, b: int) -> int:
    """A shift by what is in cl."""
    if e.reg.get(b, -1) != RCX:
        e.claim(RCX)
        count = e.gpr(b)
        if count != RCX:
            e.asm.rr("mov64", RCX, count)
    else:
        e.gpr(b)
    if e.is_constant(a):
        e.load_constant(RAX, a)
    else:
        e.asm.rr("mov64", RAX, e.gpr(a))
    e.asm.r(name, RAX)
    dest = e.new_gpr(v)
    e.asm.rr("mov64", dest, RAX)
    return dest


@emits("i32.rotl", "i32.rotr", "i64.rotl", "i64.rotr")
def rotate(e: Emitter, v: int) -> int:
    size = _size(e, v)
    name = "rol" if e.graph.op[v].name.endswith("l") else "ror"
    a, b = e.graph.args[v]
    if e.is_constant(b):
        count = e.graph.imm[b] & (int(size) - 1)
        dest = e.over_gpr(v, a)
        if count:
            e.asm.ri(name + size, dest, count)
        elif size == "32":
            e.asm.rr("mov32", dest, dest)
        return dest
    return _by_cl(e, v, f"{name}{size}_cl", a, b)


@emits("i32.clz", "i64.clz")
def leading_zeros(e: Emitter, v: int) -> int:
    size = _size(e, v)
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    if "lzcnt" in e.features:
        e.asm.rr("lzcnt" + size, dest, source)
        return dest
    # The highest set bit, or for zero a number whose exclusive or with width - 1 is the width.
    e.asm.ri("mov32", RAX, 2 * int(size) - 1)
    e.asm.rr("bsr" + size, dest, source)
    e.asm.rr("cmove32", dest, RAX)
    e.asm.ri("xor32", dest, int(size) - 1)
    return dest


@emits("i32.ctz", "i64.ctz")
def trailing_zeros(e: Emitter, v: int) -> int:
    size = _size(e, v)
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    if "tzcnt" in e.features or "bmi1" in e.features:
        e.asm.rr("tzcnt" + size, dest, source)
        return dest
    e.asm.ri("mov32", RAX, int(size))
    e.asm.rr("bsf" + size, dest, source)
    e.asm.rr("cmove32", dest, RAX)
    return dest


@emits("i32.popcnt", "i64.popcnt")
def population(e: Emitter, v: int) -> int:
    size = _size(e, v)
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    asm = e.asm
    if "popcnt" in e.features:
        asm.rr("popcnt" + size, dest, source)
        return dest
    # Sums of bits in groups of 2, 4 and 8; the multiplication adds the bytes up in the highest one.
    ones = (1 << int(size)) - 1
    temp = e.temp_gpr()
    asm.rr("mov" + size, dest, source)
    asm.rr("mov" + size, RAX, source)
    asm.ri("shr" + size, RAX, 1)
    asm.ri("mov64", temp, 0x5555555555555555 & ones)
    asm.rr("and" + size, RAX, temp)
    asm.rr("sub" + size, dest, RAX)
    asm.ri("mov64", temp, 0x3333333333333333 & ones)
    asm.rr("mov" + size, RAX, dest)
    asm.rr("and" + size, RAX, temp)
    asm.ri("shr" + size, dest, 2)
    asm.rr("and" + size, dest, temp)
    asm.rr("add" + size, dest, RAX)
    asm.rr("mov" + size, RAX, dest)
    asm.ri("shr" + size, RAX, 4)
    asm.rr("add" + size, dest, RAX)
    asm.ri("mov64", temp, 0x0F0F0F0F0F0F0F0F & ones)
    asm.rr("and" + size, dest, temp)
    asm.ri("mov64", temp, 0x0101010101010101 & ones)
    asm.rr("imul" + size, dest, temp)
    asm.ri("shr" + size, dest, int(size) - 8)
    return dest


_EXTENSIONS: Final = {
    "i32.extend8_s": "movsx8_32",
    "i32.extend16_s": "movsx16_32",
    "i64.extend8_s": "movsx8_64",
    "i64.extend16_s": "movsx16_64",
    "i64.extend32_s": "movsx32_64",
    "i64.extend_i32_s": "movsx32_64",
    "i64.extend_i32_u": "mov32",
    "i32.wrap_i64": "mov32",
}


@emits(*_EXTENSIONS)
def extend(e: Emitter, v: int) -> int:
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    e.asm.rr(_EXTENSIONS[e.graph.op[v].name], dest, source)
    return dest
