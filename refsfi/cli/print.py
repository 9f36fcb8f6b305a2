"""`refsfi print`: translate a module to text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from refsfi.cli.files import describe, display_name, is_binary, parse_input, read_input, single_input, write_output
from refsfi.cli.options import Command, Option, Parsed, UsageError
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
        Option("--skeleton", "write ... in the place of code and of what segments hold"),
        Option("--name-unnamed", "give a name to what the name section leaves out, such as $#func0"),
        Option("--no-names", "leave the name section out; everything goes by its number"),
        Option("--indent", "spaces for each level of indentation (default 2)", "N"),
        Option("--indent-text", "what to write for each level of indentation instead", "TEXT"),
    ],
    "Exit codes: 0 printed, 1 the module is malformed or a file cannot be read or written, 2 wrong usage.",
)


# At the start of a line there is nothing but indentation: no string of the module contains a line break.
_INDENTATION = re.compile("^(?:  )+", re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("print", _print, arguments)


def _print(arguments: Sequence[str]) -> int:
    from refsfi.text.printer import print_module

    parsed = _COMMAND.parse(arguments)
    level = _level(parsed)
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
        text = print_module(
            module,
            fold="fold-instructions" in parsed,
            offsets=offsets,
            names="no-names" not in parsed,
            name_unnamed="name-unnamed" in parsed,
            skeleton="skeleton" in parsed,
        )
    except WasmError as error:
        raise Failure(describe(display_name(path), error)) from None
    if level is not None:
        text = _INDENTATION.sub(lambda spaces: level * (len(spaces[0]) // 2), text)
    write_output(text.encode(), parsed.last("output"))
    return 0


def _level(parsed: Parsed) -> str | None:
    """What to write for a level of indentation, None for the printer's two spaces. UsageError."""
    text, number = parsed.last("indent-text"), parsed.last("indent")
    if text is not None:
        if text.strip():
            raise UsageError(f"--indent-text {text!r}: only white space leaves the module the same")
        return text
    if number is None:
        return None
    if not number.isdecimal() or int(number) > 100:
        raise UsageError(f"--indent {number}: a number of spaces from 0 to 100 was expected")
    return " " * int(number)
