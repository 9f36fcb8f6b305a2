"""Where a region is entered. Apart from the graph, because what counts how often must cost nothing before it is hot."""

from __future__ import annotations

from typing import Final

__all__ = ["CALL"]

# Instead of a pc: the entry that other regions call.
CALL: Final = -1
