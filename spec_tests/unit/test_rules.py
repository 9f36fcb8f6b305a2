"""The rules of the specification, the functions that implement them, and the table of both in docs/semantics.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsfi.syntax.opcodes import OPS
from tools import spec_rules
from tools.spec_rules import Coverage, Place, Rulebook, compare, named_rules, read_rulebook, render, splice

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return read_rulebook((ROOT / "tools/spec_rules.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def coverage(book: Rulebook) -> Coverage:
    return compare(book, spec_rules.collect(ROOT))


def test_every_rule_is_implemented_or_exempt_for_a_reason(book: Rulebook, coverage: Coverage) -> None:
    assert coverage.missing == []
    assert all(book.exempt.values())


def test_every_name_in_a_docstring_is_a_rule(coverage: Coverage) -> None:
    assert coverage.unknown == []
    assert coverage.stale == []


def test_the_table_is_current(book: Rulebook, coverage: Coverage) -> None:
    document = (ROOT / "docs/semantics.md").read_text(encoding="utf-8")
    assert splice(document, render(book, coverage)) == document, "run tools/rules --write"


def test_the_families_of_the_opcode_table_are_rules(book: Rulebook) -> None:
    validation = {name.split("/")[1].split("-")[0] for name in book.names if name.startswith("Instr_ok/")}
    assert {row.rule.split("-")[0] for row in OPS if row.feature is None} <= validation


class TestTheTool:
    BOOK = "# 1.0-chapter\nA/one\nA/two\n? A/three\nB\n- B: no counterpart\n"

    def test_what_is_missing_unknown_and_exempt_in_vain_is_found(self) -> None:
        book = read_rulebook(self.BOOK)
        place = Place("x.py", "f")
        found = compare(book, {"A/one": [place], "B": [place], "A/four": [place]})
        assert found.missing == ["A/two"]
        assert found.unknown == [("A/four", place)]
        assert found.stale == ["B"]
        assert not found.clean

    def test_docstrings_name_rules_until_a_blank_line(self) -> None:
        text = "Adds.\n\nRule: A/one,\n    A/two\n\nNot, these, names."
        assert list(named_rules(text)) == ["A/one", "A/two"]

    @pytest.mark.parametrize("text", ["A/one", "# 1.0-x\nA/one\nA/one", "# 1.0-x\n- A/one", "# 1.0-x\nno name"])
    def test_a_bad_list_of_rules_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="line"):
            read_rulebook(text)

    def test_a_document_without_markers_is_refused(self) -> None:
        with pytest.raises(ValueError, match="lacks"):
            splice("no markers", "")
