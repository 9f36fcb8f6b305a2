"""Switching proposals: `--features a,-b` as wasm-tools reads it."""

from __future__ import annotations

from collections.abc import Iterable

from refsfi.cli.options import Option, UsageError
from refsfi.syntax.features import ALL, DEFAULT, WASM1, WASM2, WASM3, Features, feature

__all__ = ["FEATURES", "parse_features"]

FEATURES = Option(
    "-f --features",
    "proposals to switch on, or off with a dash before them, one after\n"
    "another; wasm1, wasm2, wasm3 and all stand for sets",
    "A,-B,…",
)

_SETS: dict[str, Features] = {"mvp": WASM1, "wasm1": WASM1, "wasm2": WASM2, "wasm3": WASM3, "all": ALL}


def parse_features(texts: Iterable[str], features: Features = DEFAULT) -> Features:
    """`features` after each item of comma-separated lists has been applied, in order. UsageError.

    A set's name replaces what was there before; with a dash it takes the set away.
    """
    for item in ",".join(texts).split(","):
        name = item.strip()
        if not name:
            continue
        off = name.startswith("-")
        name = name.removeprefix("-")
        if name in _SETS:
            features = features - _SETS[name] if off else _SETS[name]
            continue
        try:
            one = feature(name)
        except ValueError as error:
            raise UsageError(f"--features {item}: {error}, {', '.join(_SETS)}") from None
        features = features - {one} if off else features | {one}
    return features
