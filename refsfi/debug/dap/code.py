"""Addresses: what instructions and bytes of memory are called when they are referred to.

An instruction's is bit 62, in bits 32 to 61 the number of its module, and below its offset in the file; of a module
that came from text, its number among all instructions. A byte of memory 0 of instance 0 goes by its address, others
by `INSTANCE:MEMORY:ADDRESS`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from refsfi.debug.model import DebugError, Place
from refsfi.exec.code import Program

__all__ = ["CODE", "Code", "parse_memory", "show_memory"]

CODE: Final = 1 << 62
_MODULE: Final = 32
_OFFSET: Final = (1 << _MODULE) - 1


class Code:
    """The instructions of the modules of a session."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs
        self._starts: dict[int, list[int]] = {}

    def number(self, program: Program) -> int:
        """Of a module."""
        return next(number for number, known in enumerate(self.programs) if known.module is program.module)

    def address(self, place: Place) -> int:
        number = self.number(place.program)
        offset = place.offset
        if offset is None:
            offset = self._begins(place.program)[place.func_index - place.program.imported_funcs] + place.pc
        return CODE | number << _MODULE | offset

    def place(self, address: int) -> Place:
        """The instruction that an address belongs to. DebugError where there is none."""
        if not address & CODE or (number := (address ^ CODE) >> _MODULE) >= len(self.programs):
            raise DebugError(f"{address:#x} is no address of code")
        program = self.programs[number]
        funcs = program.module.funcs
        offset = address & _OFFSET
        starts = self._begins(program)
        index = bisect_right(starts, offset) - 1
        if index >= 0:
            body = funcs[index].body
            pc = offset - starts[index]
            if program.module.source is None:
                end = funcs[index].end
                pc = max(bisect_right(body, offset, key=lambda instr: instr.at) - 1, 0) if offset < end else len(body)
            if pc < len(body):
                return Place(program, program.imported_funcs + index, pc)
        raise DebugError(f"no instruction is at {address:#x}")

    def _begins(self, program: Program) -> list[int]:
        """Of each function, the offset at which it begins."""
        module, number = program.module, self.number(program)
        starts = self._starts.get(number)
        if starts is None:
            if module.source is None:
                starts = [func.at for func in module.funcs]
            else:
                starts = list(accumulate((len(func.body) for func in module.funcs), initial=0))[:-1]
            self._starts[number] = starts
        return starts

    def forward(self, place: Place) -> Iterator[Place]:
        """A place, and the instructions behind it in its module."""
        pc = place.pc
        for index in range(place.func_index - place.program.imported_funcs, len(place.program.funcs)):
            func_index = place.program.imported_funcs + index
            for at in range(pc, len(place.program.module.funcs[index].body)):
                yield Place(place.program, func_index, at)
            pc = 0

    def back(self, place: Place) -> Iterator[Place]:
        """The instructions in front of a place, the nearest first."""
        end: int | None = place.pc
        for index in range(place.func_index - place.program.imported_funcs, -1, -1):
            func_index = place.program.imported_funcs + index
            body = place.program.module.funcs[index].body
            for at in reversed(range(len(body) if end is None else end)):
                yield Place(place.program, func_index, at)
            end = None


def show_memory(address: int, instance: int = 0, memory: int = 0) -> str:
    return f"{instance}:{memory}:{address:#x}" if instance or memory else f"{address:#x}"


def parse_memory(text: str) -> tuple[int, int, int]:
    """(instance, memory, address). DebugError."""
    parts = text.split(":")
    try:
        numbers = [int(part, 0) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers = [0, 0, *numbers]
    if len(numbers) != 3 or min(numbers[:2]) < 0:
        raise DebugError(f"{text[:40]!r} is no place in memory: ADDRESS or INSTANCE:MEMORY:ADDRESS expected")
    instance, memory, address = numbers
    return instance, memory, address
