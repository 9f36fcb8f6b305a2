"""Differential tests of the API: one body, run with refsfi and with wasmtime-py, and the outcomes compared.

A body takes the module as its argument (`W`) and returns what is to be equal: numbers, strings, lists, objects of the
API, which are replaced by what can be seen of them. What it raises is an outcome, too: class and text.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import pytest

import refsfi

NO_WASMTIME = "nothing was compared with wasmtime-py: it is not installed (pip install -e .[peers])"

Body = Callable[[Any], Any]


class Checks:
    """The bodies of a file, collected by using the object as a decorator."""

    def __init__(self) -> None:
        self._bodies: list[Any] = []

    def __call__(self, body: Body) -> Body:
        self._bodies.append(pytest.param(body, id=body.__name__))
        return body

    def each(self, **cases: Callable[..., Any]) -> None:
        """One body for each: functions of the module, by name."""
        for name, body in cases.items():
            self._bodies.append(pytest.param(body, id=name))

    def test(self) -> Callable[..., None]:
        """The test function, for the file to name `test_…`."""

        @pytest.mark.parametrize("body", self._bodies)
        def test_same(body: Body) -> None:
            compare(body)

        return test_same


def compare(body: Body) -> None:
    """Assert that the outcome is the same in both modules."""
    try:
        wasmtime = importlib.import_module("wasmtime")
    except ImportError:
        pytest.skip(NO_WASMTIME)
    expected = outcome(wasmtime, body)
    assert outcome(refsfi, body) == expected


def outcome(module: Any, body: Body) -> Any:
    """What a body returns or raises in one of the modules."""
    return attempt(module, lambda: body(module))


def attempt(module: Any, act: Callable[[], Any]) -> Any:
    """What `act` returns or raises, for comparison. Traps with all that is known of them."""
    try:
        return seen(module, act())
    except (module.Trap, module.WasmtimeError) as error:
        kind = next(name for name in ("Trap", "ExitTrap", "WasmtimeError") if isinstance(error, getattr(module, name)))
        more: list[Any] = []
        if kind == "Trap":
            more = [code(error.trap_code), error.message == str(error), [frame(f) for f in error.frames]]
        if kind == "ExitTrap":
            more = [error.code]
        return ["raised", kind, str(error), *more]
    except Exception as error:
        return ["raised", type(error).__name__, text(error)]


def trap_code(module: Any, act: Callable[[], Any]) -> Any:
    """The code of the trap that `act` ends in, where backtraces differ: refsfi names the instruction that could not be
    paid for or that called too deep, wasmtime the place where it looks, such as the head of the loop."""
    try:
        return ["returned", seen(module, act())]
    except module.Trap as error:
        return code(error.trap_code), str(error).splitlines()[-1]


# What a message says beyond this is Python's, or about the library's inside.
_INSIDE = re.compile(
    r"object has no attribute|not supported between|has no len|not iterable"
    r"|expected an? (str|Engine|Module|int)\b|must be a str"
)


def text(error: Exception) -> str:
    """The message, where it is the library's own and not one of Python about how the library is made inside."""
    message = str(error)
    return "…" if isinstance(error, AttributeError) or _INSIDE.search(message) else message


def frame(frame: Any) -> list[Any]:
    return [frame.func_index, frame.func_name, frame.module_name, frame.module_offset, frame.func_offset]


def code(trap_code: Any) -> Any:
    return None if trap_code is None else [trap_code.name, trap_code.value]


def seen(module: Any, value: Any) -> Any:
    """What can be seen of a value. A float as its bits' name, so that NaNs are equal and zeros are not."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return ["float", "nan" if value != value else value.hex()]
    if isinstance(value, int | str):
        return value
    if isinstance(value, bytes | bytearray):
        return [type(value).__name__, bytes(value)]
    if isinstance(value, list | tuple):
        return [type(value).__name__, [seen(module, item) for item in value]]
    if isinstance(value, dict):
        return {key: seen(module, item) for key, item in value.items()}
    if isinstance(value, module.Val):
        # Null references come as a Val there; here, as the documentation says, as None.
        return None if value.value is None else ["Val", seen(module, value.value)]
    if isinstance(value, module.ValType):
        return ["ValType", str(value).replace("anyref", "externref")]
    if isinstance(value, module.FuncType):
        return ["FuncType", seen(module, value.params), seen(module, value.results)]
    if isinstance(value, module.GlobalType):
        return ["GlobalType", seen(module, value.content), value.mutable]
    if isinstance(value, module.Limits):
        return ["Limits", value.min, value.max]
    if isinstance(value, module.TableType):
        return ["TableType", seen(module, value.element), seen(module, value.limits)]
    if isinstance(value, module.MemoryType):
        more = [value.is_64, value.is_shared, value.page_size, value.page_size_log2]
        return ["MemoryType", seen(module, value.limits), *more]
    if isinstance(value, module.TagType):
        return ["TagType", seen(module, value.functype)]
    if isinstance(value, module.ImportType):
        return ["ImportType", value.module, value.name, seen(module, value.type)]
    if isinstance(value, module.ExportType):
        return ["ExportType", value.name, seen(module, value.type)]
    for name in ("Func", "Memory", "SharedMemory", "Table", "Global", "Tag", "Instance", "InstancePre", "Module"):
        if isinstance(value, getattr(module, name)):
            return [name]
    raise TypeError(f"nothing is known to be seen of {value!r}")


# --- short forms for the bodies


class World:
    """An engine and a store, and what one does with them."""

    def __init__(self, module: Any, **settings: Any) -> None:
        self.W = module
        config = module.Config()
        for name, value in settings.items():
            setattr(config, name, value)
        self.engine = module.Engine(config)
        self.store = module.Store(self.engine)
        # Wasmtime's library may call back what is freed too early.
        self._kept: list[Any] = []

    def module(self, text: str) -> Any:
        return self.W.Module(self.engine, text)

    def instance(self, text: str, *imports: Any) -> Any:
        instance = self.W.Instance(self.store, self.module(text), imports)
        self._kept.append(instance)
        return instance

    def exports(self, text: str, *imports: Any) -> Any:
        return self.instance(text, *imports).exports(self.store)

    def call(self, text: str, *args: Any) -> Any:
        """Call the export `f` of a module."""
        return self.exports(text)["f"](self.store, *args)

    def type(self, params: str = "", results: str = "") -> Any:
        """A function type, from names of value types."""
        return self.W.FuncType(
            [getattr(self.W.ValType, name)() for name in params.split()],
            [getattr(self.W.ValType, name)() for name in results.split()],
        )

    def func(self, call: Callable[..., Any], params: str = "", results: str = "", access_caller: bool = False) -> Any:
        return self.W.Func(self.store, self.type(params, results), call, access_caller)

    def try_(self, act: Callable[[], Any]) -> Any:
        return attempt(self.W, act)
