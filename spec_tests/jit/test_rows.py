"""Which instructions of the IR can be written."""

from __future__ import annotations

from jit.ir.ops import BY_NAME
from jit.x64 import rows  # noqa: F401  (registers how each instruction is written)
from jit.x64.emit import _ROWS

# What the emitter treats itself.
_WITHOUT = {name for name in BY_NAME if name.endswith((".const", ".param"))} | {"ref.null"}


def test_every_instruction_is_written() -> None:
    missing = {op.name for op in BY_NAME.values() if op.id not in _ROWS}
    assert missing == _WITHOUT
