"""Types of the binary format, chapter 5.3.

The codes that a set of features knows are laid out in tables once (`TypeReader`), so that reading a type is a look-
up. A type that its feature keeps out is malformed in the same words as one that never existed.
"""

from __future__ import annotations

from functools import lru_cache

from refsfi.binary import codes
from refsfi.binary.reader import count, s33, u32, u64
from refsfi.errors import DecodeError
from refsfi.syntax.features import Feature, Features, off
from refsfi.syntax.types import (
    FUNCREF,
    I32,
    I64,
    AbsHeap,
    ArrayType,
    BlockType,
    CompType,
    ExternKind,
    ExternType,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    RecType,
    RefType,
    StorageType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeUse,
    ValType,
)

__all__ = ["TypeReader", "type_reader"]

# No page has 2^64 bytes: the largest exponent that can be written down as a page size at all.
_MAX_PAGE_SIZE_LOG2 = 63


class TypeReader:
    """Readers of types under a set of features: from bytes and position to the value and the position behind it."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self.gc = Feature.GC in features
        self.indices = Feature.FUNCTION_REFERENCES in features or self.gc
        self.multi_value = Feature.MULTI_VALUE in features
        self.memory64 = Feature.MEMORY64 in features
        self.threads = Feature.THREADS in features
        self.page_sizes = Feature.CUSTOM_PAGE_SIZES in features
        self.descriptors = Feature.CUSTOM_DESCRIPTORS in features
        self.table_init = Feature.FUNCTION_REFERENCES in features
        self.heaps: dict[int, AbsHeap] = {
            code: heap for code, (heap, feature) in codes.ABS_HEAPS.items() if feature in features
        }
        refs = {code: RefType(True, heap) for code, heap in self.heaps.items()}
        # Value types of one byte.
        self.vals: dict[int, ValType] = {
            code: num for code, (num, feature) in codes.NUM_TYPES.items() if feature is None or feature in features
        }
        self.vals.update(refs)
        # Reference types of one byte: the first version had none as a value, but funcref in tables.
        self.refs: dict[int, RefType] = {0x70: FUNCREF, **refs}
        self.tags = bool(features & {Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS})
        self.kinds: dict[int, ExternKind] = {
            code: kind for code, kind in codes.EXTERN_KINDS.items() if kind is not ExternKind.TAG or self.tags
        }

    # --- value types ---

    def heaptype(self, data: bytes, pos: int) -> tuple[HeapType, int]:
        code = data[pos]
        heap = self.heaps.get(code)
        if heap is not None:
            return heap, pos + 1
        if code == codes.EXACT and self.descriptors:
            # The prefix said twice is also a reference to type 0x62: that it is unless so many types cannot be there.
            if data[pos + 1] == codes.EXACT and len(data) <= codes.EXACT:
                raise DecodeError("malformed heap type", pos + 1)
            index, after = u32(data, pos + 1)
            return TypeUse(index, True), after
        if self.indices and not 0x40 <= code < 0x80:
            index, after = s33(data, pos)
            if index >= 0:
                return TypeUse(index), after
        raise self._bad_code(code, pos, "malformed heap type")

    def reftype(self, data: bytes, pos: int) -> tuple[RefType, int]:
        code = data[pos]
        ref = self.refs.get(code)
        if ref is not None:
            return ref, pos + 1
        return self._long_reftype(data, pos)

    def _long_reftype(self, data: bytes, pos: int) -> tuple[RefType, int]:
        code = data[pos]
        if code in (codes.REF, codes.REF_NULL) and self.indices:
            heap, after = self.heaptype(data, pos + 1)
            return RefType(code == codes.REF_NULL, heap), after
        raise self._bad_code(code, pos, "malformed reference type")

    def valtype(self, data: bytes, pos: int) -> tuple[ValType, int]:
        type = self.vals.get(data[pos])
        if type is not None:
            return type, pos + 1
        if not self.indices:
            raise self._bad_code(data[pos], pos, "malformed value type")
        return self._long_reftype(data, pos)

    def valtypes(self, data: bytes, pos: int) -> tuple[tuple[ValType, ...], int]:
        """A list of value types (rule resulttype)."""
        number, pos = count(data, pos)
        types: list[ValType] = []
        for _ in range(number):
            type, pos = self.valtype(data, pos)
            types.append(type)
        return tuple(types), pos

    def blocktype(self, data: bytes, pos: int) -> tuple[BlockType, int]:
        code = data[pos]
        if code == codes.EMPTY_BLOCK:
            return None, pos + 1
        type = self.vals.get(code)
        if type is not None:
            return type, pos + 1
        if 0x40 < code < 0x80:
            return self.valtype(data, pos)
        if not self.multi_value:
            raise DecodeError(f"malformed block type{off(Feature.MULTI_VALUE)}", pos)
        index, after = s33(data, pos)
        if index < 0:
            raise self._bad_code(code, pos, "malformed block type")
        return index, after

    # --- type definitions ---

    def storagetype(self, data: bytes, pos: int) -> tuple[StorageType, int]:
        packed = codes.PACK_TYPES.get(data[pos])
        if packed is not None:
            return packed, pos + 1
        try:
            return self.valtype(data, pos)
        except DecodeError as error:
            if data[pos] >= 0x80:
                raise
            raise DecodeError("malformed storage type", error.offset) from None

    def fieldtype(self, data: bytes, pos: int) -> tuple[FieldType, int]:
        storage, pos = self.storagetype(data, pos)
        return FieldType(storage, _mutability(data[pos], pos)), pos + 1

    def comptype(self, data: bytes, pos: int) -> tuple[CompType, int]:
        code = data[pos]
        if code == codes.FUNC:
            params, pos = self.valtypes(data, pos + 1)
            results, pos = self.valtypes(data, pos)
            return FuncType(params, results), pos
        if code == codes.STRUCT and self.gc:
            number, pos = count(data, pos + 1)
            fields: list[FieldType] = []
            for _ in range(number):
                field, pos = self.fieldtype(data, pos)
                fields.append(field)
            return StructType(tuple(fields)), pos
        if code == codes.ARRAY and self.gc:
            field, pos = self.fieldtype(data, pos + 1)
            return ArrayType(field), pos
        raise self._bad_code(code, pos, "malformed definition type")

    def subtype(self, data: bytes, pos: int) -> tuple[SubType, int]:
        final = True
        supers: list[int] = []
        at = pos
        code = data[pos]
        if code in (codes.SUB, codes.SUB_FINAL) and self.gc:
            final = code == codes.SUB_FINAL
            number, pos = count(data, pos + 1)
            for _ in range(number):
                index, pos = u32(data, pos)
                supers.append(index)
        describes = descriptor = None
        if self.descriptors:
            if data[pos] == codes.DESCRIBES:
                describes, pos = u32(data, pos + 1)
            if data[pos] == codes.DESCRIPTOR:
                descriptor, pos = u32(data, pos + 1)
        comp, pos = self.comptype(data, pos)
        return SubType(final, tuple(supers), comp, describes, descriptor, at), pos

    def rectype(self, data: bytes, pos: int) -> tuple[RecType, int]:
        if data[pos] != codes.REC or not self.gc:
            member, pos = self.subtype(data, pos)
            return RecType((member,)), pos
        number, pos = count(data, pos + 1)
        members: list[SubType] = []
        for _ in range(number):
            member, pos = self.subtype(data, pos)
            members.append(member)
        return RecType(tuple(members), explicit=True), pos

    # --- external types ---

    def limits(self, data: bytes, pos: int, flags: int) -> tuple[Limits, int]:
        """The bounds behind limits' flags."""
        bound = u64 if self.memory64 else u32
        low, pos = bound(data, pos)
        if not flags & codes.HAS_MAX:
            return Limits(low), pos
        high, pos = bound(data, pos)
        return Limits(low, high), pos

    def memtype(self, data: bytes, pos: int) -> tuple[MemType, int]:
        flags = data[pos]
        known = codes.HAS_MAX
        if self.threads:
            known |= codes.IS_SHARED
        if self.memory64:
            known |= codes.IS_64
        if self.page_sizes:
            known |= codes.HAS_PAGE_SIZE
        if flags & ~known:
            raise self._unknown_flags(flags & ~known, pos)
        limits, pos = self.limits(data, pos + 1, flags)
        addr = I64 if flags & codes.IS_64 else I32
        shared = bool(flags & codes.IS_SHARED)
        if not flags & codes.HAS_PAGE_SIZE:
            return MemType(limits, addr, shared), pos
        size, after = u32(data, pos)
        if size > _MAX_PAGE_SIZE_LOG2:
            raise DecodeError("invalid custom page size", pos)
        return MemType(limits, addr, shared, size), after

    def tabletype(self, data: bytes, pos: int) -> tuple[TableType, int]:
        elem, pos = self.reftype(data, pos)
        flags = data[pos]
        known = codes.HAS_MAX | codes.IS_64 if self.memory64 else codes.HAS_MAX
        if flags & ~known:
            raise self._unknown_flags(flags & ~known, pos)
        limits, pos = self.limits(data, pos + 1, flags)
        return TableType(elem, limits, I64 if flags & codes.IS_64 else I32), pos

    def globaltype(self, data: bytes, pos: int) -> tuple[GlobalType, int]:
        type, pos = self.valtype(data, pos)
        return GlobalType(type, _mutability(data[pos], pos)), pos + 1

    def tagtype(self, data: bytes, pos: int) -> tuple[TagType, int]:
        if data[pos]:
            raise DecodeError("zero byte expected", pos)
        index, pos = u32(data, pos + 1)
        return TagType(index), pos

    def externtype(self, data: bytes, pos: int) -> tuple[ExternType, int]:
        code = data[pos]
        if code == codes.EXACT_FUNC and self.descriptors:
            index, pos = u32(data, pos + 1)
            return FuncExtern(index, exact=True), pos
        kind = self.kinds.get(code)
        if kind is None:
            needed = (Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS) if code in codes.EXTERN_KINDS else ()
            raise DecodeError(f"malformed import kind{off(*needed)}", pos)
        pos += 1
        if kind is ExternKind.FUNC:
            index, pos = u32(data, pos)
            return FuncExtern(index), pos
        if kind is ExternKind.TABLE:
            return self.tabletype(data, pos)
        if kind is ExternKind.MEMORY:
            return self.memtype(data, pos)
        if kind is ExternKind.GLOBAL:
            return self.globaltype(data, pos)
        return self.tagtype(data, pos)

    def _bad_code(self, code: int, pos: int, message: str) -> DecodeError:
        # Codes are integers of 7 bits, so that a byte with the continuation bit is a long integer and no unknown code.
        if code >= 0x80:
            return DecodeError("integer representation too long", pos + 1)
        needed = codes.FEATURES.get(code, ())
        return DecodeError(message if self.features & set(needed) else message + off(*needed), pos)

    def _unknown_flags(self, unknown: int, pos: int) -> DecodeError:
        """Flags of limits that no feature explains which is on."""
        needed = [feature for bit, feature in codes.LIMITS_FEATURES.items() if bit & unknown]
        return DecodeError(f"malformed limits flags{off(*[f for f in needed if f not in self.features][:1])}", pos)


@lru_cache(maxsize=64)
def type_reader(features: Features) -> TypeReader:
    """The readers for a set of features."""
    return TypeReader(features)


def _mutability(byte: int, pos: int) -> bool:
    if byte > 1:
        raise DecodeError("malformed mutability", pos)
    return byte == 1
