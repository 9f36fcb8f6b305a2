"""Names of C++ and Rust functions as their authors wrote them."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["demangle", "is_mangled"]

_PREFIXES = ("_Z", "__Z", "_R", "__R")


def is_mangled(name: str) -> bool:
    """Whether a name looks like a linkage name of C++ or Rust."""
    return name.startswith(_PREFIXES)


@lru_cache(4096)
def demangle(name: str) -> str:
    """A linkage name of the Itanium ABI or of Rust made readable; any other name, and every one where the package
    `demangle` (extra `refsfi[dwarf]`) is not installed, as it is."""
    if not is_mangled(name):
        return name
    try:
        # Bounded in depth, size and substitutions: names are the guest's, too.
        from demangle import demangle as readable
    except ImportError:
        return name
    return readable(name, language=("rust", "itanium"))
