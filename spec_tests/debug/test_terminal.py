"""refsfi debug as people use it: in a terminal, line by line.

A session is a file of spec_tests/debug/sessions: what the screen showed, from which what was typed is taken. Each leads
from a fault that was planted in a program of spec_tests/debug/programs to its cause. After a change that is meant to be
seen, `python -m spec_tests.debug.test_terminal` writes them anew; read the difference.
"""

from __future__ import annotations

import os
import pty
import re
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
        code = self.process.wait(60)
        # Not before: the last thing that the command does is to write its history there.
        self._state.cleanup()
        return code


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


PAGE = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
SCREENS = [
    "\n".join(line[4:] for line in block.splitlines())
    for block in re.findall(r"(?:^(?: {4}.*)?\n)+", PAGE, re.MULTILINE)
    if block.lstrip("\n").startswith("    $ refsfi debug")
]


@pytest.mark.parametrize("shown", SCREENS, ids=range(len(SCREENS)))
def test_documented_session(shown: str) -> None:
    shown = shown.strip("\n")
    assert [line.rstrip() for line in played(shown).splitlines()] == shown.splitlines()


def test_all_commands_are_documented() -> None:
    from refsfi.debug.terminal.table import COMMANDS

    assert len(SCREENS) == 2
    missing = [words for words, found in COMMANDS.items() if f"`{found.usage}`".replace("|", "\\|") not in PAGE]
    assert missing == []
    assert [words for words, found in COMMANDS.items() if not found.help] == []


def refsfi(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command over pipes."""
    return subprocess.run(
        [sys.executable, "-m", "refsfi", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def test_over_a_pipe_there_are_no_prompts() -> None:
    done = refsfi("debug", "--invoke", "main", f"{PROGRAMS}/nan.wat", stdin="break variance\nrun\nbt\n")
    assert done.returncode == 0
    assert PROMPT not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("#2  $main")


def test_the_guest_reads_what_follows_its_command(tmp_path: Path) -> None:
    text = """(module (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00")
      (func (export "_start") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    (tmp_path / "read.wat").write_text(text)
    done = refsfi("debug", str(tmp_path / "read.wat"), stdin="run\ntextxx/s 16\ngoto begin\nx/s 16\nx/s 16\n")
    assert '"textx"' in done.stdout


def test_a_script_ends_at_its_first_error(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(
        "define where_is\n  print $arg0\nend\nbreak variance\nrun\nwhere_is $n\nbt 1\nnonsense\nbt\n"
    )
    done = refsfi("debug", "--batch", "-x", str(tmp_path / "s"), "--invoke", "main", f"{PROGRAMS}/nan.wat")
    assert done.returncode == 1
    assert "$n = 6.0 (f64)" in done.stdout
    assert done.stdout.splitlines()[-1] == 'undefined command: "nonsense"; try "help"'


def test_commands_of_a_breakpoint_and_python() -> None:
    script = """break clear
commands
  silent
  print $count
  python refsfi.write(f"count is {refsfi.evaluate('$count')}")
end
run
python
text = refsfi.execute("info args", to_string=True)
refsfi.write(text.upper())
end
python raise ValueError("mine")
if $count == 17
  echo yes
end
"""
    done = refsfi("debug", "--invoke", "main", f"{PROGRAMS}/wild_store.wat", stdin=script)
    lines = done.stdout.splitlines()
    assert "$count = 17 (i32)" in lines
    assert "count is 17" in lines
    assert "$COUNT = 17 (I32)" in lines
    assert "Python: ValueError: mine" in lines
    assert lines[-1] == "yes"


def test_interruption_pauses_the_guest(tmp_path: Path) -> None:
    (tmp_path / "spin.wat").write_text('(module (func $spin (export "main") (loop $l (br $l))))')
    terminal = Terminal(f"refsfi debug --invoke main {tmp_path}/spin.wat")
    terminal.wait()
    terminal.type("run")
    terminal.wait("run\n")
    time.sleep(0.5)
    terminal.interrupt()
    assert "Paused." in terminal.wait()
    terminal.type("print $clock > 1000")
    assert "= 1 (i64)" in terminal.wait()
    terminal.type("quit")
    terminal.wait()
    assert terminal.close() == 0


def test_a_call_of_the_host_that_waits_can_be_broken_off(tmp_path: Path) -> None:
    text = """(module (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00")
      (func (export "_start") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    (tmp_path / "read.wat").write_text(text)
    terminal = Terminal(f"refsfi debug {tmp_path}/read.wat")
    terminal.wait()
    terminal.type("run")
    terminal.wait("run\n")
    # The second breaks it off; one that comes before the guest runs, on a busy machine, counts for nothing.
    for _ in range(20):
        time.sleep(0.5)
        terminal.interrupt()
        try:
            terminal.wait(seconds=0.5)
            break
        except TimeoutError:
            continue
    terminal.type("continue")
    terminal.wait("continue\n")
    terminal.type("typed")
    assert "The guest returned" in terminal.wait()
    terminal.type("reverse-stepi")
    terminal.wait()
    terminal.type("x/s 16")
    assert '"typed"' in terminal.wait()
    terminal.type("quit")
    terminal.wait()
    assert terminal.close() == 0


def test_start_stands_in_front_of_main() -> None:
    done = refsfi("debug", "--invoke", "main", f"{PROGRAMS}/nan.wat", stdin="start\nnext\nstart\nprint $clock\n")
    assert done.stdout.splitlines()[-1] == "$clock = 0 (i64)"


def test_help_fits() -> None:
    from refsfi.debug.terminal.table import COMMANDS, GROUPS

    script = "".join(f"help {words}\n" for words in [*COMMANDS, *GROUPS, "", "info", "set"])
    done = refsfi("debug", "--invoke", "main", f"{PROGRAMS}/nan.wat", stdin=script)
    assert [line for line in done.stdout.splitlines() if len(line) >= 80] == []
    assert "undefined" not in done.stdout


def test_completion_and_repetition() -> None:
    terminal = Terminal(f"refsfi debug --invoke main {PROGRAMS}/wild_store.wat")
    terminal.wait()
    os.write(terminal._master, b"break $cl\t\n")
    assert "Breakpoint 1 at $clear:0" in terminal.wait("wat:12:6\n" + PROMPT)
    terminal.type("stepi")
    terminal.wait()
    terminal.type("")
    terminal.wait()
    terminal.type("print $clock")
    assert "$clock = 2" in terminal.wait()
    terminal.type("quit")
    terminal.close()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 50)])
def test_panes_fit(columns: int, rows: int) -> None:
    from refsfi.cli.debug_view import drawn
    from refsfi.debug.terminal.panes import Pane, Screen

    wide = Pane("code", tuple(f"{n} {'x' * 200}" for n in range(300)), 150)
    screen = Screen("stop" * 100, (wide, wide), (wide, wide, wide, wide), wide)
    shown = drawn(screen, columns, rows - 2, colour=False).splitlines()
    assert len(shown) == rows - 2
    assert {len(line) for line in shown[1:]} == {columns}
    assert any(line.startswith(("│=> 150", "|=> 150")) for line in shown)


def test_panes_have_no_colour_over_a_pipe() -> None:
    done = refsfi(
        "debug", "--batch", "-ex", "run", "-ex", "layout", "--invoke", "main", f"{PROGRAMS}/nan.wat", TERM="xterm"
    )
    assert "\x1b" not in done.stdout
    assert "code" in done.stdout


def test_core_dump(tmp_path: Path) -> None:
    core = str(tmp_path / "core")
    program = f"{PROGRAMS}/wild_store.wat"
    written = refsfi("debug", "--batch", "-ex", "run", "-ex", f"gcore {core}", "--invoke", "main", program)
    assert f"Saved corefile {core}" in written.stdout
    commands = "bt\nprint $rounds\nx/2xw 256\ncontinue\nset var $rounds = 1\nlast-write 256\nbreak main\ninfo memory\n"
    done = refsfi("debug", "--core", core, program, stdin=commands)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("#0  $work:11")
    assert "$rounds = 64 (i32)" in lines
    assert "0x00000100:  0x00000000  0x00000002" in lines
    assert sum("core dump" in line for line in lines) == 3
    assert "$rounds cannot be set" in lines
    assert lines[-1] == "instance 0  memory 0: 0x10000 bytes"
    other = refsfi("debug", "--core", core, f"{PROGRAMS}/nan.wat", stdin="bt\n")
    assert other.returncode == 1
    assert "core dump" in other.stderr
    assert len(other.stderr.splitlines()) == 1


def test_recording(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    refsfi("run", "-R", f"path={log}", "--invoke", "main", f"{PROGRAMS}/wild_store.wat")
    done = refsfi("replay", log, "--debug", stdin="run\nwatch i32[0x100]\nrc\n")
    assert "Trap: integer divide by zero" in done.stdout
    assert "by $clear:3" in done.stdout


# Each cannot be done in front of the first instruction of nan.wat.
WRONG = """foo;info;info x;break nosuch;break main:999;break *5;print;print $;print 1 +;print nosuch;x/4xw;x/0xw 1
x/4qw 1;watch 3;watch;delete 9;ignore 1;condition 1 1;frame 9;goto;goto x;restart 1;list nosuch.c:3;set x;set limit 0
show nosuch;source /nonexistent;find 1;set var 1 = 2;set var $clock = 1;explain;origin 1;last-write;last-write -1
catch;catch x;directory /nonexistent;rule-break x;define 1;document x;rbreak [;stepi 0;undisplay 3;tui x;layout x
info functions [;python 1/0;until nosuch;advance;commands;display nosuch;x/s 99999999;generate-core-file /""".replace(
    "\n", ";"
).split(";")


def test_what_cannot_be_done_is_told_in_a_line() -> None:
    script = "".join(f"echo <<\n{command}\necho >>\n" for command in WRONG)
    done = refsfi("debug", "--invoke", "main", f"{PROGRAMS}/nan.wat", stdin=script)
    assert done.stderr == ""
    answers = [part.partition(">>")[0].strip("\n") for part in done.stdout.split("<<\n")[1:]]
    assert len(answers) == len(WRONG)
    told = dict(zip(WRONG, answers))
    assert {command: answer for command, answer in told.items() if not answer or "\n" in answer} == {}


if __name__ == "__main__":
    for session in SESSIONS:
        session.write_text(played(session.read_text(encoding="utf-8")), encoding="utf-8")
