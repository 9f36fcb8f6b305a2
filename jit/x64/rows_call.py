"""Calls between regions."""

from __future__ import annotations

from jit.build import Refused
from jit.helper import Helper
from jit.ir.graph import TailCall
from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.code import NOTHING, XMM, CallSite
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX, RCX, RSP
from refsfi.syntax.deftypes import DefType

__all__ = ["called", "save", "tail_call", "write_arguments"]


@emits("func.of_table", "func.of_table64")
def func_of_table(e: Emitter, v: int) -> int:
    asm = e.asm
    table, expected = e.graph.imm[v]
    index = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    asm.rm("mov64", RAX, at.INSTANCE, e.table_word(table))
    asm.rm("cmp64", index, RAX, at.TABLE_LENGTH)
    e.exit_if("ae", v)
    asm.rm("mov64", RAX, RAX, at.TABLE_ELEMS)
    asm.rmx("mov64", dest, RAX, index, 8, 0)
    asm.rr("test64", dest, dest)
    e.exit_if("e", v)
    asm.mi("cmp64", dest, at.REC_TYPE, _number(expected))
    e.exit_if("ne", v)
    asm.rm("cmp64", at.INSTANCE, dest, at.REC_INSTANCE)
    e.exit_if("ne", v)
    return dest


def _number(type: DefType) -> int:
    """The type's number, as an immediate."""
    if type.serial >> 31:
        raise Refused("type with a large number")
    return type.serial


@emits("func.of_ref")
def func_of_ref(e: Emitter, v: int) -> int:
    """Functions' records are at addresses that are multiples of 8; null is 0, and everything else has low bits set."""
    asm = e.asm
    ref = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    asm.rr("test64", ref, ref)
    e.exit_if("e", v)
    asm.ri("test32", ref, 7)
    e.exit_if("ne", v)
    asm.rm("cmp64", at.INSTANCE, ref, at.REC_INSTANCE)
    e.exit_if("ne", v)
    asm.rr("mov64", dest, ref)
    return dest


@emits("ref.as_non_null")
def ref_as_non_null(e: Emitter, v: int) -> int:
    ref = e.gpr(e.graph.args[v][0])
    dest = e.new_gpr(v)
    e.asm.rr("test64", ref, ref)
    e.exit_if("e", v)
    e.asm.rr("mov64", dest, ref)
    return dest


@emits("ref.func")
def ref_func(e: Emitter, v: int) -> int:
    dest = e.new_gpr(v)
    e.asm.rm("mov64", RAX, at.INSTANCE, at.FUNCS)
    e.asm.rm("mov64", dest, RAX, 8 * e.graph.imm[v])
    e.asm.rr("test64", dest, dest)
    e.exit_if("e", v)
    return dest


@emits("call")
def call(e: Emitter, v: int) -> int:
    callee = e.graph.imm[v].index
    named = save(e, v)
    types = [e.graph.type[a] for a in e.graph.args[v]]
    _arguments(e, e.graph.args[v])
    e.asm.call_abs(e.addresses.thunk(callee))
    return called(e, v, callee, types, named)


@emits("call_func")
def call_func(e: Emitter, v: int) -> int:
    func, *args = e.graph.args[v]
    record = e.gpr(func)
    named = save(e, v)
    e.asm.mr("mov64", at.VM, at.CALLEE, record)
    types = [e.graph.type[a] for a in args]
    _arguments(e, tuple(args))
    e.asm.rm("mov64", RAX, at.VM, at.CALLEE)
    e.asm.m("call64", RAX, at.REC_ENTRY)
    return called(e, v, None, types, named)


def save(e: Emitter, v: int) -> int:
    """Put to memory what lives behind the call `v`, and what its snapshot names: the region may be left while it waits.
    The latter, as a set."""
    named = e.liveness.named(e.graph.snap[v])
    dying = e.dying
    for value in list(e.reg):
        if value not in e.mem and (value not in dying or named >> value & 1):
            e.spill(value)
    return named


def _arguments(e: Emitter, args: tuple[int, ...]) -> None:
    types = [e.graph.type[a] for a in args]
    size = at.argument_bytes(types)
    if size:
        e.asm.ri("sub64", RSP, size)
    e.pushed(size)
    write_arguments(e, RSP, args, at.argument_offsets(types))


def write_arguments(e: Emitter, base: int, args: tuple[int, ...], offsets: list[int]) -> None:
    asm = e.asm
    for value, offset in zip(args, offsets):
        register = e.reg.get(value, -1)
        if e.is_constant(value):
            e.store_constant(base, offset, value)
        elif register >= XMM:
            asm.mr("movups" if e.wide[value] == 16 else "movsd", base, offset, register - XMM)
        elif register >= 0:
            asm.mr("mov64", base, offset, register)
        elif e.wide[value] == 16:
            asm.rm("movups", at.VSCRATCH, *e.address(e.mem[value]))
            asm.mr("movups", base, offset, at.VSCRATCH)
        else:
            asm.rm("mov64", RAX, *e.address(e.mem[value]))
            asm.mr("mov64", base, offset, RAX)


def called(e: Emitter, v: int, callee: int | None, types: list[Type], named: int, helper: Helper | None = None) -> int:
    """Behind the call. Nothing is in a register, and the instruction has no result of its own."""
    memory = {value: place for value, place in e.mem.items() if named >> value & 1}
    e.code.calls[len(e.asm.code)] = CallSite(e.graph.snap[v], memory, callee, types, helper)
    e.pushed(0)
    e.forget_registers()
    return NOTHING


@emits(*(f"{t}.result" for t in Type if t is not Type.NONE))
def result(e: Emitter, v: int) -> int:
    number = e.graph.imm[v]
    if e.is_vector[v]:
        dest = e.new_xmm(v)
        if number == 0:
            # xmm0 is free until all results have been fetched, or it is this one.
            e.asm.rr("movaps", dest, 0)
        else:
            e.asm.rm("movups", dest, at.VM, at.RESULTS + 16 * number)
        return dest
    dest = e.new_gpr(v)
    if number == 0:
        e.asm.rr("mov64", dest, RAX)
    else:
        e.asm.rm("mov64", dest, at.VM, at.RESULTS + 16 * number)
    return dest


def tail_call(e: Emitter, end: TailCall) -> None:
    """Checks that the callee makes are made here, while leaving is still possible; then the frame is replaced."""
    asm, code = e.asm, e.code
    own = e.graph.code
    if own is None:
        return
    args = end.args
    leave = e.exit_label(end.snapshot)
    asm.mi("cmp32", at.VM, at.STOP, 0)
    asm.jcc("ne", leave)
    if e.program.metered:
        asm.mi("cmp64", at.VM, at.FUEL, 1)
        asm.jcc("l", leave)
    if end.callee is None:
        record = e.gpr(args[0])
        args = args[1:]
        asm.mr("mov64", at.VM, at.CALLEE, record)
        asm.rm("mov64", RAX, record, at.REC_BODY)
        asm.mi("cmp64", RAX, 0, 0)
        asm.jcc("e", leave)
        # What is left once this frame is gone, and the callee's is there.
        asm.rm("mov64", RAX, at.VM, at.ROOM)
        asm.ri("add64", RAX, own.cost)
        asm.rm("sub64", RAX, record, at.REC_COST)
        asm.jcc("l", leave)
        asm.mr("mov64", at.VM, at.ROOM, RAX)
    else:
        index = end.callee.index
        callee = e.program.funcs[index - e.program.imported_funcs]
        if callee.tail is None:
            callee.prepare()
        asm.ri("mov64", RAX, e.addresses.cell(index))
        asm.mi("cmp64", RAX, 0, 0)
        asm.jcc("e", leave)
        change = callee.cost - own.cost
        asm.mi("cmp64", at.VM, at.ROOM, change)
        asm.jcc("l", leave)
        asm.mi("sub64", at.VM, at.ROOM, change)
    if e.program.metered:
        asm.mi("sub64", at.VM, at.FUEL, 1)
    types = [e.graph.type[a] for a in args]
    size = at.argument_bytes(types)
    words = size // 8
    if size:
        asm.ri("sub64", RSP, size)
    e.pushed(size)
    write_arguments(e, RSP, args, at.argument_offsets(types))
    e.pushed(0)
    # Everything is in memory now. From the last word on, as the places may overlap.
    back = size + code.frame
    last = back + 8 + code.arguments
    asm.rm("mov64", RCX, RSP, back)
    for word in reversed(range(words)):
        asm.rm("mov64", RAX, RSP, 8 * word)
        asm.mr("mov64", RSP, last - size + 8 * word, RAX)
    asm.mr("mov64", RSP, last - size - 8, RCX)
    asm.ri("add64", RSP, last - size - 8)
    if end.callee is None:
        asm.rm("mov64", RAX, at.VM, at.CALLEE)
        asm.rm("mov64", RAX, RAX, at.REC_BODY)
    else:
        asm.ri("mov64", RAX, e.addresses.cell(end.callee.index))
    asm.m("jmp64", RAX, 0)
