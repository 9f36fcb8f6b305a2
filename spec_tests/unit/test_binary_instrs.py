"""Instructions of the binary format (specification, 5.4): every row of the opcode table, immediates, nesting."""

from __future__ import annotations

import pytest

from refsfi.binary.decode_instrs import instr_reader
from refsfi.binary.encode_instrs import expr as encode_expr
from refsfi.binary.reader import at_end
from refsfi.errors import DecodeError
from refsfi.syntax.features import ALL, WASM1, WASM2, WASM3, Feature, Features
from refsfi.syntax.module import Catch, CatchKind, Expr, Instr, MemArg
from refsfi.syntax.opcodes import BY_CODE, OPS, Imm, Op, op
from refsfi.syntax.types import EXTERNREF, FUNCREF, I32, AbsHeap, RefType, TypeUse


def read(text: str, features: Features = ALL, data_count: bool = True) -> Expr:
    """The expression, which must take all of the bytes."""
    data = bytes.fromhex(text)
    with at_end(data):
        body, pos = instr_reader(features, data_count).expr(data, 0)
    assert pos == len(data)
    return body


def write(body: Expr) -> str:
    out = bytearray()
    encode_expr(out, body)
    return out.hex(" ")


def refused(text: str, features: Features = ALL, data_count: bool = True) -> tuple[str, int]:
    with pytest.raises(DecodeError) as error:
        read(text, features, data_count)
    # Which feature it would take is the subject of test_valid_features.
    return error.value.message.partition(": the feature")[0], error.value.offset


# One value for each kind of immediate, with its bytes.
SAMPLES: dict[Imm, tuple[object, str]] = {
    Imm.TYPE: (3, "03"),
    Imm.FUNC: (200, "c8 01"),
    Imm.TABLE: (1, "01"),
    Imm.MEM: (2, "02"),
    Imm.GLOBAL: (127, "7f"),
    Imm.TAG: (0, "00"),
    Imm.ELEM: (4, "04"),
    Imm.DATA: (5, "05"),
    Imm.LOCAL: (128, "80 01"),
    Imm.FIELD: (6, "06"),
    Imm.LABEL: (0, "00"),
    Imm.LABELS: ((0, 300, 0), "03 00 ac 02 00"),
    Imm.COUNT: (9, "09"),
    Imm.MEMARG: (MemArg(0, 2, 300), "02 ac 02"),
    Imm.LANE: (255, "ff"),
    Imm.LANES: (bytes(range(16)), bytes(range(16)).hex(" ")),
    Imm.I32: (0x80000000, "80 80 80 80 78"),
    Imm.I64: (2**64 - 1, "7f"),
    Imm.F32: (0x7FA00001, "01 00 a0 7f"),
    Imm.F64: (0xFFF0000000000001, "01 00 00 00 00 00 f0 ff"),
    Imm.V128: (b"0123456789abcdef", b"0123456789abcdef".hex(" ")),
    Imm.BLOCK: (None, "40"),
    Imm.HEAP: (TypeUse(70), "c6 00"),
    Imm.CAST: (RefType(False, AbsHeap.I31), "6c"),
    Imm.SELECT: (None, ""),
    Imm.CATCHES: ((Catch(CatchKind.CATCH, 1, 0), Catch(CatchKind.CATCH_ALL_REF, None, 2)), "02 00 01 00 03 02"),
}
NON_NULL_STRUCT, NULL_EXACT = RefType(False, AbsHeap.STRUCT), RefType(True, TypeUse(65, exact=True))
# What must stand before and after an instruction that divides or closes a block.
AROUND = {
    "else": ("04 40", "0b 0b"),
    "catch": ("06 40", "0b 0b"),
    "catch_all": ("06 40", "0b 0b"),
    "delegate": ("06 40", "0b"),
    "end": ("02 40", "0b"),
}


def sample(row: Op) -> tuple[tuple[object, ...], str]:
    """Immediates for a row, with their bytes."""
    if Imm.CASTS in row.imms:
        return (1, NON_NULL_STRUCT, NULL_EXACT), "02 01 6b 62 41"
    if row.imms == (Imm.ZERO,):
        return (), "00"
    chosen = [SAMPLES[imm] for imm in row.imms]
    return tuple(value for value, _ in chosen), " ".join(text for _, text in chosen)


@pytest.mark.parametrize("row", OPS, ids=lambda row: row.mnemonic)
def test_every_row_is_decoded_and_encoded(row: Op) -> None:
    args, immediates = sample(row)
    code = f"{row.code:02x}"
    if row.prefix is not None:
        code = f"{row.prefix:02x} " + (code if row.code < 0x80 else f"{row.code & 0x7F | 0x80:02x} {row.code >> 7:02x}")
    before, after = AROUND.get(row.mnemonic, ("", "0b 0b" if Imm.BLOCK in row.imms else "0b"))
    text = " ".join(f"{before} {code} {immediates} {after}".split())
    body = read(text)
    at = len(bytes.fromhex(before))
    assert [i for i in body if i.at == at] == [Instr(row, args)]
    assert write(body) == text


@pytest.mark.parametrize("row", [row for row in OPS if row.feature is not None], ids=lambda row: row.mnemonic)
def test_without_its_feature_an_opcode_is_illegal(row: Op) -> None:
    assert row.feature is not None
    code = f"{row.code:02x}" if row.code < 0x80 else f"{row.code & 0x7F | 0x80:02x} {row.code >> 7:02x}"
    text = f"01 {code if row.prefix is None else f'{row.prefix:02x} {code}'}"
    message, offset = refused(text, ALL - {row.feature})
    assert message.startswith("illegal opcode")
    assert offset == 1


def test_bytes_that_are_no_opcode_are_illegal() -> None:
    known = {code for prefix, code in BY_CODE if prefix is None} | {0xFB, 0xFC, 0xFD, 0xFE}
    for byte in set(range(256)) - known:
        assert refused(f"01 {byte:02x} 00 0b") == (f"illegal opcode {byte:02x}", 1)
    assert refused("fb 1f 0b") == ("illegal opcode fb 1f", 0)
    assert refused("fd ff 7f 0b") == ("illegal opcode fd 3fff", 0)
    assert refused("fb 00", WASM2) == ("illegal opcode fb", 0)


def test_a_prefixed_opcode_may_take_more_bytes_than_necessary() -> None:
    assert read("fc 82 80 80 80 00 0b")[0].op is op("i32.trunc_sat_f64_s")
    assert refused("fc 82 80 80 80 80 00 0b") == ("integer representation too long", 6)


# --- rows with two opcodes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mnemonic", "arg"),
    [
        ("1b", "select", None),
        ("1c 00", "select", ()),
        ("1c 02 7f 70", "select", (I32, FUNCREF)),
        ("fb 14 6b", "ref.test", RefType(False, AbsHeap.STRUCT)),
        ("fb 15 6b", "ref.test", RefType(True, AbsHeap.STRUCT)),
        ("fb 16 05", "ref.cast", RefType(False, TypeUse(5))),
        ("fb 17 62 05", "ref.cast", RefType(True, TypeUse(5, exact=True))),
        ("fb 23 05", "ref.cast_desc_eq", RefType(False, TypeUse(5))),
        ("fb 24 05", "ref.cast_desc_eq", RefType(True, TypeUse(5))),
    ],
)
def test_the_immediate_chooses_the_opcode(text: str, mnemonic: str, arg: object) -> None:
    body = read(f"{text} 0b")
    assert body == [Instr(op(mnemonic), (arg,)), Instr(op("end"))]
    assert write(body) == f"{text} 0b"


def test_select_with_types_came_with_reference_types() -> None:
    assert refused("1c 01 7f 0b", WASM1) == ("illegal opcode 1c", 0)
    read("1b 0b", WASM1)


# --- immediates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "type"),
    [("40", None), ("7f", I32), ("6f", EXTERNREF), ("64 05", RefType(False, TypeUse(5))), ("05", 5), ("80 01", 128)],
)
def test_block_types(text: str, type: object) -> None:
    body = read(f"02 {text} 0b 0b")
    assert body[0].args == (type,)
    assert write(body) == f"02 {text} 0b 0b"


def test_malformed_block_types() -> None:
    assert refused("02 41 0b 0b") == ("malformed reference type", 1)
    assert refused("02 ff 7f 0b 0b") == ("integer representation too long", 2)
    assert refused("02 05 0b 0b", WASM1) == ("malformed block type", 1)


@pytest.mark.parametrize(
    ("text", "arg"),
    [
        ("00 00", MemArg(0, 0, 0)),
        ("3f 7f", MemArg(0, 63, 127)),
        ("42 01 80 01", MemArg(1, 2, 128)),
        ("42 ac 02 00", MemArg(300, 2, 0)),
        ("03 ff ff ff ff ff ff ff ff ff 01", MemArg(0, 3, 2**64 - 1)),
    ],
)
def test_memory_arguments(text: str, arg: MemArg) -> None:
    body = read(f"28 {text} 0b")
    assert body[0].args == (arg,)
    assert write(body) == f"28 {text} 0b"


def test_malformed_memory_arguments() -> None:
    assert refused("28 80 01 00 0b") == ("malformed memop flags", 1)
    assert refused("28 42 00 00 0b", WASM2) == ("malformed memop flags", 1)
    assert refused("28 02 80 80 80 80 10 0b", WASM2) == ("integer too large", 6)


def test_indices_that_were_reserved_bytes() -> None:
    for text in ("3f 01", "40 80 00", "11 00 01"):
        assert refused(f"{text} 0b", WASM1)[0] == "zero byte expected"
        read(f"{text} 0b", WASM3)
    assert refused("fe 03 01 0b") == ("zero byte expected", 2)


def test_constants_are_unsigned_and_may_be_written_at_length() -> None:
    assert read("41 ff ff ff ff 7f 0b")[0].args == (0xFFFFFFFF,)
    assert read("42 80 7f 0b")[0].args == (2**64 - 128,)
    assert read("44 00 00 00 00 00 00 f8 7f 0b")[0].args == (0x7FF8000000000000,)
    with pytest.raises(ValueError, match="-1"):
        write([Instr(op("i32.const"), (-1,))])


def test_constants_that_the_bytes_cut_off() -> None:
    for text in ("43 00 00 00", "44 00 00 00 00 00 00 00", "fd 0c 00 00", "fd 0d 00", "fd 15", "1c 01"):
        assert refused(text) == ("unexpected end of section or function", len(bytes.fromhex(text)))


def test_counts_beyond_the_bytes_are_refused_at_once() -> None:
    for text in ("0e", "1c", "1f 40"):
        offset = len(bytes.fromhex(text))
        assert refused(f"{text} ff ff ff ff 0f 00") == ("length out of bounds", offset)


def test_malformed_flags_and_clauses() -> None:
    assert refused("fb 18 04 00 6e 6e 0b") == ("malformed br_on_cast flags", 2)
    assert refused("1f 40 01 04 00 0b 0b") == ("malformed catch clause", 3)
    assert refused("d0 7f 0b") == ("malformed heap type", 1)


def test_instructions_on_data_need_a_data_count() -> None:
    for text in ("fc 08 00 00", "fc 09 00", "fb 09 00 00", "fb 12 00 00"):
        assert refused(f"01 {text} 0b", data_count=False) == ("data count section required", 1)
        read(f"{text} 0b")


# --- blocks ---------------------------------------------------------------------------------------------------------


def mnemonics(text: str) -> str:
    return " ".join(i.op.mnemonic for i in read(text))


def test_blocks_are_flat_and_the_last_end_closes_the_expression() -> None:
    assert mnemonics("04 40 02 40 0b 05 03 40 0b 0b 0b") == "if block end else loop end end end"
    assert mnemonics("06 40 07 00 07 01 19 0b 0b") == "try catch catch catch_all end end"
    assert mnemonics("06 40 06 40 18 00 07 00 0b 0b") == "try try delegate catch end end"
    assert [i.at for i in read("02 40 41 01 1a 0b 0b")] == [0, 2, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("05 0b", 0),
        ("02 40 05 0b 0b", 2),
        ("04 40 05 05 0b 0b", 3),
        ("04 40 02 40 05 0b 0b 0b", 4),
        ("07 00 0b", 0),
        ("02 40 07 00 0b 0b", 2),
        ("06 40 19 07 00 0b 0b", 3),
        ("06 40 19 19 0b 0b", 3),
        ("06 40 05 0b 0b", 2),
        ("18 00 0b", 0),
        ("06 40 07 00 18 00 0b", 4),
        ("1f 40 00 07 00 0b 0b", 3),
    ],
)
def test_what_divides_a_block_stands_in_the_right_one(text: str, offset: int) -> None:
    assert refused(text) == ("END opcode expected", offset)


@pytest.mark.parametrize("text", ["", "02 40", "02 40 0b", "04 40 05 0b", "06 40 18 00"])
def test_an_expression_has_its_end(text: str) -> None:
    assert refused(text) == ("unexpected end of section or function", len(bytes.fromhex(text)))


@pytest.mark.parametrize("opener", ["02 40", "03 40", "04 40", "06 40", "1f 40 00"])
def test_nesting_is_as_deep_as_the_bytes(opener: str) -> None:
    depth = 100_000
    data = bytes.fromhex(opener) * depth + b"\x0b" * (depth + 1)
    body, pos = instr_reader(ALL).expr(data, 0)
    assert (len(body), pos) == (2 * depth + 1, len(data))
    out = bytearray()
    encode_expr(out, body)
    assert out == data


def test_proposals_have_their_own_opcodes() -> None:
    assert Feature.LEGACY_EXCEPTIONS not in WASM3
    assert refused("06 40 0b 0b", WASM3) == ("illegal opcode 06", 0)
    assert refused("fe 00 02 00 0b", WASM3) == ("illegal opcode fe", 0)
