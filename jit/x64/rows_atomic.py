"""Atomic accesses, sequentially consistent: loads are plain, everything that writes locks the bus. They leave unless
the address is aligned and inside; the processor itself would not mind.

A read-modify-write of less than 64 bits gives the old value zero-extended.
"""

from __future__ import annotations

from typing import Final

from jit.x64.code import NOTHING
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX
from jit.x64.rows_memory import load_from, locate

_TYPES: Final = ("i32", "i64")
_PARTS: Final = {"i32": (8, 16), "i64": (8, 16, 32)}

# Instruction -> bits of the access.
_LOADS: Final = {f"{t}.atomic.load{part}_u": part for t in _TYPES for part in _PARTS[t]}
_LOADS.update({"i32.atomic.load": 32, "i64.atomic.load": 64})
_STORES: Final = {name.removesuffix("_u").replace("load", "store"): bits for name, bits in _LOADS.items()}

_READS: Final = {8: "movzx8_32", 16: "movzx16_32", 32: "mov32", 64: "mov64"}


def _rmw(*operations: str) -> dict[str, int]:
    found = {}
    for operation in operations:
        for t in _TYPES:
            found[f"{t}.atomic.rmw.{operation}"] = int(t[1:])
            for part in _PARTS[t]:
                found[f"{t}.atomic.rmw{part}.{operation}_u"] = part
    return found


_ARITHMETIC: Final = _rmw("add", "sub")
_BITWISE: Final = _rmw("and", "or", "xor")
_EXCHANGE: Final = _rmw("xchg")
_COMPARE: Final = _rmw("cmpxchg")


@emits("fence")
def fence(e: Emitter, v: int) -> int:
    e.asm.op("mfence")
    return NOTHING


def _operation(e: Emitter, v: int) -> str:
    return e.graph.op[v].name.split(".")[-1].removesuffix("_u")


def _check_alignment(e: Emitter, v: int, bits: int) -> None:
    """Only the lowest bits of the address and the offset matter."""
    mask = bits // 8 - 1
    if mask == 0:
        return
    address = e.graph.args[v][0]
    odd = e.graph.imm[v].offset & mask
    if e.is_constant(address):
        if (e.graph.imm[address] + odd) & mask:
            e.asm.jmp(e.exit_label(e.graph.snap[v]))
        return
    index = e.gpr(address)
    if odd:
        e.asm.rm("lea32", RAX, index, odd)
        index = RAX
    e.asm.ri("test32", index, mask)
    e.exit_if("ne", v)


def _cell(e: Emitter, v: int, bits: int) -> int:
    """A register with the address in memory of what is accessed, which may still fault there."""
    _check_alignment(e, v, bits)
    register = e.temp_gpr()
    address = locate(e, v, e.graph.args[v][0], e.graph.imm[v], bits // 8)
    if address.index < 0:
        e.asm.rm("lea64", register, address.base, address.disp)
    else:
        e.asm.rmx("lea64", register, address.base, address.index, 1, address.disp)
    return register


def _write(e: Emitter, v: int, name: str, cell: int, register: int) -> None:
    """The one instruction that reads and writes memory; it faults before it has done either."""
    e.may_fault(v)
    e.asm.mr(name, cell, 0, register)


def _extended(e: Emitter, register: int, bits: int) -> int:
    """Zero-extend what an instruction for `bits` has left in a register. Returns the register."""
    if bits < 64:
        e.asm.rr(_READS[bits], register, register)
    return register


@emits(*_LOADS)
def load(e: Emitter, v: int) -> int:
    bits = _LOADS[e.graph.op[v].name]
    _check_alignment(e, v, bits)
    address = locate(e, v, e.graph.args[v][0], e.graph.imm[v], bits // 8)
    dest = e.new_gpr(v)
    load_from(e, v, _READS[bits], dest, address)
    return dest


@emits(*_STORES)
def store(e: Emitter, v: int) -> int:
    """An exchange, which later loads cannot overtake as they can a store."""
    bits = _STORES[e.graph.op[v].name]
    source = e.gpr(e.graph.args[v][1])
    cell = _cell(e, v, bits)
    e.asm.rr("mov64", RAX, source)
    _write(e, v, f"xchg{bits}", cell, RAX)
    return NOTHING


@emits(*_ARITHMETIC)
def add(e: Emitter, v: int) -> int:
    bits = _ARITHMETIC[e.graph.op[v].name]
    source = e.gpr(e.graph.args[v][1])
    cell = _cell(e, v, bits)
    # If the access faults, the operand must be what it was.
    dest = e.new_gpr(v)
    e.asm.rr("mov64", dest, source)
    if _operation(e, v) == "sub":
        e.asm.r("neg64", dest)
    _write(e, v, f"lock_xadd{bits}", cell, dest)
    return _extended(e, dest, bits)


@emits(*_EXCHANGE)
def exchange(e: Emitter, v: int) -> int:
    bits = _EXCHANGE[e.graph.op[v].name]
    source = e.gpr(e.graph.args[v][1])
    cell = _cell(e, v, bits)
    dest = e.new_gpr(v)
    e.asm.rr("mov64", dest, source)
    _write(e, v, f"xchg{bits}", cell, dest)
    return _extended(e, dest, bits)


@emits(*_BITWISE)
def bitwise(e: Emitter, v: int) -> int:
    """Where somebody wants the old value: read it, compute, and write unless another thread came between; then
    again."""
    asm = e.asm
    bits = _BITWISE[e.graph.op[v].name]
    operation = _operation(e, v)
    source = e.gpr(e.graph.args[v][1])
    cell = _cell(e, v, bits)
    if v in e.liveness.unneeded:
        _write(e, v, f"lock_{operation}{bits}", cell, source)
        return NOTHING
    dest = e.new_gpr(v)
    e.may_fault(v)
    asm.rm(_READS[bits], RAX, cell, 0)
    again = asm.label()
    asm.bind(again)
    asm.rr("mov64", dest, RAX)
    asm.rr(f"{operation}64", dest, source)
    # A read-only page would fault here, but a guest's memory has none.
    asm.mr(f"lock_cmpxchg{bits}", cell, 0, dest)
    asm.jcc("ne", again)
    asm.rr("mov64", dest, RAX)
    return _extended(e, dest, bits)


@emits(*_COMPARE)
def compare_exchange(e: Emitter, v: int) -> int:
    """The processor compares with rax, or its low bits, and leaves the old value there."""
    bits = _COMPARE[e.graph.op[v].name]
    _, expected, replacement = e.graph.args[v]
    source = e.gpr(replacement)
    cell = _cell(e, v, bits)
    dest = e.new_gpr(v)
    e.copy_to(RAX, expected)
    _write(e, v, f"lock_cmpxchg{bits}", cell, source)
    e.asm.rr("mov64", dest, RAX)
    return _extended(e, dest, bits)
