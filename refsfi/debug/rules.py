"""Which rules of the specification stand behind an instruction."""

from __future__ import annotations

from functools import cache

from refsfi.exec.registry import SEMANTICS
from refsfi.syntax.opcodes import Op

__all__ = ["rules_of"]


@cache
def rules_of(op: Op) -> tuple[str, ...]:
    """Their names, as the docstring of what executes the instruction gives them; of several, the values of its operands
    decide which one it is."""
    import refsfi.exec.chapters  # noqa: F401  (registers the functions)

    function = SEMANTICS.get(op.mnemonic) or SEMANTICS.get(op.rule)
    names: list[str] = []
    collecting = False
    for line in (function.__doc__ or "" if function is not None else "").splitlines():
        text = line.strip()
        if text.startswith("Rule:"):
            collecting = True
            text = text[len("Rule:") :]
        if not text:
            collecting = False
        if collecting:
            names += [name.strip() for name in text.split(",") if name.strip()]
            collecting = text.endswith(",")
    return tuple(names)
