"""Matching results: to the bit, by static type, NaNs by set, references by kind."""

from __future__ import annotations

import pytest

from refsfi.runtime.values import I31, ArrayInst, ExternRef, HostRef, StructInst
from refsfi.script.ast import (
    Either,
    HostLiteral,
    NanPattern,
    NullLiteral,
    NullPattern,
    NumLiteral,
    NumPattern,
    Pattern,
    RefPattern,
    VecPattern,
)
from refsfi.script.patterns import accepts, matches, show_literal, show_pattern, show_result, value_of
from refsfi.syntax.deftypes import close, func_deftype
from refsfi.syntax.types import (
    ANYREF,
    ARRAYREF,
    EQREF,
    EXNREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    NULLFUNCREF,
    STRUCTREF,
    V128,
    AbsHeap,
    ArrayType,
    FieldType,
    FuncType,
    RecType,
    RefType,
    StructType,
    SubType,
    TypeUse,
)

STRUCT = StructInst(close(RecType((SubType(True, (), StructType(())),)), ())[0], [])
ARRAY = ArrayInst(close(RecType((SubType(True, (), ArrayType(FieldType(I32, True))),)), ())[0], [])
FUNC_TYPE = RefType(True, TypeUse(func_deftype(FuncType((), ()))))

CANONICAL, ARITHMETIC = NanPattern.CANONICAL, NanPattern.ARITHMETIC


class TestNumbers:
    def test_to_the_bit(self) -> None:
        assert matches(NumPattern(I32, 5), 5, I32)
        assert not matches(NumPattern(I32, 5), 6, I32)
        assert not matches(NumPattern(F32, 0), 1 << 31, F32)
        assert matches(NumPattern(F32, 0x7FA00000), 0x7FA00000, F32)

    def test_the_static_type_counts(self) -> None:
        assert not matches(NumPattern(I32, 5), 5, I64)
        assert not matches(NumPattern(F32, 5), 5, I32)
        assert not matches(NumPattern(I32, 0), None, FUNCREF)

    @pytest.mark.parametrize(
        ("bits", "canonical", "arithmetic"),
        [
            (0x7FC00000, True, True),
            (0xFFC00000, True, True),
            (0x7FC00001, False, True),
            (0xFFE00000, False, True),
            (0x7FA00000, False, False),
            (0x7F800000, False, False),
            (0x00000000, False, False),
        ],
    )
    def test_nans_of_f32(self, bits: int, canonical: bool, arithmetic: bool) -> None:
        assert matches(NumPattern(F32, CANONICAL), bits, F32) is canonical
        assert matches(NumPattern(F32, ARITHMETIC), bits, F32) is arithmetic

    @pytest.mark.parametrize(
        ("bits", "canonical", "arithmetic"),
        [
            (0x7FF8000000000000, True, True),
            (0xFFF8000000000000, True, True),
            (0x7FF8000000000001, False, True),
            (0x7FF4000000000000, False, False),
            (0xFFF0000000000000, False, False),
        ],
    )
    def test_nans_of_f64(self, bits: int, canonical: bool, arithmetic: bool) -> None:
        assert matches(NumPattern(F64, CANONICAL), bits, F64) is canonical
        assert matches(NumPattern(F64, ARITHMETIC), bits, F64) is arithmetic


class TestVectors:
    VALUE = bytes.fromhex("0000c07f 00000000 00000080 0000c0ff")

    def test_lane_by_lane(self) -> None:
        assert matches(VecPattern("i32x4", (0x7FC00000, 0, 0x80000000, 0xFFC00000)), self.VALUE, V128)
        assert matches(VecPattern("i8x16", tuple(self.VALUE)), self.VALUE, V128)
        assert not matches(VecPattern("i32x4", (0x7FC00000, 0, 0x80000000, 0)), self.VALUE, V128)

    def test_nans_in_single_lanes(self) -> None:
        assert matches(VecPattern("f32x4", (CANONICAL, 0, 1 << 31, ARITHMETIC)), self.VALUE, V128)
        assert not matches(VecPattern("f32x4", (CANONICAL, CANONICAL, 1 << 31, ARITHMETIC)), self.VALUE, V128)


class TestReferences:
    @pytest.mark.parametrize(
        ("pattern", "value", "type", "expected"),
        [
            (NullPattern(), None, FUNCREF, True),
            (NullPattern(), None, I32, False),
            (NullPattern(AbsHeap.FUNC), None, FUNCREF, True),
            (NullPattern(AbsHeap.FUNC), None, NULLFUNCREF, True),
            (NullPattern(AbsHeap.NOFUNC), None, FUNC_TYPE, True),
            (NullPattern(AbsHeap.ANY), None, STRUCTREF, True),
            (NullPattern(AbsHeap.FUNC), None, EXTERNREF, False),
            (NullPattern(), STRUCT, ANYREF, False),
            (RefPattern(AbsHeap.EXTERN, 1), HostRef(1), EXTERNREF, True),
            (RefPattern(AbsHeap.EXTERN, 1), HostRef(2), EXTERNREF, False),
            (RefPattern(AbsHeap.EXTERN, 1), HostRef(1), ANYREF, False),
            (RefPattern(AbsHeap.ANY, 1), HostRef(1), ANYREF, True),
            (RefPattern(AbsHeap.EXTERN, 1), ExternRef(I31(1)), EXTERNREF, False),
            (RefPattern(AbsHeap.EXTERN), ExternRef(STRUCT), EXTERNREF, True),
            (RefPattern(AbsHeap.EXTERN), None, EXTERNREF, False),
            (RefPattern(AbsHeap.FUNC), object(), FUNC_TYPE, True),
            (RefPattern(AbsHeap.FUNC), None, FUNCREF, False),
            (RefPattern(AbsHeap.FUNC), HostRef(1), EXTERNREF, False),
            (RefPattern(AbsHeap.STRUCT), STRUCT, ANYREF, True),
            (RefPattern(AbsHeap.STRUCT), ARRAY, ANYREF, False),
            (RefPattern(AbsHeap.ARRAY), ARRAY, ARRAYREF, True),
            (RefPattern(AbsHeap.I31), I31(3), EQREF, True),
            (RefPattern(AbsHeap.I31), STRUCT, EQREF, False),
            (RefPattern(AbsHeap.EQ), STRUCT, EQREF, True),
            (RefPattern(AbsHeap.EQ), HostRef(1), ANYREF, False),
            (RefPattern(AbsHeap.ANY), HostRef(1), ANYREF, True),
            (RefPattern(AbsHeap.EXN), object(), EXNREF, True),
            (RefPattern(None), STRUCT, ANYREF, True),
            (RefPattern(None), object(), FUNCREF, False),
            (RefPattern(None), None, ANYREF, False),
        ],
    )
    def test_kinds(self, pattern: Pattern, value: object, type: RefType, expected: bool) -> None:
        assert matches(pattern, value, type) is expected


def test_either() -> None:
    pattern = Either((NumPattern(I32, 1), Either((NumPattern(I32, 2),))))
    assert [matches(pattern, value, I32) for value in (0, 1, 2, 3)] == [False, True, True, False]


class TestLiterals:
    def test_values(self) -> None:
        assert value_of(NumLiteral(I32, 7)) == 7
        assert value_of(NullLiteral(AbsHeap.ANY)) is None
        assert value_of(HostLiteral(AbsHeap.EXTERN, 7)) == HostRef(7)

    def test_where_they_may_be_passed(self) -> None:
        assert accepts(I32, NumLiteral(I32, 0))
        assert not accepts(I64, NumLiteral(I32, 0))
        assert accepts(EXTERNREF, HostLiteral(AbsHeap.EXTERN, 0))
        assert not accepts(EXTERNREF, HostLiteral(AbsHeap.ANY, 0))
        assert not accepts(EQREF, HostLiteral(AbsHeap.ANY, 0))
        assert accepts(FUNCREF, NullLiteral(AbsHeap.NOFUNC))
        assert not accepts(FUNCREF, NullLiteral(AbsHeap.ANY))
        assert not accepts(RefType(False, AbsHeap.FUNC), NullLiteral(AbsHeap.FUNC))


class TestShowing:
    def test_integers_are_signed_and_floats_have_their_bits(self) -> None:
        assert show_result(0xFFFFFFFF, I32) == "(i32.const -1)"
        assert show_result(0x3FC00000, F32) == "(f32.const 1.5 (0x3fc00000))"
        assert show_result(0x7FA00000, F32) == "(f32.const nan:0x200000 (0x7fa00000))"
        assert show_result(1 << 63, F64) == "(f64.const -0.0 (0x8000000000000000))"

    def test_the_shortest_f32(self) -> None:
        assert show_result(0x3DCCCCCD, F32) == "(f32.const 0.1 (0x3dcccccd))"
        assert show_result(0x7F7FFFFF, F32) == "(f32.const 3.4028235e+38 (0x7f7fffff))"
        assert show_result(1, F32) == "(f32.const 1e-45 (0x00000001))"

    def test_vectors_take_the_shape_that_is_expected(self) -> None:
        value = bytes([255, 255]) + bytes(14)
        assert show_result(value, V128, VecPattern("i16x8", (0,) * 8)) == "(v128.const i16x8 -1 0 0 0 0 0 0 0)"
        assert show_result(value, V128) == "(v128.const i32x4 65535 0 0 0)"

    def test_references(self) -> None:
        assert show_result(None, FUNCREF) == "(ref.null func)"
        assert show_result(HostRef(3), EXTERNREF) == "(ref.extern 3)"
        assert show_result(HostRef(3), ANYREF) == "(ref.host 3)"
        assert show_result(STRUCT, ANYREF) == "(ref.struct)"
        assert show_result(I31(3), ANYREF) == "(ref.i31 3)"

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            (NumPattern(F32, CANONICAL), "(f32.const nan:canonical)"),
            (VecPattern("f64x2", (ARITHMETIC, 0)), "(v128.const f64x2 nan:arithmetic 0.0 (0x0000000000000000))"),
            (NullPattern(AbsHeap.FUNC), "(ref.null func)"),
            (NullPattern(), "(ref.null)"),
            (RefPattern(None), "(ref)"),
            (RefPattern(AbsHeap.STRUCT), "(ref.struct)"),
            (RefPattern(AbsHeap.ANY, 2), "(ref.host 2)"),
            (Either((NumPattern(I32, 1), NumPattern(I32, 2))), "(either (i32.const 1) (i32.const 2))"),
        ],
    )
    def test_patterns(self, pattern: Pattern, text: str) -> None:
        assert show_pattern(pattern) == text

    def test_literals(self) -> None:
        assert show_literal(NumLiteral(I64, 2**64 - 1)) == "(i64.const -1)"
        assert show_literal(HostLiteral(AbsHeap.EXTERN, 1)) == "(ref.extern 1)"
        assert show_literal(NullLiteral(AbsHeap.ANY)) == "(ref.null any)"
