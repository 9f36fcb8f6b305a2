"""Validity of types (specification, 3.2): recursion groups, subtype declarations, descriptors, limits."""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import LimitError, PlacedError, ValidationError
from refsfi.syntax.features import ALL, DEFAULT
from refsfi.syntax.module import Module
from refsfi.syntax.types import (
    I32,
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
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate


def check(text: str) -> None:
    validate(parse_module(text, ALL), ALL)


def error(text: str) -> str:
    with pytest.raises(ValidationError) as caught:
        check(text)
    return caught.value.message


def test_types_see_what_stands_before_them_and_their_own_group() -> None:
    check("(type $a (struct (field (ref $a))))")
    check("(rec (type $a (struct (field (ref $b)))) (type $b (array (ref $a))))")
    assert error("(type $a (struct (field (ref $b)))) (type $b (array (ref $a)))") == "unknown type 1"
    assert error("(type (func (param (ref 1))))") == "unknown type 1"
    assert error("(type (sub 4294967295 (struct)))") == "unknown type 4294967295"


def test_equal_groups_are_one_type() -> None:
    info = validate(
        parse_module(
            "(rec (type (struct (field (ref 1)))) (type (struct)))"
            "(rec (type (struct (field (ref 3)))) (type (struct)))"
            "(type (struct))",
            ALL,
        ),
        ALL,
    )
    assert info.types[0] is info.types[2]
    assert info.types[1] is info.types[3]
    assert info.types[4] is not info.types[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "(type (sub (struct (field i32)))) (type (sub 0 (struct (field i64))))",
            "sub type 1 does not match super type 0: field 0",
        ),
        (
            "(type (sub (struct (field i32)))) (type (sub 0 (struct)))",
            "sub type 1 does not match super type 0: 0 fields, but 1 in the super type",
        ),
        ("(type (sub (func))) (type (sub 0 (struct)))", "sub type 1 does not match super type 0: they are of"),
        ("(type (sub (func))) (type (sub 0 (func (param i32))))", "sub type 1 does not match super type 0: parameters"),
        ("(type (struct)) (type (sub 0 (struct)))", "sub type 1 has final super type 0"),
        ("(type (sub 0 (struct)))", "forward use of type 0 in sub type definition"),
        ("(rec (type (sub 1 (struct))) (type (sub (struct))))", "forward use of type 1 in sub type definition"),
    ],
)
def test_subtypes_must_match_an_open_supertype_before_them(text: str, message: str) -> None:
    assert error(text).startswith(message)


def test_only_one_supertype() -> None:
    empty = SubType(False, (), StructType(()))
    module = Module(types=[RecType((empty, empty, SubType(True, (0, 1), StructType(()))))])
    with pytest.raises(ValidationError, match="sub type 2 has more than one super type"):
        validate(module, ALL)


def test_an_error_names_the_type() -> None:
    with pytest.raises(ValidationError) as caught:
        check("(type (func)) (type (array (ref 9)))")
    assert caught.value.where == "type 1"


# --- custom descriptors ----------------------------------------------------------------------------------------------

PAIR = "(rec (type $a (sub (descriptor $b) (struct))) (type $b (sub (describes $a) (struct))))"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(type (descriptor 7) (struct))", "descriptor type is outside rec group"),
        ("(type (describes 7) (struct))", "described type is outside rec group"),
        ("(rec (type (struct)) (type (describes 0) (struct)))", "described type is not described by descriptor"),
        ("(rec (type (descriptor 1) (struct)) (type (struct)))", "type is not described by its descriptor"),
        ("(rec (type (describes 1) (struct)) (type (descriptor 0) (struct)))", "forward use of described type"),
        (
            "(rec (type (descriptor 1) (array i8)) (type (describes 0) (struct)))",
            "descriptor type must be a struct",
        ),
        (PAIR + "(type (sub $a (struct)))", "sub type 2 does not match super type 0"),
        (
            PAIR + "(rec (type (sub $a (descriptor 3) (struct))) (type (sub (describes 2) (struct))))",
            "descriptor type 3 does not match 1",
        ),
        (
            PAIR + "(rec (type (sub (descriptor 3) (struct))) (type (sub $b (describes 2) (struct))))",
            "described type 2 does not match 0",
        ),
    ],
)
def test_descriptors_pair_up(text: str, message: str) -> None:
    check(PAIR)
    assert error(text).startswith(message)


# --- external types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(memory 65537)", "memory size must be at most 65536 pages (4GiB)"),
        ("(memory 0 65537)", "memory size must be at most 65536 pages (4GiB)"),
        ("(memory i64 0x1_0000_0000_0001)", "memory size must be at most"),
        ("(memory 2 1)", "size minimum must not be greater than maximum"),
        ("(memory 1 shared)", "shared memory must have maximum"),
        ("(memory 0 (pagesize 2))", "invalid custom page size"),
        ("(memory 0x1_0000_0000 (pagesize 1))", "memory size must be at most"),
        ("(table 2 1 funcref)", "size minimum must not be greater than maximum"),
        ("(table 0 (ref null 3))", "unknown type 3"),
        ("(table 1 (ref func))", "type mismatch"),
        ("(tag (result i32))", "non-empty tag result type"),
        ("(global (ref null 3) (unreachable))", "unknown type 3"),
    ],
)
def test_external_types(text: str, message: str) -> None:
    assert error(text).startswith(message)


def test_the_largest_external_types() -> None:
    check("(memory 65536 65536) (memory i64 0x1_0000_0000_0000) (memory 0xffff_ffff (pagesize 1)) (memory 1 1 shared)")
    check("(table 0xffff_ffff funcref) (table i64 0xffff_ffff_ffff_ffff funcref)")


# --- limits ----------------------------------------------------------------------------------------------------------


def chain(depth: int, together: bool) -> Module:
    subs = [SubType(False, (i - 1,) if i else (), StructType(())) for i in range(depth + 1)]
    return Module(types=[RecType(tuple(subs))] if together else [RecType((sub,)) for sub in subs])


@pytest.mark.parametrize("together", [False, True])
def test_chains_of_supertypes_are_limited(together: bool) -> None:
    validate(chain(63, together), DEFAULT)
    with pytest.raises(LimitError, match="too deep"):
        validate(chain(64, together), DEFAULT)
    with pytest.raises(LimitError):
        validate(chain(200_000, together), DEFAULT)


@pytest.mark.parametrize(
    ("most", "too_many"),
    [
        (FuncType((I32,) * 1_000, (I32,) * 1_000), FuncType((I32,) * 1_001, ())),
        (FuncType((), ()), FuncType((), (I32,) * 1_001)),
        (StructType((FieldType(I32, True),) * 10_000), StructType((FieldType(I32, True),) * 10_001)),
    ],
    ids=["params", "results", "fields"],
)
def test_sizes_of_types_are_limited(most: FuncType | StructType, too_many: FuncType | StructType) -> None:
    validate(Module(types=[RecType((SubType(True, (), most),))]), DEFAULT)
    with pytest.raises(LimitError):
        validate(Module(types=[RecType((SubType(True, (), too_many),))]), DEFAULT)


def test_types_that_nest_by_reference_do_not_recurse() -> None:
    count = 20_000
    subs = [
        SubType(False, (), ArrayType(FieldType(RefType(True, TypeUse((i + 1) % count)), True))) for i in range(count)
    ]
    types = [RecType(tuple(subs))]
    types += [RecType((SubType(False, (count - 1,), subs[-1].comp),))]
    info = validate(Module(types=types), DEFAULT)
    assert info.types[count].ancestors == (info.types[count], info.types[count - 1])


def test_a_reference_type_needs_no_type_section() -> None:
    validate(Module(types=[RecType((SubType(True, (), FuncType((RefType(True, AbsHeap.ANY),), ())),))]), DEFAULT)


BAD_SUPER = "(module\n  (type (func))\n  (rec (type $a (sub (func)))\n       (type (sub $a (func (param i32))))))"
TOO_MANY = f"(module\n  (func)\n  (type (func (param {'i32 ' * 1_001}))))"
IMPLICIT = f"(module\n  (func (param {'i32 ' * 1_001})))"


@pytest.mark.parametrize(
    ("text", "line", "column", "where"),
    [(BAD_SUPER, 4, 8, "type 2"), (TOO_MANY, 3, 3, "type 0"), (IMPLICIT, 2, 4020, "type 0")],
    ids=["super type", "limit", "limit of an implicit type"],
)
def test_errors_in_types_say_where(text: str, line: int, column: int, where: str) -> None:
    module = parse_module(text, ALL)
    with pytest.raises(PlacedError) as caught:
        validate(module, ALL)
    assert (caught.value.line, caught.value.column, caught.value.where) == (line, column, where)


def test_errors_in_types_of_a_binary_module_say_at_which_offset() -> None:
    data = encode(parse_module(BAD_SUPER, ALL))
    with pytest.raises(ValidationError) as caught:
        validate(decode(data, ALL), ALL)
    # Header, id, size and count of the section, type 0, `rec` and its count, type 1.
    assert data[21:25] == bytes([0x50, 1, 1, 0x60])
    assert caught.value.offset == 21
    assert caught.value.where == "type 2"


def test_limits_of_function_bodies_say_where() -> None:
    with pytest.raises(LimitError) as caught:
        check("(module\n (func)\n (func (local" + " i32" * 50_001 + ")))")
    assert (caught.value.line, caught.value.where) == (3, "func 1")
