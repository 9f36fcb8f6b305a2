"""The engines under measurement, behind one small protocol. None of the peers is imported unless asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import Any, TypeAlias

from refsfi.syntax.features import DEFAULT
from tools.benchmarks.kernels import Kernel

__all__ = ["ENGINES", "Engine", "Unsupported", "count_instructions", "same"]

Numbers: TypeAlias = tuple[int | float, ...]
# Runs the kernel once; its results.
Call: TypeAlias = Callable[[], Numbers]


class Unsupported(Exception):
    """The engine cannot run this kernel; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`load` compiles and instantiates a kernel's module and returns its call. `package` is None for the project."""

    name: str
    package: str | None
    load: Callable[[Kernel], Call]
    # Instructions a second to reckon with, so that a call that would take minutes is not begun. None: do not mind.
    pace: float | None = None

    @property
    def version(self) -> str | None:
        """None where the package is not installed."""
        try:
            return version(self.package or "refsfi")
        except PackageNotFoundError:
            return None


def same(results: Numbers, expect: Numbers, types: Sequence[str]) -> bool:
    """Equal results: integers of either sign; floats to the bit (the expectations hold none that is a NaN)."""
    return len(results) == len(expect) == len(types) and all(
        _bits(a, type) == _bits(b, type) for a, b, type in zip(results, expect, types)
    )


def _bits(value: int | float, type: str) -> int:
    if type == "i32":
        return int(value) & 0xFFFFFFFF
    if type == "i64":
        return int(value) & 0xFFFFFFFFFFFFFFFF
    form = "<f" if type == "f32" else "<d"
    return int.from_bytes(struct.pack(form, value), "little")


def _from_bits(bits: int, type: str) -> int | float:
    if type == "f32":
        return float(struct.unpack("<f", bits.to_bytes(4, "little"))[0])
    if type == "f64":
        return float(struct.unpack("<d", bits.to_bytes(8, "little"))[0])
    return bits


def _sequence(value: Any) -> Numbers:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


# --- the engines -----------------------------------------------------------------------------------------------------


def _refsfi(kernel: Kernel) -> Call:
    call, _ = _refsfi_call(kernel, metered=False)
    return call


def _refsfi_call(kernel: Kernel, metered: bool) -> tuple[Call, Any]:
    from refsfi.binary.decode import decode
    from refsfi.exec.code import Program
    from refsfi.exec.instantiate import instantiate
    from refsfi.exec.machine import invoke
    from refsfi.runtime.store import FuncInst, Store
    from refsfi.valid.module import validate

    module = decode(kernel.wasm, DEFAULT)
    store = Store(fuel=_PLENTY if metered else None)
    instance = instantiate(store, Program(module, validate(module, DEFAULT), metered=metered), [])
    func = instance.exports[kernel.export]
    if not isinstance(func, FuncInst):
        raise Unsupported("the export is no function")
    args = [_bits(a, t) for a, t in zip(kernel.args, kernel.params)]

    def call() -> Numbers:
        return tuple(_from_bits(v, t) for v, t in zip(invoke(store, func, args), kernel.results))

    return call, store


_PLENTY = 10**15


def count_instructions(kernel: Kernel) -> int:
    """How many instructions one call executes. What only structures the code is not counted (`Op.fuel`)."""
    call, store = _refsfi_call(kernel, metered=True)
    call()
    return int(_PLENTY - store.fuel)


def _pwasm(mode: str) -> Callable[[Kernel], Call]:
    def load(kernel: Kernel) -> Call:
        pwasm = import_module("pwasm")
        try:
            instance = pwasm.instantiate(pwasm.decode_module(kernel.wasm), mode=mode)
        except pwasm.WasmError as error:
            raise Unsupported(_brief(error)) from error
        func = getattr(instance.exports, kernel.export)
        return lambda: _sequence(func(*kernel.args))

    return load


def _pywasm(kernel: Kernel) -> Call:
    pywasm = import_module("pywasm")
    runtime = pywasm.core.Runtime()
    try:
        module = pywasm.core.ModuleDesc.from_reader(BytesIO(kernel.wasm))
        instance = runtime.instance(module)
    except Exception as error:  # it has no error class of its own
        raise Unsupported(_brief(error)) from error
    return lambda: _sequence(runtime.invocate(instance, kernel.export, list(kernel.args)))


def _wasmtime(kernel: Kernel) -> Call:
    wasmtime = import_module("wasmtime")
    config = wasmtime.Config()
    for name in ("wasm_gc", "wasm_function_references", "wasm_memory64", "wasm_tail_call"):
        setattr(config, name, True)
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, wasmtime.Module(engine, kernel.wasm), [])
    func = instance.exports(store)[kernel.export]
    return lambda: _sequence(func(store, *kernel.args))


def _brief(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) <= 40 else text[:39] + "…"


ENGINES: tuple[Engine, ...] = (
    Engine("refsfi", None, _refsfi),
    Engine("pywasm", "pywasm", _pywasm, 0.3e6),
    Engine("pwasm", "pwasm", _pwasm("interpret"), 1e6),
    Engine("pwasm-auto", "pwasm", _pwasm("auto")),
    Engine("wasmtime", "wasmtime", _wasmtime),
)
