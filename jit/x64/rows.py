"""All files that say how instructions are written; importing them registers what they define."""

from __future__ import annotations

from jit.x64 import rows_call, rows_compare, rows_float, rows_integer, rows_memory

__all__ = ["rows_call", "rows_compare", "rows_float", "rows_integer", "rows_memory"]
