"""`refsfi parse`: translate a text module to binary."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refsfi.cli.files import display_name, parse_input, read_input, single_input, write_output
from refsfi.cli.options import Command, Option, UsageError
from refsfi.cli.report import Failure, execute
from refsfi.syntax.features import ALL

__all__ = ["main"]

_COMMAND = Command(
    "parse",
    "refsfi parse [OPTIONS] [FILE]",
    "Translate a module from text to binary. A binary module is written anew. Without FILE, or with -,\n"
    "the module comes from the standard input. The module is not validated.",
    [
        Option("-o --output", "where to write; standard output if not given", "FILE"),
        Option("-t --wat", "write the module as text instead"),
    ],
    "Exit codes: 0 translated, 1 the module is malformed or a file cannot be read or written, 2 wrong usage.",
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("parse", _parse, arguments)


def _parse(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments)
    output = parsed.last("output")
    if "wat" not in parsed and output is None and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("a binary module does not go to a terminal: name a file with -o, or redirect the output")
    path = single_input(parsed.operands)
    module = parse_input(read_input(path), path, ALL)
    if "wat" in parsed:
        from refsfi.text.printer import print_module

        write_output(print_module(module).encode(), output)
        return 0
    from refsfi.binary.encode import encode

    try:
        data = encode(module)
    except ValueError as error:
        raise Failure(f"{display_name(path)}: cannot be written as binary: {error}") from None
    write_output(data, output)
    return 0
