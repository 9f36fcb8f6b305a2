"""Expressions of `-k`."""

from __future__ import annotations

import pytest

from refsfi.script.select import SelectError, compile_select

ID = "suite/memory_grow.wast:112 assert_trap"


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("", True),
        ("memory", True),
        ("MEMORY_grow.wast", True),
        ("memory_grow.wast:112", True),
        ("table", False),
        ("memory and assert_trap", True),
        ("memory and assert_return", False),
        ("table or assert_trap", True),
        ("not table", True),
        ("not not table", False),
        ("not (memory and assert_trap)", False),
        ("not memory or assert_trap", True),
        ("table and memory or assert_trap", True),
        ("table and (memory or assert_trap)", False),
        ("android", False),
    ],
)
def test_selection(expression: str, selected: bool) -> None:
    assert compile_select(expression)(ID) is selected


@pytest.mark.parametrize(
    "expression", ["and", "a and", "or b", "not", "(a", "a)", "a b", "()", "a & b", "(" * 10_000, "not " * 10_000]
)
def test_mistakes(expression: str) -> None:
    with pytest.raises(SelectError):
        compile_select(expression)
