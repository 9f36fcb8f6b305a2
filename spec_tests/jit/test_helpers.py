"""Instructions that the interpreter executes for compiled code: results, state, fuel and traps are the interpreter's,
and no region is left for them."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from typing import Any

import pytest

from jit.options import Options
from jit.portable import Portable
from jit.x64.backend import X64Backend
from refsfi.errors import Trap
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Store
from spec_tests.jit.rows_support import left
from spec_tests.jit.support import Driver, program

_TEXT = """(module
  (memory $m 1 5) (memory $wide i64 1 4) (data $d "abcdefgh") (data $e "xyz")
  (table $t 6 20 externref) (table $f 5 9 funcref) (table $w i64 3 8 externref)
  (elem $s func $a $b $c) (elem declare func $a)
  (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2)) (func $c (result i32) (i32.const 3))
  (global $r (mut externref) (ref.null extern)) (global $g (mut funcref) (ref.func $a))
  (global $v (mut v128) (v128.const i32x4 1 2 3 4))
  (type $i (func (result i32)))
  (func (export "memory.grow") (param i32 i32 externref) (result i32 i32 i32)
    (i32.store8 (i32.const 3) (local.get 1))
    (memory.grow $m (local.get 0))
    (i32.store8 (i32.sub (i32.mul (memory.size $m) (i32.const 65536)) (i32.const 1)) (i32.const 9))
    (i32.load8_u (i32.const 3)) (memory.size $m))
  (func (export "memory.grow 64") (param i32 i32 externref) (result i64 i32)
    (i32.store8 $wide (i64.const 3) (i32.const 77))
    (memory.grow $wide (i64.extend_i32_u (local.get 0)))
    (i32.store8 $wide (i64.sub (i64.mul (memory.size $wide) (i64.const 65536)) (i64.const 1)) (local.get 1))
    (i32.load8_u $wide (i64.const 3)))
  (func $grow (param i32) (result i32) (memory.grow $wide (i64.extend_i32_u (local.get 0))) (i32.wrap_i64))
  (func (export "grows in a callee") (param i32 i32 externref) (result i32 i32)
    (i64.store $wide (i64.const 16) (i64.const 5))
    (call $grow (local.get 0))
    (i64.store $wide (i64.const 8) (i64.extend_i32_u (local.get 1)))
    (i32.wrap_i64 (i64.add (i64.load $wide (i64.const 8)) (i64.load $wide (i64.const 16)))))
  (func (export "memory.init") (param i32 i32 externref) (result i32)
    (memory.init $d (local.get 0) (local.get 1) (i32.const 3)) (i32.load (local.get 0)))
  (func (export "data.drop") (param i32 i32 externref)
    (memory.init $e (i32.const 0) (i32.const 0) (local.get 1)) (data.drop $e))
  (func (export "table.get") (param i32 i32 externref) (result externref) (table.get $t (local.get 0)))
  (func (export "table.set") (param i32 i32 externref) (table.set $t (local.get 0) (local.get 2)))
  (func (export "table.grow") (param i32 i32 externref) (result i32 i32)
    (table.grow $t (local.get 2) (local.get 0)) (table.size $t))
  (func (export "table.grow 64") (param i32 i32 externref) (result i64 i64)
    (table.grow $w (local.get 2) (i64.extend_i32_u (local.get 0))) (table.size $w))
  (func (export "table.fill") (param i32 i32 externref) (table.fill $t (local.get 0) (local.get 2) (local.get 1)))
  (func (export "table.copy") (param i32 i32 externref)
    (table.copy $t $t (local.get 0) (local.get 1) (i32.const 2)))
  (func (export "table.init") (param i32 i32 externref) (result i32)
    (table.init $f $s (local.get 0) (local.get 1) (i32.const 1))
    (call_indirect $f (type $i) (local.get 0)))
  (func (export "elem.drop") (param i32 i32 externref)
    (table.init $f $s (i32.const 0) (i32.const 0) (local.get 0)) (elem.drop $s))
  (func (export "references") (param i32 i32 externref) (result externref funcref i32 externref)
    (global.get $r) (global.set $r (local.get 2)) (global.get $g)
    (global.set $g (table.get $f (i32.const 0)))
    (ref.is_null (global.get $g)) (ref.as_non_null (global.get $r)))
  (func (export "vectors") (param i32 i32 externref) (result v128 v128)
    (global.get $v) (global.set $v (i32x4.add (global.get $v) (i32x4.splat (local.get 0)))) (atomic.fence)
    (global.get $v))
  (func (export "loop") (param i32 i32 externref) (result i32 i32) (local i32)
    (local.set 3 (i32.const 0))
    (loop $l
      (table.set $t (i32.and (local.get 3) (i32.const 3)) (table.get $t (i32.and (local.get 1) (i32.const 3))))
      (i32.store (i32.shl (local.get 3) (i32.const 2)) (i32.add (local.get 3) (table.size $t)))
      (br_if $l (i32.lt_u (local.tee 3 (i32.add (local.get 3) (i32.const 1))) (i32.const 9))))
    (i32.load (i32.const 32)) (local.get 3)))"""

_NAMES = [line.split('"')[1] for line in _TEXT.splitlines() if '(export "' in line]
_BACKENDS: dict[str, Any] = {
    "x64": lambda: X64Backend(Options(), verified=True),
    "x64, explicit": lambda: X64Backend(Options(explicit=True), verified=True),
    "x64, few registers": lambda: X64Backend(Options(registers=(5, 4)), verified=True),
    "portable": Portable,
}


def _outcome(function: Any, *arguments: Any) -> Any:
    try:
        return list(function(*arguments))
    except Trap as trap:
        return type(trap), str(trap), trap.frames, trap.fault


def _state(store: Store, instance: Any) -> Any:
    functions = [[e and e.code.func_index for e in t.elems] for t in instance.tables[1:2]]
    others = [list(t.elems) for i, t in enumerate(instance.tables) if i != 1]
    values = [g.value for i, g in enumerate(instance.globals) if i != 1]
    memories = [bytes(m.data[:]) for m in instance.mems]
    return store.fuel, store.room, functions, others, values, memories, instance.datas, len(instance.elems[0])


def _indices(values: list[Any]) -> list[Any]:
    return [v.code.func_index if hasattr(v, "code") else v for v in values] if isinstance(values, list) else values


@pytest.mark.parametrize("fuel", [None, 10_000_000, 300])
@pytest.mark.parametrize("kind", _BACKENDS)
def test_they_do_what_the_interpreter_does(kind: str, fuel: int | None) -> None:
    """Also where they trap, in range and out of it, and where the fuel does not suffice."""
    things = [f"thing {i}" for i in range(5)]
    driver = Driver(_TEXT, _BACKENDS[kind](), fuel=fuel)
    driver.compile()
    assert all(code.tier.unit is not None for code in driver.program.funcs)  # type: ignore[attr-defined]
    store = Store(fuel=fuel)
    instance = instantiate(store, program(_TEXT, metered=fuel is not None), [])
    for name in _NAMES:
        func: Any = instance.exports[name]
        store.fuel = driver.store.fuel = fuel
        for number, (x, y) in enumerate(itertools.product((0, 1, 2, 7, 70000), (0, 1, 3, 0xFFFFFFFF))):
            driver.departures.clear()
            arguments = [x, y, things[number % 5] if number % 7 else None]
            expected = _outcome(invoke, store, func, arguments)
            got = _outcome(driver, name, *arguments)
            assert _indices(got) == _indices(expected), (name, x, y)
            assert _state(driver.store, driver.instance) == _state(store, instance), (name, x, y)
            if isinstance(expected, list) and name != "table.init":
                assert not left(driver), (name, x, y)


@pytest.mark.parametrize("kind", _BACKENDS)
def test_what_they_raise_leaves_at_their_place(kind: str) -> None:
    """With all operands, and no second execution."""
    text = """(module (memory 1) (table 3 externref)
      (func (export "f") (param i32) (result i32)
        (i32.const 11) (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (drop (table.get 0 (local.get 0)))
        (i32.add (local.get 0))))"""
    driver = Driver(text, _BACKENDS[kind]())
    driver.compile()
    assert driver("f", 1) == [13]
    while not left(driver):
        driver.departures.clear()
        with pytest.raises(Trap):
            driver("f", 2)
    (departure,) = driver.departures
    assert isinstance(departure.error, Trap)
    (frame,) = departure.frames
    # The local, and the operands: 11 and the index.
    assert dict(frame.values) == {0: 3, 1: 11, 2: 3}


@pytest.mark.parametrize("kind", _BACKENDS)
def test_threads_wait_and_wake_each_other_in_compiled_code(kind: str) -> None:
    text = """(module (import "" "m" (memory 1 1 shared))
      (func (export "wait") (param i64) (result i32) (memory.atomic.wait32 (i32.const 8) (i32.const 0) (local.get 0)))
      (func (export "wait64") (param i64) (result i32)
        (memory.atomic.wait64 (i32.const 8) (i64.const 1) (local.get 0)))
      (func (export "wake") (param i64) (result i32) (memory.atomic.notify (i32.const 8) (i32.const 5))))"""
    from refsfi.runtime.memory import MemInst
    from refsfi.syntax.types import I32, Limits, MemType

    memory = MemInst(MemType(Limits(1, 1), I32, True))
    sleeper = Driver(text, _BACKENDS[kind](), imports=[memory])
    waker = Driver(text, _BACKENDS[kind](), imports=[memory])
    for driver in (sleeper, waker):
        driver.compile()
    assert sleeper("wait", 1000) == [2]
    assert sleeper("wait64", 1000) == [1]
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(sleeper("wait", (1 << 63) - 1)))
    thread.start()
    woken = 0
    while not woken:
        (woken,) = waker("wake", 0)
    thread.join()
    assert (woken, results) == (1, [[0]])
    assert not left(sleeper)
    assert not left(waker)


@pytest.mark.parametrize("kind", _BACKENDS)
def test_references_live_as_long_as_the_guest_has_them(kind: str) -> None:
    """Those that only a table or a global names, and no longer."""
    text = """(module (table $t 1 externref) (global $g (mut externref) (ref.null extern))
      (func (export "set") (param externref) (table.set $t (i32.const 0) (local.get 0)) (global.set $g (local.get 0)))
      (func (export "get") (result externref externref) (table.get $t (i32.const 0)) (global.get $g)))"""

    class Thing:
        pass

    driver = Driver(text, _BACKENDS[kind]())
    driver.compile()
    thing = Thing()
    alive = weakref.ref(thing)
    driver("set", thing)
    del thing
    gc.collect()
    first, second = driver("get")
    assert first is second is alive()
    del first, second
    for _ in range(5000):
        driver("set", Thing())
    driver.departures.clear()
    gc.collect()
    assert alive() is None
    assert not left(driver)
