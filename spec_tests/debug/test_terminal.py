"""refsfi debug as people use it: in a terminal, line by line.

A session is a file of spec_tests/debug/sessions: what the screen showed, from which what was typed is taken. Each leads
from a fault that was planted in a program of spec_tests/debug/programs to its cause. After a change that is meant to be
seen, `python -m spec_tests.debug.test_terminal` writes them anew; read the difference.
"""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SESSIONS = sorted((ROOT / "spec_tests" / "debug" / "sessions").glob("*.txt"))
PROGRAMS = "spec_tests/debug/programs"
PROMPT = "(refsfi) "
# Where the user is asked something.
ASKS = (PROMPT, "(y or n) ", "\n>", "--Type <RET> for more, q to quit--")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: str, columns: int = 100, rows: int = 200, **environment: str) -> None:
        master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._state = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb", "XDG_STATE_HOME": self._state.name, "COLUMNS": "", **environment},
        )
        os.close(slave)
        self._master = master
        self.screen = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode() + b"\n")

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait(self, *ends: str, seconds: float = 60) -> str:
        """What comes up to one of the ends, or the end of the command."""
        begin = len(self.screen)
        limit = time.monotonic() + seconds
        while not self.screen[begin:].endswith(ends or ASKS):
            if not select.select([self._master], [], [], max(limit - time.monotonic(), 0))[0]:
                raise TimeoutError(f"nothing more came behind: {self.screen[-500:]}")
            try:
                data = os.read(self._master, 65536)
            except OSError:
                break
            if not data:
                break
            self.screen += data.decode().replace("\r\n", "\n").replace("\r", "")
        return self.screen[begin:]

    def close(self) -> int:
        """The exit code."""
        os.close(self._master)
        self._state.cleanup()
        return self.process.wait(60)


def played(recorded: str) -> str:
    """The same session once more."""
    first, *lines = recorded.splitlines()
    terminal = Terminal(first.removeprefix("$ "))
    terminal.wait()
    for line in lines:
        for ask in (PROMPT, "(y or n) "):
            before, found, typed = line.partition(ask)
            if found and (not before or ask != PROMPT):
                terminal.type(typed)
                terminal.wait()
    terminal.close()
    return f"{first}\n{terminal.screen}"


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_session(path: Path) -> None:
    recorded = path.read_text(encoding="utf-8")
    assert played(recorded) == recorded


if __name__ == "__main__":
    for session in SESSIONS:
        session.write_text(played(session.read_text(encoding="utf-8")), encoding="utf-8")
