"""All files that say how instructions are written; importing them registers what they define.

Most programs have no vectors and no atomics, so the files with those instructions are imported when a region has the
first of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from jit.ir.ops import IrOp, Type
from jit.x64 import rows_call, rows_compare, rows_float, rows_integer, rows_memory
from jit.x64.emit import emitted_later

__all__ = ["load_all", "rows_call", "rows_compare", "rows_float", "rows_integer", "rows_memory"]

_VECTOR: Final = ("bits", "compare", "convert", "float", "int", "lanes", "memory", "wide")
_LATE: Final = {
    "vector": [f"jit.x64.rows_vector_{name}" for name in _VECTOR],
    "atomic": ["jit.x64.rows_atomic"],
    "other": ["jit.x64.rows_bulk", "jit.x64.rows_helper"],
}


def _group(op: IrOp) -> str:
    if op.result is Type.V128 or Type.V128 in (op.operands or ()):
        return "vector"
    if op.name == "fence" or ".atomic." in op.name:
        return "atomic"
    return "other"


@emitted_later
def load(op: IrOp) -> None:
    """Import what has the row of an instruction."""
    for name in _LATE[_group(op)]:
        import_module(name)


def load_all() -> None:
    """Import all there are."""
    for names in _LATE.values():
        for name in names:
            import_module(name)
