"""The live screen of `refsfi profile`, as a terminal shows it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pyte
import pytest

from refsfi.cli.profile_panel import LETTERS, Panel
from refsfi.observe.profile.model import CATEGORIES, Exit, Profile, Region, Sample, Spot

ROOT = Path(__file__).parent.parent.parent
LINE = "what the guest says"
GUEST = f"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\14\\00\\00\\00")
  (data (i32.const 64) "{LINE}\\0a")
  (func $say (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32))))
  (func (export "_start") (local $i i32)
    (loop $lines
      (call $say)
      (br_if $lines (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 30))))
    (loop $for_ever (br $for_ever))))"""
WARM_UP = "warm-up  "


class Terminal:
    """A pseudo-terminal with a command in it; `screen` is what it shows."""

    def __init__(self, columns: int, rows: int, arguments: Sequence[str], folder: Path, **environment: str) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(folder)
            told = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TERM": "xterm-256color", **environment}
            os.execve(sys.executable, [sys.executable, "-m", "refsfi", *arguments], told)

    def until(self, text: str | None, seconds: float = 60) -> None:
        """Go on until the screen shows a text; None: until the command has ended."""
        deadline = time.monotonic() + seconds
        while text is None or not any(text in line for line in self.screen.display):
            assert time.monotonic() < deadline, self.screen.display
            if select.select([self.file], [], [], 0.1)[0]:
                try:
                    data = os.read(self.file, 1 << 16)
                except OSError:
                    data = b""
                if not data:
                    assert text is None, self.screen.display
                    return
                self.sent += data
                self._stream.feed(data)

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        os.write(self.file, b"\x03")
        self.until(None)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def past(self) -> list[str]:
        """What has scrolled out of the screen."""
        rows = self.screen.history.top
        return ["".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.wat").write_text(GUEST)
    return tmp_path


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 50)])
def test_the_screen_is_below_what_the_guest_says(columns: int, rows: int, folder: Path) -> None:
    terminal = Terminal(columns, rows, ["profile", "m.wat"], folder)
    terminal.until(WARM_UP)
    terminal.until("interpreting")
    lines = terminal.lines
    height = min(rows // 2, 18)
    panel = lines[rows - height :]
    assert panel[0].startswith("── ")
    assert panel[1].startswith(WARM_UP)
    assert set(panel[1].removeprefix(WARM_UP)) <= {letter for letter, _ in LETTERS.values()} | {"."}
    assert panel[2].split() == ["self", "%", "entered", "exits/s"]
    assert all(line == LINE or not line for line in lines[: rows - height])
    assert max(map(len, lines)) < columns
    assert terminal.interrupt() == 130
    # All that the guest has said is there, and nothing of the panel is.
    everything = terminal.past + terminal.lines
    assert everything.count(LINE) == 30
    assert not any(line.startswith(WARM_UP) for line in everything)
    assert "Where time went" in everything


def test_without_colour(folder: Path) -> None:
    terminal = Terminal(80, 24, ["profile", "m.wat"], folder, NO_COLOR="1")
    terminal.until("interpreting")
    assert terminal.interrupt() == 130
    assert b"\x1b[3" not in terminal.sent


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["profile", "m.wat"], {"TERM": "dumb"}), (["profile", "--no-live", "m.wat"], {})]
)
def test_no_screen(arguments: list[str], environment: dict[str, str], folder: Path) -> None:
    terminal = Terminal(80, 24, arguments, folder, **environment)
    terminal.until(LINE)
    time.sleep(1)
    assert terminal.interrupt() == 130
    assert b"\x1b" not in terminal.sent
    assert "Where time went" in terminal.past + terminal.lines


def test_a_low_terminal_has_no_screen(folder: Path) -> None:
    terminal = Terminal(80, 10, ["profile", "m.wat"], folder)
    terminal.until(LINE)
    assert terminal.interrupt() == 130
    assert b"\x1b" not in terminal.sent


def profile(parts: int) -> Profile:
    """A run of that many parts of 50 ms: interpreted at first, then in a region."""
    found = Profile(wall=parts * 50_000_000, complete=False)
    found.spots = [Spot("interpreting", "$f", 0, 0), Spot("native", "$f", 0, 0, 0, 4)]
    found.regions = [Region(0, 0, "$f", 0, 1, 1, 1, 1, 0, entered=7)]
    found.exits = [Exit(0, 0, 0, 0, "$f", 0, "loop", "stop", "none", taken=2 * parts)]
    found.samples = [Sample((i + 1) * 50_000_000 - 1, 1, int(i > 3), 50_000_000) for i in range(parts)]
    return found


def test_every_category_has_a_letter() -> None:
    assert LETTERS.keys() == CATEGORIES.keys()
    assert len({letter for letter, _ in LETTERS.values()}) == len(CATEGORIES)


def test_the_warm_up_keeps_to_the_width() -> None:
    panel = Panel()
    for parts in (1, 10, 200, 1000):
        lines = panel.lines(profile(parts), 60, 12)
        assert len(lines) == 12
        assert max(map(len, lines)) <= 60
    # 1000 parts in at most 51 columns: each is of 32.
    assert lines[1] == WARM_UP + "n" * 32
    lines = Panel().lines(profile(10), 60, 12)
    assert lines[1] == WARM_UP + "iiiinnnnnn"


def test_a_region_has_its_entries_and_exits_a_second() -> None:
    row = next(line for line in Panel().lines(profile(20), 80, 12) if "region 0" in line)
    assert row.split() == ["80.0", "7", "40", "region", "0", "$f"]
