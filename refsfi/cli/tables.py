"""Reports of monitors as text: tables that keep to the terminal's width."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final, TextIO

from refsfi.cli.report import printable
from refsfi.observe.monitors.report import Cell, Column, Report, Table

__all__ = ["PLAIN_WIDTH", "rendered", "width_of"]

# Where there is no terminal.
PLAIN_WIDTH: Final = 80
_LEAST_WIDTH: Final = 40
_LEAST_TEXT: Final = 8
_GAP: Final = "  "
_TEXTS: Final = ("text", "prose")


def width_of(stream: TextIO | None) -> int:
    """The columns of the terminal that a stream goes to."""
    try:
        if stream is not None and stream.isatty():
            return max(os.get_terminal_size(stream.fileno()).columns, _LEAST_WIDTH)
    except (OSError, ValueError):
        pass
    return PLAIN_WIDTH


def rendered(report: Report, top: int, width: int) -> list[str]:
    """Lines, printable: totals, tables with `top` rows at most, listings. Only lines of listings may be wider."""
    totals = ", ".join(f"{key.replace('_', ' ')} {_text(value)}" for key, value in report.totals.items())
    lines = wrap(f"{report.monitor}: {totals}", width, subsequent_indent="  ")
    for table in report.tables:
        if table.rows:
            lines += ["", table.title, *_table(table, top, width)]
    for listing in report.listings:
        lines += ["", printable(listing.title), *map(printable, listing.lines)]
    return [*lines, ""]


def _table(table: Table, top: int, width: int) -> Iterator[str]:
    shown = [[_cell(column, cell) for column, cell in zip(table.columns, row, strict=True)] for row in table.rows[:top]]
    heads = [column.head for column in table.columns]
    widths = _widths(table.columns, heads, shown, width)
    yield _line(table.columns, heads, widths)
    for row in shown:
        for cells in _wrapped(table.columns, row, widths):
            yield _line(table.columns, cells, widths)
    more = len(table.rows) - len(shown)
    if more:
        yield f"… {more} more"


def _widths(columns: Sequence[Column], heads: list[str], rows: list[list[str]], width: int) -> list[int]:
    """What each column needs; where that is too much, columns of text give way, the widest first."""
    widths = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    texts = [i for i, column in enumerate(columns) if column.kind in _TEXTS]
    while excess > 0 and texts:
        widest = max(texts, key=lambda i: widths[i])
        if widths[widest] <= _LEAST_TEXT:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def _wrapped(columns: Sequence[Column], cells: list[str], widths: list[int]) -> Iterator[list[str]]:
    """A row, and what does not fit into the width of its prose in further rows."""
    parts = [
        wrap(cell, size) if column.kind == "prose" else [cell]
        for column, cell, size in zip(columns, cells, widths, strict=True)
    ]
    for number in range(max((len(part) for part in parts), default=0) or 1):
        yield [part[number] if number < len(part) else "" for part in parts]


def _line(columns: Sequence[Column], cells: list[str], widths: list[int]) -> str:
    parts = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        text = cell if len(cell) <= width else cell[: width - 1] + "…"
        parts.append(f"{text:<{width}}" if column.kind in _TEXTS else f"{text:>{width}}")
    return _GAP.join(parts).rstrip()


def _cell(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if column.kind == "percent":
        return f"{100 * cell:.1f}" if isinstance(cell, float) else str(cell)
    return f"{cell:.1f}" if column.kind == "number" else printable(_text(cell))


def _text(cell: Cell) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
