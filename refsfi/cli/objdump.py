"""`refsfi objdump`: list the sections of a binary module, and its code with offsets and bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from refsfi.binary.codes import SectionId
from refsfi.binary.reader import at_end, name, u32
from refsfi.binary.sections import Section, sections
from refsfi.cli.files import describe, display_name, is_binary, parse_input, read_input, single_input, write_output
from refsfi.cli.options import Command, Option
from refsfi.cli.report import Failure, execute, printable
from refsfi.errors import WasmError
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind

__all__ = ["main"]

_COMMAND = Command(
    "objdump",
    "refsfi objdump [OPTIONS] [FILE]",
    "List the sections of a module: where each begins and ends in the file, its size, and how many items\n"
    "it has. A text module is translated first. Without FILE, or with -, it comes from the standard input.",
    [
        Option("-d --disassemble", "show the instructions of all functions, with their offsets and bytes"),
        Option("-s --full-contents", "show the bytes of all sections"),
        Option("--json", "write JSON; with -d the functions are in it, too"),
        Option("-o --output", "where to write; standard output if not given", "FILE"),
    ],
    "Exit codes: 0 listed, 1 the module is malformed or a file cannot be read or written, 2 wrong usage.",
)

_TITLES = {
    SectionId.TYPE: "types",
    SectionId.IMPORT: "imports",
    SectionId.FUNCTION: "functions",
    SectionId.TABLE: "tables",
    SectionId.MEMORY: "memories",
    SectionId.TAG: "tags",
    SectionId.GLOBAL: "globals",
    SectionId.EXPORT: "exports",
    SectionId.START: "start",
    SectionId.ELEMENT: "elements",
    SectionId.DATA_COUNT: "data count",
    SectionId.CODE: "code",
    SectionId.DATA: "data",
    SectionId.CUSTOM: "custom",
}
# These hold one number, and no list.
_SINGLE = (SectionId.START, SectionId.DATA_COUNT)


@dataclass(frozen=True, slots=True)
class Row:
    """A section. `start` and `end` are file offsets of its contents, which begin behind a custom section's name."""

    section: str
    custom: str | None
    id: int
    start: int
    end: int
    count: int

    def line(self) -> str:
        title = self.section if self.custom is None else f'{self.section} "{printable(self.custom)}"'
        size = self.end - self.start
        return f"  {title:<38} | {self.start:>#10x} - {self.end:>#10x} | {size:>9} bytes | {self.count} count"


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("objdump", _objdump, arguments)


def _objdump(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments)
    path = single_input(parsed.operands)
    data = read_input(path)
    if not is_binary(data):
        from refsfi.binary.encode import encode

        data = encode(parse_input(data, path, ALL))
    rows: list[Row] = []
    found: list[Section] = []
    error: WasmError | None = None
    try:
        for section in sections(data):
            rows.append(_row(data, section))
            found.append(section)
    except WasmError as broken:
        # What could be read is shown all the same.
        error = broken
    disassemble = "disassemble" in parsed and error is None
    module = parse_input(data, path, ALL) if disassemble else None
    if "json" in parsed:
        text = _json(display_name(path), data, rows, module)
    else:
        lines = [row.line() for row in rows]
        if "full-contents" in parsed:
            for row, section in zip(rows, found, strict=True):
                lines += ["", f"contents of {row.section}:", *_dump(data, section.start, section.end)]
        if module is not None:
            lines += _disassembly(data, module)
        text = "".join(f"{line}\n" for line in lines)
    write_output(text.encode("utf-8", "backslashreplace"), parsed.last("output"))
    if error is not None:
        raise Failure(describe(display_name(path), error))
    return 0


def _row(data: bytes, section: Section) -> Row:
    start, count, custom = section.start, 1, None
    with at_end(data):
        if section.id is SectionId.CUSTOM:
            custom, start = name(data, start)
        elif section.id not in _SINGLE:
            count, _ = u32(data, start)
    return Row(_TITLES[section.id], custom, section.id, start, section.end, count)


def _dump(data: bytes, start: int, end: int) -> Iterator[str]:
    for at in range(start, end, 16):
        line = data[at : min(at + 16, end)]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)
        yield f"  {at:06x}: {line.hex(' ', -2):<39}  {text}"


# --- code ------------------------------------------------------------------------------------------------------------

# Bytes on a line; an instruction with more goes on below.
_BYTES = 9


@dataclass(frozen=True, slots=True)
class _Line:
    """An instruction: its file offset, its bytes, its text with the indentation of its nesting."""

    offset: int
    bytes: bytes
    text: str


def _functions(data: bytes, module: Module) -> Iterator[tuple[int, str | None, list[_Line]]]:
    """Index, name and instructions of each function."""
    from refsfi.observe.listing import Lister

    imported = len(module.imported(ExternKind.FUNC))
    lister = Lister(module)
    for index, func in enumerate(module.funcs):
        offsets = [instr.at for instr in func.body] + [func.end]
        texts = lister.lines(index)
        lines = [_Line(at, data[at:end], text) for at, end, text in zip(offsets, offsets[1:], texts, strict=False)]
        yield imported + index, module.names.funcs.get(imported + index), lines


def _disassembly(data: bytes, module: Module) -> Iterator[str]:
    for (index, title, lines), func in zip(_functions(data, module), module.funcs, strict=True):
        yield ""
        yield f"{func.at:06x} func {index}{f' <{printable(title)}>' if title is not None else ''}:"
        for line in lines:
            for first in range(0, len(line.bytes), _BYTES):
                part = line.bytes[first : first + _BYTES].hex(" ")
                row = f"  {line.offset + first:06x}: {part:<{3 * _BYTES - 1}} |"
                yield row if first else f"{row} {line.text}"


def _json(file: str, data: bytes, rows: list[Row], module: Module | None) -> str:
    import json

    contents: dict[str, object] = {
        "file": file,
        "size": len(data),
        "sections": [{**asdict(row), "size": row.end - row.start} for row in rows],
    }
    if module is not None:
        contents["functions"] = [
            {
                "index": index,
                "name": title,
                "start": func.at,
                "end": func.end,
                "instructions": [
                    {"offset": line.offset, "bytes": line.bytes.hex(), "text": line.text.lstrip()} for line in lines
                ],
            }
            for (index, title, lines), func in zip(_functions(data, module), module.funcs, strict=True)
        ]
    return json.dumps(contents, indent=2, ensure_ascii=False) + "\n"
