"""Why something was not recorded or not compiled: one row a reason, with what it means and what would cure it."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["REASONS", "Reason"]


class Reason(NamedTuple):
    name: str
    meaning: str
    cure: str


_ROWS = (
    Reason("nothing to enter", "no recording passed a place at which the region could be entered", "run it for longer"),
    Reason(
        "calls what is refused",
        "the region was left time and again for calls of a function that is not compiled",
        "see why that function is refused",
    ),
    Reason(
        "leaves too often",
        "what was recorded has too few instructions between those without native form to make up for leaving",
        "let the hot code do less that needs the host, or objects of the garbage collector",
    ),
    Reason("region too large", "the region has more instructions than are compiled at once", "raise jit_max_region"),
    Reason("too many live values", "more registers are live at an entry than can be handed over", "split the function"),
    Reason("frame too large", "the native frame would be out of proportion to the interpreter's", "split the function"),
    Reason("inlined function leaves", "a function that was to be inlined has no native form", "it is called instead"),
    Reason("type with a large number", "the process has made two billion function types", "start another process"),
    Reason("nested too deeply", "Python's parser does not take code nested that deep", "split the function"),
    Reason("no room for code", "the code cache is full of code that is in use", "raise jit_code_limit"),
)

REASONS: Final[dict[str, Reason]] = {row.name: row for row in _ROWS}
