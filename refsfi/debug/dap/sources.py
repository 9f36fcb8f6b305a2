"""Sources as the client shows them, and places in them: source files that debug information names, the text that a
module was parsed from, and for everything a listing of each function, made here.

A listing is a source without a file: it goes by a number, `sourceReference`. Functions are counted through all modules,
so that the numbers are the same whenever the same guest is debugged.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.model import DebugError, Place
from refsfi.debug.motion import Line
from refsfi.debug.places import place_at_offset, places_on_line
from refsfi.debug.symbols import SourceMap, base_name, info_of
from refsfi.exec.code import Program
from refsfi.observe.listing import Lister

__all__ = ["Position", "Sources"]

Source = dict[str, Any]
# A source with a line and a column in it, from 1; column 0 is the whole line.
Position = tuple[Source, int, int]

# Lines in front of a listing's first instruction.
_HEAD: Final = 1
# Sources that are listed for the client; it asks for others by what it sees in a stack.
_MOST_LISTED: Final = 2000
# Lines that are looked at for breakpoints at once.
_MOST_LINES: Final = 10_000


class Sources:
    """`paths` gives the file of each module that has one. `mapping` says where directories of the debug information
    are on the client's side; a file that the client itself has named needs none."""

    def __init__(self, programs: Sequence[Program], paths: Mapping[Program, str], mapping: Mapping[str, str]) -> None:
        self._programs = programs
        self._paths = paths
        self._mapping = mapping
        # File of the debug information -> the path by which the client knows it.
        self._known: dict[str, str] = {}
        self._firsts = list(accumulate((len(program.funcs) for program in programs), initial=1))
        self._listers: dict[int, Lister] = {}
        sources = SourceMap()
        self.frames, self._source = sources.frames, sources.source

    # --- from places to sources --------------------------------------------------------------------------------------

    def position(self, place: Place) -> Position:
        """Where to show a place: the source's line where there is one, else the listing's."""
        found = self._source(place)
        if found is not None:
            return self._file(found.file or ""), found.line, found.column
        position = place.position
        if position is not None:
            return self._text(place.program), *position
        return self.listing_position(place)

    def listing_position(self, place: Place) -> Position:
        return self._listing(place.program, place.func_index), place.pc + 1 + _HEAD, 0

    def line(self, place: Place) -> Line | None:
        """What a step by lines takes for one; instructions are lines of their own where there is nothing else."""
        found = self._source(place)
        if found is not None:
            return found.file or "", found.line
        position = place.position
        if position is not None:
            return "<text>", position[0]
        return None if info_of(place.program) is not None else ("<listing>", place.func_index, place.pc)

    def function_name(self, place: Place) -> str:
        frames = [frame for frame in self.frames(place) if frame.function is not None]
        if not frames:
            return place.name
        outer = frames[-1].function or ""
        return outer if len(frames) == 1 else f"{frames[0].function} (inlined into {outer})"

    def _file(self, file: str) -> Source:
        path = self._known.get(file) or self._mapped(file)
        return {"name": base_name(file), "path": path}

    def _mapped(self, file: str) -> str:
        for begin, replacement in self._mapping.items():
            if file == begin or file.startswith(begin if begin.endswith("/") else f"{begin}/"):
                return os.path.join(replacement, file[len(begin) :].lstrip("/"))
        return file

    def _text(self, program: Program) -> Source:
        path = os.path.abspath(self._paths[program])
        return {"name": os.path.basename(path), "path": path}

    def _listing(self, program: Program, func_index: int) -> Source:
        number = self._number(program)
        name = Place(program, func_index, 0).name
        return {
            "name": f"{name}.wat",
            "path": f"{os.path.basename(self._paths[program])}/{name}.wat",
            "sourceReference": self._firsts[number] + func_index - program.imported_funcs,
            "presentationHint": "deemphasize",
            "origin": "listing of the module's code",
        }

    def _number(self, program: Program) -> int:
        return next(number for number, known in enumerate(self._programs) if known.module is program.module)

    # --- contents ----------------------------------------------------------------------------------------------------

    def content(self, reference: int) -> str:
        """The text of a listing. DebugError."""
        program, index = self._function(reference)
        func = program.module.funcs[index]
        func_index = program.imported_funcs + index
        place = Place(program, func_index, 0)
        where = f", at {func.at:#x}" if program.module.source is None else ""
        lines = self._lister(program).lines(index)
        return "\n".join([f"(func {place.name} ;; function {func_index}{where}", *lines[:-1], ")", ""])

    def _lister(self, program: Program) -> Lister:
        number = self._number(program)
        lister = self._listers.get(number)
        if lister is None:
            lister = self._listers[number] = Lister(program.module)
        return lister

    def instruction(self, place: Place) -> str:
        """One instruction as text."""
        return self._lister(place.program).line(place.func_index - place.program.imported_funcs, place.pc)

    def _function(self, reference: int) -> tuple[Program, int]:
        number = bisect_right(self._firsts, reference) - 1
        if reference < 1 or number >= len(self._programs):
            raise DebugError(f"there is no source number {reference}")
        return self._programs[number], reference - self._firsts[number]

    def listed(self) -> list[Source]:
        """The sources of the guest."""
        found: list[Source] = []
        for program in self._programs:
            info = info_of(program)
            files = [] if info is None else info.files()
            found += map(self._file, files)
            if program.module.source is not None:
                found.append(self._text(program))
            elif not files:
                found += [self._listing(program, func.func_index) for func in program.funcs[:_MOST_LISTED]]
        return found[:_MOST_LISTED]

    # --- from sources to places --------------------------------------------------------------------------------------

    def places(self, source: Arguments, line: int) -> list[Place]:
        """The instructions with which the code of a line begins, or of the next line that has code. DebugError."""
        reference = source.number("sourceReference", 0)
        if reference:
            program, index = self._function(reference)
            pc = max(line - 1 - _HEAD, 0)
            if pc >= len(program.module.funcs[index].body):
                raise DebugError(f"the listing has no instruction on line {line} or behind")
            return [Place(program, program.imported_funcs + index, pc)]
        path = source.text("path")
        for program in self._programs:
            if program.module.source is not None and _same(path, self._paths[program]):
                return places_on_line(program, line)
        found = [place for program, file in self._files(path) for place in self._on_line(program, file, line)]
        if not found:
            raise DebugError(f"no code comes from line {line} of {path}, or from behind it")
        return found

    def _files(self, path: str) -> list[tuple[Program, str]]:
        """The files of debug information that a client's path means: the same, or mapped to it, or else those that have
        most of their path's end in common with it."""
        best = 0
        found: list[tuple[Program, str]] = []
        for program in self._programs:
            info = info_of(program)
            for file in info.files() if info is not None else ():
                alike = 1 << 30 if path in (file, self._mapped(file)) else _alike(path, file)
                if alike > best:
                    best, found = alike, []
                if alike and alike == best:
                    found.append((program, file))
        for _, file in found:
            self._known[file] = path
        return found

    @staticmethod
    def _on_line(program: Program, file: str, line: int) -> Iterator[Place]:
        info = info_of(program)
        for offset in info.offsets(file, line) if info is not None else ():
            yield place_at_offset(program, offset)

    def lines(self, source: Arguments, first: int, last: int) -> list[int]:
        """The lines of a range that have code."""
        found = []
        line = first
        while line <= min(last, first + _MOST_LINES):
            try:
                here = self.line_in(source, self.places(source, line)[0])
            except DebugError:
                break
            if not line <= here <= last:
                break
            found.append(here)
            line = here + 1
        return found

    def line_in(self, source: Arguments, place: Place) -> int:
        """The line of a place in the source that the client has asked about."""
        return (self.listing_position(place) if "sourceReference" in source else self.position(place))[1]

    def behind_prologue(self, place: Place) -> Place:
        """Where a breakpoint on a function is best set: at its first line behind the one that it begins on, for there
        its parameters are in the places that debug information tells."""
        first = self.line(place)
        if info_of(place.program) is None or first is None:
            return place
        for pc in range(len(place.body)):
            there = Place(place.program, place.func_index, pc)
            line = self.line(there)
            if line is not None and line != first:
                return there
        return place


def _alike(path: str, other: str) -> int:
    """How many parts the ends of two paths have in common."""
    count = 0
    for a, b in zip(reversed(_parts(path)), reversed(_parts(other))):
        if a != b:
            break
        count += 1
    return count


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").split("/")


def _same(path: str, other: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)
