"""Modules in the binary format, chapter 5.5.

`decode` turns bytes into the abstract syntax. Every error is a DecodeError whose message begins with the words of the
official test suite and whose offset is that of the byte that cannot be right.

The name section. `Module.names` holds the names of the *last* custom section called `name`. That section is left
out of `Module.customs` where `Module.names` is enough to write it again byte for byte at the same place, which is
the end of the file; otherwise it stays there as raw bytes besides. The encoder writes a name section of its own, as
the last section of all, unless the last one in `Module.customs` yields the same names already. So bytes survive a
round trip, and names that were changed win.

`Custom.after` is the last section before it that is not empty: an empty one is not written again.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

from refsfi.binary.codes import ORDER, TABLE_INIT, SectionId
from refsfi.binary.decode_instrs import InstrReader, decode_body, instr_reader
from refsfi.binary.decode_names import NAME_SECTION, decode_names
from refsfi.binary.decode_types import TypeReader, type_reader
from refsfi.binary.deferred import DeferredFunc, DeferredModule
from refsfi.binary.encode_names import encode_names, writes_names
from refsfi.binary.reader import at_end, count, name, raw, u32
from refsfi.binary.sections import Section, sections
from refsfi.errors import DecodeError
from refsfi.syntax.features import DEFAULT, Feature, Features, off
from refsfi.syntax.module import (
    Active,
    Custom,
    Data,
    Declarative,
    Elem,
    Export,
    Expr,
    Func,
    Global,
    Import,
    Instr,
    Memory,
    Module,
    Names,
    Passive,
    Table,
    Tag,
)
from refsfi.syntax.opcodes import Op, op
from refsfi.syntax.types import FUNCREF, AbsHeap, RecType, RefType, ValType

__all__ = ["decode", "decode_body"]

T = TypeVar("T")

_RANK = {id: rank for rank, id in enumerate(ORDER)}
# The type of the elements of a segment that lists function indices.
_NON_NULL_FUNC = RefType(False, AbsHeap.FUNC)
_REF_FUNC: Op = op("ref.func")
_END: Op = op("end")


def decode(data: bytes, features: Features = DEFAULT, *, lazy: bool = False) -> Module:
    """The module that `data` represents. DecodeError where it represents none.

    With `lazy`, function bodies and custom sections are read when somebody looks at them (`binary/deferred`), and what
    is wrong with them shows only then.

    Positions in the result are file offsets: `Instr.at` that of the opcode, `Func.at` and `Func.end` those of the body
    behind its size, `Custom.at` that of the section's id, all others that of the definition's first byte.
    """
    if not isinstance(data, bytes):
        data = bytes(memoryview(data))
    with at_end(data), _no_collections():
        return _Decoder(data, features, lazy).module()


@contextmanager
def _no_collections() -> Iterator[None]:
    # All that a decoder builds stays alive, so that the cyclic garbage collector would look through it again and again,
    # find nothing, and take as long as the decoding itself.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Decoder:
    """State: the module so far, and what is to be compared when all sections have been read."""

    def __init__(self, data: bytes, features: Features, lazy: bool) -> None:
        self.data = data
        self.features = features
        self.lazy = lazy
        self.types: TypeReader = type_reader(features)
        # For constant expressions: whether they may name data segments is a question of validation.
        self.instrs: InstrReader = instr_reader(features)
        self.result = DeferredModule(binary=data) if lazy else Module(binary=data)
        self.func_types: list[int] = []
        # Offsets of the counts that must agree with others; the end of the file where there is no such section.
        self.funcs_at = self.code_at = self.data_count_at = self.datas_at = len(data)

    def module(self) -> Module:
        result = self.result
        rank = -1
        after = 0
        # Custom sections, each with the id of the section it follows.
        customs: list[tuple[Section, int]] = []
        end = 8
        unknown: dict[SectionId, tuple[Feature, ...]] = {}
        if Feature.BULK_MEMORY not in self.features:
            unknown[SectionId.DATA_COUNT] = (Feature.BULK_MEMORY,)
        if not self.types.tags:
            unknown[SectionId.TAG] = (Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS)
        for section in sections(self.data):
            if section.id in unknown:
                raise DecodeError(f"malformed section id{off(*unknown[section.id])}", section.at)
            end = section.end
            if section.id is SectionId.CUSTOM:
                customs.append((section, after))
                if not self.lazy:
                    result.customs.append(self._custom(section, after))
                continue
            if _RANK[section.id] <= rank:
                raise DecodeError("unexpected content after last section", section.at)
            rank = _RANK[section.id]
            pos, empty = _SECTIONS[section.id](self, section.start)
            if pos != section.end:
                raise DecodeError("section size mismatch", min(pos, section.end))
            if not empty:
                after = section.id
        self._compare_counts()
        if isinstance(result, DeferredModule):
            result.defer(lambda strict: self._customs(customs, end, strict))
        else:
            self._names(customs, end)
        return result

    def _customs(self, customs: list[tuple[Section, int]], end: int, strict: bool) -> tuple[list[Custom], Names]:
        """Custom sections and names of a module that was decoded without them. Malformed ones are left out, unless
        `strict`: then DecodeError."""
        scratch = _Decoder(self.data, self.features, lazy=False)
        for section, after in customs:
            try:
                scratch.result.customs.append(self._custom(section, after))
            except DecodeError:
                # Nothing that runs depends on it.
                if strict:
                    raise
        scratch._names(customs, end)
        return scratch.result.customs, scratch.result.names

    def _compare_counts(self) -> None:
        if len(self.func_types) != len(self.result.funcs):
            # Of the two, the later one is what does not fit.
            at = self.code_at if self.code_at < len(self.data) else self.funcs_at
            raise DecodeError("function and code section have inconsistent lengths", at)
        if self.result.data_count not in (None, len(self.result.datas)):
            at = self.datas_at if self.datas_at < len(self.data) else self.data_count_at
            raise DecodeError("data count and data section have inconsistent lengths", at)

    def _list(self, pos: int, read: Callable[[int], tuple[T, int]], into: list[T]) -> tuple[int, bool]:
        """A list of elements; the position behind it and whether it was empty."""
        number, pos = count(self.data, pos)
        for _ in range(number):
            element, pos = read(pos)
            into.append(element)
        return pos, not number

    # --- custom sections ---

    def _custom(self, section: Section, after: int) -> Custom:
        title, pos = name(self.data, section.start)
        if pos > section.end:
            raise DecodeError("unexpected end of section or function", section.end)
        return Custom(title, self.data[pos : section.end], after, section.at)

    def _names(self, customs: list[tuple[Section, int]], end: int) -> None:
        result = self.result
        index = max((i for i, custom in enumerate(result.customs) if custom.name == NAME_SECTION), default=None)
        if index is None:
            return
        custom = result.customs[index]
        result.names = decode_names(custom.data)
        last = customs[-1][0]
        if not (last.at == custom.at and last.end == end) or encode_names(result.names) != custom.data:
            return
        del result.customs[index]
        if not writes_names(result):
            result.customs.insert(index, custom)

    # --- known sections: from the contents' position to the position behind them, and whether the section is empty ---

    def _types(self, pos: int) -> tuple[int, bool]:
        def rectype(pos: int) -> tuple[RecType, int]:
            return self.types.rectype(self.data, pos)

        return self._list(pos, rectype, self.result.types)

    def _imports(self, pos: int) -> tuple[int, bool]:
        def import_(at: int) -> tuple[Import, int]:
            module, pos = name(self.data, at)
            field, pos = name(self.data, pos)
            type, pos = self.types.externtype(self.data, pos)
            return Import(module, field, type, at), pos

        return self._list(pos, import_, self.result.imports)

    def _funcs(self, pos: int) -> tuple[int, bool]:
        def typeidx(pos: int) -> tuple[int, int]:
            return u32(self.data, pos)

        self.funcs_at = pos
        pos, _ = self._list(pos, typeidx, self.func_types)
        return pos, not self.func_types

    def _tables(self, pos: int) -> tuple[int, bool]:
        def table(at: int) -> tuple[Table, int]:
            if self.data[at] != TABLE_INIT or not self.types.table_init:
                type, pos = self.types.tabletype(self.data, at)
                return Table(type, None, at), pos
            if self.data[at + 1]:
                raise DecodeError("zero byte expected", at + 1)
            type, pos = self.types.tabletype(self.data, at + 2)
            init, pos = self._expr(pos)
            return Table(type, init, at), pos

        return self._list(pos, table, self.result.tables)

    def _mems(self, pos: int) -> tuple[int, bool]:
        def memory(at: int) -> tuple[Memory, int]:
            type, pos = self.types.memtype(self.data, at)
            return Memory(type, at), pos

        return self._list(pos, memory, self.result.mems)

    def _tags(self, pos: int) -> tuple[int, bool]:
        def tag(at: int) -> tuple[Tag, int]:
            type, pos = self.types.tagtype(self.data, at)
            return Tag(type, at), pos

        return self._list(pos, tag, self.result.tags)

    def _globals(self, pos: int) -> tuple[int, bool]:
        def global_(at: int) -> tuple[Global, int]:
            type, pos = self.types.globaltype(self.data, at)
            init, pos = self._expr(pos)
            return Global(type, init, at), pos

        return self._list(pos, global_, self.result.globals)

    def _exports(self, pos: int) -> tuple[int, bool]:
        def export(at: int) -> tuple[Export, int]:
            title, pos = name(self.data, at)
            kind = self.types.kinds.get(self.data[pos])
            if kind is None:
                raise DecodeError("malformed export kind", pos)
            index, pos = u32(self.data, pos + 1)
            return Export(title, kind, index, at), pos

        return self._list(pos, export, self.result.exports)

    def _start(self, pos: int) -> tuple[int, bool]:
        self.result.start_at = pos
        self.result.start, pos = u32(self.data, pos)
        return pos, False

    def _elems(self, pos: int) -> tuple[int, bool]:
        return self._list(pos, self._elem, self.result.elems)

    def _elem(self, at: int) -> tuple[Elem, int]:
        # Bit 0 of the form: not active. Bit 1: a table index follows, or, where not active, the segment is declarative.
        # Bit 2: expressions instead of function indices.
        form, pos = u32(self.data, at)
        if form > 7 or (form and not self.features & {Feature.BULK_MEMORY, Feature.REFERENCE_TYPES}):
            needed = (Feature.BULK_MEMORY, Feature.REFERENCE_TYPES) if form <= 7 else ()
            raise DecodeError(f"malformed elements segment kind{off(*needed)}", at)
        mode: Passive | Declarative | Active
        if form & 1:
            mode = Declarative() if form & 2 else Passive()
        else:
            table = 0
            if form & 2:
                table, pos = u32(self.data, pos)
            offset, pos = self._expr(pos)
            mode = Active(table, offset)
        type = FUNCREF if form & 4 else _NON_NULL_FUNC
        if form & 3:
            if form & 4:
                type, pos = self.types.reftype(self.data, pos)
            elif self.data[pos]:
                raise DecodeError("malformed element kind", pos)
            else:
                pos += 1
        init: list[Expr] = []
        pos, _ = self._list(pos, self._expr if form & 4 else self._ref_func, init)
        return Elem(type, init, mode, at, form), pos

    def _ref_func(self, at: int) -> tuple[Expr, int]:
        index, pos = u32(self.data, at)
        return [Instr(_REF_FUNC, (index,), at), Instr(_END, (), at)], pos

    def _data_count(self, pos: int) -> tuple[int, bool]:
        self.data_count_at = pos
        self.result.data_count, pos = u32(self.data, pos)
        return pos, False

    def _code(self, pos: int) -> tuple[int, bool]:
        data = self.data
        self.code_at = pos
        number, pos = count(data, pos)
        body = instr_reader(self.features, self.result.data_count is not None).body

        def read(start: int, end: int) -> tuple[list[tuple[int, ValType]], Expr]:
            with at_end(data):
                return body(data, start, end)

        types = self.func_types
        funcs = self.result.funcs
        for index in range(number):
            size, start = count(data, pos)
            pos = start + size
            # Where there are more bodies than types, the counts are compared in the end.
            type = types[index] if index < len(types) else 0
            if self.lazy:
                if pos > len(data):
                    raise DecodeError("unexpected end of section or function", len(data))
                funcs.append(DeferredFunc(type, start, pos, read))
            else:
                locals, expr = body(data, start, pos)
                funcs.append(Func(type, locals, expr, start, pos))
        return pos, not number

    def _datas(self, pos: int) -> tuple[int, bool]:
        self.datas_at = pos
        return self._list(pos, self._data, self.result.datas)

    def _data(self, at: int) -> tuple[Data, int]:
        # Bit 0 of the form: passive. Bit 1: a memory index follows.
        form, pos = u32(self.data, at)
        # Which memory matters where there may be several, whether or not segments can be passive.
        known = Feature.BULK_MEMORY in self.features or (form == 2 and Feature.MULTI_MEMORY in self.features)
        if form > 2 or (form and not known):
            needed = (Feature.BULK_MEMORY,) if form <= 2 else ()
            raise DecodeError(f"malformed data segment kind{off(*needed)}", at)
        mode: Passive | Active
        if form == 1:
            mode = Passive()
        else:
            memory = 0
            if form == 2:
                memory, pos = u32(self.data, pos)
            offset, pos = self._expr(pos)
            mode = Active(memory, offset)
        size, pos = count(self.data, pos)
        init, pos = raw(self.data, pos, size)
        return Data(init, mode, at), pos

    def _expr(self, pos: int) -> tuple[Expr, int]:
        return self.instrs.expr(self.data, pos)


_ReadSection: TypeAlias = Callable[[_Decoder, int], tuple[int, bool]]
_SECTIONS: dict[SectionId, _ReadSection] = {
    SectionId.TYPE: _Decoder._types,
    SectionId.IMPORT: _Decoder._imports,
    SectionId.FUNCTION: _Decoder._funcs,
    SectionId.TABLE: _Decoder._tables,
    SectionId.MEMORY: _Decoder._mems,
    SectionId.GLOBAL: _Decoder._globals,
    SectionId.EXPORT: _Decoder._exports,
    SectionId.START: _Decoder._start,
    SectionId.ELEMENT: _Decoder._elems,
    SectionId.CODE: _Decoder._code,
    SectionId.DATA: _Decoder._datas,
    SectionId.DATA_COUNT: _Decoder._data_count,
    SectionId.TAG: _Decoder._tags,
}
