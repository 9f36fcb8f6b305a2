"""Modules as text, chapter 6.6, in one canonical form that `text/parser` reads back to an equal module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from refsfi.binary.decode_names import NAME_SECTION, decode_names
from refsfi.errors import LimitError
from refsfi.syntax.module import (
    Active,
    Custom,
    Data,
    Declarative,
    Elem,
    Export,
    Expr,
    Func,
    Import,
    Instr,
    Module,
    Names,
)
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import AbsHeap, ExternKind, RefType, ValType, kind_of
from refsfi.text.annotations import BRANCH_HINT, SECTION_WORDS
from refsfi.text.hints import branch_hints, hint_section
from refsfi.text.naming import Naming, Scope
from refsfi.text.print_fold import fold_lines
from refsfi.text.print_instrs import BodyPrinter, indent
from refsfi.text.print_types import TypePrinter
from refsfi.text.strings import encode_id, quote_bytes, quote_name
from refsfi.text.unnamed import with_all_named

__all__ = ["print_module"]

# Declared locals may be billions in a few bytes; this is what engines allow.
_MAX_LOCALS: Final = 50_000
# Each is written out: a text of so many locals has 80 MB.
_MAX_LOCALS_TOTAL: Final = 20_000_000
_REF_FUNC: Final = op("ref.func")
_NON_NULL_FUNC: Final = RefType(False, AbsHeap.FUNC)
_NO_NAMES: Final = Scope({}, 0)


def print_module(
    module: Module,
    *,
    fold: bool = False,
    offsets: bool = False,
    names: bool = True,
    name_unnamed: bool = False,
    skeleton: bool = False,
) -> str:
    """The module in the text format, ending in a line break.

    `fold` writes instructions in folded form where their operands are known; `offsets` puts `(;@hex;)`, the position
    in the binary file, before each instruction and definition of a module that was decoded; without `names` the name
    section is left out and everything goes by its number, with `name_unnamed` what it leaves out is named, too. A
    `skeleton` has `...` in the place of code and of what segments hold; it is not for reading back. Code need not be
    valid. LimitError where a function declares more locals than engines allow.
    """
    known = (with_all_named(module) if name_unnamed else module.names) if names else Names()
    return _Printer(module, known, fold, offsets and module.binary is not None, skeleton).module()


class _Printer:
    def __init__(self, module: Module, names: Names, fold: bool, offsets: bool, skeleton: bool) -> None:
        self._module = module
        self._fold = fold
        self._offsets = offsets
        self._skeleton = skeleton
        self._names = Naming(module, names)
        self._types = TypePrinter(self._names)
        self._lines: list[str] = []
        self._next = dict.fromkeys(ExternKind, 0)
        self._locals = 0
        self._scopes = {
            ExternKind.FUNC: self._names.funcs,
            ExternKind.TABLE: self._names.tables,
            ExternKind.MEMORY: self._names.mems,
            ExternKind.GLOBAL: self._names.globals,
            ExternKind.TAG: self._names.tags,
        }

    def module(self) -> str:
        module = self._module
        names = self._names
        header = ""
        if names.module is not None:
            # An identifier cannot be empty.
            header = f" {encode_id(names.module)}" if names.module else ' (@name "")'
        self._rec_types()
        for import_ in module.imports:
            self._import(import_)
        for table in module.tables:
            init = "" if table.init is None else f" {self._const(table.init)}"
            self._define(ExternKind.TABLE, f" {self._types.table(table.type)}{init}", table.at)
        for memory in module.mems:
            self._define(ExternKind.MEMORY, f" {self._types.mem(memory.type)}", memory.at)
        for tag in module.tags:
            type = names.functype(tag.type.type) if isinstance(tag.type.type, int) else None
            self._define(ExternKind.TAG, f"{self._types.use(tag.type.type)}{self._types.signature(type)}", tag.at)
        for global_ in module.globals:
            text = f" {self._types.global_(global_.type)} {self._const(global_.init)}"
            self._define(ExternKind.GLOBAL, text.rstrip(), global_.at)
        for export in module.exports:
            self._export(export)
        if module.start is not None:
            self._line(f"(start {names.funcs.ref(module.start)})", module.start_at)
        for index, elem in enumerate(module.elems):
            self._elem(index, elem)
        customs, hints = self._customs()
        for func in module.funcs:
            self._func(func, hints)
        for index, data in enumerate(module.datas):
            self._data(index, data)
        self._lines += customs
        if not self._lines:
            return f"(module{header})\n"
        return "\n".join([f"(module{header}", *self._lines, ")\n"])

    def _line(self, text: str, at: int, depth: int = 1) -> None:
        self._lines.append(f"{indent(depth)}{self._offset(at)}{text}")

    def _offset(self, at: int) -> str:
        return f"(;@{at:<6x};) " if self._offsets else ""

    def _define(self, kind: ExternKind, rest: str, at: int) -> None:
        """A definition on one line, with the next index of its kind."""
        self._line(f"{self._head(kind)}{rest})", at)

    def _head(self, kind: ExternKind) -> str:
        index = self._next[kind]
        self._next[kind] = index + 1
        return f"({kind.value}{self._scopes[kind].header(index)} (;{index};)"

    def _const(self, expr: Expr) -> str:
        return BodyPrinter(self._names, self._types, _NO_NAMES, self._names.labels(None)).line(expr)

    # --- fields ------------------------------------------------------------------------------------------------------

    def _rec_types(self) -> None:
        index = 0
        for rec in self._module.types:
            grouped = rec.explicit or len(rec.members) != 1
            if grouped:
                self._lines.append(f"{indent(1)}(rec")
            for member in rec.members:
                head = f"(type{self._names.types.header(index)} (;{index};)"
                self._lines.append(f"{indent(2 if grouped else 1)}{head} {self._types.sub(member, index)})")
                index += 1
            if grouped:
                self._lines.append(f"{indent(1)})")

    def _import(self, import_: Import) -> None:
        head = self._head(kind_of(import_.type))
        names = f"{quote_name(import_.module)} {quote_name(import_.name)}"
        self._line(f"(import {names} {head}{self._types.extern(import_.type)}))", import_.at)

    def _export(self, export: Export) -> None:
        index = self._scopes[export.kind].ref(export.index)
        self._line(f"(export {quote_name(export.name)} ({export.kind.value} {index}))", export.at)

    def _mode(self, mode: object, use: str, scope: Scope) -> str:
        if isinstance(mode, Declarative):
            return " declare"
        if not isinstance(mode, Active):
            return ""
        text = f" ({use} {scope.ref(mode.index)})" if mode.index else ""
        return f"{text} {self._one(mode.offset, 'offset')}"

    def _one(self, expr: Expr, keyword: str) -> str:
        """A constant expression as one form: folded where it is one instruction, else behind a keyword."""
        text = self._const(expr)
        return f"({text})" if len(expr) == 2 else f"({keyword} {text})"

    def _elem(self, index: int, elem: Elem) -> None:
        text = f"(elem{self._names.elems.header(index)} (;{index};){self._mode(elem.mode, 'table', self._names.tables)}"
        if self._skeleton:
            text += " ..."
        elif elem.type == _NON_NULL_FUNC and all(len(e) == 2 and e[0].op is _REF_FUNC for e in elem.init):
            text += " func" + "".join(f" {self._names.funcs.ref(e[0].args[0])}" for e in elem.init)
        else:
            text += f" {self._types.val(elem.type)}" + "".join(f" {self._one(e, 'item')}" for e in elem.init)
        self._line(f"{text})", elem.at)

    def _data(self, index: int, data: Data) -> None:
        text = f"(data{self._names.datas.header(index)} (;{index};){self._mode(data.mode, 'memory', self._names.mems)}"
        self._line(f"{text} {'...' if self._skeleton else quote_bytes(data.init)})", data.at)

    # --- functions ---------------------------------------------------------------------------------------------------

    def _func(self, func: Func, hints: dict[int, dict[int, int]]) -> None:
        index = self._next[ExternKind.FUNC]
        head = self._head(ExternKind.FUNC)
        type = self._names.functype(func.type)
        total = sum(number for number, _ in func.locals)
        self._locals += total
        for number, most, what in ((total, _MAX_LOCALS, "locals"), (self._locals, _MAX_LOCALS_TOTAL, "locals in all")):
            if number > most:
                error = LimitError(f"too many {what}: {number}, at most {most} are supported", where=f"func {index}")
                self._module.locate(error, func.at)
                raise error
        # Where the type is unknown, so are the indices of the locals.
        params = 0 if type is None else len(type.params)
        scope = self._names.locals(index, params + total) if type is not None else _NO_NAMES
        locals: list[ValType] = [t for number, t in func.locals for _ in range(number)]
        head += self._types.use(func.type) + self._types.signature(type, scope)
        if self._skeleton:
            self._line(f"{head} ...)", func.at)
            return
        self._line(head, func.at)
        if locals:
            self._lines.append(f"{indent(2)}{self._types.group('local', locals, scope, params)[1:]}")
        body = BodyPrinter(self._names, self._types, scope, self._names.labels(index))
        offset: Callable[[Instr], str] | None = (lambda instr: self._offset(instr.at)) if self._offsets else None
        hinted = hints.get(index, {})
        if self._fold:
            results = 0 if type is None else len(type.results)
            self._lines += fold_lines(body, func.body, results, 2, hinted, offset)
        else:
            self._lines += body.lines(func.body, 2, hinted, offset)
        self._lines.append(f"{indent(1)})")

    # --- custom sections ---------------------------------------------------------------------------------------------

    def _customs(self) -> tuple[list[str], dict[int, dict[int, int]]]:
        """Lines for the custom sections that nothing else expresses, and the branch hints."""
        module = self._module
        lines: list[str] = []
        hints: dict[int, dict[int, int]] = {}
        for custom in module.customs:
            if custom.name == NAME_SECTION and decode_names(custom.data) == module.names:
                # The identifiers say the same.
                continue
            if custom.name == BRANCH_HINT and not hints and (found := self._hints(custom)):
                hints = found
                continue
            place = "(before first)" if custom.after == 0 else f"(after {SECTION_WORDS[custom.after]})"
            if SECTION_WORDS.get(custom.after) == "datacount":
                place = "(before code)"
            lines.append(f"{indent(1)}(@custom {quote_name(custom.name)} {place} {quote_bytes(custom.data)})")
        return lines, hints

    def _hints(self, custom: Custom) -> dict[int, dict[int, int]] | None:
        """The hints of a section, where annotations would come to the same section in the same place."""
        module = self._module
        present = {
            "import": module.imports,
            "func": module.funcs,
            "table": module.tables,
            "memory": module.mems,
            "tag": module.tags,
            "global": module.globals,
            "export": module.exports,
            "start": module.start is not None,
            "elem": module.elems,
            "datacount": module.data_count is not None,
        }
        words = list(SECTION_WORDS.values())
        after = words.index(SECTION_WORDS[custom.after]) if custom.after else 0
        code = words.index("code")
        if after >= code or any(present.get(word) for word in words[after + 1 : code]):
            return None
        hints = branch_hints(module, custom)
        if not hints:
            return None
        imported = len(module.imported(ExternKind.FUNC))
        again = {
            index: [(module.funcs[index - imported].body[pc], value) for pc, value in by_pc.items()]
            for index, by_pc in hints.items()
        }
        return hints if hint_section(module, again).data == custom.data else None
