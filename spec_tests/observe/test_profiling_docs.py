"""docs/profiling.md names every monitor and every format, and its examples with monitors print what is shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from refsfi.cli.jit import PROFILES
from refsfi.observe.export import FORMATS
from refsfi.observe.monitors import all_monitors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "profiling.md").read_text(encoding="utf-8")

_BLOCK = re.compile(r"(?:^(?: {4}.*)?\n)+", re.MULTILINE)


def examples() -> list[tuple[str, str]]:
    """Commands that monitor, and what is shown behind them."""
    blocks = ("\n".join(line[4:] for line in block.splitlines()).strip("\n") for block in _BLOCK.findall(PAGE))
    commands = (block.partition("\n") for block in blocks if block.startswith("$ refsfi run --monitor"))
    return [(command[2:], shown) for command, _, shown in commands]


def test_there_are_examples() -> None:
    assert len(examples()) >= 2


@pytest.mark.parametrize(("command", "shown"), examples())
def test_example(command: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stdout.rstrip("\n") == shown


@pytest.mark.parametrize("name", [*all_monitors(), *FORMATS])
def test_what_there_is_has_a_row(name: str) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)


@pytest.mark.parametrize("kind", PROFILES)
def test_every_kind_of_profile_is_there(kind: str) -> None:
    assert f"--profile={kind}" in PAGE


def test_options_of_monitors_are_named() -> None:
    for monitor in all_monitors().values():
        for option in monitor.options_type.__dataclass_fields__:
            assert re.search(rf"`{option}\b", PAGE), option
