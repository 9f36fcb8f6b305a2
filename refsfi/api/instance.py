"""Instances of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from refsfi.api.context import Context, in_turn
from refsfi.api.convert import wrong_store
from refsfi.api.errors import WasmtimeError
from refsfi.api.extern import AsExtern, unwrap, wrap
from refsfi.api.managed import Managed
from refsfi.api.memory import unshared
from refsfi.api.mismatch import mismatch
from refsfi.api.module import Module
from refsfi.api.trap import surface
from refsfi.errors import GuestExit, LimitError, LinkError, WasmError
from refsfi.exec.instantiate import instantiate
from refsfi.runtime.store import Extern, extern_type
from refsfi.runtime.store import Instance as CoreInstance

if TYPE_CHECKING:
    from refsfi.api.linker import Definition
    from refsfi.api.store import AsStore

__all__ = ["Instance", "InstanceExports", "InstancePre", "make_instance"]


class InstanceExports(Mapping[str, "AsExtern"]):
    """The exports by name, in the order of the module; `by_index` holds them as a tuple."""

    __slots__ = ("_context", "_instance", "_made")

    def __init__(self, context: Context, instance: CoreInstance) -> None:
        self._context = context
        self._instance = instance
        self._made: dict[str, AsExtern] = {}

    def __getitem__(self, name: str) -> AsExtern:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = wrap(self._context, self._instance.export(name))
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._instance.program.exports)

    def __len__(self) -> int:
        return len(self._instance.program.exports)

    @property
    def by_index(self) -> tuple[AsExtern, ...]:
        return tuple(self[name] for name in self._instance.program.exports)


class Instance:
    """A module in a store, its imports given in the module's order; its start function has run.

    WasmtimeError where imports do not match or limits forbid it, `Trap` where a segment does not fit or the start
    function traps.
    """

    __slots__ = ("__weakref__", "_context", "_exports", "_instance")

    _context: Context
    _instance: CoreInstance

    def __init__(self, store: AsStore, module: Module, imports: Sequence[AsExtern]) -> None:
        context = store._context
        program = module._compiled
        if len(imports) != len(program.module.imports):
            raise WasmtimeError(f"expected {len(program.module.imports)} imports, found {len(imports)}")
        self._set(context, _instantiate(context, module, [unwrap(context, item) for item in imports]))

    @classmethod
    def _make(cls, context: Context, module: Module, imports: Sequence[Extern]) -> Instance:
        made = cls.__new__(cls)
        made._set(context, _instantiate(context, module, imports))
        return made

    def _set(self, context: Context, instance: CoreInstance) -> None:
        self._context = context
        self._instance = instance
        self._exports: InstanceExports | None = None

    def exports(self, store: AsStore) -> InstanceExports:
        if store._context is not self._context:
            raise wrong_store()
        exports = self._exports
        if exports is None:
            exports = self._exports = InstanceExports(self._context, self._instance)
        return exports


def _instantiate(context: Context, module: Module, imports: Sequence[Extern]) -> CoreInstance:
    try:
        return make_instance(context, module, imports)
    except (WasmError, GuestExit) as error:
        surface(error, context)


def make_instance(context: Context, module: Module, imports: Sequence[Extern]) -> CoreInstance:
    """A new instance. WasmtimeError where imports do not match or limits forbid it, and what its initialisers and its
    start function raise."""
    program = module._compiled
    if module._engine is not context.engine:
        raise WasmtimeError("cross-`Engine` instantiation is not currently supported")
    if module._shared and not context.engine.settings.shared_memory:
        raise unshared()
    context.check_thread()
    context.count(1, module._tables, module._memories)
    try:
        instance = in_turn(context, instantiate, program, imports)
    except LinkError as error:
        given = [extern_type(extern) for extern in imports]
        raise WasmtimeError(mismatch(program, given) or str(error)) from error
    except LimitError as error:
        raise WasmtimeError(_limit(context, module) or str(error)) from error
    context.made(instance)
    return instance


def _limit(context: Context, module: Module) -> str:
    """Which of the store's limits an instance of the module exceeds."""
    limits = context.limits
    for memory in module._compiled.module.mems:
        least = memory.type.limits.min
        if limits.memory is not None and least << memory.type.page_size_log2 > limits.memory:
            return f"memory minimum size of {least} pages exceeds memory limits"
    for table in module._compiled.module.tables:
        least = table.type.limits.min
        if least > limits.table:
            return f"table minimum size of {least} elements exceeds table limits"
    return ""


class InstancePre(Managed):
    """A module whose imports a linker has found: what is left to do for an instance is little. Made by
    `Linker.instantiate_pre`."""

    _module: Module
    _definitions: Sequence[Definition]

    @classmethod
    def _of(cls, module: Module, definitions: Sequence[Definition]) -> InstancePre:
        made = cls.__new__(cls)
        made._module = module
        made._definitions = definitions
        return made

    @property
    def module(self) -> Module:
        self._check_open()
        return self._module

    def instantiate(self, store: AsStore) -> Instance:
        self._check_open()
        context = store._context
        if context.engine is not self._module._engine:
            raise WasmtimeError("cross-`Engine` usage is not supported")
        return Instance._make(context, self._module, [d.extern(context) for d in self._definitions])
