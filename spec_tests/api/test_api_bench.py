"""`tools/bench embed` measures what it promises to; what it finds is for quiet machines to judge."""

from __future__ import annotations

from typing import Any

import pytest

from tools.benchmarks.embed import BARS, embed


def test_everything_is_measured_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    report: dict[str, Any] = {}
    embed(report, 1, quiet=False)
    rows = {row["name"]: row["seconds"]["refsfi"] for row in report["embed"]["rows"]}
    assert BARS.keys() <= rows.keys()
    # A thousand times the bar is not to be explained by a busy machine.
    assert all(rows[name] < bar * 1e-3 for name, (bar, _) in BARS.items())
    assert report["embed"]["stores"]["refsfi"]["left"] < 20_000
    printed = capsys.readouterr().out
    assert all(name in printed for name in rows)
