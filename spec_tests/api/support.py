"""Short forms for the tests of what refsfi has beyond wasmtime-py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import refsfi

__all__ = ["SPIN", "exports", "host", "store_of", "trap_code"]

# `spin` never ends, `seven` does; `nested` calls the host, which may call back.
SPIN = """(module (import "" "host" (func $host))
  (func (export "spin") (loop (br 0)))
  (func (export "recurse") (call 2))
  (func (export "seven") (result i32) i32.const 7)
  (func (export "nested") (call $host)))"""


def store_of(**settings: Any) -> refsfi.Store:
    """A store whose engine has these settings."""
    config = refsfi.Config()
    for name, value in settings.items():
        setattr(config, name, value)
    return refsfi.Store(refsfi.Engine(config))


def exports(store: refsfi.Store, text: str, *imports: Any) -> refsfi.InstanceExports:
    return refsfi.Instance(store, refsfi.Module(store.engine, text), imports).exports(store)


def host(store: refsfi.Store, call: Callable[..., Any], params: str = "", results: str = "") -> refsfi.Func:
    """A host function with types named as `i32 f64`."""
    types = [[getattr(refsfi.ValType, name)() for name in names.split()] for names in (params, results)]
    return refsfi.Func(store, refsfi.FuncType(*types), call)


def trap_code(act: Callable[[], Any]) -> refsfi.TrapCode | None:
    """The code of the trap that `act` ends in. It must end in one."""
    try:
        act()
    except refsfi.Trap as trap:
        return trap.trap_code
    raise AssertionError("there was no trap")
