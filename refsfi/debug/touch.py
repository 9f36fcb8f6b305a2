"""Which instructions can touch what is watched, and whether one is about to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from refsfi.debug.breakpoints import Breakpoint, Watched
from refsfi.exec.code import FuncCode
from refsfi.observe.access import accesses
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame, GlobalInst
from refsfi.runtime.table import TableInst
from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import Imm

__all__ = ["Touch", "touching"]

# Whether the instruction in front of which a frame is touches it.
Touch: TypeAlias = Callable[[Frame], bool]

_RANGES: Final = frozenset("memory.fill memory.copy memory.init".split())


def touching(code: FuncCode, pc: int, instr: Instr, b: Breakpoint) -> Touch | None:
    """None for an instruction that never does what the watchpoint is for."""
    watched = b.watched
    if watched is None:
        return None
    item = watched.item
    find = _memory if isinstance(item, MemInst) else _global if isinstance(item, GlobalInst) else _table
    if not isinstance(item, MemInst | GlobalInst | TableInst):
        find = _object
    return find(code, pc, instr, watched, b.access.reads, b.access.writes)


def _memory(code: FuncCode, pc: int, instr: Instr, w: Watched, reads: bool, writes: bool) -> Touch | None:
    mnemonic = instr.op.mnemonic
    if mnemonic in _RANGES:
        wanted = {"update"} | ({"load"} if reads else set()) | ({"store"} if writes else set())

        def touch_range(f: Frame) -> bool:
            return any(
                a.kind in wanted
                and f.inst.mems[a.memory] is w.item
                and a.address < w.start + w.size
                and w.start < a.address + a.size
                for a in accesses(f, pc, instr)
            )

        return touch_range
    if instr.op.imms[:1] != (Imm.MEMARG,):
        return None
    kind = "w" if ".store" in mnemonic else "rw" if ".rmw" in mnemonic else "r"
    if not ((reads and "r" in kind) or (writes and "w" in kind)):
        return None
    arg = instr.args[0]
    register = code.nlocals + code.side.heights[pc] - len(instr.op.operands or ())
    memory = arg.mem
    first, last = w.start - arg.offset - instr.op.width, w.start + w.size - arg.offset
    item = w.item

    def touch(f: Frame) -> bool:
        return first < f.regs[register] < last and f.inst.mems[memory] is item

    return touch


def _global(code: FuncCode, pc: int, instr: Instr, w: Watched, reads: bool, writes: bool) -> Touch | None:
    mnemonic = instr.op.mnemonic
    if not ((reads and mnemonic == "global.get") or (writes and mnemonic == "global.set")):
        return None
    index = instr.args[0]
    item = w.item
    return lambda f: f.inst.globals[index] is item


# mnemonic -> (number of operands, which immediate names the table, which operand the index and the count, what it does)
_TABLE: Final[dict[str, tuple[int, int, int, int | None, str]]] = {
    "table.get": (1, 0, 0, None, "r"),
    "table.set": (2, 0, 0, None, "w"),
    "table.fill": (3, 0, 0, 2, "w"),
    "table.init": (3, 1, 0, 2, "w"),
    "table.copy": (3, 0, 0, 2, "w"),
    "call_indirect": (1, 1, 0, None, "r"),
    "return_call_indirect": (1, 1, 0, None, "r"),
}


def _table(code: FuncCode, pc: int, instr: Instr, w: Watched, reads: bool, writes: bool) -> Touch | None:
    row = _TABLE.get(instr.op.mnemonic)
    if row is None or not ((reads and row[4] == "r") or (writes and row[4] == "w")):
        return None
    operands, immediate, index, count, _ = row
    first = code.nlocals + code.side.heights[pc] - operands
    table = instr.args[immediate]
    item = w.item

    def touch(f: Frame) -> bool:
        start = f.regs[first + index]
        size = 1 if count is None else f.regs[first + count]
        return f.inst.tables[table] is item and start < w.start + w.size and w.start < start + size

    return touch


# mnemonic -> (number of operands, where the field's number is: immediate, or operand behind the reference)
_FIELDS: Final[dict[str, tuple[int, bool, str]]] = {
    "struct.get": (1, True, "r"),
    "struct.get_s": (1, True, "r"),
    "struct.get_u": (1, True, "r"),
    "struct.set": (2, True, "w"),
    "array.get": (2, False, "r"),
    "array.get_s": (2, False, "r"),
    "array.get_u": (2, False, "r"),
    "array.set": (3, False, "w"),
}

# Likewise for ranges of arrays: number of operands, operand of the count.
_ARRAYS: Final = {"array.fill": (4, 3), "array.copy": (5, 4), "array.init_data": (4, 3), "array.init_elem": (4, 3)}


def _object(code: FuncCode, pc: int, instr: Instr, w: Watched, reads: bool, writes: bool) -> Touch | None:
    mnemonic = instr.op.mnemonic
    item: Any = w.item
    if mnemonic in _ARRAYS and writes:
        operands, count = _ARRAYS[mnemonic]
        base = code.nlocals + code.side.heights[pc] - operands

        def touch_range(f: Frame) -> bool:
            r = f.regs
            start: int = r[base + 1]
            size: int = r[base + count]
            return r[base] is item and start <= w.start < start + size

        return touch_range
    row = _FIELDS.get(mnemonic)
    if row is None or not ((reads and row[2] == "r") or (writes and row[2] == "w")):
        return None
    operands, immediate, _ = row
    first = code.nlocals + code.side.heights[pc] - operands
    if immediate:
        if instr.args[1] != w.start:
            return None
        return lambda f: f.regs[first] is item
    return lambda f: f.regs[first] is item and f.regs[first + 1] == w.start
