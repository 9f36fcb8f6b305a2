"""Which function implements which rule of the specification.

Every function that implements a rule says so in its docstring: a line that begins with `Rule:`, names separated by
commas, wrapped at will until a blank line or the docstring's end. The names are those of the specification's formal
source; `spec_rules.txt` lists them. Nothing is imported: the sources are read with `ast`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Coverage", "Place", "Rulebook", "collect", "compare", "named_rules", "read_rulebook", "render", "splice"]

BEGIN = "<!-- BEGIN GENERATED: tools/rules --write -->"
END = "<!-- END GENERATED -->"

_NAME = re.compile(r"[A-Za-z][\w\-]*(/[\w.\-]+)?")
_CHAPTER = re.compile(r"# (\d\.\d-\S+|Proposal: .+)")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A function, class or module, by its file relative to the project and its qualified name."""

    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.name}"


@dataclass(slots=True)
class Rulebook:
    """`chapters` maps a chapter's title to its names, in order; `exempt` a name to the reason it is not implemented.

    `optional` names need no function.
    """

    chapters: dict[str, list[str]] = field(default_factory=dict)
    exempt: dict[str, str] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        return [name for names in self.chapters.values() for name in names]

    @property
    def demanded(self) -> list[str]:
        return [name for name in self.names if name not in self.optional]


@dataclass(slots=True)
class Coverage:
    """What a comparison found. Each list is a defect of its own except `places`, which is the result."""

    places: dict[str, list[Place]]
    missing: list[str] = field(default_factory=list)
    unknown: list[tuple[str, Place]] = field(default_factory=list)
    # Rules that are exempt although a function implements them, or that do not exist.
    stale: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.missing or self.unknown or self.stale)


def read_rulebook(text: str) -> Rulebook:
    """The data file's contents. ValueError where a line is no name or a name stands twice."""
    book = Rulebook()
    seen: set[str] = set()
    chapter: list[str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if _CHAPTER.fullmatch(line):
            chapter = book.chapters.setdefault(line[2:], [])
        elif line.startswith("- "):
            name, colon, reason = line[2:].partition(": ")
            if not colon or not _NAME.fullmatch(name):
                raise ValueError(f"line {number}: an exemption is '- Relation/case: why', got {line!r}")
            book.exempt[name] = reason
        elif line and not line.startswith("#"):
            name = line.removeprefix("? ")
            if chapter is None or not _NAME.fullmatch(name) or name in seen:
                raise ValueError(f"line {number}: no name of a rule, or one that stood before: {line!r}")
            seen.add(name)
            chapter.append(name)
            if name != line:
                book.optional.add(name)
    return book


def named_rules(docstring: str) -> Iterator[str]:
    """What the `Rule:` lines of a docstring name. Anything that is no name is yielded too, to be found unknown."""
    text = ""
    inside = False
    for raw in [*docstring.splitlines(), ""]:
        line = raw.strip()
        starts = line.startswith("Rule:")
        if starts:
            inside = True
            line = "," + line[len("Rule:") :]
        inside = inside and bool(line)
        text += (" " + line) if inside else ","
    yield from (name for name in (part.strip().removesuffix(".") for part in text.split(",")) if name)


def collect(root: Path, folder: str = "refsfi") -> dict[str, list[Place]]:
    """Rule -> the places that name it, for all sources under `root / folder`."""
    found: dict[str, list[Place]] = {}
    for path in sorted((root / folder).rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        for name, docstring in _docstrings(ast.parse(path.read_text(encoding="utf-8"), relative)):
            for rule in named_rules(docstring):
                places = found.setdefault(rule, [])
                place = Place(relative, name)
                if place not in places:
                    places.append(place)
    return found


def _docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    pending: list[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]] = [("", tree)]
    while pending:
        prefix, node = pending.pop(0)
        docstring = ast.get_docstring(node)
        if docstring:
            yield prefix or "(module)", docstring
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                pending.append((f"{prefix}.{child.name}" if prefix else child.name, child))


def compare(book: Rulebook, found: dict[str, list[Place]]) -> Coverage:
    """What is missing, unknown or wrongly exempt."""
    known = set(book.names)
    coverage = Coverage({name: places for name, places in found.items() if name in known})
    coverage.missing = [name for name in book.demanded if name not in found and name not in book.exempt]
    coverage.unknown = [(name, place) for name, places in found.items() if name not in known for place in places]
    coverage.stale = [name for name in book.exempt if name in found or name not in known]
    return coverage


def render(book: Rulebook, coverage: Coverage) -> str:
    """The generated part of docs/semantics.md: a table for each chapter."""
    lines: list[str] = []
    rules = book.demanded
    implemented = sum(name in coverage.places for name in rules)
    lines.append(f"{len(rules)} rules: {implemented} implemented, {len(book.exempt)} without a counterpart, for the")
    lines.append("reason given in their place.")
    for chapter, names in book.chapters.items():
        shown = [name for name in names if name not in book.optional or name in coverage.places]
        if not shown:
            continue
        lines += ["", f"### {chapter}", "", "| rule | implemented by |", "| --- | --- |"]
        lines += [f"| {_code(name)} | {_cell(name, book, coverage)} |" for name in shown]
    return "\n".join(lines) + "\n"


def _cell(name: str, book: Rulebook, coverage: Coverage) -> str:
    places = coverage.places.get(name)
    if places:
        return ", ".join(_code(str(place)) for place in places)
    return book.exempt.get(name, "**nothing**")


def _code(text: str) -> str:
    return f"`{text}`"


def splice(document: str, generated: str) -> str:
    """The document with what is between the markers replaced. ValueError where they are missing."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{generated}\n{END}{after}"


def summary(book: Rulebook, coverage: Coverage) -> Iterable[str]:
    """What `tools/rules` prints."""
    for title, items in (
        ("rules without an implementation", coverage.missing),
        ("implementations of unknown rules", [f"{name}  ({place})" for name, place in coverage.unknown]),
        ("exempt without need", coverage.stale),
    ):
        if items:
            yield f"{title} ({len(items)}):"
            yield from (f"    {item}" for item in items)
    rules = book.demanded
    implemented = sum(name in coverage.places for name in rules)
    yield f"{implemented} of {len(rules)} rules implemented, {len(book.exempt)} exempt, {len(coverage.missing)} missing"
