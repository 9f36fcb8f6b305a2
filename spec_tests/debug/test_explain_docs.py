"""docs/debugging.md: the screens of explained traps, of addr2line and of the interface are what is shown there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")

_BLOCK = re.compile(r"(?:^(?: {4}.*)?\n)+", re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def screens() -> list[tuple[str, str]]:
    blocks = ("\n".join(line[4:] for line in block.splitlines()).strip("\n") for block in _BLOCK.findall(PAGE))
    commands = (block.partition("\n") for block in blocks)
    return [
        (command[2:], shown)
        for command, _, shown in commands
        if command.startswith(("$ refsfi run --trap=explain", "$ refsfi addr2line"))
    ]


def test_there_are_screens() -> None:
    assert len(screens()) == 2


@pytest.mark.parametrize(("command", "shown"), screens())
def test_screen(command: str, shown: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.rstrip("\n") == shown
    assert all(len(line) <= 80 or "main module" in line for line in shown.splitlines())


@pytest.mark.parametrize("name", ["source_frames", "Recorder"])
def test_interface(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (match,) = (found for found in _PYTHON.finditer(PAGE) if name in found[1])
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(match[1], "docs/debugging.md", "exec"), {"__name__": "__main__"})
    assert out.getvalue() == match[2]
