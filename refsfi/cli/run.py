"""`refsfi run`: run a module, or one function of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from refsfi.cli.aftermath import debug_help, parse_debug_settings
from refsfi.cli.jit import JIT_OPTIONS, choice, is_guest_profile, tier_choice
from refsfi.cli.options import Command, HelpRequested, Option, Parsed
from refsfi.cli.report import execute
from refsfi.cli.session import Session, Settings
from refsfi.cli.settings import GUEST_OPTIONS, parse_guest, read_guest

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
        *GUEST_OPTIONS,
        Option("-D --debug", "core dumps and backtraces: -D help", "KEY=VALUE,…"),
        Option("-R --record", "path=FILE: record the run for refsfi replay", "KEY=VALUE,…"),
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
        Option(
            "-g",
            "wait for LLDB at that port, of this machine only\nif no address is given; everything is interpreted",
            "[ADDR:]PORT",
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
    settings, data = read_guest(_COMMAND, arguments, _settings)
    if settings.gdb is not None:
        from refsfi.cli.gdbserver import serve_gdb

        return serve_gdb(settings, data)
    return Session(settings).run(data)


# --- settings --------------------------------------------------------------------------------------------------------


def _settings(parsed: Parsed) -> Settings:
    for key, text in (("debug", debug_help), ("monitor", _monitor_help), ("record", _record_help)):
        if "help" in parsed.all(key):
            raise HelpRequested(text())
    settings = parse_guest(parsed, "run")
    settings.debug = parse_debug_settings(parsed.all("debug"))
    if settings.debug.backtrace is not None:
        settings.guest.limits["backtrace"] = settings.debug.backtrace
    settings.record = _record_path(parsed.all("record"))
    settings.trace = _trace_kinds(parsed.all("trace"))
    settings.monitors = _monitors(parsed.all("monitor"))
    settings.profile = _guest_profile(parsed.last("profile"))
    settings.gdb = parsed.last("g")
    watchers = {
        "--trace": settings.trace - {"wasi"},
        "--monitor": settings.monitors,
        "--profile=guest": settings.profile,
        "-g": settings.gdb,
    }
    settings.tier = tier_choice(parsed, next((name for name, asked in watchers.items() if asked), None))
    from refsfi.cli.traps import MODES

    settings.trap = choice("trap", parsed.last("trap"), MODES) or "text"
    return settings


def _monitor_help() -> str:
    from refsfi.cli.monitors import monitor_help

    return monitor_help()


def _record_help() -> str:
    from refsfi.cli.recorded import record_help

    return record_help()


def _record_path(texts: Sequence[str]) -> str | None:
    if not texts:
        return None
    from refsfi.cli.recorded import record_path

    return record_path(texts)


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


def _trace_kinds(texts: Sequence[str]) -> frozenset[str]:
    kinds = [kind for text in texts for kind in (text or _TRACE_DEFAULT).split(",") if kind]
    for kind in kinds:
        choice("trace", kind, ("instr", "operands", "calls", "memory", "wasi"))
    return frozenset(kinds)
