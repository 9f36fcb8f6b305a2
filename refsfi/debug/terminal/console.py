"""What the commands need of a terminal, or of what stands in its place."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from refsfi.debug.terminal.panes import Screen

__all__ = ["Console"]


class Console(Protocol):
    """`interactive`: somebody sits there, who can be asked."""

    interactive: bool

    def write(self, line: str) -> None:
        """A line to the user; what is in it may be a module's own words."""

    def read(self, prompt: str) -> str | None:
        """The next line of input without its end; None where there are no more."""

    def running(self) -> AbstractContextManager[None]:
        """While the guest may run: the user's interruption is to pause it then."""

    def draw(self, screen: Screen) -> None:
        """Show panes, as many as there is room for."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
