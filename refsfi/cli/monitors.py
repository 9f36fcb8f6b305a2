"""`--monitor`: which monitors look on, and their reports, as tables or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from textwrap import wrap
from typing import TypeAlias

from refsfi.cli.options import UsageError
from refsfi.cli.report import Failure, complain
from refsfi.cli.tables import PLAIN_WIDTH, rendered, width_of
from refsfi.errors import WasmError
from refsfi.exec.code import Program
from refsfi.observe.monitors import BadMonitor, Monitor, Options, Watched, all_monitors, parse_monitors
from refsfi.observe.monitors.report import Report
from refsfi.runtime.observer import Observer

__all__ = ["MonitorChoice", "Monitoring", "monitor_choice", "monitor_help"]

MonitorChoice: TypeAlias = tuple[type[Monitor], Options]


def monitor_choice(texts: Sequence[str]) -> list[MonitorChoice]:
    """The monitors that the options name. UsageError."""
    try:
        return parse_monitors(",".join(texts))
    except BadMonitor as error:
        raise UsageError(f"--monitor: {error} (--monitor=help lists them)") from None


def monitor_help() -> str:
    """What `--monitor=help` prints: all monitors there are, with their options."""

    def described(options: type[Options], shared: set[str]) -> list[str]:
        lines = []
        for field in fields(options):
            if field.name not in shared:
                syntax = field.name if isinstance(field.default, bool) else f"{field.name}={_example(field.default)}"
                first, *more = wrap(field.metadata["help"], 58)
                lines += [f"    {syntax:<14}  {first}", *(f"{'':20}{line}" for line in more)]
        return lines

    common = {field.name for field in fields(Options)}
    lines = ["--monitor=NAME[{OPTION,…}][,NAME…]; quote braces where the shell reads them", ""]
    for name, monitor in all_monitors().items():
        lines += [f"  {name:<12}  {monitor.summary}", *described(monitor.options_type, common)]
    return "\n".join([*lines, "", "options of all monitors:", *described(Options, set())])


def _example(default: object) -> str:
    return str(default) if isinstance(default, int) else "FILE"


class Monitoring:
    """The monitors of a run. OSError where a file that they are to write cannot be opened: that is known before the
    guest runs."""

    def __init__(self, choices: Sequence[MonitorChoice], paths: Mapping[Program, str]) -> None:
        watched = Watched()
        for program, path in paths.items():
            watched.modules.add(program, path)
        self.observer: Observer = watched.probes
        self._monitors = [monitor(watched, options) for monitor, options in choices]
        for _, options in choices:
            if options.file:
                _write(options.file, [])

    def tell(self) -> None:
        """Report. OSError where a file cannot be written; Failure."""
        if sys.stdout is not None:
            # What the guest has printed comes before what is said about it.
            sys.stdout.flush()
        for monitor in self._monitors:
            options = monitor.options
            try:
                report = monitor.report()
            except WasmError as error:
                # A function that was never called, and so never looked at, may be no function.
                raise Failure(f"the report of {monitor.name} cannot be made: {error}") from None
            for path, text in report.files.items():
                _write(path, text.splitlines())
            if options.file:
                _write(options.file, _lines(report, options, PLAIN_WIDTH))
            else:
                for line in _lines(report, options, width_of(sys.stderr)):
                    complain(line)


def _lines(report: Report, options: Options, width: int) -> list[str]:
    if options.json:
        return json.dumps(report.json(), indent=2).splitlines()
    return rendered(report, options.top, width)


def _write(path: str, lines: Sequence[str]) -> None:
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(f"{line}\n" for line in lines)
