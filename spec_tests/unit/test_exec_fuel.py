"""Fuel: one unit an instruction and one for entering a function, none for structure, exact at every way out."""

from __future__ import annotations

import pytest

from refsfi.errors import Exhaustion, Trap, TrapCode
from refsfi.syntax.types import I32
from spec_tests.unit.support import Guest, host

PLENTY = 1_000_000


def spent(text: str, name: str = "f", *arguments: int) -> int:
    guest = Guest(text, fuel=PLENTY)
    guest(name, *arguments)
    assert guest.store.fuel is not None
    return PLENTY - guest.store.fuel


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ("", 0),
        ("nop", 0),
        ("(drop (i32.const 1))", 1),
        ("(block (nop)) (loop (nop))", 0),
        ("(drop (i32.add (i32.const 1) (i32.const 2)))", 3),
        ("(local.set 0 (i32.const 1))", 2),
        ("(if (i32.const 1) (then (local.set 0 (i32.const 1))) (else nop))", 4),
        ("(if (i32.const 0) (then (local.set 0 (i32.const 1))) (else nop))", 2),
        ("(return)", 0),
        ("(block (br 0) (drop (i32.const 1)))", 1),
        ("(call $nothing)", 2),
        ("(drop (call $seven))", 3),
    ],
)
def test_cost_of(body: str, cost: int) -> None:
    text = f'(module (func (export "f") (local i32) {body}) (func $nothing) (func $seven (result i32) (i32.const 7)))'
    # One for entering the function.
    assert spent(text) == 1 + cost


LOOP = """(module (memory 1) (func (export "f") (param i32) (result i32) (local i32)
  (loop $l
    (local.set 1 (i32.add (local.get 1) (local.get 0)))
    (i32.store (i32.mul (local.get 0) (i32.const 8)) (local.get 1))
    (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
  (local.get 1)))"""


def test_a_loop_costs_its_instructions_times_its_turns() -> None:
    assert spent(LOOP, "f", 10) - spent(LOOP, "f", 9) == 14


def test_too_little_fuel_stops_at_the_instruction_that_cannot_be_paid() -> None:
    whole = spent(LOOP, "f", 3)
    for fuel in range(whole):
        guest = Guest(LOOP, fuel=fuel)
        with pytest.raises(Exhaustion) as caught:
            guest("f", 3)
        assert caught.value.code is TrapCode.OUT_OF_FUEL
        assert guest.store.fuel == 0
    guest = Guest(LOOP, fuel=whole)
    assert guest("f", 3) == [6]
    assert guest.store.fuel == 0


def test_what_was_done_before_the_fuel_ran_out_stays_done() -> None:
    guest = Guest(
        '(module (memory 1) (func (export "f") (i32.store8 (i32.const 0) (i32.const 1)) '
        "(i32.store8 (i32.const 1) (i32.const 1))))",
        fuel=6,
    )
    with pytest.raises(Exhaustion) as caught:
        guest("f")
    assert guest.instance.mem0.data[:2] == b"\1\0"
    assert caught.value.frames[0].instr == 5


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ("unreachable (local.set 0 (i32.const 1))", 0),
        ("(drop (i32.load (i32.const -1))) (local.set 0 (i32.const 1))", 2),
        ("(local.set 0 (i32.div_u (local.get 0) (local.get 0))) (local.set 0 (i32.const 1))", 3),
    ],
)
def test_a_trap_gives_back_what_was_not_run(body: str, cost: int) -> None:
    guest = Guest(f'(module (memory 1) (func (export "f") (local i32) {body}))', fuel=PLENTY)
    with pytest.raises(Trap):
        guest("f")
    assert guest.store.fuel == PLENTY - 1 - cost


def test_an_exception_costs_what_was_run() -> None:
    text = """(module (tag $t)
      (func $thrower (call $h) (throw $t))
      (func $h)
      (func (export "f") (local i32)
        (block $b (try_table (catch $t $b) (call $thrower) (local.set 0 (i32.const 1))))))"""
    # try_table, call, call, throw, and two more functions entered
    assert spent(text) == 1 + 4 + 2


BULK = """(module (memory 4 5) (data $d "0123456789") (table 4 10 funcref) (elem $e func $n $n $n) (func $n)
  (type $a (array (mut i8)))
  (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
  (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
  (func (export "init") (param i32) (memory.init $d (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "grow") (param i32) (drop (memory.grow (local.get 0))))
  (func (export "new") (param i32) (drop (array.new $a (i32.const 5) (local.get 0))))
  (func (export "new_data") (param i32) (drop (array.new_data $a $d (i32.const 0) (local.get 0))))
  (func (export "table_fill") (param i32) (table.fill (i32.const 0) (ref.null func) (local.get 0)))
  (func (export "table_init") (param i32) (table.init $e (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "table_grow") (param i32) (drop (table.grow (ref.null func) (local.get 0)))))"""


@pytest.mark.parametrize(
    ("name", "count", "more"),
    [
        *(("fill", n, n) for n in (0, 1, 1000)),
        ("copy", 1000, 1000),
        ("init", 10, 10),
        ("grow", 1, 1),
        ("grow", 2, 0),
        ("new", 12, 12),
        ("new_data", 7, 7),
        ("table_fill", 3, 3),
        ("table_init", 2, 2),
        ("table_grow", 6, 6),
        ("table_grow", 7, 0),
    ],
)
def test_bulk_instructions_cost_their_length_where_they_do_it(name: str, count: int, more: int) -> None:
    instructions = {"grow": 2, "new": 3, "new_data": 3, "table_grow": 3}.get(name, 4)
    assert spent(BULK, name, count) == 1 + instructions + more


def test_fuel_that_does_not_suffice_for_a_bulk_instruction_is_gone() -> None:
    guest = Guest(BULK, fuel=50)
    with pytest.raises(Exhaustion) as caught:
        guest("fill", 100)
    assert caught.value.code is TrapCode.OUT_OF_FUEL
    assert guest.store.fuel == 0
    assert bytes(guest.instance.mem0.data[:100]) == bytes(100)


def test_a_bulk_instruction_out_of_bounds_costs_no_more_than_others() -> None:
    guest = Guest(BULK, fuel=PLENTY)
    with pytest.raises(Trap, match="out of bounds"):
        guest("fill", 0x40001)
    assert guest.store.fuel == PLENTY - 5


def test_a_host_function_sees_the_exact_count() -> None:
    seen = []

    def look(x: int) -> tuple[int]:
        seen.append(guest.store.fuel)
        return (x,)

    guest = Guest(
        """(module (import "" "look" (func $look (param i32) (result i32)))
          (func (export "f") (result i32) (i32.add (call $look (i32.const 1)) (call $look (i32.const 2)))))""",
        [host(look, [I32], [I32])],
        fuel=100,
    )
    guest("f")
    assert seen == [97, 95]
    assert guest.store.fuel == 94
