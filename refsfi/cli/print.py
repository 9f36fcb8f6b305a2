"""`refsfi print`: translate a module to text."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.cli.files import describe, display_name, is_binary, parse_input, read_input, single_input, write_output
from refsfi.cli.options import Command, Option
from refsfi.cli.report import Failure, execute
from refsfi.errors import WasmError
from refsfi.syntax.features import ALL

__all__ = ["main"]

_COMMAND = Command(
    "print",
    "refsfi print [OPTIONS] [FILE]",
    "Print a module, binary or text, in the text format. Without FILE, or with -, it comes from the\n"
    "standard input. The module is not validated.",
    [
        Option("-o --output", "where to write; standard output if not given", "FILE"),
        Option("-p --print-offsets", "put the position in the binary file before each line"),
        Option("-f --fold-instructions", "write instructions in folded form"),
        Option("--no-names", "leave the name section out; everything goes by its number"),
    ],
    "Exit codes: 0 printed, 1 the module is malformed or a file cannot be read or written, 2 wrong usage.",
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("print", _print, arguments)


def _print(arguments: Sequence[str]) -> int:
    from refsfi.text.printer import print_module

    parsed = _COMMAND.parse(arguments)
    path = single_input(parsed.operands)
    data = read_input(path)
    module = parse_input(data, path, ALL)
    offsets = "print-offsets" in parsed
    if offsets and not is_binary(data):
        # A text has no offsets of its own: those of the binary module that it stands for.
        from refsfi.binary.decode import decode
        from refsfi.binary.encode import encode

        module = decode(encode(module), ALL)
    try:
        text = print_module(module, fold="fold-instructions" in parsed, offsets=offsets, names="no-names" not in parsed)
    except WasmError as error:
        raise Failure(describe(display_name(path), error)) from None
    write_output(text.encode(), parsed.last("output"))
    return 0
