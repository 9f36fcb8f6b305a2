"""Stand-ins for imports that nobody provides."""

from __future__ import annotations

from refsfi.errors import LinkError, Trap, TrapCode
from refsfi.runtime.limits import Limits
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, GlobalInst, HostFunc, TagInst
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value, default, func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import ExternType, FuncExtern, GlobalType, MemType, NumType, TableType, TagType, ValType

__all__ = ["UnknownImport", "default_import", "trapping_import"]


class UnknownImport(Trap):
    """The guest called a function that it imports and that nobody provides."""

    def __init__(self, module: str, name: str) -> None:
        super().__init__(TrapCode.UNREACHABLE, f"unknown import: `{module}::{name}` has not been defined")

    @property
    def report(self) -> str:
        return self.message


def trapping_import(module: str, name: str, type: ExternType) -> Extern | None:
    """A function that traps when it is called; None for an import of another kind."""
    if not isinstance(type, FuncExtern):
        return None

    def trap(*arguments: Value) -> tuple[Value, ...]:
        raise UnknownImport(module, name)

    return HostFunc(_closed(type.type), trap, f"{module}.{name}")


def default_import(module: str, name: str, type: ExternType, limits: Limits) -> Extern:
    """An instance of that closed type, with default values in it. LinkError where the type has none."""
    where = f'"{module}" "{name}"'
    match type:
        case FuncExtern():
            deftype = _closed(type.type)
            results = tuple(_default(result, where) for result in func_type(deftype).results)
            return HostFunc(deftype, lambda *arguments: results, f"{module}.{name}")
        case GlobalType():
            return GlobalInst(type, _default(type.type, where))
        case TableType():
            return TableInst(type, _default(type.elem, where), limits.table)
        case MemType():
            return MemInst(type, limits.memory)
        case TagType():
            return TagInst(_closed(type.type))


def _default(type: ValType, where: str) -> Value:
    if isinstance(type, NumType) or type.null:
        return default(type)
    raise LinkError(f"unknown import {where}: type {type} has no default value")


def _closed(type: object) -> DefType:
    if isinstance(type, DefType):
        return type
    raise LinkError(f"type {type} is not closed")
