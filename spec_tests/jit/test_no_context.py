"""Stores and instances that cannot have what compiled code needs run in the interpreter, and compute the same."""

from __future__ import annotations

from typing import Any

import pytest

from jit.options import Options
from jit.select import obstacle
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

pytestmark = pytest.mark.skipif(obstacle() is not None, reason=f"no machine code here: {obstacle()}")

SUM = """(module (memory 1)
    (func $f (export "f") (param i32) (result i32) (local i32)
      (loop $l
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get 0)))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (i32.load (i32.const 8)))
    (func (export "g") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1))))"""


def exports() -> tuple[Store, Any]:
    from jit.tier import JitTier
    from jit.x64.backend import X64Backend

    module = parse_module(SUM)
    tier = JitTier(X64Backend(Options(force=True)), Options(force=True, first_calls=0))
    store = Store()
    return store, instantiate(store, Program(module, validate(module), tier=tier), []).exports


def no_address_space(*_: object) -> None:
    raise OSError(12, "Cannot allocate memory")


def test_no_address_space_for_a_native_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.x64.backend.VmContext", no_address_space)
    store, found = exports()
    assert invoke(store, found["f"], [10]) == [55]
    assert invoke(store, found["g"], [10]) == [111]
    monkeypatch.undo()
    # From when there is some, code is entered.
    assert invoke(store, found["g"], [10]) == [166]
    assert store.native.__class__.__name__ == "VmContext"


def test_a_memory_that_found_no_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    store, found = exports()
    monkeypatch.setattr(MemInst, "guarded", property(lambda _: False))
    assert invoke(store, found["g"], [10]) == [56]
