"""The embedder's interface, re-exported by the package `refsfi`.

Names and behaviour are those of wasmtime-py for core modules, and more where its users ask for more. One file a
subject:

config engine store context     settings, what shares them, where instances live, what the machine gets to know of it
module instance linker          code, its instances, where their imports come from
func memory table globals tag   what instances import and export; extern: the five together
types values refs convert       types, typed values, references, and the way between Python's values and the machine's
trap errors mismatch            what goes wrong, in the words that embedders know
wasi program                    what a guest gets of its host; a whole program in one call
interrupt aio                   time limits, asyncio
managed                         objects with an end
"""

from __future__ import annotations

from refsfi.api.config import Config
from refsfi.api.context import StoreContext
from refsfi.api.engine import Engine
from refsfi.api.errors import ExitTrap, WasmtimeError
from refsfi.api.extern import AsExtern
from refsfi.api.func import Caller, Func
from refsfi.api.globals import Global
from refsfi.api.instance import Instance, InstanceExports, InstancePre
from refsfi.api.linker import Linker
from refsfi.api.memory import Memory, SharedMemory
from refsfi.api.module import Module, wat2wasm
from refsfi.api.program import RunOptions, RunResult, run, run_async
from refsfi.api.refs import Ref
from refsfi.api.store import Store
from refsfi.api.table import Table
from refsfi.api.tag import Tag
from refsfi.api.trap import Frame, Trap, TrapCode, UncaughtException
from refsfi.api.types import (
    ExportType,
    FuncType,
    GlobalType,
    ImportType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    ValType,
)
from refsfi.api.values import Val
from refsfi.api.wasi import DirPerms, FilePerms, WasiConfig

__all__ = [
    "AsExtern",
    "Caller",
    "Config",
    "DirPerms",
    "Engine",
    "ExitTrap",
    "ExportType",
    "FilePerms",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "InstanceExports",
    "InstancePre",
    "Limits",
    "Linker",
    "Memory",
    "MemoryType",
    "Module",
    "Ref",
    "RunOptions",
    "RunResult",
    "SharedMemory",
    "Store",
    "StoreContext",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "Trap",
    "TrapCode",
    "UncaughtException",
    "Val",
    "ValType",
    "WasiConfig",
    "WasmtimeError",
    "run",
    "run_async",
    "wat2wasm",
]
