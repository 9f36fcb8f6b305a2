"""Closed, canonical types: iso-recursive equivalence made identity.

Two recursion groups are equal when they have the same structure after replacing references into the group itself by
positions (`RecIndex`) and references out of it by closed types (specification, 3.1.3 "rolling and unrolling").
`close` looks that structure up in a table, so that equal defined types of all modules of the process are one
`DefType` object: equivalence is
`is`, and a run-time cast or an indirect call's check is a walk over `supers`.

The table holds groups weakly: types die with the last module or object that uses them.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from refsfi.syntax.types import (
    ArrayType,
    CompType,
    ExternType,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    HeapType,
    NumType,
    PackType,
    RecIndex,
    RecType,
    RefType,
    StorageType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeRef,
    TypeUse,
    ValType,
)

__all__ = ["DefType", "RecGroup", "close", "close_extern", "close_heap", "close_ref", "close_val", "func_deftype"]


class RecGroup:
    """A canonical recursion group; owns its `DefType`s."""

    __slots__ = ("__weakref__", "types")

    def __init__(self) -> None:
        self.types: tuple[DefType, ...] = ()


class DefType:
    """A closed defined type. Equal types are the same object.

    `comp`, `supers`, `describes` and `descriptor` are closed. `ancestors` holds the type itself and then its declared
    supertypes, nearest first, so that `b in a.ancestors` is the subtype test between defined types (rule Deftype_sub).
    `serial` is a number that no other type of the process ever has, for compiled code to compare.
    """

    __slots__ = ("ancestors", "comp", "describes", "descriptor", "final", "group", "index", "serial", "supers")

    serial: int

    def __init__(self) -> None:
        self.serial = next(_serials)

    group: RecGroup
    index: int
    final: bool
    supers: tuple[DefType, ...]
    comp: CompType
    describes: DefType | None
    descriptor: DefType | None
    ancestors: tuple[DefType, ...]

    def __repr__(self) -> str:
        return f"<DefType {self}>"

    def __str__(self) -> str:
        # Nested references are not spelt out: a type may contain itself.
        if isinstance(self.comp, FuncType):
            return f"(func {_brief(self.comp.params)} -> {_brief(self.comp.results)})"
        if isinstance(self.comp, StructType):
            return f"(struct {len(self.comp.fields)} fields)"
        return "(array)"


def _brief(types: Sequence[ValType]) -> str:
    names = ["ref" if isinstance(t, RefType) and isinstance(t.heap, TypeUse) else str(t) for t in types[:8]]
    return f"[{' '.join(names)}{' …' if len(types) > 8 else ''}]"


_serials = itertools.count(1)
_groups: WeakValueDictionary[tuple[SubType, ...], RecGroup] = WeakValueDictionary()
_lock = threading.Lock()


def close(rec: RecType, context: Sequence[DefType]) -> tuple[DefType, ...]:
    """The canonical types of a recursion group that follows the module's types `context` (shape: one per member).

    Every index in `rec` must be below `len(context) + len(rec.members)`; validation has checked that.
    """
    start = len(context)

    def outward(ref: TypeRef) -> TypeRef:
        if isinstance(ref, int):
            return context[ref] if ref < start else RecIndex(ref - start)
        return ref

    key = tuple(_subst_sub(member, outward) for member in rec.members)
    with _lock:
        group = _groups.get(key)
        if group is None:
            group = _groups[key] = _new_group(key)
    return group.types


def _new_group(key: tuple[SubType, ...]) -> RecGroup:
    group = RecGroup()
    types = tuple(DefType() for _ in key)
    group.types = types

    def inward(ref: TypeRef) -> TypeRef:
        return types[ref.index] if isinstance(ref, RecIndex) else ref

    for index, (deftype, member) in enumerate(zip(types, key, strict=True)):
        closed = _subst_sub(member, inward)
        deftype.group = group
        deftype.index = index
        deftype.final = closed.final
        deftype.comp = closed.comp
        deftype.supers = tuple(_closed(s) for s in closed.supers)
        deftype.describes = None if closed.describes is None else _closed(closed.describes)
        deftype.descriptor = None if closed.descriptor is None else _closed(closed.descriptor)
        # A supertype stands before its subtypes, so its ancestors are known; in an invalid group it may not, and
        # validation refuses that group right after.
        ancestors: tuple[DefType, ...] = (deftype,)
        for parent in deftype.supers:
            ancestors += getattr(parent, "ancestors", ())
        deftype.ancestors = ancestors
    return group


def _closed(ref: TypeRef) -> DefType:
    if not isinstance(ref, DefType):
        raise TypeError(f"not a closed type: {ref}")
    return ref


def close_val(type: ValType, context: Sequence[DefType]) -> ValType:
    """A value type with module indices replaced by the canonical types `context`."""
    if isinstance(type, NumType):
        return type
    return close_ref(type, context)


def close_ref(type: RefType, context: Sequence[DefType]) -> RefType:
    """Likewise a reference type."""
    heap = close_heap(type.heap, context)
    return type if heap is type.heap else RefType(type.null, heap)


def close_heap(type: HeapType, context: Sequence[DefType]) -> HeapType:
    """Likewise a heap type."""
    if isinstance(type, TypeUse) and isinstance(type.type, int):
        return TypeUse(context[type.type], type.exact)
    return type


def close_extern(type: ExternType, context: Sequence[DefType]) -> ExternType:
    """Likewise an external type."""
    if isinstance(type, FuncExtern):
        return FuncExtern(context[type.type], type.exact) if isinstance(type.type, int) else type
    if isinstance(type, TagType):
        return TagType(context[type.type]) if isinstance(type.type, int) else type
    if isinstance(type, GlobalType):
        return GlobalType(close_val(type.type, context), type.mut)
    if isinstance(type, TableType):
        return TableType(close_ref(type.elem, context), type.limits, type.addr)
    return type


def func_deftype(type: FuncType) -> DefType:
    """The canonical type of a function type standing alone: final, without supertypes. `type` must be closed."""
    return close(RecType((SubType(True, (), type),)), ())[0]


# --- substitution of references ------------------------------------------------------------------------------------

_Subst = Callable[[TypeRef], TypeRef]


def _subst_sub(sub: SubType, subst: _Subst) -> SubType:
    return SubType(
        sub.final,
        tuple(subst(s) for s in sub.supers),
        _subst_comp(sub.comp, subst),
        None if sub.describes is None else subst(sub.describes),
        None if sub.descriptor is None else subst(sub.descriptor),
    )


def _subst_comp(comp: CompType, subst: _Subst) -> CompType:
    if isinstance(comp, FuncType):
        return FuncType(
            tuple(_subst_val(t, subst) for t in comp.params), tuple(_subst_val(t, subst) for t in comp.results)
        )
    if isinstance(comp, StructType):
        return StructType(tuple(_subst_field(f, subst) for f in comp.fields))
    return ArrayType(_subst_field(comp.field, subst))


def _subst_field(field: FieldType, subst: _Subst) -> FieldType:
    storage: StorageType = field.storage
    if isinstance(storage, PackType):
        return field
    return FieldType(_subst_val(storage, subst), field.mut)


def _subst_val(type: ValType, subst: _Subst) -> ValType:
    if isinstance(type, RefType) and isinstance(type.heap, TypeUse):
        return RefType(type.null, TypeUse(subst(type.heap.type), type.heap.exact))
    return type
