"""Index spaces and their identifiers, chapter 6.1.3 ("contexts").

A module is read in two passes. The first binds the identifiers of all fields, so that everything may be used before it
is defined; the second reads what the fields say. `Context` is what the second pass knows.
"""

from __future__ import annotations

from refsfi.syntax.features import Feature, Features, off
from refsfi.syntax.module import Module
from refsfi.syntax.types import FuncType, RecType, SubType
from refsfi.text.annotations import Hint, Placed, take_name
from refsfi.text.keywords import abstract_heaps, pack_types, value_types
from refsfi.text.lexer import TokenStream
from refsfi.text.numbers import OutOfRange, natural
from refsfi.text.strings import encode_id

__all__ = ["Context", "Labels", "Space", "nat", "nat32"]


class Space:
    """One index space: how many indices it has, which identifiers denote some of them, and their names.

    `names` differs from `ids` where a `(@name …)` annotation says so.
    """

    __slots__ = ("category", "count", "ids", "names")

    def __init__(self, category: str, names: dict[int, str] | None = None) -> None:
        self.category = category
        self.count = 0
        self.ids: dict[str, int] = {}
        self.names: dict[int, str] = {} if names is None else names

    def bind(self, stream: TokenStream) -> int:
        """Takes the next index, for the identifier and the `(@name …)` that come next, if any."""
        pos = stream.pos
        id = stream.id()
        index = self.count
        self.count = index + 1
        if id is not None:
            if id in self.ids:
                raise stream.error_here(f"duplicate {self.category} {encode_id(id)}", pos)
            self.ids[id] = index
            self.names[index] = id
        if stream.notes and (name := take_name(stream)) is not None:
            self.names[index] = name
        return index

    def skip(self, number: int) -> None:
        """Takes so many indices without identifiers."""
        self.count += number

    def resolve(self, stream: TokenStream) -> int:
        """Steps over an index: a number or an identifier."""
        pos = stream.pos
        token = stream.texts[pos]
        if token[:1] == "$":
            name = stream.id_name(pos)
            index = self.ids.get(name)
            if index is None:
                raise stream.error_here(f"unknown {self.category} {encode_id(name)}")
            stream.pos = pos + 1
            return index
        return nat32(stream)


class Labels:
    """The labels of a function in scope, innermost last, and the names of all its labels in order of occurrence."""

    __slots__ = ("_depths", "_open", "count", "names")

    def __init__(self) -> None:
        self._open: list[str | None] = []
        # For each identifier the heights at which it is bound; a label may hide another of the same name.
        self._depths: dict[str, list[int]] = {}
        self.count = 0
        self.names: dict[int, str] = {}

    def push(self, id: str | None, name: str | None) -> None:
        """Opens a block labelled `id` (None: not labelled) whose name is `name` (None: its identifier)."""
        if id is not None:
            self._depths.setdefault(id, []).append(len(self._open))
        if name is None:
            name = id
        if name is not None:
            self.names[self.count] = name
        self._open.append(id)
        self.count += 1

    def pop(self) -> None:
        id = self._open.pop()
        if id is not None:
            self._depths[id].pop()

    def resolve(self, stream: TokenStream) -> int:
        """Steps over a label: how many labels lie between it and here."""
        token = stream.texts[stream.pos]
        if token[:1] == "$":
            id = stream.id_name(stream.pos)
            depths = self._depths.get(id)
            if not depths:
                raise stream.error_here(f"unknown label {encode_id(id)}")
            stream.pos += 1
            return len(self._open) - 1 - depths[-1]
        return nat32(stream)


class Context:
    """What is known while a module is read."""

    def __init__(self, stream: TokenStream, features: Features) -> None:
        self.stream = stream
        self.features = features
        self.module = Module(source=stream.source)
        names = self.module.names
        self.types = Space("type", names.types)
        self.funcs = Space("function", names.funcs)
        self.tables = Space("table", names.tables)
        self.mems = Space("memory", names.mems)
        self.globals = Space("global", names.globals)
        self.tags = Space("tag", names.tags)
        self.elems = Space("elem segment", names.elems)
        self.datas = Space("data segment", names.datas)
        # By the keyword of the field that defines them.
        self.spaces = {
            "type": self.types,
            "func": self.funcs,
            "table": self.tables,
            "memory": self.mems,
            "global": self.globals,
            "tag": self.tags,
            "elem": self.elems,
            "data": self.datas,
        }
        # Of the function that is being read; its index is None in constant expressions.
        self.locals = Space("local")
        self.labels = Labels()
        self.func: int | None = None
        # By type index; field names of a struct type.
        self.fields: dict[int, Space] = {}
        # All types that are defined so far, flat, and the first index of each function type that could stand for
        # itself.
        self.subtypes: list[SubType] = []
        self.functypes: dict[FuncType, int] = {}
        # Function index to branch hints.
        self.hints: dict[int, list[Hint]] = {}
        self.customs: list[Placed] = []
        self.value_types = value_types(features)
        self.pack_types = pack_types(features)
        self.heap_types = abstract_heaps(features)
        # Sizes and offsets; before memory64 only 32 bits were allowed.
        self.size_bits = 64 if Feature.MEMORY64 in features else 32

    def has(self, feature: Feature) -> bool:
        return feature in self.features

    def need(self, *features: Feature) -> None:
        """Refuses the next token unless one of the features is on."""
        if not any(f in self.features for f in features):
            stream = self.stream
            raise stream.error_here(f"unknown operator {stream.texts[stream.pos]}{off(*features)}")

    def define(self, rec: RecType) -> None:
        """Appends a recursion group to the types."""
        self.module.types.append(rec)
        if len(rec.members) == 1:
            (sub,) = rec.members
            plain = sub.final and not sub.supers and sub.describes is None and sub.descriptor is None
            if plain and isinstance(sub.comp, FuncType):
                self.functypes.setdefault(sub.comp, len(self.subtypes))
        self.subtypes += rec.members

    def implicit(self, type: FuncType) -> int:
        """The index of a function type that is written out instead of named: the first equal one, or a new one at the
        end.
        """
        index = self.functypes.get(type)
        if index is None:
            index = len(self.subtypes)
            self.types.count += 1
            at = self.stream.offsets[self.stream.pos - 1]
            self.define(RecType((SubType(True, (), type, at=at),)))
        return index

    def functype(self, index: int, pos: int) -> FuncType:
        """The function type of an index that token `pos` names."""
        if index >= len(self.subtypes):
            raise self.stream.error_here(f"unknown type {index}", pos)
        comp = self.subtypes[index].comp
        if not isinstance(comp, FuncType):
            raise self.stream.error_here(f"non-function type {index}", pos)
        return comp


def nat32(stream: TokenStream) -> int:
    """Steps over an unsigned literal of 32 bits."""
    return nat(stream, 32)


def nat(stream: TokenStream, bits: int) -> int:
    """Steps over an unsigned literal of so many bits."""
    token = stream.texts[stream.pos]
    if token.isdecimal() and len(token) < 10 and bits >= 32:
        stream.pos += 1
        return int(token)
    try:
        value = natural(token, bits)
    except OutOfRange:
        raise stream.error_here(f"i{bits} constant out of range") from None
    if value is None:
        raise stream.unexpected()
    stream.pos += 1
    return value
