"""Objects with an end: `close()`, or the end of a `with` block, after which every use is a ValueError."""

from __future__ import annotations

from typing import Self

__all__ = ["Managed"]


class Managed:
    """Closing twice is allowed. Memory is reclaimed by Python in any case; closing only makes the end explicit."""

    _closed = False

    def close(self) -> None:
        """End the object. What it gave out before stays usable."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("already closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
