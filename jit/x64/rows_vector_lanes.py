"""Lanes of vectors: splats, single lanes, swizzles and shuffles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.vectors import lanes_label

_T: Final = at.VSCRATCH

# --- one lane ---------------------------------------------------------------------------------------------------------

_BROADCASTS: Final = {
    "i8x16": "vpbroadcastb",
    "i16x8": "vpbroadcastw",
    "i32x4": "vpbroadcastd",
    "i64x2": "vpbroadcastq",
}


@emits(*(f"{shape}.splat" for shape in _BROADCASTS))
def splat(e: Emitter, v: int) -> int:
    asm = e.asm
    shape = e.graph.op[v].name[:5]
    source = e.gpr(e.graph.args[v][0])
    dest = e.new_xmm(v)
    asm.rr("movq_xr" if shape == "i64x2" else "movd_xr", dest, source)
    if "avx2" in e.features:
        asm.rr(_BROADCASTS[shape], dest, dest)
    elif shape == "i8x16":
        asm.rr("pxor", _T, _T)
        asm.rr("pshufb", dest, _T)
    elif shape == "i64x2":
        asm.rr("punpcklqdq", dest, dest)
    else:
        if shape == "i16x8":
            asm.rri("pshuflw", dest, dest, 0)
        asm.rri("pshufd", dest, dest, 0)
    return dest


@emits("f32x4.splat", "f64x2.splat")
def splat_float(e: Emitter, v: int) -> int:
    dest = e.over_xmm(v, e.graph.args[v][0])
    if e.graph.op[v].name == "f32x4.splat":
        e.asm.rri("shufps", dest, dest, 0)
    else:
        e.asm.rr("movddup", dest, dest)
    return dest


# Instruction that extracts, instruction that extends the sign.
_EXTRACTS: Final = {
    "i8x16.extract_lane_s": ("pextrb", "movsx8_32"),
    "i8x16.extract_lane_u": ("pextrb", ""),
    "i16x8.extract_lane_s": ("pextrw", "movsx16_32"),
    "i16x8.extract_lane_u": ("pextrw", ""),
    "i32x4.extract_lane": ("pextrd", ""),
    "i64x2.extract_lane": ("pextrq", ""),
}


@emits(*_EXTRACTS)
def extract(e: Emitter, v: int) -> int:
    (lane,) = e.graph.imm[v]
    name, extend = _EXTRACTS[e.graph.op[v].name]
    source = e.xmm(e.graph.args[v][0])
    dest = e.new_gpr(v)
    if lane == 0 and name in ("pextrd", "pextrq"):
        e.asm.rr("movd_rx" if name == "pextrd" else "movq_rx", dest, source)
    else:
        e.asm.rri(name, dest, source, lane)
    if extend:
        e.asm.rr(extend, dest, dest)
    return dest


@emits("f32x4.extract_lane", "f64x2.extract_lane")
def extract_float(e: Emitter, v: int) -> int:
    (lane,) = e.graph.imm[v]
    (a,) = e.graph.args[v]
    if lane == 0:
        return e.over_xmm(v, a)
    source = e.xmm(a)
    dest = e.new_xmm(v)
    e.asm.rri("pshufd", dest, source, lane if e.graph.op[v].name[:3] == "f32" else 0xEE)
    return dest


_REPLACES: Final = {"i8x16": "pinsrb", "i16x8": "pinsrw", "i32x4": "pinsrd", "i64x2": "pinsrq"}


@emits(*(f"{shape}.replace_lane" for shape in _REPLACES))
def replace(e: Emitter, v: int) -> int:
    vector, lane = e.graph.args[v]
    source = e.gpr(lane)
    dest = e.over_xmm(v, vector)
    e.asm.rri(_REPLACES[e.graph.op[v].name[:5]], dest, source, e.graph.imm[v][0])
    return dest


@emits("f32x4.replace_lane", "f64x2.replace_lane")
def replace_float(e: Emitter, v: int) -> int:
    vector, lane = e.graph.args[v]
    (number,) = e.graph.imm[v]
    source = e.xmm(lane)
    dest = e.over_xmm(v, vector)
    if e.graph.op[v].name[:3] == "f32":
        e.asm.rri("insertps", dest, source, number << 4)
    elif number:
        e.asm.rr("movlhps", dest, source)
    else:
        e.asm.rr("movsd", dest, source)
    return dest


# --- swizzles and shuffles --------------------------------------------------------------------------------------------


@emits("i8x16.swizzle", "i8x16.relaxed_swizzle")
def swizzle(e: Emitter, v: int) -> int:
    """`pshufb` gives zero where an index has its highest bit set: with 0x70 added, those from 16 on have."""
    asm = e.asm
    vector, indices = e.graph.args[v]
    if e.is_constant(indices):
        chosen: bytes = e.graph.imm[indices]
        dest = e.over_xmm(v, vector)
        asm.rm_rip("pshufb", dest, asm.data(bytes(i if i < 16 else 0x80 for i in chosen)))
        return dest
    by = e.xmm(indices)
    dest = e.over_xmm(v, vector)
    asm.rr("movdqa", _T, by)
    asm.rm_rip("paddusb", _T, lanes_label(e, 8, 0x70))
    asm.rr("pshufb", dest, _T)
    return dest


# Shuffles by one instruction that interleaves halves of both operands, by the width of lanes and the half.
_UNPACKS: Final = {
    (1, 0): "punpcklbw",
    (2, 0): "punpcklwd",
    (4, 0): "punpckldq",
    (8, 0): "punpcklqdq",
    (1, 1): "punpckhbw",
    (2, 1): "punpckhwd",
    (4, 1): "punpckhdq",
    (8, 1): "punpckhqdq",
}


def _interleaved(width: int, half: int, first: int, second: int) -> bytes:
    """The lanes of an unpacking of two vectors whose bytes are numbered from `first` and `second` on."""
    found = bytearray()
    for start in range(8 * half, 8 * half + 8, width):
        found += bytes(range(first + start, first + start + width))
        found += bytes(range(second + start, second + start + width))
    return bytes(found)


_INTERLEAVED: Final = {
    (_interleaved(*key, first, second)): (name, first // 16, second // 16)
    for key, name in _UNPACKS.items()
    for first in (0, 16)
    for second in (0, 16)
}


def _words(lanes: bytes, width: int) -> list[int] | None:
    """The shuffle as one of lanes of `width` bytes, or None."""
    found = []
    for start in range(0, 16, width):
        first = lanes[start]
        if first % width or lanes[start : start + width] != bytes(range(first, first + width)):
            return None
        found.append(first // width)
    return found


@emits("i8x16.shuffle")
def shuffle(e: Emitter, v: int) -> int:
    a, b = e.graph.args[v]
    lanes = bytes(e.graph.imm[v][0])
    if a == b:
        lanes = bytes(lane % 16 for lane in lanes)
    if all(lane < 16 for lane in lanes):
        return _shuffle_one(e, v, a, lanes)
    if all(lane >= 16 for lane in lanes):
        return _shuffle_one(e, v, b, bytes(lane - 16 for lane in lanes))
    for attempt in _ATTEMPTS:
        dest = attempt(e, v, lanes)
        if dest is not None:
            return dest
    return _shuffle_any(e, v, lanes)


def _shuffle_one(e: Emitter, v: int, a: int, lanes: bytes) -> int:
    """Lanes of one vector."""
    asm = e.asm
    if lanes == bytes(range(16)):
        return e.over_xmm(v, a)
    found = _INTERLEAVED.get(lanes)
    words = _words(lanes, 4)
    if words is not None:
        source = e.xmm(a)
        dest = e.new_xmm(v)
        asm.rri("pshufd", dest, source, _selector(words))
        return dest
    dest = e.over_xmm(v, a)
    if found is not None:
        asm.rr(found[0], dest, dest)
    elif all(lane == (lanes[0] + i) % 16 for i, lane in enumerate(lanes)):
        asm.rri("palignr", dest, dest, lanes[0])
    else:
        asm.rm_rip("pshufb", dest, asm.data(lanes))
    return dest


def _selector(words: list[int]) -> int:
    return sum((word & 3) << 2 * i for i, word in enumerate(words))


def _unpack(e: Emitter, v: int, lanes: bytes) -> int | None:
    found = _INTERLEAVED.get(lanes)
    if found is None:
        return None
    name, first, second = found
    args = e.graph.args[v]
    other = e.xmm(args[second])
    dest = e.over_xmm(v, args[first])
    e.asm.rr(name, dest, other)
    return dest


def _align(e: Emitter, v: int, lanes: bytes) -> int | None:
    """Sixteen consecutive bytes of one operand followed by the other."""
    if any(lane != (lanes[0] + i) % 32 for i, lane in enumerate(lanes)):
        return None
    args = e.graph.args[v]
    low, high = (args[0], args[1]) if lanes[0] < 16 else (args[1], args[0])
    other = e.xmm(low)
    dest = e.over_xmm(v, high)
    e.asm.rri("palignr", dest, other, lanes[0] % 16)
    return dest


def _blend(e: Emitter, v: int, lanes: bytes) -> int | None:
    """Words that stay where they are."""
    words = _words(lanes, 2)
    if words is None or any(word % 8 != i for i, word in enumerate(words)):
        return None
    a, b = e.graph.args[v]
    other = e.xmm(b)
    dest = e.over_xmm(v, a)
    e.asm.rri("pblendw", dest, other, sum(1 << i for i, word in enumerate(words) if word >= 8))
    return dest


def _pairs(e: Emitter, v: int, lanes: bytes) -> int | None:
    """Two words of 32 bits of one operand, then two of the other."""
    words = _words(lanes, 4)
    if words is None:
        return None
    sides = [word // 4 for word in words]
    if sides not in ([0, 0, 1, 1], [1, 1, 0, 0]):
        return None
    args = e.graph.args[v]
    other = e.xmm(args[sides[2]])
    dest = e.over_xmm(v, args[sides[0]])
    e.asm.rri("shufps", dest, other, _selector(words))
    return dest


_ATTEMPTS: Final[tuple[Callable[[Emitter, int, bytes], int | None], ...]] = (_unpack, _align, _blend, _pairs)


def _shuffle_any(e: Emitter, v: int, lanes: bytes) -> int:
    """What each operand contributes, the rest zero."""
    asm = e.asm
    a, b = e.graph.args[v]
    other = e.xmm(b)
    dest = e.over_xmm(v, a)
    asm.rr("movdqa", _T, other)
    asm.rm_rip("pshufb", _T, asm.data(bytes(lane - 16 if lane >= 16 else 0x80 for lane in lanes)))
    asm.rm_rip("pshufb", dest, asm.data(bytes(lane if lane < 16 else 0x80 for lane in lanes)))
    asm.rr("por", dest, _T)
    return dest
