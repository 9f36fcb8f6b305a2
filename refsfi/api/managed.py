"""Objects with an end: `close()`, or the end of a `with` block, after which every use is a ValueError."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Self

__all__ = ["Managed", "Settings"]


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


class Settings(Managed):
    """An object whose attributes are settings. There are no others than the class has: a misspelt one is an
    AttributeError, and not forgotten in silence."""

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and not hasattr(type(self), name):
            close = get_close_matches(name, dir(type(self)), 1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise AttributeError(f"{type(self).__name__} has no setting '{name}'{hint}")
        super().__setattr__(name, value)
