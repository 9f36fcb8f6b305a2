"""All files that say how instructions are written; importing them registers what they define."""

from __future__ import annotations

from jit.x64 import (
    rows_atomic,
    rows_bulk,
    rows_call,
    rows_compare,
    rows_float,
    rows_helper,
    rows_integer,
    rows_memory,
    rows_vector_bits,
    rows_vector_compare,
    rows_vector_convert,
    rows_vector_float,
    rows_vector_int,
    rows_vector_lanes,
    rows_vector_memory,
    rows_vector_wide,
)

__all__ = [
    "rows_atomic",
    "rows_bulk",
    "rows_call",
    "rows_compare",
    "rows_float",
    "rows_helper",
    "rows_integer",
    "rows_memory",
    "rows_vector_bits",
    "rows_vector_compare",
    "rows_vector_convert",
    "rows_vector_float",
    "rows_vector_int",
    "rows_vector_lanes",
    "rows_vector_memory",
    "rows_vector_wide",
]
