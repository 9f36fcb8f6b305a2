"""What a probe of `refsfi doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Row", "Status"]

Status = Literal["ok", "limited", "missing"]


@dataclass(frozen=True, slots=True)
class Row:
    """One finding. `limited` works with less; only a `required` row that is `missing` makes the machine unfit."""

    group: str
    name: str
    status: Status
    found: str
    advice: str = ""
    required: bool = False

    @property
    def unfit(self) -> bool:
        return self.required and self.status == "missing"
