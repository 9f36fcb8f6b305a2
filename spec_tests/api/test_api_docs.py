"""The examples of the documentation do what is shown behind them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

_EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    found = []
    for name in ("README.md", "docs/embedding.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in _EXAMPLE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(pytest.param(name, line, match[1], match[2], id=f"{name}:{line}"))
    return found


def test_there_are_examples() -> None:
    assert len(examples()) >= 9


@pytest.mark.parametrize(("name", "line", "code", "shown"), examples())
def test_example(name: str, line: int, code: str, shown: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    out = io.StringIO()
    # Errors tell the line of the page.
    source = compile("\n" * line + code, name, "exec")
    with contextlib.redirect_stdout(out):
        exec(source, {"__name__": "__main__"})
    assert out.getvalue() == (shown or "")
