"""`refsfi run`: run a module, or one function of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from refsfi.cli.aftermath import debug_help, parse_debug_settings
from refsfi.cli.files import is_binary, read_input
from refsfi.cli.guest import guest_help, parse_guest_options
from refsfi.cli.jit import JIT_OPTIONS, choice, is_guest_profile, tier_choice
from refsfi.cli.options import Command, HelpRequested, Option, Parsed, UsageError
from refsfi.cli.report import execute
from refsfi.cli.session import Session, Settings
from refsfi.cli.wasi import parse_wasi_settings, wasi_help
from refsfi.errors import WasmError
from refsfi.exec.load import load_module
from refsfi.syntax.features import ALL

if TYPE_CHECKING:
    from refsfi.cli.guestprofile import GuestProfile
    from refsfi.cli.monitors import MonitorChoice

__all__ = ["main"]

_COMMAND = Command(
    "run",
    "refsfi [run] [OPTIONS] FILE [ARGS…]",
    "Run a module, binary or text: instantiate it, then call the function that\n"
    "--invoke names with ARGS and print its results one a line, or call _start if\n"
    "the module has one: then ARGS are the program's. What follows FILE is the\n"
    "guest's; only of a module without _start, options may follow FILE as well.",
    [
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
        Option("-D --debug", "core dumps and backtraces: -D help", "KEY=VALUE,…"),
        Option("--trap", "how a trap is reported: text, json or explain", "FORM"),
        Option(
            "--trace",
            "show instr, operands, calls, memory and wasi as\nthey happen, on the standard error;\n"
            "instr,operands,calls if not said",
            "KINDS",
            optional=True,
        ),
        Option(
            "--monitor",
            "count what the guest does, and tell it at the\nend, on the standard error: --monitor=help",
            "NAME,…",
        ),
        *JIT_OPTIONS,
    ],
    "Exit codes: 0, or what the guest exits with; 134 trap, uncaught exception,\n"
    "fuel or time used up; 1 the module cannot be loaded, validated or linked;\n"
    "2 wrong usage; 130 interrupted.",
)

_TRACE_DEFAULT: Final = "instr,operands,calls"


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("run", _run, arguments)


def _run(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments, interleaved=False)
    settings = _settings(parsed)
    data = read_input(settings.path)
    rest = parsed.operands[1:]
    if rest and settings.invoke is None and _COMMAND.knows(rest[0]) and not _has_start(data):
        late = _COMMAND.parse(rest, interleaved=False, foreign=True)
        for key, values in late.values.items():
            parsed.values[key] = parsed.all(key) + values
        parsed.operands[1:] = late.operands
        settings = _settings(parsed)
    return Session(settings).run(data)


def _has_start(data: bytes) -> bool:
    """Whether the module exports `_start`, whatever proposals it uses. What is no module has no export, either."""
    try:
        module = load_module(data, ALL, lazy=is_binary(data))
    except WasmError:
        return False
    return any(export.name == "_start" for export in module.exports)


# --- settings --------------------------------------------------------------------------------------------------------


def _settings(parsed: Parsed) -> Settings:
    for key, text in (("wasm", guest_help), ("wasi", wasi_help), ("debug", debug_help), ("monitor", _monitor_help)):
        if "help" in parsed.all(key):
            raise HelpRequested(text())
    guest = parse_guest_options(parsed.all("wasm"))
    debug = parse_debug_settings(parsed.all("debug"))
    if debug.backtrace is not None:
        guest.limits["backtrace"] = debug.backtrace
    wasi = parse_wasi_settings(parsed.all("wasi"), parsed.all("dir"), parsed.all("env"))
    if not parsed.operands:
        raise UsageError("no file given: refsfi run FILE [ARGS…]")
    path, *arguments = parsed.operands
    name = parsed.last("argv0")
    wasi.args = [os.path.basename(path) if name is None else name, *arguments]
    trace = _trace_kinds(parsed.all("trace"))
    monitors = _monitors(parsed.all("monitor"))
    profile = _guest_profile(parsed.last("profile"))
    watchers = {"--trace": trace - {"wasi"}, "--monitor": monitors, "--profile=guest": profile}
    tier = tier_choice(parsed, next((name for name, asked in watchers.items() if asked), None))
    trap = parsed.last("trap")
    from refsfi.cli.traps import MODES

    choice("trap", trap, MODES)
    return Settings(
        path,
        arguments,
        parsed.last("invoke"),
        guest,
        wasi,
        [_preload(text) for text in parsed.all("preload")],
        trap or "text",
        debug,
        trace,
        monitors,
        profile,
        tier,
    )


def _monitor_help() -> str:
    from refsfi.cli.monitors import monitor_help

    return monitor_help()


def _monitors(texts: Sequence[str]) -> Sequence[MonitorChoice]:
    if not texts:
        return ()
    from refsfi.cli.monitors import monitor_choice

    return monitor_choice(texts)


def _guest_profile(text: str | None) -> GuestProfile | None:
    if text is None or not is_guest_profile(text):
        return None
    from refsfi.cli.guestprofile import guest_profile

    return guest_profile(text)


def _preload(text: str) -> tuple[str, str | None]:
    name, equals, path = text.partition("=")
    if equals and path:
        return name, path
    if text == "spectest":
        return text, None
    raise UsageError(f"--preload {text}: NAME=FILE expected")


def _trace_kinds(texts: Sequence[str]) -> frozenset[str]:
    kinds = [kind for text in texts for kind in (text or _TRACE_DEFAULT).split(",") if kind]
    for kind in kinds:
        choice("trace", kind, ("instr", "operands", "calls", "memory", "wasi"))
    return frozenset(kinds)
