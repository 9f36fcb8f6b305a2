"""Linkers: imports by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from refsfi.api.context import Context
from refsfi.api.convert import Signature, signature
from refsfi.api.engine import Engine, EngineState
from refsfi.api.errors import WasmtimeError
from refsfi.api.extern import AsExtern, unwrap, wrap
from refsfi.api.func import Func, host_func
from refsfi.api.instance import Instance, InstancePre, make_instance
from refsfi.api.managed import Managed
from refsfi.api.mismatch import mismatch
from refsfi.api.module import Module
from refsfi.api.trap import Trap, report_below
from refsfi.api.types import FuncType, func_def
from refsfi.errors import LinkError
from refsfi.exec.machine import invoke
from refsfi.host.unknown import default_import, trapping_import
from refsfi.host.wasi import MODULES
from refsfi.runtime.store import Extern, FuncInst, HostFunc, extern_type
from refsfi.runtime.values import Value
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.types import ExternKind, ExternType, FuncExtern
from refsfi.syntax.types import FuncType as CoreFuncType

if TYPE_CHECKING:
    from refsfi.api.store import AsStore

__all__ = ["Definition", "Linker"]

_START = "_start"
_INITIALIZE = "_initialize"
# What a command may export besides functions.
_COMMAND_MEMORIES = frozenset(("memory",))
_COMMAND_TABLES = frozenset(("__indirect_function_table", "table"))
_COMMAND_GLOBALS = frozenset(("__data_end", "__heap_base", "__dso_handle", "__rtti_base"))


class Definition(Protocol):
    """What a name stands for."""

    @property
    def type(self) -> ExternType:
        """Closed."""

    def extern(self, context: Context) -> Extern:
        """The instance for a store. WasmtimeError where it belongs to another one."""


class _Item:
    """An instance of one store."""

    __slots__ = ("_context", "_extern")

    def __init__(self, context: Context, extern: Extern) -> None:
        self._context = context
        self._extern = extern

    @property
    def type(self) -> ExternType:
        return extern_type(self._extern)

    def extern(self, context: Context) -> Extern:
        if context is not self._context:
            raise WasmtimeError("cross-`Store` instantiation is not currently supported")
        return self._extern


class _HostFunction:
    """A function of the host, for any store."""

    __slots__ = ("_access_caller", "_func", "_signature")

    def __init__(self, converters: Signature, func: Callable[..., Any], access_caller: bool) -> None:
        self._signature = converters
        self._func = func
        self._access_caller = access_caller

    @property
    def type(self) -> ExternType:
        return FuncExtern(self._signature.type)

    def extern(self, context: Context) -> Extern:
        return host_func(context, self._signature, self._func, self._access_caller)


class _Fixed:
    """A function of the host that is the same for all stores, as no value passes through it."""

    __slots__ = ("_func",)

    def __init__(self, func: Extern) -> None:
        self._func = func

    @property
    def type(self) -> ExternType:
        return extern_type(self._func)

    def extern(self, context: Context) -> Extern:
        return self._func


class _WasiFunction:
    """A function of WASI, for any store: it does what the store's WASI does when it is called."""

    __slots__ = ("_deftype", "_module", "_name")

    def __init__(self, module: str, name: str, type: CoreFuncType) -> None:
        self._module = module
        self._name = name
        self._deftype = func_deftype(type)

    @property
    def type(self) -> ExternType:
        return FuncExtern(self._deftype)

    def extern(self, context: Context) -> Extern:
        module, name = self._module, self._name

        def run(*arguments: Value) -> Sequence[Value]:
            return context.wasi_function(module, name).fn(*arguments)

        return HostFunc(self._deftype, run, f"{module}.{name}")


class Linker(Managed):
    """Definitions by module and name, from which the imports of modules are taken. For stores of one engine; a
    definition made with a store serves that store only."""

    _state: EngineState

    def __init__(self, engine: Engine) -> None:
        if not isinstance(engine, Engine):
            raise AttributeError(f"expected an Engine, not {engine!r}")
        self._state = engine._engine
        self.engine = engine
        self._shadowing = False
        self._definitions: dict[tuple[str, str], Definition] = {}

    def _set_allow_shadowing(self, allow: bool) -> None:
        self._check_open()
        self._shadowing = bool(allow)

    allow_shadowing = property(
        None, _set_allow_shadowing, None, "Whether a name may be defined again. The later definition counts."
    )

    def _check_names(self, *names: str) -> None:
        self._check_open()
        for name in names:
            if not isinstance(name, str):
                raise AttributeError(f"a name must be a str, not {name!r}")

    def _add(self, module: str, name: str, definition: Definition) -> None:
        key = (module, name)
        if key in self._definitions and not self._shadowing:
            raise WasmtimeError(f"import of `{module}::{name}` defined twice")
        self._definitions[key] = definition

    # --- definitions

    def define(self, store: AsStore, module: str, name: str, item: AsExtern) -> None:
        """WasmtimeError where the name is defined already, unless shadowing is allowed; likewise the others."""
        self._check_names(module, name)
        context = store._context
        self._add(module, name, _Item(context, unwrap(context, item)))

    def define_func(
        self, module: str, name: str, ty: FuncType, func: Callable[..., Any], access_caller: bool = False
    ) -> None:
        """A function of the host for any store; see `Func`."""
        self._check_names(module, name)
        self._add(module, name, _HostFunction(signature(func_def(ty)), func, access_caller))

    def define_wasi(self) -> None:
        """The functions of WASI preview 1, under `wasi_snapshot_preview1` and under the older `wasi_unstable`. They do
        what the calling store's `set_wasi` allows."""
        from refsfi.host.wasi.functions import FUNCTIONS

        self._check_open()
        for snapshot, module in enumerate(MODULES):
            for function in FUNCTIONS:
                if snapshot == 0 or function.since == 0:
                    self._add(module, function.name, _WasiFunction(module, function.name, function.type))

    def define_instance(self, store: AsStore, name: str, instance: Instance) -> None:
        """All exports of an instance."""
        if not isinstance(instance, Instance):
            raise TypeError("expected an `Instance`")
        self._check_names(name)
        for export, item in instance.exports(store).items():
            self.define(store, name, export, item)

    def define_module(self, store: AsStore, name: str, module: Module) -> None:
        """The exports of a module that is instantiated automatically.

        A module that exports `_start` is a command: each call of one of its functions is made in an instance of its
        own. Any other is instantiated now, and its `_initialize` called if it exports one.
        """
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        self._check_names(name)
        context = store._context
        kinds = {export.name: export.kind for export in module._compiled.module.exports}
        for special in (_START, _INITIALIZE):
            if kinds.get(special, ExternKind.FUNC) is not ExternKind.FUNC:
                raise WasmtimeError(f"`{special}` must be a function")
        if _START not in kinds:
            self._define_reactor(store, name, module)
        elif _INITIALIZE in kinds:
            raise WasmtimeError("Program cannot be both a Command and a Reactor")
        else:
            self._define_command(context, name, module)

    def _define_reactor(self, store: AsStore, name: str, module: Module) -> None:
        instance = self.instantiate(store, module)
        initialize = instance._instance.exports.get(_INITIALIZE)
        if isinstance(initialize, FuncInst | HostFunc):
            comp = initialize.type.comp
            if comp != CoreFuncType((), ()):
                raise WasmtimeError(f"calling the Reactor initialization function\n\nCaused by:\n{_not_nullary(comp)}")
            try:
                Func._of(store._context, initialize)(store)
            except Trap as trap:
                raise WasmtimeError(report_below("calling the Reactor initialization function", trap)) from trap
        self.define_instance(store, name, instance)

    def _define_command(self, context: Context, name: str, module: Module) -> None:
        definitions = self._matching(module)
        program = module._compiled
        for export in program.module.exports:
            if export.kind is ExternKind.FUNC:
                type = program.info.funcs[export.index]
                self._add(name, export.name, _Item(context, _command(context, module, definitions, export.name, type)))
            elif not (
                (export.kind is ExternKind.MEMORY and export.name in _COMMAND_MEMORIES)
                or (export.kind is ExternKind.TABLE and export.name in _COMMAND_TABLES)
                or (export.kind is ExternKind.GLOBAL and export.name in _COMMAND_GLOBALS)
            ):
                raise WasmtimeError(f"command export '{export.name}' is not a function")

    def define_unknown_imports_as_traps(self, module: Module) -> None:
        """Functions for all imports of the module that are not defined yet; calling one is a WasmtimeError."""
        for where, type in self._unknown(module):
            stand_in = trapping_import(*where, type)
            if stand_in is not None:
                self._add(*where, _Fixed(stand_in))

    def define_unknown_imports_as_default_values(self, store: AsStore, module: Module) -> None:
        """Zeros, nulls, empty memories and tables, functions that return the like, for all imports of the module that
        are not defined yet. WasmtimeError for a type that has no default value."""
        context = store._context
        for where, type in self._unknown(module):
            try:
                self._add(*where, _Item(context, default_import(*where, type, context.limits)))
            except LinkError as error:
                raise WasmtimeError(f"no default value exists for `{where[0]}::{where[1]}`: {error}") from error

    def _unknown(self, module: Module) -> list[tuple[tuple[str, str], ExternType]]:
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        self._check_open()
        program = module._compiled
        found: dict[tuple[str, str], ExternType] = {}
        for declared, type in zip(program.module.imports, program.import_types):
            key = (declared.module, declared.name)
            if key not in self._definitions:
                found.setdefault(key, type)
        return list(found.items())

    # --- use

    def get(self, store: AsStore, module: str, name: str) -> AsExtern:
        """What a name stands for in a store. WasmtimeError where it is not defined."""
        self._check_names(module, name)
        definition = self._definitions.get((module, name))
        if definition is None:
            raise WasmtimeError("item not defined in linker")
        context = store._context
        return wrap(context, definition.extern(context))

    def get_default(self, store: AsStore, name: str) -> Func:
        """The function of a module that is called "" or, if there is none, `_start`; else one that does nothing."""
        self._check_names(name)
        context = store._context
        for export, what in (("", "default export"), (_START, f"`{_START}`")):
            definition = self._definitions.get((name, export))
            if definition is not None:
                extern = definition.extern(context)
                if not isinstance(extern, FuncInst | HostFunc):
                    raise WasmtimeError(f"{what} in '{name}' is not a function")
                return Func._of(context, extern)
        return Func._of(context, HostFunc(func_deftype(CoreFuncType((), ())), lambda: ()))

    def instantiate(self, store: AsStore, module: Module) -> Instance:
        """An instance of the module with its imports taken from the definitions.

        WasmtimeError where an import is not defined or does not match, or limits forbid it; `Trap` where a segment does
        not fit or the start function traps.
        """
        self._check_open()
        if not isinstance(module, Module):
            raise AttributeError(f"expected a Module, not {module!r}")
        context = store._context
        return Instance._make(context, module, [d.extern(context) for d in self._resolve(module)])

    async def instantiate_async(self, store: AsStore, module: Module) -> Instance:
        """Likewise, with the start function in a thread of its own; see `Func.call_async`."""
        from refsfi.api.aio import run_interruptibly

        return await run_interruptibly(store._context, lambda: self.instantiate(store, module))

    def instantiate_pre(self, module: Module) -> InstancePre:
        """Resolve and check the imports once, for many instances."""
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        self._check_open()
        return InstancePre._of(module, self._matching(module))

    def _matching(self, module: Module) -> Sequence[Definition]:
        definitions = self._resolve(module)
        why = mismatch(module._compiled, [definition.type for definition in definitions])
        if why:
            raise WasmtimeError(why)
        return definitions

    def _resolve(self, module: Module) -> Sequence[Definition]:
        imports = module._compiled.module.imports
        if module._engine is not self._state:
            raise WasmtimeError("cross-`Engine` instantiation is not currently supported")
        definitions = self._definitions
        found = []
        for declared in imports:
            definition = definitions.get((declared.module, declared.name))
            if definition is None:
                raise WasmtimeError(f"unknown import: `{declared.module}::{declared.name}` has not been defined")
            found.append(definition)
        return found


def _command(context: Context, module: Module, definitions: Sequence[Definition], name: str, type: Any) -> HostFunc:
    """The function of a command: each call has an instance of its own."""

    def run(*arguments: Value) -> Sequence[Value]:
        instance = make_instance(context, module, [d.extern(context) for d in definitions])
        func = instance.export(name)
        if not isinstance(func, FuncInst | HostFunc):
            raise WasmtimeError(f"command export '{name}' is not a function")
        return invoke(context, func, arguments)

    return HostFunc(type, run, name)


def _not_nullary(comp: Any) -> str:
    what, count = ("parameters", len(comp.params)) if comp.params else ("results", len(comp.results))
    return f"    0: type mismatch with {what}\n    1: expected 0 types, found {count}\n"
