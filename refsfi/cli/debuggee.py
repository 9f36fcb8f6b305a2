"""A run of the command line for the debugger: the same modules, imports and calls as of `session`, to be done by the
debugger one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from refsfi.cli.files import describe, display_name, is_binary, read_input
from refsfi.cli.recorded import WasiTracker
from refsfi.cli.report import EXIT_TRAP, Failure
from refsfi.cli.session import Session, Settings
from refsfi.cli.wasi import check_dirs
from refsfi.debug.model import Reason, Stop
from refsfi.debug.target import Action, Call, Image, Instantiate, Target
from refsfi.errors import WasmError
from refsfi.exec.code import Program
from refsfi.exec.load import load_module
from refsfi.runtime.store import Extern, FuncInst, HostFunc, Instance, Store
from refsfi.runtime.values import Value, func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import ExternKind

__all__ = ["Debuggee", "exit_code"]


class Debuggee(Session):
    """`note` is told each decision about a capability. `encoded`: text modules are debugged in their binary form,
    for faces that know places by their offsets."""

    def __init__(self, settings: Settings, note: Callable[[str], None], *, encoded: bool = False) -> None:
        super().__init__(settings)
        self._tracker = WasiTracker(lambda: self._store)
        self.images: list[Image] = []
        self._note = note
        self._encoded = encoded

    def target(self, data: bytes) -> Target:
        """What is to be done with the module `data`. Failure, UsageError."""
        settings = self._settings
        check_dirs(settings.wasi)
        main = self._load_file(data, settings.path)
        actions: list[Action] = []
        for name, path in settings.preloads:
            if path is None:
                self._names[name] = self._exports(None, None)
            else:
                actions += self._made(self._load_file(read_input(path), path), path, name)
        actions += self._made(main, settings.path, None)
        actions += self._called(main)
        return Target(actions, settings.guest.store_limits(), settings.guest.fuel, self._tracked)

    def close(self) -> None:
        """Let go of what WASI has opened."""
        if self._wasi is not None:
            self._wasi.close()

    def _wasi_logs(self) -> list[Callable[[str], None]]:
        return [*super()._wasi_logs(), self._note]

    def _load_file(self, data: bytes, path: str) -> Program:
        if self._encoded and not is_binary(data):
            from refsfi.binary.encode import encode

            try:
                data = encode(load_module(data, self._guest.features, display_name(path)))
            except WasmError as error:
                raise Failure(describe(display_name(path), error)) from None
        program = self._load(data, path)
        self.images.append(Image(path, program, data))
        return program

    def _made(self, program: Program, path: str, name: str | None) -> list[Action]:
        """Its instantiation, as a module of that name for others, and its initialization."""

        def imports(store: Store) -> Sequence[Extern]:
            # The debugger makes the store.
            self._store = store
            self._count(program)
            declared = zip(program.module.imports, program.import_types, strict=True)
            return [self._import(item, type, path) for item, type in declared]

        def made(instance: Instance) -> None:
            self._instances.append(instance)
            if name is not None:
                self._names[name] = instance.exports

        actions: list[Action] = [Instantiate(program, imports, display_name(path), made)]
        if "_initialize" in program.exports and "_start" not in program.exports:
            actions.append(self._call_of(program, "_initialize", ()))
        return actions

    def _called(self, program: Program) -> list[Action]:
        """The call that is the run: none of a module without a function to begin with."""
        settings = self._settings
        if settings.invoke is None:
            start = next((name for name in ("", "_start") if name in program.exports), None)
            return [] if start is None else [self._call_of(program, start, ())]
        from refsfi.cli.values import parse_arguments

        type = func_type(self._type_of(program, settings.invoke))
        return [self._call_of(program, settings.invoke, parse_arguments(settings.arguments, type, settings.invoke))]

    def _call_of(self, program: Program, name: str, arguments: Sequence[Value]) -> Call:
        if not arguments and name != self._settings.invoke:
            self._check_plain(func_type(self._type_of(program, name)), name)

        def function() -> FuncInst | HostFunc:
            instance = next(i for i in reversed(self._instances) if i.program.module is program.module)
            return self._function(instance, name)

        return Call(function, arguments)

    def _type_of(self, program: Program, name: str) -> DefType:
        kind, index = program.exports.get(name, (None, 0))
        if kind is not ExternKind.FUNC:
            raise self._no_function(name, kind, [n for n, (k, _) in program.exports.items() if k is ExternKind.FUNC])
        return program.info.funcs[index]


def exit_code(stop: Stop) -> int:
    """Of a command, for a guest that stands there: 0 where the user has ended a run that was not over."""
    if stop.reason is Reason.EXIT:
        code = stop.code or 0
        return code & 0xFF or (1 if code else 0)
    return EXIT_TRAP if stop.over else 0
