"""Draws the debugger's panes with rich, in a terminal's size."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from rich.box import ASCII, ROUNDED
from rich.console import Console
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from refsfi.cli.report import printable
from refsfi.debug.terminal.panes import Pane, Screen

__all__ = ["drawn"]

# Rows that a pane's frame takes.
_FRAME = 2


def drawn(screen: Screen, columns: int, rows: int, *, colour: bool) -> str:
    """The panes in so many columns and rows, the status above them."""
    plain = not colour or "NO_COLOR" in os.environ or os.environ.get("TERM", "") in ("", "dumb")
    out = io.StringIO()
    console = Console(
        file=out,
        width=columns,
        height=rows,
        force_terminal=not plain,
        no_color=plain,
        color_system=None if plain else "standard",
        legacy_windows=False,
        _environ={},
    )
    height = max(rows - 1, 8)
    bottom = screen.bottom
    below = 0 if bottom is None else min(len(bottom.lines) + _FRAME, height // 3)
    whole = Layout()
    layout = Layout(size=height - below)
    box = ASCII if plain and os.environ.get("TERM") == "dumb" else ROUNDED
    right = max(min(columns * 2 // 5, 60), 24)
    left = Layout()
    left.split_column(
        *_column(screen.left, height - below, columns - right if screen.right else columns, box, first=True)
    )
    if screen.right:
        side = Layout(size=right)
        side.split_column(*_column(screen.right, height - below, right, box, first=False))
        layout.split_row(left, side)
    else:
        layout = left
    console.print(Text(printable(screen.status)[:columns], style="bold"), no_wrap=True, crop=True)
    if bottom is not None:
        # A row of a hexadecimal dump fills 80 columns.
        last = Layout(_panel(bottom, below, columns, box, marked=False), size=below)
        whole.split_column(layout, last)
        layout = whole
    console.print(layout, height=height)
    return out.getvalue()


def _column(panes: Sequence[Pane], height: int, width: int, box: object, *, first: bool) -> list[Layout]:
    """The panes below each other: each has a share of the rows, at most what it needs; what is over goes to the
    first."""
    most = [len(pane.lines) + _FRAME for pane in panes]
    shares = [min(need, _FRAME + 1) for need in most]
    left = height - sum(shares)
    grown = True
    while left > 0 and grown:
        grown = False
        for index, need in enumerate(most):
            # The code is what people look at most.
            for _ in range(2 if index == 0 and first else 1):
                if shares[index] < need and left > 0:
                    shares[index] += 1
                    left -= 1
                    grown = True
    if shares and left > 0:
        shares[-1 if not first else 0] += left
    return [Layout(_panel(pane, share, width, box), size=share) for pane, share in zip(panes, shares)]


def _panel(pane: Pane, height: int, width: int, box: object, *, marked: bool = True) -> Panel:
    rows = max(height - _FRAME, 1)
    current = pane.current
    start = 0 if current is None else max(min(current - rows // 2, len(pane.lines) - rows), 0)
    text = Text(no_wrap=True, overflow="ellipsis")
    for index in range(start, min(start + rows, len(pane.lines))):
        here = index == current
        line = ("=> " if here else "   ") if current is not None and marked else ""
        style = "reverse" if here else ""
        text.append(f"{line}{printable(pane.lines[index].expandtabs())}"[: width - 2], style=style)
        text.append("\n")
    text.rstrip()
    return Panel(text, title=Text(printable(pane.title)), title_align="left", box=box, padding=0, height=height)  # type: ignore[arg-type]
