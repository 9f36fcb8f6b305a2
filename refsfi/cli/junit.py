"""Reports in JUnit's XML, one test suite per script and one test case per test, for continuous integration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from refsfi.script.record import Record
from refsfi.script.session import FileResult

__all__ = ["write"]

# Characters that XML 1.0 cannot contain in any form.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, results: Iterable[FileResult]) -> None:
    """Write the report. OSError."""
    results = list(results)
    total = sum(result.counted for result in results)
    failed = sum(result.failed for result in results)
    seconds = sum(result.seconds for result in results)
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n')
        file.write(f'<testsuites tests="{total}" failures="{failed}" errors="0" time="{seconds:.3f}">\n')
        for result in results:
            file.write(
                f'<testsuite name={_attribute(result.path)} tests="{result.counted}" failures="{result.failed}"'
                f' errors="0" skipped="0" time="{result.seconds:.3f}">\n'
            )
            file.writelines(_case(record) for record in result.records)
            file.write("</testsuite>\n")
        file.write("</testsuites>\n")


def _case(record: Record) -> str:
    head = (
        f"<testcase classname={_attribute(record.file)} name={_attribute(f'{record.line} {record.kind}')}"
        f' file={_attribute(record.file)} line="{record.line}" time="{record.seconds:.6f}"'
    )
    if not record.failed:
        return f"{head}/>\n"
    details = f"expected: {record.expected}\ngot: {record.got}"
    if record.traceback:
        details += f"\n{record.traceback}"
    return f"{head}><failure message={_attribute(record.got)}>{escape(_clean(details))}</failure></testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
