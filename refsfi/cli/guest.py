"""`-W KEY=VALUE,…`: what a guest may use and which proposals it may be written for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from refsfi.cli.keys import Convert, Key, Keys, duration, number, size, stored, switch
from refsfi.runtime.limits import Limits
from refsfi.syntax.features import ALL, DEFAULT, Feature, Features

__all__ = ["GuestOptions", "guest_help", "parse_guest_options"]


@dataclass(slots=True)
class GuestOptions:
    """`fuel` counts instructions, `timeout` is in seconds; None for no limit. `limits` are fields of `Limits`.
    `lazy_validation` is None where the module's size decides."""

    fuel: int | None = None
    timeout: float | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    instances: int | None = None
    memories: int | None = None
    tables: int | None = None
    lazy_validation: bool | None = None
    unknown_imports_trap: bool = False
    unknown_imports_default: bool = False
    features: Features = DEFAULT

    def store_limits(self) -> Limits:
        return Limits(**self.limits)


def parse_guest_options(texts: Iterable[str]) -> GuestOptions:
    """What the lists say. UsageError."""
    options = GuestOptions()
    _KEYS.apply(texts, options)
    return options


def guest_help() -> str:
    """What `-W help` shows."""
    proposals = [f"  {name}{' *' if Feature(name) in DEFAULT else ''}" for name in _PROPOSALS]
    return "\n".join(
        [
            "-W options, several separated by commas:",
            "",
            *_KEYS.help(),
            "",
            "proposals, switched by NAME=y or NAME=n (* is on by default):",
            "",
            *proposals,
            "  all-proposals",
        ]
    )


def _limit(name: str, convert: Convert) -> Callable[[Any, str | None], None]:
    return lambda options, value: options.limits.__setitem__(name, convert(value))


def _proposal(*features: Feature) -> Callable[[Any, str | None], None]:
    def set(options: GuestOptions, value: str | None) -> None:
        options.features = options.features | {*features} if switch(value) else options.features - {*features}

    return set


_PROPOSALS: Final = tuple(sorted(str(feature) for feature in Feature))

_KEYS: Final = Keys(
    "-W",
    [
        Key("fuel=N", "trap after N instructions", stored("fuel", number)),
        Key("timeout=TIME", "trap after so long: 2s, 500ms, 1m", stored("timeout", duration)),
        Key("max-wasm-stack=SIZE", "bytes of stack for the guest's calls: 512K, 4M", _limit("stack", size)),
        Key("max-memory-size=SIZE", "bytes that each memory may have: 65536, 16M, 1G", _limit("memory", size)),
        Key("max-table-elements=N", "elements that each table may have", _limit("table", size)),
        Key("max-gc-heap-size=SIZE", "bytes of structures, arrays and exceptions (1G)", _limit("heap", size)),
        Key("max-instances=N", "instances: the module and what it preloads", stored("instances", number)),
        Key("max-memories=N", "memories that all instances define", stored("memories", number)),
        Key("max-tables=N", "tables that all instances define", stored("tables", number)),
        Key(
            "trap-on-grow-failure=y|n",
            "trap where memory.grow or table.grow fails,\ninstead of -1",
            _limit("trap_on_grow_failure", switch),
        ),
        Key(
            "lazy-validation=y|n",
            "read and validate a function when it is first\ncalled; y for modules above 1 MiB if not said",
            stored("lazy_validation", switch),
        ),
        Key(
            "unknown-imports-trap=y|n",
            "let functions be imported that nobody\nprovides; calling one traps",
            stored("unknown_imports_trap", switch),
        ),
        Key(
            "unknown-imports-default=y|n",
            "provide missing imports: functions that\nreturn zeros, empty globals and so on",
            stored("unknown_imports_default", switch),
        ),
        Key("all-proposals", "", _proposal(*ALL), listed=False),
        *(Key(name, "", _proposal(Feature(name)), listed=False) for name in _PROPOSALS),
    ],
)
