"""The host module `spectest` that test scripts import.

As the reference interpreter exports it, with `shared_memory` for the threads proposal: constants 666, a table of 10 to
20 functions for each address type, memories of 1 to 2 pages, and functions that print their arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from refsfi.numeric.floats import f32_round
from refsfi.numeric.layout import pack_f64, unpack_i64
from refsfi.runtime.memory import MemInst
from refsfi.runtime.show import show_value
from refsfi.runtime.store import Extern, GlobalInst, HostFunc
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.types import F32, F64, FUNCREF, I32, I64, FuncType, GlobalType, Limits, MemType, NumType, TableType

__all__ = ["Spectest"]

_PRINTS: dict[str, tuple[NumType, ...]] = {
    "print": (),
    "print_i32": (I32,),
    "print_i64": (I64,),
    "print_f32": (F32,),
    "print_f64": (F64,),
    "print_i32_f32": (I32, F32),
    "print_f64_f64": (F64, F64),
}

_GLOBALS: dict[str, tuple[NumType, int]] = {
    "global_i32": (I32, 666),
    "global_i64": (I64, 666),
    "global_f32": (F32, f32_round(666.6)),
    "global_f64": (F64, unpack_i64(pack_f64(666.6))[0]),
}

_TABLES = {"table": I32, "table64": I64}

_MEMORIES = {"memory": False, "shared_memory": True}

_NAMES = (*_PRINTS, *_GLOBALS, *_TABLES, *_MEMORIES)


class Spectest(Mapping[str, Extern]):
    """The exports of one instance of the module by name; each is allocated when it is first asked for.

    `output` receives one line, without its end, for each printed value: `VALUE : TYPE`.
    """

    def __init__(self, output: Callable[[str], None]) -> None:
        self._output = output
        self._externs: dict[str, Extern] = {}

    def __getitem__(self, name: str) -> Extern:
        if name not in self._externs:
            self._externs[name] = self._allocate(name)
        return self._externs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    def _allocate(self, name: str) -> Extern:
        if name in _PRINTS:
            types = _PRINTS[name]
            return HostFunc(func_deftype(FuncType(types, ())), self._printer(types), name)
        if name in _GLOBALS:
            type, value = _GLOBALS[name]
            return GlobalInst(GlobalType(type, False), value)
        if name in _TABLES:
            return TableInst(TableType(FUNCREF, Limits(10, 20), _TABLES[name]))
        if name in _MEMORIES:
            return MemInst(MemType(Limits(1, 2), shared=_MEMORIES[name]))
        raise KeyError(name)

    def _printer(self, types: tuple[NumType, ...]) -> Callable[..., tuple[Value, ...]]:
        def print_values(*values: Value) -> tuple[Value, ...]:
            for type, value in zip(types, values, strict=True):
                self._output(f"{show_value(value, type)} : {type}")
            return ()

        return print_values
