"""The command line: picks the sub-command.

Each sub-command is one module, imported when it is asked for, with a function `main(arguments) -> exit code`. A file in
the place of a command means `run`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from typing import Final

__all__ = ["COMMANDS", "EXIT_INTERRUPTED", "EXIT_USAGE", "main"]

EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
# What a shell reports for a program that SIGPIPE ended.
EXIT_BROKEN_PIPE: Final = 141

# Name -> module below refsfi.cli, what it does. A row whose module is not installed is not offered.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("run", "run a module: its _start, or the function that --invoke names"),
    "spec": ("spec", "run test scripts (.wast, .json)"),
    "debug": ("debug", "run a module under the debugger"),
    "replay": ("replay", "run a recorded execution again"),
    "profile": ("profile", "run a module under the profiler"),
    "validate": ("validate", "validate a module"),
    "parse": ("parse", "translate a text module to binary"),
    "print": ("print", "translate a binary module to text"),
    "objdump": ("objdump", "list the sections and bytes of a binary module"),
    "addr2line": ("addr2line", "translate code offsets to source lines"),
    "doctor": ("doctor", "tell what works on this machine"),
}

ALIASES: Final[dict[str, str]] = {"wast": "spec"}

_FILE_SUFFIXES = (".wasm", ".wat")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. `argv` leaves out the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, TextIOWrapper):
        # As on the standard error, what its encoding lacks is escaped: a file's name may have any characters.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader is gone. Python's own flush at exit would fail once more.
        from refsfi.cli.report import abandon_stdout

        abandon_stdout()
        return EXIT_BROKEN_PIPE


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(_help(), file=sys.stderr)
        return EXIT_USAGE
    first, rest = arguments[0], arguments[1:]
    if first in ("-V", "--version", "version"):
        print(f"refsfi {_version()}")
        return 0
    if first in ("-h", "--help", "help"):
        if first == "help" and rest:
            return _command(rest[0], ["--help"])
        print(_help())
        return 0
    if first in COMMANDS or first in ALIASES:
        return _command(first, rest)
    # Options may come before the file: `refsfi --invoke f m.wasm`.
    if first.startswith("-") or first.endswith(_FILE_SUFFIXES) or os.path.exists(first):
        return _command("run", arguments)
    return _usage(f"unknown command '{first}' and no such file; see refsfi help")


def _command(name: str, arguments: list[str]) -> int:
    row = COMMANDS.get(ALIASES.get(name, name))
    if row is None:
        return _usage(f"unknown command '{name}'; see refsfi help")
    if not _available(row[0]):
        return _usage(f"the command '{name}' is not part of this version")
    run: Callable[[list[str]], int] = import_module(f"refsfi.cli.{row[0]}").main
    return run(arguments)


def _available(module: str) -> bool:
    return find_spec(f"refsfi.cli.{module}") is not None


def _usage(message: str) -> int:
    print(f"refsfi: {message}", file=sys.stderr)
    return EXIT_USAGE


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("refsfi")
    except PackageNotFoundError:
        return "(not installed)"


def _help() -> str:
    rows = {name: summary for name, (module, summary) in COMMANDS.items() if _available(module)}
    lines = [
        "usage: refsfi COMMAND [ARGUMENTS]",
        "       refsfi FILE [ARGUMENTS]        the same as refsfi run FILE",
        "",
        "commands:",
        *(f"  {name:<10} {summary}" for name, summary in rows.items()),
        "",
        "refsfi COMMAND --help tells more; refsfi --version the version.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
