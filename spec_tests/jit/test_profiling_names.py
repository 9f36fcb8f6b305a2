"""docs/profiler.md has a row for every category of samples and every kind of compilation, as the tables say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit.log import KINDS
from refsfi.observe.profile.model import CATEGORIES

PAGE = (Path(__file__).parents[2] / "docs" / "profiler.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("name", "meaning"), [*CATEGORIES.items(), *KINDS.items()])
def test_there_is_a_row(name: str, meaning: str) -> None:
    assert f"| `{name}` | {meaning} |" in PAGE


def test_every_part_is_on_the_map() -> None:
    root = Path(__file__).parents[2]
    text = "\n".join(PAGE)
    for folder in ("jit/profiling", "refsfi/observe/profile"):
        assert folder in text
        for file in (root / folder).glob("[a-z]*.py"):
            assert file.stem in text, file
