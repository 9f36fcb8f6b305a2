"""Executes a script over an engine and yields what became of each command.

A module command that fails leaves its name, and the place of "the last module", empty: what follows fails for that
reason instead of running against an older module. Everything else about names is as in the reference interpreter.

Like there, a module that is defined must have sensible custom sections too, which validation alone does not ask for.

Error messages are compared as there: the script's text must be a prefix of the message. The class of the error must be
the one of the phase that the assertion names.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from refsfi.errors import (
    Exhaustion,
    GuestException,
    LimitError,
    LinkError,
    MalformedError,
    Trap,
    ValidationError,
    WasmError,
)
from refsfi.runtime.values import Value
from refsfi.script.ast import (
    Action,
    AssertAction,
    AssertKind,
    AssertModule,
    AssertReturn,
    Command,
    Get,
    Input,
    Invoke,
    ModuleCommand,
    ModuleInstance,
    ModuleRef,
    ModuleSource,
    Output,
    Perform,
    Register,
    Script,
    SubScript,
    Thread,
    Wait,
    command_kind,
)
from refsfi.script.engine import Compiled, Engine, Extern, Instance
from refsfi.script.files import load_input, write_output
from refsfi.script.modules import load_module
from refsfi.script.patterns import accepts, matches, show_pattern, show_result, value_of
from refsfi.script.record import Outcome, Record
from refsfi.syntax.features import Features
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind, ValType
from refsfi.text.hints import check_annotations

__all__ = ["Runner", "ScriptError"]

# A script that reads itself, directly or not, would not end.
MAX_INPUT_DEPTH = 32

_T = TypeVar("_T")


class ScriptError(Exception):
    """The script is wrong, not the engine: an unknown name, arguments that do not fit, a file that is not there."""


class _Mismatch(Exception):
    """The command did not do what the script expects."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(got)
        self.expected = expected
        self.got = got


@dataclass(frozen=True, slots=True)
class _Definition:
    module: Module
    compiled: Compiled


@dataclass(frozen=True, slots=True)
class _Missing:
    """Stands for what a failed command was to define."""

    line: int


@dataclass(slots=True)
class _Environment:
    """The names of one thread; None is the last one defined."""

    engine: Engine
    registry: dict[str, Mapping[str, Extern]]
    modules: dict[str | None, _Definition | _Missing] = field(default_factory=dict)
    instances: dict[str | None, Instance | _Missing] = field(default_factory=dict)
    threads: dict[str | None, _Task] = field(default_factory=dict)


class _Task:
    """A thread of the script on a thread of Python. `records` are complete once it has ended.

    `given_up`: it was waited for in vain, and that has been reported.
    """

    def __init__(self, run: Callable[[], Iterator[Record]], name: str, line: int) -> None:
        self.records: list[Record] = []
        self.line = line
        self.given_up = False
        self._run = run
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def _main(self) -> None:
        for record in self._run():
            self.records.append(record)

    def join(self, seconds: float) -> bool:
        self._thread.join(seconds)
        self.given_up = self._thread.is_alive()
        return not self.given_up

    def take(self) -> list[Record]:
        """The records so far, each once."""
        records, self.records = self.records, []
        return records


class Runner:
    """Runs one script; `output` receives what the guest and the script print, a line a call.

    `thread_timeout` bounds, in seconds, how long the script waits for one of its threads.
    """

    def __init__(
        self,
        engine: Engine,
        features: Features,
        output: Callable[[str], None] = print,
        thread_timeout: float = 60.0,
    ) -> None:
        self._engine = engine
        self._features = features
        self._output = output
        self._thread_timeout = thread_timeout

    def run(self, script: Script) -> Iterator[Record]:
        """Execute the commands in order. Never raises for what a script or a guest does."""
        env = _Environment(self._engine, {"spectest": self._engine.spectest(self._output)})
        yield from self._commands(env, script, script.commands, 0)

    # --- commands ----------------------------------------------------------------------------------------------------

    def _commands(
        self, env: _Environment, script: Script, commands: tuple[Command, ...], depth: int
    ) -> Iterator[Record]:
        for command in commands:
            yield from self._command(env, script, command, depth)
        # Threads that nobody waited for still belong to the script.
        for task in dict.fromkeys(env.threads.values()):
            if task.given_up:
                continue
            finished = task.join(self._thread_timeout)
            yield from task.take()
            if not finished:
                expected, got = self._endless()
                yield Record(script.path, task.line, "thread", Outcome.FAILED, False, expected, got)

    def _command(self, env: _Environment, script: Script, command: Command, depth: int) -> Iterator[Record]:
        if isinstance(command, SubScript):
            for inner in command.commands:
                yield from self._command(env, script, inner, depth)
            return
        start = time.perf_counter()
        records: list[Record] = []
        inner_script: Script | None = None
        failure: _Mismatch | None = None
        trace = ""
        try:
            match command:
                case Input():
                    inner_script = self._input(script, command, depth)
                case Thread():
                    self._thread(env, script, command, depth)
                case Wait():
                    task = _lookup(env.threads, command.name, "thread")
                    finished = task.join(self._thread_timeout)
                    records = task.take()
                    if not finished:
                        raise _Mismatch(*self._endless())
                case _:
                    self._simple(env, script, command)
        except _Mismatch as mismatch:
            failure = mismatch
        except ScriptError as error:
            failure = _Mismatch(_expectation(command), f"script error: {error}")
        except WasmError as error:
            failure = _Mismatch(_expectation(command), describe(error))
        except Exception as error:
            failure = _Mismatch(_expectation(command), f"{type(error).__name__}: {error}")
            trace = traceback.format_exc()
        yield from records
        if failure is not None:
            _forget(env, command)
        yield Record(
            file=script.path,
            line=command.line,
            kind=command_kind(command),
            outcome=Outcome.FAILED if failure else Outcome.PASSED,
            assertion=isinstance(command, AssertReturn | AssertAction | AssertModule),
            expected=failure.expected if failure else "",
            got=failure.got if failure else "",
            seconds=time.perf_counter() - start,
            traceback=trace,
        )
        if inner_script is not None:
            for inner in inner_script.commands:
                yield from self._command(env, inner_script, inner, depth + 1)
            if isinstance(command, Input) and command.name is not None:
                _alias(env, command.name)

    def _simple(self, env: _Environment, script: Script, command: Command) -> None:
        """Commands that neither hold commands nor wait."""
        match command:
            case ModuleCommand():
                definition = self._define(env, script, command.source)
                env.modules[command.name] = env.modules[None] = definition
                if not command.definition:
                    env.instances[command.name] = env.instances[None] = self._instantiate(env, definition)
            case ModuleInstance():
                definition = _lookup(env.modules, command.module, "module")
                env.instances[command.instance] = env.instances[None] = self._instantiate(env, definition)
            case Register():
                instance = _lookup(env.instances, command.instance, "module instance")
                env.registry[command.as_name] = env.engine.exports(instance)
            case Perform():
                self._perform(env, command.action)
            case AssertReturn():
                self._assert_return(env, command)
            case AssertAction():
                self._assert_action(env, command)
            case AssertModule():
                self._assert_module(env, script, command)
            case Output():
                definition = _lookup(env.modules, command.name, "module")
                try:
                    write_output(definition.module, command.path, script.directory, self._output)
                except (OSError, ValueError) as error:
                    raise ScriptError(str(error)) from None

    def _endless(self) -> tuple[str, str]:
        """Expected and got, of a thread that does not end."""
        return "the thread ends", f"still running after {self._thread_timeout:g} s"

    def _input(self, script: Script, command: Input, depth: int) -> Script:
        if depth >= MAX_INPUT_DEPTH:
            raise ScriptError(f"input nests deeper than {MAX_INPUT_DEPTH} files")
        try:
            return load_input(command, script.directory)
        except (OSError, ValueError) as error:
            raise ScriptError(f'"{command.path}": {error}') from None

    def _thread(self, env: _Environment, script: Script, command: Thread, depth: int) -> None:
        engine = env.engine.spawn()
        own = _Environment(engine, {"spectest": engine.spectest(self._output)})
        for name in command.shared:
            own.instances[name] = _lookup(env.instances, name, "module instance")
            own.modules[name] = _lookup(env.modules, name, "module")
        name = f"{script.path}:{command.line}"
        task = _Task(lambda: self._commands(own, script, command.commands, depth), name, command.line)
        env.threads[command.name] = env.threads[None] = task

    # --- modules -----------------------------------------------------------------------------------------------------

    def _define(self, env: _Environment, script: Script, source: ModuleSource) -> _Definition:
        module = self._load(script, source)
        definition = _Definition(module, env.engine.compile(module, self._features))
        check_annotations(module)
        return definition

    def _load(self, script: Script, source: ModuleSource) -> Module:
        try:
            return load_module(source, self._features, script.directory)
        except OSError as error:
            raise ScriptError(f"{error.filename}: {error.strerror}") from None

    def _instantiate(self, env: _Environment, definition: _Definition) -> Instance:
        imports = []
        for item in definition.module.imports:
            try:
                imports.append(env.registry[item.module][item.name])
            except KeyError:
                raise LinkError(f'unknown import "{item.module}"."{item.name}"') from None
        return env.engine.instantiate(definition.compiled, imports)

    # --- actions -----------------------------------------------------------------------------------------------------

    def _perform(self, env: _Environment, action: Action) -> tuple[list[Value], tuple[ValType, ...]]:
        """The results and their static types."""
        instance = _lookup(env.instances, action.instance, "module instance")
        extern = env.engine.exports(instance).get(action.name)
        if extern is None:
            raise ScriptError(f'unknown export "{action.name}"')
        kind = env.engine.kind(extern)
        if isinstance(action, Get):
            if kind is not ExternKind.GLOBAL:
                raise ScriptError(f'export "{action.name}" is a {kind}, not a global')
            return [env.engine.read_global(extern)], (env.engine.global_type(extern).type,)
        if kind is not ExternKind.FUNC:
            raise ScriptError(f'export "{action.name}" is a {kind}, not a function')
        type = env.engine.func_type(extern)
        if len(action.args) != len(type.params):
            raise ScriptError(f'"{action.name}" takes {len(type.params)} arguments, not {len(action.args)}')
        for index, (literal, param) in enumerate(zip(action.args, type.params, strict=True)):
            if not accepts(param, literal):
                raise ScriptError(f'argument {index} of "{action.name}" must be of type {param}')
        return env.engine.call(extern, [value_of(literal) for literal in action.args]), type.results

    # --- assertions --------------------------------------------------------------------------------------------------

    def _assert_return(self, env: _Environment, command: AssertReturn) -> None:
        values, types = self._perform(env, command.action)
        expected = command.expected
        if len(values) == len(expected) == len(types) and all(map(matches, expected, values, types)):
            return
        likes = [*expected, *[None] * len(values)]
        raise _Mismatch(
            " ".join(map(show_pattern, expected)) or "no results",
            " ".join(map(show_result, values, types, likes)) or "no results",
        )

    def _assert_action(self, env: _Environment, command: AssertAction) -> None:
        try:
            values, types = self._perform(env, command.action)
        except Exhaustion as error:
            self._check(command, error, command.kind is AssertKind.EXHAUSTION)
        except Trap as error:
            self._check(command, error, command.kind is AssertKind.TRAP)
        except GuestException as error:
            self._check(command, error, command.kind is AssertKind.EXCEPTION)
        else:
            got = " ".join(map(show_result, values, types)) or "no results"
            raise _Mismatch(_expectation(command), got)

    def _assert_module(self, env: _Environment, script: Script, command: AssertModule) -> None:
        kind = command.kind
        phase = "module is well-formed"
        try:
            if isinstance(command.module, ModuleRef):
                definition = _lookup(env.modules, command.module.name, "module")
            else:
                module = self._load(script, command.module)
                if kind in (AssertKind.MALFORMED, AssertKind.MALFORMED_CUSTOM):
                    raise _Mismatch(_expectation(command), phase)
                phase = "module is valid"
                definition = _Definition(module, env.engine.compile(module, self._features))
                if kind is AssertKind.INVALID_CUSTOM:
                    check_annotations(module)
            if kind in (AssertKind.UNLINKABLE, AssertKind.UNINSTANTIABLE):
                phase = "module was instantiated"
                self._instantiate(env, definition)
        except MalformedError as error:
            self._check(command, error, kind in (AssertKind.MALFORMED, AssertKind.MALFORMED_CUSTOM))
        except ValidationError as error:
            self._check(command, error, kind in (AssertKind.INVALID, AssertKind.INVALID_CUSTOM))
        except LinkError as error:
            self._check(command, error, kind is AssertKind.UNLINKABLE)
        except Exhaustion as error:
            self._check(command, error, False)
        except (Trap, GuestException) as error:
            self._check(command, error, kind is AssertKind.UNINSTANTIABLE)
        else:
            raise _Mismatch(_expectation(command), phase)

    def _check(self, command: AssertAction | AssertModule, error: WasmError, right_class: bool) -> None:
        """Whether the error is the expected one."""
        if right_class and message_of(error).startswith(command.text):
            return
        raise _Mismatch(_expectation(command), describe(error))


def message_of(error: WasmError) -> str:
    """The message alone, without the position that `str` adds."""
    return str(getattr(error, "message", error))


def describe(error: WasmError) -> str:
    """The error with the phase it comes from."""
    return f"{_phase(error)}: {error}"


def _phase(error: WasmError) -> str:
    for kind, name in _PHASES:
        if isinstance(error, kind):
            return name
    return type(error).__name__


# Subclasses first.
_PHASES: tuple[tuple[type[WasmError], str], ...] = (
    (MalformedError, "malformed"),
    (ValidationError, "invalid"),
    (LinkError, "unlinkable"),
    (LimitError, "implementation limit"),
    (Exhaustion, "exhaustion"),
    (Trap, "trap"),
    (GuestException, "exception"),
)


def _expectation(command: Command) -> str:
    """What a command expects, for people."""
    match command:
        case AssertReturn():
            return " ".join(map(show_pattern, command.expected)) or "no results"
        case AssertAction() | AssertModule():
            kind = command.kind.value.removeprefix("assert_").replace("_", " ")
            return f"{kind}: {command.text}" if command.text else kind
        case ModuleCommand():
            return "module is valid" if command.definition else "module is instantiated"
        case ModuleInstance():
            return "module is instantiated"
        case Perform():
            name = "call" if isinstance(command.action, Invoke) else "get"
            return f'{name} of "{command.action.name}" succeeds'
        case _:
            return f"{command_kind(command)} succeeds"


def _lookup(names: Mapping[str | None, _T | _Missing], name: str | None, what: str) -> _T:
    """What `name` (None: the last one) stands for."""
    found = names.get(name)
    if found is None:
        raise ScriptError(f"unknown {what} {name}" if name else f"no {what} defined")
    if isinstance(found, _Missing):
        raise ScriptError(f"the command in line {found.line}, which should have defined it, failed")
    return found


def _forget(env: _Environment, command: Command) -> None:
    """After a failed command: what it should have defined is missing from now on."""
    missing = _Missing(command.line)
    if isinstance(command, ModuleCommand):
        env.modules[command.name] = env.modules[None] = missing
        if not command.definition:
            env.instances[command.name] = env.instances[None] = missing
    elif isinstance(command, ModuleInstance):
        env.instances[command.instance] = env.instances[None] = missing


def _alias(env: _Environment, name: str) -> None:
    """Give the last module and instance another name."""
    if None in env.modules:
        env.modules[name] = env.modules[None]
    if None in env.instances:
        env.instances[name] = env.instances[None]
