"""Implementation limits that validation enforces with `LimitError` (specification, appendix A.2).

The numbers are those of the JavaScript embedding, which all engines of the field share, so that a module that works
here works there and the reverse; `MAX_NESTING`, `MAX_OPERANDS` and `MAX_LOCALS_TOTAL` are this implementation's own.
"""

from __future__ import annotations

from refsfi.errors import LimitError

__all__ = [
    "MAX_ARRAY_NEW_FIXED",
    "MAX_CATCHES",
    "MAX_DATAS",
    "MAX_ELEMS",
    "MAX_ELEM_ENTRIES",
    "MAX_EXPORTS",
    "MAX_FUNCS",
    "MAX_FUNC_BYTES",
    "MAX_GLOBALS",
    "MAX_IMPORTS",
    "MAX_LOCALS",
    "MAX_LOCALS_TOTAL",
    "MAX_MEMS",
    "MAX_NESTING",
    "MAX_OPERANDS",
    "MAX_PARAMS",
    "MAX_RESULTS",
    "MAX_STRUCT_FIELDS",
    "MAX_SUBTYPING_DEPTH",
    "MAX_TABLES",
    "MAX_TAGS",
    "MAX_TYPES",
    "check_limit",
]

MAX_TYPES = 1_000_000
MAX_SUBTYPING_DEPTH = 63
MAX_PARAMS = 1_000
MAX_RESULTS = 1_000
MAX_STRUCT_FIELDS = 10_000
MAX_IMPORTS = 1_000_000
MAX_EXPORTS = 1_000_000
MAX_FUNCS = 1_000_000
MAX_GLOBALS = 1_000_000
MAX_TAGS = 1_000_000
MAX_TABLES = 100_000
MAX_MEMS = 100
MAX_DATAS = 100_000
MAX_ELEMS = 10_000_000
MAX_ELEM_ENTRIES = 10_000_000
MAX_FUNC_BYTES = 7_654_321
MAX_LOCALS = 50_000
MAX_ARRAY_NEW_FIXED = 10_000
MAX_CATCHES = 10_000

# A body of a few megabytes can open millions of blocks.
MAX_NESTING = 500_000
# A body of a few megabytes can call a function with a thousand results a million times and drop none of them.
MAX_OPERANDS = 1_000_000
# Ten bytes of a body declare 50,000 locals; a million such functions must not cost memory for each of them.
MAX_LOCALS_TOTAL = 20_000_000


def check_limit(number: int, limit: int, what: str) -> None:
    """LimitError where `number` of `what` exceeds `limit`."""
    if number > limit:
        raise LimitError(f"too many {what}: {number}, at most {limit} are supported")
