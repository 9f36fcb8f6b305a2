"""`refsfi debug`: run a module under the debugger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refsfi.cli.options import Command, Option, Parsed, UsageError
from refsfi.cli.report import execute
from refsfi.cli.session import Settings
from refsfi.cli.settings import GUEST_OPTIONS, parse_guest, read_guest

__all__ = ["main"]

_COMMAND: Final = Command(
    "debug",
    "refsfi debug [OPTIONS] FILE [ARGS…]",
    "Run a module under the debugger, for an editor that speaks the Debug Adapter Protocol, or for LLDB. With --dap,\n"
    "FILE may be left out: the editor says what to run.",
    [
        Option("--dap", "serve an editor on the standard streams, or at a port", "[ADDR:]PORT", optional=True),
        Option("-g", "wait for LLDB at a port", "[ADDR:]PORT"),
        *GUEST_OPTIONS,
    ],
    "Exit codes: as of refsfi run.",
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("debug", _debug, arguments)


def _debug(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments, interleaved=False)
    if "dap" in parsed and not parsed.operands:
        from refsfi.cli.dapserver import serve_dap

        return serve_dap(None, b"", parsed.last("dap") or None)
    settings, data = read_guest(_COMMAND, arguments, _settings)
    if "dap" in parsed:
        from refsfi.cli.dapserver import serve_dap

        return serve_dap(settings, data, parsed.last("dap") or None)
    if settings.gdb is None:
        raise UsageError("--dap or -g is needed")
    from refsfi.cli.gdbserver import serve_gdb

    return serve_gdb(settings, data)


def _settings(parsed: Parsed) -> Settings:
    settings = parse_guest(parsed, "debug")
    settings.gdb = parsed.last("g")
    return settings
