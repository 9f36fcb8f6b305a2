"""Which bytes of which memory an instruction is about to touch. Traces and watchpoints ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from refsfi.errors import Crash
from refsfi.observe.operands import operand_values
from refsfi.runtime.store import Frame
from refsfi.runtime.values import Value
from refsfi.syntax.module import Instr, MemArg
from refsfi.syntax.opcodes import Imm

__all__ = ["Access", "accesses"]


@dataclass(frozen=True, slots=True)
class Access:
    """`size` bytes from effective address `address` of memory `memory`, which may lie outside of it.

    `update` reads and writes (atomic read-modify-write). `data` is what a load will read or a store write; None where
    the bytes are outside, where they are too many, or where an update's result depends on what it finds.
    """

    kind: Literal["load", "store", "update"]
    memory: int
    address: int
    size: int
    data: bytes | None = None


# Longer ranges of bulk instructions are reported without their bytes.
_MOST = 64


def accesses(frame: Frame, pc: int, instr: Instr) -> list[Access]:
    """What instruction `pc` of the innermost frame will access, in this order; nothing for most instructions."""
    op = instr.op
    if op.imms[:1] == (Imm.MEMARG,):
        operands = operand_values(frame, pc, len(op.operands or ()))
        return [_access(frame, instr, instr.args[0], operands)]
    if op.mnemonic not in ("memory.fill", "memory.copy", "memory.init"):
        return []
    dest, source, count = operand_values(frame, pc, 3)
    if op.mnemonic == "memory.fill":
        data = bytes((source & 0xFF,)) * count if count <= _MOST else None
        return [Access("store", instr.args[0], dest, count, data)]
    if op.mnemonic == "memory.init":
        segment = frame.inst.datas[instr.args[0]]
        inside = count <= _MOST and source + count <= len(segment)
        return [Access("store", instr.args[1], dest, count, segment[source : source + count] if inside else None)]
    read = _load(frame, instr.args[1], source, count)
    return [read, Access("store", instr.args[0], dest, count, read.data)]


def _access(frame: Frame, instr: Instr, arg: MemArg, operands: list[Value]) -> Access:
    op = instr.op
    address = operands[0] + arg.offset
    if ".store" in op.mnemonic:
        return Access("store", arg.mem, address, op.width, _stored(instr, operands[1]))
    if ".rmw" in op.mnemonic:
        return Access("update", arg.mem, address, op.width)
    return _load(frame, arg.mem, address, op.width)


def _load(frame: Frame, memory: int, address: int, size: int) -> Access:
    data = frame.inst.mems[memory].data
    inside = size <= _MOST and address + size <= len(data)
    return Access("load", memory, address, size, bytes(data[address : address + size]) if inside else None)


def _stored(instr: Instr, value: Value) -> bytes:
    width = instr.op.width
    if isinstance(value, int):
        return (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    if not isinstance(value, bytes):
        raise Crash(f"{instr.op.mnemonic} stores a reference")
    first = instr.args[1] * width if Imm.LANE in instr.op.imms else 0
    return value[first : first + width]
