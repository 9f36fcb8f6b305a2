"""Decoder and encoder on modules that nobody wrote: what is encoded comes back, and no bytes bring the decoder down."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refsfi.binary.decode import decode, decode_body
from refsfi.binary.encode import encode
from refsfi.errors import DecodeError
from refsfi.syntax.features import ALL, DEFAULT, WASM1, WASM2, WASM3, Features
from refsfi.syntax.module import (
    Active,
    Catch,
    CatchKind,
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
from refsfi.syntax.opcodes import OPS, Imm, Op, op
from refsfi.syntax.types import (
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
    NumType,
    PackType,
    RecType,
    RefType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeUse,
)

FEATURES = [WASM1, WASM2, WASM3, DEFAULT, ALL]


# --- modules: well-formed, hardly ever valid ------------------------------------------------------------------------

indices = st.integers(0, 300) | st.integers(0, 2**32 - 1)
heaps = st.sampled_from([h for h in AbsHeap if h is not AbsHeap.BOT]) | st.builds(TypeUse, indices, st.booleans())
refs = st.builds(RefType, st.booleans(), heaps)
vals = st.sampled_from([n for n in NumType if n is not NumType.BOT]) | refs
fields = st.builds(FieldType, vals | st.sampled_from(list(PackType)), st.booleans())
comps = (
    st.builds(FuncType, st.lists(vals, max_size=3).map(tuple), st.lists(vals, max_size=3).map(tuple))
    | st.builds(StructType, st.lists(fields, max_size=3).map(tuple))
    | st.builds(ArrayType, fields)
)
subs = st.builds(
    SubType,
    st.booleans(),
    st.lists(indices, max_size=2).map(tuple),
    comps,
    st.none() | indices,
    st.none() | indices,
)
recs = st.builds(RecType, st.tuples(subs)) | st.builds(
    RecType, st.lists(subs, max_size=3).map(tuple), explicit=st.just(True)
)
bounds = st.integers(0, 300) | st.integers(0, 2**64 - 1)
limits = st.builds(Limits, bounds, st.none() | bounds)
addrs = st.sampled_from([I32, I64])
tabletypes = st.builds(TableType, refs, limits, addrs)
memtypes = st.builds(MemType, limits, addrs, st.booleans(), st.just(16) | st.integers(0, 63))
globaltypes = st.builds(GlobalType, vals, st.booleans())
tagtypes = st.builds(TagType, indices)

IMMEDIATES: dict[Imm, st.SearchStrategy[Any]] = {
    Imm.LABELS: st.lists(indices, max_size=4).map(tuple),
    Imm.MEMARG: st.builds(MemArg, st.just(0) | indices, st.integers(0, 63), bounds),
    Imm.LANE: st.integers(0, 255),
    Imm.LANES: st.binary(min_size=16, max_size=16),
    Imm.I32: st.integers(0, 2**32 - 1),
    Imm.I64: st.integers(0, 2**64 - 1),
    Imm.F32: st.integers(0, 2**32 - 1),
    Imm.F64: st.integers(0, 2**64 - 1),
    Imm.V128: st.binary(min_size=16, max_size=16),
    Imm.BLOCK: st.none() | vals | indices,
    Imm.HEAP: heaps,
    Imm.CAST: refs,
    Imm.CASTS: refs,
    Imm.SELECT: st.none() | st.lists(vals, max_size=3).map(tuple),
    Imm.CATCHES: st.lists(
        st.builds(Catch, st.sampled_from([CatchKind.CATCH, CatchKind.CATCH_REF]), indices, indices)
        | st.builds(Catch, st.sampled_from([CatchKind.CATCH_ALL, CatchKind.CATCH_ALL_REF]), st.none(), indices),
        max_size=3,
    ).map(tuple),
}
END = Instr(op("end"))


@st.composite
def instrs(draw: st.DrawFn, rows: list[Op]) -> Instr:
    row = draw(st.sampled_from(rows))
    return Instr(row, tuple(draw(IMMEDIATES.get(imm, indices)) for imm in row.imms if imm is not Imm.ZERO))


PLAIN = [
    row
    for row in OPS
    if Imm.BLOCK not in row.imms and row.mnemonic not in ("else", "end", "catch", "catch_all", "delegate")
]
OPENERS = [row for row in OPS if Imm.BLOCK in row.imms]


@st.composite
def exprs(draw: st.DrawFn) -> Expr:
    body = draw(st.lists(instrs(PLAIN), max_size=5))
    for _ in range(draw(st.integers(0, 2))):
        opener = draw(instrs(OPENERS))
        divider = {"if": [Instr(op("else"))], "try": [Instr(op("catch"), (1,)), Instr(op("catch_all"))]}
        body = [opener, *body, *divider.get(opener.op.mnemonic, []), END]
    return [*body, END]


ref_funcs = indices.map(lambda index: [Instr(op("ref.func"), (index,)), END])
actives = st.builds(Active, st.just(0) | indices, exprs())
forms = st.none() | st.integers(0, 7)
elems = st.builds(
    Elem,
    st.sampled_from([RefType(False, AbsHeap.FUNC), RefType(True, AbsHeap.FUNC)]) | refs,
    st.lists(ref_funcs | exprs(), max_size=3),
    st.just(Passive()) | st.just(Declarative()) | actives,
    form=forms,
)
maps = st.dictionaries(indices, st.text(max_size=3), max_size=3)
nested = st.dictionaries(indices, maps, max_size=2)
all_names = st.builds(Names, st.none() | st.text(max_size=3), maps, nested, nested, *[maps] * 6, nested, maps)
customs = st.builds(Custom, st.text(max_size=3).filter(lambda name: name != "name"), st.binary(max_size=4))
modules = st.builds(
    Module,
    types=st.lists(recs, max_size=3),
    imports=st.lists(
        st.builds(
            Import,
            st.text(max_size=3),
            st.text(max_size=3),
            st.builds(FuncExtern, indices, st.booleans()) | tabletypes | memtypes | globaltypes | tagtypes,
        ),
        max_size=3,
    ),
    funcs=st.lists(st.builds(Func, indices, st.lists(st.tuples(st.integers(0, 2**29), vals), max_size=3), exprs())),
    tables=st.lists(st.builds(Table, tabletypes, st.none() | exprs()), max_size=2),
    mems=st.lists(st.builds(Memory, memtypes), max_size=2),
    tags=st.lists(st.builds(Tag, tagtypes), max_size=2),
    globals=st.lists(st.builds(Global, globaltypes, exprs()), max_size=2),
    exports=st.lists(st.builds(Export, st.text(max_size=3), st.sampled_from(list(ExternKind)), indices), max_size=3),
    start=st.none() | indices,
    elems=st.lists(elems, max_size=3),
    datas=st.lists(st.builds(Data, st.binary(max_size=5), st.just(Passive()) | actives), max_size=3),
    customs=st.lists(customs, max_size=2),
    names=all_names,
)

LIMITED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@LIMITED
@given(modules)
def test_what_is_encoded_is_decoded(module: Module) -> None:
    data = encode(module)
    again = decode(data, ALL)
    assert again == module
    assert encode(again) == data
    for func in again.funcs:
        assert decode_body(data, func.at, func.end, ALL) == (func.locals, func.body)


# --- bytes that are no module ---------------------------------------------------------------------------------------


def outcome(data: bytes, features: Features) -> Module | DecodeError:
    try:
        return decode(data, features)
    except DecodeError as error:
        return error


def attempt(data: bytes, *sets: Features) -> None:
    """Decode under each set of features: a module or a DecodeError within the bytes, nothing else."""
    for features in sets:
        result = outcome(data, features)
        if isinstance(result, DecodeError):
            assert result.message
            assert 0 <= result.offset <= len(data)
        else:
            assert decode(encode(result), features) == result


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes(data: bytes) -> None:
    attempt(data, *FEATURES)
    attempt(b"\0asm\1\0\0\0" + data, *FEATURES)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 13), st.binary(max_size=40))
def test_random_sections(id: int, contents: bytes) -> None:
    attempt(b"\0asm\1\0\0\0" + bytes([id, len(contents)]) + contents, *FEATURES)
    attempt(b"\0asm\1\0\0\0" + bytes([id, len(contents) + 1, 1]) + contents, *FEATURES)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40))
def test_random_bodies(code: bytes) -> None:
    # A module of one function, with the sizes right.
    contents = bytes([1, len(code)]) + code
    data = bytes.fromhex("0061736d01000000 0104 01600000 0302 0100 0a") + bytes([len(contents)]) + contents
    attempt(data, *FEATURES)
    attempt(data[:-1] + b"\x0b", ALL)


@LIMITED
@given(modules, st.data())
def test_mutated_modules(module: Module, draw: st.DataObject) -> None:
    data = bytearray(encode(module))
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(data) - 1))
        what = draw.draw(st.sampled_from(["set", "insert", "delete"]))
        byte = draw.draw(st.sampled_from([0x00, 0x01, 0x0B, 0x40, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
        if what == "set":
            data[at] = byte
        elif what == "insert":
            data.insert(at, byte)
        elif len(data) > 1:
            del data[at]
    attempt(bytes(data), *FEATURES)


def sample_module() -> Module:
    """Every row of the opcode table, and every kind of section."""
    simple: dict[Imm, object] = {
        Imm.LABELS: (0, 1),
        Imm.MEMARG: MemArg(1, 2, 3),
        Imm.LANES: bytes(16),
        Imm.V128: bytes(16),
        Imm.BLOCK: 1,
        Imm.HEAP: AbsHeap.FUNC,
        Imm.CAST: RefType(True, TypeUse(1)),
        Imm.CASTS: RefType(True, TypeUse(1)),
        Imm.SELECT: (I32,),
        Imm.CATCHES: (Catch(CatchKind.CATCH, 0, 0),),
    }
    body = [Instr(row, tuple(simple.get(imm, 1) for imm in row.imms if imm is not Imm.ZERO)) for row in PLAIN]
    blocks = [Instr(op("block"), (None,)), Instr(op("if"), (I32,)), Instr(op("else")), END, END, END]
    func_type = SubType(False, (0,), FuncType((I32, RefType(False, TypeUse(0))), (I64,)))
    return Module(
        types=[RecType((func_type,)), RecType((func_type, func_type), explicit=True)],
        imports=[Import("m", "n", MemType(Limits(1, 2), I64, True, 0)), Import("m", "f", FuncExtern(0, True))],
        funcs=[Func(0, [(300, I32)], [*body, END]), Func(1, [], blocks)],
        tables=[Table(TableType(RefType(True, AbsHeap.FUNC), Limits(1)), [Instr(op("ref.func"), (0,)), END])],
        tags=[Tag(TagType(0))],
        globals=[Global(GlobalType(I32, True), [Instr(op("i32.const"), (300,)), END])],
        exports=[Export("é", ExternKind.FUNC, 0)],
        start=0,
        elems=[Elem(RefType(False, AbsHeap.FUNC), [[Instr(op("ref.func"), (0,)), END]], Active(1, [END]))],
        datas=[Data(b"data", Active(1, [END]))],
        customs=[Custom("c", b"123", after=1)],
        names=Names("m", {0: "f"}, {0: {0: "x"}}),
    )


def test_a_module_cut_off_anywhere() -> None:
    module = sample_module()
    data = encode(module)
    assert decode(data, ALL) == module
    whole = 0
    for end in range(len(data)):
        result = outcome(data[:end], ALL)
        if isinstance(result, Module):
            whole += 1
        else:
            assert 0 <= result.offset <= end
    # It can end where a section ends, as long as functions have bodies and the data count its segments.
    assert whole < 12


def test_a_module_with_any_byte_changed() -> None:
    data = bytearray(encode(sample_module()))
    for at in range(len(data)):
        kept = data[at]
        for byte in (0x00, 0x0B, 0x80, kept ^ 1):
            data[at] = byte
            result = outcome(bytes(data), ALL)
            assert isinstance(result, Module) or 0 <= result.offset <= len(data)
        data[at] = kept
