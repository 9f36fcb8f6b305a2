"""What was not run for want of a compiler or of wasmtime is said at the end."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if report.nodeid.startswith("spec_tests/wasi/") and isinstance(report.longrepr, tuple):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("WASI programs", sep="!", red=True, bold=True)
        for reason, count in reasons.items():
            terminalreporter.write_line(f"NOT RUN: {count} tests: {reason}", red=True)
