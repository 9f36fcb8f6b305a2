"""What a host allows a guest to use. Exceeding a limit is a trap, a failed grow or a refused instantiation, never a
crash."""

from __future__ import annotations

from dataclasses import dataclass

from refsfi.runtime.table import MAX_ELEMENTS

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one store.

    `stack`: bytes of guest stack; an activation costs 8 bytes for each local and operand plus 64.
    `memory`: bytes of each memory. `table`: elements of each table. `gc_items`: elements of a single array.
    `heap`: bytes of structures, arrays and exceptions, by an estimate (`runtime.heap`).
    `trap_on_grow_failure`: a failed memory.grow or table.grow is a trap instead of -1.
    `host_nesting`: how often guest and host may call each other back before the guest's stack counts as exhausted.
    `backtrace`: frames that a trap tells of.
    """

    stack: int = 4 << 20
    memory: int | None = None
    table: int = MAX_ELEMENTS
    gc_items: int = 1 << 26
    heap: int = 1 << 30
    trap_on_grow_failure: bool = False
    host_nesting: int = 64
    backtrace: int = 20
