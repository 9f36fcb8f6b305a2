"""Real programs are run when they are asked for, by `-m real` or by this folder's path: they need the network once, and
minutes. What was not run is said at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--at-least",
        type=int,
        default=0,
        metavar="N",
        help="fail unless N published programs ran and did what they should (those of the shared folder not counted)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real: a real program, run where it is asked for (make test-real)")
    config.addinivalue_line("markers", "published: its module comes from a package registry")


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


def _published(report: object) -> bool:
    return "published" in getattr(report, "keywords", {})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where nothing can be fetched everything is skipped; a run that is to decide something must not pass then."""
    wanted = session.config.getoption("--at-least")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not wanted or reporter is None or hasattr(session.config, "workerinput"):
        return
    ran = sum(map(_published, reporter.stats.get("passed", [])))
    if ran < wanted and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    wanted = terminalreporter.config.getoption("--at-least")
    ran = sum(map(_published, terminalreporter.stats.get("passed", [])))
    if ran < wanted:
        terminalreporter.section("real programs", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"TOO FEW: {ran} published programs ran, {wanted} must", red=True)
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
