"""Which instructions of the IR can be written."""

from __future__ import annotations

from jit.ir.ops import BY_NAME, OPS
from jit.x64 import rows
from jit.x64.emit import _ROWS

# What the emitter treats itself.
_WITHOUT = {name for name in BY_NAME if name.endswith((".const", ".param"))} | {"ref.null"}


def test_every_instruction_is_written() -> None:
    rows.load_all()
    missing = {op.name for op in BY_NAME.values() if op.id not in _ROWS}
    assert missing == _WITHOUT


def test_what_is_imported_late_is_looked_for_in_the_right_file() -> None:
    rows.load_all()
    late = {name for names in rows._LATE.values() for name in names}
    found = {number: row.__module__ for number, row in _ROWS.items() if row.__module__ in late}
    assert set(found.values()) == late
    for number, name in found.items():
        assert name in rows._LATE[rows._group(OPS[number])], OPS[number]
