"""How commands end: one clear line for every failure, and the exit code that goes with it.

What a module says about itself (names, messages with names in them) was written by its author. It reaches the terminal
with everything escaped that is not printable, so that it can neither forge lines nor move the cursor.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from refsfi.cli.options import HelpRequested, UsageError
from refsfi.errors import Divergence

__all__ = [
    "EXIT_FAILURE",
    "EXIT_TRAP",
    "EXIT_USAGE",
    "Failure",
    "abandon_stdout",
    "complain",
    "execute",
    "printable",
    "reason",
    "write_bytes",
    "write_text",
]

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_TRAP: Final = 134


class Failure(Exception):
    """The command cannot go on; the message says what is wrong, where, and what to do. Exit code 1.

    `marked` puts `error: ` before it.
    """

    def __init__(self, message: str, *, marked: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.marked = marked


def execute(name: str, run: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    """Run a command; its exit code. KeyboardInterrupt and BrokenPipeError are left to whoever called."""
    try:
        try:
            code = run(arguments)
        except HelpRequested as request:
            write_text(f"{request}\n")
            code = 0
        _flush()
        return code
    except UsageError as error:
        complain(f"refsfi {name}: {error} (see refsfi {name} --help)")
        return EXIT_USAGE
    except BrokenPipeError:
        raise
    except Failure as failure:
        complain(f"error: {failure.message}" if failure.marked else failure.message)
    except MemoryError:
        complain("error: out of memory: the module, or what it asks for, is too large for this machine")
    except OSError as error:
        complain(f"error: {f'{error.filename}: ' if error.filename else ''}{reason(error)}")
    except Divergence as error:
        if os.environ.get("REFSFI_TRACEBACK"):
            raise
        complain(
            f"error: compiled code is wrong: {error}; this is a defect of refsfi, please report it; --jit=off avoids it"
        )
    except Exception as error:
        # A defect of refsfi, which says so in one line to users and in full to those who look for it.
        if os.environ.get("REFSFI_TRACEBACK"):
            raise
        complain(
            f"error: internal error: {type(error).__name__}: {error}; this is a defect of refsfi, please report it"
            " (REFSFI_TRACEBACK=1 shows where)"
        )
    return EXIT_FAILURE


def _flush() -> None:
    """What could not be written must be known now; Python's own flush at exit would only grumble."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        raise Failure(f"cannot write to standard output: {reason(error)}") from None


def abandon_stdout() -> None:
    """What is still to be written goes nowhere: the standard output cannot take it."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


def complain(text: str) -> None:
    """A line on the standard error, if there is one."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(printable(text) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def write_bytes(data: bytes) -> None:
    """Bytes to the standard output."""
    if sys.stdout is None:
        raise Failure("cannot write to standard output: it is closed")
    try:
        sys.stdout.flush()
        rest = memoryview(data)
        # With PYTHONUNBUFFERED it is a raw file, which may write a part only.
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        raise Failure(f"cannot write to standard output: {reason(error)}") from None


def write_text(text: str) -> None:
    """Text to the standard output, in UTF-8 whatever the locale: it may be a module."""
    write_bytes(text.encode("utf-8", "backslashreplace"))


def reason(error: OSError) -> str:
    """What the operating system said, as a clause."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def printable(text: str) -> str:
    """One line in which everything is visible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
