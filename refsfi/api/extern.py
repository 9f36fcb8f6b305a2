"""What instances import and export, in the interface's and the machine's form."""

from __future__ import annotations

from typing import TypeAlias

from refsfi.api.context import Context
from refsfi.api.errors import WasmtimeError
from refsfi.api.func import Func
from refsfi.api.globals import Global
from refsfi.api.memory import Memory, SharedMemory
from refsfi.api.table import Table
from refsfi.api.tag import Tag
from refsfi.errors import Crash
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, TagInst
from refsfi.runtime.table import TableInst

__all__ = ["AsExtern", "unwrap", "wrap"]

AsExtern: TypeAlias = Func | Table | Memory | SharedMemory | Global | Tag


def wrap(context: Context, extern: Extern) -> AsExtern:
    """The interface's object for an instance of the store's."""
    match extern:
        case FuncInst() | HostFunc():
            return Func._of(context, extern)
        case MemInst():
            return SharedMemory._of(extern) if extern.shared else Memory._of(context, extern)
        case GlobalInst():
            return Global._of(context, extern)
        case TableInst():
            return Table._of(context, extern)
        case TagInst():
            return Tag._of(context, extern)
    raise Crash(f"not an extern: {extern!r}")


def unwrap(context: Context, item: object) -> Extern:
    """The instance behind an object; TypeError for another kind of object, WasmtimeError for another store's."""
    extern: Extern
    match item:
        case Func(_func=extern) | Table(_table=extern) | Memory(_mem=extern):
            pass
        case Global(_global=extern) | Tag(_tag=extern):
            pass
        case SharedMemory():
            return item._open
        case _:
            raise TypeError("expected a Func, Global, Memory, SharedMemory, Tag, or Table")
    if item._context is not context:
        raise WasmtimeError("cross-`Store` instantiation is not currently supported")
    return extern
