"""References in globals and tables that compiled code reads by itself: they are what Python's side says, whoever writes
it, and live while compiled code has them."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from typing import Any

import pytest

from jit.helper import Helper
from jit.options import Options
from jit.x64.backend import X64Backend
from jit.x64.contexts import VmContext
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Store
from refsfi.runtime.values import I31, Value
from spec_tests.jit.rows_support import left
from spec_tests.jit.support import Driver, program

_TEXT = """(module
  (type $i (func (result i32)))
  (table $t 4 anyref) (table $f 4 10 funcref) (table $w i64 2 funcref)
  (global $g (mut funcref) (ref.func $a)) (global $n (mut anyref) (ref.null any))
  (elem declare func $a $b) (elem $s funcref (ref.func $b) (ref.null func))
  (func $a (type $i) (i32.const 1)) (func $b (type $i) (i32.const 2))
  (func (export "g") (result funcref) (global.get $g))
  (func (export "n") (result anyref) (global.get $n))
  (func (export "t") (param i32) (result anyref) (table.get $t (local.get 0)))
  (func (export "f") (param i32) (result funcref) (table.get $f (local.get 0)))
  (func (export "w") (param i64) (result funcref) (table.get $w (local.get 0)))
  (func (export "set n") (param anyref) (global.set $n (local.get 0)))
  (func (export "set t") (param i32 anyref) (table.set $t (local.get 0) (local.get 1)))
  (func (export "set f") (param i32 i32)
    (if (local.get 1) (then (table.set $f (local.get 0) (ref.func $b)))
      (else (table.set $f (local.get 0) (ref.null func)))))
  (func (export "fill") (table.fill $f (i32.const 0) (ref.func $a) (i32.const 3)))
  (func (export "init") (table.init $f $s (i32.const 1) (i32.const 0) (i32.const 2)))
  (func (export "copy") (table.copy $f $f (i32.const 0) (i32.const 1) (i32.const 3)))
  (func (export "grow") (result i32) (table.grow $f (ref.func $b) (i32.const 1)))
  (func (export "all") (param i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (i32.add
        (ref.is_null (global.get $g)) (i32.add
        (ref.is_null (table.get $f (i32.and (local.get 0) (i32.const 3))))
        (ref.is_null (table.get $t (i32.and (local.get 0) (i32.const 3))))))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $sum)))"""

_OPTIONS = {"guard": Options(), "explicit": Options(explicit=True), "few registers": Options(registers=(5, 4))}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the interpreter has executed each instruction for compiled code."""
    counted = Counter[str]()
    run = Helper.run

    def counting(helper: Helper, *args: Any) -> list[Value]:
        counted[helper.instr.op.mnemonic] += 1
        return run(helper, *args)

    monkeypatch.setattr(Helper, "run", counting)
    return counted


def _driver(options: str = "guard", text: str = _TEXT, **more: Any) -> Driver:
    driver = Driver(text, X64Backend(_OPTIONS[options], verified=True), **more)
    driver.compile()
    return driver


def _vm(store: Store) -> VmContext:
    assert isinstance(store.native, VmContext)
    return store.native


def _forget(store: Store) -> None:
    """Have the references thrown away that are kept for compiled code: those are thrown away when there are many."""
    refs = _vm(store).refs
    refs._objects.extend([None] * 5000)
    refs.forget()


@pytest.mark.parametrize("options", _OPTIONS)
def test_the_interpreter_is_not_asked_again(options: str, asked: Counter[str]) -> None:
    driver = _driver(options)
    for _ in range(5):
        assert driver("all", 1000) == [2000]
    # The global is known once its function was seen; elements one by one, null as well. (Now and then a region is
    # asked to stop, so that the first pass may not see all.)
    assert 0 < asked["global.get"] <= 5
    assert 0 < asked["table.get"] <= 40
    asked.clear()
    assert driver("all", 1000) == [2000]
    assert not asked
    assert not left(driver)


@pytest.mark.parametrize("options", _OPTIONS)
def test_they_are_what_python_says_whoever_writes(options: str) -> None:
    driver = _driver(options)
    instance = driver.instance
    (t, f), (g, n) = instance.tables[:2], instance.globals

    def agree() -> None:
        for _ in range(2):
            for i in range(len(f.elems)):
                assert driver("f", i)[0] is f.elems[i]
            for i in range(len(t.elems)):
                assert driver("t", i) == [t.elems[i]]
            assert driver("g")[0] is g.value
            assert driver("n") == [n.value]

    agree()
    for value in (I31(5), None, I31(0x7FFFFFFF), "an object", None):
        driver("set n", value)
        driver("set t", 2, value)
        agree()
        # The host, and what the interpreter runs.
        n.value = None if value else I31(1)
        t.elems[1] = value
        t.changed(1, 1)
        agree()
    for x in (1, 0, 1):
        driver("set f", 2, x)
        agree()
    for name in ("fill", "init", "copy", "grow", "copy", "init", "grow"):
        driver(name)
        agree()
    g.value = f.elems[0]
    agree()
    g.value = None
    agree()
    assert driver("w", 1) == [None]
    elems = list(f.elems)
    f.elems.append(None)
    f.restore(elems[:4])
    agree()


def test_an_index_outside_is_one_for_the_interpreter() -> None:
    driver = _driver()
    for index in (0, 3, 4, 0xFFFFFFFF):
        for _ in range(3):
            if index < 4:
                driver("f", index)
            else:
                with pytest.raises(Exception, match="out of bounds table access"):
                    driver("f", index)
    for index in (1, 2, 1 << 32, (1 << 61) + 1):
        for _ in range(3):
            if index < 2:
                driver("w", index)
            else:
                with pytest.raises(Exception, match="out of bounds table access"):
                    driver("w", index)


@pytest.mark.parametrize("where", ["table", "global"])
def test_a_function_lives_while_only_compiled_code_has_it(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its instance is gone otherwise, and its record with it."""
    get, put = {
        "table": ("(table.get $t (i32.const 0))", "(table.set $t (i32.const 0) (ref.null func))"),
        "global": ("(global.get $g)", "(global.set $g (ref.null func))"),
    }[where]
    driver = _driver(
        text=f"""(module (table $t 1 funcref) (global $g (mut funcref) (ref.null func)) (memory 1)
          (func (export "see") (result i32) (ref.is_null {get}))
          (func (export "take") (result funcref) (local $r funcref)
            (local.set $r {get}) {put}
            (drop (memory.grow (i32.const 0)))
            (local.get $r)))"""
    )
    store = driver.store
    other = instantiate(store, program('(module (func (export "f") (result i32) (i32.const 42)))', metered=False), [])
    alive = weakref.ref(other)
    func: Any = other.exports["f"]
    table, cell = driver.instance.tables[0], driver.instance.globals[0]
    table.elems[0] = func
    table.changed(0, 1)
    cell.value = func
    driver("see")
    assert driver("see") == [0]
    if where == "table":
        cell.value = None
    else:
        table.elems[0] = None
        table.changed(0, 1)
    del func, other
    _forget(store)
    run = Helper.run

    def collecting(*args: Any) -> list[Value]:
        gc.collect()
        return run(*args)

    monkeypatch.setattr(Helper, "run", collecting)
    (taken,) = driver("take")
    assert invoke(store, taken, []) == [42]
    assert table.elems[0] is cell.value is None
    del taken
    _forget(store)
    driver.departures.clear()
    gc.collect()
    assert alive() is None


def test_a_mirror_keeps_nothing_that_the_guest_has_given_up() -> None:
    driver = _driver()
    store: Store = driver.store

    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    driver("set n", thing)
    driver("set t", 1, thing)
    assert driver("n")[0] is driver("t", 1)[0] is thing
    driver("set n", None)
    driver("set t", 1, None)
    del thing
    _forget(store)
    driver.departures.clear()
    gc.collect()
    assert alive() is None
