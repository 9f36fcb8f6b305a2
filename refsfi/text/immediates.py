"""Immediates of instructions, chapter 6.5, by their kinds in the opcode table.

A reader takes the context, steps over an instruction's immediates and returns them as `Instr.args` wants them, in the
order of the binary format. The text's order differs in three places only: `call_indirect`, `memory.init` and
`table.init` name the table or memory first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from refsfi.errors import Crash, ParseError
from refsfi.syntax.features import Feature, Features
from refsfi.syntax.module import Catch, CatchKind, MemArg
from refsfi.syntax.opcodes import OPS, Imm, Op
from refsfi.syntax.types import ValType
from refsfi.text.numbers import F32, F64, FloatFormat, OutOfRange, float_bits, integer, is_number, natural
from refsfi.text.scopes import Context, nat, nat32
from refsfi.text.types import block_type, heap_type, ref_type, type_use, val_types

__all__ = ["Read", "readers", "vector"]

Read: TypeAlias = Callable[[Context], tuple[Any, ...]]

_INDEX_START: Final = frozenset("$0123456789")
_NUMBER_START: Final = frozenset("+-0123456789")


def _at_index(c: Context, ahead: int = 0) -> bool:
    return c.stream.texts[c.stream.pos + ahead][:1] in _INDEX_START


# --- indices ---------------------------------------------------------------------------------------------------------


def _type(c: Context) -> tuple[int]:
    return (c.types.resolve(c.stream),)


def _func(c: Context) -> tuple[int]:
    return (c.funcs.resolve(c.stream),)


def _global(c: Context) -> tuple[int]:
    return (c.globals.resolve(c.stream),)


def _tag(c: Context) -> tuple[int]:
    return (c.tags.resolve(c.stream),)


def _elem(c: Context) -> tuple[int]:
    return (c.elems.resolve(c.stream),)


def _data(c: Context) -> tuple[int]:
    return (c.datas.resolve(c.stream),)


def _local(c: Context) -> tuple[int]:
    return (c.locals.resolve(c.stream),)


def _label(c: Context) -> tuple[int]:
    return (c.labels.resolve(c.stream),)


# table.get x?
def _table(c: Context) -> tuple[int]:
    return (c.tables.resolve(c.stream),) if _at_index(c) else (0,)


# memory.size x?
def _mem(c: Context) -> tuple[int]:
    return (c.mems.resolve(c.stream),) if _at_index(c) else (0,)


# table.copy ( x y )?
def _two_tables(c: Context) -> tuple[int, int]:
    if not _at_index(c):
        return (0, 0)
    return (c.tables.resolve(c.stream), c.tables.resolve(c.stream))


# memory.copy ( x y )?
def _two_mems(c: Context) -> tuple[int, int]:
    if not _at_index(c):
        return (0, 0)
    return (c.mems.resolve(c.stream), c.mems.resolve(c.stream))


# table.init x? y
def _elem_table(c: Context) -> tuple[int, int]:
    table = c.tables.resolve(c.stream) if _at_index(c, 1) else 0
    return (c.elems.resolve(c.stream), table)


# memory.init x? y
def _data_mem(c: Context) -> tuple[int, int]:
    mem = c.mems.resolve(c.stream) if _at_index(c, 1) else 0
    return (c.datas.resolve(c.stream), mem)


# call_indirect x? typeuse
def _type_table(c: Context) -> tuple[int, int]:
    table = c.tables.resolve(c.stream) if _at_index(c) else 0
    return (type_use(c, named=False), table)


# struct.get x i
def _type_field(c: Context) -> tuple[int, int]:
    s = c.stream
    type = c.types.resolve(s)
    if s.texts[s.pos][:1] == "$":
        fields = c.fields.get(type)
        if fields is None:
            raise s.error_here(f"unknown field {s.texts[s.pos]}")
        return (type, fields.resolve(s))
    return (type, nat32(s))


# br_table l* l
def _labels_label(c: Context) -> tuple[tuple[int, ...], int]:
    labels = [c.labels.resolve(c.stream)]
    while _at_index(c):
        labels.append(c.labels.resolve(c.stream))
    default = labels.pop()
    return (tuple(labels), default)


# --- types -----------------------------------------------------------------------------------------------------------


def _block(c: Context) -> tuple[Any]:
    return (block_type(c),)


def _heap(c: Context) -> tuple[Any]:
    return (heap_type(c),)


def _cast(c: Context) -> tuple[Any]:
    return (ref_type(c),)


def _label_casts(c: Context) -> tuple[Any, ...]:
    return (c.labels.resolve(c.stream), ref_type(c), ref_type(c))


# select ( result t* )*
def _select(c: Context) -> tuple[tuple[ValType, ...] | None]:
    s = c.stream
    if not s.opens("result"):
        return (None,)
    if not c.has(Feature.REFERENCE_TYPES):
        raise s.unexpected(s.pos + 1)
    types: list[ValType] = []
    while s.accept("result"):
        types += val_types(c)
    return (tuple(types),)


# try_table blocktype ( catch x l | catch_ref x l | catch_all l | catch_all_ref l )*
def _block_catches(c: Context) -> tuple[Any, ...]:
    type = block_type(c)
    s = c.stream
    catches = []
    while s.texts[s.pos] == "(" and (kind := _CATCHES.get(s.texts[s.pos + 1])) is not None:
        s.pos += 2
        tag = c.tags.resolve(s) if kind in (CatchKind.CATCH, CatchKind.CATCH_REF) else None
        # The label of the block itself is not in scope here.
        catches.append(Catch(kind, tag, c.labels.resolve(s)))
        s.expect(")")
    return (type, tuple(catches))


_CATCHES: Final = {kind.name.lower(): kind for kind in CatchKind}


# --- memory arguments ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 12)
def _memarg_of(mem: int, align: int, offset: int) -> MemArg:
    # The same few arguments come again and again, and a frozen dataclass is slow to build.
    return MemArg(mem, align, offset)


# memarg ::= x? ( offset=nat )? ( align=nat )?
def _offset_align(c: Context, mem: int, natural: int) -> MemArg:
    s = c.stream
    offset = 0
    align = natural
    if s.texts[s.pos][:7] == "offset=":
        offset = _assigned(c, 7, c.size_bits)
    if s.texts[s.pos][:6] == "align=":
        pos = s.pos
        value = _assigned(c, 6, 64)
        if value.bit_count() != 1:
            raise s.error_here("alignment must be a power of two", pos)
        align = value.bit_length() - 1
    return _memarg_of(mem, align, offset)


def _assigned(c: Context, start: int, bits: int) -> int:
    s = c.stream
    try:
        value = integer(s.texts[s.pos][start:] or "?", bits)
    except OutOfRange:
        raise s.error_here(f"i{bits} constant out of range") from None
    if value is None or s.texts[s.pos][start] in "+-":
        raise s.unexpected()
    s.pos += 1
    return value


def _memarg(width: int) -> Read:
    natural = width.bit_length() - 1

    def read(c: Context) -> tuple[MemArg]:
        token = c.stream.texts[c.stream.pos]
        if token[:1] in _INDEX_START:
            return (_offset_align(c, c.mems.resolve(c.stream), natural),)
        if token[:1] in "oa":
            return (_offset_align(c, 0, natural),)
        return (_memarg_of(0, natural, 0),)

    return read


# memarg laneidx, where a single number is the lane
def _memarg_lane(width: int) -> Read:
    natural = width.bit_length() - 1

    def read(c: Context) -> tuple[MemArg, int]:
        s = c.stream
        mem = 0
        token = s.texts[s.pos]
        if token[:1] == "$" or (
            token[:1] in _INDEX_START and (_at_index(c, 1) or s.texts[s.pos + 1][:6] in ("offset", "align="))
        ):
            mem = c.mems.resolve(s)
        return (_offset_align(c, mem, natural), nat(s, 8))

    return read


# --- literals --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 12)
def _short_integer(token: str, bits: int) -> tuple[int] | None:
    value = integer(token, bits)
    return None if value is None else (value,)


def _integer(bits: int) -> Read:
    def read(c: Context) -> tuple[int]:
        s = c.stream
        token = s.texts[s.pos]
        if token[:1] not in _NUMBER_START:
            raise _no_number(c)
        try:
            value = _short_integer(token, bits) if len(token) < 32 else (integer(token, bits) or 0,)
        except OutOfRange:
            raise s.error_here("constant out of range") from None
        if value is None:
            raise _no_number(c)
        s.pos += 1
        return value

    return read


def _no_number(c: Context) -> ParseError:
    # A float where an integer is wanted is a number all the same.
    s = c.stream
    return s.error_here("constant out of range") if is_number(s.texts[s.pos]) else s.unexpected()


@lru_cache(maxsize=1 << 12)
def _short_float(token: str, format: FloatFormat) -> int | None:
    return float_bits(token, format)


def _float(format: FloatFormat) -> Read:
    def read(c: Context) -> tuple[int]:
        s = c.stream
        token = s.texts[s.pos]
        if not token:
            raise s.unexpected()
        try:
            bits = _short_float(token, format) if len(token) < 32 else float_bits(token, format)
        except OutOfRange:
            raise s.error_here("constant out of range") from None
        if bits is None:
            raise s.unexpected()
        s.pos += 1
        return (bits,)

    return read


# Lanes and the bits of each, and for float lanes their format.
_SHAPES: Final[dict[str, tuple[int, int, FloatFormat | None]]] = {
    "i8x16": (16, 8, None),
    "i16x8": (8, 16, None),
    "i32x4": (4, 32, None),
    "i64x2": (2, 64, None),
    "f32x4": (4, 32, F32),
    "f64x2": (2, 64, F64),
}


# v128.const shape number*
def vector(c: Context) -> tuple[bytes]:
    """Steps over a shape and its lanes: 16 bytes, lane 0 first."""
    s = c.stream
    shape = _SHAPES.get(s.texts[s.pos])
    if shape is None:
        raise s.unexpected()
    lanes, bits, format = shape
    start = s.pos
    s.pos += 1
    end = _numbers_end(c)
    if end - s.pos != lanes:
        if s.texts[end] not in ("(", ")"):
            # A word that is none tells more than the number of lanes, as the lexer of the specification finds it first.
            error = s.unexpected(end)
            if not error.message.startswith("unexpected token"):
                raise error
        raise s.error_here("wrong number of lane literals", start)
    read = _integer(bits) if format is None else _float(format)
    return (b"".join([read(c)[0].to_bytes(bits // 8, "little") for _ in range(lanes)]),)


def _numbers_end(c: Context) -> int:
    """The token behind the numbers that come next."""
    texts = c.stream.texts
    end = c.stream.pos
    while texts[end][:1] in _NUMBER_START or texts[end][:3] in ("inf", "nan"):
        if not texts[end]:
            break
        end += 1
    return end


# i8x16.shuffle laneidx^16
def _lanes(c: Context) -> tuple[bytes]:
    s = c.stream
    start = s.pos
    end = _numbers_end(c)
    lanes = bytearray()
    while s.pos < end:
        token = s.texts[s.pos]
        try:
            lane = natural(token, 8)
        except OutOfRange:
            lane = None
        if lane is None:
            raise s.error_here("i8 constant out of range") if is_number(token) else s.unexpected()
        lanes.append(lane)
        s.pos += 1
    if len(lanes) != 16:
        raise s.error_here("invalid lane length", start)
    return (bytes(lanes),)


def _lane(c: Context) -> tuple[int]:
    return (nat(c.stream, 8),)


def _count(c: Context) -> tuple[int]:
    return (nat32(c.stream),)


def _nothing(c: Context) -> tuple[()]:
    return ()


# --- rows ------------------------------------------------------------------------------------------------------------

_SINGLE: Final[dict[Imm, Read]] = {
    Imm.TYPE: _type,
    Imm.FUNC: _func,
    Imm.TABLE: _table,
    Imm.MEM: _mem,
    Imm.GLOBAL: _global,
    Imm.TAG: _tag,
    Imm.ELEM: _elem,
    Imm.DATA: _data,
    Imm.LOCAL: _local,
    Imm.LABEL: _label,
    Imm.COUNT: _count,
    Imm.LANE: _lane,
    Imm.LANES: _lanes,
    Imm.I32: _integer(32),
    Imm.I64: _integer(64),
    Imm.F32: _float(F32),
    Imm.F64: _float(F64),
    Imm.V128: vector,
    Imm.BLOCK: _block,
    Imm.HEAP: _heap,
    Imm.CAST: _cast,
    Imm.SELECT: _select,
    Imm.ZERO: _nothing,
}
_GROUPS: Final[dict[tuple[Imm, ...], Read]] = {
    (Imm.TYPE, Imm.TABLE): _type_table,
    (Imm.ELEM, Imm.TABLE): _elem_table,
    (Imm.DATA, Imm.MEM): _data_mem,
    (Imm.TABLE, Imm.TABLE): _two_tables,
    (Imm.MEM, Imm.MEM): _two_mems,
    (Imm.TYPE, Imm.FIELD): _type_field,
    (Imm.LABELS, Imm.LABEL): _labels_label,
    (Imm.LABEL, Imm.CASTS, Imm.CASTS): _label_casts,
    (Imm.BLOCK, Imm.CATCHES): _block_catches,
}


def _reader(row: Op) -> Read | None:
    imms = row.imms
    if not imms:
        return None
    if len(imms) == 1:
        return _memarg(row.width) if imms[0] is Imm.MEMARG else _SINGLE[imms[0]]
    if imms == (Imm.MEMARG, Imm.LANE):
        return _memarg_lane(row.width)
    if imms in _GROUPS:
        return _GROUPS[imms]
    if len(imms) == 2 and imms[0] in _SINGLE and imms[1] in _SINGLE:
        first, second = _SINGLE[imms[0]], _SINGLE[imms[1]]
        return lambda c: first(c) + second(c)
    raise Crash(f"{row.mnemonic}: no reader for these immediates")


@lru_cache(maxsize=64)
def readers(features: Features) -> dict[str, tuple[Op, Read | None]]:
    """By mnemonic, the rows of the opcode table under a set of features, with the readers of their immediates."""
    return {row.mnemonic: (row, _reader(row)) for row in OPS if row.feature is None or row.feature in features}
