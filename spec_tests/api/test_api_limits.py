"""Limits of guests: each ends in a trap with its code, and the store goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import refsfi
from refsfi import TrapCode
from spec_tests.api.support import SPIN, exports, host, store_of, trap_code

# Seconds. What is measured may be late by what a busy machine takes to let a thread run; a guest that is not stopped
# would never return.
LIMIT = 0.05
LATE = 2.0


def spinning(store: refsfi.Store) -> refsfi.InstanceExports:
    return exports(store, SPIN, host(store, lambda: None))


def assert_usable(store: refsfi.Store, found: refsfi.InstanceExports) -> None:
    assert found["seven"](store) == 7


def elapsed(act: Callable[[], object]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start


# --- time


def test_a_call_may_take_so_long() -> None:
    store = store_of()
    found = spinning(store)
    took = elapsed(lambda: trap_code(lambda: found["spin"].call(store, timeout=LIMIT)))
    assert LIMIT <= took < LIMIT + LATE
    assert trap_code(lambda: found["spin"].call(store, timeout=LIMIT)) is TrapCode.INTERRUPT
    assert found["seven"].call(store, timeout=LIMIT) == 7
    assert_usable(store, found)


def test_each_call_of_an_engine_may_take_so_long() -> None:
    store = store_of(timeout=LIMIT)
    found = spinning(store)
    for _ in range(2):
        assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
        assert_usable(store, found)
    time.sleep(2 * LIMIT)
    # The time between calls does not count.
    assert_usable(store, found)


def test_a_store_has_so_long_in_all() -> None:
    store = store_of()
    found = spinning(store)
    store.set_timeout(LIMIT)
    assert_usable(store, found)
    assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
    assert trap_code(lambda: found["seven"](store)) is TrapCode.INTERRUPT
    store.set_timeout(None)
    assert_usable(store, found)


def test_time_limits_nest_and_the_earlier_one_counts() -> None:
    store = store_of()
    found = spinning(store)
    with store.time_limit(LIMIT), store.time_limit(60):
        assert elapsed(lambda: trap_code(lambda: found["spin"](store))) < LATE
    with store.time_limit(60):
        with store.time_limit(LIMIT):
            assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
        assert_usable(store, found)


def test_a_time_limit_can_be_moved_on() -> None:
    store = store_of()
    found = spinning(store)
    store.set_timeout(0.01)
    store.set_timeout(60)
    time.sleep(0.05)
    assert_usable(store, found)
    store.set_timeout(0.02)
    assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT


def test_a_start_function_is_stopped() -> None:
    store = store_of(timeout=LIMIT)
    assert trap_code(lambda: exports(store, "(module (func $f (loop (br 0))) (start $f))")) is TrapCode.INTERRUPT


@pytest.mark.parametrize(
    "body",
    [
        "(loop (br 0))",
        "(loop (br_if 0 (i32.const 1)))",
        "(loop (br_table 0 0 (i32.const 0)))",
        "(loop (call $f) (br 0))",
    ],
)
def test_every_kind_of_loop_is_stopped(body: str) -> None:
    store = store_of(timeout=LIMIT)
    found = exports(store, f'(module (func $f) (func (export "spin") {body}))')
    assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT


def test_tail_calls_are_stopped() -> None:
    store = store_of(timeout=LIMIT)
    found = exports(store, '(module (func $f (export "spin") return_call $f))')
    assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_time_limits_hold_in_a_child_process() -> None:
    store = store_of(timeout=LIMIT)
    found = spinning(store)
    with store.time_limit(3600):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT


def test_a_thousand_limits_do_not_pile_up() -> None:
    from refsfi.api.interrupt import WATCH

    store = store_of(timeout=3600.0)
    found = spinning(store)
    for _ in range(1000):
        found["seven"](store)
    assert sum(reference() is store._context for _, _, reference in WATCH._due) <= 1


# --- interruption


def interrupting(store: refsfi.Store, after: float = LIMIT) -> threading.Timer:
    timer = threading.Timer(after, store.interrupt)
    timer.start()
    return timer


def test_another_thread_interrupts() -> None:
    store = store_of()
    found = spinning(store)
    timer = interrupting(store)
    assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
    timer.join()
    assert_usable(store, found)


def test_an_interrupt_of_nothing_is_nothing() -> None:
    store = store_of()
    found = spinning(store)
    store.interrupt()
    assert_usable(store, found)


def test_an_interrupt_that_comes_too_late_is_forgotten() -> None:
    store = store_of()
    found = exports(store, SPIN, host(store, store.interrupt))
    # The host function interrupts the guest, which ends before it looks.
    found["nested"](store)
    assert_usable(store, found)


def test_an_interrupt_stops_the_innermost_call_first() -> None:
    store = store_of()
    found: Any = None

    def back() -> None:
        timer = interrupting(store)
        assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
        timer.join()

    found = exports(store, SPIN, host(store, back))
    found["nested"](store)
    assert_usable(store, found)


def test_an_interrupt_goes_through_the_host() -> None:
    store = store_of()
    found: Any = None
    found = exports(store, SPIN, host(store, lambda: found["spin"](store)))
    timer = interrupting(store)
    with pytest.raises(refsfi.Trap) as caught:
        found["nested"](store)
    timer.join()
    assert [frame.func_index for frame in caught.value.frames] == [1, 4]
    assert_usable(store, found)


def test_a_signal_handler_interrupts() -> None:
    store = store_of()
    found = spinning(store)
    before = signal.signal(signal.SIGALRM, lambda number, frame: store.interrupt())
    try:
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
    finally:
        signal.signal(signal.SIGALRM, before)
    assert_usable(store, found)


def test_ctrl_c_is_keyboard_interrupt_and_the_store_goes_on() -> None:
    script = textwrap.dedent(
        """
        import os, refsfi, signal, threading
        from spec_tests.api.support import SPIN, exports, host
        store = refsfi.Store()
        found = exports(store, SPIN, host(store, lambda: None))
        try:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            found["spin"](store)
        except KeyboardInterrupt:
            print("interrupted", found["seven"](store))
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("interrupted 7\n", "")


def test_epochs_from_another_thread() -> None:
    store = store_of(epoch_interruption=True)
    found = spinning(store)
    store.set_epoch_deadline(3)
    ticking = threading.Event()

    def tick() -> None:
        while not ticking.wait(0.01):
            store.engine.increment_epoch()

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        assert trap_code(lambda: found["spin"](store)) is TrapCode.INTERRUPT
    finally:
        ticking.set()
        ticker.join()
    store.set_epoch_deadline(1)
    assert_usable(store, found)


# --- stack


def test_endless_recursion() -> None:
    store = store_of()
    found = spinning(store)
    for _ in range(2):
        assert trap_code(lambda: found["recurse"](store)) is TrapCode.STACK_OVERFLOW
        assert_usable(store, found)


def test_the_stack_has_a_size() -> None:
    text = """(module (func $f (export "depth") (param i32) (result i32)
      (if (result i32) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1)))))"""
    small, large = store_of(max_wasm_stack=10_000), store_of(max_wasm_stack=10_000_000)
    assert exports(small, text)["depth"](small, 50) == 1
    assert trap_code(lambda: exports(small, text)["depth"](small, 1000)) is TrapCode.STACK_OVERFLOW
    assert exports(large, text)["depth"](large, 50_000) == 1


def test_guest_and_host_calling_each_other_for_ever() -> None:
    store = store_of()
    found: Any = None
    found = exports(store, SPIN, host(store, lambda: found["nested"](store)))
    assert trap_code(lambda: found["nested"](store)) is TrapCode.STACK_OVERFLOW
    assert_usable(store, found)


# --- memory, tables, numbers of things

GROWING = """(module (memory 1) (table 1 externref)
  (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "table") (param i32) (result i32) (table.grow (ref.null extern) (local.get 0)))
  (func (export "allocate") (loop (drop (memory.grow (i32.const 1))) (br 0))))"""


def test_growth_ends_in_minus_one() -> None:
    store = store_of()
    store.set_limits(memory_size=3 << 16, table_elements=10)
    found = exports(store, GROWING)
    assert [found["memory"](store, 2), found["memory"](store, 1)] == [1, -1]
    assert [found["table"](store, 9), found["table"](store, 1)] == [1, -1]


def test_growth_ends_in_a_trap_where_that_is_asked_for() -> None:
    store = store_of()
    store.set_limits(memory_size=3 << 16, table_elements=10, trap_on_grow_failure=True)
    found = exports(store, GROWING)
    for name, code in (("memory", TrapCode.MEMORY_OUT_OF_BOUNDS), ("table", TrapCode.TABLE_OUT_OF_BOUNDS)):
        with pytest.raises(refsfi.Trap, match=f"wasm trap: forcing trap when growing {name} by 20 ") as caught:
            found[name](store, 20)
        assert caught.value.trap_code is code
    assert found["memory"](store, 1) == 1
    assert trap_code(lambda: found["allocate"](store)) is TrapCode.MEMORY_OUT_OF_BOUNDS


def test_allocating_for_ever_ends_with_the_time() -> None:
    store = store_of(timeout=0.3)
    store.set_limits(memory_size=1 << 20)
    found = exports(store, GROWING)
    assert trap_code(lambda: found["allocate"](store)) is TrapCode.INTERRUPT


def test_structures_that_a_guest_keeps() -> None:
    store = store_of()
    store.set_limits(gc_heap_size=1 << 20)
    found = exports(
        store,
        """(module (type $list (struct (field (ref null $list))))
             (global $all (mut (ref null $list)) (ref.null $list))
             (func (export "keep") (loop (global.set $all (struct.new $list (global.get $all))) (br 0)))
             (func (export "forget") (global.set $all (ref.null $list)))
             (func (export "length") (param i32)
               (loop (global.set $all (struct.new $list (global.get $all)))
                 (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))""",
    )
    assert trap_code(lambda: found["keep"](store)) is TrapCode.ALLOCATION_TOO_LARGE
    found["forget"](store)
    found["length"](store, 100)


def test_numbers_of_instances_memories_and_tables() -> None:
    store = store_of()
    store.set_limits(instances=2, memories=1, tables=1)
    exports(store, "(module (memory 1))")
    with pytest.raises(refsfi.WasmtimeError, match="memory count too high at 2"):
        refsfi.Memory(store, refsfi.MemoryType(refsfi.Limits(1, None)))
    refsfi.Table(store, refsfi.TableType(refsfi.ValType.funcref(), refsfi.Limits(1, None)), None)
    with pytest.raises(refsfi.WasmtimeError, match="table count too high at 2"):
        exports(store, "(module (table 1 funcref))")
    exports(store, "(module)")
    with pytest.raises(refsfi.WasmtimeError, match="instance count too high at 3"):
        exports(store, "(module)")


def test_fuel() -> None:
    store = store_of(consume_fuel=True)
    found = spinning(store)
    store.set_fuel(10_000)
    assert trap_code(lambda: found["spin"](store)) is TrapCode.OUT_OF_FUEL
    assert store.get_fuel() == 0
    store.set_fuel(2)
    assert_usable(store, found)


# --- what crosses the host's frames


def test_a_trap_of_the_guest_crosses_the_host_as_the_same_object() -> None:
    store = store_of()
    seen: list[refsfi.Trap] = []
    found: Any = None

    def back() -> None:
        try:
            found["bad"](store)
        except refsfi.Trap as trap:
            seen.append(trap)
            raise

    text = """(module (import "" "" (func $host)) (func (export "bad") unreachable) (func (export "f") call $host))"""
    found = exports(store, text, host(store, back))
    with pytest.raises(refsfi.Trap) as caught:
        found["f"](store)
    assert caught.value is seen[0]
    assert caught.value.trap_code is TrapCode.UNREACHABLE


def test_an_exit_of_the_guest_crosses_the_host() -> None:
    store = store_of()
    store.set_wasi(refsfi.WasiConfig())
    linker = refsfi.Linker(store.engine)
    linker.define_wasi()
    found: Any = None
    linker.define_func("", "host", refsfi.FuncType([], []), lambda: found["leave"](store, 42))
    module = refsfi.Module(
        store.engine,
        """(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (import "" "host" (func $host))
             (func (export "leave") (param i32) (call $exit (local.get 0))) (func (export "f") (call $host)))""",
    )
    found = linker.instantiate(store, module).exports(store)
    with pytest.raises(refsfi.ExitTrap) as caught:
        found["f"](store)
    assert caught.value.code == 42


THROWING = """(module (import "" "" (func $host)) (tag $t (export "t") (param i32 f64))
  (func (export "throw") (throw $t (i32.const -5) (f64.const 0.5)))
  (func (export "f") (result i32 f64)
    (block $caught (result i32 f64) (try_table (catch $t $caught) (call $host)) (i32.const 0) (f64.const 0))))"""


def test_an_exception_of_the_guest_crosses_the_host_and_is_caught() -> None:
    store = store_of()
    found: Any = None

    def back() -> None:
        found["throw"](store)

    found = exports(store, THROWING, host(store, back))
    assert found["f"](store) == [-5, 0.5]


def test_an_exception_that_nobody_catches() -> None:
    store = store_of()
    found = exports(store, THROWING, host(store, lambda: None))
    with pytest.raises(refsfi.UncaughtException) as caught:
        found["throw"](store)
    error = caught.value
    assert error.values == [-5, 0.5]
    assert error.tag.eq(store, found["t"])
    assert error.trap_code is None
    assert str(error).endswith("Caused by:\n    thrown Wasm exception\n")


def test_what_a_host_function_raises_is_no_exception_of_the_guest() -> None:
    store = store_of()

    def fail() -> None:
        raise KeyError("host's")

    found = exports(
        store,
        """(module (import "" "" (func $host))
             (func (export "f") (block (try_table (catch_all 0) (call $host)))))""",
        host(store, fail),
    )
    with pytest.raises(KeyError, match="host's"):
        found["f"](store)
