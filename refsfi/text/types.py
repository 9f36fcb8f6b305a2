"""Types, chapter 6.4, and type uses, 6.4.12.

Parsing functions take the context and step its stream over what they return. The grammar stands above each of them;
`(…)?` and `…*` are as usual.
"""

from __future__ import annotations

from refsfi.syntax.features import Feature, off
from refsfi.syntax.types import (
    I32,
    I64,
    ArrayType,
    BlockType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    NumType,
    RecType,
    RefType,
    StorageType,
    StructType,
    SubType,
    TableType,
    TypeUse,
    ValType,
)
from refsfi.text.scopes import Context, Space, nat

__all__ = [
    "address_type",
    "block_type",
    "func_type",
    "global_type",
    "heap_type",
    "limits",
    "mem_type",
    "page_size",
    "rec_type",
    "ref_type",
    "table_type",
    "type_use",
    "val_type",
    "val_types",
]


# heaptype ::= any | eq | … | typeidx | ( exact typeidx )
def heap_type(c: Context) -> HeapType:
    s = c.stream
    token = s.texts[s.pos]
    if (heap := c.heap_types.get(token)) is not None:
        s.pos += 1
        return heap
    if token == "(" and s.texts[s.pos + 1] == "exact":
        s.pos += 1
        c.need(Feature.CUSTOM_DESCRIPTORS)
        s.pos += 1
        use = TypeUse(c.types.resolve(s), True)
        s.expect(")")
        return use
    return TypeUse(c.types.resolve(s))


# reftype ::= ( ref null? heaptype ) | anyref | funcref | …
def ref_type(c: Context) -> RefType:
    type = val_type(c)
    if not isinstance(type, RefType):
        c.stream.pos -= 1
        raise c.stream.unexpected()
    return type


# valtype ::= i32 | i64 | f32 | f64 | v128 | reftype
def val_type(c: Context) -> ValType:
    s = c.stream
    pos = s.pos
    type = c.value_types.get(s.texts[pos])
    if type is not None:
        s.pos = pos + 1
        return type
    if s.texts[pos] != "(":
        raise s.unexpected()
    s.pos = pos + 1
    if s.texts[pos + 1] != "ref":
        raise s.unexpected()
    c.need(Feature.FUNCTION_REFERENCES, Feature.GC)
    null = s.texts[pos + 2] == "null"
    s.pos = pos + 3 if null else pos + 2
    heap = heap_type(c)
    s.expect(")")
    return RefType(null, heap)


def val_types(c: Context) -> list[ValType]:
    """Value types up to a `)`, which is stepped over."""
    s = c.stream
    types = []
    while s.texts[s.pos] != ")":
        types.append(val_type(c))
    s.pos += 1
    return types


# storagetype ::= valtype | i8 | i16
def _storage_type(c: Context) -> StorageType:
    s = c.stream
    pack = c.pack_types.get(s.texts[s.pos])
    if pack is not None:
        s.pos += 1
        return pack
    return val_type(c)


# fieldtype ::= storagetype | ( mut storagetype )
def _field_type(c: Context) -> FieldType:
    s = c.stream
    if s.accept("mut"):
        type = FieldType(_storage_type(c), True)
        s.expect(")")
        return type
    return FieldType(_storage_type(c), False)


# ( param id? valtype* )* ( result valtype* )*
def func_type(c: Context, params: Space | None = None) -> FuncType:
    """A function type; its parameters' identifiers are bound in `params`, or else ignored."""
    s = c.stream
    texts = s.texts
    inputs: list[ValType] = []
    results: list[ValType] = []
    while s.accept("param"):
        if texts[s.pos][:1] == "$" or (s.notes and s.pos in s.notes):
            (Space("local") if params is None else params).bind(s)
            inputs.append(val_type(c))
            s.expect(")")
        else:
            types = val_types(c)
            inputs += types
            if params is not None:
                params.skip(len(types))
    while s.accept("result"):
        results += val_types(c)
    if s.opens("param"):
        raise s.unexpected(s.pos + 1)
    return FuncType(tuple(inputs), tuple(results))


_EMPTY = FuncType((), ())


# typeuse ::= ( type typeidx ) functype | functype
def type_use(c: Context, params: Space | None = None, named: bool = True) -> int:
    """The index of a type use. Parameters' identifiers are bound in `params`, or else ignored; or not allowed
    (`named`).
    """
    s = c.stream
    if not s.accept("type"):
        return c.implicit(func_type(c, params) if named else _unnamed_func_type(c))
    pos = s.pos
    index = c.types.resolve(s)
    s.expect(")")
    written = func_type(c, params) if named else _unnamed_func_type(c)
    if written != _EMPTY and written != c.functype(index, pos):
        raise s.error_here("inline function type does not match explicit type", pos)
    return index


# blocktype ::= ( result valtype )? | typeuse
def block_type(c: Context) -> BlockType:
    s = c.stream
    if s.texts[s.pos] != "(":
        return None
    if s.texts[s.pos + 1] == "type":
        return type_use(c, named=False)
    type = _unnamed_func_type(c)
    if not type.params:
        if not type.results:
            return None
        if len(type.results) == 1:
            return type.results[0]
    return c.implicit(type)


# ( param valtype* )* ( result valtype* )*
def _unnamed_func_type(c: Context) -> FuncType:
    """A function type whose parameters may not have identifiers."""
    s = c.stream
    params: list[ValType] = []
    results: list[ValType] = []
    while s.accept("param"):
        params += val_types(c)
    while s.accept("result"):
        results += val_types(c)
    if s.opens("param"):
        raise s.unexpected(s.pos + 1)
    return FuncType(tuple(params), tuple(results)) if params or results else _EMPTY


# comptype ::= ( func functype ) | ( struct ( field … )* ) | ( array fieldtype )
def _comp_type(c: Context, index: int) -> CompType:
    s = c.stream
    type: CompType
    s.expect("(")
    keyword = s.texts[s.pos]
    if keyword == "func":
        s.pos += 1
        type = func_type(c)
    elif keyword == "struct":
        c.need(Feature.GC)
        s.pos += 1
        type = StructType(_fields(c, index))
    elif keyword == "array":
        c.need(Feature.GC)
        s.pos += 1
        type = ArrayType(_field_type(c))
    else:
        raise s.unexpected()
    s.expect(")")
    return type


# ( field id fieldtype ) | ( field fieldtype* )
def _fields(c: Context, index: int) -> tuple[FieldType, ...]:
    s = c.stream
    space = Space("field")
    fields: list[FieldType] = []
    while s.accept("field"):
        if s.texts[s.pos][:1] == "$" or (s.notes and s.pos in s.notes):
            space.bind(s)
            fields.append(_field_type(c))
            s.expect(")")
            continue
        while s.texts[s.pos] != ")":
            fields.append(_field_type(c))
            space.skip(1)
        s.pos += 1
    c.fields[index] = space
    if space.names:
        c.module.names.fields[index] = space.names
    return tuple(fields)


# subtype ::= ( sub final? typeidx* body ) | body    body ::= ( describes typeidx )? ( descriptor typeidx )? comptype
def _sub_type(c: Context, index: int, at: int) -> SubType:
    s = c.stream
    if not s.opens("sub"):
        return _described(c, index, at, True, ())
    s.pos += 1
    c.need(Feature.GC)
    s.pos += 1
    final = s.texts[s.pos] == "final"
    if final:
        s.pos += 1
    supers = []
    while s.texts[s.pos] != "(":
        supers.append(c.types.resolve(s))
    type = _described(c, index, at, final, tuple(supers))
    s.expect(")")
    return type


def _described(c: Context, index: int, at: int, final: bool, supers: tuple[int, ...]) -> SubType:
    describes = _clause(c, "describes")
    descriptor = _clause(c, "descriptor")
    return SubType(final, supers, _comp_type(c, index), describes, descriptor, at)


def _clause(c: Context, keyword: str) -> int | None:
    s = c.stream
    if not s.opens(keyword):
        return None
    s.pos += 1
    c.need(Feature.CUSTOM_DESCRIPTORS)
    s.pos += 1
    index = c.types.resolve(s)
    s.expect(")")
    return index


# typedef ::= ( type id? subtype )    rectype ::= ( rec typedef* ) | typedef
def rec_type(c: Context) -> None:
    """Defines the types of a `(type …)` or `(rec …)` field whose keyword comes next. Identifiers are bound already."""
    s = c.stream
    index = len(c.subtypes)
    if s.texts[s.pos] == "type":
        c.define(RecType((_type_def(c, index),)))
        return
    s.pos += 1
    members: list[SubType] = []
    while s.texts[s.pos] != ")":
        s.expect("(")
        if s.texts[s.pos] != "type":
            raise s.unexpected()
        members.append(_type_def(c, index + len(members)))
    s.pos += 1
    c.define(RecType(tuple(members), explicit=True))


def _type_def(c: Context, index: int) -> SubType:
    s = c.stream
    at = s.offsets[s.pos - 1]
    s.pos += 1
    s.id()
    type = _sub_type(c, index, at)
    s.expect(")")
    return type


# --- types of external things ----------------------------------------------------------------------------------------


# addrtype ::= i32 | i64 | nothing, for i32
def address_type(c: Context) -> NumType:
    s = c.stream
    token = s.texts[s.pos]
    if token == "i32" or token == "i64":
        if not c.has(Feature.MEMORY64):
            raise s.error_here(f"unexpected token {token}{off(Feature.MEMORY64)}")
        s.pos += 1
        return I32 if token == "i32" else I64
    return I32


# limits ::= nat nat?
def limits(c: Context) -> Limits:
    s = c.stream
    least = nat(s, c.size_bits)
    if s.texts[s.pos][:1].isdecimal():
        return Limits(least, nat(s, c.size_bits))
    return Limits(least)


# ( pagesize nat )
def page_size(c: Context) -> int:
    """log2 of a page's size, 16 where it is not given."""
    s = c.stream
    if not s.opens("pagesize"):
        return 16
    s.pos += 1
    c.need(Feature.CUSTOM_PAGE_SIZES)
    s.pos += 1
    pos = s.pos
    size = nat(s, 64)
    if size.bit_count() != 1:
        raise s.error_here("invalid custom page size", pos)
    s.expect(")")
    return size.bit_length() - 1


# memtype ::= addrtype limits shared? ( pagesize nat )?
def mem_type(c: Context) -> MemType:
    s = c.stream
    addr = address_type(c)
    bounds = limits(c)
    shared = s.texts[s.pos] == "shared"
    if shared:
        c.need(Feature.THREADS)
        s.pos += 1
    return MemType(bounds, addr, shared, page_size(c))


# tabletype ::= addrtype limits reftype
def table_type(c: Context) -> TableType:
    addr = address_type(c)
    bounds = limits(c)
    return TableType(ref_type(c), bounds, addr)


# globaltype ::= valtype | ( mut valtype )
def global_type(c: Context) -> GlobalType:
    s = c.stream
    if s.accept("mut"):
        type = GlobalType(val_type(c), True)
        s.expect(")")
        return type
    return GlobalType(val_type(c), False)
