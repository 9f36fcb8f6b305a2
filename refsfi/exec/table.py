"""Table instructions, chapter 4.6.8."""

from __future__ import annotations

from refsfi.errors import Exhaustion, Trap, TrapCode
from refsfi.exec.bulk import ITEMS, pay, pieces
from refsfi.exec.registry import instruction
from refsfi.runtime.store import Frame
from refsfi.runtime.values import Value
from refsfi.syntax.types import I64


def _out_of_bounds() -> Trap:
    return Trap(TrapCode.TABLE_OUT_OF_BOUNDS)


@instruction("table.get", pops=1, pushes=1)
def table_get(f: Frame, table: int, index: int) -> Value:
    """Rule: Step_read/table.get-oob, Step_read/table.get-val"""
    elems = f.inst.tables[table].elems
    if index >= len(elems):
        raise _out_of_bounds()
    return elems[index]


@instruction("table.set", pops=2, pushes=0)
def table_set(f: Frame, table: int, index: int, value: Value) -> None:
    """Rule: Step/table.set-oob, Step/table.set-val"""
    target = f.inst.tables[table]
    elems = target.elems
    if index >= len(elems):
        raise _out_of_bounds()
    elems[index] = value
    target.changed(index, 1)


@instruction("table.size", pops=0, pushes=1)
def table_size(f: Frame, table: int) -> int:
    """Rule: Step_read/table.size"""
    return len(f.inst.tables[table].elems)


@instruction("table.grow", pops=2, pushes=1)
def table_grow(f: Frame, table: int, value: Value, delta: int) -> int:
    """The old size, or -1 in the table's address type.

    Rule: Step/table.grow-succeed, Step/table.grow-fail
    """
    target = f.inst.tables[table]
    old = target.grow(delta, value)
    if old is None:
        if f.store.limits.trap_on_grow_failure:
            raise Exhaustion(TrapCode.TABLE_OUT_OF_BOUNDS, f"forcing trap when growing table by {delta} elements")
        return 0xFFFFFFFFFFFFFFFF if target.type.addr is I64 else 0xFFFFFFFF
    pay(f.store, delta)
    return old


@instruction("table.fill", pops=3, pushes=0)
def table_fill(f: Frame, table: int, dest: int, value: Value, count: int) -> None:
    """Rule: Step_read/table.fill-oob, Step_read/table.fill-zero, Step_read/table.fill-succ"""
    target = f.inst.tables[table]
    elems = target.elems
    if dest + count > len(elems):
        raise _out_of_bounds()
    pay(f.store, count)
    target.changed(dest, count)
    for at, size in pieces(f.store, count, ITEMS):
        elems[dest + at : dest + at + size] = [value] * size


@instruction("table.copy", pops=3, pushes=0)
def table_copy(f: Frame, to: int, source: int, dest: int, start: int, count: int) -> None:
    """Rule: Step_read/table.copy-oob, Step_read/table.copy-zero, Step_read/table.copy-le, Step_read/table.copy-gt"""
    target = f.inst.tables[to].elems
    origin = f.inst.tables[source].elems
    if start + count > len(origin) or dest + count > len(target):
        raise _out_of_bounds()
    pay(f.store, count)
    f.inst.tables[to].changed(dest, count)
    for at, size in pieces(f.store, count, ITEMS, backwards=target is origin and dest > start):
        target[dest + at : dest + at + size] = origin[start + at : start + at + size]


@instruction("table.init", pops=3, pushes=0)
def table_init(f: Frame, segment: int, table: int, dest: int, start: int, count: int) -> None:
    """Rule: Step_read/table.init-oob, Step_read/table.init-zero, Step_read/table.init-succ"""
    target = f.inst.tables[table]
    elems = target.elems
    source = f.inst.elems[segment]
    if start + count > len(source) or dest + count > len(elems):
        raise _out_of_bounds()
    pay(f.store, count)
    target.changed(dest, count)
    elems[dest : dest + count] = source[start : start + count]


@instruction("elem.drop", pops=0, pushes=0)
def elem_drop(f: Frame, segment: int) -> None:
    """Rule: Step/elem.drop"""
    f.inst.elems[segment] = []
