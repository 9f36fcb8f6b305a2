"""Reading modules and writing results, for all commands alike.

Whether a file is binary or text is decided by what it contains, never by its name. `-` is the standard input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refsfi.cli.options import UsageError
from refsfi.cli.report import Failure, reason, write_bytes
from refsfi.errors import MalformedError, ParseError, PlacedError, WasmError
from refsfi.syntax.features import DEFAULT, Features
from refsfi.syntax.module import Module

__all__ = [
    "describe",
    "display_name",
    "inputs",
    "is_binary",
    "load_module",
    "parse_input",
    "read_input",
    "refuse_component",
    "single_input",
    "write_output",
]

_MAGIC = b"\0asm"
_COMPONENT_VERSION = b"\x0d\0\x01\0"


def display_name(path: str) -> str:
    return "<stdin>" if path == "-" else path


def inputs(operands: Sequence[str]) -> Sequence[str]:
    """The files to read: the operands, or the standard input where there are none and it is no terminal. UsageError."""
    if operands:
        return operands
    if sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("no file given")
    return ("-",)


def single_input(operands: Sequence[str]) -> str:
    """Likewise, for commands that take one file."""
    if len(operands) > 1:
        raise UsageError(f"one file at a time, '{operands[1]}' is too much")
    return inputs(operands)[0]


def read_input(path: str) -> bytes:
    """The contents of a file that has some. Failure."""
    name = display_name(path)
    try:
        if path == "-":
            if sys.stdin is None:
                raise Failure("cannot read standard input: it is closed")
            data: bytes = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    except IsADirectoryError:
        raise Failure(f"{name}: is a directory; give a .wasm or .wat file") from None
    except (OSError, ValueError) as error:
        raise Failure(f"{name}: cannot be read: {reason(error) if isinstance(error, OSError) else error}") from None
    if not data:
        raise Failure(f"{name}: is empty; a module was expected")
    return data


def is_binary(data: bytes) -> bool:
    """Whether the bytes begin as a binary module does; text never has a NUL there."""
    return data[:1] == _MAGIC[:1]


def refuse_component(data: bytes, name: str) -> None:
    """Failure for a binary that is a component."""
    if data[:8] == _MAGIC + _COMPONENT_VERSION:
        raise Failure(f"{name}: is a component; only core modules are supported")


def parse_input(data: bytes, path: str, features: Features = DEFAULT) -> Module:
    """Decode or parse a module; it is not validated. Failure that names the file and the place."""
    name = display_name(path)
    try:
        if is_binary(data):
            refuse_component(data, name)
            from refsfi.binary.decode import decode

            return decode(data, features)
        from refsfi.text.parser import parse_module

        return parse_module(_text(data), features, name)
    except WasmError as error:
        raise Failure(describe(name, error)) from None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[start : error.start].decode("utf-8")) + 1
        raise ParseError("malformed UTF-8 encoding: the text format is UTF-8", line, column) from None


def load_module(path: str, features: Features = DEFAULT) -> Module:
    """Read and decode or parse a module. Failure."""
    return parse_input(read_input(path), path, features)


def describe(name: str, error: WasmError) -> str:
    """An error about a file: `file:line:column: message` or `file: message (at offset 0x…)`."""
    placed = isinstance(error, ParseError) or (isinstance(error, PlacedError) and error.line is not None)
    hint = ""
    if isinstance(error, MalformedError) and "magic header" in str(error):
        hint = "; neither a binary nor a text module"
    return f"{name}:{'' if placed else ' '}{error}{hint}"


def write_output(data: bytes, path: str | None) -> None:
    """Results to a file, or to the standard output for None and `-`. Failure."""
    if path is None or path == "-":
        write_bytes(data)
        return
    try:
        with open(path, "wb") as file:
            file.write(data)
    except IsADirectoryError:
        raise Failure(f"{path}: is a directory; name a file to write") from None
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {reason(error)}") from None
