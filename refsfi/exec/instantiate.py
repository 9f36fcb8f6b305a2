"""Instantiation, chapter 4.7.3: match imports, allocate, evaluate initialisers, run segments and the start
function."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.errors import LimitError, LinkError, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.constant import evaluate
from refsfi.exec.machine import invoke_start
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Instance, Store, TagInst, extern_type
from refsfi.runtime.table import MAX_ELEMENTS, TableInst
from refsfi.runtime.values import default
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.module import Active, Import, Passive
from refsfi.syntax.types import (
    ExternType,
    FuncExtern,
    GlobalType,
    MemType,
    TableType,
    TagType,
    kind_of,
)
from refsfi.valid.matching import extern_matches

__all__ = ["allocate", "instantiate"]


def instantiate(store: Store, program: Program, imports: Sequence[Extern]) -> Instance:
    """A new instance, with `imports` in the order of the module's imports; its start function has run.

    LinkError where an import does not match, LimitError where the host's limits or memory do not suffice, Trap
    where a segment does not fit, a start function traps or an initialiser does. What active segments wrote before a
    trap stays written.
    """
    inst = allocate(store, program, imports)
    start = program.module.start
    if start is not None:
        invoke_start(inst, inst.funcs[start])
    return inst


def allocate(store: Store, program: Program, imports: Sequence[Extern]) -> Instance:
    """A new instance as `instantiate` makes it, up to the call of its start function, which is left to the caller."""
    module, info = program.module, program.info
    if len(imports) != len(module.imports):
        raise LinkError(f"expected {len(module.imports)} imports, got {len(imports)}")
    inst = Instance(store, program)
    for declared, expected, given in zip(module.imports, program.import_types, imports, strict=True):
        _match(declared, expected, given)
        _import(inst, given)
    for tag_type in info.tags[len(inst.tags) :]:
        inst.tags.append(TagInst(tag_type))
    limits = store.limits
    for mem_type in info.mems[len(inst.mems) :]:
        inst.mems.append(MemInst(mem_type, limits.memory))
    if inst.mems:
        inst.mem0 = inst.mems[0]
    for definition, global_type in zip(module.globals, info.globals[len(inst.globals) :], strict=True):
        inst.globals.append(GlobalInst(global_type, evaluate(definition.init, inst)))
    table_types = info.tables[len(inst.tables) :]
    _check_tables(table_types, limits.table)
    for table, table_type in zip(module.tables, table_types, strict=True):
        init = default(table_type.elem) if table.init is None else evaluate(table.init, inst)
        inst.tables.append(TableInst(table_type, init, limits.table))
    for elem in module.elems:
        inst.elems.append([evaluate(expr, inst) for expr in elem.init])
    for data in module.datas:
        inst.datas.append(data.init)
    _run_segments(inst)
    return inst


def _check_tables(types: Sequence[TableType], ceiling: int) -> None:
    """LimitError where tables that are each allowed are too much together: a few bytes declare one, and it costs its
    whole length."""
    total = sum(type.limits.min for type in types)
    most = max(ceiling, MAX_ELEMENTS)
    if len(types) > 1 and total > most:
        raise LimitError(f"tables of {total} elements in all exceed the limit of {most}")


def _match(declared: Import, expected: ExternType, given: Extern) -> None:
    actual = extern_type(given)
    if extern_matches(actual, expected):
        return
    name = f'"{declared.module}" "{declared.name}"'
    raise LinkError(f"incompatible import type for {name}: {_describe(expected)} expected, {_describe(actual)} given")


def _describe(type: ExternType) -> str:
    match type:
        case FuncExtern(type=DefType() as deftype) | TagType(type=DefType() as deftype):
            return f"{kind_of(type)} {deftype}"
        case GlobalType() | MemType() | TableType():
            return f"{kind_of(type)} {type}"
    return str(kind_of(type))


def _import(inst: Instance, extern: Extern) -> None:
    """Append an instance to the index space of its kind."""
    match extern:
        case FuncInst() | HostFunc():
            inst.funcs[len(inst.funcs)] = extern
        case TableInst():
            inst.tables.append(extern)
        case MemInst():
            inst.mems.append(extern)
        case GlobalInst():
            inst.globals.append(extern)
        case TagInst():
            inst.tags.append(extern)


def _run_segments(inst: Instance) -> None:
    """Active segments are copied in order, element segments first, and then dropped (`runelem_`, `rundata_`);
    declarative ones are dropped at once."""
    module = inst.program.module
    for index, elem in enumerate(module.elems):
        if isinstance(elem.mode, Active):
            start = evaluate(elem.mode.offset, inst)
            elems = inst.tables[elem.mode.index].elems
            source = inst.elems[index]
            if start + len(source) > len(elems):
                raise Trap(TrapCode.TABLE_OUT_OF_BOUNDS)
            elems[start : start + len(source)] = source
            inst.tables[elem.mode.index].changed(start, len(source))
    for index, elem in enumerate(module.elems):
        if not isinstance(elem.mode, Passive):
            inst.elems[index] = []
    for index, data in enumerate(module.datas):
        if isinstance(data.mode, Active):
            start = evaluate(data.mode.offset, inst)
            mem = inst.mems[data.mode.index]
            if start + len(data.init) > len(mem.data):
                raise mem.out_of_bounds(start + len(data.init) - 1 if data.init else start)
            mem.data[start : start + len(data.init)] = data.init
            inst.datas[index] = b""
