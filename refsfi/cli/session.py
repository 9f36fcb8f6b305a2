"""A run of the command line: one store with the instances of one run, from loading to the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from refsfi.cli.aftermath import Aftermath, DebugSettings
from refsfi.cli.files import describe, display_name, read_input, refuse_component
from refsfi.cli.guest import GuestOptions
from refsfi.cli.progress import checking
from refsfi.cli.report import EXIT_TRAP, Failure, complain, printable, write_text
from refsfi.cli.timeout import time_limit
from refsfi.cli.wasi import WASI_MODULES, WasiSettings, check_dirs
from refsfi.errors import GuestException, GuestExit, LimitError, Trap, WasmError
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import LAZY_FROM, Verdicts, load_program
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import PLENTY, TierChoice, make_tier
from refsfi.runtime.store import Extern, FuncInst, HostFunc, Instance, Store, extern_type
from refsfi.runtime.tier import Tier
from refsfi.runtime.values import func_type
from refsfi.syntax.module import Import
from refsfi.syntax.types import ExternKind, ExternType, FuncType, kind_of

if TYPE_CHECKING:
    from refsfi.cli.guestprofile import GuestProfile
    from refsfi.cli.monitors import MonitorChoice, Monitoring
    from refsfi.cli.recorded import WasiTracker
    from refsfi.debug.journal import Tracker
    from refsfi.debug.recording.write import Recorder
    from refsfi.host.wasi import Wasi
    from refsfi.runtime.observer import Observer

__all__ = ["Session", "Settings"]

# How many exports an error message names.
_MOST_NAMES: Final = 12


@dataclass(slots=True)
class Settings:
    """The command line, understood. `arguments` are those of the function to `invoke`; a preload without a path is the
    module `spectest`. `trap` is one of `traps.MODES`, `trace` has kinds of `TraceKind`, and `wasi`; `tier` says what is
    compiled, which is nothing where there are `monitors`, a `profile` of the guest, a trace, or a debugger at `gdb`."""

    path: str
    arguments: Sequence[str] = ()
    invoke: str | None = None
    guest: GuestOptions = field(default_factory=GuestOptions)
    wasi: WasiSettings = field(default_factory=WasiSettings)
    preloads: Sequence[tuple[str, str | None]] = ()
    trap: str = "text"
    debug: DebugSettings = field(default_factory=DebugSettings)
    trace: frozenset[str] = frozenset()
    monitors: Sequence[MonitorChoice] = ()
    profile: GuestProfile | None = None
    gdb: str | None = None
    tier: TierChoice = field(default_factory=TierChoice)
    record: str | None = None


class Session:
    """`run` is called once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guest = settings.guest
        # What compares tiers counts instructions by fuel, and so do recordings.
        counted = settings.tier.mode == "check" or settings.record is not None
        fuel = PLENTY if self._guest.fuel is None and counted else self._guest.fuel
        self._store = Store(self._guest.store_limits(), fuel)
        self._tier: Tier | None = None
        self._instances: list[Instance] = []
        self._paths: dict[Program, str] = {}
        self._memories = self._tables = 0
        # Module name -> its exports, for importers.
        self._names: dict[str, Mapping[str, Extern]] = {}
        self._wasi: Wasi | None = None
        self._monitoring: Monitoring | None = None
        self._recorder: Recorder | None = None
        self._tracker: WasiTracker | None = None
        # What is being done, for reports.
        self._context = ""
        self._aftermath = Aftermath(self._store, settings.trap, settings.debug)

    def run(self, data: bytes) -> int:
        """Run the module `data`; the exit code. Failure, UsageError."""
        settings = self._settings
        check_dirs(settings.wasi)
        self._tier = make_tier(settings.tier)
        try:
            with self._recorded():
                self._whole(data)
        except (Trap, GuestException) as error:
            self._report(self._aftermath.report(error, self._context, self._instances, self._paths))
            return EXIT_TRAP
        except GuestExit as exit:
            # The system keeps eight bits; that must not make a success of a failure.
            return exit.code & 0xFF or (1 if exit.code else 0)
        finally:
            if self._wasi is not None:
                self._wasi.close()
            if self._monitoring is not None:
                # Whatever ended the guest, what it did until then is of interest.
                self._monitoring.tell()
        return 0

    def _whole(self, data: bytes) -> None:
        settings = self._settings
        main = self._load(data, settings.path)
        preloads = [(name, path, self._preload(path)) for name, path in settings.preloads]
        self._observe()
        with time_limit(self._store, self._guest.timeout), self._sampled():
            for name, path, preload in preloads:
                self._context = f"failed to preload `{path}` as `{name}`"
                self._names[name] = self._exports(preload, path)
            self._context = f"failed to instantiate `{display_name(settings.path)}`"
            instance = self._instantiate(main, settings.path)
            self._initialize(instance)
            self._call(instance)

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        path = self._settings.record
        if path is None:
            yield
            return
        from refsfi.cli.recorded import WasiTracker, recorded

        self._tracker = WasiTracker(lambda: self._store)
        with recorded(path, self._store, self._guest.features) as self._recorder:
            yield

    def _report(self, lines: Sequence[str]) -> None:
        # What the guest has printed comes before what is said about it.
        if sys.stdout is not None:
            sys.stdout.flush()
        for line in lines:
            complain(line)

    def _print(self, line: str) -> None:
        """For a host's module that prints."""
        write = self._settings.wasi.write
        if write is not None:
            write(1, f"{line}\n".encode())
            return
        write_text(f"{line}\n")
        # WASI writes to the descriptor itself, and what is printed first is to come first.
        if sys.stdout is not None:
            sys.stdout.flush()

    def _observe(self) -> None:
        settings = self._settings
        kinds = settings.trace - {"wasi"}
        if not (kinds or settings.monitors):
            return
        from refsfi.observe.together import together

        observers: list[Observer] = []
        if kinds:
            from refsfi.observe.trace import Trace, TraceKind

            observers.append(Trace(map(TraceKind, kinds), complain))
        if settings.monitors:
            from refsfi.cli.monitors import Monitoring

            self._monitoring = Monitoring(settings.monitors, self._paths)
            observers.append(self._monitoring.observer)
        self._store.observer = together(observers)

    def _sampled(self) -> AbstractContextManager[None]:
        asked = self._settings.profile
        if asked is None:
            return nullcontext()
        from refsfi.cli.guestprofile import sampled

        return sampled(asked, self._store, self._paths, self._settings.path)

    # --- loading ---

    def _load(self, data: bytes, path: str) -> Program:
        guest = self._guest
        name = display_name(path)
        refuse_component(data, name)
        lazy = len(data) >= LAZY_FROM if guest.lazy_validation is None else guest.lazy_validation
        try:
            with checking(name) as progress:
                program = load_program(
                    data,
                    guest.features,
                    name,
                    metered=self._store.fuel is not None,
                    lazy=lazy,
                    verdicts=Verdicts.of_user(),
                    progress=progress,
                    tier=self._tier,
                )
        except WasmError as error:
            raise Failure(describe(name, error)) from None
        self._paths[program] = path
        if self._recorder is not None:
            self._recorder.module(program, data)
        return program

    def _preload(self, path: str | None) -> Program | None:
        return None if path is None else self._load(read_input(path), path)

    # --- linking ---

    def _exports(self, preload: Program | None, path: str | None) -> Mapping[str, Extern]:
        if preload is None or path is None:
            from refsfi.host.spectest import Spectest

            return Spectest(self._print)
        instance = self._instantiate(preload, path)
        self._initialize(instance)
        return instance.exports

    def _instantiate(self, program: Program, path: str) -> Instance:
        imports = [
            self._import(declared, type, path)
            for declared, type in zip(program.module.imports, program.import_types, strict=True)
        ]
        try:
            self._count(program)
            if self._recorder is not None:
                imports = self._recorder.instantiating(program, imports, self._tracked)
            instance = instantiate(self._store, program, imports)
            if self._recorder is not None:
                self._recorder.made(instance)
        except (Trap, GuestException):
            raise
        except WasmError as error:
            raise Failure(self._describe(error, path)) from None
        self._instances.append(instance)
        return instance

    def _count(self, program: Program) -> None:
        """LimitError where there would be more instances, memories or tables than allowed."""
        self._memories += len(program.module.mems)
        self._tables += len(program.module.tables)
        guest = self._guest
        for key, count, most in (
            ("instances", len(self._instances) + 1, guest.instances),
            ("memories", self._memories, guest.memories),
            ("tables", self._tables, guest.tables),
        ):
            if most is not None and count > most:
                raise LimitError(f"{key}: {count} are asked for, -W max-{key} allows {most}")

    def _import(self, declared: Import, type: ExternType, path: str) -> Extern:
        module, name = declared.module, declared.name
        exports = self._names.get(module)
        if exports is None and module in WASI_MODULES and self._settings.wasi.provided:
            exports = self._names[module] = self._wasi_functions(module)
        if exports is not None and name in exports:
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
        if exports is None and module in WASI_MODULES:
            advice = "WASI is switched off by -S cli=n"
        elif exports is None:
            advice = f"provide it with --preload {module}=FILE, or see -W unknown-imports-trap"
        elif self._wasi is not None and module in WASI_MODULES:
            advice = "WASI preview 1 has nothing of that name"
        else:
            advice = f"the module preloaded as {module} has no such export"
        raise Failure(
            f"{display_name(path)}: unknown import: `{module}::{name}` ({kind_of(type)}) has not been defined; {advice}"
        )

    def _wasi_functions(self, module: str) -> Mapping[str, Extern]:
        if self._wasi is None:
            from refsfi.cli.wasi import open_wasi

            self._wasi = open_wasi(self._settings.wasi, self._wasi_logs(), self._tracker)
        return self._wasi.imports(self._store, module)

    def _tracked(self, function: HostFunc) -> Tracker | None:
        """What knows of the writes of a host function."""
        return None if self._tracker is None else self._tracker.of(function)

    def _wasi_logs(self) -> list[Callable[[str], None]]:
        """Who is told of each call of WASI, in a line."""
        logs: list[Callable[[str], None]] = []
        if "wasi" in self._settings.trace:
            logs.append(complain)
        if self._aftermath.explains:
            logs.append(self._aftermath.called)
        return logs

    # --- calling ---

    def _initialize(self, instance: Instance) -> None:
        """A reactor, a library that is used through its exports, sets itself up by `_initialize`."""
        if "_initialize" in instance.exports and "_start" not in instance.exports:
            self._invoke_plain(instance, "_initialize")

    def _call(self, instance: Instance) -> None:
        settings = self._settings
        self._context = f"failed to run main module `{display_name(settings.path)}`"
        if settings.invoke is None:
            for name in ("", "_start"):
                if name in instance.exports:
                    self._invoke_plain(instance, name)
                    return
            return
        from refsfi.cli.values import parse_arguments, print_value

        func = self._function(instance, settings.invoke)
        type = func_type(func.type)
        values = parse_arguments(settings.arguments, type, settings.invoke)
        self._context += f": failed to invoke `{settings.invoke}`"
        results = self._invoke(func, values)
        write_text("".join(f"{printable(print_value(v, t))}\n" for v, t in zip(results, type.results, strict=True)))

    def _invoke_plain(self, instance: Instance, name: str) -> None:
        func = self._function(instance, name)
        self._check_plain(func_type(func.type), name)
        self._invoke(func, [])

    def _check_plain(self, type: FuncType, name: str) -> None:
        if type.params or type.results:
            raise Failure(f"{display_name(self._settings.path)}: `{name}` is of type {type}, [] -> [] expected")

    def _invoke(self, func: FuncInst | HostFunc, arguments: Sequence[object]) -> Sequence[object]:
        try:
            if self._recorder is None:
                return invoke(self._store, func, arguments)
            self._recorder.invoking(func, arguments)
            self._recorder.results = results = invoke(self._store, func, arguments)
            return results
        except (Trap, GuestException):
            raise
        except WasmError as error:
            raise Failure(self._describe(error, self._settings.path)) from None

    def _describe(self, error: WasmError, path: str) -> str:
        code = error.late_in
        if code is None:
            return describe(display_name(path), error)
        # Another module's function may have been called.
        name = display_name(self._paths.get(code.program, path))
        return (
            f"{describe(name, error)}; func {code.func_index} was called for the first time, and is checked only then:"
            " refsfi validate checks all"
        )

    def _function(self, instance: Instance, name: str) -> FuncInst | HostFunc:
        export = instance.exports.get(name)
        if isinstance(export, FuncInst | HostFunc):
            return export
        kind = None if export is None else kind_of(extern_type(export))
        functions = [key for key, value in instance.exports.items() if isinstance(value, FuncInst | HostFunc)]
        raise self._no_function(name, kind, functions)

    def _no_function(self, name: str, kind: ExternKind | None, functions: Sequence[str]) -> Failure:
        """The error that nothing of that name, or something of that kind, is exported; `functions` are."""
        file = display_name(self._settings.path)
        if kind is not None:
            return Failure(f"{file}: the export `{name}` is a {kind}, not a function")
        known = ", ".join(functions[:_MOST_NAMES]) + (", …" if len(functions) > _MOST_NAMES else "")
        return Failure(f"{file}: no exported function `{name}`; {f'there are: {known}' if known else 'there are none'}")
