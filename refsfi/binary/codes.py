"""Numbers of the binary format that decoder and encoder share; those of instructions are in `syntax/opcodes`."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from refsfi.syntax.features import Feature
from refsfi.syntax.types import AbsHeap, ExternKind, NumType, PackType

__all__ = [
    "ABS_HEAPS",
    "ARRAY",
    "DESCRIBES",
    "DESCRIPTOR",
    "EMPTY_BLOCK",
    "EXACT",
    "EXACT_FUNC",
    "EXTERN_KINDS",
    "FEATURES",
    "FUNC",
    "HAS_MAX",
    "HAS_PAGE_SIZE",
    "IS_64",
    "IS_SHARED",
    "LIMITS_FEATURES",
    "MAGIC",
    "MEMARG_MEM",
    "NUM_TYPES",
    "ORDER",
    "PACK_TYPES",
    "REC",
    "REF",
    "REF_NULL",
    "STRUCT",
    "SUB",
    "SUB_FINAL",
    "TABLE_INIT",
    "VERSION",
    "SectionId",
]

MAGIC: Final = b"\0asm"
VERSION: Final = b"\1\0\0\0"


class SectionId(IntEnum):
    """Ids of sections. Their order in a module is another one, see `ORDER`."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12
    TAG = 13


ORDER: Final[tuple[SectionId, ...]] = (
    SectionId.TYPE,
    SectionId.IMPORT,
    SectionId.FUNCTION,
    SectionId.TABLE,
    SectionId.MEMORY,
    SectionId.TAG,
    SectionId.GLOBAL,
    SectionId.EXPORT,
    SectionId.START,
    SectionId.ELEMENT,
    SectionId.DATA_COUNT,
    SectionId.CODE,
    SectionId.DATA,
)

# Type codes: the one-byte forms of small negative numbers, so that an index may stand in the same place.
NUM_TYPES: Final[dict[int, tuple[NumType, Feature | None]]] = {
    0x7F: (NumType.I32, None),
    0x7E: (NumType.I64, None),
    0x7D: (NumType.F32, None),
    0x7C: (NumType.F64, None),
    0x7B: (NumType.V128, Feature.SIMD),
}
PACK_TYPES: Final[dict[int, PackType]] = {0x78: PackType.I8, 0x77: PackType.I16}
ABS_HEAPS: Final[dict[int, tuple[AbsHeap, Feature]]] = {
    0x74: (AbsHeap.NOEXN, Feature.EXCEPTIONS),
    0x73: (AbsHeap.NOFUNC, Feature.GC),
    0x72: (AbsHeap.NOEXTERN, Feature.GC),
    0x71: (AbsHeap.NONE, Feature.GC),
    0x70: (AbsHeap.FUNC, Feature.REFERENCE_TYPES),
    0x6F: (AbsHeap.EXTERN, Feature.REFERENCE_TYPES),
    0x6E: (AbsHeap.ANY, Feature.GC),
    0x6D: (AbsHeap.EQ, Feature.GC),
    0x6C: (AbsHeap.I31, Feature.GC),
    0x6B: (AbsHeap.STRUCT, Feature.GC),
    0x6A: (AbsHeap.ARRAY, Feature.GC),
    0x69: (AbsHeap.EXN, Feature.EXCEPTIONS),
}
REF: Final = 0x64
REF_NULL: Final = 0x63
EXACT: Final = 0x62
FUNC: Final = 0x60
STRUCT: Final = 0x5F
ARRAY: Final = 0x5E
SUB: Final = 0x50
SUB_FINAL: Final = 0x4F
REC: Final = 0x4E
DESCRIPTOR: Final = 0x4D
DESCRIBES: Final = 0x4C
EMPTY_BLOCK: Final = 0x40
# Type codes and the features any of which brings them.
FEATURES: Final[dict[int, tuple[Feature, ...]]] = {
    **{code: (feature,) for code, (_, feature) in NUM_TYPES.items() if feature is not None},
    **{code: (feature,) for code, (_, feature) in ABS_HEAPS.items()},
    **dict.fromkeys((REF, REF_NULL), (Feature.FUNCTION_REFERENCES, Feature.GC)),
    **dict.fromkeys((STRUCT, ARRAY, SUB, SUB_FINAL, REC), (Feature.GC,)),
    **dict.fromkeys((EXACT, DESCRIPTOR, DESCRIBES), (Feature.CUSTOM_DESCRIPTORS,)),
}
# The byte that opens a table with an initializer; a zero follows it.
TABLE_INIT: Final = 0x40

# Bits of the flags before limits.
HAS_MAX: Final = 1
IS_SHARED: Final = 2
IS_64: Final = 4
HAS_PAGE_SIZE: Final = 8
LIMITS_FEATURES: Final[dict[int, Feature]] = {
    IS_SHARED: Feature.THREADS,
    IS_64: Feature.MEMORY64,
    HAS_PAGE_SIZE: Feature.CUSTOM_PAGE_SIZES,
}
# The bit of a memory argument's flags that says that a memory index follows; those below hold the alignment.
MEMARG_MEM: Final = 0x40

EXTERN_KINDS: Final[dict[int, ExternKind]] = {
    0: ExternKind.FUNC,
    1: ExternKind.TABLE,
    2: ExternKind.MEMORY,
    3: ExternKind.GLOBAL,
    4: ExternKind.TAG,
}
# The kind of an imported function with an exact type (custom descriptors).
EXACT_FUNC: Final = 0x20
