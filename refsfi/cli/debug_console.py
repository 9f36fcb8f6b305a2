"""The terminal of `refsfi debug`: lines with history and completion, Ctrl-C, pages; or a pipe."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from refsfi.cli.report import printable, write_text

if TYPE_CHECKING:
    from refsfi.debug.terminal.interpreter import Interpreter
    from refsfi.debug.terminal.panes import Screen

__all__ = ["TerminalConsole"]


class TerminalConsole:
    """`interface` is set once it is made. Input that is no terminal is read a byte at a time: what follows a command
    is the guest's, should that read."""

    def __init__(self, *, batch: bool) -> None:
        self.interactive = not batch and _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
        self.interface: Interpreter | None = None
        self._rows = 0
        self._file: str | None = None
        if self.interactive:
            self._set_up()

    # --- input ---

    def read(self, prompt: str) -> str | None:
        self._rows = 0
        if self.interactive:
            try:
                return input(prompt)
            except EOFError:
                write_text("quit\n")
                return None
        if sys.stdin is None:
            return None
        line = bytearray()
        while True:
            byte = os.read(0, 1)
            if not byte or byte == b"\n":
                break
            line += byte
        return line.decode("utf-8", "replace") if line or byte else None

    def _set_up(self) -> None:
        try:
            import readline
        except ImportError:
            return
        self._file = os.path.join(
            os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "refsfi_debug"
        )
        try:
            readline.read_history_file(self._file)
        except OSError:
            pass
        readline.set_history_length(1000)
        readline.set_completer_delims(" \t\n")
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")

    def _complete(self, text: str, state: int) -> str | None:
        import readline

        from refsfi.debug.terminal.completion import completions

        if self.interface is None:
            return None
        found = completions(self.interface, readline.get_line_buffer()[: readline.get_endidx()], text)
        return found[state] if state < len(found) else None

    def close(self) -> None:
        """Keep the history."""
        if self._file is None:
            return
        import readline

        try:
            os.makedirs(os.path.dirname(self._file), exist_ok=True)
            readline.write_history_file(self._file)
        except OSError:
            pass

    # --- output ---

    def write(self, line: str) -> None:
        if self.interactive and self.interface is not None and self.interface.settings.pagination:
            self._rows += 1
            if self._rows >= self.size[1]:
                self._rows = 0
                answer = self.read("--Type <RET> for more, q to quit--")
                if answer is None or answer.strip().lower().startswith("q"):
                    raise KeyboardInterrupt
        # Tabs are ours, between a line's number and its text.
        write_text("\t".join(map(printable, line.split("\t"))) + "\n")
        _flush()

    def draw(self, screen: Screen) -> None:
        from refsfi.cli.debug_view import drawn

        columns, rows = self.size
        write_text(drawn(screen, columns, rows - 2 if self.interactive else rows, colour=self.interactive))
        self._rows = 0

    @property
    def size(self) -> tuple[int, int]:
        # As large as the terminal is; a pipe is as wide as anybody's.
        try:
            found = os.get_terminal_size(sys.stdout.fileno())
        except (OSError, ValueError, AttributeError):
            return 80, 24
        return found.columns or 80, found.lines or 24

    @contextmanager
    def running(self) -> Iterator[None]:
        interface = self.interface
        if interface is None:
            yield
            return
        _flush()
        asked = False

        def interrupted(number: int, frame: Any) -> None:
            # The second time, somebody does not want to wait for a call of the host.
            nonlocal asked
            if asked:
                raise KeyboardInterrupt
            asked = True
            interface.session.pause()

        try:
            before = signal.signal(signal.SIGINT, interrupted)
        except ValueError:
            # Not the main thread: signals are somebody else's.
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()
