"""Memory instructions, chapter 4.6.9.

An effective address is a sum of unsigned numbers and never wraps. `struct` and indexing compare it with the length
of the buffer themselves; what they refuse becomes the trap.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import Any

from refsfi.errors import Exhaustion, TrapCode
from refsfi.exec.bulk import BYTES, pay, pieces
from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import instruction, lowering
from refsfi.numeric.table import SEMANTICS
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Instr, MemArg
from refsfi.syntax.types import I64

# What reading or writing outside of a buffer raises: a number too large for an index is an OverflowError or
# IndexError.
_OUTSIDE = (error, OverflowError, IndexError)

_UNSIGNED = {1: Struct("<B"), 2: Struct("<H"), 4: Struct("<I"), 8: Struct("<Q"), 16: Struct("16s")}
_SIGNED = {1: Struct("<b"), 2: Struct("<h"), 4: Struct("<i")}


def _mask(mnemonic: str) -> int:
    """All ones of the instruction's integer type."""
    return 0xFFFFFFFF if mnemonic.startswith("i32") else 0xFFFFFFFFFFFFFFFF


# --- loads -----------------------------------------------------------------------------------------------------------


@lowering("load", "load-pack", "vload")
def lower_load(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/load-num-oob, Step_read/load-num-val, Step_read/load-pack-oob, Step_read/load-pack-val,
    Step_read/vload-oob, Step_read/vload-val
    """
    arg: MemArg = instr.args[0]
    op = instr.op
    signed = op.rule == "load-pack" and op.mnemonic.endswith("_s")
    unpack = (_SIGNED if signed else _UNSIGNED)[op.width].unpack_from
    mask = _mask(op.mnemonic) if signed else None
    address = low.pop()
    if arg.mem:
        low.emit_value(_load_other, arg.mem, unpack, mask, arg.offset, address)
    elif signed:
        low.emit_value(_load_signed, unpack, mask, arg.offset, address)
    elif op.width == 1:
        low.emit_value(_load_byte, arg.offset, address)
    else:
        low.emit_value(_load, unpack, arg.offset, address)


def _load(unpack: Callable[[Any, int], Any], offset: int, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        try:
            r[d] = unpack(f.mem.data, r[a] + offset)[0]
        except _OUTSIDE:
            raise f.mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


def _load_byte(offset: int, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        try:
            r[d] = f.mem.data[r[a] + offset]
        except IndexError:
            raise f.mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


def _load_signed(unpack: Callable[[Any, int], Any], mask: int, offset: int, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        try:
            r[d] = unpack(f.mem.data, r[a] + offset)[0] & mask
        except _OUTSIDE:
            raise f.mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


def _load_other(
    memory: int, unpack: Callable[[Any, int], Any], mask: int | None, offset: int, a: int, d: int, nxt: int
) -> Step:
    def step(r: Regs, f: Frame) -> int:
        mem = f.inst.mems[memory]
        try:
            value = unpack(mem.data, r[a] + offset)[0]
        except _OUTSIDE:
            raise mem.out_of_bounds(r[a] + offset) from None
        r[d] = value if mask is None else value & mask
        return nxt

    return step


# --- stores ----------------------------------------------------------------------------------------------------------


@lowering("store", "store-pack", "vstore")
def lower_store(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/store-num-oob, Step/store-num-val, Step/store-pack-oob, Step/store-pack-val, Step/vstore-oob,
    Step/vstore-val"""
    arg: MemArg = instr.args[0]
    op = instr.op
    address, value = low.pop_many(2)
    pack = _UNSIGNED[op.width].pack_into
    mask = (1 << (8 * op.width)) - 1 if op.rule == "store-pack" else None
    if arg.mem:
        low.emit(_store_other, arg.mem, pack, mask, arg.offset, address, value)
    elif op.width == 1:
        low.emit(_store_byte, arg.offset, address, value)
    elif mask is not None:
        low.emit(_store_masked, pack, mask, arg.offset, address, value)
    else:
        low.emit(_store, pack, arg.offset, address, value)


def _store(pack: Callable[[Any, int, Any], None], offset: int, a: int, b: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        try:
            pack(f.mem.data, r[a] + offset, r[b])
        except _OUTSIDE:
            raise f.mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


def _store_byte(offset: int, a: int, b: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        try:
            f.mem.data[r[a] + offset] = r[b] & 0xFF
        except IndexError:
            raise f.mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


def _store_masked(pack: Callable[[Any, int, Any], None], mask: int, offset: int, a: int, b: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        try:
            pack(f.mem.data, r[a] + offset, r[b] & mask)
        except _OUTSIDE:
            raise f.mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


def _store_other(
    memory: int, pack: Callable[[Any, int, Any], None], mask: int | None, offset: int, a: int, b: int, nxt: int
) -> Step:
    def step(r: Regs, f: Frame) -> int:
        mem = f.inst.mems[memory]
        value = r[b]
        try:
            pack(mem.data, r[a] + offset, value if mask is None else value & mask)
        except _OUTSIDE:
            raise mem.out_of_bounds(r[a] + offset) from None
        return nxt

    return step


# --- vector loads and stores that do more than copy ------------------------------------------------------------------


def access(mem: MemInst, address: int, width: int) -> bytes:
    """`width` bytes at an effective address, or the trap."""
    data = mem.data
    if address + width > len(data):
        raise mem.out_of_bounds(address)
    return bytes(data[address : address + width])


@lowering("vload-pack", "vload-splat", "vload-zero")
def lower_vload(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/vload-pack-oob, Step_read/vload-pack-val, Step_read/vload-splat-oob, Step_read/vload-splat-val,
    Step_read/vload-zero-oob, Step_read/vload-zero-val
    """
    low.emit_value(_vload, instr.args[0], instr.op.width, WIDEN[instr.op.mnemonic], low.pop())


def _vload(arg: MemArg, width: int, widen: Callable[[bytes], bytes], a: int, d: int, nxt: int) -> Step:
    memory, offset = arg.mem, arg.offset

    def step(r: Regs, f: Frame) -> int:
        r[d] = widen(access(f.inst.mems[memory], r[a] + offset, width))
        return nxt

    return step


def _extender(extend: str) -> Callable[[bytes], bytes]:
    function = SEMANTICS[extend]
    return lambda low: function(low + bytes(8))


def _splatter(count: int) -> Callable[[bytes], bytes]:
    return lambda lane: lane * count


# From the bytes read to the vector.
WIDEN: dict[str, Callable[[bytes], bytes]] = {
    f"v128.load{bits}x{64 // bits}_{sign}": _extender(
        f"i{bits * 2}x{64 // bits}.extend_low_i{bits}x{128 // bits}_{sign}"
    )
    for bits in (8, 16, 32)
    for sign in "su"
}
WIDEN |= {f"v128.load{bits}_splat": _splatter(128 // bits) for bits in (8, 16, 32, 64)}
WIDEN |= {"v128.load32_zero": lambda lane: lane + bytes(12), "v128.load64_zero": lambda lane: lane + bytes(8)}


@lowering("vload_lane")
def lower_vload_lane(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/vload_lane-oob, Step_read/vload_lane-val"""
    arg, lane = instr.args
    low.emit_value(_vload_lane, arg, instr.op.width, lane * instr.op.width, *low.pop_many(2))


def _vload_lane(arg: MemArg, width: int, at: int, a: int, b: int, d: int, nxt: int) -> Step:
    memory, offset = arg.mem, arg.offset

    def step(r: Regs, f: Frame) -> int:
        vector = r[b]
        r[d] = vector[:at] + access(f.inst.mems[memory], r[a] + offset, width) + vector[at + width :]
        return nxt

    return step


@lowering("vstore_lane")
def lower_vstore_lane(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/vstore_lane-oob, Step/vstore_lane-val"""
    arg, lane = instr.args
    low.emit(_vstore_lane, arg, instr.op.width, lane * instr.op.width, *low.pop_many(2))


def _vstore_lane(arg: MemArg, width: int, at: int, a: int, b: int, nxt: int) -> Step:
    memory, offset = arg.mem, arg.offset

    def step(r: Regs, f: Frame) -> int:
        mem = f.inst.mems[memory]
        address = r[a] + offset
        if address + width > len(mem.data):
            raise mem.out_of_bounds(address)
        mem.data[address : address + width] = r[b][at : at + width]
        return nxt

    return step


# --- size, grow, bulk ------------------------------------------------------------------------------------------------


@instruction("memory.size", pops=0, pushes=1)
def memory_size(f: Frame, memory: int) -> int:
    """Rule: Step_read/memory.size"""
    return f.inst.mems[memory].pages


@instruction("memory.grow", pops=1, pushes=1)
def memory_grow(f: Frame, memory: int, delta: int) -> int:
    """The old size, or -1 in the memory's address type.

    Rule: Step/memory.grow-succeed, Step/memory.grow-fail
    """
    mem = f.inst.mems[memory]
    old = mem.grow(delta)
    if old is None:
        if f.store.limits.trap_on_grow_failure:
            raise Exhaustion(TrapCode.MEMORY_OUT_OF_BOUNDS, f"forcing trap when growing memory by {delta} pages")
        return 0xFFFFFFFFFFFFFFFF if mem.type.addr is I64 else 0xFFFFFFFF
    pay(f.store, delta)
    return old


@instruction("memory.fill", pops=3, pushes=0)
def memory_fill(f: Frame, memory: int, dest: int, value: int, count: int) -> None:
    """Rule: Step_read/memory.fill-oob, Step_read/memory.fill-zero, Step_read/memory.fill-succ"""
    mem = f.inst.mems[memory]
    if dest + count > len(mem.data):
        raise mem.out_of_bounds(dest + count - 1 if count else dest)
    pay(f.store, count)
    if count <= BYTES:
        mem.data[dest : dest + count] = bytes((value & 0xFF,)) * count
        return
    filling = bytes((value & 0xFF,)) * BYTES
    for at, size in pieces(f.store, count, BYTES):
        # A signal handler of the host may have had the memory grow, and move, since the piece before.
        mem.data[dest + at : dest + at + size] = filling[:size]


@instruction("memory.copy", pops=3, pushes=0)
def memory_copy(f: Frame, to: int, source: int, dest: int, start: int, count: int) -> None:
    """Rule: Step_read/memory.copy-oob, Step_read/memory.copy-zero, Step_read/memory.copy-le,
    Step_read/memory.copy-gt"""
    target, origin = f.inst.mems[to], f.inst.mems[source]
    if start + count > len(origin.data):
        raise origin.out_of_bounds(start + count - 1 if count else start)
    if dest + count > len(target.data):
        raise target.out_of_bounds(dest + count - 1 if count else dest)
    pay(f.store, count)
    if count <= BYTES:
        target.data[dest : dest + count] = origin.data[start : start + count]
        return
    for at, size in pieces(f.store, count, BYTES, backwards=target is origin and dest > start):
        target.data[dest + at : dest + at + size] = origin.data[start + at : start + at + size]


@instruction("memory.init", pops=3, pushes=0)
def memory_init(f: Frame, segment: int, memory: int, dest: int, start: int, count: int) -> None:
    """Rule: Step_read/memory.init-oob, Step_read/memory.init-zero, Step_read/memory.init-succ"""
    mem = f.inst.mems[memory]
    source = f.inst.datas[segment]
    if start + count > len(source):
        raise mem.out_of_bounds(dest)
    if dest + count > len(mem.data):
        raise mem.out_of_bounds(dest + count - 1 if count else dest)
    pay(f.store, count)
    mem.data[dest : dest + count] = source[start : start + count]


@instruction("data.drop", pops=0, pushes=0)
def data_drop(f: Frame, segment: int) -> None:
    """Rule: Step/data.drop"""
    f.inst.datas[segment] = b""
