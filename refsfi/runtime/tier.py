"""The hook of a second tier: who compiles hot code is told of each function that is about to run.

The interpreter knows no compiler. A program without a tier has no trace of the hook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from refsfi.exec.code import FuncCode

__all__ = ["COVERAGE", "Tier"]

# What a tier counts, by mnemonic.
COVERAGE: Final = {
    "compiled": "instructions that were compiled",
    "executed": "instructions that compiled code has executed; counted only where both tiers are compared",
    "no form": "instructions, met while compiling, for which there is nothing to compile them to",
    "left": "how often compiled code was left in front of one, for want of a form, because of a trap, a call, …",
}


class Tier(Protocol):
    def lowered(self, code: FuncCode) -> None:
        """The function's steps have just been made, and nobody runs them yet. The tier may put steps of its own into
        `code.lowered.steps`; they are to do what those did that they replace."""

    def coverage(self) -> Mapping[str, Mapping[str, int]]:
        """What the tier has done so far, for reports: keys of COVERAGE -> mnemonic -> how often."""
