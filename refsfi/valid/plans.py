"""How each instruction is checked: the opcode table, resolved to types and rules once per set of features."""

from __future__ import annotations

from functools import lru_cache

from refsfi.errors import Crash, ValidationError
from refsfi.syntax.features import Feature, Features
from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import OPS, Imm, Op
from refsfi.syntax.types import I32, NumType
from refsfi.valid import aggregates, control, legacy, memory, references, variables, vectors
from refsfi.valid.checker import (
    BINARY,
    CONST,
    LOAD,
    LOCAL_GET,
    LOCAL_SET,
    LOCAL_TEE,
    SPECIAL,
    STORE,
    UNARY,
    Checker,
    Plan,
    Rule,
    signature,
)

__all__ = ["RULES", "plans_for", "rule_of"]

# By mnemonic or by rule family.
RULES: dict[str, Rule] = {
    **control.RULES,
    **legacy.RULES,
    **variables.RULES,
    **references.RULES,
    **aggregates.RULES,
    **memory.RULES,
    **vectors.RULES,
}

_LOCALS = {"local.get": LOCAL_GET, "local.set": LOCAL_SET, "local.tee": LOCAL_TEE}


def by_row(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/const, Instr_ok/unop, Instr_ok/binop, Instr_ok/testop, Instr_ok/relop, Instr_ok/cvtop
    Rule: Instr_ok/vconst, Instr_ok/vvunop, Instr_ok/vvbinop, Instr_ok/vvternop, Instr_ok/vvtestop
    Rule: Instr_ok/vunop, Instr_ok/vbinop, Instr_ok/vternop, Instr_ok/vtestop, Instr_ok/vrelop, Instr_ok/vshiftop
    Rule: Instr_ok/vbitmask, Instr_ok/vswizzlop, Instr_ok/vsplat, Instr_ok/vextunop, Instr_ok/vextbinop
    Rule: Instr_ok/vextternop, Instr_ok/vnarrow, Instr_ok/vcvtop

    Operands and results are those of the instruction's row.
    """
    operands, results = signature(instr.op, I32)
    c.pops(operands)
    c.push(results)


def disabled(c: Checker, instr: Instr) -> None:
    """An instruction whose feature is off, in a module that neither the decoder nor the parser made."""
    raise ValidationError(f"unknown operator {instr.op.mnemonic}: the feature {instr.op.feature} is off")


def _enabled(op: Op, features: Features) -> bool:
    if op.mnemonic == "throw" and Feature.LEGACY_EXCEPTIONS in features:
        return True
    return op.feature is None or op.feature in features


def rule_of(op: Op) -> Rule:
    """The rule that checks a row in full generality."""
    rule = RULES.get(op.mnemonic) or RULES.get(op.rule)
    if rule is not None:
        return rule
    if Imm.MEMARG in op.imms:
        return memory.atomic_access if op.feature is Feature.THREADS else memory.access
    if op.operands is None:
        raise Crash(f"no rule for {op.mnemonic}")
    return by_row


def _plan(op: Op, features: Features, addr: NumType | None) -> Plan:
    if not _enabled(op, features):
        return SPECIAL, None, None, I32, 0, disabled
    rule = rule_of(op)
    if op.mnemonic in _LOCALS:
        return _LOCALS[op.mnemonic], None, None, I32, 0, rule
    if rule is memory.access and Imm.LANE not in op.imms and addr is not None:
        operands, results = signature(op, addr)
        natural = op.width.bit_length() - 1
        if results:
            return LOAD, operands[0], None, results[0], natural, rule
        return STORE, operands[0], operands[1], I32, natural, rule
    if rule is by_row:
        operands, results = signature(op, I32)
        if len(results) == 1 and len(operands) <= 2:
            kind = (CONST, UNARY, BINARY)[len(operands)]
            a = operands[0] if operands else None
            b = operands[1] if len(operands) == 2 else None
            return kind, a, b, results[0], 0, rule
    return SPECIAL, None, None, I32, 0, rule


@lru_cache(maxsize=64)
def plans_for(features: Features, addr: NumType | None) -> tuple[Plan, ...]:
    """A plan for each row, by `Op.id`. `addr` is the address type of memory 0, None where there is none."""
    return tuple(_plan(op, features, addr) for op in OPS)
