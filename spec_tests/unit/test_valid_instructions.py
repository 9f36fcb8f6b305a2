"""Rules of instructions (specification, 3.4): what is accepted, and what an error says."""

from __future__ import annotations

import pytest

from refsfi.errors import LimitError, ValidationError
from refsfi.syntax.features import ALL, DEFAULT
from refsfi.syntax.module import Func, Instr, MemArg, Memory, Module
from refsfi.syntax.opcodes import OPS, Imm, Op, op
from refsfi.syntax.types import I32, I64, FuncType, Limits, MemType, NumType, RecType, SubType, ValType
from refsfi.text.parser import parse_module
from refsfi.valid.checker import signature
from refsfi.valid.control import RULES as CONTROL
from refsfi.valid.module import validate
from refsfi.valid.plans import RULES, rule_of

# What the bodies below refer to.
PRELUDE = """
  (type $unary (func (param i32) (result i32)))
  (type $point (sub (struct (field $x (mut i32)) (field $b i8) (field $r (ref null any)))))
  (type $bytes (array (mut i8)))
  (type $refs (array (mut (ref null func))))
  (type $frozen (array i32))
  (type $strict (array (ref any)))
  (memory $m 1)
  (memory $m64 i64 1)
  (table $t 1 funcref)
  (table $t64 i64 1 funcref)
  (table $e 1 externref)
  (global $g i32 (i32.const 0))
  (global $v (mut i32) (i32.const 0))
  (tag $tag (param i32 i64))
  (data $d "x")
  (elem $s func $id)
  (elem $x externref)
  (func $id (type $unary) (local.get 0))
"""


def body(code: str, header: str = "") -> None:
    validate(parse_module(f"(module {PRELUDE} (func {header} {code}))", ALL), ALL)


def error(code: str, header: str = "") -> str:
    with pytest.raises(ValidationError) as caught:
        body(code, header)
    return caught.value.message


# --- the opcode table ------------------------------------------------------------------------------------------------


def test_every_row_has_a_rule() -> None:
    for row in OPS:
        assert callable(rule_of(row))


def test_every_rule_belongs_to_a_row() -> None:
    assert set(RULES) <= {row.mnemonic for row in OPS} | {row.rule for row in OPS}
    assert set(CONTROL) <= set(RULES)


def plain(row: Op) -> bool:
    return row.operands is not None and row.mnemonic != "atomic.fence"


def immediates(row: Op) -> tuple[object, ...]:
    values: dict[Imm, object] = {
        Imm.MEMARG: MemArg(0, row.width.bit_length() - 1, 0),
        Imm.LANES: bytes(16),
        Imm.V128: bytes(16),
        Imm.MEM: 0,
        Imm.DATA: 0,
    }
    return tuple(values.get(imm, 0) for imm in row.imms)


def one(row: Op, params: tuple[ValType, ...], results: tuple[ValType, ...], addr: NumType, dead: bool) -> Module:
    """A function that applies `row` to its parameters, or to nothing where the code is dead."""
    before = [Instr(op("unreachable"))] if dead else [Instr(op("local.get"), (i,)) for i in range(len(params))]
    module = parse_module('(module (data "x") (elem func))', ALL)
    module.types = [RecType((SubType(True, (), FuncType(params, results)),))]
    module.mems = [Memory(MemType(Limits(1, 1), addr))]
    module.funcs = [Func(0, [], [*before, Instr(row, immediates(row)), Instr(op("end"))])]
    module.source = None
    return module


@pytest.mark.parametrize("addr", [I32, I64], ids=str)
def test_rows_have_the_types_they_say(addr: NumType) -> None:
    other: dict[ValType, ValType] = {I32: I64}
    for row in filter(plain, OPS):
        operands, results = signature(row, addr)
        validate(one(row, operands, results, addr, dead=False), ALL)
        validate(one(row, operands, results, addr, dead=True), ALL)
        for i, type in enumerate(operands):
            wrong = (*operands[:i], other.get(type, I32), *operands[i + 1 :])
            with pytest.raises(ValidationError, match="type mismatch"):
                validate(one(row, wrong, results, addr, dead=False), ALL)
        with pytest.raises(ValidationError, match="type mismatch"):
            validate(one(row, operands, (*results, I32), addr, dead=False), ALL)
        if operands:
            with pytest.raises(ValidationError, match="type mismatch"):
                validate(one(row, operands[1:], results, addr, dead=False), ALL)


def test_accesses_are_checked_against_the_memory_and_their_width() -> None:
    for row in OPS:
        if Imm.MEMARG not in row.imms:
            continue
        natural = row.width.bit_length() - 1
        atomic = row.prefix == 0xFE
        for arg, message in [
            (MemArg(0, natural + 1, 0), "atomic alignment must be natural" if atomic else "alignment must not be"),
            (MemArg(0, 1 << 40, 0), "atomic alignment must be natural" if atomic else "alignment must not be"),
            (MemArg(1, natural, 0), "unknown memory 1"),
            (MemArg(0, natural, 1 << 32), "offset out of range"),
        ]:
            module = one(row, (), (), I32, dead=True)
            module.funcs[0].body[1:2] = [Instr(row, (arg, *immediates(row)[1:])), Instr(op("unreachable"))]
            with pytest.raises(ValidationError, match=message):
                validate(module, ALL)
        module = one(row, (), (), I64, dead=True)
        far = MemArg(0, natural, (1 << 64) - 1)
        module.funcs[0].body[1:2] = [Instr(row, (far, *immediates(row)[1:])), Instr(op("unreachable"))]
        validate(module, ALL)
        if atomic and natural:
            module = one(row, (), (), I32, dead=True)
            module.funcs[0].body[1:2] = [Instr(row, (MemArg(0, 0, 0),)), Instr(op("unreachable"))]
            with pytest.raises(ValidationError, match="atomic alignment must be natural"):
                validate(module, ALL)


def test_lanes_are_checked_against_the_shape() -> None:
    for row in OPS:
        if Imm.LANE not in row.imms:
            continue
        bits = row.width * 8 or int(row.mnemonic[1 : row.mnemonic.index("x")])
        module = one(row, (), (), I32, dead=True)
        for lane in (128 // bits - 1, 128 // bits):
            args = (*immediates(row)[:-1], lane)
            module.funcs[0].body[1:2] = [Instr(row, args), Instr(op("unreachable"))]
            if lane < 128 // bits:
                validate(module, ALL)
            else:
                with pytest.raises(ValidationError, match=f"invalid lane index {lane}"):
                    validate(module, ALL)
            module.funcs[0].body.pop(2)


def test_shuffle_selects_among_32_lanes() -> None:
    row = op("i8x16.shuffle")
    module = one(row, (), (), I32, dead=True)
    module.funcs[0].body[1:2] = [Instr(row, (bytes([31] * 16),)), Instr(op("drop"))]
    validate(module, ALL)
    module.funcs[0].body[1] = Instr(row, (bytes([0] * 15 + [32]),))
    with pytest.raises(ValidationError, match="invalid lane index 32"):
        validate(module, ALL)


# --- what is accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("(result i32)", "(block (result i32) (i32.const 1) (br 0))"),
        ("(result i32)", "(if (result i32) (i32.const 1) (then (i32.const 1)) (else (unreachable)))"),
        ("(param i32) (result i32)", "(local.get 0) (if (param i32) (result i32) (i32.const 1) (then))"),
        ("(result i32 i64)", "(block (result i32 i64) (i32.const 1) (i64.const 2) (br_if 0 (i32.const 1)))"),
        ("(result i32)", "(block (result i32) (i32.const 1) (br_table 0 0 1 (i32.const 1)))"),
        ("", "(unreachable) (select) (drop)"),
        ("(result i64)", "(unreachable) (i64.const 1) (i32.const 1) (select)"),
        ("", "(br_table 0 (unreachable)) (i32.add) (drop) (f32.neg) (drop)"),
        ("(result (ref any))", "(block (result (ref any)) (br_on_non_null 0 (ref.null any)) (unreachable))"),
        ("(param anyref) (result (ref any))", "(block (drop (br_on_null 0 (local.get 0)))) (unreachable)"),
        (
            "(param anyref) (result i31ref)",
            "(block (result anyref) (br_on_cast 1 anyref i31ref (local.get 0))) (drop) (unreachable)",
        ),
        ("(param (ref $point)) (result (ref struct))", "(local.get 0)"),
        ("(local (ref any))", "(local.set 0 (ref.i31 (i32.const 1))) (drop (local.get 0))"),
        ("(local (ref any))", "(drop (local.tee 0 (ref.i31 (i32.const 1)))) (block (drop (local.get 0)))"),
        ("(result i32)", "(return_call $id (i32.const 1))"),
        ("", "(array.copy $bytes $bytes (ref.null none) (i32.const 0) (ref.null none) (i32.const 0) (i32.const 0))"),
        ("", "(memory.copy $m64 $m (i64.const 0) (i32.const 0) (i32.const 0))"),
        ("", "(memory.copy $m64 $m64 (i64.const 0) (i64.const 0) (i64.const 0))"),
        ("", "(table.copy $t $t64 (i32.const 0) (i64.const 0) (i32.const 0))"),
        ("(result i64)", "(table.grow $t64 (ref.null nofunc) (i64.const 1))"),
        ("(result i32 i64 exnref)", "(try_table (catch_ref $tag 0) (unreachable)) (unreachable)"),
        ("(param externref) (result (ref null any))", "(any.convert_extern (local.get 0))"),
        ("(param (ref extern)) (result (ref any))", "(any.convert_extern (local.get 0))"),
    ],
)
def test_valid_bodies(header: str, code: str) -> None:
    body(code, header)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("(drop)", "type mismatch: instruction requires an operand but stack has []"),
        (
            "(drop (i32.add (i32.const 1) (i64.const 1)))",
            "type mismatch: instruction requires [i32 i32] but stack has [i32 i64]",
        ),
        ("(i32.const 1)", "type mismatch: block requires [] but stack has [i32]"),
        ("(block (result i32)) (drop)", "type mismatch: instruction requires [i32] but stack has []"),
        ("(block (drop (i32.eqz)) (drop))", "type mismatch: instruction requires [i32] but stack has []"),
        ("(br 1)", "unknown label 1"),
        ("(br_table 0 7 (i32.const 0))", "unknown label 7"),
        ("(block (result i32) (br_table 0 1 (i32.const 0) (i32.const 1))) (drop)", "type mismatch"),
        (
            "(if (result i32) (i32.const 0) (then (i32.const 1))) (drop)",
            "type mismatch: if without else requires [i32]",
        ),
        ("(local.get 3)", "unknown local 3"),
        ("(local.set 3 (i32.const 0))", "unknown local 3"),
        ("(local.tee 3 (i32.const 0))", "unknown local 3"),
        ("(call 99)", "unknown function 99"),
        ("(global.get 9)", "unknown global 9"),
        ("(global.set $g (i32.const 1))", "immutable global 0"),
        ("(global.set $v (i64.const 1))", "type mismatch: instruction requires [i32] but stack has [i64]"),
        (
            "(call_indirect $e (type $unary) (i32.const 0) (i32.const 0))",
            "type mismatch: instruction requires table of",
        ),
        ("(call_indirect 9 (type $unary) (i32.const 0) (i32.const 0))", "unknown table 9"),
        ("(call_indirect (type 99) (i32.const 0))", "unknown type 99"),
        ("(call_ref $point (unreachable))", "non-function type 1"),
        (
            "(return_call $id (i32.const 1))",
            "type mismatch: current function requires result type [] but callee returns",
        ),
        ("(throw 9)", "unknown tag 9"),
        ("(throw $tag (i32.const 1))", "type mismatch: instruction requires [i32 i64] but stack has [i32]"),
        (
            "(block (result i32) (try_table (catch $tag 0)) (i32.const 1)) (drop)",
            "type mismatch: catch handler requires",
        ),
        ("(select (result i32 i32) (unreachable))", "invalid result arity"),
        ("(drop (select (ref.null any) (ref.null any) (i32.const 1)))", "type mismatch: instruction requires numeric"),
        ("(drop (ref.is_null (i32.const 0)))", "type mismatch: instruction requires reference type but stack has i32"),
        ("(drop (ref.null 99))", "unknown type 99"),
        ("(br_on_non_null 0 (ref.null any))", "type mismatch: instruction requires reference type but label has []"),
        ("(block (result i31ref) (br_on_cast 0 i31ref anyref (unreachable))) (drop)", "type mismatch"),
        ("(drop (struct.get $point 9 (ref.null none)))", "unknown field 9"),
        ("(drop (struct.get $point $b (ref.null none)))", "field is packed"),
        ("(drop (struct.get_s $point $x (ref.null none)))", "field is unpacked"),
        ("(struct.set $point $b (ref.null none) (i32.const 0))", "immutable field 1"),
        ("(drop (struct.get $bytes 0 (ref.null none)))", "non-structure type 2"),
        ("(drop (array.get $point (ref.null none) (i32.const 0)))", "non-array type 1"),
        ("(drop (array.get $bytes (ref.null none) (i32.const 0)))", "array is packed"),
        ("(array.set $frozen (ref.null none) (i32.const 0) (i32.const 0))", "immutable array 4"),
        ("(drop (array.new_default $strict (i32.const 1)))", "array type is not defaultable"),
        ("(drop (array.new_data $refs $d (i32.const 0) (i32.const 0)))", "array type is not numeric or vector"),
        ("(drop (array.new_data $bytes 9 (i32.const 0) (i32.const 0)))", "unknown data segment 9"),
        ("(drop (array.new_elem $refs 9 (i32.const 0) (i32.const 0)))", "unknown elem segment 9"),
        (
            "(drop (array.new_elem $refs $x (i32.const 0) (i32.const 0)))",
            "type mismatch: element segment's type externref",
        ),
        ("(array.copy $bytes $refs (unreachable))", "array types do not match"),
        ("(table.copy $t $e (unreachable))", "type mismatch: source element type externref"),
        ("(table.init $t $x (unreachable))", "type mismatch: element segment's type externref"),
        ("(memory.init 9 $d (unreachable))", "unknown memory 9"),
        ("(memory.init $m 9 (unreachable))", "unknown data segment 9"),
        ("(elem.drop 9)", "unknown elem segment 9"),
        (
            "(memory.copy $m64 $m (i64.const 0) (i32.const 0) (i64.const 0))",
            "type mismatch: instruction requires [i64 i32 i32]",
        ),
        ("(rethrow 0)", "invalid rethrow label 0"),
        ("(try (do (rethrow 0)) (catch_all))", "invalid rethrow label 0"),
        ("(try (do) (delegate 1))", "unknown label 1"),
    ],
)
def test_invalid_bodies(code: str, message: str) -> None:
    assert error(code).startswith(message)


def test_types_by_index_are_shown_by_index() -> None:
    found = error("(drop (struct.get $point $x (array.new_default $bytes (i32.const 1))))")
    assert found == "type mismatch: instruction requires [(ref null 1)] but stack has [(ref (exact 2))]"


def test_references_of_functions_are_declared_elsewhere() -> None:
    validate(parse_module('(func $f (export "f") (drop (ref.func $f)))'))
    validate(parse_module("(func $f (drop (ref.func $f))) (elem declare func $f)"))
    validate(parse_module("(func $f (drop (ref.func $f))) (global funcref (ref.func $f))"))
    for text in ("(func $f (drop (ref.func $f)))", "(func $f (drop (ref.func $f))) (start $f)"):
        with pytest.raises(ValidationError, match="undeclared function reference 0"):
            validate(parse_module(text))


# --- locals without a default ----------------------------------------------------------------------------------------

SET = "(local.set 0 (ref.i31 (i32.const 1)))"
GET = "(drop (local.get 0))"


@pytest.mark.parametrize(
    "code",
    [
        f"{SET} (block {GET} (loop {GET})) {GET}",
        f"(block {SET} {GET}) {SET} {GET}",
        f"(if (i32.const 0) (then {SET} {GET}) (else {SET} {GET}))",
        f"(unreachable) {SET} {GET}",
        f"{SET} (block {SET}) {GET}",
    ],
)
def test_initialised_locals(code: str) -> None:
    body(code, "(local (ref any))")


@pytest.mark.parametrize(
    "code",
    [
        GET,
        f"(block {SET}) {GET}",
        f"(if (i32.const 0) (then {SET}) (else {GET}))",
        f"(if (i32.const 0) (then {SET}) (else {SET})) {GET}",
        f"(loop {SET} (block {SET}) (br 0)) {GET}",
        f"(try_table {SET}) {GET}",
        f"(try (do {SET}) (catch_all {GET}))",
        f"(unreachable) {GET}",
    ],
)
def test_what_a_block_initialises_is_forgotten_at_its_end(code: str) -> None:
    assert error(code, "(local (ref any))") == "uninitialized local 0"


# --- the shape of a flat body ----------------------------------------------------------------------------------------


def flat(*instrs: Instr) -> Module:
    return Module(types=[RecType((SubType(True, (), FuncType((), ())),))], funcs=[Func(0, [], list(instrs))])


BLOCK, END, ELSE, NOP = Instr(op("block"), (None,)), Instr(op("end")), Instr(op("else")), Instr(op("nop"))


@pytest.mark.parametrize(
    ("instrs", "message"),
    [
        ((BLOCK, END), "END opcode expected"),
        ((END, NOP), "END opcode expected"),
        ((END, END), "END opcode expected"),
        ((), "END opcode expected"),
        ((ELSE, END), "unexpected else"),
        ((BLOCK, ELSE, END, END), "unexpected else"),
        ((Instr(op("catch_all")), END), "unexpected catch_all"),
        ((Instr(op("delegate"), (0,)), END), "unexpected delegate"),
        ((Instr(op("try"), (None,)), Instr(op("catch_all")), Instr(op("catch_all")), END, END), "unexpected catch_all"),
    ],
)
def test_badly_nested_bodies(instrs: tuple[Instr, ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        validate(flat(*instrs))


# --- attacks ---------------------------------------------------------------------------------------------------------


def test_deep_nesting() -> None:
    validate(flat(*[BLOCK] * 100_000, *[END] * 100_001))
    with pytest.raises(LimitError, match="nest too deep"):
        validate(flat(*[BLOCK] * 500_001, *[END] * 500_002))


def test_results_that_nobody_takes() -> None:
    thousand = FuncType((), (I32,) * 1_000)
    module = flat(*[Instr(op("call"), (1,))] * 10_000, END)
    module.types.append(RecType((SubType(True, (), thousand),)))
    module.funcs.append(Func(1, [], [Instr(op("unreachable")), END]))
    with pytest.raises(LimitError, match="too many operands"):
        validate(module)


def test_huge_counts_in_dead_code() -> None:
    with pytest.raises(LimitError, match=r"array\.new_fixed"):
        body("(unreachable) (array.new_fixed $bytes 10001) (unreachable)")
    body("(unreachable) (array.new_fixed $bytes 10000) (unreachable)")
    assert error("(array.new_fixed $bytes 10000) (unreachable)").startswith("type mismatch")


def test_a_million_declared_locals() -> None:
    module = flat(END)
    module.funcs[0].locals = [(50_000, I32)]
    module.funcs *= 50_000
    info = validate(module, DEFAULT)
    assert len({id(types) for types in info.local_types}) == 1
    module.funcs = [Func(0, [(50_001, I32)], [END])]
    with pytest.raises(LimitError, match="locals"):
        validate(module, DEFAULT)
    module.funcs = [Func(0, [(1 << 32, I32)] * 10, [END])]
    with pytest.raises(LimitError, match="locals"):
        validate(module, DEFAULT)
