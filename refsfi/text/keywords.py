"""The words of the text format and the features they belong to.

A word of a feature that is off is no keyword at all: a parser that meets it says "unknown operator", as for any other
word, and then which feature it would take.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from refsfi.syntax.features import Feature, Features
from refsfi.syntax.opcodes import OPS
from refsfi.syntax.types import SHORTHANDS, AbsHeap, NumType, PackType, RefType

__all__ = ["abstract_heaps", "features_of", "known_keyword", "pack_types", "value_types"]

# Words with the features any of which brings them; an empty tuple: part of the first version.
_WORDS: Final[dict[tuple[Feature, ...], str]] = {
    (): "module type func param result local global table memory elem data offset import export start mut then else"
    " funcref i32 i64 f32 f64",
    (Feature.SIMD,): "v128 i8x16 i16x8 i32x4 i64x2 f32x4 f64x2",
    (Feature.BULK_MEMORY, Feature.REFERENCE_TYPES): "declare item",
    (Feature.REFERENCE_TYPES,): "externref extern",
    (Feature.FUNCTION_REFERENCES, Feature.GC): "ref null",
    (
        Feature.GC,
    ): "i8 i16 rec sub final struct array field any anyref eq eqref i31 i31ref structref arrayref none nullref"
    " nofunc nullfuncref noextern nullexternref",
    (Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS): "tag catch catch_all",
    (Feature.EXCEPTIONS,): "exn exnref noexn nullexnref catch_ref catch_all_ref",
    (Feature.LEGACY_EXCEPTIONS,): "do",
    (Feature.THREADS,): "shared",
    (Feature.CUSTOM_PAGE_SIZES,): "pagesize",
    (Feature.CUSTOM_DESCRIPTORS,): "exact describes descriptor",
}
# Of test scripts, which share the lexer.
_SCRIPT_WORDS: Final = (
    "binary quote definition instance script register invoke get input output either thread wait shared"
    " assert_malformed assert_invalid assert_malformed_custom assert_invalid_custom assert_unlinkable assert_return"
    " assert_exception assert_trap assert_exhaustion assert_suspension nan:canonical nan:arithmetic ref.extern ref.host"
    " ref.struct ref.array ref.exn ref.any"
)
_MEMARG = re.compile(r"(?:offset|align)=(?:0x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|[0-9](?:_?[0-9])*)")


@lru_cache(maxsize=64)
def _keywords(features: Features) -> frozenset[str]:
    words = {word for needed, text in _WORDS.items() if not needed or features & set(needed) for word in text.split()}
    words |= {row.mnemonic for row in OPS if row.feature is None or row.feature in features}
    return frozenset(words.union(_SCRIPT_WORDS.split()))


def known_keyword(token: str, features: Features) -> bool:
    """Whether a token is a keyword under a set of features."""
    return token in _keywords(features) or _MEMARG.fullmatch(token) is not None


def features_of(token: str) -> tuple[Feature, ...]:
    """The features any of which makes a token a keyword; none for a word that no feature brings."""
    for needed, text in _WORDS.items():
        if token in text.split():
            return needed
    return tuple(row.feature for row in OPS if row.mnemonic == token and row.feature is not None)


@lru_cache(maxsize=64)
def value_types(features: Features) -> dict[str, NumType | RefType]:
    """The value types that are a single word."""
    known = _keywords(features)
    words: dict[str, NumType | RefType] = {t.value: t for t in NumType if t.value in known}
    return words | {word: type for word, type in SHORTHANDS.items() if word in known}


@lru_cache(maxsize=64)
def pack_types(features: Features) -> dict[str, PackType]:
    """The packed storage types."""
    known = _keywords(features)
    return {t.value: t for t in PackType if t.value in known}


@lru_cache(maxsize=64)
def abstract_heaps(features: Features) -> dict[str, AbsHeap]:
    """The abstract heap types."""
    known = _keywords(features)
    return {t.value: t for t in AbsHeap if t.value in known}
