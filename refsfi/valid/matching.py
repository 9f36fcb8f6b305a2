"""Matching (subtyping), chapter 3.3 of the specification, over closed types.

Every reference in a closed type is a canonical `DefType`, so that equivalence of defined types is identity and
subtyping is membership in the precomputed set of ancestors; nothing here recurses. `X_matches(a, b)` tells whether `a
<: b`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from refsfi.errors import Crash
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import (
    BOT,
    AbsHeap,
    ArrayType,
    CompType,
    ExternType,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    NumType,
    PackType,
    RefType,
    StorageType,
    StructType,
    TableType,
    TagType,
    TypeUse,
    ValType,
)

__all__ = [
    "bottom_of",
    "comp_matches",
    "def_matches",
    "defaultable",
    "difference",
    "extern_matches",
    "field_matches",
    "global_matches",
    "heap_matches",
    "is_reference",
    "limits_match",
    "mem_matches",
    "ref_matches",
    "results_match",
    "storage_matches",
    "table_matches",
    "tag_matches",
    "top_of",
    "unpacked",
    "val_matches",
]

# The abstract heap types above each abstract heap type.
_ABOVE: dict[AbsHeap, frozenset[AbsHeap]] = {
    AbsHeap.ANY: frozenset(),
    AbsHeap.EQ: frozenset({AbsHeap.ANY}),
    AbsHeap.I31: frozenset({AbsHeap.EQ, AbsHeap.ANY}),
    AbsHeap.STRUCT: frozenset({AbsHeap.EQ, AbsHeap.ANY}),
    AbsHeap.ARRAY: frozenset({AbsHeap.EQ, AbsHeap.ANY}),
    AbsHeap.NONE: frozenset({AbsHeap.ANY, AbsHeap.EQ, AbsHeap.I31, AbsHeap.STRUCT, AbsHeap.ARRAY}),
    AbsHeap.FUNC: frozenset(),
    AbsHeap.NOFUNC: frozenset({AbsHeap.FUNC}),
    AbsHeap.EXN: frozenset(),
    AbsHeap.NOEXN: frozenset({AbsHeap.EXN}),
    AbsHeap.EXTERN: frozenset(),
    AbsHeap.NOEXTERN: frozenset({AbsHeap.EXTERN}),
    AbsHeap.BOT: frozenset(AbsHeap),
}

# The abstract heap types above a defined type, by its kind.
_ABOVE_COMP: dict[type, frozenset[AbsHeap]] = {
    StructType: frozenset({AbsHeap.STRUCT, AbsHeap.EQ, AbsHeap.ANY}),
    ArrayType: frozenset({AbsHeap.ARRAY, AbsHeap.EQ, AbsHeap.ANY}),
    FuncType: frozenset({AbsHeap.FUNC}),
}

_TOP: dict[AbsHeap, AbsHeap] = {
    **dict.fromkeys(
        (AbsHeap.ANY, AbsHeap.EQ, AbsHeap.I31, AbsHeap.STRUCT, AbsHeap.ARRAY, AbsHeap.NONE),
        AbsHeap.ANY,
    ),
    **dict.fromkeys((AbsHeap.FUNC, AbsHeap.NOFUNC), AbsHeap.FUNC),
    **dict.fromkeys((AbsHeap.EXN, AbsHeap.NOEXN), AbsHeap.EXN),
    **dict.fromkeys((AbsHeap.EXTERN, AbsHeap.NOEXTERN), AbsHeap.EXTERN),
    AbsHeap.BOT: AbsHeap.BOT,
}
_BOTTOM: dict[AbsHeap, AbsHeap] = {
    AbsHeap.ANY: AbsHeap.NONE,
    AbsHeap.FUNC: AbsHeap.NOFUNC,
    AbsHeap.EXN: AbsHeap.NOEXN,
    AbsHeap.EXTERN: AbsHeap.NOEXTERN,
    AbsHeap.BOT: AbsHeap.BOT,
}


def _deftype(use: TypeUse) -> DefType:
    """The closed type that `use` names. A type that still holds indices got past validation."""
    if isinstance(use.type, DefType):
        return use.type
    raise Crash(f"type {use} is not closed")


# --- value types -----------------------------------------------------------------------------------------------------


def val_matches(a: ValType, b: ValType) -> bool:
    """Rule: Valtype_sub/num, Valtype_sub/vec, Valtype_sub/ref, Valtype_sub/bot, Numtype_sub, Vectype_sub

    Number types and the vector type are singletons that only match themselves.
    """
    if a is b or a is BOT:
        return True
    return isinstance(a, RefType) and isinstance(b, RefType) and ref_matches(a, b)


def ref_matches(a: RefType, b: RefType) -> bool:
    """Rule: Reftype_sub/nonnull, Reftype_sub/null"""
    return a is b or ((b.null or not a.null) and heap_matches(a.heap, b.heap))


def heap_matches(a: HeapType, b: HeapType) -> bool:
    """Rule: Heaptype_sub/refl, Heaptype_sub/trans, Heaptype_sub/eq-any, Heaptype_sub/i31-eq, Heaptype_sub/struct-eq
    Rule: Heaptype_sub/array-eq, Heaptype_sub/struct, Heaptype_sub/array, Heaptype_sub/func, Heaptype_sub/def
    Rule: Heaptype_sub/none, Heaptype_sub/nofunc, Heaptype_sub/noexn, Heaptype_sub/noextern, Heaptype_sub/bot
    Rule: Heaptype_sub/typeidx-l, Heaptype_sub/typeidx-r
    Rule: Heaptype_sub/rec-struct, Heaptype_sub/rec-array, Heaptype_sub/rec-func, Heaptype_sub/rec-sub

    Transitivity is in the tables. The rules about type indices and about positions in an unfinished recursion group
    need nothing here, because a closed type contains neither. An exact type (custom descriptors) matches the inexact
    one, and is matched only by itself and the bottom types.
    """
    if a is b:
        return True
    if isinstance(a, TypeUse):
        sub = _deftype(a)
        if isinstance(b, TypeUse):
            if b.exact:
                return a.exact and sub is b.type
            return b.type in sub.ancestors
        return b in _ABOVE_COMP[sub.comp.__class__]
    if isinstance(b, TypeUse):
        return a is AbsHeap.BOT or a is bottom_of(b)
    return b in _ABOVE[a]


def top_of(heap: HeapType) -> AbsHeap:
    """The topmost type of the hierarchy that `heap` belongs to."""
    if isinstance(heap, TypeUse):
        return AbsHeap.FUNC if isinstance(_deftype(heap).comp, FuncType) else AbsHeap.ANY
    return _TOP[heap]


def bottom_of(heap: HeapType) -> AbsHeap:
    """The lowest type of the hierarchy that `heap` belongs to."""
    return _BOTTOM[top_of(heap)]


def difference(a: RefType, b: RefType) -> RefType:
    """What is left of `a` when a cast to `b` failed (`$diffrt`): null is ruled out where `b` admits it."""
    return RefType(False, a.heap) if b.null and a.null else a


def results_match(a: Sequence[ValType], b: Sequence[ValType]) -> bool:
    """Rule: Resulttype_sub"""
    return a is b or (len(a) == len(b) and all(map(val_matches, a, b)))


def is_reference(type: ValType) -> TypeGuard[RefType]:
    """Whether `type` is a reference type."""
    return isinstance(type, RefType)


def defaultable(type: ValType) -> bool:
    """Rule: Defaultable, Nondefaultable

    Whether a default value exists: of all types but non-null references.
    """
    return not isinstance(type, RefType) or type.null


# --- type definitions ------------------------------------------------------------------------------------------------


def unpacked(storage: StorageType) -> ValType:
    """The type of the operand that a field of this storage type is read into (`$unpack`)."""
    return NumType.I32 if isinstance(storage, PackType) else storage


def storage_matches(a: StorageType, b: StorageType) -> bool:
    """Rule: Storagetype_sub/val, Storagetype_sub/pack, Packtype_sub"""
    if isinstance(a, PackType) or isinstance(b, PackType):
        return a is b
    return val_matches(a, b)


def field_matches(a: FieldType, b: FieldType) -> bool:
    """Rule: Fieldtype_sub/const, Fieldtype_sub/var"""
    if a.mut != b.mut or not storage_matches(a.storage, b.storage):
        return False
    return not a.mut or storage_matches(b.storage, a.storage)


def comp_matches(a: CompType, b: CompType) -> bool:
    """Rule: Comptype_sub/struct, Comptype_sub/array, Comptype_sub/func"""
    if isinstance(a, StructType):
        return (
            isinstance(b, StructType) and len(a.fields) >= len(b.fields) and all(map(field_matches, a.fields, b.fields))
        )
    if isinstance(a, ArrayType):
        return isinstance(b, ArrayType) and field_matches(a.field, b.field)
    return isinstance(b, FuncType) and results_match(b.params, a.params) and results_match(a.results, b.results)


def def_matches(a: DefType, b: DefType) -> bool:
    """Rule: Deftype_sub/refl, Deftype_sub/super"""
    return b in a.ancestors


# --- external types --------------------------------------------------------------------------------------------------


def limits_match(a: Limits, b: Limits) -> bool:
    """Rule: Limits_sub/max, Limits_sub/eps"""
    return a.min >= b.min and (b.max is None or (a.max is not None and a.max <= b.max))


def tag_matches(a: TagType, b: TagType) -> bool:
    """Rule: Tagtype_sub

    Two closed types that match each other are the same.
    """
    return a.type is b.type


def global_matches(a: GlobalType, b: GlobalType) -> bool:
    """Rule: Globaltype_sub/const, Globaltype_sub/var"""
    return a.mut == b.mut and val_matches(a.type, b.type) and (not a.mut or val_matches(b.type, a.type))


def mem_matches(a: MemType, b: MemType) -> bool:
    """Rule: Memtype_sub

    Sharing (threads) and the page size (custom page sizes) must be equal.
    """
    return (
        a.addr is b.addr
        and a.shared == b.shared
        and a.page_size_log2 == b.page_size_log2
        and limits_match(a.limits, b.limits)
    )


def table_matches(a: TableType, b: TableType) -> bool:
    """Rule: Tabletype_sub"""
    return (
        a.addr is b.addr
        and limits_match(a.limits, b.limits)
        and ref_matches(a.elem, b.elem)
        and ref_matches(b.elem, a.elem)
    )


def extern_matches(a: ExternType, b: ExternType) -> bool:
    """Rule: Externtype_sub/tag, Externtype_sub/global, Externtype_sub/mem, Externtype_sub/table, Externtype_sub/func"""
    if isinstance(a, FuncExtern):
        return isinstance(b, FuncExtern) and heap_matches(TypeUse(a.type, a.exact), TypeUse(b.type, b.exact))
    if isinstance(a, GlobalType):
        return isinstance(b, GlobalType) and global_matches(a, b)
    if isinstance(a, MemType):
        return isinstance(b, MemType) and mem_matches(a, b)
    if isinstance(a, TableType):
        return isinstance(b, TableType) and table_matches(a, b)
    return isinstance(b, TagType) and tag_matches(a, b)
