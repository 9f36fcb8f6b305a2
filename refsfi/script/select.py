"""Expressions that select tests, as pytest's `-k`: words joined by `and`, `or`, `not` and parentheses.

    expression ::= conjunction ('or' conjunction)*
    conjunction ::= negation ('and' negation)*
    negation ::= 'not' negation | '(' expression ')' | word

A word is true where it occurs in the test's id, `FILE:LINE KIND`, in either case of letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["SelectError", "compile_select"]

_TOKEN = re.compile(r"\s*(?:([()])|([\w:+\-./\\\[\]$]+))")

# Deeper nesting than anybody writes; keeps the parser's recursion bounded.
_MAX_DEPTH = 64

Select: TypeAlias = Callable[[str], bool]


class SelectError(ValueError):
    """The expression does not follow the grammar."""


def compile_select(expression: str) -> Select:
    """A predicate on test ids. An empty expression selects everything. SelectError."""
    tokens = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SelectError(f"unexpected character {text[at:].lstrip()[0]!r} in '{expression}'")
        tokens.append(match[1] or match[2])
        at = match.end()
    if not tokens:
        return lambda _: True
    parser = _Parser(tokens, expression)
    select = parser.expression(0)
    if parser.tokens:
        raise parser.error()
    return lambda id: select(id.lower())


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens = tokens[::-1]
        self.text = text

    def error(self) -> SelectError:
        found = f"'{self.tokens[-1]}'" if self.tokens else "the end"
        return SelectError(f"unexpected {found} in '{self.text}'")

    def accept(self, *words: str) -> bool:
        if self.tokens and self.tokens[-1] in words:
            self.tokens.pop()
            return True
        return False

    def expression(self, depth: int) -> Select:
        select = self.conjunction(depth)
        while self.accept("or"):
            select = _any(select, self.conjunction(depth))
        return select

    def conjunction(self, depth: int) -> Select:
        select = self.negation(depth)
        while self.accept("and"):
            select = _all(select, self.negation(depth))
        return select

    def negation(self, depth: int) -> Select:
        if depth > _MAX_DEPTH:
            raise SelectError(f"'{self.text[:40]}…' nests too deep")
        if self.accept("not"):
            select = self.negation(depth + 1)
            return lambda id: not select(id)
        if self.accept("("):
            inner = self.expression(depth + 1)
            if not self.accept(")"):
                raise self.error()
            return inner
        if not self.tokens or self.tokens[-1] in (")", "and", "or"):
            raise self.error()
        word = self.tokens.pop().lower()
        return lambda id: word in id


def _any(a: Select, b: Select) -> Select:
    return lambda id: a(id) or b(id)


def _all(a: Select, b: Select) -> Select:
    return lambda id: a(id) and b(id)
