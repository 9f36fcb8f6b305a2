"""The options that say what is run and what it may use, shared by the commands that run a guest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from refsfi.cli.files import is_binary, read_input
from refsfi.cli.guest import guest_help, parse_guest_options
from refsfi.cli.options import Command, HelpRequested, Option, Parsed, UsageError
from refsfi.cli.session import Settings
from refsfi.cli.wasi import parse_wasi_settings, wasi_help
from refsfi.errors import WasmError
from refsfi.exec.load import load_module
from refsfi.syntax.features import ALL

__all__ = ["GUEST_OPTIONS", "parse_guest", "read_guest"]

GUEST_OPTIONS: Final = [
    Option("--invoke", "the exported function to call", "NAME"),
    Option(
        "--dir",
        "a directory that the guest may use, and its name\nfor it (the same if not said); repeatable",
        "HOST[::GUEST]",
    ),
    Option(
        "--env",
        "a variable of the guest's environment, with the\nhost's value if not said; repeatable",
        "NAME[=VALUE]",
    ),
    Option("--argv0", "the guest's name for itself (FILE's last part)", "NAME"),
    Option(
        "--preload",
        "another module, from whose exports the guest may\nimport as NAME; --preload spectest provides the\n"
        "module of that name that test scripts use",
        "NAME=FILE",
    ),
    Option("-W --wasm", "limits of the guest, and proposals: -W help", "KEY=VALUE,…"),
    Option("-S --wasi", "what else WASI gives the guest: -S help", "KEY=VALUE,…"),
]


def read_guest(
    command: Command, arguments: Sequence[str], settings_of: Callable[[Parsed], Settings]
) -> tuple[Settings, bytes]:
    """What a command line says, and the module that it names. Behind the module's file everything is the guest's, but
    where it has no `_start`: then options may follow. UsageError, Failure."""
    parsed = command.parse(arguments, interleaved=False)
    settings = settings_of(parsed)
    data = read_input(settings.path)
    rest = parsed.operands[1:]
    if rest and settings.invoke is None and command.knows(rest[0]) and not _has_start(data):
        late = command.parse(rest, interleaved=False, foreign=True)
        for key, values in late.values.items():
            parsed.values[key] = parsed.all(key) + values
        parsed.operands[1:] = late.operands
        settings = settings_of(parsed)
    return settings, data


def _has_start(data: bytes) -> bool:
    """Whether the module exports `_start`, whatever proposals it uses. What is no module has no export, either."""
    try:
        module = load_module(data, ALL, lazy=is_binary(data))
    except WasmError:
        return False
    return any(export.name == "_start" for export in module.exports)


def parse_guest(parsed: Parsed, command: str) -> Settings:
    """The settings that GUEST_OPTIONS give. UsageError; HelpRequested for `-W help` and `-S help`."""
    for key, text in (("wasm", guest_help), ("wasi", wasi_help)):
        if "help" in parsed.all(key):
            raise HelpRequested(text())
    guest = parse_guest_options(parsed.all("wasm"))
    wasi = parse_wasi_settings(parsed.all("wasi"), parsed.all("dir"), parsed.all("env"))
    if not parsed.operands:
        raise UsageError(f"no file given: refsfi {command} FILE [ARGS…]")
    path, *arguments = parsed.operands
    name = parsed.last("argv0")
    wasi.args = [os.path.basename(path) if name is None else name, *arguments]
    preloads = [_preload(text) for text in parsed.all("preload")]
    return Settings(path, arguments, parsed.last("invoke"), guest, wasi, preloads)


def _preload(text: str) -> tuple[str, str | None]:
    name, equals, path = text.partition("=")
    if equals and path:
        return name, path
    if text == "spectest":
        return text, None
    raise UsageError(f"--preload {text}: NAME=FILE expected")
