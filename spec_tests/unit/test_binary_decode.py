"""Sections, types and definitions of the binary format (specification, 5.3 and 5.5).

Modules are written as hexadecimal; `module` puts the header and the sections' sizes around them.
"""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode, decode_body
from refsfi.binary.sections import sections
from refsfi.errors import DecodeError
from refsfi.syntax.features import ALL, DEFAULT, WASM1, WASM2, WASM3, Feature, Features
from refsfi.syntax.module import Active, Custom, Declarative, Instr, Module, Passive
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import (
    EXTERNREF,
    FUNCREF,
    I8,
    I32,
    I64,
    AbsHeap,
    ArrayType,
    ExternKind,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RecType,
    RefType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeUse,
)

HEADER = b"\0asm\1\0\0\0"
END = Instr(op("end"))


def module(*sections: tuple[int, str]) -> bytes:
    """A module of sections (id, contents in hexadecimal), each shorter than 128 bytes."""
    out = bytearray(HEADER)
    for id, contents in sections:
        data = bytes.fromhex(contents)
        out += bytes((id, len(data))) + data
    return bytes(out)


def refused(data: bytes, features: Features = WASM3) -> tuple[str, int]:
    """Message and offset of the error."""
    with pytest.raises(DecodeError) as error:
        decode(data, features)
    # Which feature it would take is the subject of test_valid_features.
    return error.value.message.partition(": the feature")[0], error.value.offset


def one_body(body: str, types: str = "01 60 00 00") -> bytes:
    size = len(bytes.fromhex(body))
    return module((1, types), (3, "01 00"), (10, f"01 {size:02x} {body}"))


# --- the header and the framing of sections -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message", "offset"),
    [
        (b"", "unexpected end", 0),
        (b"\0as", "unexpected end", 3),
        (b"\0asm\1\0", "unexpected end", 6),
        (b"\0ASM\1\0\0\0", "magic header not detected", 0),
        (b"\0asm\2\0\0\0", "unknown binary version", 4),
        (b"\0asm\x0d\0\1\0", "unknown binary version", 4),
        (HEADER + b"\x0e\0", "malformed section id", 8),
        (HEADER + b"\1", "unexpected end of section or function", 9),
        (HEADER + b"\1\xff\xff\xff\xff\x0f", "length out of bounds", 9),
        (HEADER + b"\1\x02\0", "unexpected end of section or function", 11),
    ],
)
def test_malformed_headers_and_framing(data: bytes, message: str, offset: int) -> None:
    assert refused(data) == (message, offset)


def test_the_empty_module() -> None:
    assert decode(HEADER) == Module()
    assert decode(HEADER).binary == HEADER


def test_any_bytes_like_object_will_do_but_nothing_else() -> None:
    assert decode(bytearray(HEADER)) == decode(memoryview(HEADER)) == Module()  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        decode(8)  # type: ignore[arg-type]


def test_sections_may_be_empty() -> None:
    ids = [1, 2, 3, 4, 5, 13, 6, 7, 9, 10, 11]
    assert decode(module(*[(id, "00") for id in ids])) == Module()


def test_sections_come_in_their_order_and_once() -> None:
    order = [1, 2, 3, 4, 5, 13, 6, 7, 9, 10, 11]
    for i, first in enumerate(order):
        for second in order[: i + 1]:
            message, offset = refused(module((first, "00"), (second, "00")))
            assert (message, offset) == ("unexpected content after last section", 11)


def test_a_section_takes_its_size_exactly() -> None:
    assert refused(module((1, "01 60 00 00 99"))) == ("section size mismatch", 14)
    # Contents that go on behind the section's end are noticed there.
    assert refused(HEADER + bytes.fromhex("01 03 01 60 00 00")) == ("section size mismatch", 13)


def test_a_feature_that_is_off_takes_its_sections_away() -> None:
    assert refused(module((12, "00")), WASM1) == ("malformed section id", 8)
    assert refused(module((13, "00")), WASM2) == ("malformed section id", 8)
    assert decode(module((13, "00")), WASM2 | {Feature.LEGACY_EXCEPTIONS}) == Module()


def test_sections_lists_what_is_there() -> None:
    data = module((1, "00"), (0, "01 61 ff"))
    assert [(s.id, s.at, s.start, s.end) for s in sections(data)] == [(1, 8, 10, 11), (0, 11, 13, 16)]


# --- custom sections ------------------------------------------------------------------------------------------------


def test_custom_sections_know_what_they_follow() -> None:
    data = module((0, "01 61"), (1, "01 60 00 00"), (0, "01 62 01 02"), (5, "00"), (0, "00 03"))
    customs = decode(data).customs
    assert customs == [Custom("a", b"", 0), Custom("b", b"\1\2", 1), Custom("", b"\3", 1)]
    assert [c.at for c in customs] == [8, 18, 27]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("", "unexpected end of section or function"),
        ("02 61", "unexpected end of section or function"),
        ("01 ff", "malformed UTF-8 encoding"),
    ],
)
def test_a_custom_section_has_a_name(contents: str, message: str) -> None:
    assert refused(module((0, contents)))[0] == message


def test_a_custom_sections_name_lies_within_it() -> None:
    assert refused(module((0, "02 61"), (0, "01 61")))[0] == "unexpected end of section or function"


# --- types ----------------------------------------------------------------------------------------------------------


def types_of(contents: str, features: Features = WASM3) -> list[RecType]:
    return decode(module((1, contents)), features).types


def test_function_types() -> None:
    sub = SubType(True, (), FuncType((I32, FUNCREF, RefType(False, TypeUse(3))), (I64, EXTERNREF)))
    assert types_of("01 60 03 7f 70 64 03 02 7e 63 6f") == [RecType((sub,))]


def test_aggregate_types_and_subtypes() -> None:
    struct = SubType(False, (), StructType((FieldType(I8, True), FieldType(RefType(True, AbsHeap.ANY), False))))
    array = SubType(True, (0,), ArrayType(FieldType(I64, False)))
    assert types_of("01 4e 02 50 00 5f 02 78 01 6e 00 4f 01 00 5e 7e 00") == [RecType((struct, array), explicit=True)]


def test_a_group_of_one_remembers_how_it_was_written() -> None:
    plain, grouped = types_of("02 60 00 00 4e 01 60 00 00")
    assert (plain.explicit, grouped.explicit) == (False, True)
    assert plain.members == grouped.members


def test_an_index_may_take_more_bytes_than_necessary() -> None:
    assert types_of("01 5e 64 83 00 00")[0].members[0].comp == ArrayType(FieldType(RefType(False, TypeUse(3)), False))


@pytest.mark.parametrize(
    ("contents", "message", "offset"),
    [
        ("01 61", "malformed definition type", 11),
        ("01 e0 7f 00 00", "integer representation too long", 12),
        ("01 60 01 40 00", "malformed reference type", 13),
        ("01 60 01 64 40 00", "malformed heap type", 14),
        ("01 60 01 ff 7f 00", "integer representation too long", 14),
        ("01 5e 79 00", "malformed storage type", 12),
        ("01 5e 64 40 00", "malformed storage type", 13),
        ("01 5e 78 02", "malformed mutability", 13),
        ("01 4e 01 4e 00", "malformed definition type", 13),
        ("01 60 ff ff ff ff 0f", "length out of bounds", 12),
    ],
)
def test_malformed_types(contents: str, message: str, offset: int) -> None:
    assert refused(module((1, contents))) == (message, offset)


@pytest.mark.parametrize(
    ("contents", "feature"),
    [
        ("01 60 01 7b 00", Feature.SIMD),
        ("01 60 01 70 00", Feature.REFERENCE_TYPES),
        ("01 60 01 6f 00", Feature.REFERENCE_TYPES),
        ("01 60 01 69 00", Feature.EXCEPTIONS),
        ("01 60 01 6e 00", Feature.GC),
        ("01 5f 00", Feature.GC),
        ("01 5e 78 00", Feature.GC),
        ("01 50 00 60 00 00", Feature.GC),
        ("01 4f 00 60 00 00", Feature.GC),
        ("01 4e 00", Feature.GC),
    ],
)
def test_types_need_their_feature(contents: str, feature: Feature) -> None:
    data = module((1, contents))
    decode(data, WASM3)
    refused(data, WASM3 - {feature})


def test_explicit_reference_types_need_typed_function_references() -> None:
    data = module((1, "01 60 01 64 70 00"))
    decode(data, WASM2 | {Feature.FUNCTION_REFERENCES})
    assert refused(data, WASM2) == ("malformed value type", 13)


def test_custom_descriptors() -> None:
    on = WASM3 | {Feature.CUSTOM_DESCRIPTORS}
    data = "01 4e 02 4d 01 5f 00 4c 00 5f 00"
    one = SubType(True, (), StructType(()), None, 1)
    two = SubType(True, (), StructType(()), 0, None)
    assert types_of(data, on) == [RecType((one, two), explicit=True)]
    assert refused(module((1, data))) == ("malformed definition type", 13)
    # `describes` stands before `descriptor`.
    assert refused(module((1, "01 4d 01 4c 00 5f 00")), on) == ("malformed definition type", 13)


def test_exact_references_take_an_index() -> None:
    on = WASM3 | {Feature.CUSTOM_DESCRIPTORS}
    assert types_of("01 5e 64 62 41 00", on)[0].members[0].comp == ArrayType(
        FieldType(RefType(False, TypeUse(0x41, exact=True)), False)
    )
    assert refused(module((1, "01 5e 62 00 00")), on) == ("malformed storage type", 12)
    assert refused(module((1, "01 5e 64 62 62 00 00")), on) == ("malformed storage type", 14)
    assert refused(module((1, "01 5e 64 62 41 00"))) == ("malformed storage type", 13)


# --- imports, tables, memories, tags, globals, exports, start -------------------------------------------------------


def test_imports() -> None:
    imports = decode(
        module(
            (2, "05  01 6d 01 66 00 07  00 00 01 70 01 01 02  00 00 02 00 03  00 00 03 7e 01  00 00 04 00 02"),
        )
    ).imports
    assert (imports[0].module, imports[0].name) == ("m", "f")
    assert [i.type for i in imports] == [
        FuncExtern(7),
        TableType(FUNCREF, Limits(1, 2)),
        MemType(Limits(3)),
        GlobalType(I64, True),
        TagType(2),
    ]
    assert [i.at for i in imports] == [11, 17, 24, 29, 34]


def test_the_kind_of_an_import() -> None:
    assert refused(module((2, "01 00 00 05 00"))) == ("malformed import kind", 13)
    assert refused(module((2, "01 00 00 04 00 00")), WASM2) == ("malformed import kind", 13)
    exact = module((2, "01 00 00 20 03"))
    assert refused(exact) == ("malformed import kind", 13)
    assert decode(exact, ALL).imports[0].type == FuncExtern(3, exact=True)


@pytest.mark.parametrize(
    ("limits", "features", "type"),
    [
        ("00 01", WASM1, MemType(Limits(1))),
        ("01 01 80 80 04", WASM1, MemType(Limits(1, 65536))),
        ("04 01", WASM3, MemType(Limits(1), I64)),
        ("05 00 80 80 80 80 80 80 40", WASM3, MemType(Limits(0, 2**48), I64)),
        ("03 01 02", DEFAULT, MemType(Limits(1, 2), shared=True)),
        ("02 01", DEFAULT, MemType(Limits(1), shared=True)),
        ("08 01 00", DEFAULT, MemType(Limits(1), page_size_log2=0)),
        ("0f 01 02 10", DEFAULT, MemType(Limits(1, 2), I64, shared=True)),
    ],
)
def test_memories(limits: str, features: Features, type: MemType) -> None:
    memory = decode(module((5, f"01 {limits}")), features).mems[0]
    assert memory.type == type
    assert memory.at == 11


@pytest.mark.parametrize(
    ("limits", "feature"),
    [("04 00", Feature.MEMORY64), ("03 00 00", Feature.THREADS), ("08 00 00", Feature.CUSTOM_PAGE_SIZES)],
)
def test_limits_flags_need_their_feature(limits: str, feature: Feature) -> None:
    assert refused(module((5, f"01 {limits}")), DEFAULT - {feature}) == ("malformed limits flags", 11)
    decode(module((5, f"01 {limits}")), DEFAULT)


@pytest.mark.parametrize("flags", [0x10, 0x20, 0x40, 0x81])
def test_unknown_limits_flags(flags: int) -> None:
    assert refused(module((5, f"01 {flags:02x} 00 00")), ALL) == ("malformed limits flags", 11)


def test_a_page_size_is_below_two_to_the_64() -> None:
    assert refused(module((5, "01 08 00 40")), ALL) == ("invalid custom page size", 13)


def test_bounds_have_32_bits_before_memory64() -> None:
    data = module((5, "01 00 80 80 80 80 10"))
    assert decode(data, WASM3).mems[0].type == MemType(Limits(2**32))
    assert refused(data, WASM2) == ("integer too large", 16)


def test_tables() -> None:
    tables = decode(module((4, "03  70 00 01  63 00 05 01 02  40 00 64 70 00 01 d2 00 0b"))).tables
    assert [t.type for t in tables] == [
        TableType(FUNCREF, Limits(1)),
        TableType(RefType(True, TypeUse(0)), Limits(1, 2), I64),
        TableType(RefType(False, AbsHeap.FUNC), Limits(1)),
    ]
    assert [t.init for t in tables] == [None, None, [Instr(op("ref.func"), (0,)), END]]
    assert [t.at for t in tables] == [11, 14, 19]


@pytest.mark.parametrize(
    ("contents", "message", "offset"),
    [
        ("01 7f 00 00", "malformed reference type", 11),
        ("01 70 02 00", "malformed limits flags", 12),
        ("01 70 08 00 00", "malformed limits flags", 12),
        ("01 40 01 70 00 00 0b", "zero byte expected", 12),
    ],
)
def test_malformed_tables(contents: str, message: str, offset: int) -> None:
    assert refused(module((4, contents)), ALL) == (message, offset)


def test_the_first_version_has_tables_of_functions_only() -> None:
    assert decode(module((4, "01 70 00 00")), WASM1).tables[0].type == TableType(FUNCREF, Limits(0))
    assert refused(module((4, "01 6f 00 00")), WASM1) == ("malformed reference type", 11)


def test_globals_with_their_constant_expressions() -> None:
    globals = decode(module((6, "02 7f 00 41 7f 0b 7e 01 23 00 42 01 7c 0b"))).globals
    assert globals[0].type == GlobalType(I32, False)
    assert globals[0].init == [Instr(op("i32.const"), (0xFFFFFFFF,)), END]
    assert [i.at for i in globals[0].init] == [13, 15]
    assert globals[1].type == GlobalType(I64, True)
    assert [i.op.mnemonic for i in globals[1].init] == ["global.get", "i64.const", "i64.add", "end"]
    assert refused(module((6, "01 7f 02 41 00 0b"))) == ("malformed mutability", 12)


def test_tags() -> None:
    assert decode(module((13, "01 00 05"))).tags[0].type == TagType(5)
    assert refused(module((13, "01 01 05"))) == ("zero byte expected", 11)


def test_exports() -> None:
    exports = decode(module((7, "05 01 61 00 01 01 62 01 02 01 63 02 03 01 64 03 04 01 65 04 05"))).exports
    assert [(e.name, e.kind, e.index) for e in exports] == [
        ("a", ExternKind.FUNC, 1),
        ("b", ExternKind.TABLE, 2),
        ("c", ExternKind.MEMORY, 3),
        ("d", ExternKind.GLOBAL, 4),
        ("e", ExternKind.TAG, 5),
    ]
    assert [e.at for e in exports] == [11, 15, 19, 23, 27]
    assert refused(module((7, "01 00 05 00"))) == ("malformed export kind", 12)
    assert refused(module((7, "01 00 20 00")), ALL) == ("malformed export kind", 12)


def test_the_start_function() -> None:
    result = decode(module((8, "87 00")))
    assert (result.start, result.start_at) == (7, 10)


# --- segments -------------------------------------------------------------------------------------------------------

REF_FUNC = [Instr(op("ref.func"), (1,)), END]
NON_NULL = RefType(False, AbsHeap.FUNC)
OFFSET = [Instr(op("i32.const"), (2,)), END]


@pytest.mark.parametrize(
    ("segment", "type", "mode"),
    [
        ("00 41 02 0b 01 01", NON_NULL, Active(0, OFFSET)),
        ("01 00 01 01", NON_NULL, Passive()),
        ("02 03 41 02 0b 00 01 01", NON_NULL, Active(3, OFFSET)),
        ("03 00 01 01", NON_NULL, Declarative()),
        ("04 41 02 0b 01 d2 01 0b", FUNCREF, Active(0, OFFSET)),
        ("05 63 00 01 d2 01 0b", RefType(True, TypeUse(0)), Passive()),
        ("06 03 41 02 0b 70 01 d2 01 0b", FUNCREF, Active(3, OFFSET)),
        ("07 70 01 d2 01 0b", FUNCREF, Declarative()),
    ],
)
def test_the_eight_forms_of_element_segments(segment: str, type: RefType, mode: object) -> None:
    elem = decode(module((9, f"01 {segment}"))).elems[0]
    assert (elem.type, elem.init, elem.mode, elem.form, elem.at) == (type, [REF_FUNC], mode, int(segment[:2]), 11)


@pytest.mark.parametrize(
    ("segment", "message", "offset"),
    [
        ("08", "malformed elements segment kind", 11),
        ("01 01 00", "malformed element kind", 12),
        ("05 7f 00", "malformed reference type", 12),
        ("05 70 01 f3 00 0b", "illegal opcode f3", 14),
    ],
)
def test_malformed_element_segments(segment: str, message: str, offset: int) -> None:
    assert refused(module((9, f"01 {segment}"))) == (message, offset)


def test_the_first_version_has_active_segments_only() -> None:
    decode(module((9, "01 00 41 00 0b 00")), WASM1)
    assert refused(module((9, "01 01 00 00")), WASM1) == ("malformed elements segment kind", 11)
    assert refused(module((11, "01 01 00")), WASM1) == ("malformed data segment kind", 11)


def test_data_segments() -> None:
    datas = decode(module((11, "03 00 41 02 0b 02 68 69 01 01 21 02 03 41 02 0b 00"))).datas
    assert [(d.init, d.mode) for d in datas] == [
        (b"hi", Active(0, OFFSET)),
        (b"!", Passive()),
        (b"", Active(3, OFFSET)),
    ]
    assert [d.at for d in datas] == [11, 18, 21]
    assert refused(module((11, "01 03 00"))) == ("malformed data segment kind", 11)


def test_the_data_count_agrees_with_the_data_section() -> None:
    assert decode(module((12, "01"), (11, "01 01 00"))).data_count == 1
    message = "data count and data section have inconsistent lengths"
    assert refused(module((12, "02"), (11, "01 01 00"))) == (message, 13)
    assert refused(module((12, "02"))) == (message, 10)


# --- functions ------------------------------------------------------------------------------------------------------


def test_functions_have_positions_types_and_runs_of_locals() -> None:
    data = module((1, "02 60 00 00 60 01 7f 00"), (3, "02 01 00"), (10, "02 06 02 02 7f 01 7e 0b 03 00 01 0b"))
    first, second = decode(data).funcs
    assert (first.type, first.locals, first.body) == (1, [(2, I32), (1, I64)], [END])
    assert (second.type, second.locals, second.body) == (0, [], [Instr(op("nop")), END])
    assert data[first.at : first.end] == bytes.fromhex("02 02 7f 01 7e 0b")
    assert data[second.at : second.end] == bytes.fromhex("00 01 0b")
    assert [i.at for i in second.body] == [second.at + 1, second.at + 2]


def test_a_body_can_be_decoded_alone() -> None:
    data = one_body("01 02 7f 01 0b")
    func = decode(data).funcs[0]
    assert decode_body(data, func.at, func.end) == (func.locals, func.body)
    with pytest.raises(DecodeError, match="section size mismatch"):
        decode_body(data, func.at, func.end - 1)
    with pytest.raises(DecodeError, match="unexpected end"):
        decode_body(data[:-1], func.at, func.end)


def test_function_and_code_sections_agree() -> None:
    message = "function and code section have inconsistent lengths"
    assert refused(module((1, "01 60 00 00"), (3, "01 00"))) == (message, 16)
    assert refused(module((10, "01 02 00 0b"))) == (message, 10)
    assert refused(module((1, "01 60 00 00"), (3, "01 00"), (10, "02 02 00 0b 02 00 0b"))) == (message, 20)


def test_locals_are_counted_but_not_made() -> None:
    data = one_body("02 fe ff ff ff 0f 7f 01 7e 0b")
    assert decode(data).funcs[0].locals == [(2**32 - 2, I32), (1, I64)]
    assert refused(one_body("02 ff ff ff ff 0f 7f 01 7e 0b")) == ("too many locals", 22)
    assert refused(one_body("01 80 80 80 80 10 7f 0b"))[0] == "integer too large"
    assert refused(one_body("ff ff ff ff 0f 7f 0b")) == ("length out of bounds", 22)


def test_a_body_takes_its_size_exactly() -> None:
    assert refused(one_body("00 0b 01")) == ("section size mismatch", 24)
    assert refused(one_body("00 01 01")) == ("unexpected end of section or function", 25)


def test_instructions_on_data_need_a_data_count() -> None:
    drop = one_body("00 fc 09 00 0b")
    assert refused(drop) == ("data count section required", 23)
    counted = module((1, "01 60 00 00"), (3, "01 00"), (12, "01"), (10, "01 05 00 fc 09 00 0b"), (11, "01 01 00"))
    assert decode(counted).funcs[0].body == [Instr(op("data.drop"), (0,)), END]
