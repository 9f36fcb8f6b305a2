"""A digest of what a run leaves behind: the same whatever tier made it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from refsfi.debug.snapshot import Reach
from refsfi.runtime.store import Instance, Store
from refsfi.runtime.values import StructInst

__all__ = ["digest"]


def digest(instances: Sequence[Instance]) -> str:
    """Of memories, globals, tables, and objects of the garbage-collected heap that these lead to."""
    found = hashlib.sha256()

    def add(*values: Any) -> None:
        found.update(repr([reach.name(value) for value in values]).encode())

    # Frames that a trap has left are no part of it: compiled code drops locals that nobody will read.
    reach = Reach(Store(), instances)
    for memory in reach.memories:
        found.update(len(memory.data).to_bytes(8, "little"))
        found.update(memory.data)
    for variable in reach.globals:
        add(variable.value)
    for table in reach.tables:
        add(*table.elems)
    for item in reach.objects:
        add(*(item.fields if isinstance(item, StructInst) else item.items))
    return found.hexdigest()
