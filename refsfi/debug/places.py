"""From what people write to places: functions by name or number, offsets in the file, lines of the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from refsfi.debug.model import DebugError, Place
from refsfi.exec.code import Program
from refsfi.syntax.types import ExternKind

__all__ = ["functions_named", "place_at_offset", "places_on_line"]


def functions_named(programs: Iterable[Program], name: str) -> list[Place]:
    """The first instruction of each function of that name, in the name section or among the exports, with or without a
    `$`; or of the function of that index in the first program, if it is a number. DebugError where there is none."""
    programs = list(programs)
    plain = name.removeprefix("$")
    found: dict[tuple[int, int], Place] = {}
    for number, program in enumerate(programs):
        indices = [index for index, known in program.module.names.funcs.items() if known == plain]
        kind, index = program.exports.get(plain, (ExternKind.FUNC, -1))
        if kind is ExternKind.FUNC and index >= 0:
            indices.append(index)
        if not indices and not number and plain.isdecimal():
            indices.append(int(plain))
        for index in indices:
            if program.imported_funcs <= index < program.imported_funcs + len(program.funcs):
                found[number, index] = Place(program, index, 0)
    if not found:
        raise DebugError(f"no function {name} with a body; names of the name section, exports and indices are known")
    return list(found.values())


def place_at_offset(program: Program, offset: int) -> Place:
    """The instruction that a byte of a binary module belongs to. DebugError where it lies in no function's body."""
    if program.module.source is not None:
        raise DebugError("the module came from text: its instructions have lines and no offsets")
    funcs = program.module.funcs
    index = bisect_right(funcs, offset, key=lambda func: func.at) - 1
    if index < 0 or offset >= funcs[index].end:
        raise DebugError(f"offset {offset:#x} lies in no function's body")
    pc = bisect_right(funcs[index].body, offset, key=lambda instr: instr.at) - 1
    return Place(program, program.imported_funcs + index, max(pc, 0))


def places_on_line(program: Program, line: int) -> list[Place]:
    """The first instruction of each function on a line of the text that a module was parsed from, or on the next line
    that has one. DebugError where there is none."""
    source = program.module.source
    if source is None:
        raise DebugError("the module came from a binary: it has no lines of its own")
    best: list[Place] = []
    best_line = 0
    for index, func in enumerate(program.module.funcs):
        lines = [source.position(instr.at)[0] for instr in func.body]
        pc = next((pc for pc, there in enumerate(lines) if there >= line), None)
        if pc is None:
            continue
        if not best or lines[pc] < best_line:
            best, best_line = [], lines[pc]
        if lines[pc] == best_line:
            best.append(Place(program, program.imported_funcs + index, pc))
    if not best:
        raise DebugError(f"no instruction on line {line} or behind")
    return best
