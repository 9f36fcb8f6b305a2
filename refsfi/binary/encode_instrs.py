"""Instructions and expressions of the binary format, chapter 5.4, driven by `syntax/opcodes`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from refsfi.binary.codes import MEMARG_MEM
from refsfi.binary.encode_types import blocktype, heaptype, valtype
from refsfi.binary.writer import items, sleb, uleb, unsigned
from refsfi.errors import Crash
from refsfi.syntax.module import Catch, Expr, MemArg
from refsfi.syntax.opcodes import Imm, Op
from refsfi.syntax.types import RefType, ValType

__all__ = ["expr"]

_Write: TypeAlias = Callable[[bytearray, Any], None]
_WriteArgs: TypeAlias = Callable[[bytearray, tuple[Any, ...]], None]


def expr(out: bytearray, body: Expr) -> None:
    """An expression; its last instruction is the `end` that closes it."""
    for instr in body:
        _writer(instr.op)(out, instr.args)


@cache
def _writer(op: Op) -> _WriteArgs:
    """The writer of one row: opcode and immediates."""
    first = _opcode(op, op.code)
    imms = op.imms
    if not imms:

        def write(out: bytearray, args: tuple[Any, ...]) -> None:
            out += first

        return write

    if imms in ((Imm.SELECT,), (Imm.CAST,)):
        second = _opcode(op, op.code + 1)
        return _select(first, second) if imms == (Imm.SELECT,) else _cast(first, second)
    if imms == (Imm.LABEL, Imm.CASTS, Imm.CASTS):
        return _label_casts(first)
    if imms == (Imm.ZERO,):
        return _writer_of(first + b"\0", ())
    if any(imm not in _IMMEDIATES for imm in imms):
        raise Crash(f"{op.mnemonic}: no writer for these immediates")
    return _writer_of(first, tuple(_IMMEDIATES[imm] for imm in imms))


def _opcode(op: Op, code: int) -> bytes:
    out = bytearray()
    if op.prefix is None:
        out.append(code)
    else:
        out.append(op.prefix)
        uleb(out, code)
    return bytes(out)


def _writer_of(opcode: bytes, writers: tuple[_Write, ...]) -> _WriteArgs:
    if len(writers) == 1:
        single = writers[0]

        def write_one(out: bytearray, args: tuple[Any, ...]) -> None:
            out += opcode
            single(out, args[0])

        return write_one

    def write(out: bytearray, args: tuple[Any, ...]) -> None:
        out += opcode
        for writer, arg in zip(writers, args, strict=True):
            writer(out, arg)

    return write


# --- rows whose opcode depends on their immediates, and the like ----------------------------------------------------


def _select(plain: bytes, typed: bytes) -> _WriteArgs:
    def write(out: bytearray, args: tuple[Any, ...]) -> None:
        types: tuple[ValType, ...] | None = args[0]
        if types is None:
            out += plain
        else:
            out += typed
            items(out, types, valtype)

    return write


def _cast(non_null: bytes, nullable: bytes) -> _WriteArgs:
    def write(out: bytearray, args: tuple[Any, ...]) -> None:
        target: RefType = args[0]
        out += nullable if target.null else non_null
        heaptype(out, target.heap)

    return write


def _label_casts(opcode: bytes) -> _WriteArgs:
    def write(out: bytearray, args: tuple[Any, ...]) -> None:
        source: RefType
        target: RefType
        label, source, target = args
        out += opcode
        out.append(source.null | target.null << 1)
        unsigned(out, label)
        heaptype(out, source.heap)
        heaptype(out, target.heap)

    return write


# --- immediates -----------------------------------------------------------------------------------------------------


def _indices(out: bytearray, values: tuple[int, ...]) -> None:
    items(out, values, unsigned)


def _memarg(out: bytearray, arg: MemArg) -> None:
    if not 0 <= arg.align < MEMARG_MEM:
        raise ValueError(f"an alignment of 2^{arg.align} has no binary form")
    if arg.mem:
        uleb(out, arg.align | MEMARG_MEM)
        unsigned(out, arg.mem)
    else:
        uleb(out, arg.align)
    uleb(out, arg.offset)


def _signed(bits: int) -> _Write:
    half = 1 << (bits - 1)

    def write(out: bytearray, value: int) -> None:
        if not 0 <= value < half << 1:
            raise ValueError(f"{value} is no unsigned integer of {bits} bits")
        sleb(out, (value ^ half) - half)

    return write


def _bits(size: int) -> _Write:
    def write(out: bytearray, value: int) -> None:
        out += value.to_bytes(size, "little")

    return write


def _byte(out: bytearray, value: int) -> None:
    out.append(value)


def _bytes16(out: bytearray, value: bytes) -> None:
    if len(value) != 16:
        raise ValueError(f"{len(value)} bytes instead of 16")
    out += value


def _catches(out: bytearray, catches: tuple[Catch, ...]) -> None:
    items(out, catches, _catch)


def _catch(out: bytearray, catch: Catch) -> None:
    out.append(catch.kind.value)
    if catch.tag is not None:
        unsigned(out, catch.tag)
    unsigned(out, catch.label)


_IMMEDIATES: dict[Imm, _Write] = {
    Imm.TYPE: unsigned,
    Imm.FUNC: unsigned,
    Imm.TABLE: unsigned,
    Imm.MEM: unsigned,
    Imm.GLOBAL: unsigned,
    Imm.TAG: unsigned,
    Imm.ELEM: unsigned,
    Imm.DATA: unsigned,
    Imm.LOCAL: unsigned,
    Imm.FIELD: unsigned,
    Imm.LABEL: unsigned,
    Imm.LABELS: _indices,
    Imm.COUNT: unsigned,
    Imm.MEMARG: _memarg,
    Imm.LANE: _byte,
    Imm.LANES: _bytes16,
    Imm.I32: _signed(32),
    Imm.I64: _signed(64),
    Imm.F32: _bits(4),
    Imm.F64: _bits(8),
    Imm.V128: _bytes16,
    Imm.BLOCK: blocktype,
    Imm.HEAP: heaptype,
    Imm.CATCHES: _catches,
}
