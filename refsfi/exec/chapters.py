"""The chapters of instructions; importing this module makes every row of the opcode table executable."""

from __future__ import annotations

from refsfi.exec import aggregate, atomics, calls, control, exceptions, memory, numeric, reference, table, variables

__all__ = [
    "aggregate",
    "atomics",
    "calls",
    "control",
    "exceptions",
    "memory",
    "numeric",
    "reference",
    "table",
    "variables",
]
