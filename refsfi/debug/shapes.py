"""What a frame looks like at an instruction: the types of its operands, and the labels around it.

Validation finds both and keeps neither. So a function is checked once more, up to the instruction that somebody looks
at; what was asked for last is remembered.
"""

from __future__ import annotations

from functools import lru_cache

from refsfi.debug.model import Label
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode, Program
from refsfi.observe.stack import arrive, operand_types
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Expr
from refsfi.syntax.types import ValType
from refsfi.valid.context import Context
from refsfi.valid.module import module_context

__all__ = ["Shape", "shape_at"]


class Shape:
    """`operands`: the types of all operands of the function, deepest first. `labels`: innermost first, that of the
    function last."""

    __slots__ = ("labels", "operands")

    def __init__(self, operands: tuple[ValType, ...], labels: tuple[Label, ...]) -> None:
        self.operands = operands
        self.labels = labels


@lru_cache(maxsize=8)
def _context(program: Program) -> Context:
    return module_context(program.module, ALL)


@lru_cache(maxsize=1024)
def shape_at(code: FuncCode, pc: int) -> Shape:
    """Of an instruction that control can reach."""
    walker = arrive(_context(code.program), code, pc)
    operands = operand_types(walker, code.program)
    body = code.program.module.funcs[code.index].body
    names = code.program.module.names.labels.get(code.func_index, {})
    labels = []
    for depth, frame in enumerate(reversed(walker.frames)):
        outermost = frame is walker.frames[0]
        start, end = _extent(body, frame.pc, outermost, pc)
        name = None if outermost else names.get(_number(body, start))
        target = start if frame.kind == "loop" else end
        labels.append(Label(depth, frame.kind, name, start, end, target, len(frame.label), frame.base))
    return Shape(operands, tuple(labels))


_OPENS = frozenset("block loop if try try_table".split())
_CLOSES = frozenset(["end", "delegate"])


def _number(body: Expr, pc: int) -> int:
    """Which of the function's blocks begins there, as the name section counts them."""
    return sum(1 for instr in body[:pc] if instr.op.mnemonic in _OPENS)


def _extent(body: Expr, opened: int, outermost: bool, inside: int) -> tuple[int, int]:
    """The pcs of the instruction that opens a block, and of its end. `opened` may be that of an `else` or a `catch`."""
    if outermost:
        return 0, len(body) - 1
    depth = 0
    start = opened
    while body[start].op.mnemonic not in _OPENS or depth:
        mnemonic = body[start].op.mnemonic
        depth += (mnemonic in _CLOSES) - (mnemonic in _OPENS)
        start -= 1
    depth = 0
    for end in range(start, len(body)):
        mnemonic = body[end].op.mnemonic
        depth += (mnemonic in _OPENS) - (mnemonic in _CLOSES)
        if not depth:
            return start, end
    raise Crash("a block without an end")
