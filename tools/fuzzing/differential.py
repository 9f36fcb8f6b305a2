"""One module in two engines: refsfi's interpreter and wasmtime, with the same imports, arguments, limits and fuel.

Compared are results, traps by kind and backtrace, memories, globals, tables, and the fuel left wherever a call ended
regularly.
Both engines compute canonical NaNs and the deterministic choice of relaxed instructions. refsfi runs each module twice:
as it does for everybody, and instruction by instruction under an observer, which must make no difference.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import methodcaller
from random import Random
from typing import Any

import wasmtime

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import Frame as TraceFrame
from refsfi.errors import GuestException, LimitError, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.memory import MemInst
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Extern, FuncInst, Store
from refsfi.syntax.features import ALL, Feature, Features
from refsfi.syntax.module import Module
from refsfi.valid.module import validate
from tools.fuzzing.instrument import PROVIDER, instrumented, provider

__all__ = ["RUNNABLE", "Difference", "compare"]

# What wasmtime executes, too.
RUNNABLE: Features = ALL - {Feature.CUSTOM_DESCRIPTORS, Feature.LEGACY_EXCEPTIONS}

FUEL = 30_000
# Fuel for what only looks at the state.
_AMPLE = 1_000_000
MEMORY = 1 << 24
TABLE = 20_000
_LIMITS = Limits(stack=1 << 18, memory=MEMORY, table=TABLE, gc_items=100_000)
_MASK = (1 << 64) - 1


class Difference(Exception):
    """The engines disagree: `what` is equal for cases with the same cause, as far as can be told."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"{what}: {detail}")
        self.what = what


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a call or an instantiation.

    `kind`: values; trap or exception; fuel (it ran out); refused (by a limit of the store); exhausted (stack, or room
    for objects, which engines measure differently). `left` is the fuel that was left. `frames`: function index and
    offset in the module of where a trap or an uncaught exception comes from, innermost first.
    """

    kind: str
    values: tuple[int, ...] = ()
    trap: str = ""
    left: int = 0
    frames: tuple[tuple[int, int], ...] = ()

    @property
    def result(self) -> tuple[str, tuple[int, ...], str]:
        return self.kind, self.values, self.trap

    def __str__(self) -> str:
        words = [self.kind, *(f"{value:#x}" for value in self.values), self.trap]
        words += (f"in func {index} at 0x{offset:x}" for index, offset in self.frames)
        return " ".join(filter(None, words))


_KINDS = {
    TrapCode.OUT_OF_FUEL.name: "fuel",
    TrapCode.STACK_OVERFLOW.name: "exhausted",
    TrapCode.ALLOCATION_TOO_LARGE.name: "exhausted",
}


# --- refsfi ----------------------------------------------------------------------------------------------------------


class _Refsfi:
    def __init__(self, *, observed: bool) -> None:
        self.store = Store(_LIMITS, fuel=0)
        if observed:
            self.store.observer = Observer()
        self.exports: dict[str, Extern] = {}

    def start(self, modules: Sequence[bytes], fuel: int) -> _Outcome:
        def act() -> Sequence[int]:
            imports: list[Extern] = []
            for data in modules:
                module = decode(data, ALL)
                program = Program(module, validate(module, ALL), metered=True)
                instance = instantiate(self.store, program, imports[: len(module.imports)])
                imports = list(instance.exports.values())
                self.exports = instance.exports
            return ()

        return self._outcome(act, fuel)

    def call(self, name: str, fuel: int) -> _Outcome:
        func = self.exports[name]
        if not isinstance(func, FuncInst):
            raise TypeError(f"{name} is no function of a module")
        return self._outcome(lambda: invoke(self.store, func, ()), fuel)

    def memory(self, name: str) -> bytes:
        mem = self.exports[name]
        if not isinstance(mem, MemInst):
            raise TypeError(f"{name} is no memory")
        return bytes(mem.data)

    def _outcome(self, act: Callable[[], Sequence[int]], fuel: int) -> _Outcome:
        self.store.fuel = fuel
        values: tuple[int, ...] = ()
        kind, code = "values", ""
        frames: list[TraceFrame] = []
        try:
            values = tuple(act())
        except GuestException as exception:
            kind, frames = "exception", exception.frames
        except LimitError:
            kind = "refused"
        except Trap as trap:
            code, frames = trap.code.name, trap.frames
            kind = _KINDS.get(code, "trap")
        places = tuple((frame.func_index, frame.module_offset or 0) for frame in frames)
        return _Outcome(kind, values, code, self.store.fuel or 0, places)


# --- wasmtime --------------------------------------------------------------------------------------------------------


@cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    for name in (
        "wasm_threads wasm_tail_call wasm_reference_types wasm_simd wasm_bulk_memory wasm_multi_value wasm_memory64 "
        "wasm_multi_memory wasm_relaxed_simd wasm_relaxed_simd_deterministic wasm_exceptions wasm_function_references "
        "wasm_gc wasm_wide_arithmetic wasm_custom_page_sizes gc_support shared_memory consume_fuel "
        "cranelift_nan_canonicalization"
    ).split():
        setattr(config, name, True)
    # With them wasmtime (50) panics when an access to an imported shared memory traps.
    config.signals_based_traps = False
    config.parallel_compilation = False
    config.cranelift_opt_level = "none"
    return wasmtime.Engine(config)


class _Wasmtime:
    def __init__(self) -> None:
        self.store = wasmtime.Store(_engine())
        self.store.set_limits(memory_size=MEMORY, table_elements=TABLE)
        self.exports: Any = {}

    def start(self, modules: Sequence[bytes], fuel: int) -> _Outcome:
        def act() -> object:
            # Not a list of imports: wasmtime-py (50) cannot pass shared memories in one.
            linker = wasmtime.Linker(_engine())
            for module in compiled[:-1]:
                linker.define_instance(self.store, PROVIDER, linker.instantiate(self.store, module))
            self.exports = linker.instantiate(self.store, compiled[-1]).exports(self.store)
            return None

        compiled = []
        for data in modules:
            try:
                compiled.append(wasmtime.Module(_engine(), data))
            except wasmtime.WasmtimeError as error:
                raise Difference("wasmtime refuses the module", str(error)) from None
        return self._outcome(act, fuel)

    def call(self, name: str, fuel: int) -> _Outcome:
        return self._outcome(lambda: self.exports[name](self.store), fuel)

    def memory(self, name: str) -> bytes:
        memory = self.exports[name]
        if isinstance(memory, wasmtime.SharedMemory):
            return ctypes.string_at(memory.data_ptr(), memory.data_len())
        return bytes(memory.read(self.store))

    def _outcome(self, act: Callable[[], object], fuel: int) -> _Outcome:
        self.store.set_fuel(fuel)
        try:
            result = act()
        except wasmtime.Trap as trap:
            if trap.trap_code is None:
                if "thrown Wasm exception" not in trap.message:
                    raise
                return _Outcome("exception", frames=_places(trap))
            code = trap.trap_code.name
            return _Outcome(_KINDS.get(code, "trap"), (), code, self.store.get_fuel(), _places(trap))
        except wasmtime.WasmtimeError as error:
            text = str(error)
            if "thrown Wasm exception" in text:
                return _Outcome("exception")
            if "GC heap out of memory" in text:
                return _Outcome("exhausted")
            if "exceeds" in text and "limit" in text:
                return _Outcome("refused")
            raise
        values = () if result is None else tuple(result) if isinstance(result, list) else (result,)
        return _Outcome("values", tuple(value & _MASK for value in values), left=self.store.get_fuel())


def _places(trap: wasmtime.Trap) -> tuple[tuple[int, int], ...]:
    return tuple((frame.func_index, frame.module_offset) for frame in trap.frames)


# --- comparison ------------------------------------------------------------------------------------------------------

_START = "instantiation"


def compare(module: Module, random: Random) -> Counter[str]:
    """Run a valid module whose features are RUNNABLE in both engines. How much was compared; Difference where they
    disagree."""
    counts: Counter[str] = Counter()
    modules = []
    if module.imports:
        made = provider(module)
        if made is None:
            counts["not run: an import without a simple value"] += 1
            return counts
        modules.append(encode(made))
    shown = instrumented(module, random)
    modules.append(encode(shown.module))
    plain, observed, peer = _Refsfi(observed=False), _Refsfi(observed=True), _Wasmtime()

    def step(what: str, act: Callable[[object], _Outcome]) -> bool:
        """Whether all engines did the same and are in the same state, as far as they go on at all."""
        ours, theirs = act(plain), act(peer)
        stepped = act(observed)
        if (stepped.result, stepped.left, stepped.frames) != (ours.result, ours.left, ours.frames):
            raise Difference(
                "refsfi with an observer", f"{what}: {ours}, {ours.left} left, but {stepped}, {stepped.left}"
            )
        return _agree(what, ours, theirs, counts)

    if not step(_START, methodcaller("start", modules, _AMPLE)):
        return counts
    counts["instances"] += 1
    for name in shown.calls:
        if not step(f"'{name}'", methodcaller("call", name, FUEL)):
            return counts
        for memory in shown.mems:
            data = plain.memory(memory)
            if data != peer.memory(memory) or data != observed.memory(memory):
                raise Difference("memory", f"'{memory}' after '{name}'")
            counts["memories"] += 1
        for state in shown.states:
            if not step(f"'{state}' after '{name}'", methodcaller("call", state, _AMPLE)):
                return counts
    return counts


def _agree(what: str, ours: _Outcome, theirs: _Outcome, counts: Counter[str]) -> bool:
    """Difference where two outcomes cannot both be right; False where they need not be the same from here on."""
    if "exhausted" in (ours.kind, theirs.kind):
        counts["ended: stack or objects"] += 1
        return False
    if ours.kind == "fuel" or theirs.kind == "fuel":
        # wasmtime looks at its fuel only when it enters a function or a loop.
        if theirs.kind == "values" and theirs.left:
            raise Difference("fuel", f"{what}: used up, but {theirs.left} left in wasmtime")
        if ours.kind != "fuel":
            raise Difference("fuel", f"{what}: {ours.left} left, but used up in wasmtime")
        counts["ended: fuel"] += 1
        return False
    if ours.result != theirs.result:
        kinds = f"{ours.kind} {ours.trap}, {theirs.kind} {theirs.trap} in wasmtime"
        raise Difference(kinds, f"{what}: {ours} but {theirs}")
    # Of an instantiation wasmtime-py does not always say where it failed.
    if ours.frames != theirs.frames and what != _START:
        raise Difference(f"backtrace of {ours.kind} {ours.trap}", f"{what}: {ours} but {theirs}")
    if ours.kind == "refused":
        counts["not run: above the limits"] += 1
        return False
    counts[ours.kind] += 1
    if what == _START:
        # wasmtime charges for segments and initial values, too. Where it fails, there is no instance.
        return ours.kind == "values"
    if ours.kind == "values":
        if ours.left != theirs.left:
            raise Difference("fuel", f"{what}: {ours.left} left, but {theirs.left} in wasmtime")
        counts["fuel counts"] += 1
    return True
