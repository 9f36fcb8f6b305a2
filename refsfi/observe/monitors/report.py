"""What monitors find out, as plain data: for tables on a terminal, and for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = ["Cell", "Column", "Listing", "Report", "Table", "share"]

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """`key` names the column in JSON, `head` in a table. A `percent` is a share between 0 and 1; a `number` has one
    decimal; `prose` is text that is wrapped where it would be cut."""

    key: str
    head: str
    kind: Literal["text", "prose", "count", "number", "percent"] = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a cell a column, the most important first. A cell that is None is left empty."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines that stand as they are."""

    key: str
    title: str
    lines: Sequence[str]


@dataclass(slots=True)
class Report:
    """Of one monitor. `totals`: name -> what is to be known first, in words of JSON. `files`: name of a file that an
    option asked for -> its text."""

    monitor: str
    totals: dict[str, Cell] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """All of it but the files, ready for `json.dumps`: a table is a list of objects."""
        data: dict[str, Any] = {"monitor": self.monitor, **self.totals}
        for table in self.tables:
            keys = [column.key for column in table.columns]
            data[table.key] = [dict(zip(keys, row, strict=True)) for row in table.rows]
        for listing in self.listings:
            data[listing.key] = list(listing.lines)
        return data


def share(part: int, whole: int) -> float:
    """A part of a whole between 0 and 1; 0 of nothing."""
    return part / whole if whole else 0.0
