"""What a run of the fuzzer has found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from refsfi.syntax.features import Features
from tools.fuzzing.check import Finding

__all__ = ["Found", "Report"]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with the input that shows it."""

    index: int
    origin: str
    features: Features
    content: bytes | str
    finding: Finding


@dataclass(slots=True)
class Report:
    """`stages` counts how far the cases came, `counts` what was compared in them; `found` has one finding for each
    signature, `repeats` how many there were of it."""

    stages: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    found: dict[str, Found] = field(default_factory=dict)
    repeats: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def cases(self) -> int:
        return self.stages.total()

    def add(self, found: Found) -> bool:
        """Whether it is a new one."""
        signature = found.finding.signature
        self.repeats[signature] += 1
        return self.found.setdefault(signature, found) is found
