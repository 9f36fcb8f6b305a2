"""`-W KEY=VALUE,…`: what a guest may use and which proposals it may be written for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final

from refsfi.cli.options import UsageError
from refsfi.runtime.limits import Limits
from refsfi.syntax.features import ALL, DEFAULT, Feature, Features

__all__ = ["GuestOptions", "guest_help", "parse_guest_options"]


@dataclass(slots=True)
class GuestOptions:
    """`fuel` counts instructions, `timeout` is in seconds; None for no limit. `limits` are fields of `Limits`."""

    fuel: int | None = None
    timeout: float | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    unknown_imports_trap: bool = False
    unknown_imports_default: bool = False
    features: Features = DEFAULT

    def store_limits(self) -> Limits:
        return Limits(**self.limits)


def parse_guest_options(texts: Iterable[str]) -> GuestOptions:
    """What the lists say, a later item over an earlier one. UsageError that names what is known."""
    options = GuestOptions()
    for item in ",".join(texts).split(","):
        key, equals, value = item.strip().partition("=")
        key = key.replace("_", "-")
        if not key:
            continue
        try:
            if key in _KEYS:
                _KEYS[key].set(options, value if equals else None)
            elif key == "all-proposals":
                options.features = ALL if _switch(value if equals else None) else options.features - ALL
            elif key in _PROPOSALS:
                one = frozenset((Feature(key),))
                on = _switch(value if equals else None)
                options.features = options.features | one if on else options.features - one
            else:
                raise UsageError(_unknown(key))
        except ValueError as error:
            raise UsageError(f"-W {item.strip()}: {error}") from None
    return options


def _unknown(key: str) -> str:
    known = [*_KEYS, "all-proposals", *_PROPOSALS]
    close = get_close_matches(key, known, 1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return f"unknown -W option '{key}'{hint}; known: {', '.join(_KEYS)}, and the proposals {', '.join(_PROPOSALS)}"


def guest_help() -> str:
    """What `-W help` shows."""
    width = max(len(key.syntax) for key in _KEYS.values())
    lines = ["-W options, several separated by commas:", ""]
    lines += [f"  {key.syntax:<{width}}  {key.help}" for key in _KEYS.values()]
    lines += ["", "proposals, switched by NAME=y or NAME=n (* is on by default):", ""]
    lines += [f"  {name}{' *' if Feature(name) in DEFAULT else ''}" for name in _PROPOSALS]
    return "\n".join([*lines, "  all-proposals"])


# --- values ----------------------------------------------------------------------------------------------------------


def _given(value: str | None) -> str:
    if not value:
        raise ValueError("a value is needed")
    return value


def _switch(value: str | None) -> bool:
    """`y` or `n`; the key alone means `y`."""
    if value in (None, "y", "yes", "true"):
        return True
    if value in ("n", "no", "false"):
        return False
    raise ValueError("the value must be y or n")


_NUMBER = re.compile(r"[0-9]{1,20}|0x[0-9a-f]{1,16}", re.IGNORECASE | re.ASCII)


def _number(value: str | None) -> int:
    text = _given(value)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{text}' is not a number")
    return int(text, 16 if text[:2].lower() == "0x" else 10)


_SUFFIXES: Final = {"": 0, "K": 10, "M": 20, "G": 30}


def _size(value: str | None) -> int:
    """A number, with K, M or G for the powers of 1024."""
    text = _given(value)
    body = text.rstrip("iIbB") if text[:2].lower() != "0x" else text
    suffix = body[-1:].upper() if body[-1:].upper() in ("K", "M", "G") else ""
    digits = body[:-1] if suffix else text
    if not _NUMBER.fullmatch(digits):
        raise ValueError(f"'{text}' is not a size, such as 65536, 64K, 16M or 1G")
    return _number(digits) << _SUFFIXES[suffix]


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


def _duration(value: str | None) -> float:
    """Seconds; a number without a unit counts them, too."""
    text = _given(value)
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not a duration, such as 2s, 500ms or 1m")
    return float(Fraction(match[1]) * _UNITS[match[2] or "s"])


# --- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Key:
    syntax: str
    help: str
    set: Callable[[GuestOptions, str | None], None]


def _attribute(name: str, convert: Callable[[str | None], Any]) -> Callable[[GuestOptions, str | None], None]:
    return lambda options, value: setattr(options, name, convert(value))


def _limit(name: str, convert: Callable[[str | None], Any]) -> Callable[[GuestOptions, str | None], None]:
    return lambda options, value: options.limits.__setitem__(name, convert(value))


_KEYS: Final = {
    row.syntax.partition("=")[0]: row
    for row in (
        _Key("fuel=N", "trap after N instructions", _attribute("fuel", _number)),
        _Key("timeout=TIME", "trap after so long: 2s, 500ms, 1m", _attribute("timeout", _duration)),
        _Key("max-wasm-stack=SIZE", "bytes of stack for the guest's calls", _limit("stack", _size)),
        _Key("max-memory-size=SIZE", "bytes that each memory may have: 65536, 64K, 16M", _limit("memory", _size)),
        _Key("max-table-elements=N", "elements that each table may have", _limit("table", _size)),
        _Key(
            "trap-on-grow-failure=y|n",
            "trap where memory.grow or table.grow fails, instead of -1",
            _limit("trap_on_grow_failure", _switch),
        ),
        _Key(
            "unknown-imports-trap=y|n",
            "let functions be imported that nobody provides; calling one traps",
            _attribute("unknown_imports_trap", _switch),
        ),
        _Key(
            "unknown-imports-default=y|n",
            "provide missing imports: functions that return zeros, empty globals and so on",
            _attribute("unknown_imports_default", _switch),
        ),
    )
}

_PROPOSALS: Final = tuple(sorted(str(feature) for feature in Feature))
