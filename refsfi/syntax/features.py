"""Language features that can be switched one by one.

Names are those of the proposals. A feature that is off makes its opcodes, types and flags malformed or invalid
exactly as if it had never been proposed. `WASM1`, `WASM2` and `WASM3` are the published versions of the
specification.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

__all__ = ["ALL", "DEFAULT", "WASM1", "WASM2", "WASM3", "Feature", "Features", "feature", "off"]


class Feature(StrEnum):
    MUTABLE_GLOBAL = "mutable-global"
    SATURATING_FLOAT_TO_INT = "saturating-float-to-int"
    SIGN_EXTENSION = "sign-extension"
    MULTI_VALUE = "multi-value"
    REFERENCE_TYPES = "reference-types"
    BULK_MEMORY = "bulk-memory"
    SIMD = "simd"
    RELAXED_SIMD = "relaxed-simd"
    TAIL_CALL = "tail-call"
    EXTENDED_CONST = "extended-const"
    FUNCTION_REFERENCES = "function-references"
    GC = "gc"
    EXCEPTIONS = "exceptions"
    MULTI_MEMORY = "multi-memory"
    MEMORY64 = "memory64"
    THREADS = "threads"
    WIDE_ARITHMETIC = "wide-arithmetic"
    CUSTOM_PAGE_SIZES = "custom-page-sizes"
    CUSTOM_DESCRIPTORS = "custom-descriptors"
    LEGACY_EXCEPTIONS = "legacy-exceptions"


Features = frozenset[Feature]

WASM1: Features = frozenset({Feature.MUTABLE_GLOBAL})
WASM2: Features = WASM1 | {
    Feature.SATURATING_FLOAT_TO_INT,
    Feature.SIGN_EXTENSION,
    Feature.MULTI_VALUE,
    Feature.REFERENCE_TYPES,
    Feature.BULK_MEMORY,
    Feature.SIMD,
}
WASM3: Features = WASM2 | {
    Feature.RELAXED_SIMD,
    Feature.TAIL_CALL,
    Feature.EXTENDED_CONST,
    Feature.FUNCTION_REFERENCES,
    Feature.GC,
    Feature.EXCEPTIONS,
    Feature.MULTI_MEMORY,
    Feature.MEMORY64,
}
ALL: Features = frozenset(Feature)

# What programs in the field are compiled for: the published specification, and what toolchains emit beyond it.
DEFAULT: Features = WASM3 | {
    Feature.THREADS,
    Feature.WIDE_ARITHMETIC,
    Feature.CUSTOM_PAGE_SIZES,
    Feature.LEGACY_EXCEPTIONS,
}


def feature(name: str) -> Feature:
    """The feature called `name` (dashes or underscores). ValueError, naming what exists, where there is none."""
    try:
        return Feature(name.replace("_", "-"))
    except ValueError:
        raise ValueError(f"unknown feature '{name}'; known: {', '.join(sorted(Feature))}") from None


def off(*features: Feature) -> str:
    """The end of a message about something that any one of `features` would admit; empty where none would."""
    if not features:
        return ""
    names = " and ".join(features)
    return f": the feature{'s' if features[1:] else ''} {names} {'are' if features[1:] else 'is'} off"


def switched(features: Features, on: Iterable[Feature] = (), off: Iterable[Feature] = ()) -> Features:
    """`features` with some switched on and some off."""
    return (features | frozenset(on)) - frozenset(off)
