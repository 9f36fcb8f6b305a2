"""Probes: called where they are and nowhere else, in order, removable; a guest runs as it would without them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from refsfi.errors import Crash, Exhaustion, Trap
from refsfi.exec.code import FuncCode, Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.exec.observed import NotBegun
from refsfi.observe.counts import Counts
from refsfi.observe.operands import operand_values
from refsfi.observe.probes import Probes
from refsfi.observe.together import together
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame, Instance, Store
from refsfi.script.files import load_script
from refsfi.script.interpreter import Interpreter
from refsfi.script.runner import Runner
from refsfi.syntax.features import DEFAULT, Feature, Features
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

CONFORMANCE = Path(__file__).parent.parent / "conformance"
FEATURES = DEFAULT | {Feature.CUSTOM_DESCRIPTORS}

LOOP = """(module (func (export "f") (param i32) (result i32) (local $s i32)
  (loop $l
    (local.set $s (i32.add (local.get $s) (local.get 0)))
    (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
  (local.get $s) (br 0) (nop)))"""
# Of LOOP: the addition, the decrement, the branch, what no control reaches.
ADD, SUB, BR_IF, DEAD = 3, 7, 9, 13


class Everything(Observer):
    """Counts by looking at each instruction."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[FuncCode, int]] = Counter()

    def before(self, frame: Frame, pc: int) -> None:
        assert frame.code is not None
        self.counts[frame.code, pc] += 1

    def trap(self, frame: Frame, pc: int, trap: Trap) -> None:
        if isinstance(trap, NotBegun):
            assert frame.code is not None
            self.counts[frame.code, pc] -= 1


def loaded(text: str, *, fuel: int | None = None) -> tuple[Store, Instance, FuncCode]:
    module = parse_module(text, FEATURES)
    store = Store(fuel=fuel)
    inst = instantiate(store, Program(module, validate(module, FEATURES), metered=fuel is not None), [])
    return store, inst, inst.program.funcs[0]


def call(store: Store, inst: Instance, *arguments: Any) -> list[Any]:
    func: Any = inst.exports["f"]
    return invoke(store, func, arguments)


@pytest.fixture
def probed() -> tuple[Store, Instance, FuncCode, Probes]:
    store, inst, code = loaded(LOOP)
    probes = Probes()
    store.observer = probes
    # So that the function has its steps.
    assert call(store, inst, 1) == [1]
    return store, inst, code, probes


Probed = tuple[Store, Instance, FuncCode, Probes]


def test_the_places_are_those_of_the_text(probed: Probed) -> None:
    body = probed[2].program.module.funcs[0].body
    assert [body[pc].op.mnemonic for pc in (ADD, SUB, BR_IF, DEAD)] == ["i32.add", "i32.sub", "br_if", "nop"]


def test_a_probe_sees_the_operands(probed: Probed) -> None:
    store, inst, code, probes = probed
    seen: list[list[Any]] = []
    probes.probe(code, ADD, lambda frame, pc: seen.append(operand_values(frame, pc, 2)))
    assert call(store, inst, 3) == [6]
    assert seen == [[0, 3], [3, 2], [5, 1]]


def test_a_probe_can_change_them(probed: Probed) -> None:
    store, inst, code, probes = probed

    def double(frame: Frame, pc: int) -> None:
        frame.regs[code.nlocals + 1] *= 2

    probes.probe(code, ADD, double)
    assert call(store, inst, 3) == [12]


def test_after_tells_where_control_went(probed: Probed) -> None:
    store, inst, code, probes = probed
    led: list[int] = []
    probes.after(code, BR_IF, lambda frame, to: led.append(to))
    call(store, inst, 3)
    assert led == [0, 0, BR_IF + 1]


def test_several_at_one_place_fire_in_order_and_go_one_by_one(probed: Probed) -> None:
    store, inst, code, probes = probed
    fired: list[str] = []
    counts = [0]
    first = probes.probe(code, SUB, lambda frame, pc: fired.append("first"))
    probes.count(code, SUB, counts, 0)
    second = probes.probe(code, SUB, lambda frame, pc: fired.append("second"))
    call(store, inst, 1)
    assert fired == ["first", "second"]
    first.remove()
    first.remove()
    call(store, inst, 2)
    assert fired == ["first", "second", "second", "second"]
    second.remove()
    call(store, inst, 1)
    assert counts == [4]


def test_nothing_is_left_behind(probed: Probed) -> None:
    _, _, code, probes = probed
    steps = {pc: code.stepwise.steps[pc] for pc in (ADD, SUB)}
    probe = probes.probe(code, ADD, lambda frame, pc: None)
    probes.probe(code, SUB, lambda frame, pc: None)
    assert code.stepwise.steps[ADD] is not steps[ADD]
    probe.remove()
    assert code.stepwise.steps[ADD] is steps[ADD]
    probes.clear()
    assert code.stepwise.steps[SUB] is steps[SUB]


def test_what_a_callback_raises_comes_out(probed: Probed) -> None:
    store, inst, code, probes = probed

    def stop(frame: Frame, pc: int) -> None:
        raise KeyError(pc)

    probe = probes.probe(code, SUB, stop)
    with pytest.raises(KeyError, match=str(SUB)):
        call(store, inst, 1)
    probe.remove()
    assert call(store, inst, 2) == [3]


def test_dead_code_takes_no_probe(probed: Probed) -> None:
    _, _, code, probes = probed
    with pytest.raises(Crash, match="cannot reach"):
        probes.probe(code, DEAD, lambda frame, pc: None)


def test_functions_are_told_once_and_before_they_run() -> None:
    store, inst, code = loaded(LOOP)
    probes = Probes()
    store.observer = probes
    told: list[FuncCode] = []
    counts = [0]

    def place(code: FuncCode) -> None:
        told.append(code)
        probes.count(code, 0, counts, 0)

    probes.on_function(place)
    call(store, inst, 2)
    call(store, inst, 1)
    assert told == [code]
    assert counts == [3]


# --- counting --------------------------------------------------------------------------------------------------------


class Counting(Interpreter):
    """Runs scripts with counting probes, and with an observer of everything beside them if it is `checked`."""

    def __init__(self, checked: bool, metered: bool = False) -> None:
        super().__init__(metered=metered)
        probes = Probes()
        self.counts = Counts(probes)
        self.everything = Everything()
        self.programs: list[Program] = []
        self._store.observer = together([probes, self.everything] if checked else [probes])

    def compile(self, module: Module, features: Features) -> Program:
        compiled = super().compile(module, features)
        self.programs.append(compiled)
        return compiled

    def counted(self) -> list[list[int]]:
        return [self.counts.of(code) for program in self.programs for code in program.funcs]

    def expected(self) -> list[list[int]]:
        seen = self.everything.counts
        return [
            [seen[code, pc] for pc in range(len(program.module.funcs[code.index].body))]
            for program in self.programs
            for code in program.funcs
        ]


@pytest.mark.parametrize("script", sorted(path.name for path in CONFORMANCE.glob("*.wast")))
def test_counts_are_those_of_looking_at_each_instruction(script: str) -> None:
    """Traps, exceptions, tail calls and all; with fuel, too. And no result differs."""
    loaded = load_script(str(CONFORMANCE / script))
    found = []
    for engine in (Counting(True), Counting(False), Counting(False, metered=True)):
        records = list(Runner(engine, FEATURES, lambda line: None).run(loaded))
        assert not [record for record in records if record.failed]
        found.append(engine.counted())
        if engine.everything.counts:
            assert found[0] == engine.expected()
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("fuel", range(1, 60))
def test_counts_are_exact_where_fuel_ends(fuel: int) -> None:
    store, inst, _ = loaded(
        """(module (memory 1) (func (export "f") (param i32) (result i32)
        (loop $l
          (memory.fill (i32.const 0) (i32.const 1) (i32.const 3))
          (call $g)
          (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 0))
        (func $g (drop (i32.add (i32.const 1) (i32.const 2)))))""",
        fuel=fuel,
    )
    probes, everything = Probes(), Everything()
    counts = Counts(probes)
    store.observer = together([probes, everything])
    with pytest.raises(Exhaustion):
        call(store, inst, 9)
    for one in inst.program.funcs:
        body = inst.program.module.funcs[one.index].body
        assert counts.of(one) == [everything.counts[one, pc] for pc in range(len(body))]


def test_a_trap_cuts_a_line() -> None:
    store, inst, code = loaded(
        """(module (func (export "f") (param i32) (result i32)
        (i32.add (i32.const 1) (i32.div_u (i32.const 6) (local.get 0)))))"""
    )
    probes = Probes()
    counts = Counts(probes)
    store.observer = probes
    call(store, inst, 3)
    with pytest.raises(Trap):
        call(store, inst, 0)
    assert counts.of(code) == [2, 2, 2, 2, 1, 1]
    assert counts.calls(code) == 2
