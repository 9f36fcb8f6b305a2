"""What is shown of code: an instruction's address and text, its place in the source, and the source's lines."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from refsfi.debug.model import DebugError, Place
from refsfi.debug.motion import Line
from refsfi.debug.places import functions_named, place_at_offset, places_on_line
from refsfi.debug.symbols import SourceMap, base_name, info_of
from refsfi.exec.code import Program
from refsfi.observe.listing import Lister

__all__ = ["Code"]

# A source file of more bytes is not shown: the module says which file it is, and may lie.
_MOST_BYTES: Final = 16 << 20


class Code:
    """Of some programs. `paths` are their files, in the same order; `directories` are searched for source files, whose
    paths are those of the machine that compiled them."""

    def __init__(self, programs: Sequence[Program], paths: Sequence[str]) -> None:
        self.programs = list(programs)
        self.paths = dict(zip(programs, paths))
        self.directories: list[str] = list(dict.fromkeys(os.path.dirname(path) or "." for path in paths))
        self._listers: dict[Program, Lister] = {}
        self._files: dict[str, list[str] | None] = {}
        sources = SourceMap()
        self.frames, self.source = sources.frames, sources.source

    # --- an instruction ----------------------------------------------------------------------------------------------

    def text(self, place: Place, *, indented: bool = False) -> str:
        """The instruction, in the text format."""
        lister = self._listers.get(place.program)
        if lister is None:
            lister = self._listers[place.program] = Lister(place.program.module)
        index = place.func_index - place.program.imported_funcs
        return lister.lines(index)[place.pc] if indented else lister.line(index, place.pc)

    def address(self, place: Place) -> str:
        """An offset in the file, or a line and column of the text."""
        position = place.position
        return f"{place.instr.at:#x}" if position is None else f"{position[0]}:{position[1]}"

    def where(self, place: Place) -> str:
        """`$f:12 at 0x1b3 (walk.c:45:24)`, or of text `$f:12 at walk.wat:9:5`."""
        line = self.source(place)
        position = place.position
        if position is not None:
            return f"{place} at {base_name(self.file(place.program))}:{position[0]}:{position[1]}"
        return f"{place} at {place.instr.at:#x}" + (
            "" if line is None else f" ({base_name(line.file or '')}:{line.line})"
        )

    def file(self, program: Program) -> str:
        # An instance's program is the debugger's own, of the same module.
        return next((path for known, path in self.paths.items() if known.module is program.module), "<module>")

    # --- the source --------------------------------------------------------------------------------------------------

    def line(self, place: Place) -> Line | None:
        """What a step by lines takes for one: of a module with nothing else, each instruction is one."""
        found = self.source(place)
        if found is not None:
            return found.file or "", found.line
        position = place.position
        if position is not None:
            return self.file(place.program), position[0]
        return None if info_of(place.program) is not None else (str(place),)

    def lines(self, place: Place) -> tuple[str, int, list[str]] | None:
        """The file's name, the line's number and all lines of the source that a place is in; None where it has none, or
        the file is not here."""
        found = self.source(place)
        if found is not None:
            lines = self.read(found.file or "")
            return None if lines is None else (base_name(found.file or ""), found.line, lines)
        source, position = place.program.module.source, place.position
        if source is None or position is None:
            return None
        return base_name(self.file(place.program)), position[0], source.text.splitlines()

    def source_line(self, place: Place) -> str | None:
        """That line, with its number in front."""
        found = self.lines(place)
        if found is None or not 0 < found[1] <= len(found[2]):
            return None
        return f"{found[1]}\t{found[2][found[1] - 1]}"

    def read(self, path: str) -> list[str] | None:
        """The lines of a source file, looked for under its path and by its last parts in the directories."""
        if path not in self._files:
            self._files[path] = next((lines for p in self._candidates(path) if (lines := _read(p)) is not None), None)
        return self._files[path]

    def _candidates(self, path: str) -> Iterator[str]:
        yield path
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        for directory in self.directories:
            for first in range(len(parts)):
                yield os.path.join(directory, *parts[first:])

    def add_directory(self, path: str) -> None:
        if not os.path.isdir(path):
            raise DebugError(f"{path} is no directory")
        self.directories.insert(0, path)
        self._files.clear()

    # --- from what people write to places ----------------------------------------------------------------------------

    def places(self, text: str, here: Place | None) -> list[Place]:
        """FUNCTION, FUNCTION:PC, *OFFSET, FILE:LINE, LINE, +N, -N; nothing is the present place. DebugError."""
        text = text.strip()
        if not text:
            if here is None:
                raise DebugError("the guest is nowhere: say where")
            return [here]
        if text[0] == "*":
            return [place_at_offset(self._program(here), number(text[1:].strip(), "an offset"))]
        if text[0] in "+-" and text[1:].isdecimal():
            return self._on_own_line(here, int(text))
        left, colon, right = text.rpartition(":")
        if colon and right.isdecimal() and left:
            return self._on_line(left, int(right))
        if text.isdecimal() and here is not None and self.lines(here) is not None:
            return self._on_own_line(here, int(text), absolute=True)
        return [self.behind_prologue(place) for place in functions_named(self.programs, text)]

    def place(self, text: str, here: Place | None) -> Place:
        """The first of them."""
        return self.places(text, here)[0]

    def _program(self, here: Place | None) -> Program:
        return self.programs[-1] if here is None else here.program

    def _on_own_line(self, here: Place | None, line: int, *, absolute: bool = False) -> list[Place]:
        found = None if here is None else self.source(here)
        position = None if here is None else here.position
        if here is None or (found is None and position is None):
            raise DebugError("there is no source here that has lines: FUNCTION:PC and *OFFSET name instructions")
        now = found.line if found is not None else position[0] if position is not None else 0
        line = line if absolute else now + line
        if found is not None:
            return self._of_source(here.program, found.file or "", line)
        return places_on_line(here.program, line)

    def _on_line(self, left: str, line: int) -> list[Place]:
        """FILE:LINE if there is such a file, else FUNCTION:PC."""
        for program in self.programs:
            if program.module.source is not None and base_name(self.file(program)) == base_name(left):
                return places_on_line(program, line)
            found = self._of_source(program, left, line)
            if found:
                return found
        if "." in left and left.rpartition(".")[2] in _SUFFIXES:
            raise DebugError(f"no code of {left} on line {line} or behind; info sources lists the files")
        places = [Place(place.program, place.func_index, line) for place in functions_named(self.programs, left)]
        for place in places:
            if line >= len(place.body):
                raise DebugError(f"{place.name} has instructions 0 to {len(place.body) - 1}")
        return places

    def _of_source(self, program: Program, file: str, line: int) -> list[Place]:
        info = info_of(program)
        return [] if info is None else [place_at_offset(program, at) for at in info.offsets(file, line)]

    def behind_prologue(self, place: Place) -> Place:
        """Where a breakpoint on a function is best set: at its second line, for there its parameters are where debug
        information says."""
        first = self.source(place)
        for pc in range(len(place.body)) if first is not None else ():
            there = Place(place.program, place.func_index, pc)
            line = self.source(there)
            if line is not None and first is not None and line.line != first.line:
                return there
        return place

    def functions(self) -> Iterator[Place]:
        for program in self.programs:
            for index in range(len(program.funcs)):
                yield Place(program, program.imported_funcs + index, 0)

    def sources(self) -> list[str]:
        found = []
        for program in self.programs:
            info = info_of(program)
            if info is not None:
                found += info.files()
            elif program.module.source is not None:
                found.append(self.file(program))
        return found


_SUFFIXES: Final = frozenset("c h cc cpp cxx hpp rs zig wat wast".split())


def number(text: str, what: str) -> int:
    """A number that a user wrote, decimal or behind 0x. DebugError."""
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        raise DebugError(f"{text!r} is not {what}: a number is expected, decimal or behind 0x") from None


def _read(path: str) -> list[str] | None:
    """None for what is no regular file: to open another one may wait for ever."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return None
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return None
