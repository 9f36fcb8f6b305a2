"""Showing that a large module is being checked, on a terminal and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from refsfi.valid.module import Progress

__all__ = ["checking"]

# Seconds before anything is shown.
_PATIENCE: Final = 0.5


@contextmanager
def checking(name: str) -> Iterator[Progress | None]:
    """A callable to be told (functions checked, functions in all) while module `name` is validated; None where the
    standard error is no terminal. What it has shown is gone at the end of the block."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from refsfi.cli.report import printable

    began = time.monotonic()
    shown = False

    def told(done: int, count: int) -> None:
        nonlocal shown
        if time.monotonic() - began < _PATIENCE:
            return
        shown = True
        percent = 100 * done // count if count else 100
        title = printable(name)
        title = title if len(title) <= 30 else f"…{title[-29:]}"
        # No wider than 80 columns, so that it stays one line.
        sys.stderr.write(f"\r\x1b[Kvalidating {title}: {done:,} of {count:,} functions, {percent} %")
        sys.stderr.flush()

    try:
        yield told
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
