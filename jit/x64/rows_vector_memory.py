"""Loads and stores of parts of vectors. Where they go, and what is compared before, `rows_memory` says."""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.code import NOTHING
from jit.x64.emit import Emitter, emits
from jit.x64.rows_memory import Address, load_from, locate, store_to

_T: Final = at.VSCRATCH


def _address(e: Emitter, v: int) -> Address:
    op = e.graph.op[v]
    imm = e.graph.imm[v]
    arg = imm[0] if isinstance(imm, tuple) else imm
    return locate(e, v, e.graph.args[v][0], arg, op.wasm.width if op.wasm is not None else 0)


_WHOLE: Final = {
    "v128.load8x8_s": "pmovsxbw",
    "v128.load8x8_u": "pmovzxbw",
    "v128.load16x4_s": "pmovsxwd",
    "v128.load16x4_u": "pmovzxwd",
    "v128.load32x2_s": "pmovsxdq",
    "v128.load32x2_u": "pmovzxdq",
    "v128.load32_zero": "movss",
    "v128.load64_zero": "movsd",
    "v128.load64_splat": "movddup",
}


@emits(*_WHOLE)
def load(e: Emitter, v: int) -> int:
    """By one instruction."""
    address = _address(e, v)
    dest = e.new_xmm(v)
    load_from(e, v, _WHOLE[e.graph.op[v].name], dest, address)
    return dest


@emits("v128.load32_splat")
def load_splat(e: Emitter, v: int) -> int:
    address = _address(e, v)
    dest = e.new_xmm(v)
    load_from(e, v, "movss", dest, address)
    e.asm.rri("shufps", dest, dest, 0)
    return dest


@emits("v128.load8_splat", "v128.load16_splat")
def load_splat_narrow(e: Emitter, v: int) -> int:
    asm = e.asm
    bytes_only = e.graph.op[v].name.startswith("v128.load8")
    address = _address(e, v)
    dest = e.new_xmm(v)
    _lane_from(e, v, "pinsrb" if bytes_only else "pinsrw", dest, address, 0)
    if bytes_only:
        asm.rr("pxor", _T, _T)
        asm.rr("pshufb", dest, _T)
    else:
        asm.rri("pshuflw", dest, dest, 0)
        asm.rri("pshufd", dest, dest, 0)
    return dest


def _lane_from(e: Emitter, v: int, name: str, dest: int, address: Address, lane: int) -> None:
    if address.guarded:
        e.may_fault(v)
    if address.index < 0:
        e.asm.rmi(name, dest, address.base, address.disp, lane)
    else:
        e.asm.rmxi(name, dest, address.base, address.index, 1, address.disp, lane)


_LANES: Final = {"8": "b", "16": "w", "32": "d", "64": "q"}


def _lane_letter(e: Emitter, v: int, prefix: str) -> str:
    return _LANES[e.graph.op[v].name.removeprefix(prefix).removesuffix("_lane")]


@emits(*(f"v128.load{width}_lane" for width in _LANES))
def load_lane(e: Emitter, v: int) -> int:
    """The access faults, if it does, before the vector is changed."""
    lane = e.graph.imm[v][1]
    address = _address(e, v)
    dest = e.over_xmm(v, e.graph.args[v][1])
    _lane_from(e, v, "pinsr" + _lane_letter(e, v, "v128.load"), dest, address, lane)
    return dest


@emits(*(f"v128.store{width}_lane" for width in _LANES))
def store_lane(e: Emitter, v: int) -> int:
    lane = e.graph.imm[v][1]
    letter = _lane_letter(e, v, "v128.store")
    source = e.xmm(e.graph.args[v][1])
    address = _address(e, v)
    if lane == 0 and letter in "dq":
        store_to(e, v, "movss" if letter == "d" else "movsd", address, source)
        return NOTHING
    if address.guarded:
        e.may_fault(v)
    if address.index < 0:
        e.asm.mri("pextr" + letter, address.base, address.disp, source, lane)
    else:
        e.asm.mrxi("pextr" + letter, address.base, address.index, 1, address.disp, source, lane)
    return NOTHING
