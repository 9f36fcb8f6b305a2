"""The hook of a second tier: who compiles hot code is told of each function that is about to run.

The interpreter knows no compiler. A program without a tier has no trace of the hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from refsfi.exec.code import FuncCode

__all__ = ["Tier"]


class Tier(Protocol):
    def lowered(self, code: FuncCode) -> None:
        """The function's steps have just been made, and nobody runs them yet. The tier may put steps of its own into
        `code.lowered.steps`; they are to do what those did that they replace."""
