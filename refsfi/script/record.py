"""What became of one command of a script."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Outcome", "Record"]


class Outcome(Enum):
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one command.

    `kind` is the command's keyword. `assertion` tells whether it asserts something: those are what totals count, and
    other commands only where they fail. `expected` and `got` are for people, floats in hexadecimal too; of a command
    that passed both are empty. `traceback` is Python's, where something was raised that is no error of the guest's.
    Seconds of wall time.
    """

    file: str
    line: int
    kind: str
    outcome: Outcome
    assertion: bool
    expected: str = ""
    got: str = ""
    seconds: float = 0.0
    traceback: str = ""

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED

    @property
    def counted(self) -> bool:
        return self.assertion or self.failed

    @property
    def id(self) -> str:
        """`FILE:LINE KIND`."""
        return f"{self.file}:{self.line} {self.kind}"
