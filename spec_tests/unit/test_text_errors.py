"""What the text parser says about text that is no module: the words of the specification's tests, and the place."""

from __future__ import annotations

import pytest

from refsfi.binary.encode import encode
from refsfi.errors import ParseError
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("(module", (1, 8), "unexpected token: end of text"),
        ("(module) x", (1, 10), "unknown operator x"),
        ("(module\n\t(funk))", (2, 3), "unknown operator funk"),
        ("(func) (memory) )", (1, 15), "unexpected token )"),
        ("(module (func (i32.const 5000000000)))", (1, 26), "constant out of range"),
        ("(module (func (f32.const 1e999)))", (1, 26), "constant out of range"),
        ("(module\n  (func (call $x)))", (2, 15), "unknown function $x"),
        ("(module (func (local.get $x)))", (1, 26), "unknown local $x"),
        ("(module (func (br $l)))", (1, 19), "unknown label $l"),
        ("(module (func) (func $a) (func $a))", (1, 32), "duplicate function $a"),
        ('(module (data "\\zz"))', (1, 16), "illegal escape"),
        ('(module (data "ab', (1, 15), "unclosed string literal"),
        ('(module (data "a\nb"))', (1, 15), "unclosed string literal"),
        ("(module (; x (; y ;)", (1, 9), "unclosed comment"),
        ("(module (@x (", (1, 9), "unclosed annotation"),
        ('(module (export "\\ff" (func 0)))', (1, 17), "malformed UTF-8 encoding"),
        ("(module (func (i32.load align=3 (i32.const 0))))", (1, 25), "alignment must be a power of two"),
        ("(module (func end))", (1, 15), "unexpected token end"),
        ("(module (func block))", (1, 20), "unexpected token )"),
        ("(module (start 0) (start 0))", (1, 20), "multiple start sections"),
        ('(module (func) (import "a" "c" (func)))', (1, 17), "import after function"),
        ("(module (func (v128.const i8x16 1)))", (1, 27), "wrong number of lane literals"),
        ("(module (func \x1b[31m))", (1, 15), "illegal character"),
        ("(module (type (func (param $x i32 i32))))", (1, 35), "unexpected token i32"),
        ("(module (func (type $t)))", (1, 21), "unknown type $t"),
        ("(module (func block $a end $b))", (1, 28), "mismatching label"),
        # Columns count characters, not bytes.
        ('(module (data "é€𝄞") x)', (1, 22), "unknown operator x"),
    ],
)
def test_the_place_and_the_words(text: str, place: tuple[int, int], message: str) -> None:
    for given in (text, text.encode()):
        with pytest.raises(ParseError) as caught:
            parse_module(given, ALL)
        error = caught.value
        assert (error.line, error.column) == place
        assert error.message.startswith(message)
        assert str(error).startswith(f"{place[0]}:{place[1]}: {message}")


def test_bytes_that_are_no_utf8() -> None:
    with pytest.raises(ParseError, match="malformed UTF-8 encoding") as caught:
        parse_module(b"(module)\n ;; \xff", ALL)
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("(func)", "(module (type (func)) (func (type 0)))"),
        ('(module (memory (data "ab")))', '(module (memory 1 1) (data (memory 0) (offset (i32.const 0)) "ab"))'),
        ("(module (table funcref (elem 0)) (func))", "(module (table 1 1 funcref) (elem (i32.const 0) 0) (func))"),
        ('(module (func (export "a") (export "b")))', '(module (func) (export "a" (func 0)) (export "b" (func 0)))'),
        ('(module (func (import "m" "f") (param i32)))', '(module (import "m" "f" (func (param i32))))'),
        ("(module (func (param i32 i64)))", "(module (func (param i32) (param i64)))"),
        ("(module (func (if (i32.const 1) (then))))", "(module (func i32.const 1 if end))"),
        (
            "(module (func (drop (i32.add (i32.const 1) (i32.const 2)))))",
            "(module (func i32.const 1 i32.const 2 i32.add drop))",
        ),
        ('(module (data "a\\u{e9}" "\\0a\\t"))', '(module (data "a\\c3\\a9\\n\\09"))'),
        ('(module (;a;) ;; b\n (func (;;) (nop)(@x (y "z"))))', "(module(func nop))"),
    ],
)
def test_abbreviations_mean_what_they_stand_for(short: str, full: str) -> None:
    assert encode(parse_module(short, ALL)) == encode(parse_module(full, ALL))
