"""Identifiers for the printer, out of the name section.

A name becomes an identifier where it can be one: not empty, and the first of its name in its index space. Else it is
kept in a `(@name "…")` annotation, and whatever it names goes by its number.
"""

from __future__ import annotations

from collections.abc import Mapping

from refsfi.syntax.module import Module, Names
from refsfi.syntax.types import ExternKind, FuncExtern, FuncType, StructType, SubType, TagType, TypeRef
from refsfi.text.strings import encode_id, quote_name

__all__ = ["Labels", "Naming", "Scope"]


class Scope:
    """One index space: what stands in a definition, and what refers to it."""

    __slots__ = ("_headers", "_ids")

    def __init__(self, names: Mapping[int, str], count: int) -> None:
        self._ids: dict[int, str] = {}
        self._headers: dict[int, str] = {}
        taken: set[str] = set()
        for index in sorted(names):
            name = names[index]
            if index >= count:
                break
            if not name or name in taken:
                self._headers[index] = f" (@name {quote_name(name)})"
            else:
                taken.add(name)
                id = encode_id(name)
                self._ids[index] = id
                self._headers[index] = f" {id}"

    def header(self, index: int) -> str:
        """Behind the keyword of a definition, or of a parameter, local or field: ` $id`, ` (@name …)` or nothing."""
        return self._headers.get(index, "")

    def ref(self, index: int) -> str:
        """An index in use: `$id` or the number."""
        return self._ids.get(index) or str(index)

    def named(self, index: int) -> bool:
        return index in self._headers

    def names_below(self, count: int) -> bool:
        """Whether one of the first `count` has a name."""
        return any(index < count for index in self._headers)


_EMPTY = Scope({}, 0)


class Naming:
    """The scopes of a module under the names `known`; what they leave out goes by its number."""

    def __init__(self, module: Module, known: Names) -> None:
        self.subtypes: list[SubType] = [member for rec in module.types for member in rec.members]
        counts = {kind: len(module.imported(kind)) for kind in ExternKind}
        self.module = known.module
        self.types = Scope(known.types, len(self.subtypes))
        self.funcs = Scope(known.funcs, counts[ExternKind.FUNC] + len(module.funcs))
        self.tables = Scope(known.tables, counts[ExternKind.TABLE] + len(module.tables))
        self.mems = Scope(known.mems, counts[ExternKind.MEMORY] + len(module.mems))
        self.globals = Scope(known.globals, counts[ExternKind.GLOBAL] + len(module.globals))
        self.tags = Scope(known.tags, counts[ExternKind.TAG] + len(module.tags))
        self.elems = Scope(known.elems, len(module.elems))
        self.datas = Scope(known.datas, len(module.datas))
        self._func_types: list[TypeRef] = [i.type.type for i in module.imports if isinstance(i.type, FuncExtern)]
        self._func_types += [func.type for func in module.funcs]
        self._tag_types: list[TypeRef] = [i.type.type for i in module.imports if isinstance(i.type, TagType)]
        self._tag_types += [tag.type.type for tag in module.tags]
        self._fields = known.fields
        self._field_scopes: dict[int, Scope] = {}
        self._locals = known.locals
        self._labels = known.labels

    def fields(self, type: int) -> Scope:
        """The fields of a struct type; no names for anything else."""
        if type not in self._fields or type >= len(self.subtypes):
            return _EMPTY
        scope = self._field_scopes.get(type)
        if scope is None:
            comp = self.subtypes[type].comp
            count = len(comp.fields) if isinstance(comp, StructType) else 0
            scope = self._field_scopes[type] = Scope(self._fields[type], count)
        return scope

    def functype(self, index: int) -> FuncType | None:
        """The function type of that index, None where it is none."""
        comp = self.subtypes[index].comp if index < len(self.subtypes) else None
        return comp if isinstance(comp, FuncType) else None

    def func_type_of(self, func: int) -> FuncType | None:
        """The type of a function, None where it is unknown."""
        return self._functype_in(self._func_types, func)

    def tag_type_of(self, tag: int) -> FuncType | None:
        """The type of a tag, None where it is unknown."""
        return self._functype_in(self._tag_types, tag)

    def _functype_in(self, types: list[TypeRef], index: int) -> FuncType | None:
        type = types[index] if index < len(types) else None
        return self.functype(type) if isinstance(type, int) else None

    def locals(self, func: int, count: int) -> Scope:
        return Scope(self._locals[func], count) if func in self._locals else _EMPTY

    def labels(self, func: int | None) -> Labels:
        return Labels(self._labels.get(func, {}) if func is not None else {})


class Labels:
    """The labels that are open in a body, innermost last."""

    __slots__ = ("_count", "_names", "_open", "_visible")

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._count = 0
        self._open: list[str | None] = []
        # The heights at which each name is bound; the last one hides the others.
        self._visible: dict[str, list[int]] = {}

    def push(self) -> str:
        """Opens the next block: what stands behind its keyword."""
        name = self._names.get(self._count)
        self._count += 1
        if name:
            self._visible.setdefault(name, []).append(len(self._open))
        self._open.append(name)
        if name is None:
            return ""
        return f" {encode_id(name)}" if name else ' (@name "")'

    def pop(self) -> None:
        if self._open and (name := self._open.pop()):
            self._visible[name].pop()

    def depth(self) -> int:
        return len(self._open)

    def ref(self, label: int) -> str:
        """A label in use: `$id`, or the number with the nesting depth of the block that it ends."""
        height = len(self._open) - 1 - label
        if height >= 0 and (name := self._open[height]) and self._visible[name][-1] == height:
            return encode_id(name)
        return f"{label} (;@{height + 1};)" if height >= -1 else str(label)
