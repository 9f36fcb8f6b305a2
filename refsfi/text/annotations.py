"""Annotations that mean something (the specification's appendix "custom sections", and the branch hinting of tool
conventions).

`(@name "…")` names what it stands in; `(@custom "name" (before|after section)? "bytes"*)` is a custom section;
`(@metadata.code.branch_hint "\\00"|"\\01")` tells whether the `if` or `br_if` behind it is likely to branch.

The lexer keeps annotations by the token they precede. Whoever reads that place takes them from there; what is left
when a module has been read was misplaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from refsfi.errors import ParseError
from refsfi.syntax.module import Custom, Instr
from refsfi.text.lexer import Annotation, TokenStream
from refsfi.text.strings import unescape

if TYPE_CHECKING:
    from refsfi.text.scopes import Context

__all__ = [
    "BRANCH_HINT",
    "SECTION_WORDS",
    "Hint",
    "Placed",
    "branch_hint",
    "leftover",
    "place_customs",
    "take",
    "take_custom",
    "take_name",
]

BRANCH_HINT: Final = "metadata.code.branch_hint"


def take(stream: TokenStream, name: str, pos: int | None = None) -> list[Annotation]:
    """Removes and returns the annotations of a kind that stand before token `pos`, or before the next one."""
    if pos is None:
        pos = stream.pos
    here = stream.notes.get(pos)
    if here is None:
        return []
    found = [note for note in here if note.name == name]
    if len(found) == len(here):
        del stream.notes[pos]
    elif found:
        stream.notes[pos] = [note for note in here if note.name != name]
    return found


def leftover(stream: TokenStream, start: int, end: int, in_function: bool = False) -> ParseError | None:
    """The error about the first annotation before the tokens `start` to `end` that nobody took."""
    for pos in sorted(stream.notes):
        if start <= pos <= end:
            note = stream.notes[pos][0]
            if note.name == BRANCH_HINT:
                where = "invalid placement" if in_function else "not in a function"
                return stream.error(f"@{BRANCH_HINT} annotation: {where}", note.start)
            return stream.error(f"misplaced @{note.name} annotation", note.start)
    return None


# --- @name -----------------------------------------------------------------------------------------------------------


def take_name(stream: TokenStream, what: str = "") -> str | None:
    """The name that a `(@name …)` before the next token gives, if there is one. `what` is said to have several if it
    has.
    """
    found = take(stream, "name")
    if not found:
        return None
    if len(found) > 1:
        raise stream.error(f"@name annotation: multiple {what + ' ' if what else ''}names", found[1].start)
    (note,) = found
    if not note.items or note.items[0][0][:1] != '"':
        raise stream.error("@name annotation: string expected", note.start)
    if len(note.items) > 1:
        raise stream.error("@name annotation: unexpected token", note.items[1][1])
    return _utf8(stream, note, 0)


def _utf8(stream: TokenStream, note: Annotation, item: int) -> str:
    try:
        return unescape(note.items[item][0]).decode()
    except ValueError:
        raise stream.error(f"@{note.name} annotation: malformed UTF-8 encoding", note.items[item][1]) from None


# --- @custom ---------------------------------------------------------------------------------------------------------

# Ids of sections in the order in which they stand in a module.
_SECTIONS: Final = {
    "type": 1,
    "import": 2,
    "func": 3,
    "table": 4,
    "memory": 5,
    "tag": 13,
    "global": 6,
    "export": 7,
    "start": 8,
    "elem": 9,
    "datacount": 12,
    "code": 10,
    "data": 11,
}
_ORDER: Final = (0, *_SECTIONS.values())
SECTION_WORDS: Final = {id: word for word, id in _SECTIONS.items()}


@dataclass(frozen=True, slots=True)
class Placed:
    """A custom section with its place among the others in the same gap: `after` a section comes before `before` the
    next.
    """

    custom: Custom
    before: bool


# custom ::= string ( ( before section ) | ( after section ) )? string*
def take_custom(c: Context) -> None:
    """Reads the `(@custom …)` annotations before the next token into the module."""
    stream = c.stream
    for note in take(stream, "custom"):
        items = note.items
        if not items or items[0][0][:1] != '"':
            raise stream.error("@custom annotation: missing section name", note.start)
        name = _utf8(stream, note, 0)
        after, before = _SECTIONS["data"], False
        next = 1
        if len(items) > 1 and items[1][0] == "(":
            after, before = _place(stream, note)
            next = 5
        data = bytearray()
        for token, at in items[next:]:
            if token[:1] != '"':
                raise stream.error("@custom annotation: unexpected token", at)
            data += unescape(token)
        c.customs.append(Placed(Custom(name, bytes(data), after, note.start), before))


def _place(stream: TokenStream, note: Annotation) -> tuple[int, bool]:
    """The id of the section before a custom section (0: none), and whether it is given by the one behind it."""
    texts = [token for token, _ in note.items[2:6]] + ["", "", ""]
    at = note.items[1][1]
    direction, section = texts[0], texts[1]
    if direction not in ("before", "after"):
        raise stream.error("@custom annotation: malformed placement", at)
    before = direction == "before"
    section = {"first": "type", "last": "data"}.get(section, section)
    if section not in _SECTIONS:
        raise stream.error("@custom annotation: malformed section kind", at)
    if texts[2] != ")":
        raise stream.error("@custom annotation: unexpected token", at)
    id = _SECTIONS[section]
    return (_ORDER[_ORDER.index(id) - 1] if before else id), before


def place_customs(c: Context) -> None:
    """Puts the module's custom sections in order."""
    order = sorted(c.customs, key=lambda placed: (_ORDER.index(placed.custom.after), placed.before))
    c.module.customs = [placed.custom for placed in order]


# --- branch hints ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Hint:
    """A branch hint: the value that the annotation at character `at` gives to an instruction."""

    value: int
    at: int
    instr: Instr | None = None


def branch_hint(c: Context, *positions: int) -> Hint | None:
    """The branch hint before any of these tokens, for the caller to fill in its instruction."""
    stream = c.stream
    found = [note for pos in positions for note in take(stream, BRANCH_HINT, pos)]
    if not found:
        return None
    note = found[0]
    if len(found) > 1:
        raise stream.error(f"@{BRANCH_HINT} annotation: duplicate annotation", found[1].start)
    if c.func is None:
        raise stream.error(f"@{BRANCH_HINT} annotation: not in a function", note.start)
    value = bytearray()
    for token, at in note.items:
        if token[:1] != '"':
            raise stream.error(f"@{BRANCH_HINT} annotation: unexpected token", at)
        value += unescape(token)
    if bytes(value) not in (b"\0", b"\1"):
        raise stream.error(f"@{BRANCH_HINT} annotation: invalid hint value", note.start)
    hint = Hint(value[0], note.start)
    c.hints.setdefault(c.func, []).append(hint)
    return hint
