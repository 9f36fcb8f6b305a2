"""Types, chapter 2.3 of the specification, as the module's author wrote them.

A type that refers to another one does so by index into the module's type space (`int`). `syntax/deftypes` closes
such types: there every reference is a `DefType`, so that types of different modules can be compared by identity.
Both forms use the classes of this file; `TypeRef` says which references may stand where.

All classes are immutable and hashable. Number types and abstract heap types are singletons and may be compared with
`is`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from refsfi.syntax.deftypes import DefType

__all__ = [
    "ANYREF",
    "ARRAYREF",
    "BOT",
    "EQREF",
    "EXNREF",
    "EXTERNREF",
    "F32",
    "F64",
    "FUNCREF",
    "I8",
    "I16",
    "I31REF",
    "I32",
    "I64",
    "NULLEXNREF",
    "NULLEXTERNREF",
    "NULLFUNCREF",
    "NULLREF",
    "STRUCTREF",
    "V128",
    "AbsHeap",
    "ArrayType",
    "BlockType",
    "CompType",
    "ExternKind",
    "ExternType",
    "FieldType",
    "FuncExtern",
    "FuncType",
    "GlobalType",
    "HeapType",
    "Limits",
    "MemType",
    "NumType",
    "PackType",
    "RecIndex",
    "RecType",
    "RefType",
    "StorageType",
    "StructType",
    "SubType",
    "TableType",
    "TagType",
    "TypeRef",
    "TypeUse",
    "ValType",
]


class NumType(Enum):
    """Number types, the vector type, and the bottom type that only validation uses. The value is the text keyword."""

    I32 = "i32"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    V128 = "v128"
    BOT = "bot"

    def __str__(self) -> str:
        return self.value

    __hash__ = object.__hash__


class PackType(Enum):
    """Packed storage types; a field of such a type holds the low bits of an i32."""

    I8 = "i8"
    I16 = "i16"

    def __str__(self) -> str:
        return self.value

    __hash__ = object.__hash__


class AbsHeap(Enum):
    """Abstract heap types. BOT is below all of them and only arises in validation."""

    ANY = "any"
    EQ = "eq"
    I31 = "i31"
    STRUCT = "struct"
    ARRAY = "array"
    NONE = "none"
    FUNC = "func"
    NOFUNC = "nofunc"
    EXN = "exn"
    NOEXN = "noexn"
    EXTERN = "extern"
    NOEXTERN = "noextern"
    BOT = "bot"

    def __str__(self) -> str:
        return self.value

    __hash__ = object.__hash__


I32, I64, F32, F64, V128, BOT = NumType.I32, NumType.I64, NumType.F32, NumType.F64, NumType.V128, NumType.BOT
I8, I16 = PackType.I8, PackType.I16


@dataclass(frozen=True, slots=True)
class RecIndex:
    """A reference to member `index` of the recursion group that contains it (`rec.i` in the specification)."""

    index: int


# Index into the module's types; member of the same recursion group (only in a canonical group's key); closed type.
TypeRef: TypeAlias = "int | RecIndex | DefType"


@dataclass(frozen=True, slots=True)
class TypeUse:
    """A defined type used as a heap type. `exact` (custom descriptors) leaves out its subtypes."""

    type: TypeRef
    exact: bool = False

    def __str__(self) -> str:
        name = self.type.index if isinstance(self.type, RecIndex) else self.type
        return f"(exact {name})" if self.exact else str(name)


HeapType: TypeAlias = AbsHeap | TypeUse


@dataclass(frozen=True, slots=True)
class RefType:
    """`(ref null? ht)`."""

    null: bool
    heap: HeapType

    def __str__(self) -> str:
        if self.null and isinstance(self.heap, AbsHeap):
            return _SHORT.get(self.heap, f"(ref null {self.heap})")
        return f"(ref {'null ' if self.null else ''}{self.heap})"


# The keyword of a nullable reference to an abstract heap type.
_SHORT = {
    AbsHeap.ANY: "anyref",
    AbsHeap.EQ: "eqref",
    AbsHeap.I31: "i31ref",
    AbsHeap.STRUCT: "structref",
    AbsHeap.ARRAY: "arrayref",
    AbsHeap.NONE: "nullref",
    AbsHeap.FUNC: "funcref",
    AbsHeap.NOFUNC: "nullfuncref",
    AbsHeap.EXN: "exnref",
    AbsHeap.NOEXN: "nullexnref",
    AbsHeap.EXTERN: "externref",
    AbsHeap.NOEXTERN: "nullexternref",
}
SHORTHANDS: dict[str, RefType] = {name: RefType(True, heap) for heap, name in _SHORT.items()}

ANYREF = SHORTHANDS["anyref"]
EQREF = SHORTHANDS["eqref"]
I31REF = SHORTHANDS["i31ref"]
STRUCTREF = SHORTHANDS["structref"]
ARRAYREF = SHORTHANDS["arrayref"]
NULLREF = SHORTHANDS["nullref"]
FUNCREF = SHORTHANDS["funcref"]
NULLFUNCREF = SHORTHANDS["nullfuncref"]
EXNREF = SHORTHANDS["exnref"]
NULLEXNREF = SHORTHANDS["nullexnref"]
EXTERNREF = SHORTHANDS["externref"]
NULLEXTERNREF = SHORTHANDS["nullexternref"]

ValType: TypeAlias = NumType | RefType
StorageType: TypeAlias = NumType | RefType | PackType

# None: [] -> []. A value type: [] -> [t]. An int: the function type of that index.
BlockType: TypeAlias = "NumType | RefType | int | None"


@dataclass(frozen=True, slots=True)
class FieldType:
    storage: StorageType
    mut: bool

    def __str__(self) -> str:
        return f"(mut {self.storage})" if self.mut else str(self.storage)


@dataclass(frozen=True, slots=True)
class FuncType:
    params: tuple[ValType, ...]
    results: tuple[ValType, ...]

    def __str__(self) -> str:
        return f"[{' '.join(map(str, self.params))}] -> [{' '.join(map(str, self.results))}]"


@dataclass(frozen=True, slots=True)
class StructType:
    fields: tuple[FieldType, ...]

    def __str__(self) -> str:
        return f"(struct{''.join(f' (field {f})' for f in self.fields)})"


@dataclass(frozen=True, slots=True)
class ArrayType:
    field: FieldType

    def __str__(self) -> str:
        return f"(array {self.field})"


CompType: TypeAlias = FuncType | StructType | ArrayType


@dataclass(frozen=True, slots=True)
class SubType:
    """A member of a recursion group. `describes` and `descriptor` belong to custom descriptors. `at` is its position
    in the module."""

    final: bool
    supers: tuple[TypeRef, ...]
    comp: CompType
    describes: TypeRef | None = None
    descriptor: TypeRef | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RecType:
    """A recursion group; a type defined alone is a group of one."""

    members: tuple[SubType, ...]
    # Written `(rec …)`, which for a group of one cannot be told from the members; kept so that bytes survive a
    # round trip.
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Inclusive bounds, in pages or elements."""

    min: int
    max: int | None = None

    def __str__(self) -> str:
        return f"{self.min}" if self.max is None else f"{self.min} {self.max}"


@dataclass(frozen=True, slots=True)
class MemType:
    """`addr` is I32 or I64; a page has `1 << page_size_log2` bytes."""

    limits: Limits
    addr: NumType = I32
    shared: bool = False
    page_size_log2: int = 16

    def __str__(self) -> str:
        text = f"{'i64 ' if self.addr is I64 else ''}{self.limits}{' shared' if self.shared else ''}"
        return text if self.page_size_log2 == 16 else f"{text} (pagesize {1 << self.page_size_log2})"


@dataclass(frozen=True, slots=True)
class TableType:
    """`addr` is I32 or I64."""

    elem: RefType
    limits: Limits
    addr: NumType = I32

    def __str__(self) -> str:
        return f"{'i64 ' if self.addr is I64 else ''}{self.limits} {self.elem}"


@dataclass(frozen=True, slots=True)
class GlobalType:
    type: ValType
    mut: bool

    def __str__(self) -> str:
        return f"(mut {self.type})" if self.mut else str(self.type)


@dataclass(frozen=True, slots=True)
class TagType:
    """A tag's type is a function type without results."""

    type: TypeRef


@dataclass(frozen=True, slots=True)
class FuncExtern:
    """A function as an import or export. `exact` (custom descriptors) refuses functions of a subtype."""

    type: TypeRef
    exact: bool = False


ExternType: TypeAlias = FuncExtern | TableType | MemType | GlobalType | TagType


class ExternKind(Enum):
    """Kinds of imports and exports; the value is the text keyword."""

    FUNC = "func"
    TABLE = "table"
    MEMORY = "memory"
    GLOBAL = "global"
    TAG = "tag"

    def __str__(self) -> str:
        return self.value

    __hash__ = object.__hash__


def kind_of(type: ExternType) -> ExternKind:
    """The kind of thing that has this external type."""
    return _KINDS[type.__class__]


_KINDS: dict[type, ExternKind] = {
    FuncExtern: ExternKind.FUNC,
    TableType: ExternKind.TABLE,
    MemType: ExternKind.MEMORY,
    GlobalType: ExternKind.GLOBAL,
    TagType: ExternKind.TAG,
}
