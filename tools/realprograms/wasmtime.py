"""A task's guest in wasmtime, through its Python package: what the expectations were recorded with, to check the list
and this tool rather than that engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from tools.realprograms.fetch import Unavailable
from tools.realprograms.imports import WASI_MODULES, call_host, rule_for
from tools.realprograms.list import Linked, Task
from tools.realprograms.tasks import Guest, GuestExit, Mismatch, data_bytes, evaluate

__all__ = ["Wasmtime"]

_FEATURES = "exceptions function_references gc memory64 multi_memory tail_call"


class Wasmtime(Guest):
    """Unavailable where the package is not installed."""

    def __init__(self, task: Task, shared: Path | None, folders: Mapping[str, Path], binaries: Mapping[str, bytes]):
        super().__init__(task, shared, folders)
        try:
            self._api: Any = import_module("wasmtime")
        except ImportError:
            raise Unavailable("the package wasmtime is not installed") from None
        api = self._api
        config = api.Config()
        for feature in _FEATURES.split():
            setattr(config, f"wasm_{feature}", True)
        self._engine = api.Engine(config)
        self._store = api.Store(self._engine)
        self._linked = {linked.name: linked for linked in task.modules}
        self._modules = {name: api.Module(self._engine, binary) for name, binary in binaries.items()}
        self._instances: dict[str, Any] = {}
        self._hosted: dict[str, Any] = {}
        # Memories and tables that were imported: the guest need not export them.
        self._imported: dict[tuple[str, str], Any] = {}
        if task.wasi is not None:
            self._grant(task)

    def _grant(self, task: Task) -> None:
        wasi = task.wasi
        if wasi is None:
            return
        config = self._api.WasiConfig()
        config.argv = list(wasi.argv)
        config.env = list(wasi.env.items())
        config.stdout_custom = lambda data: self.stdout.extend(data)
        config.stderr_custom = lambda data: self.stderr.extend(data)
        if wasi.stdin is not None:
            self._stdin = _temporary(data_bytes(wasi.stdin, task, self.shared))
            config.stdin_file = self._stdin.name
        for guest_path, folder in self.folders.items():
            config.preopen_dir(str(folder), guest_path)
        self._store.set_wasi(config)

    def instantiate(self, module: str) -> None:
        linker = self._api.Linker(self._engine)
        if self.task.wasi is not None:
            linker.define_wasi()
        compiled = self._modules[module]
        linker.allow_shadowing = True
        for declared in compiled.imports:
            rule = rule_for(self._linked[module], declared.module, declared.name)
            if rule is not None:
                extern = self._import(self._linked[module], declared, rule)
                linker.define(self._store, declared.module, declared.name, extern)
            elif self.task.wasi is None or declared.module not in WASI_MODULES:
                raise Mismatch(f"the list has nothing for import {declared.module}.{declared.name}")
        self._instances[module] = linker.instantiate(self._store, compiled)

    def _import(self, linked: Linked, declared: Any, rule: Mapping[str, Any]) -> Any:
        api, type = self._api, declared.type
        if rule["kind"] == "export":
            return self._instances[rule["module"]].exports(self._store)[rule["name"]]
        if isinstance(type, api.FuncType):
            return self._host_function(linked.name, declared.name, type, rule)
        identity = rule.get("id")
        if identity is None or identity not in self._hosted:
            made = self._hosted_instance(type, rule)
            if identity is None:
                identity = f"{linked.name}.{declared.name}"
            self._hosted[identity] = made
        made = self._hosted[identity]
        if isinstance(made, api.Memory):
            self._imported[linked.name, "memory"] = made
        if isinstance(made, api.Table):
            self._imported[linked.name, "table"] = made
        return made

    def _hosted_instance(self, type: Any, rule: Mapping[str, Any]) -> Any:
        api = self._api
        if isinstance(type, api.GlobalType):
            value = evaluate(rule["value"], self.names)
            return api.Global(self._store, type, api.Val.i32(value))
        if isinstance(type, api.MemoryType):
            return api.Memory(self._store, api.MemoryType(api.Limits(rule["min"], rule.get("max", type.limits.max))))
        limits = api.Limits(rule["min"], rule.get("max", type.limits.max))
        return api.Table(self._store, api.TableType(type.element, limits), None)

    def _host_function(self, module: str, name: str, type: Any, rule: Mapping[str, Any]) -> Any:
        results = [str(t) for t in type.results]

        def call(*args: Any) -> Any:
            value = call_host(self, module, name, rule, args)
            if value is None and results and results[0] in ("i32", "i64", "f32", "f64"):
                value = 0.0 if results[0].startswith("f") else 0
                return value if len(results) == 1 else [value] * len(results)
            return value if results else None

        return self._api.Func(self._store, type, call)

    # --- what a guest offers

    def call(self, module: str, export: str, args: Sequence[Any]) -> Any:
        func = self._instances[module].exports(self._store).get(export)
        if not isinstance(func, self._api.Func):
            raise Mismatch(f"{module} exports no function {export}")
        return self._invoke(func, args)

    def call_table(self, module: str, index: int, args: Sequence[Any]) -> Any:
        table = self._imported.get((module, "table"))
        if table is None:
            exports = self._instances[module].exports(self._store)
            table = next(e for e in exports.values() if isinstance(e, self._api.Table))
        return self._invoke(table.get(self._store, index & 0xFFFFFFFF), args)

    def _invoke(self, func: Any, args: Sequence[Any]) -> Any:
        try:
            return func(self._store, *args)
        except self._api.ExitTrap as exit:
            raise GuestExit(exit.code) from None

    def read(self, module: str, address: int, count: int) -> bytes:
        return bytes(self._memory(module).read(self._store, address, address + count))

    def write(self, module: str, address: int, data: bytes) -> None:
        self._memory(module).write(self._store, data, address)

    def memory_size(self, module: str) -> int:
        return int(self._memory(module).data_len(self._store))

    def memory_grow(self, module: str, pages: int) -> int:
        try:
            return int(self._memory(module).grow(self._store, pages))
        except self._api.WasmtimeError:
            return -1

    def _memory(self, module: str) -> Any:
        name, _, export = module.partition("@")
        found = (
            self._instances[name].exports(self._store).get(export or self.task.memory)
            if name in self._instances
            else None
        )
        return found if found is not None else self._imported[name, "memory"]

    def global_value(self, module: str, export: str) -> Any:
        return self._instances[module].exports(self._store)[export].value(self._store)

    def table_grow(self, module: str, export: str, count: int, value: Any) -> int:
        return int(self._instances[module].exports(self._store)[export].grow(self._store, count, value))

    def table_set(self, module: str, export: str, index: int, value: Any) -> None:
        self._instances[module].exports(self._store)[export].set(self._store, index, value)


def _temporary(data: bytes) -> Any:
    # It lives as long as the guest.
    file = NamedTemporaryFile(prefix="refsfi-corpus-")  # noqa: SIM115
    file.write(data)
    file.flush()
    return file
