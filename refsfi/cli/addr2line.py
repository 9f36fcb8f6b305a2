"""`refsfi addr2line`: translate code offsets to source lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from refsfi.binary.codes import SectionId
from refsfi.binary.sections import Section, sections
from refsfi.cli.files import display_name, is_binary, parse_input, read_input, write_output
from refsfi.cli.options import Command, Option, UsageError
from refsfi.cli.report import Failure, complain, execute, printable
from refsfi.debug.dwarf import DebugInfo, debug_info, debug_info_hint
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module, Source
from refsfi.syntax.types import ExternKind

__all__ = ["main"]

_COMMAND = Command(
    "addr2line",
    "refsfi addr2line [OPTIONS] FILE ADDRESS…",
    "Translate offsets in a binary module to functions, files and lines of its\n"
    "source, by the debug information (DWARF) in it. Of a text module, the offsets\n"
    "are those of the binary that it stands for, the lines its own. An address is\n"
    "decimal, or hexadecimal behind 0x or @. Where functions are inlined there is\n"
    "a line for each, innermost first.",
    [
        Option("--code-section-relative", "addresses count from the contents of the code\nsection, not of the file"),
        Option("-o --output", "where to write; standard output if not given", "FILE"),
        Option("-g", "of a text module, use its own lines: always done"),
    ],
    "Exit codes: 0 translated, 1 the module is malformed, has no debug information or\n"
    "an address lies outside of its code, 2 wrong usage.",
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("addr2line", _addr2line, arguments)


def _addr2line(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments)
    if not parsed.operands:
        raise UsageError("no file given: refsfi addr2line FILE ADDRESS…")
    path, *texts = parsed.operands
    if not texts:
        raise UsageError("no address given: refsfi addr2line FILE ADDRESS…")
    addresses = [(text, _address(text)) for text in texts]
    data = read_input(path)
    name = display_name(path)
    module = parse_input(data, path, ALL)
    finder = _Binary(module, name) if is_binary(data) else _Text(module, name)
    relative = "code-section-relative" in parsed
    lines = []
    for text, address in addresses:
        offset = address + finder.code.start if relative else address
        if not finder.code.start <= offset < finder.code.end:
            raise Failure(
                f"{name}: {text} is outside of the code section, which is"
                f" {finder.code.start:#x} to {finder.code.end:#x} in the file"
            )
        found = [printable(line) for line in finder.lines(offset)]
        lines.append(f"{text}: " + "\n\t".join(found or ["no dwarf frames found for this address"]) + "\n")
    for problem in finder.problems():
        complain(f"warning: {name}: {problem}")
    write_output("".join(lines).encode("utf-8", "backslashreplace"), parsed.last("output"))
    return 0


_ADDRESS: Final = re.compile(r"(?:0[xX]|@)(?P<hex>[0-9a-fA-F]{1,16})|(?P<decimal>[0-9]{1,20})", re.ASCII)


def _address(text: str) -> int:
    match = _ADDRESS.fullmatch(text)
    if not match:
        raise UsageError(f"'{text}' is no address: 0x1f3, @1f3 and 499 are")
    return int(match["hex"], 16) if match["hex"] else int(match["decimal"])


def _code_section(data: bytes, name: str) -> Section:
    for section in sections(data):
        if section.id is SectionId.CODE:
            return section
    raise Failure(f"{name}: has no code")


class _Binary:
    """Finds the source by debug information."""

    def __init__(self, module: Module, name: str) -> None:
        self.code = _code_section(module.binary or b"", name)
        info = debug_info(module)
        if info is None:
            hint = debug_info_hint(module)
            raise Failure(
                f"{name}: has no debug information; compile it with -g and do not strip it"
                + ("" if hint is None else f" ({hint})")
            )
        self._info: DebugInfo = info

    def lines(self, offset: int) -> list[str]:
        return [
            f"{frame.function or '<unknown>'}{'' if frame.file is None else f' {frame}'}"
            for frame in self._info.locate(offset)
        ]

    def problems(self) -> Sequence[str]:
        return self._info.problems


class _Text:
    """Finds the source of a text module: itself."""

    def __init__(self, module: Module, name: str) -> None:
        from refsfi.binary.encode import encode

        try:
            data = encode(module)
        except ValueError as error:
            raise Failure(f"{name}: cannot be written as binary: {error}") from None
        self.code = _code_section(data, name)
        self._binary = parse_input(data, name, ALL)
        self._text = module
        self._imported = len(module.imported(ExternKind.FUNC))

    def lines(self, offset: int) -> list[str]:
        source = self._text.source
        funcs = self._binary.funcs
        at = bisect_right(funcs, offset, key=lambda func: func.at) - 1
        if source is None or at < 0 or offset >= funcs[at].end:
            return []
        pc = max(bisect_right(funcs[at].body, offset, key=lambda instr: instr.at) - 1, 0)
        index = self._imported + at
        function = self._text.names.funcs.get(index, f"wasm-function[{index}]")
        return [f"{function} {_place(source, self._text.funcs[at].body[pc].at)}"]

    def problems(self) -> Sequence[str]:
        return ()


def _place(source: Source, at: int) -> str:
    line, column = source.position(at)
    return f"{source.name}:{line}:{column}"
