"""The reference interpreter as an engine of scripts, with or without a tier that compiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from refsfi.errors import Crash
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import PLENTY
from refsfi.host.spectest import Spectest
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Instance, Store, extern_type
from refsfi.runtime.tier import Tier
from refsfi.runtime.values import Value, func_type
from refsfi.script.engine import Engine
from refsfi.syntax.features import Features
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind, FuncType, GlobalType, kind_of
from refsfi.valid.module import validate

__all__ = ["Interpreter"]


class Interpreter:
    """One store of the reference interpreter. `limits` None stands for the defaults of `runtime/limits`; `tier`
    compiles what it runs, with fuel counted if `metered`: more than any script uses."""

    def __init__(self, limits: Limits | None = None, tier: Tier | None = None, *, metered: bool = False) -> None:
        self._limits = limits
        self._tier = tier
        self._metered = metered
        self._store = Store(limits, PLENTY if metered else None)

    def compile(self, module: Module, features: Features) -> Program:
        return Program(module, validate(module, features), metered=self._metered, tier=self._tier)

    def instantiate(self, compiled: Program, imports: Sequence[Extern]) -> Instance:
        return instantiate(self._store, compiled, imports)

    def exports(self, instance: Instance) -> Mapping[str, Extern]:
        return instance.exports

    def kind(self, extern: Extern) -> ExternKind:
        return kind_of(extern_type(extern))

    def func_type(self, func: Extern) -> FuncType:
        if not isinstance(func, FuncInst | HostFunc):
            raise Crash(f"no function: {func!r}")
        return func_type(func.type)

    def call(self, func: Extern, args: Sequence[Value]) -> list[Value]:
        if not isinstance(func, FuncInst | HostFunc):
            raise Crash(f"no function: {func!r}")
        return list(invoke(self._store, func, list(args)))

    def global_type(self, extern: Extern) -> GlobalType:
        return self._global(extern).type

    def read_global(self, extern: Extern) -> Value:
        return self._global(extern).value

    def spectest(self, output: Callable[[str], None]) -> Mapping[str, Extern]:
        return Spectest(output)

    def spawn(self) -> Engine:
        return Interpreter(self._limits, self._tier, metered=self._metered)

    @staticmethod
    def _global(extern: Extern) -> GlobalInst:
        if not isinstance(extern, GlobalInst):
            raise Crash(f"no global: {extern!r}")
        return extern
