"""A task's guest in refsfi."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from refsfi import errors
from refsfi.binary.decode import decode
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import TierChoice, make_tier
from refsfi.host.wasi import Observer, Preopen, Wasi, WasiOptions
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Instance, Store
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import HostRef, Value, default, func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.features import DEFAULT
from refsfi.syntax.module import Import
from refsfi.syntax.types import (
    F32,
    F64,
    I32,
    I64,
    ExternType,
    FuncExtern,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RefType,
    TableType,
    ValType,
)
from refsfi.valid.module import validate
from tools.realprograms.imports import WASI_MODULES, call_host, rule_for
from tools.realprograms.list import Linked, Task
from tools.realprograms.tasks import Guest, GuestExit, Mismatch, data_bytes, evaluate

__all__ = ["Compiler", "Interpreter"]


class Interpreter(Guest):
    """Decodes and validates when made, function bodies when they are first called."""

    tier = TierChoice("off")
    # What is counted of fuel, if it is: more than any task needs.
    fuel: int | None = None

    def __init__(self, task: Task, shared: Path | None, folders: Mapping[str, Path], binaries: Mapping[str, bytes]):
        super().__init__(task, shared, folders)
        self._store = Store(fuel=self.fuel)
        self._linked = {linked.name: linked for linked in task.modules}
        self._programs: dict[str, Program] = {}
        self._instances: dict[str, Instance] = {}
        self._hosted: dict[str, Extern] = {}
        self._wasi: Wasi | None = None
        self._wasi_functions: dict[str, dict[str, HostFunc]] = {}
        # One for all of the task's modules: they call each other.
        tier = make_tier(self.tier)
        for name, binary in binaries.items():
            module = decode(binary, DEFAULT, lazy=True)
            info = validate(module, DEFAULT, lazy=True)
            self._programs[name] = Program(module, info, metered=self.fuel is not None, tier=tier)

    def instantiate(self, module: str) -> None:
        linked, program = self._linked[module], self._programs[module]
        imports = [
            self._import(linked, declared, type)
            for declared, type in zip(program.module.imports, program.import_types, strict=True)
        ]
        self._instances[module] = self._make_instance(program, imports)

    def _make_instance(self, program: Program, imports: Sequence[Extern]) -> Instance:
        return instantiate(self._store, program, imports)

    def _run(self, func: FuncInst | HostFunc, arguments: list[Value]) -> Sequence[Value]:
        return invoke(self._store, func, arguments)

    # --- what a guest offers

    def call(self, module: str, export: str, args: Sequence[Any]) -> Any:
        func = self._instances[module].exports.get(export)
        if not isinstance(func, FuncInst | HostFunc):
            raise Mismatch(f"{module} exports no function {export}")
        return self._invoke(func, args)

    def call_table(self, module: str, index: int, args: Sequence[Any]) -> Any:
        table = self._instances[module].tables[0]
        func = table.elems[index & 0xFFFFFFFF]
        if not isinstance(func, FuncInst | HostFunc):
            raise Mismatch(f"element {index} of {module}'s table is no function")
        return self._invoke(func, args)

    def _invoke(self, func: FuncInst | HostFunc, args: Sequence[Any]) -> Any:
        type = func_type(func.type)
        try:
            results = self._run(func, [_to_guest(a, t) for a, t in zip(args, type.params, strict=True)])
        except errors.GuestExit as exit:
            raise GuestExit(exit.code) from None
        values = [_to_host(v, t) for v, t in zip(results, type.results)]
        return None if not values else values[0] if len(values) == 1 else values

    def read(self, module: str, address: int, count: int) -> bytes:
        memory = self._memory(module)
        if address + count > len(memory.data):
            raise memory.out_of_bounds(address)
        return bytes(memory.data[address : address + count])

    def write(self, module: str, address: int, data: bytes) -> None:
        memory = self._memory(module)
        if address + len(data) > len(memory.data):
            raise memory.out_of_bounds(address)
        memory.data[address : address + len(data)] = data

    def memory_size(self, module: str) -> int:
        return len(self._memory(module).data)

    def memory_grow(self, module: str, pages: int) -> int:
        old = self._memory(module).grow(pages)
        return -1 if old is None else old

    def _memory(self, module: str) -> MemInst:
        name, _, export = module.partition("@")
        instance = self._instances[name]
        found = instance.exports.get(export or self.task.memory)
        return found if isinstance(found, MemInst) else instance.mems[0]

    def global_value(self, module: str, export: str) -> Any:
        found = self._instances[module].exports[export]
        if not isinstance(found, GlobalInst):
            raise Mismatch(f"{module} exports no global {export}")
        return _to_host(found.value, found.type.type)

    def table_grow(self, module: str, export: str, count: int, value: Any) -> int:
        table = self._table(module, export)
        old = table.grow(count, _to_guest(value, table.type.elem))
        return -1 if old is None else old

    def table_set(self, module: str, export: str, index: int, value: Any) -> None:
        table = self._table(module, export)
        table.elems[index] = _to_guest(value, table.type.elem)

    def _table(self, module: str, export: str) -> TableInst:
        found = self._instances[module].exports[export]
        if not isinstance(found, TableInst):
            raise Mismatch(f"{module} exports no table {export}")
        return found

    # --- imports

    def _import(self, linked: Linked, declared: Import, type: ExternType) -> Extern:
        rule = rule_for(linked, declared.module, declared.name)
        if rule is None:
            if self.task.wasi is not None and declared.module in WASI_MODULES:
                return self._wasi_function(declared)
            raise Mismatch(f"the list has nothing for import {declared.module}.{declared.name}")
        if rule["kind"] == "export":
            return self._instances[rule["module"]].exports[rule["name"]]
        if isinstance(type, FuncExtern) and isinstance(type.type, DefType):
            return self._host_function(linked.name, declared.name, type.type, rule)
        identity = rule.get("id")
        if identity is not None and identity in self._hosted:
            return self._hosted[identity]
        made = self._hosted_instance(type, rule)
        if identity is not None:
            self._hosted[identity] = made
        return made

    def _hosted_instance(self, type: ExternType, rule: Mapping[str, Any]) -> Extern:
        if isinstance(type, GlobalType):
            return GlobalInst(type, _to_guest(evaluate(rule["value"], self.names), type.type))
        if isinstance(type, MemType):
            return MemInst(MemType(_limits(rule, type.limits), type.addr, type.shared))
        if isinstance(type, TableType):
            return TableInst(TableType(type.elem, _limits(rule, type.limits), type.addr))
        raise Mismatch(f"the list cannot give a {type}")

    def _host_function(self, module: str, name: str, type: DefType, rule: Mapping[str, Any]) -> HostFunc:
        signature: FuncType = func_type(type)

        def call(*args: Value) -> Sequence[Value]:
            given = [_to_host(a, t) for a, t in zip(args, signature.params)]
            result = call_host(self, module, name, rule, given)
            if not signature.results:
                return ()
            if result is None and not isinstance(signature.results[0], RefType):
                return [default(t) for t in signature.results]
            return [_to_guest(result, signature.results[0])]

        return HostFunc(type, call, name)

    def _wasi_function(self, declared: Import) -> HostFunc:
        if declared.module not in self._wasi_functions:
            self._wasi_functions[declared.module] = self._granted().imports(self._store, declared.module)
        found = self._wasi_functions[declared.module].get(declared.name)
        if found is None:
            raise Mismatch(f"there is no {declared.module}.{declared.name}")
        return found

    def _wasi_observer(self) -> Observer | None:
        return None

    def _granted(self) -> Wasi:
        """WASI with what the task grants: its arguments and environment, its folders, nothing of this process."""
        wasi = self.task.wasi
        if wasi is None:
            raise Mismatch("the list grants the task no WASI")
        if self._wasi is None:
            stdin = None if wasi.stdin is None else data_bytes(wasi.stdin, self.task, self.shared)
            self._wasi = Wasi(
                WasiOptions(
                    args=wasi.argv,
                    env=wasi.env,
                    stdin=stdin,
                    stdout=self.stdout.extend,
                    stderr=self.stderr.extend,
                    preopens=[Preopen(folder, guest_path) for guest_path, folder in self.folders.items()],
                    observer=self._wasi_observer(),
                )
            )
        return self._wasi


class Compiler(Interpreter):
    """The same with the compiling tier."""

    tier = TierChoice("on")


def _limits(rule: Mapping[str, Any], declared: Limits) -> Limits:
    return Limits(rule["min"], rule.get("max", declared.max))


def _to_host(value: Value, type: ValType) -> Any:
    """Signed ints, floats, host objects."""
    if type is I32:
        return value - (1 << 32) if value >> 31 else value
    if type is I64:
        return value - (1 << 64) if value >> 63 else value
    if type is F32:
        return struct.unpack("<f", value.to_bytes(4, "little"))[0]
    if type is F64:
        return struct.unpack("<d", value.to_bytes(8, "little"))[0]
    return value.value if isinstance(value, HostRef) else value


def _to_guest(value: Any, type: ValType) -> Value:
    if type is I32:
        return int(value) & 0xFFFFFFFF
    if type is I64:
        return int(value) & 0xFFFFFFFFFFFFFFFF
    if type is F32:
        return int.from_bytes(struct.pack("<f", value), "little")
    if type is F64:
        return int.from_bytes(struct.pack("<d", value), "little")
    return value if value is None or isinstance(value, FuncInst | HostFunc) else HostRef(value)
