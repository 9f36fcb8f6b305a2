"""Types of values and of what modules import and export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from refsfi.api.errors import WasmtimeError
from refsfi.api.managed import Managed
from refsfi.errors import Crash
from refsfi.runtime.values import func_type
from refsfi.syntax import types as core
from refsfi.syntax.deftypes import DefType, func_deftype

__all__ = [
    "AsExternType",
    "ExportType",
    "FuncType",
    "GlobalType",
    "ImportType",
    "Limits",
    "MemoryType",
    "TableType",
    "TagType",
    "ValType",
    "from_extern_type",
]


class ValType(Managed):
    """A value type, made by the class methods. Equal types compare equal and print as in the text format."""

    _type: core.ValType

    def __init__(self) -> None:
        raise WasmtimeError("cannot construct directly")

    @classmethod
    def _of(cls, type: core.ValType) -> ValType:
        made = cls.__new__(cls)
        made._type = type
        return made

    @classmethod
    def i32(cls) -> ValType:
        return cls._of(core.I32)

    @classmethod
    def i64(cls) -> ValType:
        return cls._of(core.I64)

    @classmethod
    def f32(cls) -> ValType:
        return cls._of(core.F32)

    @classmethod
    def f64(cls) -> ValType:
        return cls._of(core.F64)

    @classmethod
    def v128(cls) -> ValType:
        return cls._of(core.V128)

    @classmethod
    def funcref(cls) -> ValType:
        return cls._of(core.FUNCREF)

    @classmethod
    def externref(cls) -> ValType:
        return cls._of(core.EXTERNREF)

    @classmethod
    def anyref(cls) -> ValType:
        return cls._of(core.ANYREF)

    @classmethod
    def eqref(cls) -> ValType:
        return cls._of(core.EQREF)

    @classmethod
    def i31ref(cls) -> ValType:
        return cls._of(core.I31REF)

    @classmethod
    def structref(cls) -> ValType:
        return cls._of(core.STRUCTREF)

    @classmethod
    def arrayref(cls) -> ValType:
        return cls._of(core.ARRAYREF)

    @classmethod
    def exnref(cls) -> ValType:
        return cls._of(core.EXNREF)

    @classmethod
    def nullref(cls) -> ValType:
        return cls._of(core.NULLREF)

    @classmethod
    def nullfuncref(cls) -> ValType:
        return cls._of(core.NULLFUNCREF)

    @classmethod
    def nullexternref(cls) -> ValType:
        return cls._of(core.NULLEXTERNREF)

    @classmethod
    def nullexnref(cls) -> ValType:
        return cls._of(core.NULLEXNREF)

    @property
    def is_ref(self) -> bool:
        """Whether values are references."""
        return isinstance(_inner(self), core.RefType)

    @property
    def nullable(self) -> bool:
        """Whether None is a value of the type."""
        type = _inner(self)
        return isinstance(type, core.RefType) and type.null

    def non_null(self) -> ValType:
        """The same reference type without null. TypeError for a number type."""
        type = _inner(self)
        if not isinstance(type, core.RefType):
            raise TypeError(f"{type} is no reference type")
        return ValType._of(core.RefType(False, type.heap))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValType) and _inner(self) == _inner(other)

    def __hash__(self) -> int:
        return hash(_inner(self))

    def __str__(self) -> str:
        return str(_inner(self))

    def __repr__(self) -> str:
        return str(_inner(self))


def _inner(type: ValType) -> core.ValType:
    if type._closed:
        raise ValueError("already closed")
    return type._type


def core_type(type: object, message: str = "expected valtype") -> core.ValType:
    """The type behind a `ValType`; TypeError with `message` for anything else."""
    if not isinstance(type, ValType):
        raise TypeError(message)
    return _inner(type)


class FuncType(Managed):
    """Of a function: lists of parameter and of result types."""

    def __init__(self, params: Sequence[ValType], results: Sequence[ValType]) -> None:
        self._type = core.FuncType(_core_types(params), _core_types(results))
        self._def: DefType | None = None

    @classmethod
    def _of(cls, type: DefType) -> FuncType:
        made = cls.__new__(cls)
        made._type = func_type(type)
        made._def = type
        return made

    @property
    def params(self) -> list[ValType]:
        self._check_open()
        return [ValType._of(t) for t in self._type.params]

    @property
    def results(self) -> list[ValType]:
        self._check_open()
        return [ValType._of(t) for t in self._type.results]

    def __repr__(self) -> str:
        return f"<FuncType {self._type}>"


def _core_types(types: Iterable[object]) -> tuple[core.ValType, ...]:
    return tuple(core_type(t, "expected ValType") for t in types)


def func_def(type: object) -> DefType:
    """The closed type behind a `FuncType`; TypeError for anything else."""
    if not isinstance(type, FuncType):
        raise TypeError("expected a FuncType")
    type._check_open()
    if type._def is None:
        type._def = func_deftype(type._type)
    return type._def


class GlobalType(Managed):
    """Of a global: the type of its value and whether it can be changed."""

    def __init__(self, valtype: ValType, mutable: bool) -> None:
        self._type = core.GlobalType(core_type(valtype), bool(mutable))

    @classmethod
    def _of(cls, type: core.GlobalType) -> GlobalType:
        made = cls.__new__(cls)
        made._type = type
        return made

    @property
    def content(self) -> ValType:
        self._check_open()
        return ValType._of(self._type.type)

    @property
    def mutable(self) -> bool:
        self._check_open()
        return self._type.mut


class Limits:
    """Inclusive bounds, in pages or elements; `max` None for none."""

    def __init__(self, min: int, max: int | None) -> None:
        self.min = min
        self.max = max

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Limits):
            return False
        return self.min == other.min and self.max == other.max

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Limits({self.min}, {self.max})"


def _core_limits(limits: object, bits: int) -> core.Limits:
    if not isinstance(limits, Limits):
        raise TypeError("expected Limits")
    for bound in (limits.min, limits.max):
        if bound is not None and not isinstance(bound, int):
            raise TypeError(f"expected an integer, not {bound!r}")
    if limits.min < 0 or (limits.max is not None and limits.max < 0):
        raise WasmtimeError("limits cannot be negative")
    if limits.min >> bits or (limits.max is not None and limits.max >> bits):
        raise WasmtimeError(f"limits must fit in {bits} bits")
    return core.Limits(limits.min, limits.max)


class TableType(Managed):
    """Of a table: the type of its elements and its size. `is_64`: indices are i64."""

    def __init__(self, valtype: ValType, limits: Limits, is_64: bool = False) -> None:
        type = core_type(valtype)
        bounds = _core_limits(limits, 64 if is_64 else 32)
        if not isinstance(type, core.RefType):
            raise WasmtimeError(f"a table cannot hold values of type {type}")
        self._type = core.TableType(type, bounds, core.I64 if is_64 else core.I32)

    @classmethod
    def _of(cls, type: core.TableType) -> TableType:
        made = cls.__new__(cls)
        made._type = type
        return made

    @property
    def element(self) -> ValType:
        self._check_open()
        return ValType._of(self._type.elem)

    @property
    def limits(self) -> Limits:
        self._check_open()
        return Limits(self._type.limits.min, self._type.limits.max)

    @property
    def is_64(self) -> bool:
        self._check_open()
        return self._type.addr is core.I64


class MemoryType(Managed):
    """Of a memory: its size in pages of `1 << page_size_log2` bytes. `is_64`: addresses are i64."""

    def __init__(self, limits: Limits, is_64: bool = False, shared: bool = False, page_size_log2: int = 16) -> None:
        if not isinstance(limits, Limits):
            raise TypeError("expected Limits")
        if not isinstance(page_size_log2, int):
            raise TypeError("expected an integer for page_size_log2")
        most = 1 << (64 if is_64 else 32)
        if limits.min >= most:
            raise WasmtimeError("minimum size too large")
        if limits.max is not None and limits.max >= most:
            raise WasmtimeError("maximum size too large")
        bounds = _core_limits(limits, 64)
        if page_size_log2 not in (0, 16):
            raise WasmtimeError(f"page size must be 2**16 or 2**0, but was given 2**{page_size_log2}")
        if shared and bounds.max is None:
            raise WasmtimeError("shared memories must have a maximum size")
        if bounds.max is not None and bounds.max < bounds.min:
            raise WasmtimeError("maximum page size cannot be smaller than the minimum page size")
        if bounds.min << page_size_log2 > 1 << (64 if is_64 else 32):
            raise WasmtimeError("minimum size is too large for this memory type's index type")
        self._type = core.MemType(bounds, core.I64 if is_64 else core.I32, bool(shared), page_size_log2)

    @classmethod
    def _of(cls, type: core.MemType) -> MemoryType:
        made = cls.__new__(cls)
        made._type = type
        return made

    @property
    def limits(self) -> Limits:
        self._check_open()
        return Limits(self._type.limits.min, self._type.limits.max)

    @property
    def is_64(self) -> bool:
        self._check_open()
        return self._type.addr is core.I64

    @property
    def is_shared(self) -> bool:
        self._check_open()
        return self._type.shared

    @property
    def page_size(self) -> int:
        """In bytes."""
        self._check_open()
        return 1 << self._type.page_size_log2

    @property
    def page_size_log2(self) -> int:
        self._check_open()
        return self._type.page_size_log2


class TagType(Managed):
    """Of a tag: a function type whose parameters are what is thrown."""

    def __init__(self, functype: FuncType) -> None:
        self._def = func_def(functype)

    @classmethod
    def _of(cls, type: DefType) -> TagType:
        made = cls.__new__(cls)
        made._def = type
        return made

    @property
    def functype(self) -> FuncType:
        self._check_open()
        return FuncType._of(self._def)


AsExternType: TypeAlias = FuncType | GlobalType | MemoryType | TableType | TagType


def from_extern_type(type: core.ExternType) -> AsExternType:
    """Of a closed external type."""
    match type:
        case core.FuncExtern(type=DefType() as deftype):
            return FuncType._of(deftype)
        case core.TagType(type=DefType() as deftype):
            return TagType._of(deftype)
        case core.GlobalType():
            return GlobalType._of(type)
        case core.MemType():
            return MemoryType._of(type)
        case core.TableType():
            return TableType._of(type)
    raise Crash(f"not a closed external type: {type}")


class ImportType(Managed):
    """What a module asks for."""

    def __init__(self, module: str, name: str, type: AsExternType) -> None:
        self._module = module
        self._name = name
        self._type = type

    @property
    def module(self) -> str:
        self._check_open()
        return self._module

    @property
    def name(self) -> str:
        self._check_open()
        return self._name

    @property
    def type(self) -> AsExternType:
        self._check_open()
        return self._type


class ExportType(Managed):
    """What a module offers."""

    def __init__(self, name: str, type: AsExternType) -> None:
        self._name = name
        self._type = type

    @property
    def name(self) -> str:
        self._check_open()
        return self._name

    @property
    def type(self) -> AsExternType:
        self._check_open()
        return self._type
