"""What is on the stacks of a function in front of one instruction: types of operands, and labels."""

from __future__ import annotations

from refsfi.errors import Crash
from refsfi.exec.code import FuncCode, Program
from refsfi.syntax.deftypes import close_ref
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Instr
from refsfi.syntax.types import RefType, ValType
from refsfi.valid.again import Recheck
from refsfi.valid.context import Context
from refsfi.valid.module import module_context

__all__ = ["arrive", "operand_types", "operands_at"]


class _Arrived(Exception):
    pass


class _Walker(Recheck):
    """Stops in front of an instruction."""

    __slots__ = ("_left",)

    def __init__(self, context: Context, index: int, pc: int) -> None:
        super().__init__(context, index)
        self._left = pc

    def meet(self, instr: Instr) -> None:
        if not self._left:
            raise _Arrived
        self._left -= 1


def arrive(context: Context, code: FuncCode, pc: int) -> Recheck:
    """The checker as it is in front of an instruction that control can reach. `context` is that of the module."""
    walker = _Walker(context, code.index, pc)
    try:
        walker.run(code.program.module.funcs[code.index].body)
    except _Arrived:
        return walker
    raise Crash(f"no instruction {pc} in function {code.func_index}")


def operand_types(walker: Recheck, program: Program) -> tuple[ValType, ...]:
    """Of all operands of the function, deepest first."""
    types = program.info.types
    return tuple(
        close_ref(type, types) if isinstance(type, RefType) else type
        for frame in walker.frames
        for type in frame.stack[1:]
    )


def operands_at(code: FuncCode, pc: int) -> tuple[ValType, ...]:
    """The same, for those who ask once. Nothing is remembered."""
    return operand_types(arrive(module_context(code.program.module, ALL), code, pc), code.program)
