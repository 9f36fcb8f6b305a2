"""Counts of billions in a few bytes are refused, or cost nothing."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from refsfi.binary.decode import decode
from refsfi.errors import DecodeError, LimitError, WasmError
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Store
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

# Of this process, whatever else the machine does.
SECONDS = 2.0
BYTES = 8 << 20

HEADER = b"\0asm\1\0\0\0"
# 2**32 - 1 and 2**64 - 1.
U32 = b"\xff\xff\xff\xff\x0f"
U64 = b"\xff" * 9 + b"\x01"


def section(id: int, content: bytes) -> bytes:
    return bytes([id, len(content)]) + content


def body(code: bytes) -> bytes:
    """A module with one function, of type 0: [] -> []; type 1 is an array."""
    types = section(1, b"\x02\x60\0\0\x5e\x7f\0")
    return HEADER + types + section(3, b"\x01\0") + section(10, bytes([1, len(code)]) + code)


BINARY = {
    "types": HEADER + section(1, U32 + b"\x60\0\0"),
    "parameters": HEADER + section(1, b"\x01\x60" + U32 + b"\x7f"),
    "results": HEADER + section(1, b"\x01\x60\0" + U32 + b"\x7f"),
    "fields": HEADER + section(1, b"\x01\x5f" + U32 + b"\x7f\0"),
    "types of a group": HEADER + section(1, b"\x01\x4e" + U32 + b"\x60\0\0"),
    "super types": HEADER + section(1, b"\x01\x50" + U32 + b"\0"),
    "imports": HEADER + section(2, U32 + b"\0\0\0\0"),
    "bytes of a name": HEADER + section(2, b"\x01" + U32 + b"a"),
    "functions": HEADER + section(1, b"\x01\x60\0\0") + section(3, U32 + b"\0"),
    "tables": HEADER + section(4, U32 + b"\x70\0\0"),
    "memories": HEADER + section(5, U32 + b"\0\0"),
    "globals": HEADER + section(6, U32 + b"\x7f\0\x41\0\x0b"),
    "exports": HEADER + section(7, U32 + b"\0\0\0"),
    "element segments": HEADER + section(9, U32 + b"\x01\0\0"),
    "elements": HEADER + section(9, b"\x01\x01\0" + U32 + b"\0"),
    "element expressions": HEADER + section(9, b"\x01\x05\x70" + U32 + b"\xd0\x70\x0b"),
    "data segments": HEADER + section(11, U32 + b"\x01\0"),
    "data count": HEADER + section(12, U32),
    "bytes of data": HEADER + section(11, b"\x01\x01" + U32 + b"a"),
    "bodies": HEADER + section(10, U32 + b"\x02\0\x0b"),
    "bytes of a section": HEADER + b"\x01" + U32,
    "bytes of a custom section": HEADER + b"\0" + U32 + b"\x01a",
    "groups of locals": body(U32 + b"\x01\x7f\x0b"),
    "locals": body(b"\x01" + U32 + b"\x7f\x0b"),
    "locals in all": body(b"\x02" + U32 + b"\x7f" + U32 + b"\x7f\x0b"),
    "labels": body(b"\0\x41\0\x0e" + U32 + b"\0\x0b"),
    "types of a select": body(b"\0\x1c" + U32 + b"\x7f\x0b"),
    "catch clauses": body(b"\0\x1f\x40" + U32 + b"\x02\0\x0b\x0b"),
    "operands": body(b"\0\xfb\x08\x01" + U32 + b"\x1a\x0b"),
    "operands that need not be there": body(b"\0\0\xfb\x08\x01" + U32 + b"\x1a\x0b"),
    "table elements": HEADER + section(4, b"\x01\x70\0" + U32),
    "elements of a 64-bit table": HEADER + section(4, b"\x01\x70\x04" + U64),
}
TEXT = {
    "table elements": "(table 4294967295 funcref)",
    "elements of a 64-bit table": "(table i64 18446744073709551615 funcref)",
    "elements of many tables": "(table 1000000 funcref) " * 1_000,
    "pages of a 64-bit memory": "(memory i64 281474976710656)",
}
FREE = {
    "pages": HEADER + section(5, b"\x01\0\x80\x80\x04"),
    "names": HEADER + section(0, b"\x04name\x01\x07" + U32 + b"\0\0"),
}


def _run(content: bytes | str) -> WasmError | None:
    """Decode or parse, validate and instantiate: the error, if there is one."""
    tracemalloc.start()
    start = time.process_time()
    error = None
    try:
        module = decode(content, ALL) if isinstance(content, bytes) else parse_module(content, ALL)
        instantiate(Store(Limits()), Program(module, validate(module, ALL)), [])
    except WasmError as refusal:
        error = refusal
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < SECONDS
    assert peak < BYTES
    return error


@pytest.mark.parametrize("what", BINARY)
def test_binary_counts_are_refused(what: str) -> None:
    error = _run(BINARY[what])
    assert isinstance(error, DecodeError | LimitError), error
    if isinstance(error, DecodeError):
        assert 8 <= error.offset <= len(BINARY[what])


@pytest.mark.parametrize("what", TEXT)
def test_text_counts_are_refused(what: str) -> None:
    assert isinstance(_run(TEXT[what]), LimitError)


@pytest.mark.parametrize("what", FREE)
def test_counts_that_cost_nothing(what: str) -> None:
    assert _run(FREE[what]) is None
