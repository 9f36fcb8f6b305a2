"""The arguments of a request, read with their types checked: they come from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from refsfi.debug.model import DebugError

__all__ = ["Arguments"]

_MOST_NUMBER: Final = 1 << 62


class Arguments:
    """DebugError where one is missing or of another kind."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = values
        self._where = where

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def _wrong(self, name: str, expected: str) -> DebugError:
        found = "nothing" if self._values.get(name) is None else type(self._values[name]).__name__
        return DebugError(f"{self._where}: {name}: {expected} expected, {found} given")

    def text(self, name: str, otherwise: str | None = None) -> str:
        value = self._values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if name in self else None

    def number(self, name: str, otherwise: int | None = None, least: int = 0) -> int:
        """An integer; JSON knows only numbers."""
        value = self._values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not -_MOST_NUMBER <= value <= _MOST_NUMBER:
            raise self._wrong(name, "an integer")
        if value < least:
            raise DebugError(f"{self._where}: {name}: {value} is less than {least}")
        return value

    def flag(self, name: str, otherwise: bool = False) -> bool:
        value = self._values.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def object(self, name: str) -> Arguments:
        """Empty where it is not there."""
        value = self._values.get(name)
        if value is None:
            return Arguments({}, f"{self._where}: {name}")
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Arguments(value, f"{self._where}: {name}")

    def objects(self, name: str) -> list[Arguments]:
        values = self._list(name)
        if not all(isinstance(value, dict) for value in values):
            raise self._wrong(name, "a list of objects")
        return [Arguments(value, f"{self._where}: {name}") for value in values]

    def texts(self, name: str) -> list[str]:
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of texts")
        return values

    def table(self, name: str) -> dict[str, str | None]:
        """An object whose values are texts, or null."""
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(item is None or isinstance(item, str) for item in value.values()):
            raise self._wrong(name, "an object of texts")
        return dict(value)

    def _list(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value
