"""Which monitors there are, and how they are asked for: NAME[{OPTION[=VALUE],…}][,NAME…].

A monitor is found because its file is in this folder: to add one is to add a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, fields
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final, TypeVar

from refsfi.observe.monitors.monitor import Monitor, Options

__all__ = ["BadMonitor", "all_monitors", "parse_monitors", "register"]


class BadMonitor(ValueError):
    """What was asked for is no monitor, or no option of it; the message says what is known."""


_MONITORS: Final[dict[str, type[Monitor]]] = {}
_Class = TypeVar("_Class", bound=type[Monitor])


def register(monitor: _Class) -> _Class:
    """A class decorator."""
    _MONITORS[monitor.name] = monitor
    return monitor


def all_monitors() -> dict[str, type[Monitor]]:
    """By name, sorted."""
    package = __name__.rpartition(".")[0]
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{package}.{module.name}")
    return dict(sorted(_MONITORS.items()))


def parse_monitors(text: str) -> list[tuple[type[Monitor], Options]]:
    """The monitors that a list names, with their options. BadMonitor."""
    known = all_monitors()
    found: list[tuple[type[Monitor], Options]] = []
    for name, listed in _items(text):
        monitor = known.get(name)
        if monitor is None:
            raise BadMonitor(f"unknown monitor '{name}'{_advice(name, known)}; known are {', '.join(known)}")
        if any(monitor is other for other, _ in found):
            raise BadMonitor(f"the monitor '{name}' is named twice")
        found.append((monitor, _options(monitor, listed)))
    if not found:
        raise BadMonitor("no monitor is named")
    return found


_ITEM: Final = re.compile(r"\s*([^{},\s]+)\s*(?:\{([^{}]*)\})?\s*(?:,|$)")


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Names, and what stands in their braces."""
    at = 0
    while at < len(text):
        match = _ITEM.match(text, at)
        if match is None:
            raise BadMonitor(f"'{text[at:]}': NAME or NAME{{OPTION,…}} expected, separated by commas")
        yield match[1], match[2] or ""
        at = match.end()


def _options(monitor: type[Monitor], listed: str) -> Options:
    known = {field.name: field for field in fields(monitor.options_type)}
    values: dict[str, bool | int | str] = {}
    for item in filter(None, map(str.strip, listed.split(","))):
        name, equals, value = (part.strip() for part in item.partition("="))
        field = known.get(name)
        if field is None:
            raise BadMonitor(
                f"the monitor '{monitor.name}' has no option '{name}'{_advice(name, known)}; it has {', '.join(known)}"
            )
        values[name] = _value(f"{monitor.name}{{{item}}}", field, value if equals else None)
    return monitor.options_type(**values)  # type: ignore[arg-type]


def _value(item: str, field: Field[Any], text: str | None) -> bool | int | str:
    """Of the type that the default has. BadMonitor."""
    default = field.default
    if isinstance(default, bool):
        if text not in (None, "y", "n"):
            raise BadMonitor(f"{item}: y or n expected")
        return text != "n"
    if not text:
        raise BadMonitor(f"{item}: a value is needed")
    if isinstance(default, str):
        return text
    least: int = field.metadata["least"]
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or int(text) < least:
        raise BadMonitor(f"{item}: a number from {least} on expected")
    return int(text)


def _advice(name: str, known: dict[str, Any]) -> str:
    close = get_close_matches(name, known, 1)
    return f", did you mean '{close[0]}'?" if close else ""
