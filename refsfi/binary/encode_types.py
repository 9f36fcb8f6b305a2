"""Types of the binary format, chapter 5.3, each in its shortest form."""

from __future__ import annotations

from refsfi.binary import codes
from refsfi.binary.writer import items, sleb, uleb, unsigned
from refsfi.syntax.types import (
    I64,
    AbsHeap,
    BlockType,
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
    RecType,
    RefType,
    StorageType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeRef,
    ValType,
    kind_of,
)

__all__ = [
    "KIND_CODES",
    "blocktype",
    "externtype",
    "globaltype",
    "heaptype",
    "memtype",
    "rectype",
    "reftype",
    "tabletype",
    "tagtype",
    "typeidx",
    "valtype",
]

_NUM_CODES: dict[NumType, int] = {num: code for code, (num, _) in codes.NUM_TYPES.items()}
_PACK_CODES: dict[PackType, int] = {pack: code for code, pack in codes.PACK_TYPES.items()}
_HEAP_CODES: dict[AbsHeap, int] = {heap: code for code, (heap, _) in codes.ABS_HEAPS.items()}
KIND_CODES = {kind: code for code, kind in codes.EXTERN_KINDS.items()}


def typeidx(out: bytearray, ref: TypeRef) -> None:
    unsigned(out, _index(ref))


def _index(ref: TypeRef) -> int:
    if not isinstance(ref, int):
        raise ValueError(f"a closed type has no index: {ref}")
    return ref


def heaptype(out: bytearray, heap: HeapType) -> None:
    if isinstance(heap, AbsHeap):
        if heap not in _HEAP_CODES:
            raise ValueError(f"{heap} has no binary form")
        out.append(_HEAP_CODES[heap])
    elif heap.exact:
        out.append(codes.EXACT)
        typeidx(out, heap.type)
    else:
        _signed_index(out, _index(heap.type))


def _signed_index(out: bytearray, index: int) -> None:
    if not 0 <= index < 1 << 32:
        raise ValueError(f"{index} is no index")
    sleb(out, index)


def reftype(out: bytearray, ref: RefType) -> None:
    if not (ref.null and isinstance(ref.heap, AbsHeap)):
        out.append(codes.REF_NULL if ref.null else codes.REF)
    heaptype(out, ref.heap)


def valtype(out: bytearray, type: ValType) -> None:
    if isinstance(type, RefType):
        reftype(out, type)
    elif type in _NUM_CODES:
        out.append(_NUM_CODES[type])
    else:
        raise ValueError(f"{type} has no binary form")


def blocktype(out: bytearray, type: BlockType) -> None:
    if type is None:
        out.append(codes.EMPTY_BLOCK)
    elif isinstance(type, int):
        _signed_index(out, type)
    else:
        valtype(out, type)


# --- type definitions -----------------------------------------------------------------------------------------------


def _storagetype(out: bytearray, type: StorageType) -> None:
    if isinstance(type, PackType):
        out.append(_PACK_CODES[type])
    else:
        valtype(out, type)


def _fieldtype(out: bytearray, field: FieldType) -> None:
    _storagetype(out, field.storage)
    out.append(field.mut)


def _comptype(out: bytearray, comp: CompType) -> None:
    if isinstance(comp, FuncType):
        out.append(codes.FUNC)
        items(out, comp.params, valtype)
        items(out, comp.results, valtype)
    elif isinstance(comp, StructType):
        out.append(codes.STRUCT)
        items(out, comp.fields, _fieldtype)
    else:
        out.append(codes.ARRAY)
        _fieldtype(out, comp.field)


def _subtype(out: bytearray, sub: SubType) -> None:
    if not sub.final or sub.supers:
        out.append(codes.SUB_FINAL if sub.final else codes.SUB)
        items(out, sub.supers, typeidx)
    if sub.describes is not None:
        out.append(codes.DESCRIBES)
        typeidx(out, sub.describes)
    if sub.descriptor is not None:
        out.append(codes.DESCRIPTOR)
        typeidx(out, sub.descriptor)
    _comptype(out, sub.comp)


def rectype(out: bytearray, rec: RecType) -> None:
    if len(rec.members) == 1 and not rec.explicit:
        _subtype(out, rec.members[0])
    else:
        out.append(codes.REC)
        items(out, rec.members, _subtype)


# --- external types -------------------------------------------------------------------------------------------------


def _limits(out: bytearray, limits: Limits, flags: int) -> None:
    out.append(flags if limits.max is None else flags | codes.HAS_MAX)
    uleb(out, limits.min)
    if limits.max is not None:
        uleb(out, limits.max)


def memtype(out: bytearray, type: MemType) -> None:
    flags = codes.IS_64 if type.addr is I64 else 0
    if type.shared:
        flags |= codes.IS_SHARED
    if type.page_size_log2 == 16:
        _limits(out, type.limits, flags)
    else:
        _limits(out, type.limits, flags | codes.HAS_PAGE_SIZE)
        unsigned(out, type.page_size_log2)


def tabletype(out: bytearray, type: TableType) -> None:
    reftype(out, type.elem)
    _limits(out, type.limits, codes.IS_64 if type.addr is I64 else 0)


def globaltype(out: bytearray, type: GlobalType) -> None:
    valtype(out, type.type)
    out.append(type.mut)


def tagtype(out: bytearray, type: TagType) -> None:
    out.append(0)
    typeidx(out, type.type)


def externtype(out: bytearray, type: ExternType) -> None:
    if isinstance(type, FuncExtern) and type.exact:
        out.append(codes.EXACT_FUNC)
        typeidx(out, type.type)
        return
    out.append(KIND_CODES[kind_of(type)])
    if isinstance(type, FuncExtern):
        typeidx(out, type.type)
    elif isinstance(type, TableType):
        tabletype(out, type)
    elif isinstance(type, MemType):
        memtype(out, type)
    elif isinstance(type, GlobalType):
        globaltype(out, type)
    else:
        tagtype(out, type)
