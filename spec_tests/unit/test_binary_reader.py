"""Integers, lists and names of the binary format (specification, 5.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsfi.binary import reader, writer
from refsfi.errors import DecodeError

Read = Callable[[bytes, int], tuple[int, int]]

READERS: dict[str, tuple[Read, int]] = {
    "u32": (reader.u32, 32),
    "u64": (reader.u64, 64),
    "s32": (reader.s32, 32),
    "s33": (reader.s33, 33),
    "s64": (reader.s64, 64),
}


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        ("u32", "00", 0),
        ("u32", "7f", 127),
        ("u32", "80 01", 128),
        ("u32", "ff ff ff ff 0f", 2**32 - 1),
        ("u64", "ff ff ff ff ff ff ff ff ff 01", 2**64 - 1),
        ("s32", "3f", 63),
        ("s32", "40", -64),
        ("s32", "7f", -1),
        ("s32", "ff 00", 127),
        ("s32", "80 7f", -128),
        ("s32", "80 80 80 80 78", -(2**31)),
        ("s32", "ff ff ff ff 07", 2**31 - 1),
        ("s33", "ff ff ff ff 0f", 2**32 - 1),
        ("s33", "80 80 80 80 70", -(2**32)),
        ("s64", "80 80 80 80 80 80 80 80 80 7f", -(2**63)),
        ("s64", "ff ff ff ff ff ff ff ff ff 00", 2**63 - 1),
    ],
)
def test_the_value_of_an_integer(read: str, text: str, value: int) -> None:
    data = bytes.fromhex(text)
    assert READERS[read][0](b"\xff" + data + b"\xff", 1) == (value, 1 + len(data))


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        ("u32", "80 00", 0),
        ("u32", "83 80 80 80 00", 3),
        ("s32", "ff ff ff ff 7f", -1),
        ("s32", "80 80 80 80 00", 0),
        ("s64", "ff ff 7f", -1),
    ],
)
def test_more_bytes_than_necessary_are_allowed(read: str, text: str, value: int) -> None:
    data = bytes.fromhex(text)
    assert READERS[read][0](data, 0) == (value, len(data))


@pytest.mark.parametrize(
    ("read", "text", "offset"),
    [
        ("u32", "80 80 80 80 80 00", 5),
        ("u32", "80 80 80 80 80", 5),
        ("s32", "ff ff ff ff ff 7f", 5),
        ("s33", "80 80 80 80 80 00", 5),
        ("u64", "80 80 80 80 80 80 80 80 80 80 00", 10),
        ("s64", "80 80 80 80 80 80 80 80 80 80 00", 10),
    ],
)
def test_more_bytes_than_the_width_allows_are_too_long(read: str, text: str, offset: int) -> None:
    with pytest.raises(DecodeError, match="integer representation too long") as error:
        READERS[read][0](bytes.fromhex(text), 0)
    assert error.value.offset == offset


@pytest.mark.parametrize(
    ("read", "text", "offset"),
    [
        ("u32", "ff ff ff ff 1f", 4),
        ("u32", "80 80 80 80 10", 4),
        ("u64", "80 80 80 80 80 80 80 80 80 02", 9),
        ("s32", "80 80 80 80 08", 4),
        ("s32", "80 80 80 80 70", 4),
        ("s32", "ff ff ff ff 0f", 4),
        ("s33", "ff ff ff ff 1f", 4),
        ("s64", "80 80 80 80 80 80 80 80 80 01", 9),
        ("s64", "ff ff ff ff ff ff ff ff ff 7e", 9),
    ],
)
def test_bits_beyond_the_width_are_too_large(read: str, text: str, offset: int) -> None:
    with pytest.raises(DecodeError, match="integer too large") as error:
        READERS[read][0](bytes.fromhex(text), 0)
    assert error.value.offset == offset


@pytest.mark.parametrize("read", READERS)
def test_an_integer_that_the_bytes_cut_off_is_an_unexpected_end(read: str) -> None:
    for data in (b"", b"\x80", b"\xff\xff\xff"):
        with pytest.raises(DecodeError, match="unexpected end") as error, reader.at_end(data):
            READERS[read][0](data, 0)
        assert error.value.offset == len(data)


@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(READERS)))
    read, bits = READERS[name]
    out = bytearray()
    if name[0] == "u":
        value = data.draw(st.integers(0, 2**bits - 1))
        writer.uleb(out, value)
    else:
        value = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
        writer.sleb(out, value)
    assert read(bytes(out), 0) == (value, len(out))
    if len(out) > 1:
        # Shortest: the bits of the last byte are not those that its absence would imply.
        implied = 0x7F if name[0] == "s" and out[-2] & 0x40 else 0
        assert out[-1] != implied


@pytest.mark.parametrize(("write", "value"), [(writer.uleb, -1), (writer.uleb, 2**64), (writer.sleb, 2**63)])
def test_numbers_that_fit_no_field_are_refused(write: Callable[[bytearray, int], None], value: int) -> None:
    with pytest.raises(ValueError, match=str(value)):
        write(bytearray(), value)


def test_a_list_cannot_be_longer_than_the_bytes_that_are_left() -> None:
    with pytest.raises(DecodeError, match="length out of bounds") as error:
        reader.count(b"\0\xff\xff\xff\xff\x0f\0\0", 1)
    assert error.value.offset == 1
    with pytest.raises(DecodeError, match="unexpected end"):
        reader.count(b"\x03\0\0", 0)
    assert reader.count(b"\x02\0\0", 0) == (2, 1)


@pytest.mark.parametrize("text", ["", "a", "é", "₡", "\U0001f600", "\0", "\ufeff", "\U0010ffff"])
def test_a_name_is_utf8(text: str) -> None:
    out = bytearray()
    writer.name(out, text)
    assert reader.name(bytes(out), 0) == (text, len(out))


@pytest.mark.parametrize(
    ("bytes_", "wrong"),
    [
        ("80", 0),
        ("61 c0 80", 1),
        ("ed a0 80", 0),
        ("f4 90 80 80", 0),
        ("61 62 e2 82", 2),
        ("fe", 0),
    ],
)
def test_a_name_that_is_not_utf8_is_malformed_where_it_is_not(bytes_: str, wrong: int) -> None:
    data = bytes.fromhex(bytes_)
    with pytest.raises(DecodeError, match="malformed UTF-8 encoding") as error:
        reader.name(bytes([len(data)]) + data, 0)
    assert error.value.offset == 1 + wrong
