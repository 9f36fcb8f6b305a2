"""A feature that is off: the module is refused as if the feature had never been proposed.

The modules are parsed with every feature on and validated without one, as a module built through the API would be.
"""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import DecodeError, MalformedError, ValidationError
from refsfi.syntax.features import ALL, WASM1, WASM2, WASM3, Feature
from refsfi.syntax.module import Active, Func, Instr, Module
from refsfi.syntax.opcodes import OPS, op
from refsfi.syntax.types import FuncType, RecType, SubType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

F = Feature


@pytest.mark.parametrize("row", [row for row in OPS if row.feature is not None], ids=lambda row: row.mnemonic)
def test_instructions_without_their_feature(row: object) -> None:
    instr = next(r for r in OPS if r is row)
    feature = instr.feature
    if feature is None or instr.mnemonic == "throw":
        return
    end = Instr(op("end"))
    module = Module(
        types=[RecType((SubType(True, (), FuncType((), ())),))],
        funcs=[Func(0, [], [Instr(op("unreachable")), Instr(instr, (0,) * len(instr.imms)), end])],
    )
    with pytest.raises(ValidationError, match=f"unknown operator {instr.mnemonic}: the feature {feature} is off"):
        validate(module, ALL - {feature})


@pytest.mark.parametrize(
    ("feature", "text", "message"),
    [
        (F.MUTABLE_GLOBAL, '(import "" "" (global (mut i32)))', "mutable globals cannot be imported"),
        (F.MUTABLE_GLOBAL, '(global (export "g") (mut i32) (i32.const 0))', "mutable globals cannot be exported"),
        (F.MULTI_VALUE, "(type (func (result i32 i32)))", "invalid result arity"),
        (F.MULTI_VALUE, "(func (i32.const 0) (block (param i32) (drop)))", "invalid result arity"),
        (F.REFERENCE_TYPES, "(table 0 funcref) (table 0 funcref)", "multiple tables"),
        (F.REFERENCE_TYPES, '(import "" "" (table 0 funcref)) (table 0 funcref)', "multiple tables"),
        (F.REFERENCE_TYPES, "(table 0 externref)", "element type externref not supported"),
        (F.REFERENCE_TYPES, "(func (param funcref))", "references as values not supported"),
        (F.REFERENCE_TYPES, "(func (drop (select (result i32) (unreachable))))", "typed select not supported"),
        (F.REFERENCE_TYPES, "(elem declare func)", "declarative segments not supported"),
        (F.BULK_MEMORY, '(data "x")', "passive segments not supported"),
        (F.BULK_MEMORY, "(elem func)", "passive segments not supported"),
        (F.SIMD, "(func (param v128))", "the vector type not supported"),
        (F.SIMD, "(func (local v128))", "the vector type not supported"),
        (F.EXTENDED_CONST, "(global i32 (i32.add (i32.const 1) (i32.const 2)))", "constant expression required"),
        (F.GC, "(type (struct))", "structure and array types not supported"),
        (F.GC, "(type (array i8))", "structure and array types not supported"),
        (F.GC, "(type (sub (func)))", "sub types not supported"),
        (F.GC, "(rec (type (func)) (type (func)))", "recursion groups not supported"),
        (F.GC, "(type $t (func (param (ref $t))))", "unknown type 0"),
        (F.GC, "(func (param anyref))", "heap type any not supported"),
        (F.GC, "(global i32 (i32.const 1)) (global i32 (global.get 0))", "unknown global 0"),
        (F.EXCEPTIONS, "(func (param exnref))", "heap type exn not supported"),
        (F.MULTI_MEMORY, "(memory 0) (memory 0)", "multiple memories"),
        (F.MULTI_MEMORY, '(import "" "" (memory 0)) (memory 0)', "multiple memories"),
        (F.MEMORY64, "(memory i64 0)", "64-bit memories not supported"),
        (F.MEMORY64, "(table i64 0 funcref)", "64-bit tables not supported"),
        (F.THREADS, "(memory 0 1 shared)", "shared memories not supported"),
        (F.CUSTOM_PAGE_SIZES, "(memory 0 (pagesize 1))", "invalid custom page size"),
        (
            F.CUSTOM_DESCRIPTORS,
            "(rec (type (descriptor 1) (struct)) (type (describes 0) (struct)))",
            "descriptors not supported",
        ),
        (F.CUSTOM_DESCRIPTORS, "(type (struct)) (func (param (ref (exact 0))))", "exact types not supported"),
    ],
)
def test_what_a_feature_adds(feature: Feature, text: str, message: str) -> None:
    module = parse_module(text, ALL)
    validate(module, ALL)
    with pytest.raises(ValidationError) as caught:
        validate(module, ALL - {feature})
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        (F.MUTABLE_GLOBAL, '(import "m" "g" (global (mut i32)))'),
        (F.SATURATING_FLOAT_TO_INT, "(func (param f32) (drop (i32.trunc_sat_f32_s (local.get 0))))"),
        (F.SIGN_EXTENSION, "(func (param i32) (drop (i32.extend8_s (local.get 0))))"),
        (F.MULTI_VALUE, "(func (result i32 i32) (unreachable))"),
        (F.MULTI_VALUE, "(func (param i32) (local.get 0) (block (param i32) (drop)))"),
        (F.REFERENCE_TYPES, "(table 1 externref)"),
        (F.REFERENCE_TYPES, "(table 1 funcref) (table 1 funcref)"),
        (F.BULK_MEMORY, "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"),
        (F.BULK_MEMORY, '(memory 1) (data "abc")'),
        (F.SIMD, "(func (drop (v128.const i32x4 0 0 0 0)))"),
        (F.SIMD, "(func (param v128))"),
        (F.RELAXED_SIMD, "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"),
        (F.TAIL_CALL, "(func $f (return_call $f))"),
        (F.EXTENDED_CONST, "(global i32 (i32.add (i32.const 1) (i32.const 1)))"),
        (F.FUNCTION_REFERENCES, "(type $t (func)) (func (param (ref null $t)) (call_ref $t (local.get 0)))"),
        (F.GC, "(type (struct))"),
        (F.GC, "(type (array i8))"),
        (F.GC, "(type (sub (func)))"),
        (F.GC, "(func (param anyref))"),
        (F.EXCEPTIONS, "(func try_table end)"),
        (F.EXCEPTIONS, "(func (param exnref))"),
        (F.MULTI_MEMORY, "(memory 1) (memory 1)"),
        (F.MEMORY64, "(memory i64 1)"),
        (F.MEMORY64, "(table i64 1 funcref)"),
        (F.THREADS, "(memory 1 1 shared)"),
        (F.THREADS, "(func (atomic.fence))"),
        (F.WIDE_ARITHMETIC, "(func (param i64) (i64.mul_wide_s (local.get 0) (local.get 0)) (drop) (drop))"),
        (F.CUSTOM_PAGE_SIZES, "(memory 1 (pagesize 1))"),
        (F.CUSTOM_DESCRIPTORS, "(rec (type (descriptor 1) (struct)) (type (describes 0) (struct)))"),
        (F.CUSTOM_DESCRIPTORS, "(type (struct)) (func (param (ref (exact 0))))"),
        (F.LEGACY_EXCEPTIONS, "(func (try (do) (catch_all)))"),
    ],
)
def test_every_form_of_a_module_is_refused_with_the_name_of_the_feature(feature: Feature, text: str) -> None:
    data = encode(parse_module(text, ALL))
    without = ALL - {feature}
    for read in (lambda: parse_module(text, without), lambda: decode(data, without)):
        with pytest.raises((MalformedError, ValidationError), match=f"the feature {feature}( is off)?"):
            validate(read(), without)


def test_all_features_are_tested_above() -> None:
    (marks,) = test_every_form_of_a_module_is_refused_with_the_name_of_the_feature.pytestmark  # type: ignore[attr-defined]
    assert {feature for feature, _ in marks.args[1]} == ALL


def test_several_features_any_of_which_would_do_are_all_named() -> None:
    with pytest.raises(MalformedError, match="the features exceptions and legacy-exceptions are off"):
        parse_module("(tag)", ALL - {F.EXCEPTIONS, F.LEGACY_EXCEPTIONS})


def test_typed_references_come_with_either_of_two_proposals() -> None:
    text = "(type $f (func)) (func (param (ref $f)))"
    module = parse_module(text, ALL)
    for features in (ALL - {F.GC}, ALL - {F.FUNCTION_REFERENCES}):
        validate(module, features)
        validate(parse_module(text, features), features)
    with pytest.raises(ValidationError, match="typed references not supported"):
        validate(module, ALL - {F.GC, F.FUNCTION_REFERENCES})


def test_throw_and_tags_come_with_either_kind_of_exceptions() -> None:
    module = parse_module("(tag) (func (throw 0))", ALL)
    validate(module, ALL - {F.EXCEPTIONS})
    validate(module, ALL - {F.LEGACY_EXCEPTIONS})
    with pytest.raises(ValidationError, match="tags not supported"):
        validate(module, ALL - {F.EXCEPTIONS, F.LEGACY_EXCEPTIONS})


def test_casts_of_branches_need_no_subtype_with_custom_descriptors() -> None:
    code = "(block (result anyref) (br_on_cast 0 i31ref structref (ref.null none)))"
    module = parse_module(f"(func (drop {code}))", ALL)
    validate(module, ALL)
    with pytest.raises(ValidationError, match="type mismatch on cast"):
        validate(module, ALL - {F.CUSTOM_DESCRIPTORS})


def test_new_objects_are_exact_only_with_custom_descriptors() -> None:
    module = parse_module("(type $a (array i32)) (func (drop (i32.eqz (array.new_default $a (i32.const 1)))))", ALL)
    with pytest.raises(ValidationError, match=r"but stack has \[\(ref \(exact 0\)\)\]"):
        validate(module, ALL)
    with pytest.raises(ValidationError, match=r"but stack has \[\(ref 0\)\]"):
        validate(module, WASM3)


def test_a_program_of_the_first_version_is_valid_in_all() -> None:
    module = parse_module(
        """
        (import "env" "log" (func $log (param i32)))
        (memory 1 2) (table 2 funcref) (global $sp (mut i32) (i32.const 64))
        (data (i32.const 0) "hello") (elem (i32.const 0) $log $main)
        (func $main (param i32) (local f64)
          (block (loop (br_if 1 (i32.eqz (local.get 0)))
            (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0)))
          (if (i32.load8_u offset=3 (local.get 0)) (then (call $log (global.get $sp))))
          (call_indirect (param i32) (local.get 0) (i32.const 0)))
        (export "main" (func $main))
        """,
        ALL,
    )
    for features in (WASM1, WASM2, WASM3, ALL):
        validate(module, features)


def test_data_for_a_second_memory_needs_no_bulk_memory() -> None:
    features = WASM1 | {F.MULTI_MEMORY}
    data = encode(parse_module('(memory 1) (memory 1) (data (memory 1) (i32.const 0) "x")', features))
    module = decode(data, features)
    validate(module, features)
    assert isinstance(module.datas[0].mode, Active)
    assert module.datas[0].mode.index == 1
    with pytest.raises(DecodeError, match="malformed data segment kind"):
        decode(data, WASM1)
