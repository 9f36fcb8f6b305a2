"""Which lines of the guest's source the code of a region is for, as profilers and debuggers ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jit.x64.jitdump import Line
from refsfi.exec.code import FuncCode

if TYPE_CHECKING:
    from jit.x64.unit import NativeUnit

__all__ = ["lines"]


def lines(unit: NativeUnit) -> Iterator[Line]:
    """In the order of the code. A line of a text is what it is called; of a binary module, where there are no lines, an
    instruction's offset in the file stands for it."""
    code = unit.code
    last: tuple[str, int] | None = None
    for offset, pc in code.pcs:
        where = _line(code.inlined.get(offset, unit.function), pc)
        if where is not None and where != last:
            yield Line(offset, *where)
            last = where


def _line(code: FuncCode, pc: int) -> tuple[str, int] | None:
    module = code.program.module
    body = module.funcs[code.index].body
    if not 0 <= pc < len(body):
        # An entry belongs to no instruction.
        return None
    if module.source is None:
        return f"{module.names.module or 'module'}.wasm", body[pc].at
    return module.source.name, module.source.position(body[pc].at)[0]
