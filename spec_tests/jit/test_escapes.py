"""Every escape that `docs/sandbox.md` lists has the tests that it names."""

from __future__ import annotations

import re
from pathlib import Path

SPEC_TESTS = Path(__file__).resolve().parents[1]
TABLE = SPEC_TESTS.parent / "docs" / "sandbox.md"
ROW = re.compile(r"^\| .* \| (?P<ids>[^|]*) \| `(?P<file>[\w/]+\.py)::(?P<test>\w+)` \|$", re.MULTILINE)

KNOWN = """CVE-2020-35859 CVE-2021-32629 CVE-2021-43790 CVE-2022-39392 CVE-2022-39393 CVE-2023-26489 CVE-2024-47813
    CVE-2026-24116 CVE-2026-34944 CVE-2026-34971 CVE-2026-34987 CVE-2026-34988 CVE-2026-35186 GHSA-2hw9 Lucet
    #2321""".split()


def test_the_table_names_tests_that_there_are() -> None:
    rows = list(ROW.finditer(TABLE.read_text()))
    listed = " ".join(row["ids"] for row in rows)
    assert [name for name in KNOWN if name not in listed] == []
    for row in rows:
        assert re.search(rf"^def {row['test']}\(", (SPEC_TESTS / row["file"]).read_text(), re.MULTILINE), row[0]
