"""Lists of settings, `KEY=VALUE,KEY,…`, as the options -W, -S and -D take them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final, TypeAlias

from refsfi.cli.options import UsageError

__all__ = ["Convert", "Key", "Keys", "duration", "number", "size", "stored", "switch"]

# From what follows `=`, None without one, to the value. ValueError.
Convert: TypeAlias = Callable[[str | None], Any]


@dataclass(frozen=True, slots=True)
class Key:
    """`syntax` is NAME or NAME=VALUE. `set(target, text)` understands the value; ValueError."""

    syntax: str
    help: str
    set: Callable[[Any, str | None], None]
    listed: bool = True

    @property
    def name(self) -> str:
        return self.syntax.partition("=")[0]


def stored(attribute: str, convert: Convert) -> Callable[[Any, str | None], None]:
    """A `Key.set` that sets an attribute of its target."""
    return lambda target, value: setattr(target, attribute, convert(value))


class Keys:
    """What one option knows."""

    def __init__(self, option: str, keys: Sequence[Key]) -> None:
        self.option = option
        self._keys = {key.name: key for key in keys}

    def apply(self, texts: Iterable[str], target: Any) -> None:
        """Set what the lists say, a later item over an earlier one. UsageError that says what is known."""
        for item in ",".join(texts).split(","):
            name, equals, value = item.strip().partition("=")
            name = name.strip().replace("_", "-")
            if not name:
                continue
            key = self._keys.get(name)
            if key is None:
                raise UsageError(self._unknown(name))
            try:
                key.set(target, value.strip() if equals else None)
            except ValueError as error:
                raise UsageError(f"{self.option} {item.strip()}: {error}") from None

    def _unknown(self, name: str) -> str:
        close = get_close_matches(name, self._keys, 1)
        advice = f"; did you mean '{close[0]}'?" if close else ""
        return f"unknown {self.option} option '{name}'{advice} ({self.option} help lists them)"

    def help(self) -> list[str]:
        """A line or more for each listed key."""
        listed = [key for key in self._keys.values() if key.listed]
        width = max(len(key.syntax) for key in listed)
        lines = []
        for key in listed:
            first, *more = key.help.split("\n")
            lines.append(f"  {key.syntax:<{width}}  {first}")
            lines += [f"  {'':<{width}}  {line}" for line in more]
        return lines


# --- values ----------------------------------------------------------------------------------------------------------


def switch(value: str | None) -> bool:
    """`y` or `n`; the key alone means `y`."""
    if value in (None, "y", "yes", "true"):
        return True
    if value in ("n", "no", "false"):
        return False
    raise ValueError("the value must be y or n")


def _given(value: str | None) -> str:
    if not value:
        raise ValueError("a value is needed")
    return value


_NUMBER = re.compile(r"[0-9]{1,20}|0x[0-9a-f]{1,16}", re.IGNORECASE | re.ASCII)


def number(value: str | None) -> int:
    """Decimal or hexadecimal."""
    text = _given(value)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{text}' is not a number")
    return int(text, 16 if text[:2].lower() == "0x" else 10)


_SUFFIXES: Final = {"": 0, "K": 10, "M": 20, "G": 30}


def size(value: str | None) -> int:
    """A number, with K, M or G for the powers of 1024."""
    text = _given(value)
    body = text.rstrip("iIbB") if text[:2].lower() != "0x" else text
    suffix = body[-1:].upper() if body[-1:].upper() in ("K", "M", "G") else ""
    digits = body[:-1] if suffix else text
    if not _NUMBER.fullmatch(digits):
        raise ValueError(f"'{text}' is not a size, such as 65536, 64K, 16M or 1G")
    return number(digits) << _SUFFIXES[suffix]


_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ns|us|µs|ms|s|m|h)?", re.ASCII)
_UNITS: Final = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}


def duration(value: str | None) -> float:
    """Seconds; a number without a unit counts them, too."""
    text = _given(value)
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not a duration, such as 2s, 500ms or 1m")
    return float(Fraction(match[1]) * _UNITS[match[2] or "s"])
