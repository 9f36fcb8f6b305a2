"""The official test suite of WebAssembly, one test for each script.

Where the suite lies: $REFSFI_TESTSUITE, else `spec_tests/testsuite`, which `tools/fetch-testsuite` fills, else
`shared/testsuite` beside the project. `refsfi spec DIRECTORY` runs the same scripts with more to see.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.script.session import Options, run_file
from refsfi.script.suite import find_scripts, find_suite

SUITE = find_suite(Path(__file__).parents[1])
SCRIPTS = [] if SUITE is None else [str(path.relative_to(SUITE)) for path in find_scripts(SUITE)]

# How many failures of one script are shown.
SHOWN = 20


def test_the_suite_is_there() -> None:
    if not SCRIPTS:
        pytest.fail(
            "the official test suite is missing, so nothing of it was run: get it with tools/fetch-testsuite or"
            " name a checkout of it in REFSFI_TESTSUITE",
            pytrace=False,
        )


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: str, record_property: Callable[[str, object], None]) -> None:
    assert SUITE is not None
    result = run_file(str(SUITE / script), Options())
    record_property("official_passed", result.passed)
    record_property("official_failed", result.failed)
    if result.failed:
        lines = [f"{result.failed} of {result.counted} failed"]
        for record in result.records[:SHOWN]:
            lines.append(f"{script}:{record.line}: {record.kind}")
            lines.append(f"    expected: {record.expected}")
            lines.append(f"    got:      {record.got}")
            lines += [f"    {line}" for line in record.traceback.splitlines()]
        if result.failed > SHOWN:
            lines.append(f"… and {result.failed - SHOWN} more")
        pytest.fail("\n".join(lines), pytrace=False)
