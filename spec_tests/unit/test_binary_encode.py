"""The encoder: the shortest form of everything, and the freedoms that the abstract syntax remembers."""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.binary.sections import sections
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import ALL
from refsfi.syntax.module import (
    Active,
    Custom,
    Data,
    Declarative,
    Elem,
    Export,
    Expr,
    Func,
    Global,
    Import,
    Instr,
    MemArg,
    Memory,
    Module,
    Names,
    Passive,
    Table,
    Tag,
)
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import (
    BOT,
    FUNCREF,
    I32,
    I64,
    AbsHeap,
    ExternKind,
    FuncExtern,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RecType,
    RefType,
    SubType,
    TableType,
    TagType,
    TypeUse,
)

END = Instr(op("end"))
NON_NULL = RefType(False, AbsHeap.FUNC)
FUNC = RecType((SubType(True, (), FuncType((), ())),))
ZERO: Expr = [Instr(op("i32.const"), (0,)), END]


def ref_func(index: int) -> Expr:
    return [Instr(op("ref.func"), (index,)), END]


def contents(module: Module, id: int) -> str | None:
    """The contents of a section in hexadecimal, None where there is none."""
    data = encode(module)
    found = [data[s.start : s.end].hex(" ") for s in sections(data) if s.id == id]
    return found[0] if found else None


def whole_module() -> Module:
    """Something of everything."""
    return Module(
        types=[FUNC, RecType((FUNC.members[0], SubType(False, (0,), FuncType((I32,), (I64,)))), explicit=True)],
        imports=[
            Import("m", "f", FuncExtern(0)),
            Import("m", "t", TableType(FUNCREF, Limits(1, 2))),
            Import("", "é", MemType(Limits(1, 2), shared=True)),
            Import("m", "g", GlobalType(RefType(True, TypeUse(0)), True)),
            Import("m", "e", TagType(0)),
        ],
        funcs=[
            Func(0, [(2, I32), (0, I64), (1, NON_NULL)], [Instr(op("block"), (None,)), END, END]),
            Func(0, [], [Instr(op("data.drop"), (1,)), END]),
        ],
        tables=[Table(TableType(FUNCREF, Limits(1), I64)), Table(TableType(NON_NULL, Limits(0)), ref_func(0))],
        mems=[Memory(MemType(Limits(0), I64, page_size_log2=0))],
        tags=[Tag(TagType(0))],
        globals=[Global(GlobalType(I32, False), ZERO)],
        exports=[Export("f", ExternKind.FUNC, 1), Export("", ExternKind.TAG, 0)],
        start=1,
        elems=[Elem(NON_NULL, [ref_func(1)], Active(0, ZERO)), Elem(FUNCREF, [], Declarative())],
        datas=[Data(b"hi", Active(0, ZERO)), Data(b"", Passive())],
        customs=[Custom("first", b"\1"), Custom("middle", b"", after=13), Custom("last", b"\2", after=11)],
        names=Names(module="m", funcs={0: "f"}),
    )


def test_a_whole_module_survives() -> None:
    module = whole_module()
    data = encode(module)
    assert decode(data, ALL) == module
    assert encode(decode(data, ALL)) == data


def test_sections_stand_in_their_order() -> None:
    ids = [int(s.id) for s in sections(encode(whole_module()))]
    assert ids == [0, 1, 2, 3, 4, 5, 13, 0, 6, 7, 8, 9, 12, 10, 11, 0, 0]


def test_nothing_is_written_for_nothing() -> None:
    assert encode(Module()) == b"\0asm\1\0\0\0"


def test_custom_sections_keep_their_place_also_where_no_section_is() -> None:
    module = Module(types=[FUNC], customs=[Custom("b", b"", after=11), Custom("a", b"", after=1)])
    again = decode(encode(module))
    assert [(c.name, c.after) for c in again.customs] == [("a", 1), ("b", 1)]
    with pytest.raises(ValueError, match="unknown id 99"):
        encode(Module(customs=[Custom("a", b"", after=99)]))


# --- types ------------------------------------------------------------------------------------------------------------


def test_a_final_type_without_supertypes_has_the_short_form() -> None:
    open_, sub = SubType(False, (), FuncType((), ())), SubType(True, (0,), FuncType((), ()))
    assert contents(Module(types=[FUNC]), 1) == "01 60 00 00"
    assert contents(Module(types=[RecType((open_,)), RecType((sub,))]), 1) == "02 50 00 60 00 00 4f 01 00 60 00 00"


def test_groups_are_written_where_they_are_seen() -> None:
    member = FUNC.members[0]
    assert contents(Module(types=[RecType((member,), explicit=True)]), 1) == "01 4e 01 60 00 00"
    assert contents(Module(types=[RecType((member, member))]), 1) == "01 4e 02 60 00 00 60 00 00"
    assert contents(Module(types=[RecType(())]), 1) == "01 4e 00"


def test_abstract_nullable_references_have_the_short_form() -> None:
    refs = (FUNCREF, NON_NULL, RefType(True, TypeUse(64)), RefType(False, TypeUse(64, exact=True)))
    module = Module(types=[RecType((SubType(True, (), FuncType(refs, ())),))])
    assert contents(module, 1) == "01 60 04 70 64 70 63 c0 00 64 62 40 00"


def test_what_has_no_binary_form_is_refused() -> None:
    closed = func_deftype(FuncType((), ()))
    for module in (
        Module(globals=[Global(GlobalType(BOT, False), ZERO)]),
        Module(tags=[Tag(TagType(closed))]),
        Module(imports=[Import("", "", GlobalType(RefType(True, TypeUse(closed)), False))]),
        Module(imports=[Import("", "", GlobalType(RefType(True, AbsHeap.BOT), False))]),
        Module(imports=[Import("", "", FuncExtern(2**32))]),
        Module(imports=[Import("", "", FuncExtern(-1))]),
        Module(globals=[Global(GlobalType(I32, False), [Instr(op("i32.load"), (MemArg(0, 64, 0),)), END])]),
        Module(globals=[Global(GlobalType(I32, False), [Instr(op("v128.const"), (b"",)), END])]),
    ):
        with pytest.raises(ValueError, match=r"."):
            encode(module)


# --- segments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elem", "text"),
    [
        (Elem(NON_NULL, [ref_func(7)], Active(0, ZERO)), "00 41 00 0b 01 07"),
        (Elem(NON_NULL, [ref_func(7)], Passive()), "01 00 01 07"),
        (Elem(NON_NULL, [ref_func(7)], Active(1, ZERO)), "02 01 41 00 0b 00 01 07"),
        (Elem(NON_NULL, [ref_func(7)], Declarative()), "03 00 01 07"),
        (Elem(FUNCREF, [ref_func(7)], Active(0, ZERO)), "04 41 00 0b 01 d2 07 0b"),
        (Elem(FUNCREF, [ref_func(7)], Passive()), "05 70 01 d2 07 0b"),
        (Elem(FUNCREF, [ref_func(7)], Active(1, ZERO)), "06 01 41 00 0b 70 01 d2 07 0b"),
        (Elem(FUNCREF, [ref_func(7)], Declarative()), "07 70 01 d2 07 0b"),
        # Neither indices nor funcref.
        (Elem(RefType(True, TypeUse(0)), [], Active(0, ZERO)), "06 00 41 00 0b 63 00 00"),
        (Elem(NON_NULL, [[Instr(op("global.get"), (1,)), END]], Passive()), "05 64 70 01 23 01 0b"),
        # The form that the segment had.
        (Elem(NON_NULL, [ref_func(7)], Active(0, ZERO), form=2), "02 00 41 00 0b 00 01 07"),
        (Elem(NON_NULL, [ref_func(7)], Passive(), form=5), "05 64 70 01 d2 07 0b"),
        (Elem(FUNCREF, [], Active(0, ZERO), form=6), "06 00 41 00 0b 70 00"),
        # It had been another segment then.
        (Elem(FUNCREF, [ref_func(7)], Active(1, ZERO), form=4), "06 01 41 00 0b 70 01 d2 07 0b"),
        (Elem(FUNCREF, [], Passive(), form=0), "05 70 00"),
    ],
)
def test_the_form_of_an_element_segment(elem: Elem, text: str) -> None:
    module = Module(elems=[elem])
    assert contents(module, 9) == f"01 {text}"
    assert decode(encode(module)) == module


def test_the_form_of_a_data_segment() -> None:
    datas = [Data(b"a", Active(0, ZERO)), Data(b"b", Passive()), Data(b"c", Active(1, ZERO))]
    assert contents(Module(datas=datas), 11) == "03 00 41 00 0b 01 61 01 01 62 02 01 41 00 0b 01 63"


@pytest.mark.parametrize("mnemonic", ["memory.init", "data.drop", "array.new_data", "array.init_data"])
def test_a_data_count_is_written_where_the_code_needs_it(mnemonic: str) -> None:
    row = op(mnemonic)
    func = Func(0, [], [Instr(row, (0,) * len(row.imms)), END])
    assert contents(Module(types=[FUNC], funcs=[func]), 12) == "00"


def test_a_data_count_is_written_where_there_was_one() -> None:
    data = Data(b"", Passive())
    assert contents(Module(datas=[data]), 12) is None
    assert contents(Module(datas=[data], data_count=1), 12) == "01"
    # It follows the segments.
    assert contents(Module(datas=[data, data], data_count=1), 12) == "02"


def test_locals_keep_their_runs() -> None:
    func = Func(0, [(1, I32), (1, I32), (0, I64)], [END])
    assert contents(Module(types=[FUNC], funcs=[func]), 10) == "01 08 03 01 7f 01 7f 00 7e 0b"
