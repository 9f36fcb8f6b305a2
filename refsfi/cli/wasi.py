"""What a guest gets of WASI on the command line: `--dir`, `--env`, `--argv0`, `-S`, and the log of `--trace=wasi`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from refsfi.cli.keys import Key, Keys, stored, switch
from refsfi.cli.options import UsageError
from refsfi.cli.report import Failure, reason

if TYPE_CHECKING:
    from refsfi.host.wasi import Wasi
    from refsfi.host.wasi.options import Inherit, Observer

__all__ = ["WASI_MODULES", "WasiSettings", "check_dirs", "open_wasi", "parse_wasi_settings", "wasi_help"]

WASI_MODULES: Final = ("wasi_snapshot_preview1", "wasi_unstable")


@dataclass(slots=True)
class WasiSettings:
    """`dirs` are pairs of a host's directory and the guest's name for it; `args` begins with the program's name.
    `write` is given what the guest writes to a standard stream, by its descriptor, and `stdin` is the file that it
    reads; None: the process's own."""

    provided: bool = True
    inherit_env: bool = False
    dirs: list[tuple[str, str]] = field(default_factory=list)
    env: list[tuple[str, str]] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    write: Callable[[int, bytes], object] | None = None
    stdin: str | None = None


_KEYS: Final = Keys(
    "-S",
    [
        Key("cli=y|n", "provide WASI preview 1 (y if not said)", stored("provided", switch)),
        Key("common=y|n", "", stored("provided", switch), listed=False),  # what the key above was called at first
        Key("inherit-env=y|n", "pass on all of the host's environment", stored("inherit_env", switch)),
    ],
)


def wasi_help() -> str:
    """What `-S help` shows."""
    return "\n".join(["-S options, several separated by commas:", "", *_KEYS.help()])


def parse_wasi_settings(keys: Iterable[str], dirs: Iterable[str], env: Iterable[str]) -> WasiSettings:
    """From what -S, --dir and --env were given. UsageError."""
    settings = WasiSettings()
    _KEYS.apply(keys, settings)
    for text in dirs:
        host, given, guest = text.partition("::")
        if not host or (given and not guest):
            raise UsageError(f"--dir {text}: HOST or HOST::GUEST expected, such as --dir . or --dir data::/data")
        settings.dirs.append((host, guest or host))
    variables = dict(os.environ) if settings.inherit_env else {}
    for text in env:
        name, given, value = text.partition("=")
        if not name:
            raise UsageError(f"--env {text}: NAME or NAME=VALUE expected")
        if given:
            variables[name] = value
        elif name in os.environ:
            variables[name] = os.environ[name]
    settings.env = list(variables.items())
    return settings


def check_dirs(settings: WasiSettings) -> None:
    """Failure where a directory cannot be opened, whether the guest wants WASI or not."""
    for host, _ in settings.dirs:
        try:
            os.close(os.open(host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError as error:
            raise Failure(f"--dir {host}: cannot be opened: {reason(error)}") from None
        except ValueError as error:
            raise Failure(f"--dir {host}: cannot be opened: {error}") from None


def open_wasi(
    settings: WasiSettings, logs: Sequence[Callable[[str], None]] = (), observer: Observer | None = None
) -> Wasi:
    """The guest's WASI; each call is told to `logs` and to `observer`. Failure."""
    from refsfi.host.wasi import Preopen, Wasi, WasiOptions

    observers: list[Observer] = [] if observer is None else [observer]
    if logs:
        observers.append(_CallLog(logs))
    options = WasiOptions(
        args=settings.args,
        env=settings.env,
        stdin=_stream(0) if settings.stdin is None else settings.stdin,
        stdout=_stream(1) if settings.write is None else partial(settings.write, 1),
        stderr=_stream(2) if settings.write is None else partial(settings.write, 2),
        preopens=[Preopen(host, guest) for host, guest in settings.dirs],
        observer=_Observers(observers) if len(observers) > 1 else observers[0] if observers else None,
    )
    try:
        return Wasi(options)
    except ValueError as error:
        raise Failure(f"the guest's arguments or environment: {error}") from None


def _stream(number: int) -> Inherit | None:
    """The process's own stream, if there is one: a shell may have closed it."""
    from refsfi.host.wasi import INHERIT

    try:
        os.fstat(number)
    except OSError:
        return None
    return INHERIT


class _Observers:
    """Several, told in turn."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def entered(self, name: str, arguments: tuple[int, ...]) -> None:
        for observer in self._observers:
            observer.entered(name, arguments)

    def wrote(self, address: int, data: memoryview) -> None:
        for observer in self._observers:
            observer.wrote(address, data)

    def left(self, name: str, errno: int) -> None:
        for observer in self._observers:
            observer.left(name, errno)


class _CallLog:
    """A line for each call: `wasi: fd_write(fd=1, buffers=0x1f70, count=1, size=0x1f6c) -> success`."""

    def __init__(self, logs: Sequence[Callable[[str], None]]) -> None:
        from refsfi.host.wasi.functions import FUNCTIONS

        self._logs = logs
        self._functions = {function.name: function for function in FUNCTIONS}
        self._call = ""

    def entered(self, name: str, arguments: tuple[int, ...]) -> None:
        function = self._functions[name]
        # Behind the guest, the parameters of what implements it.
        names: Sequence[str] = function.run.__code__.co_varnames[1:]
        shown = (f"{n}={v if v < 1024 else hex(v)}" for n, v in zip(names, arguments, strict=False))
        self._call = f"wasi: {name}({', '.join(shown)})"
        if not function.returns:
            self._write(self._call)

    def wrote(self, address: int, data: memoryview) -> None:
        pass

    def _write(self, line: str) -> None:
        for log in self._logs:
            log(line)

    def left(self, name: str, errno: int) -> None:
        from refsfi.host.wasi.abi import Errno

        self._write(f"{self._call} -> {Errno(errno).name.lower()}")
