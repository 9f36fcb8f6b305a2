"""`refsfi debug --dap[=PORT]`: editors debug a guest that they launch, or the one of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from refsfi.cli.debuggee import Debuggee, exit_code
from refsfi.cli.files import read_input
from refsfi.cli.guest import parse_guest_options
from refsfi.cli.options import UsageError
from refsfi.cli.ports import open_port, parse_address
from refsfi.cli.report import Failure, complain
from refsfi.cli.session import Settings
from refsfi.cli.wasi import parse_wasi_settings
from refsfi.debug.dap import Arguments, Guest, Output, serve_connections, serve_streams
from refsfi.debug.journal import Journal
from refsfi.debug.model import DebugError
from refsfi.debug.session import Session
from refsfi.errors import WasmError

__all__ = ["ATTRIBUTES", "GuestLauncher", "serve_dap"]

# What a launch configuration may say.
ATTRIBUTES: Final = frozenset(
    "program args env dirs invoke argv0 preloads wasm wasi cwd stdin stopOnEntry stopOnExit sourceMap noDebug".split()
)
# What else is in it, for the editor.
_EDITOR: Final = frozenset(
    "type request name presentation preLaunchTask postDebugTask internalConsoleOptions debugServer serverReadyAction "
    "console restart port host order suppressMultipleSessionWarning debugAdapter".split()
)


def serve_dap(settings: Settings | None, data: bytes, address: str | None) -> int:
    """Serve a client on the standard streams, or clients at an address; `settings` describe the command line's guest,
    None where there is none. The exit code. Failure, UsageError."""
    launcher = GuestLauncher(settings, data)
    try:
        if address is None:
            with _own_streams() as (read, write):
                serve_streams(launcher, read, write)
        else:
            _serve_address(launcher, address)
        if launcher.given is None:
            return 0
        stop = launcher.given.session.stop
        while launcher.detached and not stop.over:
            stop = launcher.given.session.run()
        return exit_code(stop)
    finally:
        if launcher.given is not None:
            launcher.given.close()


def _serve_address(launcher: GuestLauncher, address: str) -> None:
    host, port = parse_address("--dap", address)
    with open_port(host, port) as listener:
        complain(f"waiting for a debug adapter's client at {host}:{listener.getsockname()[1]}")
        serve_connections(launcher, listener, complain)


@contextmanager
def _own_streams() -> Iterator[tuple[int, int]]:
    """The standard streams, for the protocol alone: whoever else reads finds nothing, what others write is an error's
    text."""
    try:
        read, write = os.dup(0), os.dup(1)
    except OSError:
        raise Failure("the standard streams are closed; --dap=PORT serves clients at a port") from None
    null = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(null, 0)
        try:
            os.dup2(2, 1)
        except OSError:
            os.dup2(null, 1)
        yield read, write
    finally:
        os.dup2(read, 0)
        os.dup2(write, 1)
        for descriptor in (read, write, null):
            os.close(descriptor)


class GuestLauncher:
    """Starts what the client, or the command line, describes."""

    def __init__(self, settings: Settings | None, data: bytes) -> None:
        self._settings = settings
        self._data = data
        self.detached = False
        self.given = None if settings is None else _start(settings, data)

    def launch(self, arguments: Arguments) -> Guest:
        unknown = [name for name in arguments if name not in ATTRIBUTES | _EDITOR and not name.startswith("__")]
        try:
            if "program" in arguments:
                settings = _settings(arguments)
                guest = _start(settings, read_input(settings.path))
            elif self._settings is not None:
                guest = _start(self._settings, self._data)
            else:
                raise DebugError("launch: program: the module's file is needed")
        except UsageError as error:
            raise DebugError(f"launch: {error}") from None
        except Failure as failure:
            raise DebugError(failure.message) from None
        for name in unknown:
            guest.output.write("stderr", f"warning: launch: there is no attribute {name!r}\n".encode())
        return guest


def _settings(arguments: Arguments) -> Settings:
    """A launch configuration as a command line. UsageError, DebugError."""
    cwd = os.path.abspath(arguments.text("cwd", "."))
    path = os.path.join(cwd, arguments.text("program"))
    env = [name if value is None else f"{name}={value}" for name, value in arguments.table("env").items()]
    wasi = parse_wasi_settings(arguments.texts("wasi"), arguments.texts("dirs"), env)
    wasi.dirs = [(os.path.join(cwd, host), guest) for host, guest in wasi.dirs]
    args = arguments.texts("args")
    wasi.args = [arguments.optional_text("argv0") or os.path.basename(path), *args]
    wasi.stdin = os.path.join(cwd, arguments.text("stdin")) if "stdin" in arguments else os.devnull
    preloads: list[tuple[str, str | None]] = []
    for text in arguments.texts("preloads"):
        name, equals, file = text.partition("=")
        if not name or (not file and text != "spectest"):
            raise DebugError(f"launch: preloads: {text!r}: NAME=FILE expected")
        preloads.append((name, os.path.join(cwd, file) if equals else None))
    guest = parse_guest_options(arguments.texts("wasm"))
    return Settings(path, args, arguments.optional_text("invoke"), guest, wasi, preloads)


def _start(settings: Settings, data: bytes) -> Guest:
    """In front of its first instruction. UsageError, Failure."""
    output = Output()
    names = {1: "stdout", 2: "stderr"}
    wasi = replace(settings.wasi, write=lambda number, data: output.write(names[number], data))
    journal = Journal()
    debuggee = Debuggee(replace(settings, wasi=wasi), journal.note)
    try:
        session = Session(debuggee.target(data), journal=journal)
    except WasmError as error:
        debuggee.close()
        raise Failure(f"{settings.path}: {error}") from None
    except BaseException:
        debuggee.close()
        raise
    return Guest(session, {image.program: image.path for image in debuggee.images}, output, debuggee.close)
