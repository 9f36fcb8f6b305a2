"""The IR's text: what it looks like, that it says everything, and what is said about what is no graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit.ir.graph import Graph
from jit.ir.text import dump, parse
from jit.ir.verify import faults
from refsfi.errors import ParseError
from spec_tests.jit.random_guests import module
from spec_tests.jit.support import graph_of, program

GOLDEN = Path(__file__).parent / "golden"

GUESTS = {
    "sum": """(module (memory 1) (func (param i32) (result i32) (local i32)
      (loop
        (local.set 1 (i32.add (local.get 1) (i32.load8_u (local.get 0))))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 1)))""",
    "calls": """(module (table funcref (elem 0)) (type $t (func (param i32 f64) (result i32 i64)))
      (func (type $t) (local.get 0) (i64.const -1))
      (func (param f64) (result i32) (drop (call 0 (i32.const 1) (local.get 0)))
        (drop (call_indirect (type $t) (local.get 0) (i32.const 0))))
      (func (param i32) (result i32) (return_call 2 (i32.clz (local.get 0)))))""",
    "branches": """(module (memory 1) (global (mut f32) (f32.const 1)) (func (param i32 f32 v128) (result f32)
      (block (block (block (br_table 0 1 2 1 (local.get 0)))
        (global.set 0 (f32.mul (local.get 1) (f32.const nan:0x400001))))
        (v128.store8_lane offset=3 1 (local.get 0) (local.get 2)))
      (select (local.get 1) (global.get 0) (i32.trunc_f32_s (local.get 1)))))""",
}


def graphs(text: str) -> list[Graph]:
    return [graph_of(code) for code in program(text).funcs]


@pytest.mark.parametrize("name", GUESTS)
def test_golden(name: str) -> None:
    """The dumps in golden/ say what these functions become; what changes there is to be looked at."""
    text = "\n".join(dump(graph) for graph in graphs(GUESTS[name]))
    assert text == (GOLDEN / f"{name}.ir").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [*GUESTS.values(), *map(module, range(20))])
def test_round_trip(text: str) -> None:
    guest = program(text)
    for code in guest.funcs:
        graph = graph_of(code)
        written = dump(graph)
        again = parse(written, guest)
        assert dump(again) == written
        assert faults(again) == []
        assert again.entries == graph.entries


BAD = [
    ("region of func 9", 1, "the module defines no function 9"),
    ("region of func x", 1, "`x` is no number"),
    ("b0:\n  return", 2, "there is no line `region of func N`"),
    ("region of func 0\nnonsense", 2, "`nonsense` begins no line of a graph"),
    ("region of func 0\nentry here: b0", 2, "an entry is"),
    ("region of func 0\nsnapshot 0 refund 0: somewhere", 2, "a frame is"),
    ("region of func 0\nv0 = i32.frob", 2, "there is no instruction `i32.frob`"),
    ("region of func 0\nv0 = i32.const 1\nv0 = i32.const 2", 3, "v0 is there twice"),
    ("region of func 0\n  return v0", 2, "this belongs into a block"),
    ("region of func 0\nb0(v0: i31):", 2, "`i31` is no type"),
    ("region of func 0\nb0:\n  branch v0 b0", 3, "ends no block"),
    ("region of func 0\nb0:\n  return v0\n  return v0", 4, "b0 has two ends"),
    ("region of func 0\nb0:\n  return v0\nb0:", 4, "b0 is there twice"),
    ("region of func 0\nb0:\n  return 7", 3, "`7` is no value"),
    ("region of func 0\nv0 = f64.const 1.5", 2, "a float is written as the hexadecimal number of its bits"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD)
def test_bad_text(text: str, line: int, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, program(GUESTS["sum"]))
    assert caught.value.line == line
    assert message in caught.value.message
