"""The fields of a module other than types, chapter 6.6, with all their abbreviations.

A reader is called with the stream behind a field's keyword and steps over the rest of the field, its `)` included. The
grammar stands above each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from refsfi.syntax.features import Feature
from refsfi.syntax.module import (
    Active,
    Data,
    Declarative,
    Elem,
    Export,
    Expr,
    Func,
    Global,
    Import,
    Instr,
    Memory,
    Passive,
    Table,
    Tag,
)
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import (
    FUNCREF,
    I64,
    AbsHeap,
    ExternKind,
    ExternType,
    FuncExtern,
    FuncType,
    Limits,
    MemType,
    NumType,
    RefType,
    TableType,
    TagType,
    ValType,
)
from refsfi.text.annotations import leftover
from refsfi.text.instrs import expression, folded, instructions
from refsfi.text.scopes import Context, Labels, Space
from refsfi.text.types import (
    address_type,
    global_type,
    mem_type,
    page_size,
    ref_type,
    table_type,
    type_use,
    val_type,
    val_types,
)

__all__ = ["EXTERN_TYPES", "READERS", "Field"]

_END: Final = op("end")
_REF_FUNC: Final = op("ref.func")


@dataclass(frozen=True, slots=True)
class Field:
    """A field whose keyword is token `pos`; `index` is what it defines, in the index space of its kind."""

    keyword: str
    pos: int
    index: int


def _id(c: Context) -> None:
    """Steps over an identifier that is bound already."""
    if c.stream.texts[c.stream.pos][:1] == "$":
        c.stream.pos += 1


# ( export name )*
def _exports(c: Context, kind: ExternKind, index: int) -> None:
    s = c.stream
    while s.opens("export"):
        at = s.offsets[s.pos]
        s.pos += 2
        c.module.exports.append(Export(s.name(), kind, index, at))
        s.expect(")")


# ( import name name )
def _inline_import(c: Context) -> tuple[str, str] | None:
    s = c.stream
    if not s.opens("import"):
        return None
    _no_definitions(c, s.pos)
    s.pos += 2
    names = (s.name(), s.name())
    s.expect(")")
    return names


def _no_definitions(c: Context, pos: int) -> None:
    """Imports come before all definitions."""
    module = c.module
    for defined, what in (
        (module.funcs, "function"),
        (module.globals, "global"),
        (module.tables, "table"),
        (module.mems, "memory"),
        (module.tags, "tag"),
    ):
        if defined:
            raise c.stream.error_here(f"import after {what} definition", pos)


# import ::= ( import name name ( kind id? type ) )
def _import(c: Context, field: Field) -> None:
    s = c.stream
    _no_definitions(c, field.pos)
    module, name = s.name(), s.name()
    s.expect("(")
    keyword = s.texts[s.pos]
    read = EXTERN_TYPES.get(keyword)
    if read is None:
        raise s.unexpected()
    if keyword == "tag":
        c.need(Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS)
    s.pos += 1
    _id(c)
    type = read(c)
    s.expect(")")
    s.expect(")")
    c.module.imports.append(Import(module, name, type, s.offsets[field.pos - 1]))


# ( exact typeuse ) | typeuse
def _func_extern(c: Context) -> FuncExtern:
    s = c.stream
    if not s.opens("exact"):
        return FuncExtern(type_use(c))
    s.pos += 1
    c.need(Feature.CUSTOM_DESCRIPTORS)
    s.pos += 1
    type = type_use(c)
    s.expect(")")
    return FuncExtern(type, True)


def _tag_type(c: Context) -> TagType:
    return TagType(type_use(c))


EXTERN_TYPES: Final[dict[str, Callable[[Context], ExternType]]] = {
    "func": _func_extern,
    "table": table_type,
    "memory": mem_type,
    "global": global_type,
    "tag": _tag_type,
}


def _imported(c: Context, field: Field, read: Callable[[Context], ExternType]) -> bool:
    """Reads the rest of a field that is an inline import, if it is one."""
    names = _inline_import(c)
    if names is None:
        return False
    type = read(c)
    c.stream.expect(")")
    c.module.imports.append(Import(*names, type, c.stream.offsets[field.pos - 1]))
    return True


# func ::= ( func id? ( export name )* ( import name name )? typeuse ( local … )* instr* )
def _func(c: Context, field: Field) -> None:
    s = c.stream
    _id(c)
    _exports(c, ExternKind.FUNC, field.index)
    if _imported(c, field, _func_extern):
        return
    c.locals = locals = Space("local")
    c.labels = Labels()
    c.func = field.index
    by_name = s.opens("type")
    pos = s.pos + 2
    type = type_use(c, locals)
    if by_name and not locals.count:
        # The parameters are those of the type, which may be unknown; only identifiers of locals need to know.
        comp = c.subtypes[type].comp if type < len(c.subtypes) else None
        if isinstance(comp, FuncType):
            locals.skip(len(comp.params))
    runs: list[tuple[int, ValType]] = []
    while s.accept("local"):
        if s.texts[s.pos][:1] == "$" or (s.notes and s.pos in s.notes):
            if by_name:
                c.functype(type, pos)
            locals.bind(s)
            types = [val_type(c)]
            s.expect(")")
        else:
            types = val_types(c)
            locals.skip(len(types))
        for each in types:
            if runs and runs[-1][1] == each:
                runs[-1] = (runs[-1][0] + 1, each)
            else:
                runs.append((1, each))
    body: Expr = []
    instructions(c, body)
    body.append(Instr(_END, (), s.offsets[s.pos]))
    s.expect(")")
    if s.notes and (error := leftover(s, field.pos, s.pos - 1, in_function=True)) is not None:
        raise error
    names = c.module.names
    if locals.names:
        names.locals[field.index] = locals.names
    if c.labels.names:
        names.labels[field.index] = c.labels.names
    c.locals = Space("local")
    c.labels = Labels()
    c.func = None
    end = s.offsets[s.pos - 1] + 1
    c.module.funcs.append(Func(type, runs, body, s.offsets[field.pos - 1], end))


# tag ::= ( tag id? ( export name )* ( import name name )? typeuse )
def _tag(c: Context, field: Field) -> None:
    s = c.stream
    _id(c)
    _exports(c, ExternKind.TAG, field.index)
    if _imported(c, field, _tag_type):
        return
    c.module.tags.append(Tag(_tag_type(c), s.offsets[field.pos - 1]))
    s.expect(")")


# global ::= ( global id? ( export name )* ( ( import name name ) globaltype | globaltype expr ) )
def _global(c: Context, field: Field) -> None:
    s = c.stream
    _id(c)
    _exports(c, ExternKind.GLOBAL, field.index)
    if _imported(c, field, global_type):
        return
    type = global_type(c)
    c.module.globals.append(Global(type, expression(c), s.offsets[field.pos - 1]))
    s.expect(")")


# memory ::= ( memory id? ( export name )* ( ( import name name )? memtype | addrtype pagesize? ( data string* ) ) )
def _memory(c: Context, field: Field) -> None:
    s = c.stream
    at = s.offsets[field.pos - 1]
    _id(c)
    _exports(c, ExternKind.MEMORY, field.index)
    if _imported(c, field, mem_type):
        return
    start = s.pos
    addr = address_type(c)
    if s.texts[s.pos] != "(":
        s.pos = start
        c.module.mems.append(Memory(mem_type(c), at))
        s.expect(")")
        return
    log2 = page_size(c)
    if not s.accept("data"):
        raise s.unexpected(s.pos + 1 if s.texts[s.pos] == "(" else s.pos)
    data = s.strings()
    s.expect(")")
    s.expect(")")
    pages = -(-len(data) >> log2)
    c.module.mems.append(Memory(MemType(Limits(pages, pages), addr, False, log2), at))
    c.module.datas.append(Data(data, Active(field.index, _zero(addr, at)), at))


def _zero(addr: NumType, at: int) -> Expr:
    const = op("i64.const" if addr is I64 else "i32.const")
    return [Instr(const, (0,), at), Instr(_END, (), at)]


# table ::= ( table id? ( export name )* ( ( import name name )? tabletype expr? | addrtype reftype ( elem … ) ) )
def _table(c: Context, field: Field) -> None:
    s = c.stream
    at = s.offsets[field.pos - 1]
    _id(c)
    _exports(c, ExternKind.TABLE, field.index)
    if _imported(c, field, table_type):
        return
    start = s.pos
    addr = address_type(c)
    if s.texts[s.pos][:1].isdecimal():
        s.pos = start
        type = table_type(c)
        init = None
        if s.texts[s.pos] != ")":
            c.need(Feature.FUNCTION_REFERENCES)
            init = expression(c)
        c.module.tables.append(Table(type, init, at))
        s.expect(")")
        return
    elem = ref_type(c)
    if not s.accept("elem"):
        raise s.unexpected(s.pos + 1 if s.texts[s.pos] == "(" else s.pos)
    indices = s.texts[s.pos] != "("
    entries = _func_indices(c) if indices else _elem_exprs(c)
    s.expect(")")
    s.expect(")")
    size = len(entries)
    c.module.tables.append(Table(TableType(elem, Limits(size, size), addr), None, at))
    # Indices make the segment that they make outside of a table, which the first version has a binary form for.
    segment = RefType(False, AbsHeap.FUNC) if indices and elem == FUNCREF else elem
    c.module.elems.append(Elem(segment, entries, Active(field.index, _zero(addr, at)), at))


# export ::= ( export name ( kind index ) )
def _export(c: Context, field: Field) -> None:
    s = c.stream
    name = s.name()
    s.expect("(")
    keyword = s.texts[s.pos]
    if keyword not in EXTERN_TYPES:
        raise s.unexpected()
    if keyword == "tag":
        c.need(Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS)
    s.pos += 1
    index = c.spaces[keyword].resolve(s)
    s.expect(")")
    s.expect(")")
    c.module.exports.append(Export(name, ExternKind(keyword), index, s.offsets[field.pos - 1]))


# start ::= ( start funcidx )
def _start(c: Context, field: Field) -> None:
    s = c.stream
    if c.module.start is not None:
        raise s.error_here("multiple start sections", field.pos)
    c.module.start_at = s.offsets[field.pos - 1]
    c.module.start = c.funcs.resolve(s)
    s.expect(")")


# offset ::= ( offset expr ) | folded
def _offset(c: Context) -> Expr:
    if not c.stream.accept("offset"):
        return folded(c)
    expr = expression(c)
    c.stream.expect(")")
    return expr


# elem ::= ( elem id? ( declare | ( ( table x ) )? offset )? elemlist )
def _elem(c: Context, field: Field) -> None:
    s = c.stream
    at = s.offsets[field.pos - 1]
    _id(c)
    mode: Passive | Declarative | Active = Passive()
    bare = False
    if s.texts[s.pos] == "declare":
        c.need(Feature.REFERENCE_TYPES)
        s.pos += 1
        mode = Declarative()
    elif s.accept("table"):
        index = c.tables.resolve(s)
        s.expect(")")
        mode = Active(index, _offset(c))
    elif s.texts[s.pos][:1].isdecimal():
        # The first version wrote the table's index without parentheses.
        mode = Active(c.tables.resolve(s), _offset(c))
        bare = True
    elif s.texts[s.pos] == "(" and s.texts[s.pos + 1] != "ref":
        mode = Active(0, _offset(c))
        bare = True
    type, init = _elem_list(c, bare)
    s.expect(")")
    c.module.elems.append(Elem(type, init, mode, at))


# elemlist ::= func funcidx* | reftype elemexpr* | funcidx*, the last only behind an offset without a table
def _elem_list(c: Context, bare: bool) -> tuple[RefType, list[Expr]]:
    s = c.stream
    token = s.texts[s.pos]
    if token == "func":
        s.pos += 1
    elif not bare or not (token == ")" or token[:1] == "$" or token[:1].isdecimal()):
        return ref_type(c), _elem_exprs(c)
    return RefType(False, AbsHeap.FUNC), _func_indices(c)


def _func_indices(c: Context) -> list[Expr]:
    s = c.stream
    exprs = []
    while s.texts[s.pos] != ")":
        at = s.offsets[s.pos]
        exprs.append([Instr(_REF_FUNC, (c.funcs.resolve(s),), at), Instr(_END, (), at)])
    return exprs


# elemexpr ::= ( item expr ) | folded
def _elem_exprs(c: Context) -> list[Expr]:
    s = c.stream
    exprs = []
    while s.texts[s.pos] != ")":
        if s.accept("item"):
            exprs.append(expression(c))
            s.expect(")")
        else:
            exprs.append(folded(c))
    return exprs


# data ::= ( data id? ( ( memory x )? offset )? string* )
def _data(c: Context, field: Field) -> None:
    s = c.stream
    at = s.offsets[field.pos - 1]
    _id(c)
    mode: Passive | Active = Passive()
    if s.accept("memory"):
        index = c.mems.resolve(s)
        s.expect(")")
        mode = Active(index, _offset(c))
    elif s.texts[s.pos][:1].isdecimal():
        mode = Active(c.mems.resolve(s), _offset(c))
    elif s.texts[s.pos] == "(":
        mode = Active(0, _offset(c))
    data = s.strings()
    s.expect(")")
    c.module.datas.append(Data(data, mode, at))


READERS: Final[dict[str, Callable[[Context, Field], None]]] = {
    "import": _import,
    "func": _func,
    "table": _table,
    "memory": _memory,
    "global": _global,
    "tag": _tag,
    "export": _export,
    "start": _start,
    "elem": _elem,
    "data": _data,
}
