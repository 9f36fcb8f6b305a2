"""The verifier: it accepts what the builder makes, and has a rule against each way of breaking it."""

from __future__ import annotations

import pytest

from jit.ir.graph import Graph, Snapshot
from jit.ir.ops import Type, irop
from jit.ir.text import parse
from jit.ir.verify import RULES, faults, verify
from refsfi.errors import Crash
from spec_tests.jit.random_guests import module
from spec_tests.jit.support import graph_of, program

GUEST = program("(module (memory 1) (func (param i32 i64) (result i32) (local.get 0)))")

SOUND = """region of func 0
entry call: b0
entry 3: b1
snapshot 0 refund 0: func 0 at 2 r0=v4
v9 = i32.const 7
b0:
  v0 = i32.home 0
  jump b2(v0)
b1:
  v1 = i32.home 0
  jump b2(v1)
b2(v4: i32) loop:
  v5 = i32.load v4 mem 0 align 2 offset 0 !0 @2
  v6 = i32.add v5, v9
  branch v6 b2(v6) b3
b3:
  return v6
"""

# What replaces what in SOUND, and what the rule that is broken says.
BREAKS = [
    ("i32.add v5, v9", "i32.add v5", "operands are as many"),
    ("i32.add v5, v9", "i64.add v5, v9", "operands are as many"),
    ("v9 = i32.const 7", "v9 = i64.const 7", "operands are as many"),
    ("v9 = i32.const 7", "v9 = i32.const -1", "immediates are"),
    ("mem 0 align 2 offset 0 !0", "!0", "immediates are"),
    ("i32.home 0\n  jump b2(v0)", "i32.home\n  jump b2(v0)", "immediates are"),
    (" !0 @2", " @2", "what may leave has a snapshot"),
    ("i32.add v5, v9", "i32.add v5, v9 !0", "what may leave has a snapshot"),
    ("!0 @2", "!1 @2", "what may leave has a snapshot"),
    ("r0=v4", "r0=v4 r0=v4", "snapshots are states of frames"),
    ("jump b2(v1)", "jump b2", "edges bring a value"),
    ("jump b2(v1)", "jump b2(v1, v1)", "edges bring a value"),
    ("v1 = i32.home 0", "v1 = i64.home 1", "edges bring a value"),
    ("branch v6 b2(v6) b3", "jump b2(v0)", "a value is computed before it is used"),
    ("  v6 = i32.add v5, v9\n", "  v6 = i32.add v7, v9\n  v7 = i32.add v5, v9\n", "a value is computed before"),
    ("r0=v4", "r0=v6", "a value is computed before"),
    ("return v6", "return v0", "a value is computed before"),
    (" loop:", ":", "is marked as a loop"),
    ("entry 3: b1", "entry 3: b0", "entries are blocks"),
    ("entry 3: b1", "entry 3: b2", "entries are blocks"),
    ("entry call: b0\nentry 3: b1\n", "", "entries are blocks"),
    ("v6 = i32.add v5, v9", "v6 = i32.home 0", "parameters, constants and homes"),
    ("  return v6\n", "", "a block that is reached has an end"),
]


def faults_of(text: str) -> list[str]:
    return faults(parse(text, GUEST))


def test_sound() -> None:
    assert faults_of(SOUND) == []


@pytest.mark.parametrize(("old", "new", "rule"), BREAKS)
def test_broken(old: str, new: str, rule: str) -> None:
    assert SOUND.count(old) == 1
    found = faults_of(SOUND.replace(old, new))
    assert found
    assert all(rule in fault for fault in found), found


def graph() -> Graph:
    return parse(SOUND, GUEST)


def test_parallel_lists() -> None:
    broken = graph()
    broken.pc.append(3)
    assert "run in parallel" in faults(broken)[0]


def test_type_of_a_row() -> None:
    broken = graph()
    broken.type[6] = Type.I64
    assert "has its row's type" in faults(broken)[0]


def test_edge_to_nowhere() -> None:
    broken = graph()
    broken.entries[9] = 40
    assert "edges and entries lead to blocks" in faults(broken)[0]


def test_defined_twice() -> None:
    broken = graph()
    broken.blocks[3].code.append(6)
    assert "a value is defined once" in faults(broken)[0]


def test_condition() -> None:
    broken = graph()
    long = broken.value(irop("i64.const"), (), 1)
    broken.blocks[2].end.condition = long  # type: ignore[union-attr]
    assert "branches look at an i32" in faults(broken)[0]


def test_result_far_from_its_call() -> None:
    late = "  v7 = call v6, v8 func 0 !0\n  v10 = i32.add v6, v6\n  v11 = i32.result v7 0\n  return v11"
    text = SOUND.replace("  return v6", late)
    text = text.replace("v9 = i32.const 7", "v8 = i64.const 1\nv9 = i32.const 7")
    assert "results follow their call" in faults_of(text)[0]


def test_snapshot_without_frames() -> None:
    broken = graph()
    broken.snapshots[0] = Snapshot((), 0)
    assert "snapshots are states of frames" in faults(broken)[0]


# What the rules say that the tests behind BREAKS break.
ALSO = (
    "run in parallel",
    "has its row's type",
    "edges and entries lead to blocks",
    "a value is defined once",
    "branches look at an i32",
    "results follow their call",
)


def test_every_rule_is_broken_here() -> None:
    parts = [*ALSO, *(rule for _, _, rule in BREAKS)]
    assert [rule.says for rule in RULES if not any(part in rule.says for part in parts)] == []


def test_verify_crashes() -> None:
    broken = graph()
    broken.pc.append(3)
    with pytest.raises(Crash, match="not well-formed"):
        verify(broken)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("loops", [True, False])
def test_built_graphs_are_sound(seed: int, loops: bool) -> None:
    for metered in (False, True):
        for code in program(module(seed), metered=metered).funcs:
            verify(graph_of(code, loops=loops))
