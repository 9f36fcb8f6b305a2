"""The name section (specification, appendix A.4): tolerant to read, and bytes survive the round trip."""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.decode_names import decode_names
from refsfi.binary.encode import encode
from refsfi.binary.encode_names import encode_names
from refsfi.syntax.module import Custom, Module, Names

EVERYTHING = Names(
    module="m",
    funcs={0: "f", 200: "g"},
    locals={0: {0: "x", 1: "y"}, 1: {}},
    labels={0: {0: "l"}},
    types={1: "t"},
    tables={0: "tab"},
    mems={0: "mem"},
    globals={3: "g"},
    elems={0: "e"},
    datas={0: "d"},
    fields={1: {0: "a"}},
    tags={0: "é"},
)


def custom(name: str, data: bytes) -> bytes:
    contents = bytes([len(name)]) + name.encode() + data
    return b"\0" + bytes([len(contents)]) + contents


def test_every_subsection() -> None:
    data = encode_names(EVERYTHING)
    assert decode_names(data) == EVERYTHING
    # Ids ascend, as the appendix asks.
    assert data.startswith(bytes.fromhex("00 02 01 6d 01 08 02 00 01 66 c8 01 01 67 02"))
    assert data.endswith(bytes.fromhex("0b 05 01 00 02 c3 a9"))
    assert encode_names(Names()) == b""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", Names()),
        ("00", Names()),
        ("00 02 01 6d", Names(module="m")),
        ("00 02 01 6d 01 ff", Names(module="m")),
        # A subsection that breaks off counts up to there, and the next one is read.
        ("01 05 02 00 01 66 01 00 02 01 6d", Names(module="m", funcs={0: "f"})),
        ("01 04 01 00 7f 66 00 02 01 6d", Names(module="m")),
        # Unknown subsections are left out.
        ("63 02 01 02 00 02 01 6d", Names(module="m")),
        # The later name counts.
        ("01 07 02 03 01 61 03 01 62", Names(funcs={3: "b"})),
        # What is not UTF-8 is replaced.
        ("01 05 01 00 02 61 ff", Names(funcs={0: "a\ufffd"})),
        # A size beyond the section, and counts beyond any section.
        ("01 7f 01 00 01 66", Names(funcs={0: "f"})),
        ("01 09 ff ff ff ff 0f 00 01 66 01", Names(funcs={0: "f"})),
        ("02 06 ff ff ff ff 0f 00", Names(locals={0: {}})),
    ],
)
def test_what_can_be_read_is_read(text: str, names: Names) -> None:
    assert decode_names(bytes.fromhex(text)) == names


def test_names_alone_make_the_last_section() -> None:
    module = Module(customs=[Custom("z", b"")], names=EVERYTHING)
    data = encode(module)
    assert data.endswith(custom("name", encode_names(EVERYTHING)))
    again = decode(data)
    assert again == module
    assert encode(again) == data


CANONICAL = custom("name", encode_names(Names(funcs={0: "f", 1: "g"})))


@pytest.mark.parametrize(
    "sections",
    [
        # Indices that do not ascend.
        custom("name", bytes.fromhex("01 07 02 01 01 67 00 01 66")),
        # Something behind it.
        CANONICAL + custom("producers", b""),
        # Not the only one.
        CANONICAL + CANONICAL,
        custom("name", b"\xff") + CANONICAL,
        CANONICAL + custom("name", b""),
        # No names at all.
        custom("name", b""),
        custom("name", b"\xff\xff"),
    ],
)
def test_bytes_survive_however_the_section_looks(sections: bytes) -> None:
    data = b"\0asm\1\0\0\0" + sections
    module = decode(data)
    assert encode(module) == data
    assert decode(encode(module)) == module


def test_raw_names_are_read_for_display_besides() -> None:
    module = decode(b"\0asm\1\0\0\0" + CANONICAL + custom("producers", b""))
    assert module.names == Names(funcs={0: "f", 1: "g"})
    assert [c.name for c in module.customs] == ["name", "producers"]


def test_changed_names_win_over_raw_ones() -> None:
    module = decode(b"\0asm\1\0\0\0" + CANONICAL + custom("producers", b""))
    module.names.funcs[0] = "renamed"
    assert decode(encode(module)).names.funcs == {0: "renamed", 1: "g"}


def test_the_last_of_several_sections_counts() -> None:
    first, second = encode_names(Names(module="a")), encode_names(Names(module="b"))
    module = decode(b"\0asm\1\0\0\0" + custom("name", first) + custom("name", second))
    assert module.names.module == "b"
    assert module.customs == [Custom("name", first)]


def test_a_malformed_name_section_makes_no_malformed_module() -> None:
    assert decode(b"\0asm\1\0\0\0" + custom("name", b"\x01\xff\xff\xff\xff\xff\xff\xff")).names.empty()
