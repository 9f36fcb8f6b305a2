"""Run-time values, chapter 4.2.1.

    i32, i64    unsigned int
    f32, f64    the IEEE bits as unsigned int, so that NaN payloads survive
    v128        bytes of length 16, lane 0 first
    null        None, of whatever reference type
    ref.i31     I31
    ref.struct  StructInst          ref.array  ArrayInst          ref.exn  ExnInst
    ref.func    FuncInst or HostFunc (runtime.store)
    ref.host    HostRef: a Python object that the host passed in
    ref.extern  ExternRef around an internal reference; a HostRef is itself on both sides of the conversion

Python's garbage collection is the garbage collection of Wasm.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from refsfi.errors import Crash
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import (
    F32,
    F64,
    I32,
    I64,
    V128,
    AbsHeap,
    ArrayType,
    FuncType,
    HeapType,
    PackType,
    RefType,
    StorageType,
    StructType,
    TypeUse,
)

__all__ = [
    "I31",
    "ArrayInst",
    "ExnInst",
    "ExternRef",
    "HostRef",
    "StructInst",
    "Value",
    "default",
    "heap_accepts",
    "ref_accepts",
    "same_ref",
]

Value: TypeAlias = Any

V128_ZERO = bytes(16)


class I31:
    """`ref.i31`: 31 bits, unsigned. Equal numbers are the same reference."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, I31) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"I31({self.value})"


class HostRef:
    """A Python object inside the sandbox: opaque to the guest. Two of them are equal when the objects are."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostRef) and (self.value is other.value or self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"HostRef({self.value!r})"


class ExternRef:
    """An internal reference that went through `extern.convert_any`."""

    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExternRef) and same_ref(self.inner, other.inner)

    def __hash__(self) -> int:
        return hash(self.inner)

    def __repr__(self) -> str:
        return f"ExternRef({self.inner!r})"


class StructInst:
    """`fields[i]` holds the value, packed fields their low bits. `desc` is the descriptor (custom descriptors) or
    None."""

    __slots__ = ("__weakref__", "desc", "fields", "type")

    def __init__(self, type: DefType, fields: list[Value], desc: StructInst | None = None) -> None:
        self.type = type
        self.fields = fields
        self.desc = desc


class ArrayInst:
    """`items[i]` holds the value, packed ones their low bits."""

    __slots__ = ("__weakref__", "items", "type")

    def __init__(self, type: DefType, items: list[Value]) -> None:
        self.type = type
        self.items = items


class ExnInst:
    """A thrown exception: the tag instance and the values thrown with it."""

    __slots__ = ("__weakref__", "fields", "tag")

    def __init__(self, tag: Any, fields: list[Value]) -> None:
        self.tag = tag
        self.fields = fields


def default(type: StorageType) -> Value:
    """The default value of a defaultable type (`default_`, chapter 4.2.2)."""
    if type is V128:
        return V128_ZERO
    if type in (I32, I64, F32, F64) or isinstance(type, PackType):
        return 0
    return None


def same_ref(a: Value, b: Value) -> bool:
    """Reference equality as `ref.eq` sees it.

    Rule: Step_pure/ref.eq-null, Step_pure/ref.eq-true, Step_pure/ref.eq-false
    """
    return a is b or (isinstance(a, I31) and a == b)


def pack(value: Value, storage: StorageType) -> Value:
    """A value as a field of type `storage` holds it (`packfield_`, chapter 4.2.10)."""
    if storage is PackType.I8:
        return value & 0xFF
    if storage is PackType.I16:
        return value & 0xFFFF
    return value


def to_extern(ref: Value) -> Value:
    """Rule: Step_pure/extern.convert_any-null, Step_pure/extern.convert_any-addr"""
    return ref if ref is None or isinstance(ref, HostRef) else ExternRef(ref)


def to_any(ref: Value) -> Value:
    """Rule: Step_pure/any.convert_extern-null, Step_pure/any.convert_extern-addr"""
    return ref.inner if isinstance(ref, ExternRef) else ref


_EQ_KINDS = (I31, StructInst, ArrayInst)


def heap_accepts(heap: HeapType, value: Value) -> bool:
    """Whether a non-null reference is of heap type `heap`, which is closed.

    The value and the type come from the same hierarchy: validation allows no other casts.
    Rule: Ref_ok/i31, Ref_ok/struct, Ref_ok/array, Ref_ok/func, Ref_ok/exn, Ref_ok/host, Ref_ok/extern, Ref_ok/sub
    """
    if isinstance(heap, TypeUse):
        target = heap.type
        if not isinstance(target, DefType):
            raise Crash(f"type {target} is not closed")
        actual = getattr(value, "type", None)
        if not isinstance(actual, DefType):
            return False
        return actual is target if heap.exact else target in actual.ancestors
    match heap:
        case AbsHeap.ANY | AbsHeap.FUNC | AbsHeap.EXTERN | AbsHeap.EXN:
            return True
        case AbsHeap.EQ:
            return isinstance(value, _EQ_KINDS)
        case AbsHeap.I31:
            return isinstance(value, I31)
        case AbsHeap.STRUCT:
            return isinstance(value, StructInst)
        case AbsHeap.ARRAY:
            return isinstance(value, ArrayInst)
    return False


def ref_accepts(type: RefType, value: Value) -> bool:
    """Whether a reference of the right hierarchy is of the closed type `type`.

    Rule: Ref_ok/null
    """
    return type.null if value is None else heap_accepts(type.heap, value)


def type_of_ref(value: Value) -> RefType:
    """The most specific reference type of a value, for matching at the border to the host.

    Rule: Val_ok/ref
    """
    if value is None:
        return RefType(True, AbsHeap.BOT)
    type = getattr(value, "type", None)
    if isinstance(type, DefType):
        return RefType(False, TypeUse(type, exact=True))
    if isinstance(value, I31):
        return RefType(False, AbsHeap.I31)
    if isinstance(value, ExnInst):
        return RefType(False, AbsHeap.EXN)
    if isinstance(value, (HostRef, ExternRef)):
        return RefType(False, AbsHeap.EXTERN)
    raise Crash(f"no reference: {value!r}")


def func_type(type: DefType) -> FuncType:
    """The expansion of a defined type that validation found to be a function type."""
    comp = type.comp
    if not isinstance(comp, FuncType):
        raise Crash(f"{type} is no function type")
    return comp


def struct_type(type: DefType) -> StructType:
    """Likewise a structure type."""
    comp = type.comp
    if not isinstance(comp, StructType):
        raise Crash(f"{type} is no structure type")
    return comp


def array_type(type: DefType) -> ArrayType:
    """Likewise an array type."""
    comp = type.comp
    if not isinstance(comp, ArrayType):
        raise Crash(f"{type} is no array type")
    return comp
