"""Threads: a store belongs to one at a time, and says so; engines, modules, linkers and shared memories to all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import refsfi
from refsfi import TrapCode
from spec_tests.api.support import SPIN, exports, host, store_of, trap_code


def in_threads(*acts: Callable[[], Any]) -> list[Any]:
    """What each returns or raises, run at once."""
    found: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            found[number] = act()
        except BaseException as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return found


def spin_in_a_thread(store: refsfi.Store, found: refsfi.InstanceExports) -> threading.Thread:
    thread = threading.Thread(target=lambda: trap_code(lambda: found["spin"](store)))
    thread.start()
    while store._context.owner is None:
        time.sleep(0.001)
    return thread


USES: list[tuple[str, Callable[[refsfi.Store, refsfi.InstanceExports], object]]] = [
    ("call", lambda s, e: e["seven"](s)),
    ("instantiate", lambda s, e: exports(s, "(module)")),
    ("memory", lambda s, e: e["memory"].size(s)),
    ("memory read", lambda s, e: e["memory"].read(s, 0, 1)),
    ("memory item", lambda s, e: e["memory"][0]),
    ("table", lambda s, e: e["table"].get(s, 0)),
    ("global", lambda s, e: e["global"].value(s)),
    ("timeout", lambda s, e: s.set_timeout(5)),
    ("gc", lambda s, e: s.gc()),
    ("new memory", lambda s, e: refsfi.Memory(s, refsfi.MemoryType(refsfi.Limits(1, None)))),
]


@pytest.mark.parametrize("use", [use for _, use in USES], ids=[name for name, _ in USES])
def test_a_second_thread_is_refused_while_a_guest_runs(
    use: Callable[[refsfi.Store, refsfi.InstanceExports], object],
) -> None:
    store = store_of()
    more = (
        '(memory (export "memory") 1) (table (export "table") 1 funcref) (global (export "global") i32 (i32.const 1))'
    )
    text = f"{SPIN[:-1]} {more})"
    found = exports(store, text, host(store, lambda: None))
    objects = dict(found)
    assert objects
    thread = spin_in_a_thread(store, found)
    try:
        with pytest.raises(refsfi.WasmtimeError, match="the store is in use by another thread"):
            use(store, found)
    finally:
        store.interrupt()
        thread.join(60)
    use(store, found)


def test_a_store_goes_from_thread_to_thread() -> None:
    store = store_of()
    found = exports(store, SPIN, host(store, lambda: None))
    for _ in range(3):
        assert in_threads(lambda: found["seven"](store)) == [7]


def test_stores_of_one_engine_run_at_once() -> None:
    engine = refsfi.Engine()
    module = refsfi.Module(
        engine,
        """(module (func $fib (export "fib") (param i32) (result i32)
             (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add
               (call $fib (i32.sub (local.get 0) (i32.const 1)))
               (call $fib (i32.sub (local.get 0) (i32.const 2))))))))""",
    )
    linker = refsfi.Linker(engine)

    def run() -> list[int]:
        store = refsfi.Store(engine)
        fib = linker.instantiate(store, module).exports(store)["fib"]
        return [fib(store, n) for n in range(13)]

    expected = run()
    assert expected[12] == 144
    assert in_threads(*[run] * 8) == [expected] * 8


WAITING = """(module (import "" "memory" (memory 1 1 shared))
  (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
  (func (export "wake") (result i32)
    (loop (br_if 0 (i32.eqz (memory.atomic.notify (i32.const 0) (i32.const 1))))) (i32.const 1))
  (func (export "add") (param i32)
    (loop (drop (i32.atomic.rmw.add (i32.const 4) (i32.const 1)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""


def sharing(count: int) -> tuple[refsfi.SharedMemory, list[tuple[refsfi.Store, refsfi.InstanceExports]]]:
    config = refsfi.Config()
    config.wasm_threads = True
    config.shared_memory = True
    engine = refsfi.Engine(config)
    memory = refsfi.SharedMemory(engine, refsfi.MemoryType(refsfi.Limits(1, 1), shared=True))
    module = refsfi.Module(engine, WAITING)
    found = []
    for _ in range(count):
        store = refsfi.Store(engine)
        found.append((store, refsfi.Instance(store, module, [memory]).exports(store)))
    return memory, found


def test_guests_wait_for_each_other() -> None:
    _, ((waiting, a), (waking, b)) = sharing(2)
    assert in_threads(lambda: a["wait"](waiting), lambda: b["wake"](waking)) == [0, 1]


def test_atomic_instructions_lose_nothing() -> None:
    memory, found = sharing(4)
    in_threads(*(lambda s=store, e=exported: e["add"](s, 500) for store, exported in found))
    assert int.from_bytes(bytes(memory.view()[4:8]), "little") == 2000


def test_a_waiting_guest_is_interrupted() -> None:
    _, ((store, found),) = sharing(1)
    with store.time_limit(0.05):
        assert trap_code(lambda: found["wait"](store)) is TrapCode.INTERRUPT


def test_a_memory_of_the_host_may_go_to_many_stores_only_if_it_is_shared() -> None:
    store, other = store_of(), store_of()
    memory = refsfi.Memory(store, refsfi.MemoryType(refsfi.Limits(1, 1)))
    with pytest.raises(refsfi.WasmtimeError, match="cross-`Store`"):
        exports(other, '(module (import "" "" (memory 1)))', memory)
    with pytest.raises(refsfi.WasmtimeError, match="wrong store"):
        memory.size(other)
