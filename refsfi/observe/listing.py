"""The instructions of a function as lines of text, one for each pc."""

from __future__ import annotations

from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind, FuncType
from refsfi.text.naming import Naming
from refsfi.text.print_instrs import BodyPrinter
from refsfi.text.print_types import TypePrinter

__all__ = ["Lister"]


class Lister:
    """Prints instructions of one module, with the identifiers of its name section; lists are made once."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._names = Naming(module, module.names)
        self._types = TypePrinter(self._names)
        self._imported = len(module.imported(ExternKind.FUNC))
        self._lists: dict[int, list[str]] = {}

    def lines(self, index: int) -> list[str]:
        """The body of defined function `index`: line `pc` is instruction `pc`, indented by its nesting."""
        lines = self._lists.get(index)
        if lines is None:
            func = self._module.funcs[index]
            func_index = self._imported + index
            type = self._names.functype(func.type)
            params = len(type.params) if isinstance(type, FuncType) else 0
            locals = self._names.locals(func_index, params + sum(count for count, _ in func.locals))
            printer = BodyPrinter(self._names, self._types, locals, self._names.labels(func_index))
            lines = self._lists[index] = [*printer.lines(func.body, 0, {}, None), "end"]
        return lines

    def line(self, index: int, pc: int) -> str:
        """One instruction, not indented."""
        return self.lines(index)[pc].lstrip()
