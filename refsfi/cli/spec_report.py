"""What `refsfi spec` shows: failures as they come, a table per directory, the totals.

Plain text on the standard output, with everything escaped that is not printable: names of files and of a guest's
exports are anybody's. Progress goes to the standard error, through rich, and only to a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

from refsfi.cli.report import printable
from refsfi.script.record import Record
from refsfi.script.session import FileResult

__all__ = ["Reporter", "make_reporter"]


@dataclass(slots=True)
class _Row:
    name: str
    files: int = 0
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0


class Reporter:
    """Plain rendering. `verbosity`: negative for failures in one line and totals, 0, positive for a line for every
    test.
    """

    def __init__(self, out: TextIO, verbosity: int) -> None:
        self.out = out
        self.verbosity = verbosity

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def line(self, text: str) -> None:
        print(printable(text), file=self.out)

    def file_done(self, result: FileResult) -> None:
        """A file has been run."""
        for record in result.records:
            if record.failed:
                self._failure(record)
            elif self.verbosity > 0:
                self.line(f"{record.id} PASSED ({record.seconds * 1000:.1f} ms)")

    def _failure(self, record: Record) -> None:
        where = f"{record.file}:{record.line}" if record.line else record.file
        self.line(f"{where}: {record.kind} FAILED" if self.verbosity >= 0 else f"{where}: {record.kind}: {record.got}")
        if self.verbosity < 0:
            return
        self.line(f"    expected: {record.expected}")
        self.line(f"    got:      {record.got}")
        for text in record.traceback.splitlines():
            self.line(f"    {text}")

    def finish(self, results: Sequence[FileResult], seconds: float, interrupted: bool) -> None:
        """Everything has been run; the last line has the totals."""
        if self.verbosity >= 0 and results:
            self.table(_rows(results), seconds)
        deselected = sum(result.deselected for result in results)
        if deselected:
            self.line(f"{deselected} deselected")
        if interrupted:
            self.line("interrupted")
        passed = sum(result.passed for result in results)
        failed = sum(result.failed for result in results)
        self.line(f"{passed} passed, {failed} failed")

    def table(self, rows: list[_Row], seconds: float) -> None:
        """Files, tests and time by directory; `seconds` is the whole run's wall time."""
        width = max(len("directory"), *(len(row.name) for row in rows))
        self.line(f"{'directory':<{width}}  {'files':>6}  {'passed':>7}  {'failed':>7}  {'time':>9}")
        for row in rows:
            self.line(f"{row.name:<{width}}  {row.files:>6}  {row.passed:>7}  {row.failed:>7}  {row.seconds:>7.2f} s")
        if len(rows) > 1:
            self.line(f"{'wall time':<{width}}  {'':>6}  {'':>7}  {'':>7}  {seconds:>7.2f} s")


class _RichReporter(Reporter):
    """For a terminal: progress while it runs, and the table in colour where the output is one too."""

    def __init__(self, out: TextIO, verbosity: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        super().__init__(out, verbosity)
        self._console = Console(file=out) if out.isatty() else None
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[passed]} passed, {task.fields[failed]} failed"),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=out.isatty(),
        )
        self._task = self._progress.add_task("", total=total, passed=0, failed=0)
        self._passed = self._failed = 0

    def __enter__(self) -> Reporter:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def line(self, text: str) -> None:
        # sys.stdout may have been redirected by the progress display, so that lines go above it.
        print(printable(text), file=sys.stdout if self.out is sys.__stdout__ else self.out)

    def file_done(self, result: FileResult) -> None:
        super().file_done(result)
        self._passed += result.passed
        self._failed += result.failed
        self._progress.update(
            self._task,
            advance=1,
            description=printable(os.path.basename(result.path)),
            passed=self._passed,
            failed=self._failed,
        )

    def table(self, rows: list[_Row], seconds: float) -> None:
        if self._console is None:
            super().table(rows, seconds)
            return
        from rich.table import Table
        from rich.text import Text

        table: Any = Table()
        table.add_column("directory")
        for title in ("files", "passed", "failed", "time"):
            table.add_column(title, justify="right")
        for row in rows:
            passed, failed = Text(str(row.passed), "green"), Text(str(row.failed), "red" if row.failed else "")
            # A Text: a name in brackets would else be taken for rich's markup.
            table.add_row(Text(row.name), str(row.files), passed, failed, f"{row.seconds:.2f} s")
        if len(rows) > 1:
            table.add_row("wall time", "", "", "", f"{seconds:.2f} s")
        self._console.print(table)


def make_reporter(verbosity: int, total: int) -> Reporter:
    """The reporter that suits the terminal, or the lack of one. `total` counts files."""
    if sys.stderr.isatty():
        return _RichReporter(sys.stdout, verbosity, total)
    return Reporter(sys.stdout, verbosity)


def _rows(results: Sequence[FileResult]) -> list[_Row]:
    rows: dict[str, _Row] = {}
    for result in results:
        name = printable(os.path.dirname(result.path) or ".")
        row = rows.setdefault(name, _Row(name))
        row.files += 1
        row.passed += result.passed
        row.failed += result.failed
        row.seconds += result.seconds
    return list(rows.values())
