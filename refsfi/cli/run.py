"""`refsfi run`: run a module, or one function of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from refsfi.cli.files import describe, display_name, parse_input, read_input
from refsfi.cli.guest import GuestOptions, guest_help, parse_guest_options
from refsfi.cli.options import Command, HelpRequested, Option, Parsed, UsageError
from refsfi.cli.report import EXIT_TRAP, Failure, complain, execute, printable, write_text
from refsfi.errors import Exhaustion, GuestException, Trap, TrapCode, WasmError
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Extern, FuncInst, HostFunc, Instance, Store, extern_type
from refsfi.runtime.values import func_type
from refsfi.syntax.module import Import, Module
from refsfi.syntax.types import ExternType, kind_of
from refsfi.valid.module import validate

__all__ = ["main"]

_COMMAND = Command(
    "run",
    "refsfi [run] [OPTIONS] FILE [ARGS…]",
    "Run a module, binary or text: instantiate it, then call the function that --invoke names with ARGS\n"
    "and print its results one a line, or call _start if the module has one. What follows FILE is the\n"
    "guest's; only of a module without _start, options may follow FILE as well.",
    [
        Option("--invoke", "the exported function to call", "NAME"),
        Option("-W --wasm", "limits of the guest, and proposals; -W help lists them", "KEY=VALUE,…"),
        Option(
            "--preload",
            "another module, from whose exports the guest may import as NAME; --preload spectest\n"
            "provides the module of that name that test scripts use",
            "NAME=FILE",
        ),
        Option("--trap", "how a trap is reported: text, json or explain", "FORM"),
        Option(
            "--trace",
            "show instr, operands, calls and memory as they happen, on the standard error;\n"
            "instr,operands,calls if not said",
            "KINDS",
            optional=True,
        ),
        Option("--dir", "a directory that the guest may use, for WASI", "HOST[::GUEST]"),
        Option("--env", "a variable of the guest's environment, for WASI", "K[=V]"),
        Option("--argv0", "what the guest takes for its own name, for WASI", "NAME"),
        Option("--jit", "on, off", "MODE"),
        Option("--bounds", "how memory accesses are confined: guard or explicit", "HOW"),
    ],
    "Exit codes: 0, or what the guest exits with; 134 trap, uncaught exception, fuel or time used up;\n"
    "1 the module cannot be loaded, validated or linked; 2 wrong usage; 130 interrupted.",
)

_TRACE_DEFAULT: Final = "instr,operands,calls"
_WASI: Final = ("wasi_snapshot_preview1", "wasi_unstable")
# How many exports an error message names.
_MOST_NAMES: Final = 12


@dataclass(slots=True)
class _Settings:
    """The command line, understood."""

    path: str
    arguments: list[str]
    invoke: str | None = None
    guest: GuestOptions = field(default_factory=GuestOptions)
    preloads: list[tuple[str, str | None]] = field(default_factory=list)
    trap: str = "text"
    trace: frozenset[str] = frozenset()


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("run", _run, arguments)


def _run(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments, interleaved=False)
    settings = _settings(parsed)
    data = read_input(settings.path)
    module = parse_input(data, settings.path, settings.guest.features)
    rest = settings.arguments
    if rest and settings.invoke is None and _COMMAND.knows(rest[0]) and not _has_start(module):
        late = _COMMAND.parse(rest, interleaved=False, foreign=True)
        for key, values in late.values.items():
            parsed.values[key] = parsed.all(key) + values
        parsed.operands[1:] = late.operands
        features = settings.guest.features
        settings = _settings(parsed)
        if settings.guest.features != features:
            module = parse_input(data, settings.path, settings.guest.features)
    return _Session(settings).run(module)


def _has_start(module: Module) -> bool:
    return any(export.name == "_start" for export in module.exports)


# --- settings --------------------------------------------------------------------------------------------------------


def _settings(parsed: Parsed) -> _Settings:
    wasm = parsed.all("wasm")
    if "help" in wasm:
        raise HelpRequested(guest_help())
    guest = parse_guest_options(wasm)
    if not parsed.operands:
        raise UsageError("no file given")
    _check_jit(parsed.last("jit"))
    _choice("bounds", parsed.last("bounds"), ("guard", "explicit"))
    for text in parsed.all("dir"):
        if not text.partition("::")[0]:
            raise UsageError("--dir: a directory of the host must be named, as in --dir HOST or --dir HOST::GUEST")
    for text in parsed.all("env"):
        if not text.partition("=")[0]:
            raise UsageError("--env: a variable must be named, as in --env NAME or --env NAME=VALUE")
    trap = parsed.last("trap")
    from refsfi.cli.traps import MODES

    _choice("trap", trap, MODES)
    return _Settings(
        parsed.operands[0],
        parsed.operands[1:],
        parsed.last("invoke"),
        guest,
        [_preload(text) for text in parsed.all("preload")],
        trap or "text",
        _trace_kinds(parsed.all("trace")),
    )


def _choice(option: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise UsageError(f"--{option}={value}: known are {', '.join(known)}")


def _check_jit(mode: str | None) -> None:
    _choice("jit", mode, ("on", "off", "force", "check"))
    if mode in ("force", "check"):
        raise UsageError(f"--jit={mode}: the compiler is not built yet; on and off run the interpreter")


def _preload(text: str) -> tuple[str, str | None]:
    name, equals, path = text.partition("=")
    if equals and path:
        return name, path
    if text == "spectest":
        return text, None
    raise UsageError(f"--preload {text}: NAME=FILE expected")


def _trace_kinds(texts: Sequence[str]) -> frozenset[str]:
    from_user = [kind for text in texts for kind in (text or _TRACE_DEFAULT).split(",") if kind]
    known = ("instr", "operands", "calls", "memory", "wasi")
    for kind in from_user:
        _choice("trace", kind, known)
    if "wasi" in from_user:
        complain("refsfi run: --trace=wasi shows nothing: WASI is not built yet")
    return frozenset(from_user) - {"wasi"}


# --- running ---------------------------------------------------------------------------------------------------------


class _Session:
    """One store with the instances of one run."""

    def __init__(self, settings: _Settings) -> None:
        self._settings = settings
        self._guest = settings.guest
        self._store = Store(self._guest.store_limits(), self._guest.fuel)
        self._instances: list[Instance] = []
        # Module name -> its exports, for importers.
        self._names: dict[str, Mapping[str, Extern]] = {}
        # What is being done, for reports.
        self._context = ""

    def run(self, module: Module) -> int:
        settings = self._settings
        try:
            with self._time_limit():
                main = self._program(module, settings.path)
                self._observe()
                for name, path in settings.preloads:
                    self._names[name] = self._preload(name, path)
                self._context = f"failed to instantiate `{settings.path}`"
                instance = self._instantiate(main, settings.path)
                self._call(instance)
        except Trap as trap:
            from refsfi.cli.traps import trap_report

            self._report(trap_report(trap, settings.trap, self._context))
            return EXIT_TRAP
        except GuestException as error:
            from refsfi.cli.traps import exception_report

            self._report(exception_report(error, settings.trap, self._context, self._instances))
            return EXIT_TRAP
        return 0

    def _report(self, lines: Sequence[str]) -> None:
        # What the guest has printed comes before what is said about it.
        if sys.stdout is not None:
            sys.stdout.flush()
        for line in lines:
            complain(line)

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        """Have the guest stopped when its time is over, which includes that of instantiation."""
        if self._guest.timeout is None:
            yield
            return
        from threading import TIMEOUT_MAX, Timer

        timer = Timer(min(self._guest.timeout, TIMEOUT_MAX), self._stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _stop(self) -> None:
        self._store.stop = Exhaustion(TrapCode.INTERRUPT)

    def _observe(self) -> None:
        if self._settings.trace:
            from refsfi.observe.trace import Trace, TraceKind

            self._store.observer = Trace(map(TraceKind, self._settings.trace), complain)

    # --- linking ---

    def _program(self, module: Module, path: str) -> Program:
        try:
            return Program(module, validate(module, self._guest.features), metered=self._guest.fuel is not None)
        except WasmError as error:
            raise Failure(describe(display_name(path), error)) from None

    def _preload(self, name: str, path: str | None) -> Mapping[str, Extern]:
        if path is None:
            from refsfi.host.spectest import Spectest

            return Spectest(lambda line: write_text(f"{line}\n"))
        self._context = f"failed to preload `{path}` as `{name}`"
        module = parse_input(read_input(path), path, self._guest.features)
        return self._instantiate(self._program(module, path), path).exports

    def _instantiate(self, program: Program, path: str) -> Instance:
        imports = [
            self._import(declared, type, path)
            for declared, type in zip(program.module.imports, program.import_types, strict=True)
        ]
        try:
            instance = instantiate(self._store, program, imports)
        except (Trap, GuestException):
            raise
        except WasmError as error:
            raise Failure(describe(display_name(path), error)) from None
        self._instances.append(instance)
        return instance

    def _import(self, declared: Import, type: ExternType, path: str) -> Extern:
        module, name = declared.module, declared.name
        exports = self._names.get(module, {})
        if name in exports:
            return exports[name]
        if self._guest.unknown_imports_default:
            from refsfi.host.unknown import default_import

            try:
                return default_import(module, name, type, self._store.limits)
            except WasmError as error:
                raise Failure(describe(display_name(path), error)) from None
        if self._guest.unknown_imports_trap:
            from refsfi.host.unknown import trapping_import

            stand_in = trapping_import(module, name, type)
            if stand_in is not None:
                return stand_in
        kind = str(kind_of(type))
        if module in _WASI and module not in self._names:
            advice = "WASI is not built yet"
        elif module in self._names:
            advice = f"the module preloaded as {module} has no such export"
        else:
            advice = f"provide it with --preload {module}=FILE, or see -W unknown-imports-trap"
        raise Failure(
            f"{display_name(path)}: unknown import: `{module}::{name}` ({kind}) has not been defined; {advice}"
        )

    # --- calling ---

    def _call(self, instance: Instance) -> None:
        settings = self._settings
        self._context = f"failed to run main module `{settings.path}`"
        if settings.invoke is None:
            if "_start" in instance.exports:
                func = self._function(instance, "_start")
                type = func_type(func.type)
                if type.params or type.results:
                    raise Failure(f"{display_name(settings.path)}: `_start` is of type {type}, [] -> [] expected")
                invoke(self._store, func, [])
            return
        from refsfi.cli.values import parse_arguments, print_value

        func = self._function(instance, settings.invoke)
        type = func_type(func.type)
        values = parse_arguments(settings.arguments, type, settings.invoke)
        self._context += f": failed to invoke `{settings.invoke}`"
        results = invoke(self._store, func, values)
        write_text("".join(f"{printable(print_value(v, t))}\n" for v, t in zip(results, type.results, strict=True)))

    def _function(self, instance: Instance, name: str) -> FuncInst | HostFunc:
        export = instance.exports.get(name)
        if isinstance(export, FuncInst | HostFunc):
            return export
        file = display_name(self._settings.path)
        if export is not None:
            raise Failure(f"{file}: the export `{name}` is a {kind_of(extern_type(export))}, not a function")
        functions = [key for key, value in instance.exports.items() if isinstance(value, FuncInst | HostFunc)]
        known = ", ".join(functions[:_MOST_NAMES]) + (", …" if len(functions) > _MOST_NAMES else "")
        raise Failure(f"{file}: no exported function `{name}`; {f'there are: {known}' if known else 'there are none'}")
