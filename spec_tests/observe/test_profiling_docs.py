"""docs/profiling.md names every monitor, format, event, abort and exit, and its examples print what is shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jit.log import EVENTS
from jit.profiling.causes import CAUSES, Cause
from jit.reasons import REASONS, Reason
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


# --- refsfi profile


def profiled() -> list[tuple[str, list[str]]]:
    """Commands, and the parts that are shown of what they print, in their order: each needs the files of those before
    it."""
    blocks = ("\n".join(line[4:] for line in block.splitlines()).strip("\n") for block in _BLOCK.findall(PAGE))
    commands = (block.partition("\n") for block in blocks if block.startswith("$ refsfi profile"))
    return [(command[2:], re.split(r"^\s*(?:…|$)", shown, flags=re.MULTILINE)) for command, _, shown in commands]


def plain(text: str) -> str:
    """Text without what differs from run to run: numbers, how wide they are, and where lines are wrapped for that."""
    return re.sub(r"[\s#]+", " ", re.sub(r"(?<![\w@$])-?[\d.]+", "#", text)).strip()


def test_the_worked_case(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    assert len(profiled()) >= 5
    for command, shown in profiled():
        words = shlex.split(command.removesuffix(" >/dev/null"))
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        printed = plain(done.stdout)
        for part in map(plain, shown):
            # Each behind the one before it.
            assert part in printed, (command, part, done.stdout)
            printed = printed.partition(part)[2] if part else printed


def row_of(name: str) -> str:
    """The row of a table that is about a name."""
    return next((line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")), "")


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_a_row(name: str) -> None:
    assert row_of(name)


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS.keys())
def test_every_abort_has_a_row_with_its_remedy(reason: Reason) -> None:
    assert row_of(reason.name).endswith(f"| {reason.meaning} | {reason.cure} |")


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES.keys())
def test_every_exit_has_a_row_with_its_remedy(cause: Cause) -> None:
    assert row_of(cause.name).endswith(f"| {cause.meaning} | {cause.remedy} |")
