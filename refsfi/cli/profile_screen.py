"""The live screen of a profile: the bottom rows of the terminal, while the guest's output scrolls above them.

The terminal is told to scroll only the rows above, so the guest writes to it as always: nothing of it is redirected or
held back. Each painting is one write, between saving the cursor and restoring it, and overwrites what was there without
clearing it first: nothing flickers, and what the guest writes cannot come in the middle.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

from refsfi.cli.profile_panel import Panel
from refsfi.exec.tiers import Profiler

__all__ = ["screen"]

# Seconds between paintings; and how many times as long as one takes there is to be between two.
_PAUSE: Final = 0.25
_SPARING: Final = 50
# Rows that a terminal must have, and the most that are taken.
_LEAST_ROWS: Final = 16
_MOST_ROWS: Final = 18

_SAVE, _RESTORE = "\x1b7", "\x1b8"


@contextmanager
def screen(profiler: Profiler, asked: bool) -> Iterator[None]:
    """Show the profile in the meantime, if the standard error is a terminal that can; what it showed is gone then."""
    stream = sys.stderr
    if not asked or stream is None or not _able(stream):
        yield
        return
    shown = _Screen(profiler, stream)
    shown.begin()
    try:
        yield
    finally:
        shown.end()


def _able(stream: TextIO) -> bool:
    try:
        rows = os.get_terminal_size(stream.fileno()).lines
    except (OSError, ValueError):
        return False
    return stream.isatty() and rows >= _LEAST_ROWS and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class _Screen:
    def __init__(self, profiler: Profiler, stream: TextIO) -> None:
        self._profiler = profiler
        self._file = stream.fileno()
        self._stream = stream
        self._color = not os.environ.get("NO_COLOR")
        self._panel = Panel()
        self._size = os.terminal_size((0, 0))
        self._height = 0
        self._ended = threading.Event()
        self._painter = threading.Thread(target=self._paint, name="refsfi-screen", daemon=True)

    def begin(self) -> None:
        self._stream.flush()
        self._lay_out()
        self._painter.start()

    def end(self) -> None:
        self._ended.set()
        self._painter.join()
        rows = self._size.lines
        clear = "".join(f"\x1b[{row};1H\x1b[K" for row in range(rows - self._height + 1, rows + 1))
        with suppress(OSError):
            self._write(f"{_SAVE}\x1b[r{clear}{_RESTORE}")

    def _lay_out(self) -> None:
        """Take the bottom rows. The cursor may be in them: what is there is moved up first."""
        before = self._height
        self._size = os.get_terminal_size(self._file)
        rows = self._size.lines
        self._height = height = min(rows // 2, _MOST_ROWS)
        room = "" if before else "\n" * height + f"\x1b[{height}A"
        self._write(f"{room}{_SAVE}\x1b[1;{rows - height}r{_RESTORE}")

    def _paint(self) -> None:
        pause = _PAUSE
        while not self._ended.wait(pause):
            began = time.thread_time()
            # A terminal that is gone is nothing that the guest is to notice.
            with suppress(OSError):
                if os.get_terminal_size(self._file) != self._size:
                    self._lay_out()
                profile = self._profiler.profile()
                lines = self._panel.lines(profile, self._size.columns - 1, self._height, color=self._color)
                first = self._size.lines - self._height + 1
                painted = "".join(f"\x1b[{first + row};1H{line}\x1b[K" for row, line in enumerate(lines))
                self._write(f"{_SAVE}\x1b[m{painted}{_RESTORE}")
            pause = max(_PAUSE, _SPARING * (time.thread_time() - began))

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._file, data) :]
