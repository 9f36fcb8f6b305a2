"""Real programs are run when they are asked for, by `-m real` or by this folder's path: they need the network once, and
minutes. What was not run is said at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real: a published program, fetched from a package registry (make test-real)")


def _asked_for(config: pytest.Config) -> bool:
    named = [Path(str(config.invocation_params.dir), arg.split("::")[0]) for arg in config.args]
    return "real" in config.option.markexpr or any(path.resolve().is_relative_to(HERE) for path in named)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _asked_for(config):
        return
    real = [item for item in items if item.get_closest_marker("real") is not None]
    if real:
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if item not in real]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    missed = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "real" in getattr(report, "keywords", {}) and isinstance(report.longrepr, tuple)
    ]
    if not missed:
        return
    terminalreporter.section("real programs", sep="!", red=True, bold=True)
    reasons: dict[str, list[str]] = {}
    for report in missed:
        reasons.setdefault(str(report.longrepr[2]), []).append(report.nodeid.rpartition("[")[2].rstrip("]"))
    terminalreporter.write_line(f"NOT RUN: {len(missed)} programs", red=True)
    for reason, names in reasons.items():
        terminalreporter.write_line(f"{reason}: {', '.join(names)}", red=True)
