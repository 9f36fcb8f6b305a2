"""Modules in the binary format, chapter 5.5: the shortest encoding of everything.

`decode(encode(module)) == module` for every well-formed module whose custom sections follow sections that are not
empty, and `encode(decode(data)) == data` where `data` is itself in the shortest form. What the abstract syntax
keeps of an encoder's freedom is honoured: `Elem.form`, `RecType.explicit`, runs of locals, a data count section
that nobody needs. `decode` tells where the name section goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from refsfi.binary.codes import MAGIC, ORDER, TABLE_INIT, VERSION, SectionId
from refsfi.binary.decode_names import NAME_SECTION
from refsfi.binary.encode_instrs import expr
from refsfi.binary.encode_names import encode_names, in_file_order, writes_names
from refsfi.binary.encode_types import (
    KIND_CODES,
    externtype,
    globaltype,
    memtype,
    rectype,
    reftype,
    tabletype,
    tagtype,
    valtype,
)
from refsfi.binary.writer import items, name, sized, unsigned
from refsfi.syntax.module import (
    Active,
    Custom,
    Data,
    Declarative,
    Elem,
    Export,
    Expr,
    Func,
    Global,
    Import,
    Memory,
    Module,
    Passive,
    Table,
    Tag,
)
from refsfi.syntax.opcodes import Imm, op
from refsfi.syntax.types import FUNCREF, AbsHeap, RefType, ValType

__all__ = ["encode"]

T = TypeVar("T")

_NON_NULL_FUNC = RefType(False, AbsHeap.FUNC)
_REF_FUNC = op("ref.func")


def encode(module: Module) -> bytes:
    """The module in the binary format.

    ValueError where a part of it has none: a number too large for its field, a closed type, a bottom type.
    """
    contents = _sections(module)
    customs = in_file_order(module.customs)
    out = bytearray(MAGIC + VERSION)
    for id in (SectionId.CUSTOM, *ORDER):
        if contents.get(id):
            out.append(id)
            sized(out, contents[id])
        for custom in customs:
            if custom.after == id:
                _custom(out, custom)
    if writes_names(module):
        _custom(out, Custom(NAME_SECTION, encode_names(module.names)))
    return bytes(out)


def _sections(module: Module) -> dict[SectionId, bytearray]:
    """The contents of the known sections by id, empty where there is no such section."""

    def section(values: list[T], write: Callable[[bytearray, T], None]) -> bytearray:
        out = bytearray()
        if values:
            items(out, values, write)
        return out

    start = bytearray()
    if module.start is not None:
        unsigned(start, module.start)
    data_count = bytearray()
    if module.data_count is not None or _needs_data_count(module):
        unsigned(data_count, len(module.datas))
    return {
        SectionId.TYPE: section(module.types, rectype),
        SectionId.IMPORT: section(module.imports, _import),
        SectionId.FUNCTION: section([func.type for func in module.funcs], unsigned),
        SectionId.TABLE: section(module.tables, _table),
        SectionId.MEMORY: section(module.mems, _memory),
        SectionId.TAG: section(module.tags, _tag),
        SectionId.GLOBAL: section(module.globals, _global),
        SectionId.EXPORT: section(module.exports, _export),
        SectionId.START: start,
        SectionId.ELEMENT: section(module.elems, _elem),
        SectionId.DATA_COUNT: data_count,
        SectionId.CODE: section(module.funcs, _func),
        SectionId.DATA: section(module.datas, _data),
    }


def _needs_data_count(module: Module) -> bool:
    return any(Imm.DATA in instr.op.imms for func in module.funcs for instr in func.body)


def _custom(out: bytearray, custom: Custom) -> None:
    contents = bytearray()
    name(contents, custom.name)
    contents += custom.data
    out.append(SectionId.CUSTOM)
    sized(out, contents)


def _import(out: bytearray, import_: Import) -> None:
    name(out, import_.module)
    name(out, import_.name)
    externtype(out, import_.type)


def _table(out: bytearray, table: Table) -> None:
    if table.init is None:
        tabletype(out, table.type)
    else:
        out += bytes((TABLE_INIT, 0))
        tabletype(out, table.type)
        expr(out, table.init)


def _memory(out: bytearray, memory: Memory) -> None:
    memtype(out, memory.type)


def _tag(out: bytearray, tag: Tag) -> None:
    tagtype(out, tag.type)


def _global(out: bytearray, global_: Global) -> None:
    globaltype(out, global_.type)
    expr(out, global_.init)


def _export(out: bytearray, export: Export) -> None:
    name(out, export.name)
    out.append(KIND_CODES[export.kind])
    unsigned(out, export.index)


def _func(out: bytearray, func: Func) -> None:
    body = bytearray()
    items(body, func.locals, _locals)
    expr(body, func.body)
    sized(out, body)


def _locals(out: bytearray, run: tuple[int, ValType]) -> None:
    number, type = run
    unsigned(out, number)
    valtype(out, type)


# --- segments -------------------------------------------------------------------------------------------------------


def _elem(out: bytearray, elem: Elem) -> None:
    form = _elem_form(elem)
    unsigned(out, form)
    if isinstance(elem.mode, Active):
        if form & 2:
            unsigned(out, elem.mode.index)
        expr(out, elem.mode.offset)
    if form & 3:
        if form & 4:
            reftype(out, elem.type)
        else:
            out.append(0)
    if form & 4:
        items(out, elem.init, expr)
    else:
        items(out, [init[0].args[0] for init in elem.init], unsigned)


def _elem_form(elem: Elem) -> int:
    """The form of an element segment: its own where that says the same, else the shortest that does."""
    mode = elem.mode
    forms: tuple[int, ...]
    indices = elem.type == _NON_NULL_FUNC and all(_is_ref_func(init) for init in elem.init)
    if isinstance(mode, Passive):
        forms = (1, 5)
    elif isinstance(mode, Declarative):
        forms = (3, 7)
    elif mode.index == 0:
        forms = (0, 2, 4, 6)
    else:
        forms = (2, 6)
    # Form 4 leaves out the type, which is then funcref.
    possible = [form for form in forms if (indices if form < 4 else form != 4 or elem.type == FUNCREF)]
    return elem.form if elem.form in possible else possible[0]


def _is_ref_func(init: Expr) -> bool:
    return len(init) == 2 and init[0].op is _REF_FUNC


def _data(out: bytearray, data: Data) -> None:
    mode = data.mode
    if isinstance(mode, Passive):
        unsigned(out, 1)
    else:
        unsigned(out, 2 if mode.index else 0)
        if mode.index:
            unsigned(out, mode.index)
        expr(out, mode.offset)
    sized(out, data.init)
