"""Loads, stores, sizes, globals, fuel and the like.

An access goes to `[base + index + offset]`. With guard pages nothing is compared: a 32-bit index and an offset below
the guard's size cannot reach past the reservation, and what lies in it beyond the memory's end faults. Otherwise index,
offset and width are added up and compared with the memory's size; for 64-bit indices the addition may overflow, and is
checked.
"""

from __future__ import annotations

from typing import Final

from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.code import NOTHING
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX
from refsfi.runtime.reservation import GUARD
from refsfi.syntax.module import MemArg
from refsfi.syntax.types import I64

__all__ = ["Address", "locate"]

_LOADS: Final = {
    "i32.load": "mov32",
    "i64.load": "mov64",
    "i32.load8_s": "movsx8_32",
    "i32.load8_u": "movzx8_32",
    "i32.load16_s": "movsx16_32",
    "i32.load16_u": "movzx16_32",
    "i64.load8_s": "movsx8_64",
    "i64.load8_u": "movzx8_32",
    "i64.load16_s": "movsx16_64",
    "i64.load16_u": "movzx16_32",
    "i64.load32_s": "movsx32_64",
    "i64.load32_u": "mov32",
}
_STORES: Final = {
    "i32.store": "mov32",
    "i64.store": "mov64",
    "i32.store8": "mov8",
    "i32.store16": "mov16",
    "i64.store8": "mov8",
    "i64.store16": "mov16",
    "i64.store32": "mov32",
}


class Address:
    """`[base + index + disp]`; index -1 for none. `guarded`: it may fault."""

    __slots__ = ("base", "disp", "guarded", "index")

    def __init__(self, base: int, index: int, disp: int, guarded: bool) -> None:
        self.base = base
        self.index = index
        self.disp = disp
        self.guarded = guarded


def locate(e: Emitter, v: int, address: int, arg: MemArg, width: int) -> Address:
    """Write what an access of `width` bytes needs before it, comparisons included, and say where it goes. May use rax,
    which then belongs to the address."""
    asm = e.asm
    memory = e.program.info.mems[arg.mem]
    offset = arg.offset
    if memory.addr is not I64 and offset + width <= GUARD and e.guard(arg.mem):
        e.code.unchecked += 1
        if arg.mem:
            asm.rm("mov64", RAX, at.INSTANCE, e.memory_word(arg.mem))
            asm.rm("mov64", RAX, RAX, at.MEM_BASE)
            base = RAX
        else:
            base = at.MEMORY
        if e.is_constant(address):
            known = e.graph.imm[address] + offset
            if known < 1 << 31:
                return Address(base, -1, known, True)
        return Address(base, e.gpr(address), offset, True)
    e.code.checked += 1
    # rax: the address behind the last byte.
    record = e.temp_gpr()
    index = e.gpr(address)
    asm.rm("mov64", record, at.INSTANCE, e.memory_word(arg.mem))
    if offset + width < 1 << 31:
        asm.rm("lea64", RAX, index, offset + width)
    else:
        asm.ri("mov64", RAX, (offset + width) & 0xFFFFFFFFFFFFFFFF)
        asm.rr("add64", RAX, index)
    if memory.addr is I64:
        if offset + width >= 1 << 64:
            asm.jmp(e.exit_label(e.graph.snap[v]))
        # The sum has overflowed if it is less than the index.
        asm.rr("cmp64", RAX, index)
        e.exit_if("b", v)
    asm.rm("cmp64", RAX, record, at.MEM_SIZE)
    e.exit_if("a", v)
    asm.rm("add64", RAX, record, at.MEM_BASE)
    return Address(RAX, -1, -width, False)


def _before(e: Emitter, v: int, address: Address) -> None:
    if address.guarded:
        e.may_fault(v)


def load_from(e: Emitter, v: int, name: str, dest: int, address: Address) -> None:
    """Write a load, of an integer or a vector instruction."""
    _before(e, v, address)
    if address.index < 0:
        e.asm.rm(name, dest, address.base, address.disp)
    else:
        e.asm.rmx(name, dest, address.base, address.index, 1, address.disp)


def store_to(e: Emitter, v: int, name: str, address: Address, source: int) -> None:
    _before(e, v, address)
    if address.index < 0:
        e.asm.mr(name, address.base, address.disp, source)
    else:
        e.asm.mrx(name, address.base, address.index, 1, address.disp, source)


@emits(*_LOADS)
def load(e: Emitter, v: int) -> int:
    op = e.graph.op[v]
    width = op.wasm.width if op.wasm is not None else 0
    address = locate(e, v, e.graph.args[v][0], e.graph.imm[v], width)
    dest = e.new_gpr(v)
    load_from(e, v, _LOADS[op.name], dest, address)
    return dest


@emits(*_STORES)
def store(e: Emitter, v: int) -> int:
    op = e.graph.op[v]
    where, value = e.graph.args[v]
    width = op.wasm.width if op.wasm is not None else 0
    imm = e.imm32(value)
    source = e.gpr(value) if imm is None else NOTHING
    address = locate(e, v, where, e.graph.imm[v], width)
    name = _STORES[op.name]
    if imm is None:
        store_to(e, v, name, address, source)
        return NOTHING
    if width < 4:
        imm &= (1 << 8 * width) - 1
    _before(e, v, address)
    if address.index < 0:
        e.asm.mi(name, address.base, address.disp, imm)
    else:
        e.asm.mxi(name, address.base, address.index, 1, address.disp, imm)
    return NOTHING


@emits("f32.load", "f64.load", "v128.load")
def load_vector(e: Emitter, v: int) -> int:
    op = e.graph.op[v]
    width = op.wasm.width if op.wasm is not None else 0
    address = locate(e, v, e.graph.args[v][0], e.graph.imm[v], width)
    dest = e.new_xmm(v)
    load_from(e, v, {4: "movss", 8: "movsd", 16: "movups"}[width], dest, address)
    return dest


@emits("f32.store", "f64.store", "v128.store")
def store_vector(e: Emitter, v: int) -> int:
    op = e.graph.op[v]
    where, value = e.graph.args[v]
    width = op.wasm.width if op.wasm is not None else 0
    source = e.xmm(value)
    address = locate(e, v, where, e.graph.imm[v], width)
    store_to(e, v, {4: "movss", 8: "movsd", 16: "movups"}[width], address, source)
    return NOTHING


@emits("i32.memory_size", "i64.memory_size")
def memory_size(e: Emitter, v: int) -> int:
    index = e.graph.imm[v]
    dest = e.new_gpr(v)
    e.asm.rm("mov64", dest, at.INSTANCE, e.memory_word(index))
    e.asm.rm("mov64", dest, dest, at.MEM_SIZE)
    shift = e.program.info.mems[index].page_size_log2
    if shift:
        e.asm.ri("shr64", dest, shift)
    return dest


@emits("i32.table_size", "i64.table_size")
def table_size(e: Emitter, v: int) -> int:
    dest = e.new_gpr(v)
    e.asm.rm("mov64", dest, at.INSTANCE, e.table_word(e.graph.imm[v]))
    e.asm.rm("mov64", dest, dest, at.TABLE_SIZE)
    return dest


# --- globals ---------------------------------------------------------------------------------------------------------


@emits("i32.global", "i64.global")
def global_get(e: Emitter, v: int) -> int:
    dest = e.new_gpr(v)
    e.asm.rm("mov64", dest, at.INSTANCE, e.global_word(e.graph.imm[v]))
    e.asm.rm("mov64", dest, dest, 0)
    return dest


@emits("f32.global", "f64.global", "v128.global")
def global_get_vector(e: Emitter, v: int) -> int:
    dest = e.new_xmm(v)
    e.asm.rm("mov64", RAX, at.INSTANCE, e.global_word(e.graph.imm[v]))
    e.asm.rm("movups" if e.graph.type[v] is Type.V128 else "movsd", dest, RAX, 0)
    return dest


@emits("i32.set_global", "i64.set_global")
def global_set(e: Emitter, v: int) -> int:
    (value,) = e.graph.args[v]
    imm = e.imm32(value)
    # A word is written whole: an i32 is zero-extended there too.
    if imm is not None and (imm >= 0 or e.graph.type[value] is Type.I64):
        e.asm.rm("mov64", RAX, at.INSTANCE, e.global_word(e.graph.imm[v]))
        e.asm.mi("mov64", RAX, 0, imm)
        return NOTHING
    source = e.gpr(value)
    e.asm.rm("mov64", RAX, at.INSTANCE, e.global_word(e.graph.imm[v]))
    e.asm.mr("mov64", RAX, 0, source)
    return NOTHING


@emits("f32.set_global", "f64.set_global", "v128.set_global")
def global_set_vector(e: Emitter, v: int) -> int:
    source = e.xmm(e.graph.args[v][0])
    e.asm.rm("mov64", RAX, at.INSTANCE, e.global_word(e.graph.imm[v]))
    # The upper half of an f32's word stays zero.
    e.asm.mr({"f32": "movss", "f64": "movsd", "v128": "movups"}[e.graph.op[v].name.split(".")[0]], RAX, 0, source)
    return NOTHING


# --- the store's own -------------------------------------------------------------------------------------------------


@emits(*(f"{t}.home" for t in Type if t is not Type.NONE))
def home(e: Emitter, v: int) -> int:
    """In memory already."""
    return NOTHING


@emits("fuel")
def fuel(e: Emitter, v: int) -> int:
    asm = e.asm
    cost = e.graph.imm[v]
    asm.mi("cmp64", at.VM, at.FUEL, cost)
    e.exit_if("l", v)
    asm.mi("sub64", at.VM, at.FUEL, cost)
    return NOTHING


@emits("poll")
def poll(e: Emitter, v: int) -> int:
    e.asm.mi("cmp32", at.VM, at.STOP, 0)
    e.exit_if("ne", v)
    return NOTHING


@emits("room")
def room(e: Emitter, v: int) -> int:
    e.asm.mi("cmp64", at.VM, at.ROOM, e.graph.imm[v])
    e.exit_if("l", v)
    return NOTHING


@emits("take_room")
def take_room(e: Emitter, v: int) -> int:
    e.asm.mi("sub64", at.VM, at.ROOM, e.graph.imm[v])
    return NOTHING
