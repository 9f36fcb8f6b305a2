"""What is shown of modules: names of their functions, places in them, lines of their code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from refsfi.exec.code import FuncCode, Program
from refsfi.observe.listing import Lister
from refsfi.observe.operands import OperandTypes
from refsfi.syntax.types import ExternKind

__all__ = ["ModuleView", "Modules"]


class ModuleView:
    """Of one module. `path` is the name of its file, as the user wrote it. Names are the module's choice: whoever shows
    them on a terminal escapes them."""

    def __init__(self, program: Program, path: str = "") -> None:
        self.program = program
        self.path = path
        self.module = program.module

    @cached_property
    def lister(self) -> Lister:
        return Lister(self.module)

    @cached_property
    def operands(self) -> OperandTypes:
        return OperandTypes(self.module)

    def func(self, index: int) -> str:
        """A function by its index, imports first: `$name`, or `func 7`."""
        name = self.module.names.funcs.get(index)
        return f"func {index}" if name is None else f"${name}"

    def imported(self, index: int) -> str:
        """An imported function: `module.name`."""
        declared = self.module.imported(ExternKind.FUNC)[index]
        return f"{declared.module}.{declared.name}"

    def where(self, code: FuncCode, pc: int) -> str:
        """The position in the file: the offset in a binary module, line and column in a text."""
        at = self.module.funcs[code.index].body[pc].at
        if self.module.source is None:
            return f"0x{at:x}"
        line, column = self.module.source.position(at)
        return f"{line}:{column}"

    def place(self, code: FuncCode, pc: int) -> str:
        """Function, pc, and position in the file."""
        return f"{self.func(code.func_index)}:{pc:<4} {self.where(code, pc):>7}"


class Modules:
    """The modules of a run, in the order in which they became known."""

    def __init__(self) -> None:
        self._views: dict[Program, ModuleView] = {}

    def __iter__(self) -> Iterator[ModuleView]:
        return iter(self._views.values())

    def add(self, program: Program, path: str) -> None:
        self._views[program] = ModuleView(program, path)

    def view(self, program: Program) -> ModuleView:
        view = self._views.get(program)
        if view is None:
            view = self._views[program] = ModuleView(program)
        return view

    def func(self, code: FuncCode) -> str:
        """A function's name; that of its file before it where there are several."""
        view = self.view(code.program)
        name = view.func(code.func_index)
        return f"{view.path}: {name}" if len(self._views) > 1 and view.path else name
