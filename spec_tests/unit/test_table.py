"""Every row of the opcode table is found in everything that the table drives.

Decoder and encoder are walked in test_binary_instrs; that every row is executed is asked of the conformance scripts.
"""

from __future__ import annotations

import pytest

import refsfi.exec.chapters  # noqa: F401  (registers what executes)
from refsfi.exec import registry
from refsfi.numeric.table import SEMANTICS
from refsfi.syntax.features import ALL, Feature
from refsfi.syntax.module import Catch, CatchKind, Func, Instr, MemArg, Module
from refsfi.syntax.opcodes import BY_CODE, BY_MNEMONIC, OPS, Imm, Op, op
from refsfi.syntax.types import I32, I64, AbsHeap, FuncType, RecType, RefType, SubType
from refsfi.text.keywords import features_of, known_keyword
from refsfi.text.parser import parse_module
from refsfi.text.printer import print_module
from refsfi.valid.plans import rule_of

ROWS = pytest.mark.parametrize("row", OPS, ids=lambda row: row.mnemonic)

# An immediate of each kind that reads back from the text format as it was.
SAMPLES: dict[Imm, object] = {
    **dict.fromkeys((Imm.TYPE, Imm.FUNC, Imm.GLOBAL, Imm.TAG, Imm.ELEM, Imm.DATA, Imm.LOCAL, Imm.FIELD, Imm.LABEL), 0),
    Imm.TABLE: 1,
    Imm.MEM: 2,
    Imm.LABELS: (0, 0),
    Imm.COUNT: 9,
    Imm.LANE: 1,
    Imm.LANES: bytes(range(16)),
    Imm.I32: 0x80000000,
    Imm.I64: 2**64 - 1,
    Imm.F32: 0x7FA00001,
    Imm.F64: 0xFFF0000000000001,
    Imm.V128: b"0123456789abcdef",
    Imm.BLOCK: I64,
    Imm.HEAP: AbsHeap.I31,
    Imm.CAST: RefType(False, AbsHeap.I31),
    Imm.SELECT: (I32,),
    Imm.CATCHES: (Catch(CatchKind.CATCH, 0, 0), Catch(CatchKind.CATCH_ALL_REF, None, 0)),
}
# What an instruction that divides or closes a block stands in, and what closes one that opens it.
AROUND: dict[str, tuple[str, str]] = {
    "else": ("if", "end"),
    "catch": ("try", "end"),
    "catch_all": ("try", "end"),
    "delegate": ("try", ""),
    "end": ("block", ""),
    **{row.mnemonic: ("", "end") for row in OPS if Imm.BLOCK in row.imms},
}


def immediates(row: Op) -> tuple[object, ...]:
    if Imm.CASTS in row.imms:
        return (0, RefType(True, AbsHeap.ANY), RefType(False, AbsHeap.I31))
    if row.imms == (Imm.ZERO,):
        return ()
    return tuple(MemArg(row.width.bit_length() - 1, 1, 5) if i is Imm.MEMARG else SAMPLES[i] for i in row.imms)


def block(mnemonic: str) -> list[Instr]:
    """An instruction that opens or closes a block without type; none for the empty string."""
    if not mnemonic:
        return []
    row = op(mnemonic)
    return [Instr(row, (None,) if Imm.BLOCK in row.imms else ())]


@ROWS
@pytest.mark.parametrize("fold", [False, True])
def test_it_is_printed_and_parsed(row: Op, fold: bool) -> None:
    before, after = AROUND.get(row.mnemonic, ("", ""))
    body = [*block(before), Instr(row, immediates(row)), *block(after), *block("end")]
    nothing = RecType((SubType(True, (), FuncType((), ())),))
    module = Module(types=[nothing], funcs=[Func(0, [(1, I32)], body)])
    text = print_module(module, fold=fold)
    again = parse_module(text, ALL).funcs[0].body
    assert [(i.op, i.args) for i in again] == [(i.op, i.args) for i in body], text


@ROWS
def test_it_is_validated(row: Op) -> None:
    assert callable(rule_of(row))
    # A rule of its own, or operands and results in the row.
    assert (row.operands is None) == (row.results is None)


@ROWS
def test_it_is_executed(row: Op) -> None:
    assert callable(registry.find(row))


def test_what_computes_is_a_row() -> None:
    known = {row.mnemonic for row in OPS} | {row.rule for row in OPS}
    assert set(SEMANTICS) <= set(BY_MNEMONIC)
    assert set(registry.SEMANTICS) <= known


@ROWS
def test_its_word_is_a_keyword_where_its_feature_is_on(row: Op) -> None:
    assert known_keyword(row.mnemonic, ALL)
    if row.feature is not None:
        needed = set(features_of(row.mnemonic))
        assert row.feature in needed
        assert not known_keyword(row.mnemonic, ALL - needed)


def test_rows_are_told_apart() -> None:
    assert [row.id for row in OPS] == list(range(len(OPS)))
    assert len(BY_MNEMONIC) == len(OPS)
    # The rows with two opcodes: select, and three casts.
    assert len(BY_CODE) == len(OPS) + 4


def test_every_proposal_with_instructions_has_rows() -> None:
    without = {
        Feature.MUTABLE_GLOBAL,
        Feature.MULTI_VALUE,
        Feature.EXTENDED_CONST,
        Feature.MULTI_MEMORY,
        Feature.MEMORY64,
        Feature.CUSTOM_PAGE_SIZES,
    }
    assert {row.feature for row in OPS} - {None} == ALL - without
