"""How many operands each instruction of a function takes, and of which types.

Validation finds that out and keeps only heights. Whoever shows values to people needs the types, too: the same bits are
one thing as an integer and another as a float.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from refsfi.errors import Crash
from refsfi.runtime.store import Frame
from refsfi.runtime.values import Value, func_type
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Instr, Module
from refsfi.syntax.types import FuncType, ValType
from refsfi.valid.again import Recheck
from refsfi.valid.checker import Checker
from refsfi.valid.context import Context
from refsfi.valid.module import module_context

__all__ = ["OperandTypes", "Operands", "first_operand", "operand_values"]

# The types of an instruction's operands, deepest first.
Operands: TypeAlias = tuple[ValType, ...]


class OperandTypes:
    """Of the functions of one valid module; a function is looked at when it is first asked for."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._context: Context | None = None
        self._functions: dict[int, list[Operands]] = {}

    def of(self, index: int) -> list[Operands]:
        """The operands of each instruction of defined function `index`."""
        found = self._functions.get(index)
        if found is None:
            if self._context is None:
                self._context = module_context(self._module, ALL)
            found = self._functions[index] = _check(self._context, index)
        return found


def first_operand(frame: Frame, pc: int, count: int) -> int:
    """The register of the deepest of the `count` operands that instruction `pc` is about to take."""
    code = frame.code
    if code is None:
        raise Crash("an entry frame executes no instruction")
    return code.nlocals + code.side.heights[pc] - count


def operand_values(frame: Frame, pc: int, count: int) -> list[Value]:
    """Those operands, deepest first."""
    first = first_operand(frame, pc, count)
    return frame.regs[first : first + count]


# --- from the validator ----------------------------------------------------------------------------------------------


class _Recorder(Recheck):
    """Keeps what each instruction finds on the stack."""

    __slots__ = ("found",)

    def __init__(self, context: Context, index: int) -> None:
        super().__init__(context, index)
        self.found: list[Operands] = []

    def meet(self, instr: Instr) -> None:
        stack = self.stack
        self.found.append(tuple(stack[max(1, len(stack) - operand_count(self, instr)) :]))


def _check(context: Context, index: int) -> list[Operands]:
    recorder = _Recorder(context, index)
    recorder.run(context.module.funcs[index].body)
    return recorder.found


# Those of the rows whose type is `*` that always take the same number of operands.
_COUNTS: Final = {
    mnemonic: count
    for count, mnemonics in enumerate(
        (
            "unreachable block loop else end try try_table catch catch_all delegate rethrow local.get global.get "
            "ref.null ref.func table.size struct.new_default",
            "if br_if br_table drop local.set local.tee global.set table.get ref.is_null ref.as_non_null br_on_null "
            "br_on_non_null throw_ref struct.get struct.get_s struct.get_u array.new_default array.len ref.test "
            "ref.cast br_on_cast br_on_cast_fail any.convert_extern extern.convert_any ref.i31 i31.get_s i31.get_u "
            "struct.new_default_desc ref.get_desc",
            "table.set table.grow ref.eq struct.set array.new array.new_data array.new_elem array.get array.get_s "
            "array.get_u ref.cast_desc_eq br_on_cast_desc_eq br_on_cast_desc_eq_fail",
            "select memory.copy table.init table.copy table.fill array.set",
            "array.fill array.init_data array.init_elem",
            "array.copy",
        )
    )
    for mnemonic in mnemonics.split()
}


def operand_count(c: Checker, instr: Instr) -> int:
    """How many operands an instruction takes. `end` and `else` take none: they let values pass."""
    op = instr.op
    if op.operands is not None:
        return len(op.operands)
    fixed = _COUNTS.get(op.mnemonic)
    if fixed is not None:
        return fixed
    args = instr.args
    context = c.context
    match op.mnemonic:
        case "call" | "return_call":
            return len(func_type(context.funcs[args[0]]).params)
        case "call_indirect" | "return_call_indirect" | "call_ref" | "return_call_ref":
            return len(_func_type(context, args[0]).params) + 1
        case "return":
            return len(c.results)
        case "br":
            return len(c.label(args[0]).label)
        case "throw":
            return len(context.tag_params(args[0]))
        case "struct.new":
            return len(context.struct_type(args[0]).fields)
        case "struct.new_desc":
            return len(context.struct_type(args[0]).fields) + 1
        case "array.new_fixed":
            count: int = args[1]
            return count
    raise Crash(f"{op.mnemonic}: the number of operands is not known")


def _func_type(context: Context, type: int) -> FuncType:
    return func_type(context.types[type])
