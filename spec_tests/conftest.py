"""What a run says at its end: how much of the official test suite was run, or that it is missing, and how much was
compared with other implementations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from refsfi.script.suite import find_suite

# How long an example takes says something of the machine and what else it does, not of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _official(terminalreporter)
    _compared(terminalreporter)


def _compared(terminalreporter: pytest.TerminalReporter) -> None:
    """Adds up the properties of tests whose names begin with `compared `."""
    counts: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            if getattr(report, "when", "") == "call":
                for name, value in getattr(report, "user_properties", ()):
                    if name.startswith("compared "):
                        counts[name.removeprefix("compared ")] += value
    if counts:
        terminalreporter.section("compared with other implementations")
        for name, count in sorted(counts.items()):
            terminalreporter.write_line(f"{name}: {count}")


def _official(terminalreporter: pytest.TerminalReporter) -> None:
    suite = find_suite(Path(__file__).parents[1])
    if suite is None:
        terminalreporter.section("official test suite", sep="!", red=True, bold=True)
        terminalreporter.write_line(
            "MISSING: not one of its tests was run. Get it with tools/fetch-testsuite, or set REFSFI_TESTSUITE.",
            red=True,
        )
        return
    totals = {"official_passed": 0, "official_failed": 0}
    files = 0
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            properties = dict(getattr(report, "user_properties", ()))
            if getattr(report, "when", "") == "call" and "official_passed" in properties:
                files += 1
                for name in totals:
                    totals[name] += properties[name]
    if files:
        terminalreporter.section("official test suite")
        passed, failed = totals["official_passed"], totals["official_failed"]
        terminalreporter.write_line(f"{suite}: {files} scripts, {passed} assertions passed, {failed} failed")
