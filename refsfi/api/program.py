"""A whole program in one call, as the command line runs it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

from refsfi.api.config import Config
from refsfi.api.engine import Engine
from refsfi.api.errors import ExitTrap, WasmtimeError
from refsfi.api.func import Func
from refsfi.api.linker import Linker
from refsfi.api.module import Module
from refsfi.api.store import Store
from refsfi.api.trap import Trap
from refsfi.api.wasi import WasiConfig
from refsfi.errors import Exhaustion, TrapCode
from refsfi.exec.load import LAZY_FROM

__all__ = ["RunOptions", "RunResult", "run", "run_async"]

_START = "_start"
# What is called unless something else is asked for: the first that there is.
_MAIN = ("", _START)
# What a reactor, a library that is used through its exports, sets itself up by.
_INITIALIZE = "_initialize"

# A file's name, or the contents of one.
Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run. `exit_code` is what the guest exited with, 0 where it just ended. `stdout` and `stderr` hold
    what it wrote there, as far as `run` was to collect it. `results` are those of the function that `invoke` named."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    results: tuple[Any, ...] = ()


class RunOptions(TypedDict, total=False):
    """What `run` takes by name."""

    # The exported function to call instead of `_start`, with `args`, which are Python values then.
    invoke: str | None
    # The guest's own name (default: that of the file), and its environment (default: empty).
    argv0: str | None
    env: Mapping[str, str] | None
    # Directories that it may use: a mapping from the host's to the guest's name, or strings as `--dir` takes them, HOST
    # or HOST::GUEST.
    dirs: Mapping[str | os.PathLike[str], str] | Iterable[str]
    # What it reads: bytes (default: none), an object with `read`, a path, a descriptor, None.
    stdin: Any
    # Where it writes: an object with `write`, a function of bytes, a path, a descriptor; None to have it collected in
    # the result.
    stdout: Any
    stderr: Any
    # Modules, by name, from whose exports it may import besides WASI.
    preload: Mapping[str, Source]
    # What all other imports are: an error, functions that fail when they are called, or default values.
    unknown_imports: Literal["error", "trap", "default"]
    # Seconds of wall time, from instantiation on, and instructions.
    timeout: float | None
    fuel: int | None
    # Bytes of each memory, elements of each table (-1 for no limit); bytes of structures, arrays and exceptions (-1 for
    # a gigabyte); bytes of stack (None for the default).
    memory_size: int
    table_elements: int
    gc_heap_size: int
    stack_size: int | None
    # Bytes that it may write to each output that is collected.
    max_output: int | None
    # Whether growing beyond a limit is a trap instead of -1.
    trap_on_grow_failure: bool
    # Further settings; consumed.
    config: Config | None


_DEFAULTS: RunOptions = {
    "invoke": None,
    "argv0": None,
    "env": None,
    "dirs": (),
    "stdin": b"",
    "stdout": None,
    "stderr": None,
    "preload": {},
    "unknown_imports": "error",
    "timeout": None,
    "fuel": None,
    "memory_size": -1,
    "table_elements": -1,
    "gc_heap_size": -1,
    "stack_size": None,
    "max_output": None,
    "trap_on_grow_failure": False,
    "config": None,
}


def run(program: Source, args: Sequence[Any] = (), **options: Unpack[RunOptions]) -> RunResult:
    """Run a module, binary or text: call its `_start` with the arguments `args` behind its name.

    `program` is a file's name, or bytes as a file would have them; `options` are those of `RunOptions`. The guest has
    WASI, with what the options grant and nothing else.

    Raises OSError for a file that cannot be read; WasmtimeError for what is no valid module, does not link, or has no
    such function; `Trap` for a trap, for fuel or time used up (`trap_code` tells), and for an uncaught exception; and
    what a Python object given as a stream raises. `proc_exit` is no error: see `RunResult.exit_code`.
    """
    return _Run(program, args, options).run()


async def run_async(program: Source, args: Sequence[Any] = (), **options: Unpack[RunOptions]) -> RunResult:
    """Likewise, without blocking the event loop; cancelling it interrupts the guest."""
    from refsfi.api.aio import run_interruptibly

    prepared = _Run(program, args, options)
    return await run_interruptibly(prepared.store._context, prepared.run)


class _Capture:
    """Collects output up to a limit in bytes, which stops the guest."""

    def __init__(self, limit: int | None) -> None:
        self._data = bytearray()
        self._limit = limit
        self.overflowed = False

    def __call__(self, data: bytes) -> None:
        if self._limit is not None and len(self._data) + len(data) > self._limit:
            self._data += data[: self._limit - len(self._data)]
            self.overflowed = True
            raise Exhaustion(TrapCode.INTERRUPT)
        self._data += data

    def __bytes__(self) -> bytes:
        return bytes(self._data)


class _Run:
    """One run. The store is there first, for whoever wants to interrupt it."""

    def __init__(self, program: Source, args: Sequence[Any], options: RunOptions) -> None:
        unknown = options.keys() - _DEFAULTS.keys()
        if unknown:
            raise TypeError(f"run() got an unexpected keyword argument '{min(unknown)}'")
        self._program = program
        self._args = args
        self._options = chosen = _DEFAULTS | options
        if chosen["unknown_imports"] not in ("error", "trap", "default"):
            raise ValueError(f"unknown_imports must be 'error', 'trap' or 'default': {chosen['unknown_imports']!r}")
        config = chosen["config"] or Config()
        fuel, stack = chosen["fuel"], chosen["stack_size"]
        if fuel is not None:
            config.consume_fuel = True
        if stack is not None:
            config.max_wasm_stack = stack
        self._engine = Engine(config)
        self.store = Store(self._engine)
        if fuel is not None:
            self.store.set_fuel(fuel)
        self.store.set_limits(
            chosen["memory_size"],
            chosen["table_elements"],
            gc_heap_size=chosen["gc_heap_size"],
            trap_on_grow_failure=chosen["trap_on_grow_failure"],
        )

    def run(self) -> RunResult:
        options, store = self._options, self.store
        module = self._module(self._program)
        outputs = (_Capture(options["max_output"]), _Capture(options["max_output"]))
        store.set_wasi(self._wasi(*outputs))
        try:
            if options["timeout"] is not None:
                store.set_timeout(options["timeout"])
            code, results = self._call(self._linker(module), module)
        except Trap as trap:
            if any(output.overflowed for output in outputs):
                trap.add_note(f"the guest's output reached the limit of {options['max_output']} bytes")
            raise
        finally:
            store._context.close_wasi()
        return RunResult(code, bytes(outputs[0]), bytes(outputs[1]), results)

    def _wasi(self, stdout: _Capture, stderr: _Capture) -> WasiConfig:
        options = self._options
        wasi = WasiConfig()
        name = options["argv0"]
        if name is None:
            path = self._program
            name = "main.wasm" if isinstance(path, bytes | bytearray) else os.path.basename(os.fspath(path))
        wasi.argv = [name] if options["invoke"] is not None else [name, *self._args]
        wasi.env = options["env"] or {}
        wasi.stdin = options["stdin"]
        wasi.stdout = stdout if options["stdout"] is None else options["stdout"]
        wasi.stderr = stderr if options["stderr"] is None else options["stderr"]
        for host, guest in _directories(options["dirs"]):
            wasi.preopen_dir(host, guest)
        return wasi

    def _module(self, program: Source) -> Module:
        if isinstance(program, bytes | bytearray):
            data = bytes(program)
        else:
            with open(program, "rb") as file:
                data = file.read()
        return Module._loaded(self._engine, data, lazy=True if len(data) >= LAZY_FROM else None)

    def _linker(self, module: Module) -> Linker:
        linker = Linker(self._engine)
        linker.define_wasi()
        linker.allow_shadowing = True
        for name, source in self._options["preload"].items():
            linker.define_instance(self.store, name, linker.instantiate(self.store, self._module(source)))
        if self._options["unknown_imports"] == "trap":
            linker.define_unknown_imports_as_traps(module)
        elif self._options["unknown_imports"] == "default":
            linker.define_unknown_imports_as_default_values(self.store, module)
        return linker

    def _call(self, linker: Linker, module: Module) -> tuple[int, tuple[Any, ...]]:
        """Exit code and results."""
        store, name = self.store, self._options["invoke"]
        arguments = () if name is None else self._args
        try:
            exports = linker.instantiate(store, module).exports(store)
            initialize = exports.get(_INITIALIZE)
            if isinstance(initialize, Func) and _START not in exports:
                initialize(store)
            if name is None:
                name = next((found for found in _MAIN if found in exports), None)
                if name is None:
                    return 0, ()
            func = exports.get(name)
            if not isinstance(func, Func):
                raise WasmtimeError(f"the module exports no function `{name}`")
            result = func(store, *arguments)
        except ExitTrap as exit:
            return exit.code, ()
        count = len(func.type(store).results)
        return 0, () if count == 0 else (result,) if count == 1 else tuple(result)


def _directories(
    dirs: Mapping[str | os.PathLike[str], str] | Iterable[str],
) -> Iterable[tuple[str | os.PathLike[str], str]]:
    if isinstance(dirs, Mapping):
        return dirs.items()
    if isinstance(dirs, str):
        raise TypeError("dirs must be a mapping, or several strings")
    return [(host, guest or host) for host, _, guest in (text.partition("::") for text in dirs)]
