"""What each monitor finds out, on programs whose behaviour can be counted by hand; and how monitors are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from refsfi.errors import Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.observe.monitors import BadMonitor, Watched, all_monitors, parse_monitors
from refsfi.runtime.store import Extern, HostFunc, Store
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import DEFAULT, Feature
from refsfi.syntax.types import I32, FuncType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

FEATURES = DEFAULT | {Feature.CUSTOM_DESCRIPTORS}


def monitored(monitors: str, text: str, *calls: tuple[Any, ...], imports: tuple[Extern, ...] = ()) -> list[Any]:
    """The JSON of these monitors after calls of exports; a call that traps is none the less a call."""
    watched = Watched()
    running = [monitor(watched, options) for monitor, options in parse_monitors(monitors)]
    module = parse_module(text, FEATURES)
    store = Store()
    store.observer = watched.probes
    program = Program(module, validate(module, FEATURES))
    watched.modules.add(program, "guest.wat")
    inst = instantiate(store, program, list(imports))
    for name, *arguments in calls:
        func: Any = inst.exports[name]
        try:
            invoke(store, func, arguments)
        except Trap:
            pass
    return [monitor.report().json() for monitor in running]


def columns(rows: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in rows]


SUM = """(module
  (func $sum (export "sum") (param i32) (result i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (local.get $s) (call $square (local.get 0))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $s))
  (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
  (func $never unreachable))"""
# Instructions of $sum outside of its loop, in an iteration, and of $square.
OUTSIDE, ITERATION, SQUARE = 3, 11, 4


def test_icount() -> None:
    (found,) = monitored("icount", SUM, ("sum", 5))
    assert columns(found["by_function"], "function", "count") == [
        ("$sum", OUTSIDE + 5 * ITERATION),
        ("$square", 5 * SQUARE),
    ]
    assert found["instructions"] == OUTSIDE + 5 * (ITERATION + SQUARE)


def test_opcodes() -> None:
    (found,) = monitored("opcodes", SUM, ("sum", 5))
    by_opcode = {row["opcode"]: (row["count"], row["places"]) for row in found["by_opcode"]}
    assert by_opcode["i32.mul"] == by_opcode["br_if"] == by_opcode["call"] == (5, 1)
    assert by_opcode["local.get"] == (5 * 5 + 1, 6)
    assert by_opcode["end"] == (1 + 1 + 5, 3)
    assert sum(count for count, _ in by_opcode.values()) == found["instructions"]


def test_hotness() -> None:
    (found,) = monitored("hotness", SUM, ("sum", 5), ("sum", 1))
    assert columns(found["functions"], "function", "calls") == [("$sum", 2), ("$square", 6)]
    assert {row["count"] for row in found["instructions"][: ITERATION + SQUARE]} == {6}
    assert columns(found["instructions"], "place", "position", "instruction", "count")[0] == (
        "$sum:0",
        "3:6",
        "loop $l",
        6,
    )


def test_coverage() -> None:
    (found,) = monitored("coverage{wat}", SUM, ("sum", 5))
    assert (found["functions"], found["functions_executed"]) == (3, 2)
    assert columns(found["by_function"], "function", "executed", "instructions") == [
        ("$never", 0, 2),
        ("$sum", OUTSIDE + ITERATION, OUTSIDE + ITERATION),
        ("$square", SQUARE, SQUARE),
    ]
    assert found["text"][:3] == [
        "            $sum: 14 of 14 instructions executed",
        "         5  loop $l",
        "         5    local.get $s",
    ]
    assert found["text"][-1] == "            $never: 0 of 2 instructions executed"


def test_coverage_of_what_was_left_by_a_trap() -> None:
    (found,) = monitored("coverage{wat}", '(module (func $f (export "f") (drop (i32.const 1)) unreachable))', ("f",))
    assert found["text"][1:] == [
        "         1  i32.const 1",
        "         1  drop",
        "         1  unreachable",
        "         -  end",
    ]


@pytest.mark.parametrize(
    ("branch", "arguments", "ways"),
    [
        ("(br_if $b (local.get $i))", [1, 0, 7], (2, 1)),
        ("(if (local.get $i) (then nop))", [1, 0, 7], (2, 1)),
        ("(drop (br_on_null $b (select (result i31ref) (ref.null i31) (ref.i31 (i32.const 1)) (local.get $i))))",
         [1, 0, 7], (2, 1)),
        ("""(block $o (result (ref i31)) (br_on_non_null $o
            (select (result i31ref) (ref.null i31) (ref.i31 (i32.const 1)) (local.get $i))) (br $b)) drop""",
         [1, 0, 7], (1, 2)),
        ("""(block $o (result i31ref) (br_on_cast $o anyref i31ref
            (select (result anyref) (ref.i31 (i32.const 1)) (struct.new $s) (local.get $i))) (drop) (br $b)) drop""",
         [1, 0, 7], (2, 1)),
        ("""(block $o (result anyref) (br_on_cast_fail $o anyref i31ref
            (select (result anyref) (ref.i31 (i32.const 1)) (struct.new $s) (local.get $i))) (drop) (br $b)) drop""",
         [1, 0, 7], (1, 2)),
    ],
)  # fmt: skip
def test_branches(branch: str, arguments: list[int], ways: tuple[int, int]) -> None:
    text = f'(module (type $s (struct)) (func (export "f") (param $i i32) (block $b {branch})))'
    (found,) = monitored("branches", text, *(("f", argument) for argument in arguments))
    assert columns(found["branches"], "taken", "not_taken") == [ways]
    assert found["taken"] == ways[0]


@pytest.mark.parametrize(("suffix", "ways"), [("", (1, 2)), ("_fail", (2, 1))])
def test_branches_by_descriptor(suffix: str, ways: tuple[int, int]) -> None:
    text = f"""(module
      (rec (type $s (descriptor $d) (struct)) (type $d (describes $s) (struct)))
      (global $one (ref (exact $d)) (struct.new $d))
      (global $two (ref (exact $d)) (struct.new $d))
      (func (export "f") (param $i i32)
        (block $o (result anyref)
          (br_on_cast_desc_eq{suffix} $o anyref (ref null $s)
            (struct.new_desc $s (select (result (ref (exact $d))) (global.get $one) (global.get $two) (local.get $i)))
            (global.get $two)))
        drop))"""
    (found,) = monitored("branches", text, ("f", 1), ("f", 0), ("f", 1))
    assert columns(found["branches"], "taken", "not_taken") == [ways]


def test_branches_of_tables() -> None:
    text = """(module (func $f (export "f") (param i32)
      (block $a (block $b (br_table $a $b $a (local.get 0))))))"""
    (found,) = monitored("branches", text, ("f", 0), ("f", 1), ("f", 9), ("f", 2), ("f", -1 & 0xFFFFFFFF), ("f", 1))
    assert columns(found["targets"], "place", "index", "count") == [
        ("$f:3", "default", 3),
        ("$f:3", "1", 2),
        ("$f:3", "0", 1),
    ]
    # The label of the inner block is its end, one instruction before that of the outer one.
    by_index = {row["index"]: row["target"] for row in found["targets"]}
    assert by_index["default"] == by_index["0"] == by_index["1"] + 1


NESTED = """(module
  (func $f (export "f") (param $n i32) (local $i i32)
    (block $out
    (loop $outer
      (br_if $out (i32.eqz (local.get $n)))
      (local.set $i (local.get $n))
      (loop $inner (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $outer))))
  (func $recursive (export "recursive") (param $n i32) (local $i i32)
    (loop $l
      (if (i32.gt_u (local.get $n) (i32.const 1)) (then (call $recursive (i32.const 1))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))
  (func $endless (export "endless") (param $n i32)
    (loop $l (drop (i32.div_u (i32.const 1) (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (br $l))))"""


def loops_of(*calls: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    (found,) = monitored("loops", NESTED, *calls)
    return columns(found["loops"], "place", "iterations", "entries", "mean", "fewest", "most")


def test_loops() -> None:
    assert loops_of(("f", 4), ("f", 0)) == [
        ("$f:7", 4 + 3 + 2 + 1, 4, 2.5, 1, 4),
        ("$f:1", 5 + 1, 2, 3.0, 1, 5),
    ]


def test_loops_of_activations_at_the_same_time() -> None:
    assert loops_of(("recursive", 3)) == [("$recursive:0", 3 + 3 * 1, 4, 1.5, 1, 3)]


def test_loops_that_a_trap_ends() -> None:
    assert loops_of(("endless", 5), ("endless", 2)) == [("$endless:0", 5 + 2, 2, 3.5, 2, 5)]


def test_memory() -> None:
    text = """(module (memory 3) (data $d "abcdef")
      (func (export "f") (param i32)
        (drop (i32.load (local.get 0)))
        (i64.store offset=4 (local.get 0) (i64.const 1))
        (v128.store8_lane 1 (local.get 0) (v128.const i32x4 0 0 0 0))
        (drop (i32.atomic.rmw.add (local.get 0) (i32.const 1))))
      (func (export "bulk")
        (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))
        (memory.copy (i32.const 131072) (i32.const 0) (i32.const 8))
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 6))
        (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))
      (func (export "outside") (drop (i32.load (i32.const 196605)))))"""
    (found,) = monitored("memory{map}", text, ("f", 0), ("f", 65528), ("bulk",), ("outside",))
    pages = {row["address"]: (row["reads"], row["writes"]) for row in found["pages"]}
    # The second call of `f` stores across the border; so does the first filling.
    assert pages == {
        "0x0": (2 + 2 + 1, 3 + 3 + 1 + 1),
        "0x10000": (0, 1 + 1),
        "0x20000": (0, 1),
    }
    assert found["map_0"] == ["         0x0 |█▓▓|"]
    (finer,) = monitored("memory{page=256}", text, ("f", 0), ("f", 508))
    assert columns(finer["pages"], "address", "reads", "writes") == [
        ("0x0", 2, 3),
        ("0x100", 2, 2),
        ("0x200", 0, 1),
    ]


def test_calls() -> None:
    text = """(module
      (import "env" "tell" (func $tell (param i32)))
      (table 4 funcref) (elem (i32.const 0) $one $two $tell)
      (type $t (func (param i32)))
      (func $one (param i32) (call $tell (local.get 0)))
      (func $two (param i32) (return_call $one (local.get 0)))
      (func $f (export "f") (param i32) (call_indirect (type $t) (i32.const 5) (local.get 0)))
      (func $g (export "g") (param i32) (return_call $f (local.get 0))))"""
    tell = HostFunc(func_deftype(FuncType((I32,), ())), lambda value: (), "env.tell")
    calls = [("f", 0), ("f", 1), ("f", 1), ("f", 2), ("f", 3), ("g", 1)]
    (found,) = monitored("calls", text, *calls, imports=(tell,))
    edges = {(row["caller"], row["callee"]): row["count"] for row in found["edges"]}
    assert edges == {
        ("host", "$f"): 5,
        ("host", "$g"): 1,
        ("$g", "$f"): 1,
        ("$f", "$one"): 1,
        ("$f", "$two"): 3,
        ("$f", "host env.tell"): 1,
        ("$f", "(none: traps)"): 1,
        ("$two", "$one"): 3,
        ("$one", "host env.tell"): 4,
    }
    assert {(row["target"], row["count"]) for row in found["indirect"]} == {
        ("$two", 3),
        ("$one", 1),
        ("host env.tell", 1),
        ("(none: traps)", 1),
    }
    assert (found["calls"], found["indirect_calls"]) == (sum(edges.values()), 6)


def test_several_share_their_probes() -> None:
    found = monitored(",".join(all_monitors()), SUM, ("sum", 5))
    alone = [monitored(name, SUM, ("sum", 5))[0] for name in all_monitors()]
    assert found == alone


# --- asking for them -------------------------------------------------------------------------------------------------


def test_the_list_is_understood() -> None:
    parsed = parse_monitors("hotness{top=3,json},calls , memory{page=4096,map,file=a b},icount{json=n}")
    assert [monitor.name for monitor, _ in parsed] == ["hotness", "calls", "memory", "icount"]
    options: list[Any] = [options for _, options in parsed]
    assert (options[0].top, options[0].json, options[1].json, options[3].json) == (3, True, False, False)
    assert (options[2].page, options[2].map, options[2].file) == (4096, True, "a b")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no monitor is named"),
        ("hotnes", "unknown monitor 'hotnes', did you mean 'hotness'?; known are branches, calls, "),
        ("icount,icount", "the monitor 'icount' is named twice"),
        ("icount{tip=3}", "the monitor 'icount' has no option 'tip', did you mean 'top'?; it has json, file, top"),
        ("icount{top}", "icount{top}: a value is needed"),
        ("icount{top=0}", "icount{top=0}: a number from 1 on expected"),
        ("memory{page=255}", "memory{page=255}: a number from 256 on expected"),
        ("icount{top=-3}", "icount{top=-3}: a number from 1 on expected"),
        ("icount{json=maybe}", "icount{json=maybe}: y or n expected"),
        ("icount{file=}", "icount{file=}: a value is needed"),
        ("icount{", "'icount{': NAME or NAME{OPTION,…} expected, separated by commas"),
        ("calls,icount}", "'icount}': NAME or NAME{OPTION,…} expected, separated by commas"),
        ("calls,,icount", "',icount': NAME or NAME{OPTION,…} expected, separated by commas"),
    ],
)
def test_what_is_not_understood_is_told(text: str, told: str) -> None:
    with pytest.raises(BadMonitor) as error:
        parse_monitors(text)
    assert str(error.value).startswith(told)
