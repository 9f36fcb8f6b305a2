"""Validation of modules, chapter 3.5 of the specification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from refsfi.binary.deferred import DeferredFunc
from refsfi.errors import PlacedError, ValidationError
from refsfi.syntax.features import DEFAULT, Feature, Features
from refsfi.syntax.module import (
    Active,
    Data,
    Declarative,
    Elem,
    Export,
    Expr,
    Global,
    Import,
    Memory,
    Module,
    Table,
    Tag,
)
from refsfi.syntax.opcodes import op
from refsfi.syntax.types import ExternKind, FuncExtern, GlobalType, MemType, TableType, ValType, kind_of
from refsfi.valid import limits
from refsfi.valid.constant import check_constant
from refsfi.valid.context import Context
from refsfi.valid.function import func_name, locals_of, validate_func
from refsfi.valid.limits import check_limit
from refsfi.valid.matching import defaultable, ref_matches
from refsfi.valid.sidetable import ModuleInfo, OnDemand, SideTable
from refsfi.valid.types import (
    add_func_import,
    check_types,
    func_use,
    global_type,
    mem_type,
    segment_elem,
    table_type,
    tag_use,
)

__all__ = ["Progress", "check_exports", "check_start", "module_context", "validate", "validate_func"]

_REF_FUNC = op("ref.func")

# Told (bodies validated, bodies in all).
Progress: TypeAlias = Callable[[int, int], None]

_Locals: TypeAlias = tuple[ValType, ...]


def validate(
    module: Module, features: Features = DEFAULT, *, lazy: bool = False, progress: Progress | None = None
) -> ModuleInfo:
    """Rule: Module_ok

    Validates a module under the given features and returns what execution needs to know of it. Raises ValidationError
    for an invalid module, LimitError for one that exceeds an implementation limit. With `lazy` a function body is
    validated when somebody asks for its side table, and it is there that an invalid one raises. `progress` is told how
    many of how many bodies are done, every now and then.
    """
    c = module_context(module, features)
    count = len(module.funcs)
    sides: Sequence[SideTable] = OnDemand(count, lambda index: validate_func(c, index))
    local_types: Sequence[_Locals] = OnDemand(count, lambda index: locals_of(c, module.funcs[index])[0])
    if not lazy:
        sides, local_types = _all_bodies(module, sides, local_types, progress)
    check_start(c)
    check_exports(c)
    return ModuleInfo(
        types=tuple(c.types),
        funcs=c.funcs,
        tables=c.tables,
        mems=c.mems,
        globals=c.globals,
        tags=c.tags,
        elems=c.elems,
        sides=sides,
        local_types=local_types,
    )


def _all_bodies(
    module: Module, sides: Iterable[SideTable], local_types: Iterable[_Locals], progress: Progress | None
) -> tuple[list[SideTable], list[_Locals]]:
    """Both lists, complete. Bodies that can be read again are not kept: all together they are far larger than this."""
    done: tuple[list[SideTable], list[_Locals]] = ([], [])
    for at, (func, side, types) in enumerate(zip(module.funcs, sides, local_types)):
        if progress is not None and at % 256 == 0:
            progress(at, len(module.funcs))
        done[0].append(side)
        done[1].append(types)
        if isinstance(func, DeferredFunc):
            func.forget()
    return done


def module_context(module: Module, features: Features = DEFAULT) -> Context:
    """The context that the module's function bodies are checked in. Everything but the bodies, the start function and
    the exports has been checked then."""
    c = Context(module, features)
    # What is being checked, for errors: its kind, its index, its position.
    kind, x, at = "module", -1, 0
    try:
        _check_counts(module)
        check_types(c, module.types)
        for i, import_ in enumerate(module.imports):
            kind, x, at = "import", i, import_.at
            _add_import(c, import_)
        c.imported_funcs, c.imported_globals = len(c.funcs), len(c.globals)
        c.refs = _declared_functions(module)
        for i, tag in enumerate(module.tags, len(c.tags)):
            kind, x, at = "tag", i, tag.at
            _add_tag(c, tag)
        for i, func in enumerate(module.funcs, len(c.funcs)):
            kind, x, at = "func", i, func.at
            c.add_func(func_use(c, func.type), True)
        for i, memory in enumerate(module.mems, len(c.mems)):
            kind, x, at = "memory", i, memory.at
            _add_memory(c, memory)
        for i, table in enumerate(module.tables, len(c.tables)):
            kind, x, at = "table", i, table.at
            _add_table(c, table)
        for i, global_ in enumerate(module.globals, len(c.globals)):
            kind, x, at = "global", i, global_.at
            _add_global(c, global_)
        for i, data in enumerate(module.datas):
            kind, x, at = "data segment", i, data.at
            _check_data(c, data)
        for i, elem in enumerate(module.elems):
            kind, x, at = "elem segment", i, elem.at
            _add_elem(c, elem)
    except PlacedError as error:
        raise c.locate(error, at, kind if x < 0 else func_name(c, x) if kind == "func" else f"{kind} {x}") from None
    return c


def _check_counts(module: Module) -> None:
    imported = Counter(kind_of(import_.type) for import_ in module.imports)
    check_limit(len(module.imports), limits.MAX_IMPORTS, "imports")
    check_limit(len(module.exports), limits.MAX_EXPORTS, "exports")
    check_limit(len(module.funcs), limits.MAX_FUNCS, "functions")
    check_limit(len(module.globals), limits.MAX_GLOBALS, "globals")
    check_limit(len(module.tags), limits.MAX_TAGS, "tags")
    check_limit(len(module.datas), limits.MAX_DATAS, "data segments")
    check_limit(len(module.elems), limits.MAX_ELEMS, "element segments")
    check_limit(len(module.tables) + imported[ExternKind.TABLE], limits.MAX_TABLES, "tables")
    check_limit(len(module.mems) + imported[ExternKind.MEMORY], limits.MAX_MEMS, "memories")


def _declared_functions(module: Module) -> set[int]:
    """The functions that occur in the module outside of bodies and the start function, so that bodies may take
    references."""
    exprs: list[Expr] = [global_.init for global_ in module.globals]
    exprs += [table.init for table in module.tables if table.init is not None]
    for elem in module.elems:
        exprs += elem.init
        if isinstance(elem.mode, Active):
            exprs.append(elem.mode.offset)
    refs = {instr.args[0] for expr in exprs for instr in expr if instr.op is _REF_FUNC}
    refs.update(export.index for export in module.exports if export.kind is ExternKind.FUNC)
    return refs


# --- definitions -----------------------------------------------------------------------------------------------------


def _add_import(c: Context, import_: Import) -> None:
    """Rule: Import_ok"""
    type = import_.type
    if isinstance(type, FuncExtern):
        add_func_import(c, type)
    elif isinstance(type, TableType):
        c.tables.append(table_type(c, type))
        _check_single(c)
    elif isinstance(type, MemType):
        c.mems.append(mem_type(c, type))
        _check_single(c)
    elif isinstance(type, GlobalType):
        if type.mut and Feature.MUTABLE_GLOBAL not in c.features:
            raise ValidationError("mutable globals cannot be imported: the feature mutable-global is off")
        c.globals.append(global_type(c, type))
    else:
        c.tags.append(tag_use(c, type))


def _check_single(c: Context) -> None:
    if len(c.mems) > 1 and Feature.MULTI_MEMORY not in c.features:
        raise ValidationError("multiple memories: the feature multi-memory is off")
    if len(c.tables) > 1 and Feature.REFERENCE_TYPES not in c.features:
        raise ValidationError("multiple tables: the feature reference-types is off")


def _add_tag(c: Context, tag: Tag) -> None:
    """Rule: Tag_ok"""
    c.tags.append(tag_use(c, tag.type))


def _add_memory(c: Context, memory: Memory) -> None:
    """Rule: Mem_ok"""
    c.mems.append(mem_type(c, memory.type))
    _check_single(c)


def _add_table(c: Context, table: Table) -> None:
    """Rule: Table_ok

    A table without an initial value holds null, which its element type must allow.
    """
    type = table_type(c, table.type)
    if table.init is not None:
        if Feature.GC not in c.features:
            c.need(Feature.FUNCTION_REFERENCES, "initial values of tables")
        check_constant(c, table.init, type.elem)
    elif not defaultable(type.elem):
        raise ValidationError(f"type mismatch: table of type {c.show(type.elem)} requires an initial value")
    c.tables.append(type)
    _check_single(c)


def _add_global(c: Context, global_: Global) -> None:
    """Rule: Global_ok, Globals_ok/empty, Globals_ok/cons"""
    type = global_type(c, global_.type)
    check_constant(c, global_.init, type.type)
    c.globals.append(type)


def _check_data(c: Context, data: Data) -> None:
    """Rule: Data_ok, Datamode_ok/passive, Datamode_ok/active"""
    if isinstance(data.mode, Active):
        check_constant(c, data.mode.offset, c.mem(data.mode.index).addr)
    else:
        c.need(Feature.BULK_MEMORY, "passive segments")


def _add_elem(c: Context, elem: Elem) -> None:
    """Rule: Elem_ok, Elemmode_ok/passive, Elemmode_ok/declare, Elemmode_ok/active"""
    type = segment_elem(c, elem.type)
    check_limit(len(elem.init), limits.MAX_ELEM_ENTRIES, "elements in a segment")
    for expr in elem.init:
        check_constant(c, expr, type)
    if isinstance(elem.mode, Active):
        table = c.table(elem.mode.index)
        if not ref_matches(type, table.elem):
            raise ValidationError(
                f"type mismatch: element segment's type {c.show(type)} does not match table's element type "
                f"{c.show(table.elem)}"
            )
        check_constant(c, elem.mode.offset, table.addr)
    elif isinstance(elem.mode, Declarative):
        c.need(Feature.REFERENCE_TYPES, "declarative segments")
    else:
        c.need(Feature.BULK_MEMORY, "passive segments")
    c.elems.append(type)


# --- start and exports -----------------------------------------------------------------------------------------------


def check_start(c: Context) -> None:
    """Rule: Start_ok"""
    start = c.module.start
    if start is None:
        return
    try:
        func = c.func_signature(start)
        if func.params or func.results:
            raise ValidationError(f"start function must not have parameters or results: it has type {func}")
    except PlacedError as error:
        raise c.locate(error, c.module.start_at, "start") from None


def check_exports(c: Context) -> None:
    """Rule: Export_ok
    Rule: Externidx_ok/tag, Externidx_ok/global, Externidx_ok/mem, Externidx_ok/table, Externidx_ok/func
    """
    names: set[str] = set()
    for export in c.module.exports:
        try:
            _check_export(c, export)
            if export.name in names:
                raise ValidationError(f'duplicate export name "{export.name}"')
        except PlacedError as error:
            raise c.locate(error, export.at, f'export "{export.name}"') from None
        names.add(export.name)


def _check_export(c: Context, export: Export) -> None:
    x = export.index
    if export.kind is ExternKind.FUNC:
        c.func(x)
    elif export.kind is ExternKind.TABLE:
        c.table(x)
    elif export.kind is ExternKind.MEMORY:
        c.mem(x)
    elif export.kind is ExternKind.TAG:
        c.tag(x)
    elif c.global_(x).mut and Feature.MUTABLE_GLOBAL not in c.features:
        raise ValidationError("mutable globals cannot be exported: the feature mutable-global is off")
