"""Rules of memory and table instructions (specification, chapter 3.4), atomic accesses included (threads)."""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.module import Instr, MemArg
from refsfi.syntax.opcodes import Imm
from refsfi.syntax.types import I32, I64, MemType, NumType
from refsfi.valid.checker import Checker, Rule, signature
from refsfi.valid.matching import ref_matches

__all__ = ["RULES", "access", "atomic_access"]


# --- accesses --------------------------------------------------------------------------------------------------------


def access(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/load-val, Instr_ok/load-pack, Instr_ok/store-val, Instr_ok/store-pack
    Rule: Instr_ok/vload-val, Instr_ok/vload-pack, Instr_ok/vload-splat, Instr_ok/vload-zero, Instr_ok/vstore
    Rule: Instr_ok/vload_lane, Instr_ok/vstore_lane

    Operands and results are those of the instruction's row.
    """
    arg: MemArg = instr.args[0]
    memory = c.context.mem(arg.mem)
    if 1 << min(arg.align, 32) > instr.op.width:
        raise ValidationError(
            f"alignment must not be larger than natural: 2^{arg.align} for an access of {instr.op.width} bytes"
        )
    _check_offset(arg, memory)
    if Imm.LANE in instr.op.imms and instr.args[1] >= 16 // instr.op.width:
        raise ValidationError(f"invalid lane index {instr.args[1]}")
    _apply(c, instr, memory)


def atomic_access(c: Checker, instr: Instr) -> None:
    """An access of the threads proposal, which must be aligned to its own width."""
    arg: MemArg = instr.args[0]
    memory = c.context.mem(arg.mem)
    if 1 << min(arg.align, 32) != instr.op.width:
        raise ValidationError(
            f"atomic alignment must be natural: 2^{arg.align} for an access of {instr.op.width} bytes"
        )
    _check_offset(arg, memory)
    _apply(c, instr, memory)


def _check_offset(arg: MemArg, memory: MemType) -> None:
    """Rule: Memarg_ok"""
    if arg.offset >= 1 << (64 if memory.addr is I64 else 32):
        raise ValidationError(f"offset out of range: {arg.offset}")


def _apply(c: Checker, instr: Instr, memory: MemType) -> None:
    operands, results = signature(instr.op, memory.addr)
    c.pops(operands)
    c.push(results)


# --- whole memories --------------------------------------------------------------------------------------------------


def bulk(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/memory.size, Instr_ok/memory.grow, Instr_ok/memory.fill"""
    _apply(c, instr, c.context.mem(instr.args[0]))


def memory_init(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/memory.init"""
    data, mem = instr.args
    memory = c.context.mem(mem)
    c.context.data(data)
    _apply(c, instr, memory)


def memory_copy(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/memory.copy"""
    target, source = instr.args
    a, b = c.context.mem(target).addr, c.context.mem(source).addr
    c.pops((a, b, _smaller(a, b)))


def data_drop(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/data.drop"""
    c.context.data(instr.args[0])


def _smaller(a: NumType, b: NumType) -> NumType:
    """The type of a length that must fit both address types (`$minat`)."""
    return I64 if a is I64 and b is I64 else I32


# --- tables ----------------------------------------------------------------------------------------------------------


def table_get(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.get"""
    table = c.context.table(instr.args[0])
    c.pops((table.addr,))
    c.stack.append(table.elem)


def table_set(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.set"""
    table = c.context.table(instr.args[0])
    c.pops((table.addr, table.elem))


def table_size(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.size"""
    c.stack.append(c.context.table(instr.args[0]).addr)


def table_grow(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.grow"""
    table = c.context.table(instr.args[0])
    c.pops((table.elem, table.addr))
    c.stack.append(table.addr)


def table_fill(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.fill"""
    table = c.context.table(instr.args[0])
    c.pops((table.addr, table.elem, table.addr))


def table_copy(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.copy"""
    x, y = instr.args
    target, source = c.context.table(x), c.context.table(y)
    if not ref_matches(source.elem, target.elem):
        show = c.context.show
        raise ValidationError(
            f"type mismatch: source element type {show(source.elem)} does not match destination element type "
            f"{show(target.elem)}"
        )
    c.pops((target.addr, source.addr, _smaller(target.addr, source.addr)))


def table_init(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/table.init"""
    y, x = instr.args
    table = c.context.table(x)
    elem = c.context.elem(y)
    if not ref_matches(elem, table.elem):
        show = c.context.show
        raise ValidationError(
            f"type mismatch: element segment's type {show(elem)} does not match table's element type {show(table.elem)}"
        )
    c.pops((table.addr, I32, I32))


def elem_drop(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/elem.drop"""
    c.context.elem(instr.args[0])


RULES: dict[str, Rule] = {
    "memory.size": bulk,
    "memory.grow": bulk,
    "memory.fill": bulk,
    "memory.init": memory_init,
    "memory.copy": memory_copy,
    "data.drop": data_drop,
    "table.get": table_get,
    "table.set": table_set,
    "table.size": table_size,
    "table.grow": table_grow,
    "table.fill": table_fill,
    "table.copy": table_copy,
    "table.init": table_init,
    "elem.drop": elem_drop,
}
