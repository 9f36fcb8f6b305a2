"""Modules around a module, so that two engines can be compared without handing them anything but numbers.

`provider` makes a module that exports what another one imports. `instrumented` names a module's imports after these
exports, and adds to it an export for each function (which calls it with fixed arguments), global and table, all of type
[] -> [i64 …]: v128, references and floats are turned into integers by the guest itself, and memories are exported. So
results are compared to the bit, through any embedding API, and both engines execute the same instructions for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from refsfi.syntax.module import Export, Expr, Func, Global, Import, Instr, Memory, Module, Names, Table, Tag
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import (
    F32,
    F64,
    I32,
    I64,
    V128,
    AbsHeap,
    ArrayType,
    CompType,
    ExternKind,
    ExternType,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    MemType,
    NumType,
    PackType,
    RecType,
    RefType,
    StructType,
    SubType,
    TableType,
    TagType,
    TypeUse,
    ValType,
)

__all__ = ["PROVIDER", "Instrumented", "instrumented", "provider"]

# The module name of the instrumented module's imports.
PROVIDER = "provider"

# So many functions of a module are called.
MAX_CALLS = 24
# So many first entries of a table are looked at.
_ENTRIES = 64

_T = TypeVar("_T")

_EDGES = (0, 1, 2, 7, 8, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x8000000000000000, (1 << 64) - 1)
_FLOAT_EDGES = {
    F32: (0, 0x80000000, 0x3F800000, 0xBFC00000, 0x7F800000, 0x7FC00000, 0x7FA00001, 0x00000001, 0x4F000000),
    F64: (0, 1 << 63, 0x3FF0000000000000, 0x7FF0000000000000, 0x7FF8000000000000, 0x7FF4000000000001, 1, 0x41E << 52),
}


def _instr(mnemonic: str, *args: Any) -> Instr:
    return Instr(op(mnemonic), args)


class _Values:
    """Makes values of a module's types, as constant expressions without their `end`."""

    def __init__(self, module: Module, random: Random | None = None) -> None:
        self.comps: list[CompType] = [member.comp for rec in module.types for member in rec.members]
        self.random = random
        # type index -> a function of it, for references that may not be null.
        self.funcs: dict[int, int] = {}

    def func(self, index: int) -> FuncType:
        comp = self.comps[index]
        if not isinstance(comp, FuncType):
            raise TypeError(f"type {index} is no function type")
        return comp

    def make(self, type: ValType) -> Expr | None:
        """None for a reference type that has no value which is easy to make."""
        if isinstance(type, NumType):
            return [_instr(f"{type}.const", self._number(type))]
        if type.null:
            return [_instr("ref.null", type.heap)]
        match type.heap:
            case TypeUse(type=int() as index):
                return self._of_type(index)
            case AbsHeap.ANY | AbsHeap.EQ | AbsHeap.I31:
                return [_instr("i32.const", 5), _instr("ref.i31")]
            case AbsHeap.EXTERN:
                return [_instr("i32.const", 5), _instr("ref.i31"), _instr("extern.convert_any")]
            case AbsHeap.FUNC if self.funcs:
                return [_instr("ref.func", next(iter(self.funcs.values())))]
            case AbsHeap.STRUCT:
                return self._first(StructType)
            case AbsHeap.ARRAY:
                return self._first(ArrayType)
        return None

    def _number(self, type: NumType) -> Any:
        random = self.random
        if type is V128:
            return bytes(16) if random is None else random.randbytes(16)
        if random is None:
            return 0
        if type in _FLOAT_EDGES:
            return random.choice((*_FLOAT_EDGES[type], random.getrandbits(32 if type is F32 else 64)))
        bits = (1 << 32) - 1 if type is I32 else (1 << 64) - 1
        return random.choice((*_EDGES, random.getrandbits(64))) & bits

    def _of_type(self, index: int) -> Expr | None:
        comp = self.comps[index]
        if isinstance(comp, FuncType):
            return [_instr("ref.func", self.funcs[index])] if index in self.funcs else None
        if isinstance(comp, StructType):
            return [_instr("struct.new_default", index)] if all(map(_defaultable, comp.fields)) else None
        return [_instr("i32.const", 3), _instr("array.new_default", index)] if _defaultable(comp.field) else None

    def _first(self, kind: type[CompType]) -> Expr | None:
        made = (self._of_type(index) for index, comp in enumerate(self.comps) if isinstance(comp, kind))
        return next((expr for expr in made if expr is not None), None)


def _defaultable(field: FieldType) -> bool:
    return isinstance(field.storage, NumType | PackType) or field.storage.null


def _end(expr: Iterable[Instr]) -> Expr:
    return [*expr, _instr("end")]


# --- what a module imports -------------------------------------------------------------------------------------------


def provider(module: Module) -> Module | None:
    """A module whose exports, in order, are what `module` imports; None where it imports a value that is not easy to
    make. Its functions give default values, or trap where there are none."""
    made = Module(types=module.types)
    values = _Values(module)
    for import_ in module.imports:
        if isinstance(import_.type, FuncExtern):
            index = _index(import_.type)
            values.funcs.setdefault(index, len(made.funcs))
            made.funcs.append(_constant_func(index, values))
    # References to a function type that no import has.
    for index, comp in enumerate(values.comps):
        if isinstance(comp, FuncType) and index not in values.funcs:
            values.funcs[index] = len(made.funcs)
            made.funcs.append(_constant_func(index, values))
    numbers = dict.fromkeys(ExternKind, 0)
    for import_ in module.imports:
        match import_.type:
            case FuncExtern():
                kind = ExternKind.FUNC
            case TableType() as type:
                kind = ExternKind.TABLE
                init = None if type.elem.null else values.make(type.elem)
                if init is None and not type.elem.null:
                    return None
                made.tables.append(Table(type, None if init is None else _end(init)))
            case MemType() as type:
                kind = ExternKind.MEMORY
                made.mems.append(Memory(type))
            case GlobalType() as type:
                kind = ExternKind.GLOBAL
                init = values.make(type.type)
                if init is None:
                    return None
                made.globals.append(Global(type, _end(init)))
            case TagType() as type:
                kind = ExternKind.TAG
                made.tags.append(Tag(type))
        made.exports.append(Export(str(len(made.exports)), kind, numbers[kind]))
        numbers[kind] += 1
    # Exported, so that initial values may refer to them.
    made.exports += (Export(f"f{i}", ExternKind.FUNC, i) for i in range(numbers[ExternKind.FUNC], len(made.funcs)))
    return made


def _constant_func(index: int, values: _Values) -> Func:
    body: Expr = []
    for type in values.func(index).results:
        made = None if isinstance(type, RefType) and not type.null else values.make(type)
        if made is None:
            return Func(index, [], _end([_instr("unreachable")]))
        body += made
    return Func(index, [], _end(body))


# --- what a module does ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Instrumented:
    """`calls` change state; `states` only read it; both name exported functions of type [] -> [i64 …]. `mems` name
    exported memories."""

    module: Module
    calls: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    mems: list[str] = field(default_factory=list)


def instrumented(module: Module, random: Random) -> Instrumented:
    """A valid module with exports that show what it does."""
    return _Instrumenter(module, random).run()


class _Instrumenter:
    def __init__(self, module: Module, random: Random) -> None:
        self.old = module
        new = self.new = copy(module)
        new.types, new.funcs, new.exports = list(module.types), list(module.funcs), list(module.exports)
        new.imports = [Import(PROVIDER, str(number), old.type) for number, old in enumerate(module.imports)]
        new.source, new.binary, new.names, new.customs = None, None, Names(), []
        self.result = Instrumented(new)
        self.values = _Values(module, random)
        self.signatures: dict[int, int] = {}
        names = {export.name for export in module.exports}
        self.prefix = "~"
        while any(name.startswith(self.prefix) for name in names):
            self.prefix += "~"
        self.imported = len(module.imported(ExternKind.FUNC))

    def run(self) -> Instrumented:
        old, result = self.old, self.result
        uses = [_index(import_.type) for import_ in old.imported(ExternKind.FUNC)] + [func.type for func in old.funcs]
        exported = {export.index for export in old.exports if export.kind is ExternKind.FUNC}
        for index in sorted(exported):
            self.values.funcs.setdefault(uses[index], index)
        order = sorted(range(len(uses)), key=lambda index: (index not in exported, index < self.imported))
        for index in order[:MAX_CALLS]:
            body = self._call(index, self.values.func(uses[index]))
            if body is not None:
                result.calls.append(self._add(f"call {index}", *body))
        for index, global_type in enumerate(_types(old, GlobalType, (g.type for g in old.globals))):
            body = self._shown([global_type.type], [_instr("global.get", index)])
            result.states.append(self._add(f"global {index}", *body))
        for index, table_type in enumerate(_types(old, TableType, (t.type for t in old.tables))):
            result.states.append(self._add(f"table {index}", *_entries(index, table_type.addr)))
        for index, _ in enumerate(_types(old, MemType, (m.type for m in old.mems))):
            name = f"{self.prefix}memory {index}"
            self.new.exports.append(Export(name, ExternKind.MEMORY, index))
            result.mems.append(name)
        return result

    def _add(self, name: str, body: Expr, locals: list[ValType], results: int) -> str:
        type = self.signatures.get(results)
        if type is None:
            type = self.signatures[results] = sum(len(rec.members) for rec in self.new.types)
            self.new.types.append(RecType((SubType(True, (), FuncType((), (I64,) * results)),)))
        name = self.prefix + name
        self.new.exports.append(Export(name, ExternKind.FUNC, self.imported + len(self.new.funcs)))
        self.new.funcs.append(Func(type, [(1, local) for local in locals], _end(body)))
        return name

    def _call(self, index: int, type: FuncType) -> tuple[Expr, list[ValType], int] | None:
        body: Expr = []
        for param in type.params:
            made = self.values.make(param)
            if made is None:
                return None
            body += made
        body.append(_instr("call", index))
        return self._shown(type.results, body)

    def _shown(self, types: Iterable[ValType], body: Expr) -> tuple[Expr, list[ValType], int]:
        """`body`, which leaves values of `types`, and then instructions that turn each into i64s."""
        locals = list(types)
        body += (_instr("local.set", slot) for slot in reversed(range(len(locals))))
        count = 0
        for slot, type in enumerate(locals):
            for shown in self._as_i64(slot, type):
                body += shown
                count += 1
        return body, locals, count

    def _as_i64(self, slot: int, type: ValType) -> Iterator[Expr]:
        get = _instr("local.get", slot)
        extend = _instr("i64.extend_i32_u")
        if type is I64:
            yield [get]
        elif type is I32:
            yield [get, extend]
        elif type is F32:
            yield [get, _instr("i32.reinterpret_f32"), extend]
        elif type is F64:
            yield [get, _instr("i64.reinterpret_f64")]
        elif type is V128:
            yield from ([get, _instr("i64x2.extract_lane", lane)] for lane in range(2))
        else:
            yield [get, _instr("ref.is_null"), extend]
            if isinstance(type, RefType) and self._internal(type):
                for heap in (AbsHeap.I31, AbsHeap.STRUCT, AbsHeap.ARRAY):
                    yield [get, _instr("ref.test", RefType(False, heap)), extend]

    def _internal(self, type: RefType) -> bool:
        """Whether it belongs to the hierarchy of `any`."""
        if isinstance(type.heap, TypeUse):
            return isinstance(type.heap.type, int) and not isinstance(self.values.comps[type.heap.type], FuncType)
        return type.heap in (
            AbsHeap.ANY,
            AbsHeap.EQ,
            AbsHeap.I31,
            AbsHeap.STRUCT,
            AbsHeap.ARRAY,
            AbsHeap.NONE,
        )


def _index(type: ExternType) -> int:
    """The type index of an imported function."""
    if not isinstance(type, FuncExtern) or not isinstance(type.type, int):
        raise TypeError(f"no function type: {type}")
    return type.type


def _types(module: Module, kind: type[_T], defined: Iterable[_T]) -> list[_T]:
    """The index space of one kind: imports first."""
    return [i.type for i in module.imports if isinstance(i.type, kind)] + list(defined)


def _entries(table: int, addr: NumType) -> tuple[Expr, list[ValType], int]:
    """The table's size, and which of its first entries are not null, as bits."""
    at, bits = 0, 1
    size = [_instr("table.size", table)]
    if addr is not I64:
        size.append(_instr("i64.extend_i32_u"))
    body = [
        *size,
        _instr("block", None),
        _instr("loop", None),
        _instr("local.get", at),
        *size,
        _instr("i64.ge_u"),
        _instr("br_if", 1),
        _instr("local.get", at),
        _instr("i64.const", _ENTRIES),
        _instr("i64.ge_u"),
        _instr("br_if", 1),
        _instr("local.get", at),
        *([] if addr is I64 else [_instr("i32.wrap_i64")]),
        _instr("table.get", table),
        _instr("ref.is_null"),
        _instr("i32.eqz"),
        _instr("i64.extend_i32_u"),
        _instr("local.get", at),
        _instr("i64.shl"),
        _instr("local.get", bits),
        _instr("i64.or"),
        _instr("local.set", bits),
        _instr("local.get", at),
        _instr("i64.const", 1),
        _instr("i64.add"),
        _instr("local.set", at),
        _instr("br", 0),
        _instr("end"),
        _instr("end"),
        _instr("local.get", bits),
    ]
    return body, [I64, I64], 2
