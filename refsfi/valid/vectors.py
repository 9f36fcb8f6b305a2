"""Rules of vector instructions with lane immediates (specification, chapter 3.4); all others follow from their rows."""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.module import Instr
from refsfi.syntax.types import I32
from refsfi.valid.checker import Checker, Rule, signature

__all__ = ["RULES"]


def shuffle(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/vshuffle"""
    _check_lane(max(instr.args[0]), 32)
    _apply(c, instr)


def lane(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/vextract_lane, Instr_ok/vreplace_lane

    The mnemonic begins with the shape, as in `i16x8`.
    """
    shape = instr.op.mnemonic.partition(".")[0]
    _check_lane(instr.args[0], int(shape.partition("x")[2]))
    _apply(c, instr)


def _check_lane(lane: int, count: int) -> None:
    if lane >= count:
        raise ValidationError(f"invalid lane index {lane}")


def _apply(c: Checker, instr: Instr) -> None:
    operands, results = signature(instr.op, I32)
    c.pops(operands)
    c.push(results)


RULES: dict[str, Rule] = {
    "vshuffle": shuffle,
    "vextract_lane": lane,
    "vreplace_lane": lane,
}
