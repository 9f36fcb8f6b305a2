"""Validity of types, chapter 3.2 of the specification: type definitions with their recursion groups, and external
types.

Type definitions are checked in two steps. First everything that can be said about indices alone, so that
`syntax/deftypes` can close the group without looking outside it, and without building long chains of supertypes;
then, on the closed types, that subtypes match their supertypes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refsfi.errors import LimitError, PlacedError, ValidationError
from refsfi.syntax.deftypes import DefType, close
from refsfi.syntax.features import Feature
from refsfi.syntax.types import (
    FUNCREF,
    I64,
    AbsHeap,
    ArrayType,
    CompType,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    PackType,
    RecType,
    RefType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeRef,
)
from refsfi.valid.context import Context
from refsfi.valid.limits import (
    MAX_PARAMS,
    MAX_RESULTS,
    MAX_STRUCT_FIELDS,
    MAX_SUBTYPING_DEPTH,
    MAX_TYPES,
    check_limit,
)
from refsfi.valid.matching import comp_matches, def_matches

__all__ = [
    "add_func_import",
    "add_rec_type",
    "check_types",
    "func_use",
    "global_type",
    "mem_type",
    "segment_elem",
    "table_type",
    "tag_use",
]


_FUNC = RefType(False, AbsHeap.FUNC)


# --- type definitions ------------------------------------------------------------------------------------------------


def check_types(c: Context, recs: Sequence[RecType]) -> None:
    """Rule: Types_ok/empty, Types_ok/cons

    Adds the module's types to the context.
    """
    check_limit(sum(len(rec.members) for rec in recs), MAX_TYPES, "types")
    for rec in recs:
        add_rec_type(c, rec)


def add_rec_type(c: Context, rec: RecType) -> None:
    """Rule: Type_ok, Rectype_ok/empty, Rectype_ok/cons, Rectype_ok2/empty, Rectype_ok2/cons
    Rule: Subtype_ok, Subtype_ok2, Deftype_ok

    Checks a recursion group and adds its types to the context. The rules marked 2 speak of the rolled form of the
    same group; checking the indices before rolling establishes them as well.
    """
    start = len(c.types)
    place, at = f"type {start}", rec.members[0].at if rec.members else 0
    try:
        _check_descriptors(rec.members, start)
        for x, sub in enumerate(rec.members, start):
            place, at = f"type {x}", sub.at
            _check_indices(c, sub, x, start, start + len(rec.members))
            c.depths.append(_depth(c, sub))
        types = close(rec, c.types)
        for type in types:
            c.add_type(type)
        for x, (sub, type) in enumerate(zip(rec.members, types, strict=True), start):
            place, at = f"type {x}", sub.at
            for super_ in sub.supers:
                _check_super(c, type, x, _index(super_))
    except PlacedError as error:
        raise c.locate(error, at, place) from None


def _index(ref: TypeRef) -> int:
    if isinstance(ref, int):
        return ref
    raise ValidationError(f"unknown type {ref}")


def _check_descriptors(members: Sequence[SubType], start: int) -> None:
    """That `describes` and `descriptor` pair up inside the group, the described type first (custom descriptors)."""

    def member(ref: TypeRef) -> SubType | None:
        i = _index(ref) - start
        return members[i] if 0 <= i < len(members) else None

    for x, sub in enumerate(members, start):
        if sub.describes is not None:
            described = member(sub.describes)
            if described is None:
                raise ValidationError("described type is outside rec group")
            if described.descriptor != x:
                raise ValidationError("described type is not described by descriptor")
            if _index(sub.describes) >= x:
                raise ValidationError("forward use of described type")
        if sub.descriptor is not None:
            descriptor = member(sub.descriptor)
            if descriptor is None:
                raise ValidationError("descriptor type is outside rec group")
            if descriptor.describes != x:
                raise ValidationError("type is not described by its descriptor")


def _check_indices(c: Context, sub: SubType, x: int, start: int, end: int) -> None:
    """What can be said of type `x`, in the group of types from `start` to before `end`, before it is closed."""
    if Feature.GC not in c.features:
        _check_before_gc(sub, end - start)
        end = start
    if len(sub.supers) > 1:
        raise ValidationError(f"sub type {x} has more than one super type")
    for super_ in sub.supers:
        c.check_use(super_, end)
    if sub.describes is not None or sub.descriptor is not None:
        c.need(Feature.CUSTOM_DESCRIPTORS, "descriptors")
        if not isinstance(sub.comp, StructType):
            kind = "descriptor" if sub.descriptor is not None else "described"
            raise ValidationError(f"{kind} type must be a struct")
    _check_comp(c, sub.comp, end)
    for super_ in sub.supers:
        if _index(super_) >= x:
            raise ValidationError(f"forward use of type {super_} in sub type definition")


def _check_before_gc(sub: SubType, group: int) -> None:
    if group != 1:
        raise ValidationError("recursion groups not supported: the feature gc is off")
    if not sub.final or sub.supers:
        raise ValidationError("sub types not supported: the feature gc is off")
    if not isinstance(sub.comp, FuncType):
        raise ValidationError("structure and array types not supported: the feature gc is off")


def _depth(c: Context, sub: SubType) -> int:
    """The length of the chain of supertypes, which stand before `sub`."""
    depth = max((c.depths[_index(super_)] + 1 for super_ in sub.supers), default=0)
    if depth > MAX_SUBTYPING_DEPTH:
        raise LimitError(f"sub types too deep: {depth}, at most {MAX_SUBTYPING_DEPTH} are supported")
    return depth


def _check_comp(c: Context, comp: CompType, bound: int) -> None:
    """Rule: Comptype_ok/struct, Comptype_ok/array, Comptype_ok/func, Resulttype_ok, Instrtype_ok"""
    if isinstance(comp, FuncType):
        check_limit(len(comp.params), MAX_PARAMS, "parameters")
        check_limit(len(comp.results), MAX_RESULTS, "results")
        if len(comp.results) > 1 and Feature.MULTI_VALUE not in c.features:
            raise ValidationError("invalid result arity: several results not supported: the feature multi-value is off")
        for type in (*comp.params, *comp.results):
            c.check_val(type, bound)
    elif isinstance(comp, StructType):
        check_limit(len(comp.fields), MAX_STRUCT_FIELDS, "fields")
        for field in comp.fields:
            _check_field(c, field, bound)
    else:
        _check_field(c, comp.field, bound)


def _check_field(c: Context, field: FieldType, bound: int) -> None:
    """Rule: Fieldtype_ok, Storagetype_ok/val, Storagetype_ok/pack, Packtype_ok"""
    if not isinstance(field.storage, PackType):
        c.check_val(field.storage, bound)


def _check_super(c: Context, sub: DefType, x: int, y: int) -> None:
    """That type `x`, which is `sub`, may declare type `y` as its supertype."""
    super_ = c.types[y]
    mismatch = f"sub type {x} does not match super type {y}"
    if super_.final:
        raise ValidationError(f"sub type {x} has final super type {y}")
    if (sub.describes is None) != (super_.describes is None):
        raise ValidationError(mismatch)
    if sub.describes is not None and super_.describes is not None and not def_matches(sub.describes, super_.describes):
        raise ValidationError(f"described type {_name(c, sub.describes)} does not match {_name(c, super_.describes)}")
    if super_.descriptor is not None:
        if sub.descriptor is None:
            raise ValidationError(mismatch)
        if not def_matches(sub.descriptor, super_.descriptor):
            raise ValidationError(
                f"descriptor type {_name(c, sub.descriptor)} does not match {_name(c, super_.descriptor)}"
            )
    if not comp_matches(sub.comp, super_.comp):
        raise ValidationError(f"{mismatch}: {_why(sub.comp, super_.comp)}")


def _name(c: Context, type: DefType) -> int:
    """The last index of `type`: that of the group in question where an equal one stands before."""
    return next(x for x in range(len(c.types) - 1, -1, -1) if c.types[x] is type)


def _why(sub: CompType, super_: CompType) -> str:
    if sub.__class__ is not super_.__class__:
        return "they are of different kinds"
    if isinstance(sub, StructType) and isinstance(super_, StructType):
        if len(sub.fields) < len(super_.fields):
            return f"{len(sub.fields)} fields, but {len(super_.fields)} in the super type"
        return next(f"field {i}" for i in _differing(sub, super_))
    return "element type" if isinstance(sub, ArrayType) else "parameters or results"


def _differing(sub: StructType, super_: StructType) -> Iterator[int]:
    for i, field in enumerate(super_.fields):
        if not comp_matches(ArrayType(sub.fields[i]), ArrayType(field)):
            yield i


# --- external types --------------------------------------------------------------------------------------------------


def _check_limits(limits: Limits, bound: int, too_large: str) -> None:
    """Rule: Limits_ok"""
    if limits.min > bound or (limits.max is not None and limits.max > bound):
        raise ValidationError(too_large)
    if limits.max is not None and limits.min > limits.max:
        raise ValidationError(
            f"size minimum must not be greater than maximum: {limits.min} is greater than {limits.max}"
        )


def mem_type(c: Context, type: MemType) -> MemType:
    """Rule: Memtype_ok, Externtype_ok/mem

    With custom page sizes a page has 1 or 65,536 bytes. A memory of the smaller ones may have one page less than the
    address space has bytes, so that its size is still a number of the address type.
    """
    if type.addr is I64:
        c.need(Feature.MEMORY64, "64-bit memories")
    if type.page_size_log2 != 16:
        if Feature.CUSTOM_PAGE_SIZES not in c.features:
            raise ValidationError("invalid custom page size: the feature custom-page-sizes is off")
        if type.page_size_log2 != 0:
            raise ValidationError(f"invalid custom page size {1 << min(type.page_size_log2, 64)}: neither 1 nor 65536")
    bits = 64 if type.addr is I64 else 32
    bound = (1 << bits) - 1 if type.page_size_log2 == 0 else 1 << (bits - 16)
    text = f"memory size must be at most {bound} pages ({'16EiB' if bits == 64 else '4GiB'})"
    _check_limits(type.limits, bound, text)
    if type.shared:
        c.need(Feature.THREADS, "shared memories")
        if type.limits.max is None:
            raise ValidationError("shared memory must have maximum")
    return type


def table_type(c: Context, type: TableType) -> TableType:
    """Rule: Tabletype_ok, Externtype_ok/table

    In closed form.
    """
    if type.addr is I64:
        c.need(Feature.MEMORY64, "64-bit tables")
    elem = table_elem(c, type.elem)
    bits = 64 if type.addr is I64 else 32
    _check_limits(type.limits, (1 << bits) - 1, f"table size must be at most 2^{bits}-1")
    return TableType(elem, type.limits, type.addr)


def table_elem(c: Context, type: RefType) -> RefType:
    """The closed element type of a table; `funcref` is the one that has always existed."""
    closed = c.ref(type)
    if type != FUNCREF:
        c.need(Feature.REFERENCE_TYPES, f"element type {c.show(closed)}")
    return closed


def segment_elem(c: Context, type: RefType) -> RefType:
    """The closed element type of an element segment; `(ref func)` is that of a list of function indices."""
    return c.ref_to(AbsHeap.FUNC, null=False) if type == _FUNC else table_elem(c, type)


def global_type(c: Context, type: GlobalType) -> GlobalType:
    """Rule: Globaltype_ok, Externtype_ok/global

    In closed form.
    """
    return GlobalType(c.val(type.type), type.mut)


def tag_use(c: Context, type: TagType) -> DefType:
    """Rule: Tagtype_ok, Externtype_ok/tag

    The closed function type of a tag.
    """
    if Feature.LEGACY_EXCEPTIONS not in c.features:
        c.need(Feature.EXCEPTIONS, "tags")
    x = _index(type.type)
    if c.func_type(x).results:
        raise ValidationError("non-empty tag result type")
    return c.types[x]


def func_use(c: Context, x: TypeRef) -> DefType:
    """Rule: Externtype_ok/func

    The closed type of a function of type `x`.
    """
    c.func_type(_index(x))
    return c.types[_index(x)]


def add_func_import(c: Context, type: FuncExtern) -> None:
    """Adds an imported function to the context."""
    if type.exact:
        c.need(Feature.CUSTOM_DESCRIPTORS, "exact function imports")
    c.add_func(func_use(c, type.type), type.exact)
