"""The custom section `metadata.code.branch_hint` (tool conventions, "code metadata"), between bytes and instructions.

The section names an instruction by its function and its byte offset from the start of that function's body; here it is
the instruction's index in the body.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

from refsfi.binary.encode_instrs import expr
from refsfi.binary.encode_types import valtype
from refsfi.binary.reader import count, u32
from refsfi.binary.writer import items, unsigned
from refsfi.errors import DecodeError, ValidationError
from refsfi.syntax.module import Custom, Func, Instr, Module
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import ExternKind, ValType
from refsfi.text.annotations import BRANCH_HINT

__all__ = ["branch_hints", "check_annotations", "hint_section"]

# The id of the data count section, behind which the hints stand: right before the code they are about.
_BEFORE_CODE: Final = 12
_TARGETS: Final = (op("if"), op("br_if"))


def _offsets(module: Module, func: Func) -> list[int]:
    """The byte offset of each instruction of a function from the start of its body, locals included."""
    if module.binary is not None:
        return [instr.at - func.at for instr in func.body]
    out = bytearray()

    def run(out: bytearray, run: tuple[int, ValType]) -> None:
        unsigned(out, run[0])
        valtype(out, run[1])

    items(out, func.locals, run)
    offsets = []
    for instr in func.body:
        offsets.append(len(out))
        expr(out, [instr])
    return offsets


def hint_section(module: Module, hints: Mapping[int, Iterable[tuple[Instr | None, int]]]) -> Custom:
    """The section for hints given by function index as instructions of its body with 0 (unlikely) or 1 (likely)."""
    imported = len(module.imported(ExternKind.FUNC))
    out = bytearray()
    unsigned(out, len(hints))
    for index in sorted(hints):
        func = module.funcs[index - imported]
        values = {id(instr): value for instr, value in hints[index]}
        unsigned(out, index)
        unsigned(out, len(values))
        for instr, offset in zip(func.body, _offsets(module, func), strict=True):
            if (value := values.get(id(instr))) is not None:
                unsigned(out, offset)
                out += bytes((1, value))
    return Custom(BRANCH_HINT, bytes(out), _BEFORE_CODE)


def branch_hints(module: Module, section: Custom) -> dict[int, dict[int, int]] | None:
    """By function index, the hints of a section: instruction index to 0 or 1. None where it does not follow its own
    rules.
    """
    data = section.data
    imported = len(module.imported(ExternKind.FUNC))
    hints: dict[int, dict[int, int]] = {}
    try:
        functions, pos = count(data, 0)
        for _ in range(functions):
            index, pos = u32(data, pos)
            if index in hints or not imported <= index < imported + len(module.funcs):
                return None
            func = module.funcs[index - imported]
            offsets = _offsets(module, func)
            hints[index] = {}
            number, pos = count(data, pos)
            for _ in range(number):
                offset, pos = u32(data, pos)
                pc = bisect_left(offsets, offset)
                known = pc < len(offsets) and offsets[pc] == offset and pc not in hints[index]
                if not known or data[pos] != 1 or data[pos + 1] > 1:
                    return None
                hints[index][pc] = data[pos + 1]
                pos += 2
    except (IndexError, DecodeError):
        return None
    return hints if pos == len(data) else None


def check_annotations(module: Module) -> None:
    """Validates what custom sections say about the module. ValidationError.

    The specification leaves this to tools: a module is valid whatever its custom sections hold.
    """
    imported = len(module.imported(ExternKind.FUNC))
    for section in module.customs:
        if section.name != BRANCH_HINT:
            continue
        hints = branch_hints(module, section)
        if hints is None:
            raise ValidationError(f"@{BRANCH_HINT} section: malformed")
        for index, by_pc in hints.items():
            for pc in by_pc:
                instr = module.funcs[index - imported].body[pc]
                if instr.op not in _TARGETS:
                    line, column = module.source.position(instr.at) if module.source else (None, None)
                    offset = None if module.source else instr.at
                    where = f"func {index}, instruction {pc} ({instr.op.mnemonic})"
                    message = f"@{BRANCH_HINT} annotation: invalid target"
                    raise ValidationError(message, offset, where, line, column)
