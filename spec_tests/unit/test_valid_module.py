"""Validation of modules (specification, 3.5): index spaces, constant expressions, segments, exports, error places."""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import LimitError, ValidationError
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Func, Instr, Module
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import (
    F64,
    I32,
    AbsHeap,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RecType,
    RefType,
    SubType,
    TableType,
    TypeUse,
)
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate
from refsfi.valid.sidetable import ModuleInfo


def check(text: str) -> ModuleInfo:
    return validate(parse_module(text, ALL), ALL)


def fails(text: str) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        check(text)
    return caught.value


# --- what execution learns -------------------------------------------------------------------------------------------


def test_index_spaces_start_with_the_imports_and_are_closed() -> None:
    info = check(
        '(type $t (func (param i32))) (import "" "f" (func (type $t))) (import "" "g" (global (ref null $t)))'
        '(import "" "m" (memory 1)) (import "" "e" (tag (param i32))) (import "" "t" (table 1 externref))'
        "(func (param f64) (local i32 i32)) (table 2 3 (ref null $t)) (memory 1) (global (mut i32) (i32.const 1)) (tag)"
        "(elem (ref null $t))"
    )
    t = info.types[0]
    ref = RefType(True, TypeUse(t))
    assert info.funcs[0] is t
    assert info.funcs[1].comp == FuncType((F64,), ())
    assert info.globals == [GlobalType(ref, False), GlobalType(I32, True)]
    assert info.mems == [MemType(Limits(1)), MemType(Limits(1))]
    assert info.tables == [TableType(RefType(True, AbsHeap.EXTERN), Limits(1)), TableType(ref, Limits(2, 3))]
    assert info.tags[0] is t
    assert info.elems == [ref]
    assert len(info.sides) == 1
    assert list(info.local_types) == [(F64, I32, I32)]


# --- constant expressions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "(global i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))",
        "(global i64 (i64.sub (i64.const 1) (i64.const 2)))",
        "(global v128 (v128.const i64x2 0 0))",
        "(global i32 (i32.const 1)) (global i32 (global.get 0))",
        "(global i31ref (ref.i31 (i32.const 1)))",
        "(type $s (struct (field i32))) (global (ref $s) (struct.new $s (i32.const 1)))",
        "(type $s (struct (field i32))) (global (ref $s) (struct.new_default $s))",
        "(type $a (array i32)) (global (ref array) (array.new_fixed $a 2 (i32.const 1) (i32.const 2)))",
        "(global externref (extern.convert_any (ref.null any)))",
        '(import "" "" (global i32)) (memory 1) (data (global.get 0) "x")',
        '(global i32 (i32.const 1)) (memory 1) (data (global.get 0) "x")',
        "(global i32 (i32.const 1)) (table 1 funcref) (elem (global.get 0) func)",
        "(table 1 (ref func) (ref.func 0)) (func)",
        '(memory i64 1) (data (i64.const 0) "x")',
        "(table i64 1 funcref) (elem (i64.const 0) func)",
        "(table 1 anyref) (elem (i32.const 0) i31ref (ref.i31 (i32.const 1)))",
    ],
)
def test_constant_expressions(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(global i32 (i32.clz (i32.const 1)))", "constant expression required: i32.clz"),
        ("(global i32 (i32.const 1) (nop))", "constant expression required: nop"),
        ("(global $g (mut i32) (i32.const 1)) (global i32 (global.get $g))", "constant expression required: global 0"),
        ("(global i32 (global.get 0))", "unknown global 0"),
        ("(global i32 (global.get 1)) (global i32 (i32.const 1))", "unknown global 1"),
        ("(global i32)", "type mismatch: instruction requires [i32] but stack has []"),
        ("(global i32 (i64.const 1))", "type mismatch: instruction requires [i32] but stack has [i64]"),
        ("(global i32 (i32.const 1) (i32.const 2))", "type mismatch: block requires [i32] but stack has [i32 i32]"),
        (
            "(global externref (ref.func 0)) (func)",
            "type mismatch: instruction requires [externref] but stack has [(ref",
        ),
        ("(global funcref (ref.func 0))", "unknown function 0"),
        (
            "(type $s (struct)) (type $a (array (ref $s))) (global (ref $a) (array.new_default $a (i32.const 1)))",
            "array type",
        ),
        ("(global i32 (i32.const 1)) (table 1 i31ref (ref.i31 (global.get 0)))", "unknown global 0"),
        ('(memory 1) (data (i64.const 0) "x")', "type mismatch"),
        ('(data (i32.const 0) "x")', "unknown memory 0"),
        ("(elem (i32.const 0) func)", "unknown table 0"),
        ("(table 1 externref) (elem (i32.const 0) func)", "type mismatch: element segment's type (ref func)"),
        ("(table 1 funcref) (elem (i32.const 0) func 7)", "unknown function 7"),
        ("(elem (ref null 7))", "unknown type 7"),
    ],
)
def test_invalid_constant_expressions(text: str, message: str) -> None:
    assert fails(text).message.startswith(message)


# --- start, imports, exports -----------------------------------------------------------------------------------------


def test_the_start_function() -> None:
    check("(func) (start 0)")
    assert fails("(start 0)").message == "unknown function 0"
    assert fails("(func (param i32)) (start 0)").message.startswith("start function")
    assert fails("(func (result i32) (i32.const 1)) (start 0)").message.startswith("start function")


@pytest.mark.parametrize("kind", ["func", "table", "memory", "global", "tag"])
def test_exports_exist_and_have_different_names(kind: str) -> None:
    things = "(func) (table 0 funcref) (memory 0) (global i32 (i32.const 0)) (tag)"
    word = "function" if kind == "func" else kind
    check(f'{things} (export "a" ({kind} 0)) (export "b" ({kind} 0))')
    assert fails(f'{things} (export "a" ({kind} 1))').message == f"unknown {word} 1"
    duplicate = fails(f'{things} (export "a" (func 0)) (export "a" ({kind} 0))')
    assert duplicate.message == 'duplicate export name "a"'
    assert duplicate.where == 'export "a"'


def test_imports_are_checked() -> None:
    assert fails('(import "m" "f" (func (type 3)))').message == "unknown type 3"
    error = fails('(type (struct)) (import "m" "f" (func (type 0)))')
    assert error.message == "non-function type 0"
    assert error.where == "import 0"


def test_functions_need_function_types() -> None:
    module = Module(funcs=[Func(5, [], [Instr(op("end"))])])
    with pytest.raises(ValidationError, match="unknown type 5"):
        validate(module)


# --- places ----------------------------------------------------------------------------------------------------------


def test_errors_in_text_have_a_line_and_a_column() -> None:
    error = fails('(module\n  (import "" "" (func))\n  (func $add (param i32)\n    nop\n    i32.add drop))')
    assert (error.line, error.column) == (5, 5)
    assert error.offset is None
    assert error.where == "func 1 ($add), instruction 1 (i32.add)"
    assert str(error) == (
        "5:5: type mismatch: instruction requires [i32 i32] but stack has [], in func 1 ($add), instruction 1 (i32.add)"
    )


def test_errors_in_binary_modules_have_an_offset() -> None:
    data = encode(parse_module("(func nop drop)"))
    with pytest.raises(ValidationError) as caught:
        validate(decode(data))
    error = caught.value
    assert error.offset is not None
    assert data[error.offset] == op("drop").code
    assert error.line is None
    assert str(error).endswith(f"(at offset 0x{error.offset:x})")


def test_errors_in_built_modules_only_say_where() -> None:
    module = Module(types=[RecType((SubType(True, (), FuncType((), (I32,))),))])
    module.funcs = [Func(0, [], [Instr(op("end"))])]
    with pytest.raises(ValidationError) as caught:
        validate(module)
    assert (caught.value.offset, caught.value.line) == (None, None)
    assert caught.value.where == "func 0, instruction 0 (end)"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("(memory 2 1)", "memory 0"),
        ('(import "" "" (table 0 funcref)) (table 2 1 funcref)', "table 1"),
        ("(tag (result i32))", "tag 0"),
        ("(global i32)", "global 0"),
        ('(memory 1) (data "x") (data (i64.const 0) "x")', "data segment 1"),
        ("(elem externref (i32.const 0))", "elem segment 0"),
        ("(func $f (param (ref null 3)))", "type 0"),
        ("(start 3)", "start"),
    ],
)
def test_errors_say_in_which_definition(text: str, where: str) -> None:
    assert fails(text).where == where


# --- limits ----------------------------------------------------------------------------------------------------------


def test_function_bodies_are_limited() -> None:
    module = parse_module("(func)")
    module.source = None
    module.funcs[0].at, module.funcs[0].end = 100, 100 + 7_654_321
    validate(module)
    module.funcs[0].end += 1
    with pytest.raises(LimitError, match="function body"):
        validate(module)


def test_memories_are_limited() -> None:
    check("(memory 0)" * 100)
    with pytest.raises(LimitError, match="too many memories: 101"):
        check('(import "" "" (memory 0))' + "(memory 0)" * 100)
