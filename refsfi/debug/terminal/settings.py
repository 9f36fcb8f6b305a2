"""What `set` and `show` know."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from refsfi.debug.model import DebugError

__all__ = ["Settings"]


@dataclass(slots=True)
class Settings:
    confirm: bool = True
    pagination: bool = True
    prompt: str = "(refsfi) "
    listsize: int = 10
    # Rows that are printed of a memory, a table, a backtrace, unless more are asked for.
    limit: int = 200

    def set(self, name: str, text: str) -> None:
        """DebugError."""
        old = self._get(name)
        new: Any = text
        if isinstance(old, bool):
            if text not in ("on", "off", "1", "0", ""):
                raise DebugError(f"set {name}: on or off expected, not {text!r}")
            new = text in ("on", "1", "")
        elif isinstance(old, int):
            if not text.isdecimal() or not 0 < int(text) < 1 << 31:
                raise DebugError(f"set {name}: a number from 1 expected, not {text!r}")
            new = int(text)
        setattr(self, name, new)

    def show(self, name: str) -> str:
        value = self._get(name)
        return f"{name}: {('off', 'on')[value] if isinstance(value, bool) else value}"

    def names(self) -> list[str]:
        return [field.name for field in fields(self)]

    def _get(self, name: str) -> Any:
        if name not in self.names():
            raise DebugError(f"there is no setting {name}; there are {', '.join(self.names())}")
        return getattr(self, name)
