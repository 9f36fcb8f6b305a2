"""Evaluation of constant expressions, chapter 4.7.2: a handful of instructions without control, on a small stack.

They run once for each global, segment and table of an instance, so they are not lowered.
"""

from __future__ import annotations

from typing import Any

from refsfi.errors import Crash, Trap, TrapCode
from refsfi.numeric.table import SEMANTICS
from refsfi.runtime.store import Instance
from refsfi.runtime.values import (
    I31,
    ArrayInst,
    StructInst,
    Value,
    array_type,
    default,
    pack,
    struct_type,
    to_any,
    to_extern,
)
from refsfi.syntax.module import Expr

__all__ = ["evaluate"]


def evaluate(expr: Expr, inst: Instance) -> Value:
    """The value of a valid constant expression in `inst`, of which only what stands before the expression need be
    there.

    Rule: Eval_expr
    """
    stack: list[Any] = []
    types = inst.program.info.types
    for instr in expr:
        rule = instr.op.rule
        args = instr.args
        match rule:
            case "const" | "vconst":
                stack.append(args[0])
            case "ref.func":
                stack.append(inst.funcs[args[0]])
            case "ref.null":
                stack.append(None)
            case "global.get":
                stack.append(inst.globals[args[0]].value)
            case "binop":
                b = stack.pop()
                stack.append(SEMANTICS[instr.op.mnemonic](stack.pop(), b))
            case "ref.i31":
                stack.append(I31(stack.pop() & 0x7FFFFFFF))
            case "struct.new" | "struct.new_desc":
                desc = _descriptor(stack) if rule == "struct.new_desc" else None
                fields = struct_type(types[args[0]]).fields
                values = _take(stack, len(fields))
                packed = [pack(v, field.storage) for v, field in zip(values, fields, strict=True)]
                stack.append(StructInst(types[args[0]], packed, desc))
            case "struct.new_default" | "struct.new_default_desc":
                desc = _descriptor(stack) if rule == "struct.new_default_desc" else None
                fields = struct_type(types[args[0]]).fields
                stack.append(StructInst(types[args[0]], [default(field.storage) for field in fields], desc))
            case "array.new":
                count = stack.pop()
                item = pack(stack.pop(), array_type(types[args[0]]).field.storage)
                stack.append(ArrayInst(types[args[0]], [item] * _bounded(inst, count)))
            case "array.new_default":
                item = default(array_type(types[args[0]]).field.storage)
                stack.append(ArrayInst(types[args[0]], [item] * _bounded(inst, stack.pop())))
            case "array.new_fixed":
                storage = array_type(types[args[0]]).field.storage
                stack.append(ArrayInst(types[args[0]], [pack(v, storage) for v in _take(stack, args[1])]))
            case "extern.convert_any":
                stack.append(to_extern(stack.pop()))
            case "any.convert_extern":
                stack.append(to_any(stack.pop()))
            case "block":  # the closing `end`
                pass
            case _:
                raise Crash(f"{instr.op.mnemonic} is not constant")
    return stack.pop()


def _take(stack: list[Any], count: int) -> list[Any]:
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken


def _descriptor(stack: list[Any]) -> StructInst:
    desc: StructInst | None = stack.pop()
    if desc is None:
        raise Trap(TrapCode.NULL_REFERENCE, "null descriptor reference")
    return desc


def _bounded(inst: Instance, count: int) -> int:
    if count > inst.store.limits.gc_items:
        raise Trap(TrapCode.ALLOCATION_TOO_LARGE)
    return count
