"""The validation context: what a module's index spaces hold, with closed types (specification, chapter 3.1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from refsfi.errors import Crash, PlacedError, ValidationError
from refsfi.syntax.deftypes import DefType, close_heap
from refsfi.syntax.features import Feature, Features
from refsfi.syntax.module import Module
from refsfi.syntax.types import (
    BOT,
    V128,
    AbsHeap,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    MemType,
    NumType,
    RefType,
    StorageType,
    StructType,
    TableType,
    TypeRef,
    TypeUse,
    ValType,
)
from refsfi.valid.limits import MAX_LOCALS_TOTAL, check_limit
from refsfi.valid.matching import defaultable, unpacked

__all__ = ["Context", "Locals"]

_T = TypeVar("_T")

# The types of all locals of a function, parameters first; those that have no value at first.
Locals: TypeAlias = tuple[tuple[ValType, ...], frozenset[int]]

_GC_HEAPS = frozenset(
    {
        AbsHeap.ANY,
        AbsHeap.EQ,
        AbsHeap.I31,
        AbsHeap.STRUCT,
        AbsHeap.ARRAY,
        AbsHeap.NONE,
        AbsHeap.NOFUNC,
        AbsHeap.NOEXTERN,
    }
)
_EXN_HEAPS = frozenset({AbsHeap.EXN, AbsHeap.NOEXN})


class Context:
    """The index spaces of one module, imports first, filled while the module's sections are validated.

    All types in it are closed. `func_exact[i]` tells whether the type of function `i` is known to be exact (custom
    descriptors); `refs` holds the functions that bodies may take references of; `depths[i]` is the length of the
    chain of supertypes above type `i`. Not to be shared between threads.
    """

    __slots__ = (
        "_comps",
        "_func_refs",
        "_immediates",
        "_indices",
        "_interned",
        "_interned_comps",
        "_local_count",
        "_locals",
        "_refs",
        "_signatures",
        "_struct_operands",
        "_uses",
        "data_count",
        "depths",
        "elems",
        "features",
        "func_exact",
        "funcs",
        "globals",
        "imported_funcs",
        "imported_globals",
        "mems",
        "module",
        "refs",
        "tables",
        "tags",
        "types",
    )

    def __init__(self, module: Module, features: Features) -> None:
        self.module = module
        self.features = features
        self.types: list[DefType] = []
        self.depths: list[int] = []
        self.funcs: list[DefType] = []
        self.func_exact: list[bool] = []
        self.tables: list[TableType] = []
        self.mems: list[MemType] = []
        self.globals: list[GlobalType] = []
        self.tags: list[DefType] = []
        self.elems: list[RefType] = []
        self.data_count = len(module.datas)
        self.refs: set[int] = set()
        self.imported_funcs = 0
        self.imported_globals = 0
        self._refs: dict[RefType, RefType] = {}
        self._struct_operands: dict[int, tuple[tuple[ValType, ...], int | None]] = {}
        self._immediates: dict[RefType, RefType] = {}
        self._uses: dict[tuple[int, bool, bool], RefType] = {}
        self._interned: dict[RefType, RefType] = {}
        self._comps: list[CompType] = []
        self._interned_comps: dict[DefType, CompType] = {}
        self._signatures: list[FuncType] = []
        self._indices: dict[DefType, int] = {}
        self._func_refs: dict[int, RefType] = {}
        self._locals: dict[tuple[DefType, tuple[tuple[int, ValType], ...]], Locals] = {}
        self._local_count = 0

    # --- errors ------------------------------------------------------------------------------------------------------

    def locate(self, error: PlacedError, at: int, where: str) -> PlacedError:
        """`error` with its place filled in; `at` is a position in the module's binary or text form."""
        if not error.where:
            error.where = where
            self.module.locate(error, at)
        return error

    def need(self, feature: Feature, what: str) -> None:
        """ValidationError unless `feature` is on, without which `what` does not exist."""
        if feature not in self.features:
            raise ValidationError(f"{what} not supported: the feature {feature} is off")

    # --- index spaces ------------------------------------------------------------------------------------------------

    def type(self, x: int) -> DefType:
        """Type `x`, or ValidationError; likewise the others."""
        return _look_up(self.types, x, "type")

    def func(self, x: int) -> DefType:
        return _look_up(self.funcs, x, "function")

    def table(self, x: int) -> TableType:
        return _look_up(self.tables, x, "table")

    def mem(self, x: int) -> MemType:
        return _look_up(self.mems, x, "memory")

    def tag(self, x: int) -> DefType:
        return _look_up(self.tags, x, "tag")

    def global_(self, x: int) -> GlobalType:
        return _look_up(self.globals, x, "global")

    def elem(self, x: int) -> RefType:
        return _look_up(self.elems, x, "elem segment")

    def data(self, x: int) -> None:
        if x >= self.data_count:
            raise ValidationError(f"unknown data segment {x}")

    def func_signature(self, x: int) -> FuncType:
        """Parameters and results of function `x`."""
        return _look_up(self._signatures, x, "function")

    def tag_params(self, x: int) -> tuple[ValType, ...]:
        """The fields of exceptions with tag `x`."""
        return self._func(self.tag(x)).params

    def add_type(self, type: DefType) -> None:
        """Adds a canonical type, of a checked recursion group, to the module's types."""
        self.types.append(type)
        self._comps.append(self._intern(type))

    def add_func(self, type: DefType, exact: bool) -> None:
        """Adds a function to the module's functions."""
        self.funcs.append(type)
        self.func_exact.append(exact)
        self._signatures.append(self._func(type))

    def _func(self, type: DefType) -> FuncType:
        comp = self._intern(type)
        if not isinstance(comp, FuncType):
            raise Crash(f"type {type} is no function type")
        return comp

    def _intern(self, type: DefType) -> CompType:
        """What `type` expands to, made of this context's reference types, so that comparing by identity mostly does."""
        comp = self._interned_comps.get(type)
        if comp is None:
            comp = self._interned_comps[type] = self._intern_comp(type.comp)
        return comp

    def _intern_comp(self, comp: CompType) -> CompType:
        if isinstance(comp, FuncType):
            return FuncType(tuple(map(self._intern_val, comp.params)), tuple(map(self._intern_val, comp.results)))
        if isinstance(comp, StructType):
            return StructType(tuple(map(self._intern_field, comp.fields)))
        return ArrayType(self._intern_field(comp.field))

    def _intern_field(self, field: FieldType) -> FieldType:
        if isinstance(field.storage, RefType):
            return FieldType(self._intern_val(field.storage), field.mut)
        return field

    def _intern_val(self, type: ValType) -> ValType:
        return self._interned.setdefault(type, type) if isinstance(type, RefType) else type

    # --- expansion ---------------------------------------------------------------------------------------------------

    def func_type(self, x: int) -> FuncType:
        """Rule: Expand, Expand_use/deftype, Expand_use/typeidx

        The function type that type `x` expands to.
        """
        comp = _look_up(self._comps, x, "type")
        if not isinstance(comp, FuncType):
            raise ValidationError(f"non-function type {x}")
        return comp

    def struct_type(self, x: int) -> StructType:
        """The structure type that type `x` expands to."""
        comp = _look_up(self._comps, x, "type")
        if not isinstance(comp, StructType):
            raise ValidationError(f"non-structure type {x}")
        return comp

    def struct_operands(self, x: int) -> tuple[tuple[ValType, ...], int | None]:
        """What `struct.new` takes for structure type `x`, and the first of its fields that has no default value.

        Kept, because a structure may have thousands of fields and an instruction that names it two bytes.
        """
        operands = self._struct_operands.get(x)
        if operands is None:
            types = tuple([unpacked(field.storage) for field in self.struct_type(x).fields])
            first = next((i for i, type in enumerate(types) if not defaultable(type)), None)
            operands = self._struct_operands[x] = types, first
        return operands

    def array_type(self, x: int) -> ArrayType:
        """The array type that type `x` expands to."""
        comp = _look_up(self._comps, x, "type")
        if not isinstance(comp, ArrayType):
            raise ValidationError(f"non-array type {x}")
        return comp

    # --- validity of types, and their closed form --------------------------------------------------------------------

    def check_heap(self, type: HeapType, bound: int) -> None:
        """Rule: Heaptype_ok/abs, Heaptype_ok/typeuse, Heaptype_ok/bot
        Rule: Typeuse_ok/typeidx, Typeuse_ok/rec, Typeuse_ok/deftype

        Type indices must be below `bound`. Closed types are valid, and positions in a recursion group are in range, by
        construction: they only arise from indices that passed here.
        """
        if isinstance(type, TypeUse):
            self.check_use(type.type, bound)
            if type.exact:
                self.need(Feature.CUSTOM_DESCRIPTORS, "exact types")
            if Feature.GC not in self.features:
                self.need(Feature.FUNCTION_REFERENCES, "typed references")
        elif type in _GC_HEAPS:
            self.need(Feature.GC, f"heap type {type}")
        elif type in _EXN_HEAPS:
            self.need(Feature.EXCEPTIONS, f"heap type {type}")

    def check_use(self, type: TypeRef, bound: int) -> None:
        """ValidationError where a type index is not below `bound`."""
        if isinstance(type, int) and type >= bound:
            raise ValidationError(f"unknown type {type}")

    def check_ref(self, type: RefType, bound: int) -> None:
        """Rule: Reftype_ok"""
        self.check_heap(type.heap, bound)
        if not type.null and Feature.GC not in self.features:
            self.need(Feature.FUNCTION_REFERENCES, "non-null references")

    def check_val(self, type: ValType, bound: int) -> None:
        """Rule: Valtype_ok/num, Valtype_ok/vec, Valtype_ok/ref, Valtype_ok/bot, Numtype_ok, Vectype_ok

        BOT is no type that a module could write down.
        """
        if isinstance(type, RefType):
            if type.heap is AbsHeap.FUNC or type.heap is AbsHeap.EXTERN:
                self.need(Feature.REFERENCE_TYPES, "references as values")
            self.check_ref(type, bound)
        elif type is V128:
            self.need(Feature.SIMD, "the vector type")
        elif type is BOT:
            raise ValidationError("unknown type bot")

    def val(self, type: ValType) -> ValType:
        """A valid value type in closed form; equal reference types come back as one object."""
        if isinstance(type, NumType):
            if type is V128 or type is BOT:
                self.check_val(type, 0)
            return type
        closed = self._refs.get(type)
        if closed is None:
            self.check_val(type, len(self.types))
            closed = self._refs[type] = self.ref_to(close_heap(type.heap, self.types), type.null)
        return closed

    def ref(self, type: RefType) -> RefType:
        """Likewise a reference type that is no value's (a table's or element segment's, where funcref always
        exists)."""
        closed = self._immediates.get(type)
        if closed is None:
            self.check_ref(type, len(self.types))
            closed = self._immediates[type] = self.ref_to(close_heap(type.heap, self.types), type.null)
        return closed

    def ref_to(self, heap: HeapType, null: bool) -> RefType:
        """The one object for `(ref null? heap)` with a closed `heap`."""
        type = RefType(null, heap)
        return self._interned.setdefault(type, type)

    def use(self, x: int, *, null: bool, exact: bool = False) -> RefType:
        """`(ref null? x)` for an existing type `x`. `exact` counts only where custom descriptors are on."""
        type = self._uses.get((x, null, exact))
        if type is None:
            use = TypeUse(self.types[x], exact and Feature.CUSTOM_DESCRIPTORS in self.features)
            type = self._uses[x, null, exact] = self.ref_to(use, null)
        return type

    def func_ref(self, x: int) -> RefType:
        """The type of a reference to function `x`, which may not exist.

        It is exact (custom descriptors) for functions whose own type is known: defined ones and exact imports.
        """
        type = self._func_refs.get(x)
        if type is None:
            func = self.func(x)
            exact = self.func_exact[x] and Feature.CUSTOM_DESCRIPTORS in self.features
            type = self._func_refs[x] = self.ref_to(TypeUse(func, exact), null=False)
        return type

    def locals_of(self, type: DefType, runs: Sequence[tuple[int, ValType]]) -> Locals:
        """Rule: Local_ok/set, Local_ok/unset

        The locals of a function of this type with these closed, run-length encoded declarations. A module's functions
        share what is equal, because a few bytes can declare 50,000 locals.
        """
        key = (type, tuple(runs))
        shared = self._locals.get(key)
        if shared is None:
            types = list(self._func(type).params)
            tracked: list[int] = []
            for n, declared in runs:
                if not defaultable(declared):
                    tracked += range(len(types), len(types) + n)
                types += [declared] * n
            self._local_count += len(types)
            check_limit(self._local_count, MAX_LOCALS_TOTAL, "locals in the module")
            shared = self._locals[key] = (tuple(types), frozenset(tracked))
        return shared

    # --- text for messages -------------------------------------------------------------------------------------------

    def show(self, type: StorageType) -> str:
        """A closed type as the module's author would write it, with type indices."""
        if isinstance(type, RefType) and isinstance(type.heap, TypeUse):
            return f"(ref {'null ' if type.null else ''}{self.show_heap(type.heap)})"
        return str(type)

    def show_heap(self, type: HeapType) -> str:
        """Likewise a heap type."""
        if not isinstance(type, TypeUse) or not isinstance(type.type, DefType):
            return str(type)
        if len(self._indices) == 0:
            for x in range(len(self.types) - 1, -1, -1):
                self._indices[self.types[x]] = x
        index = str(self._indices.get(type.type, type.type))
        return f"(exact {index})" if type.exact else index

    def show_all(self, types: Sequence[ValType]) -> str:
        """Likewise a list of types, in brackets; the deepest ones of a long list are left out."""
        shown = [self.show(t) for t in types[-20:]]
        return f"[{'… ' if len(types) > len(shown) else ''}{' '.join(shown)}]"


def _look_up(space: Sequence[_T], x: int, what: str) -> _T:
    if x < len(space):
        return space[x]
    raise ValidationError(f"unknown {what} {x}")
