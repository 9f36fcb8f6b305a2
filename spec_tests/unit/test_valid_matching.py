"""Matching of types (specification, 3.3): the lattice of heap types, variance, external types."""

from __future__ import annotations

import itertools

import pytest

from refsfi.errors import Crash
from refsfi.syntax.deftypes import DefType, close, func_deftype
from refsfi.syntax.types import (
    ANYREF,
    BOT,
    F32,
    FUNCREF,
    I8,
    I16,
    I32,
    I64,
    V128,
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
    RecType,
    RefType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeUse,
)
from refsfi.valid.matching import (
    bottom_of,
    comp_matches,
    defaultable,
    difference,
    extern_matches,
    heap_matches,
    limits_match,
    ref_matches,
    results_match,
    top_of,
    val_matches,
)

H = AbsHeap


def defined(comp: CompType, *supers: DefType, final: bool = False) -> DefType:
    return close(RecType((SubType(final, supers, comp),)), ())[0]


POINT = defined(StructType((FieldType(I32, False),)))
POINT3 = defined(StructType((FieldType(I32, False), FieldType(I32, False))), POINT)
POINT4 = defined(StructType((FieldType(I32, False),) * 3), POINT3)
BYTES = defined(ArrayType(FieldType(I8, True)))
UNARY = defined(FuncType((I32,), (I32,)))

# Each type with those right above it; whatever is not reachable here must not match.
LATTICE: dict[HeapType, set[HeapType]] = {
    H.NONE: {H.I31, TypeUse(POINT4, True), TypeUse(POINT3, True), TypeUse(POINT, True), TypeUse(BYTES, True)},
    TypeUse(POINT4, True): {TypeUse(POINT4)},
    TypeUse(POINT3, True): {TypeUse(POINT3)},
    TypeUse(POINT, True): {TypeUse(POINT)},
    TypeUse(POINT4): {TypeUse(POINT3)},
    TypeUse(POINT3): {TypeUse(POINT)},
    TypeUse(POINT): {H.STRUCT},
    TypeUse(BYTES, True): {TypeUse(BYTES)},
    TypeUse(BYTES): {H.ARRAY},
    H.I31: {H.EQ},
    H.STRUCT: {H.EQ},
    H.ARRAY: {H.EQ},
    H.EQ: {H.ANY},
    H.ANY: set(),
    H.NOFUNC: {TypeUse(UNARY, True)},
    TypeUse(UNARY, True): {TypeUse(UNARY)},
    TypeUse(UNARY): {H.FUNC},
    H.FUNC: set(),
    H.NOEXN: {H.EXN},
    H.EXN: set(),
    H.NOEXTERN: {H.EXTERN},
    H.EXTERN: set(),
}


def above(type: HeapType) -> set[HeapType]:
    found = {type}
    for parent in LATTICE[type]:
        found |= above(parent)
    return found


@pytest.mark.parametrize("a", LATTICE, ids=str)
def test_heap_types_form_the_lattice(a: HeapType) -> None:
    assert {b for b in LATTICE if heap_matches(a, b)} == above(a)


def test_the_bottom_heap_type_is_below_all_and_above_none() -> None:
    assert all(heap_matches(H.BOT, b) for b in LATTICE)
    assert not any(heap_matches(a, H.BOT) for a in LATTICE)
    assert heap_matches(H.BOT, H.BOT)


@pytest.mark.parametrize("type", LATTICE, ids=str)
def test_top_and_bottom_enclose_each_hierarchy(type: HeapType) -> None:
    assert heap_matches(type, top_of(type))
    assert heap_matches(bottom_of(type), type)
    assert LATTICE[top_of(type)] == set()


def test_a_type_that_is_not_closed_is_a_defect() -> None:
    with pytest.raises(Crash):
        heap_matches(TypeUse(0), H.ANY)


@pytest.mark.parametrize(("a_null", "b_null", "expected"), [(0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 1, 1)])
def test_null_is_only_given_up_upwards(a_null: int, b_null: int, expected: int) -> None:
    assert ref_matches(RefType(bool(a_null), H.I31), RefType(bool(b_null), H.ANY)) == bool(expected)


def test_number_types_match_only_themselves() -> None:
    types = (I32, I64, F32, V128, FUNCREF)
    for a, b in itertools.product(types, repeat=2):
        assert val_matches(a, b) == (a is b)
    assert all(val_matches(BOT, b) for b in types)
    assert not val_matches(I32, BOT)


def test_results_match_pointwise() -> None:
    i31 = RefType(False, H.I31)
    assert results_match((I32, i31), (I32, ANYREF))
    assert not results_match((I32, ANYREF), (I32, i31))
    assert not results_match((I32,), (I32, I32))
    assert results_match((), ())


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (RefType(True, H.ANY), RefType(True, H.I31), RefType(False, H.ANY)),
        (RefType(True, H.ANY), RefType(False, H.I31), RefType(True, H.ANY)),
        (RefType(False, H.ANY), RefType(True, H.I31), RefType(False, H.ANY)),
    ],
)
def test_a_failed_cast_leaves_null_only_where_the_target_excluded_it(a: RefType, b: RefType, expected: RefType) -> None:
    assert difference(a, b) == expected


def test_only_non_null_references_have_no_default() -> None:
    assert defaultable(I32)
    assert defaultable(V128)
    assert defaultable(FUNCREF)
    assert not defaultable(RefType(False, H.FUNC))


def field(type: object, mut: bool = False) -> FieldType:
    return FieldType(type, mut)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        # Width: more fields match fewer.
        (StructType((field(I32), field(I64))), StructType((field(I32),)), True),
        (StructType((field(I32),)), StructType((field(I32), field(I64))), False),
        # Depth: constant fields are covariant, mutable ones invariant, and mutability is kept.
        (StructType((field(RefType(False, H.I31)),)), StructType((field(ANYREF),)), True),
        (StructType((field(RefType(False, H.I31), True),)), StructType((field(ANYREF, True),)), False),
        (StructType((field(I32, True),)), StructType((field(I32),)), False),
        (StructType((field(I8),)), StructType((field(I16),)), False),
        (StructType((field(I8),)), StructType((field(I32),)), False),
        (ArrayType(field(RefType(False, H.I31))), ArrayType(field(ANYREF)), True),
        (ArrayType(field(I32)), StructType((field(I32),)), False),
        # Parameters are contravariant, results covariant.
        (FuncType((ANYREF,), (RefType(False, H.I31),)), FuncType((RefType(False, H.I31),), (ANYREF,)), True),
        (FuncType((RefType(False, H.I31),), ()), FuncType((ANYREF,), ()), False),
        (FuncType((), (ANYREF,)), FuncType((), (RefType(False, H.I31),)), False),
    ],
)
def test_composite_types(a: CompType, b: CompType, expected: bool) -> None:
    assert comp_matches(a, b) is expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 2), (1, 2), True),
        ((2, 2), (1, 3), True),
        ((0, 2), (1, 2), False),
        ((1, 3), (1, 2), False),
        ((1, None), (1, 2), False),
        ((1, 2), (1, None), True),
        ((1, None), (0, None), True),
    ],
)
def test_limits(a: tuple[int, int | None], b: tuple[int, int | None], expected: bool) -> None:
    assert limits_match(Limits(*a), Limits(*b)) is expected


ONE = Limits(1, 2)
BASE = defined(FuncType((), ()))
DERIVED = defined(FuncType((), ()), BASE)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (FuncExtern(DERIVED, True), FuncExtern(BASE), True),
        (FuncExtern(BASE, True), FuncExtern(DERIVED), False),
        (FuncExtern(DERIVED, True), FuncExtern(BASE, True), False),
        (FuncExtern(BASE, True), FuncExtern(BASE, True), True),
        (FuncExtern(BASE), FuncExtern(BASE, True), False),
        (TagType(BASE), TagType(BASE), True),
        (TagType(DERIVED), TagType(BASE), False),
        (GlobalType(RefType(False, H.FUNC), False), GlobalType(FUNCREF, False), True),
        (GlobalType(RefType(False, H.FUNC), True), GlobalType(FUNCREF, True), False),
        (GlobalType(I32, True), GlobalType(I32, False), False),
        (MemType(ONE), MemType(Limits(0)), True),
        (MemType(ONE, I64), MemType(ONE), False),
        (MemType(ONE, shared=True), MemType(ONE), False),
        (MemType(ONE, page_size_log2=0), MemType(ONE), False),
        (TableType(FUNCREF, ONE), TableType(FUNCREF, Limits(0)), True),
        (TableType(FUNCREF, ONE, I64), TableType(FUNCREF, ONE), False),
        (TableType(RefType(False, H.FUNC), ONE), TableType(FUNCREF, ONE), False),
        (TableType(FUNCREF, ONE), MemType(ONE), False),
        (GlobalType(I32, False), FuncExtern(BASE), False),
    ],
)
def test_external_types(a: ExternType, b: ExternType, expected: bool) -> None:
    assert extern_matches(a, b) is expected


def test_equal_function_types_of_different_modules_are_one() -> None:
    assert func_deftype(FuncType((I32,), ())) is func_deftype(FuncType((I32,), ()))
