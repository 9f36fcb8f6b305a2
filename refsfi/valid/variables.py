"""Rules of parametric, local and global instructions (specification, chapter 3.4)."""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.features import Feature
from refsfi.syntax.module import Instr
from refsfi.syntax.types import BOT, I32, NumType, ValType
from refsfi.valid.checker import Checker, Rule

__all__ = ["RULES"]


# --- parametric ------------------------------------------------------------------------------------------------------


def drop(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/drop"""
    c.pop()


def select(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/select-expl, Instr_ok/select-impl

    Without a type, operands must be numbers or vectors, so that their type is known without looking for a common
    supertype.
    """
    types = instr.args[0]
    if types is not None:
        c.context.need(Feature.REFERENCE_TYPES, "typed select")
        if len(types) != 1:
            raise ValidationError(f"invalid result arity: {len(types)} types, select has one")
        type = c.context.val(types[0])
        c.pops((type, type, I32))
        c.stack.append(type)
        return
    stack = c.stack
    # The bottom type of either operand says nothing about the other.
    first, second = c.peek(2), c.peek(1)
    type = first if second is BOT else second
    if not isinstance(type, NumType):
        raise ValidationError(
            f"type mismatch: instruction requires numeric or vector type but stack has {c.context.show(type)}"
        )
    if stack[-1] is I32 and second is type and first is type and type is not BOT:
        del stack[-2:]
        return
    c.pops((type, type, I32))
    c.stack.append(type)


# --- locals ----------------------------------------------------------------------------------------------------------


def _local(c: Checker, x: int) -> ValType:
    if x < len(c.locals):
        return c.locals[x]
    raise ValidationError(f"unknown local {x}")


def _initialise(c: Checker, x: int) -> None:
    if x in c.tracked and x not in c.initialised:
        c.initialised.add(x)
        c.inits.append(x)


def local_get(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/local.get"""
    x = instr.args[0]
    type = _local(c, x)
    if x in c.tracked and x not in c.initialised:
        raise ValidationError(f"uninitialized local {x}")
    c.stack.append(type)


def local_set(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/local.set"""
    x = instr.args[0]
    c.pops((_local(c, x),))
    _initialise(c, x)


def local_tee(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/local.tee"""
    x = instr.args[0]
    type = _local(c, x)
    c.pops((type,))
    c.stack.append(type)
    _initialise(c, x)


# --- globals ---------------------------------------------------------------------------------------------------------


def global_get(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/global.get"""
    c.stack.append(c.context.global_(instr.args[0]).type)


def global_set(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/global.set"""
    x = instr.args[0]
    type = c.context.global_(x)
    if not type.mut:
        raise ValidationError(f"immutable global {x}")
    c.pops((type.type,))


RULES: dict[str, Rule] = {
    "drop": drop,
    "select": select,
    "local.get": local_get,
    "local.set": local_set,
    "local.tee": local_tee,
    "global.get": global_get,
    "global.set": global_set,
}
