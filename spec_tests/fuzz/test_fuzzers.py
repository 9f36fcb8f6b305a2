"""The fuzzers find what they are made to find: defects that are put in on purpose."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import DecodeError, ValidationError
from refsfi.numeric.table import SEMANTICS
from refsfi.syntax.features import ALL, Features
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from tools.fuzzing import pool
from tools.fuzzing.check import check
from tools.fuzzing.meaning import difference
from tools.fuzzing.peers import missing
from tools.fuzzing.shrink import shrink, shrink_module

if TYPE_CHECKING:
    from tools.fuzzing.judge import Judged

ABSENT = missing()
with_peers = pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {ABSENT}")

ADDS = """(module (memory (export "m") 1) (global $g (mut i32) (i32.const 0))
  (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))
  (func (export "g") (global.set $g (i32.const 4)) (i32.store (i32.const 8) (i32.sub (i32.const 9) (i32.const 2))))
  (func (export "h") (param f64) (drop (i32.trunc_f64_s (local.get 0)))))"""


def judged(text: str, seed: int = 0) -> Judged:
    from tools.fuzzing.judge import Case, judge  # imports what only the peers bring

    return judge(Case("a test", encode(parse_module(text, ALL)), ALL), Random(seed))


# --- comparison ------------------------------------------------------------------------------------------------------


@with_peers
def test_engines_that_agree() -> None:
    result = judged(ADDS)
    assert result.finding is None, result.finding
    assert result.stage == "ran"
    assert result.counts["memories"] >= 3
    assert result.counts["fuel counts"] >= 6


@with_peers
@pytest.mark.parametrize(
    ("mnemonic", "wrong", "about"),
    [("i32.add", lambda a, b: a ^ b, "values"), ("i32.sub", lambda a, b: a, "memory")],
)
def test_a_wrong_result_is_found(
    mnemonic: str, wrong: Callable[..., int], about: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEMANTICS, mnemonic, wrong)
    finding = judged(ADDS, 1).finding
    assert finding is not None
    assert finding.signature.startswith(f"differs: {about}")


@with_peers
def test_a_wrong_verdict_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = "(module (func (drop (i32.eqz (i64.const 0)))))"
    assert judged(invalid).stage == "invalid"
    monkeypatch.setattr("tools.fuzzing.judge.validate", lambda module, features: None)
    finding = judged(invalid).finding
    assert finding is not None
    assert finding.signature.startswith("verdict: valid, refused by wasm-tools: type mismatch")

    def refuse(module: Module, features: Features) -> None:
        raise ValidationError("nothing is valid", 9)

    monkeypatch.setattr("tools.fuzzing.judge.validate", refuse)
    finding = judged(ADDS).finding
    assert finding is not None
    assert finding.signature == "verdict: invalid, valid by wasm-tools: nothing is valid "


# --- mutation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "signature"),
    [
        (DecodeError("behind the end", 1 << 20), "_Unplaced"),
        (KeyError("x"), "KeyError"),
        (RecursionError(), "RecursionError"),
        (MemoryError(), "MemoryError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_defect_of_the_decoder_is_found(error: Exception, signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes, features: Features) -> Module:
        raise error

    monkeypatch.setattr("tools.fuzzing.check.decode", broken)
    finding = check(b"\0asm\1\0\0\0", ALL).finding
    assert finding is not None
    assert finding.signature.startswith(signature)


def test_a_printer_that_changes_the_meaning_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.fuzzing.check.print_module", lambda module: ADDS.replace("i32.const 3", "i32.const 2"))
    finding = check(ADDS, ALL).finding
    assert finding is not None
    assert "text: funcs differ" in finding.signature


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ("(module (type (func (param i32))) (func) (func))", "types"),
        ("(module (func) (func (local i32)))", "funcs"),
        ("(module (func) (func nop))", "funcs"),
        ("(module (func) (func) (memory 1))", "mems"),
        ("(module (func) (func) (table 1 funcref))", "tables"),
        ("(module (func) (func) (global i32 (i32.const 0)))", "globals"),
        ("(module (func) (func) (tag))", "tags"),
        ('(module (func) (func) (export "a" (func 1)))', "exports"),
        ('(module (import "a" "b" (func)) (func))', "imports"),
        ("(module (func) (func) (start 0))", "start"),
        ("(module (func) (func) (elem func))", "elems"),
        ('(module (func) (func) (data "a"))', "datas"),
    ],
)
def test_differences_of_meaning(changed: str, part: str) -> None:
    module = parse_module("(module (func) (func))", ALL)
    assert difference(module, parse_module(changed, ALL)) == part


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("(func (local i32 i32))", "(func (local i32) (local i32))"),
        ("(type (func)) (func (block))", "(type $t (func)) (func (block (type $t)))"),
        ("(func (if (i32.const 1) (then) (else)))", "(func (if (i32.const 1) (then)))"),
        ("(type (func))", "(rec (type (func)))"),
    ],
)
def test_spellings_of_one_meaning(first: str, second: str) -> None:
    assert difference(parse_module(first, ALL), parse_module(second, ALL)) == ""


# --- processes and small findings ------------------------------------------------------------------------------------


def _odd_worker() -> Callable[[int], int]:
    def one(index: int) -> int:
        if index == 2:
            os._exit(7)
        if index == 4:
            time.sleep(60)
        return index * index

    return one


def test_a_case_that_dies_or_hangs_costs_itself_only() -> None:
    results = dict(pool.run(_odd_worker, (), 7, jobs=1, case_seconds=5.0))
    assert {index: value for index, value in results.items() if isinstance(value, int)} == {
        0: 0,
        1: 1,
        3: 9,
        5: 25,
        6: 36,
    }
    assert results[2] == pool.Lost(2, "the process died with exit code 7")
    assert results[4] == pool.Lost(4, "no answer after 5 s")


def _no_worker() -> Callable[[int], int]:
    raise ValueError("on purpose")


def test_processes_that_cannot_begin_are_an_error() -> None:
    with pytest.raises(RuntimeError, match="died before its first case"):
        list(pool.run(_no_worker, (), 7, jobs=1, case_seconds=5.0))


def test_findings_are_made_small() -> None:
    assert shrink("(module (func) (memory 1) (table 1 funcref))", lambda text: "memory" in str(text), 5.0) == "memory"

    def trunc(data: bytes) -> bool:
        return any(i.op.mnemonic == "i32.trunc_f64_s" for func in decode(data, ALL).funcs for i in func.body)

    small = decode(shrink_module(encode(parse_module(ADDS, ALL)), trunc, 20.0), ALL)
    assert [instr.op.mnemonic for func in small.funcs for instr in func.body] == ["i32.trunc_f64_s", "end"]
    assert not small.exports
    assert not small.globals
    assert not small.mems
