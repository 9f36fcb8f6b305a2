"""`refsfi validate`: tell whether modules are valid."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.cli.features import FEATURES, parse_features
from refsfi.cli.files import describe, display_name, inputs, read_input, refuse_component
from refsfi.cli.options import Command, Option
from refsfi.cli.progress import checking
from refsfi.cli.report import EXIT_FAILURE, Failure, complain, execute, printable, write_text
from refsfi.errors import WasmError
from refsfi.syntax.features import Features

__all__ = ["main"]

_COMMAND = Command(
    "validate",
    "refsfi validate [OPTIONS] [FILE…]",
    "Validate modules, binary or text. Without FILE, or with -, the module comes from the standard input.\n"
    "Says nothing about a valid module, and one line about any other: file, place, and what is wrong there.",
    [FEATURES, Option("-v --verbose", "a line for each valid module, too")],
    "Exit codes: 0 all are valid, 1 some are not or cannot be read, 2 wrong usage.",
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("validate", _validate, arguments)


def _validate(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments)
    features = parse_features(parsed.all("features"))
    failed = 0
    for path in inputs(parsed.operands):
        try:
            _validate_file(path, features)
            if "verbose" in parsed:
                write_text(f"{printable(display_name(path))}: valid\n")
        except Failure as failure:
            complain(failure.message)
            failed += 1
    return EXIT_FAILURE if failed else 0


def _validate_file(path: str, features: Features) -> None:
    from refsfi.exec.load import load_program

    name = display_name(path)
    data = read_input(path)
    refuse_component(data, name)
    try:
        with checking(name) as progress:
            load_program(data, features, name, progress=progress)
    except WasmError as error:
        raise Failure(describe(name, error)) from None
