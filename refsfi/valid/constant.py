"""Constant expressions: initial values and offsets (specification, chapter 3.4.13)."""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.features import Feature
from refsfi.syntax.module import Expr
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import F32, F64, I32, I64, RefType, ValType
from refsfi.valid.checker import Checker
from refsfi.valid.context import Context
from refsfi.valid.matching import val_matches
from refsfi.valid.plans import plans_for

__all__ = ["check_constant"]

_GLOBAL_GET = op("global.get")
_REF_FUNC = op("ref.func")
_END = op("end")
_CONSTS = {op(f"{type}.const"): type for type in (I32, I64, F32, F64)}


def check_constant(c: Context, expr: Expr, type: ValType) -> None:
    """Rule: Expr_ok_const, Expr_const
    Rule: Instr_const/const, Instr_const/vconst, Instr_const/ref.null, Instr_const/ref.i31, Instr_const/ref.func
    Rule: Instr_const/struct.new, Instr_const/struct.new_default, Instr_const/array.new, Instr_const/array.new_default
    Rule: Instr_const/array.new_fixed, Instr_const/any.convert_extern, Instr_const/extern.convert_any, Instr_const/binop

    That `expr` is constant and has the closed type `type`. The opcode table says which instructions are
    constant; globals count that are in the context so far.
    """
    if len(expr) == 2 and expr[1].op is _END:
        # Nearly all that there are: a module may have tens of thousands of segments.
        only = expr[0].op
        if only is _REF_FUNC:
            _check_func(c, expr[0].args[0], type)
            return
        if _CONSTS.get(only) is type:
            return
    for instr in expr[:-1]:
        if not instr.op.const:
            raise ValidationError(f"constant expression required: {instr.op.mnemonic} is not constant")
        if instr.op is _GLOBAL_GET:
            _check_global(c, instr.args[0])
        elif instr.op.rule == "binop" and Feature.EXTENDED_CONST not in c.features:
            raise ValidationError(f"constant expression required: {instr.op.mnemonic} needs the feature extended-const")
    checker = Checker(c, plans_for(c.features, None), (), frozenset(), (type,))
    checker.run(expr)


def _check_global(c: Context, x: int) -> None:
    """Rule: Instr_const/global.get

    Before garbage collection only imported globals could be read.
    """
    if Feature.GC not in c.features and x >= c.imported_globals:
        raise ValidationError(f"unknown global {x}")
    if c.global_(x).mut:
        raise ValidationError(f"constant expression required: global {x} is mutable")


def _check_func(c: Context, x: int, type: ValType) -> None:
    """`ref.func` alone, which element segments hold by the thousand.

    It is there even without reference types: an element segment of the first version lists functions.
    """
    found = c.func_ref(x)
    if not isinstance(type, RefType) or not val_matches(found, type):
        raise ValidationError(
            f"type mismatch: instruction requires {c.show_all((type,))} but stack has {c.show_all((found,))}"
        )
