"""A digest of what a run leaves behind: the same whatever tier made it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from refsfi.debug.journal import shared_by
from refsfi.runtime.store import Instance

__all__ = ["digest"]


def digest(instances: Sequence[Instance]) -> str:
    """Of all memories, the numbers in globals, and the sizes of tables."""
    found = hashlib.sha256()
    memories, variables, tables = shared_by(instances)
    for memory in memories:
        found.update(len(memory.data).to_bytes(8, "little"))
        found.update(memory.data)
    for variable in variables:
        value = variable.value
        found.update(repr(value if isinstance(value, int | bytes) else value is None).encode())
    for table in tables:
        found.update(repr([elem is None for elem in table.elems]).encode())
    return found.hexdigest()
