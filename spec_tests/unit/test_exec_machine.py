"""The machine: calls, traps and their backtraces, limits, exceptions across the border to the host, interruption."""

from __future__ import annotations

import threading
import time

import pytest

from refsfi.errors import Exhaustion, GuestException, LimitError, MemoryFault, Trap, TrapCode
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Store
from refsfi.runtime.values import ExnInst
from refsfi.syntax.types import I32
from spec_tests.unit.support import Guest, host


def test_a_trap_names_the_frames_innermost_first_and_the_store_works_on() -> None:
    guest = Guest(
        """(module
          (func $inner (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
          (func $outer (export "outer") (param i32) (result i32)
            (local i32) (i32.add (call $inner (local.get 0)) (i32.const 1))))"""
    )
    with pytest.raises(Trap) as caught:
        guest("outer", 0)
    trap = caught.value
    assert trap.code is TrapCode.INTEGER_DIVISION_BY_ZERO
    assert [(f.func_name, f.instr) for f in trap.frames] == [("inner", 2), ("outer", 1)]
    assert guest.store.frame is None
    assert guest.store.room == guest.store.limits.stack
    assert guest("outer", 1) == [2]


def test_a_memory_fault_tells_effective_address_and_size() -> None:
    guest = Guest('(module (memory 1) (func (export "f") (param i32) (drop (i64.load offset=8 (local.get 0)))))')
    with pytest.raises(Trap) as caught:
        guest("f", 0xFFF1)
    assert caught.value.fault == MemoryFault(0xFFF9, 0x10000)
    guest("f", 0xFFF0)


@pytest.mark.parametrize("address", [0xFFFD, 0xFFFF, 0x10000, 0xFFFFFFFF])
@pytest.mark.parametrize("offset", [0, 4, 0xFFFFFFFF])
def test_no_access_wraps_around(address: int, offset: int) -> None:
    guest = Guest(
        f"""(module (memory 1)
          (func (export "load") (param i32) (result i32) (i32.load offset={offset} (local.get 0)))
          (func (export "store") (param i32) (i32.store offset={offset} (local.get 0) (i32.const -1))))"""
    )
    for name in ("load", "store"):
        with pytest.raises(Trap) as caught:
            guest(name, address)
        assert caught.value.fault == MemoryFault(address + offset, 0x10000)
    assert not any(guest.instance.mem0.data[:])


def test_an_address_of_64_bits_may_be_larger_than_any_index() -> None:
    guest = Guest(
        """(module (memory i64 1)
          (func (export "word") (param i64) (result i32) (i32.load offset=0xffffffffffffffff (local.get 0)))
          (func (export "byte") (param i64) (result i32) (i32.load8_u (local.get 0)))
          (func (export "vector") (param i64) (v128.store (local.get 0) (v128.const i64x2 1 1))))"""
    )
    for name in ("word", "byte", "vector"):
        with pytest.raises(Trap) as caught:
            guest(name, (1 << 64) - 1)
        assert caught.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS


def test_a_large_memory_costs_nothing_until_it_is_touched() -> None:
    guest = Guest(
        """(module (memory 65536)
          (func (export "f") (result i32) (i32.store8 (i32.const -1) (i32.const 7)) (i32.load8_u (i32.const -1))))"""
    )
    assert guest("f") == [7]


def test_what_cannot_be_allocated_is_refused() -> None:
    with pytest.raises(LimitError, match="memory"):
        Guest("(module (memory 3))", limits=Limits(memory=2 << 16))
    with pytest.raises(LimitError, match="memory"):
        Guest("(module (memory i64 0x1_0000_0000_0000))")
    with pytest.raises(LimitError, match="table"):
        Guest("(module (table 0xffff_ffff funcref))")


def test_endless_recursion_exhausts_the_stack_and_not_pythons() -> None:
    guest = Guest(
        """(module
          (func $f (export "f") (call $f))
          (func $even (export "even") (param i64) (result i32)
            (if (result i32) (i64.eqz (local.get 0)) (then (i32.const 1))
              (else (return_call $odd (i64.sub (local.get 0) (i64.const 1))))))
          (func $odd (param i64) (result i32)
            (if (result i32) (i64.eqz (local.get 0)) (then (i32.const 0))
              (else (return_call $even (i64.sub (local.get 0) (i64.const 1)))))))"""
    )
    with pytest.raises(Exhaustion) as caught:
        guest("f")
    assert caught.value.code is TrapCode.STACK_OVERFLOW
    assert len(caught.value.frames) == 20
    assert guest("even", 100_000) == [1]


def test_recursion_through_the_host_ends_in_the_same_trap() -> None:
    depth = 0

    def again() -> tuple[()]:
        nonlocal depth
        depth += 1
        guest("f")
        return ()

    guest = Guest('(module (import "" "again" (func $again)) (func (export "f") (call $again)))', [host(again)])
    with pytest.raises(Exhaustion) as caught:
        guest("f")
    assert caught.value.code is TrapCode.STACK_OVERFLOW
    assert depth == guest.store.limits.host_nesting
    assert guest.store.nesting == 0


def test_a_backtrace_crosses_the_host() -> None:
    guest = Guest(
        """(module (import "" "again" (func $again))
          (func $inner (export "inner") unreachable)
          (func $outer (export "outer") (call $again)))""",
        [host(lambda: tuple(guest("inner")))],
    )
    with pytest.raises(Trap) as caught:
        guest("outer")
    assert [f.func_name for f in caught.value.frames] == ["inner", "outer"]


THROWER = """(module (tag $t (export "t") (param i32))
  (import "" "middle" (func $middle))
  (func (export "throw") (throw $t (i32.const 7)))
  (func (export "catch") (result i32)
    (block $h (result i32)
      (try_table (catch $t $h) (call $middle))
      (i32.const 0))))"""


def test_a_guest_exception_passes_through_host_frames() -> None:
    text = THROWER.replace("(tag", "(tag", 1).replace('(import "" "middle" (func $middle))', "", 1)
    text = text.replace("(module ", '(module (import "" "middle" (func $middle)) ', 1)
    guest = Guest(text, [host(lambda: tuple(guest("throw")))])
    assert guest("catch") == [7]
    with pytest.raises(GuestException) as caught:
        guest("throw")
    assert isinstance(caught.value.exception, ExnInst)
    assert caught.value.exception.fields == [7]
    assert guest.store.frame is None
    assert guest.store.room == guest.store.limits.stack


def test_an_exception_of_the_host_passes_through_the_guest_as_it_is() -> None:
    class Special(Exception):
        pass

    def fail() -> tuple[()]:
        raise Special

    guest = Guest(
        """(module (import "" "fail" (func $fail))
          (func (export "f") (result i32)
            (block $h (try_table (catch_all $h) (call $fail))) (i32.const 1)))""",
        [host(fail)],
    )
    with pytest.raises(Special):
        guest("f")
    assert guest.store.frame is None


def test_another_thread_stops_a_loop_and_the_store_is_usable_again() -> None:
    guest = Guest(
        """(module
          (func (export "spin") (loop $l (br $l)))
          (func (export "spin_if") (loop $l (br_if $l (i32.const 1))))
          (func $f (export "rec") (loop $l (call $g) (br $l)))
          (func $g)
          (func (export "ok") (result i32) (i32.const 3)))"""
    )
    for name in ("spin", "spin_if", "rec"):
        timer = threading.Timer(0.02, lambda: setattr(guest.store, "stop", Exhaustion(TrapCode.INTERRUPT)))
        timer.start()
        started = time.monotonic()
        with pytest.raises(Exhaustion) as caught:
            guest(name)
        assert time.monotonic() - started < 5
        assert caught.value.code is TrapCode.INTERRUPT
        guest.store.stop = None
        assert guest("ok") == [3]


def test_two_instances_of_a_program_share_code_and_nothing_else() -> None:
    store = Store()
    text = '(module (global $g (mut i32) (i32.const 0)) (func (export "next") (result i32)'
    text += " (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))"
    first = Guest(text, store=store)
    from refsfi.exec.instantiate import instantiate
    from refsfi.exec.machine import invoke

    second = instantiate(store, first.program, ())
    assert first("next") == [1]
    assert first("next") == [2]
    func = second.exports["next"]
    assert invoke(store, func, ()) == [1]  # type: ignore[arg-type]
    assert first.instance.funcs[0].code is second.funcs[0].code  # type: ignore[union-attr]


def test_host_results_arrive_in_order() -> None:
    guest = Guest(
        """(module (import "" "two" (func $two (param i32) (result i32 i32)))
          (func (export "f") (param i32) (result i32) (i32.sub (call $two (local.get 0)))))""",
        [host(lambda x: (x * 10, x), [I32], [I32, I32])],
    )
    assert guest("f", 4) == [36]


@pytest.mark.parametrize(
    ("body", "pc"),
    [
        ("(if (i32.div_u (i32.const 1) (local.get 0)) (then))", 2),
        ("(if (i32.eqz (i32.rem_s (i32.const 1) (local.get 0))) (then))", 2),
        ("(block (br_if 0 (i32.div_s (i32.const 1) (local.get 0))))", 3),
        ("(loop (br_if 0 (i32.rem_u (i32.const 1) (local.get 0))))", 3),
        ("(if (i32.trunc_f64_s (f64.const nan)) (then))", 1),
        ("(if (i32.eqz (i32.trunc_f32_u (f32.const -1))) (then))", 1),
        ("(if (i64.eqz (i64.trunc_f64_u (f64.const inf))) (then))", 1),
    ],
)
def test_a_condition_that_traps_is_where_the_trap_is(body: str, pc: int) -> None:
    for fuel in (None, 100):
        guest = Guest(f'(module (func (export "f") (param i32) {body}))', fuel=fuel)
        with pytest.raises(Trap) as caught:
            guest("f", 0)
        assert caught.value.frames[0].instr == pc
    # One unit for the call, one for each instruction up to the trap that is no structure.
    assert guest.store.fuel == 100 - 1 - (pc + 1 - ("block" in body or "loop" in body))
