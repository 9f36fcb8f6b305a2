"""The engines under measurement, behind one small protocol. None of the peers is imported unless asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import Any, TypeAlias

from refsfi.exec.tiers import TierChoice, make_tier
from tools.benchmarks.kernels import Kernel

__all__ = [
    "COMPILERS",
    "ENGINES",
    "Engine",
    "Unsupported",
    "by_name",
    "compiler_events",
    "count_instructions",
    "same",
]

Numbers: TypeAlias = tuple[int | float, ...]
# Runs the kernel once; its results.
Call: TypeAlias = Callable[[], Numbers]


class Unsupported(Exception):
    """The engine cannot run this kernel; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`load` compiles and instantiates a kernel's module and returns its call. `package` is None for the project.
    `modules`: what a program that uses the engine imports first."""

    name: str
    package: str | None
    load: Callable[[Kernel], Call]
    # Instructions a second to reckon with, so that a call that would take minutes is not begun. None: do not mind.
    pace: float | None = None
    modules: tuple[str, ...] = ()

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


def _refsfi(choice: TierChoice) -> Callable[[Kernel], Call]:
    return lambda kernel: _refsfi_call(kernel, choice)[0]


def _refsfi_call(kernel: Kernel, choice: TierChoice, metered: bool = False) -> tuple[Call, Any]:
    from refsfi.binary.decode import decode
    from refsfi.exec.code import Program
    from refsfi.exec.instantiate import instantiate
    from refsfi.exec.machine import invoke
    from refsfi.runtime.store import FuncInst, Store
    from refsfi.syntax.features import DEFAULT
    from refsfi.valid.module import validate

    tier = make_tier(choice)
    if tier is not None and _LISTENERS:
        # Made now instead of when something is hot: who listens does not time.
        getattr(tier, "tier")().log.listeners.extend(_LISTENERS)  # noqa: B009  (the protocol has no such thing)
    module = decode(kernel.wasm, DEFAULT)
    store = Store(fuel=_PLENTY if metered else None)
    instance = instantiate(store, Program(module, validate(module, DEFAULT), metered=metered, tier=tier), [])
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
    call, store = _refsfi_call(kernel, TierChoice(), metered=True)
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


def _wasm3(kernel: Kernel) -> Call:
    wasm3 = import_module("wasm3")
    environment = wasm3.Environment()
    runtime = environment.new_runtime(1 << 20)
    try:
        runtime.load(environment.parse_module(kernel.wasm))
        func = runtime.find_function(kernel.export)
    except RuntimeError as error:
        raise Unsupported(_brief(error)) from error
    # The function lives no longer than what it was found in.
    return lambda _kept=(environment, runtime): _sequence(func(*kernel.args))  # type: ignore[misc]


def _ppci(kernel: Kernel) -> Call:
    ppci = import_module("ppci.wasm")
    try:
        instance = ppci.instantiate(ppci.Module(kernel.wasm), imports={}, target="native")
    except Exception as error:  # it has no error class of its own
        raise Unsupported(_brief(error)) from error
    # Asked for at each call: the code is gone as soon as nothing holds the instance.
    return lambda: _sequence(getattr(instance.exports, kernel.export)(*kernel.args))


_INTERPRETER = ("refsfi.binary.decode", "refsfi.exec.instantiate", "refsfi.exec.machine", "refsfi.valid.module")

# Under `interp`: those that interpret, and what they are measured by.
ENGINES: tuple[Engine, ...] = (
    Engine("refsfi", None, _refsfi(TierChoice()), modules=_INTERPRETER),
    Engine("pywasm", "pywasm", _pywasm, 0.3e6),
    Engine("pwasm", "pwasm", _pwasm("interpret"), 1e6),
    Engine("pwasm-auto", "pwasm", _pwasm("auto"), modules=("pwasm",)),
    Engine("wasmtime", "wasmtime", _wasmtime, modules=("wasmtime",)),
)
_BY_NAME = {engine.name: engine for engine in ENGINES}

# Under `jit`: those that compile, and what they are measured by.
COMPILERS: tuple[Engine, ...] = (
    Engine("interpreter", None, _refsfi(TierChoice()), 8e6, _INTERPRETER),
    Engine("jit", None, _refsfi(TierChoice("on")), modules=_INTERPRETER),
    Engine("jit-explicit", None, _refsfi(TierChoice("on", "explicit")), modules=_INTERPRETER),
    Engine("jit-portable", None, _refsfi(TierChoice("on", backend="portable")), 30e6, _INTERPRETER),
    Engine("wasm3", "pywasm3", _wasm3, modules=("wasm3",)),
    _BY_NAME["pwasm-auto"],
    Engine("ppci", "ppci", _ppci, modules=("ppci.wasm",)),
    _BY_NAME["wasmtime"],
)


def by_name(name: str) -> Engine:
    return next(engine for engine in (*COMPILERS, *ENGINES) if engine.name == name)


# --- what the compiling tier tells ------------------------------------------------------------------------------------

_LISTENERS: list[Callable[[Any], None]] = []


@contextmanager
def compiler_events() -> Iterator[list[tuple[str, int, int]]]:
    """What tiers that are made meanwhile do, in order: `record`, its instructions, the nanoseconds they took with all
    that ran compiled in between; or `compile`, the region's instructions, the nanoseconds of all phases."""
    found: list[tuple[str, int, int]] = []

    def listen(event: Any) -> None:
        facts = event.facts
        if event.name == "record":
            found.append(("record", facts["length"], facts["took"]))
        elif event.name == "compile":
            found.append(("compile", facts["instructions"], facts["build"] + facts["optimise"] + facts["emit"]))

    _LISTENERS.append(listen)
    try:
        yield found
    finally:
        _LISTENERS.remove(listen)
