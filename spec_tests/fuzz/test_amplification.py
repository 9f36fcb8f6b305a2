"""Small inputs made to be costly: work and output stay in proportion to the input.

Each case is a few kilobytes that repeat whatever refers to something large, nests, or is a long number. The bounds are
generous; what grows with the square of the input, or by a thousand for each byte, is far beyond them.
"""

from __future__ import annotations

import time

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import LimitError, WasmError
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from refsfi.text.printer import print_module
from refsfi.valid.module import validate

N = 10_000
# Of this process, whatever else the machine does.
SECONDS = 10.0
# Characters of text for each byte of a binary module, and for the rest of it.
FACTOR, REST = 128, 1 << 16

HEADER = b"\0asm\1\0\0\0"


def leb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def section(id: int, content: bytes) -> bytes:
    return bytes([id]) + leb(len(content)) + content


WIDE = leb(1_000) + b"\x7f" * 1_000
# Type 0: [] -> []. Type 1: [i32 × 1000] -> [i32 × 1000]. Type 2: [] -> [i32 × 1000]. Type 3: [i32 × 1000] -> [].
TYPES = section(1, b"\x04\x60\0\0\x60" + WIDE + WIDE + b"\x60\0" + WIDE + b"\x60" + WIDE + b"\0")


def body(code: bytes) -> bytes:
    """A module with a function 0 of type 0, and a function 1 of type 3."""
    bodies = leb(len(code) + 1) + b"\0" + code + b"\x03\0\0\x0b"
    return HEADER + TYPES + section(3, b"\x02\0\x03") + section(10, b"\x02" + bodies)


def funcs(count: int, type: bytes, code: bytes) -> bytes:
    bodies = (leb(len(code)) + code) * count
    return HEADER + TYPES + section(3, leb(count) + type * count) + section(10, leb(count) + bodies)


BINARY = {
    "blocks": body(b"\x02\x40" * N + b"\x0b" * N + b"\x0b"),
    "try_table": body(b"\x1f\x40\x01\x02\0" * N + b"\x0b" * N + b"\x0b"),
    "blocks of a wide type": body(b"\x41\0" * 1_000 + b"\x02\x01" * N + b"\x0b" * N + b"\0\x0b"),
    "br_if, live": body(b"\x02\x02" + b"\x41\0" * 1_000 + b"\x41\0\x0d\0" * N + b"\x0b" + b"\x1a" * 1_000 + b"\x0b"),
    "br_if, dead": body(b"\x02\x02\0" + b"\x0d\0" * N + b"\0\x0b" + b"\x1a" * 1_000 + b"\x0b"),
    "br_table": body(b"\x02\x02\0\x0e" + leb(N) + b"\0" * N + b"\0\x0b" + b"\x1a" * 1_000 + b"\x0b"),
    "calls, dead": body(b"\0" + b"\x10\x01" * N + b"\x0b"),
    "functions of a wide type": funcs(N, b"\x01", b"\0\0\x0b"),
    "tags of a wide type": HEADER + TYPES + section(13, leb(N) + b"\0\x03" * N),
    "recursion group": HEADER + section(1, b"\x01\x4e" + leb(N) + b"\x60\0\0" * N),
    "custom sections": HEADER + b"\0\2\1a" * N,
    "unary instructions": body(b"\x41\0" + b"\x45" * N + b"\x1a\x0b"),
}
DIGITS = "9" * N
TEXT = {
    "parentheses": "(" * N,
    "folded": "(func (drop " + "(i32.eqz " * N + "(i32.const 0)" + ")" * N + "))",
    "blocks with one label": "(func " + "block $a " * N + "end " * N + ")",
    "comments": "(;" * N + ";)" * N,
    "annotations": "(@a " * N + ")" * N,
    "integer": f"(global i32 (i32.const {DIGITS}))",
    "fraction": f"(global f64 (f64.const 0.{DIGITS}))",
    "hexadecimal": f"(global f64 (f64.const 0x0.{DIGITS}p9))",
    "exponent": f"(global f64 (f64.const 1e{DIGITS}))",
    "negative exponent": "(global f64 (f64.const 1e-999999999999))",
    "binary exponent": f"(global f32 (f32.const 0x1p{DIGITS}))",
    "payload": f"(global f64 (f64.const nan:0x{DIGITS}))",
    "offset": f"(memory 1) (func (drop (i32.load offset={DIGITS} (i32.const 0))))",
    "escape": '(data "\\u{' + "0" * N + '41}")',
    "functions of one name": '(func (@name "a")) ' * N,
}


@pytest.mark.parametrize("what", BINARY)
def test_binary_modules(what: str) -> None:
    data = BINARY[what]
    start = time.process_time()
    module = decode(data, ALL)
    _through(module, len(data))
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("what", TEXT)
def test_text_modules(what: str) -> None:
    start = time.process_time()
    try:
        module = parse_module(TEXT[what], ALL)
    except WasmError:
        module = Module()
    _through(module, len(encode(module)))
    assert time.process_time() - start < SECONDS


def _through(module: Module, size: int) -> None:
    """Validate, print and encode a module that has `size` bytes."""
    message = ""
    try:
        validate(module, ALL)
    except WasmError as error:
        message = str(error)
    assert len(message) < REST
    for fold in (False, True):
        printed = print_module(module, fold=fold)
        assert len(printed) < FACTOR * size + REST
    assert encode(parse_module(printed, ALL)) == encode(module)


def test_printed_locals_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refsfi.text.printer._MAX_LOCALS_TOTAL", 100_000)
    print_module(decode(funcs(2, b"\0", b"\x01" + leb(50_000) + b"\x7f\x0b"), ALL))
    with pytest.raises(LimitError, match=r"too many locals in all: 150000, .*, in func 2 \(at offset 0x"):
        print_module(decode(funcs(3, b"\0", b"\x01" + leb(50_000) + b"\x7f\x0b"), ALL))
