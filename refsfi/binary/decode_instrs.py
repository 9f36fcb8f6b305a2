"""Instructions, expressions and function bodies of the binary format, chapter 5.4.

An opcode byte selects an entry of a table that is built from `syntax/opcodes` for a set of features, and the entry
says how to read the immediates. Most instructions need no more; the `Special` ones open, divide and close blocks,
stand behind a prefix byte, or are illegal. Nesting is a stack of the openers' kinds and never Python's recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from refsfi.binary import codes
from refsfi.binary.decode_types import TypeReader, type_reader
from refsfi.binary.reader import at_end, count, raw, s32, s64, u32, u64
from refsfi.errors import Crash, DecodeError
from refsfi.syntax.features import DEFAULT, Feature, Features, off
from refsfi.syntax.module import Catch, CatchKind, Expr, Instr, MemArg
from refsfi.syntax.opcodes import BY_CODE, Imm, Op
from refsfi.syntax.types import RefType, ValType

__all__ = ["InstrReader", "Special", "decode_body", "instr_reader"]

# Bytes and position to the immediates and the position behind them.
ReadArgs: TypeAlias = Callable[[bytes, int], tuple[tuple[Any, ...], int]]


class Special(Enum):
    """Opcode bytes that need more than reading immediates."""

    ILLEGAL = "illegal"
    PREFIX = "prefix"
    # Names a data segment where the module has no data count section.
    UNCOUNTED = "uncounted"
    # What opens a block; the same values are the entries of the stack of open blocks.
    BLOCK = "block"
    IF = "if"
    TRY = "try"
    # What divides or closes one.
    ELSE = "else"
    CATCH = "catch"
    CATCH_ALL = "catch_all"
    DELEGATE = "delegate"
    END = "end"

    __hash__ = object.__hash__


# What each divider may follow, and what the rest of the block may be divided by.
_DIVIDES: Final[dict[Special, tuple[tuple[Special, ...], Special]]] = {
    Special.ELSE: ((Special.IF,), Special.BLOCK),
    Special.CATCH: ((Special.TRY, Special.CATCH), Special.CATCH),
    Special.CATCH_ALL: ((Special.TRY, Special.CATCH), Special.BLOCK),
}
_SPECIALS: Final[dict[str, Special]] = {
    "if": Special.IF,
    "try": Special.TRY,
    "else": Special.ELSE,
    "catch": Special.CATCH,
    "catch_all": Special.CATCH_ALL,
    "delegate": Special.DELEGATE,
    "end": Special.END,
}

# An opcode: its row, the reader of its immediates (None where it has none), and what is special about it.
Entry: TypeAlias = tuple[Op, ReadArgs | None, Special | None]

_NO_ARGS: Final[tuple[Any, ...]] = ()
# Immediates of one byte, which most are, are shared.
_ONE_BYTE: Final = tuple((value,) for value in range(0x80))
_ONE_BYTE_I32: Final = tuple((((byte ^ 0x40) - 0x40) & 0xFFFFFFFF,) for byte in range(0x80))
_ONE_BYTE_I64: Final = tuple((((byte ^ 0x40) - 0x40) & 0xFFFFFFFFFFFFFFFF,) for byte in range(0x80))


class InstrReader:
    """Readers of instructions under a set of features.

    `data_count` tells whether instructions may name data segments: in function bodies they may only where the
    module has a data count section.
    """

    def __init__(self, features: Features, data_count: bool) -> None:
        self.types: TypeReader = type_reader(features)
        self._immediates = _Immediates(features, self.types)
        self._data_count = data_count
        # By opcode byte. The row of a byte that is no opcode is never looked at.
        nothing = BY_CODE[(None, 0)]
        self._bytes: list[Entry] = [(nothing, None, Special.ILLEGAL)] * 256
        self._prefixed: dict[int, dict[int, Entry]] = {}
        for (prefix, code), row in BY_CODE.items():
            feature = row.feature
            if Imm.SELECT in row.imms and code != row.code:
                feature = Feature.REFERENCE_TYPES
            if feature is not None and feature not in features:
                continue
            entry = self._entry(row, code)
            if prefix is None:
                self._bytes[code] = entry
            else:
                self._prefixed.setdefault(prefix, {})[code] = entry
        for prefix in self._prefixed:
            self._bytes[prefix] = (nothing, None, Special.PREFIX)

    def _entry(self, row: Op, code: int) -> Entry:
        special = _SPECIALS.get(row.mnemonic)
        if special is None and Imm.BLOCK in row.imms:
            special = Special.BLOCK
        if Imm.DATA in row.imms and not self._data_count:
            special = Special.UNCOUNTED
        return row, self._immediates.reader(row, second=code != row.code), special

    def expr(self, data: bytes, pos: int) -> tuple[Expr, int]:
        """An expression up to and including the `end` that closes it."""
        table = self._bytes
        body: Expr = []
        append = body.append
        open: list[Special] = []
        while True:
            at = pos
            op, read, special = table[data[at]]
            if special is None:
                if read is None:
                    append(Instr(op, _NO_ARGS, at))
                    pos = at + 1
                else:
                    args, pos = read(data, at + 1)
                    append(Instr(op, args, at))
                continue

            if special is Special.PREFIX:
                op, read, pos = self._behind_prefix(data, at)
                args = _NO_ARGS
                if read is not None:
                    args, pos = read(data, pos)
                append(Instr(op, args, at))
                continue

            if special is Special.ILLEGAL:
                raise _illegal(None, data[at], at)
            if special is Special.UNCOUNTED:
                raise DecodeError("data count section required", at)

            args = _NO_ARGS
            pos = at + 1
            if special in _DIVIDES:
                before, after = _DIVIDES[special]
                if not open or open[-1] not in before:
                    raise DecodeError("END opcode expected", at)
                open[-1] = after
            elif special is Special.DELEGATE and (not open or open[-1] is not Special.TRY):
                raise DecodeError("END opcode expected", at)
            if read is not None:
                args, pos = read(data, pos)
            append(Instr(op, args, at))
            if special is Special.END:
                if not open:
                    return body, pos
                open.pop()
            elif special is Special.DELEGATE:
                open.pop()
            elif special not in _DIVIDES:
                open.append(special)

    def _behind_prefix(self, data: bytes, at: int) -> tuple[Op, ReadArgs | None, int]:
        code, pos = u32(data, at + 1)
        entry = self._prefixed[data[at]].get(code)
        if entry is None:
            raise _illegal(data[at], code, at)
        op, read, special = entry
        if special is Special.UNCOUNTED:
            raise DecodeError("data count section required", at)
        return op, read, pos

    def locals(self, data: bytes, pos: int) -> tuple[list[tuple[int, ValType]], int]:
        """The declarations of locals at the start of a body, run-length encoded as they are."""
        start = pos
        runs, pos = count(data, pos)
        locals: list[tuple[int, ValType]] = []
        total = 0
        for _ in range(runs):
            number, pos = u32(data, pos)
            type, pos = self.types.valtype(data, pos)
            total += number
            locals.append((number, type))
        if total >= 1 << 32:
            raise DecodeError("too many locals", start)
        return locals, pos

    def body(self, data: bytes, start: int, end: int) -> tuple[list[tuple[int, ValType]], Expr]:
        """The locals and the expression of a function whose body, without its size, is `data[start:end]`."""
        locals, pos = self.locals(data, start)
        expr, pos = self.expr(data, pos)
        if pos != end:
            raise DecodeError("section size mismatch", min(pos, end))
        return locals, expr


def _illegal(prefix: int | None, code: int, at: int) -> DecodeError:
    """An opcode that is none, or belongs to a feature that is off."""
    written = f"{code:02x}" if prefix is None else f"{prefix:02x} {code:02x}"
    row = BY_CODE.get((prefix, code))
    if prefix is None and row is None:
        # Of a prefix, the first opcode behind it speaks for all.
        row = next((row for key, row in BY_CODE.items() if key[0] == code), None)
    feature = row.feature if row is not None else None
    return DecodeError(f"illegal opcode {written}{off(*[feature] if feature else ())}", at)


@lru_cache(maxsize=64)
def instr_reader(features: Features, data_count: bool = True) -> InstrReader:
    """The readers for a set of features; see `InstrReader`."""
    return InstrReader(features, data_count)


def decode_body(
    data: bytes, start: int, end: int, features: Features = DEFAULT, data_count: bool = True
) -> tuple[list[tuple[int, ValType]], Expr]:
    """Locals (run-length encoded) and instructions of one function of the module `data`.

    `start` and `end` are the file offsets that `Func.at` and `Func.end` hold. `data_count` tells whether the module has
    a data count section. DecodeError where the bytes are no function body.
    """
    with at_end(data):
        return instr_reader(features, data_count).body(data, start, end)


# --- immediates -----------------------------------------------------------------------------------------------------


def _index(data: bytes, pos: int) -> tuple[tuple[int], int]:
    byte = data[pos]
    if byte < 0x80:
        return _ONE_BYTE[byte], pos + 1
    value, pos = u32(data, pos)
    return (value,), pos


def _i32(data: bytes, pos: int) -> tuple[tuple[int], int]:
    byte = data[pos]
    if byte < 0x80:
        return _ONE_BYTE_I32[byte], pos + 1
    value, pos = s32(data, pos)
    return (value & 0xFFFFFFFF,), pos


def _i64(data: bytes, pos: int) -> tuple[tuple[int], int]:
    byte = data[pos]
    if byte < 0x80:
        return _ONE_BYTE_I64[byte], pos + 1
    value, pos = s64(data, pos)
    return (value & 0xFFFFFFFFFFFFFFFF,), pos


def _bits(size: int) -> ReadArgs:
    def read(data: bytes, pos: int) -> tuple[tuple[int], int]:
        bits, pos = raw(data, pos, size)
        return (int.from_bytes(bits, "little"),), pos

    return read


def _bytes16(data: bytes, pos: int) -> tuple[tuple[bytes], int]:
    bits, pos = raw(data, pos, 16)
    return (bits,), pos


def _byte(data: bytes, pos: int) -> tuple[tuple[int], int]:
    return (data[pos],), pos + 1


def _zero(data: bytes, pos: int) -> tuple[tuple[()], int]:
    if data[pos]:
        raise DecodeError("zero byte expected", pos)
    return (), pos + 1


def _zero_index(data: bytes, pos: int) -> tuple[tuple[int], int]:
    if data[pos]:
        raise DecodeError("zero byte expected", pos)
    return (0,), pos + 1


def _labels(data: bytes, pos: int) -> tuple[tuple[tuple[int, ...]], int]:
    number, pos = count(data, pos)
    labels: list[int] = []
    for _ in range(number):
        label, pos = u32(data, pos)
        labels.append(label)
    return (tuple(labels),), pos


def _catches(data: bytes, pos: int) -> tuple[tuple[tuple[Catch, ...]], int]:
    number, pos = count(data, pos)
    catches: list[Catch] = []
    for _ in range(number):
        code = data[pos]
        if code > 3:
            raise DecodeError("malformed catch clause", pos)
        kind = CatchKind(code)
        tag = None
        pos += 1
        if kind in (CatchKind.CATCH, CatchKind.CATCH_REF):
            tag, pos = u32(data, pos)
        label, pos = u32(data, pos)
        catches.append(Catch(kind, tag, label))
    return (tuple(catches),), pos


def _no_types(data: bytes, pos: int) -> tuple[tuple[None], int]:
    return (None,), pos


@lru_cache(maxsize=1 << 14)
def _memarg(mem: int, align: int, offset: int) -> tuple[MemArg]:
    # The same few arguments come again and again, and a frozen dataclass is slow to build.
    return (MemArg(mem, align, offset),)


class _Immediates:
    """Readers of immediates, by kind, under a set of features."""

    def __init__(self, features: Features, types: TypeReader) -> None:
        self._types = types
        # Before these proposals the index was a reserved byte.
        mem = _index if Feature.MULTI_MEMORY in features else _zero_index
        table = _index if Feature.REFERENCE_TYPES in features else _zero_index
        self._readers: dict[Imm, ReadArgs] = {
            Imm.TYPE: _index,
            Imm.FUNC: _index,
            Imm.TABLE: table,
            Imm.MEM: mem,
            Imm.GLOBAL: _index,
            Imm.TAG: _index,
            Imm.ELEM: _index,
            Imm.DATA: _index,
            Imm.LOCAL: _index,
            Imm.FIELD: _index,
            Imm.LABEL: _index,
            Imm.LABELS: _labels,
            Imm.COUNT: _index,
            Imm.MEMARG: _memarg_reader(features),
            Imm.LANE: _byte,
            Imm.LANES: _bytes16,
            Imm.I32: _i32,
            Imm.I64: _i64,
            Imm.F32: _bits(4),
            Imm.F64: _bits(8),
            Imm.V128: _bytes16,
            Imm.BLOCK: self._block,
            Imm.HEAP: self._heap,
            Imm.CATCHES: _catches,
            Imm.ZERO: _zero,
        }

    def reader(self, row: Op, second: bool) -> ReadArgs | None:
        """The reader of a row's immediates; `second` for the second opcode of a row that has two."""
        imms = row.imms
        if not imms:
            return None
        if Imm.CASTS in imms:
            if imms != (Imm.LABEL, Imm.CASTS, Imm.CASTS):
                raise Crash(f"{row.mnemonic}: no reader for these immediates")
            return self._label_casts
        if len(imms) == 1:
            return self._single(imms[0], second)
        readers = [self._single(imm, second) for imm in imms]
        if len(readers) == 2:
            return _two(*readers)

        def read(data: bytes, pos: int) -> tuple[tuple[Any, ...], int]:
            args: tuple[Any, ...] = ()
            for each in readers:
                more, pos = each(data, pos)
                args += more
            return args, pos

        return read

    def _single(self, imm: Imm, second: bool) -> ReadArgs:
        if imm is Imm.SELECT:
            return self._select if second else _no_types
        if imm is Imm.CAST:
            return self._nullable if second else self._non_null
        return self._readers[imm]

    def _block(self, data: bytes, pos: int) -> tuple[tuple[Any], int]:
        type, pos = self._types.blocktype(data, pos)
        return (type,), pos

    def _heap(self, data: bytes, pos: int) -> tuple[tuple[Any], int]:
        heap, pos = self._types.heaptype(data, pos)
        return (heap,), pos

    def _select(self, data: bytes, pos: int) -> tuple[tuple[Any], int]:
        types, pos = self._types.valtypes(data, pos)
        return (types,), pos

    def _non_null(self, data: bytes, pos: int) -> tuple[tuple[RefType], int]:
        heap, pos = self._types.heaptype(data, pos)
        return (RefType(False, heap),), pos

    def _nullable(self, data: bytes, pos: int) -> tuple[tuple[RefType], int]:
        heap, pos = self._types.heaptype(data, pos)
        return (RefType(True, heap),), pos

    def _label_casts(self, data: bytes, pos: int) -> tuple[tuple[int, RefType, RefType], int]:
        flags = data[pos]
        if flags > 3:
            raise DecodeError("malformed br_on_cast flags", pos)
        label, pos = u32(data, pos + 1)
        first, pos = self._types.heaptype(data, pos)
        second, pos = self._types.heaptype(data, pos)
        return (label, RefType(bool(flags & 1), first), RefType(bool(flags & 2), second)), pos


def _two(first: ReadArgs, second: ReadArgs) -> ReadArgs:
    def read(data: bytes, pos: int) -> tuple[tuple[Any, ...], int]:
        one, pos = first(data, pos)
        two, pos = second(data, pos)
        return one + two, pos

    return read


def _memarg_reader(features: Features) -> ReadArgs:
    bound = codes.MEMARG_MEM << 1 if Feature.MULTI_MEMORY in features else codes.MEMARG_MEM
    wide = u64 if Feature.MEMORY64 in features else u32

    def read(data: bytes, pos: int) -> tuple[tuple[MemArg], int]:
        flags = data[pos]
        if flags < codes.MEMARG_MEM:
            offset = data[pos + 1]
            if offset < 0x80:
                return _memarg(0, flags, offset), pos + 2
            offset, pos = wide(data, pos + 1)
            return _memarg(0, flags, offset), pos
        flags, after = u32(data, pos)
        if flags >= bound:
            raise DecodeError("malformed memop flags", pos)
        mem = 0
        pos = after
        if flags & codes.MEMARG_MEM:
            mem, pos = u32(data, pos)
        offset, pos = wide(data, pos)
        return _memarg(mem, flags & (codes.MEMARG_MEM - 1), offset), pos

    return read
