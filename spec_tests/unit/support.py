"""Making and calling small modules, for tests of execution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Extern, HostFunc, Instance, Store
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import ALL
from refsfi.syntax.types import FuncType, ValType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate


def program(text: str, *, metered: bool = False) -> Program:
    module = parse_module(text, ALL)
    return Program(module, validate(module, ALL), metered=metered)


def host(fn: Callable[..., Sequence[Any]], params: Sequence[ValType] = (), results: Sequence[ValType] = ()) -> HostFunc:
    return HostFunc(func_deftype(FuncType(tuple(params), tuple(results))), fn)


class Guest:
    """An instance of a text module in a store of its own; `guest("f", 1)` calls its export."""

    def __init__(
        self,
        text: str,
        imports: Sequence[Extern] = (),
        *,
        limits: Limits | None = None,
        fuel: int | None = None,
        store: Store | None = None,
    ) -> None:
        self.program = program(text, metered=fuel is not None)
        self.store = store or Store(limits, fuel)
        self.instance: Instance = instantiate(self.store, self.program, imports)

    def __call__(self, name: str, *arguments: Any) -> list[Any]:
        func: Any = self.instance.exports[name]
        return invoke(self.store, func, arguments)
