"""Names for what has none: `#func0` for the first function, and so on, as wasm-tools chooses them."""

from __future__ import annotations

from collections.abc import Iterable

from refsfi.syntax.module import Module, Names
from refsfi.syntax.opcodes import Imm
from refsfi.syntax.types import ExternKind, FuncExtern, FuncType, StructType

__all__ = ["with_all_named"]

# Locals beyond this many in one function stay as they are: some bytes declare billions of them.
_MAX_LOCALS = 50_000


def with_all_named(module: Module) -> Names:
    """The names of a module, completed so that everything that an instruction can refer to has one."""
    names = module.names
    subtypes = [member.comp for rec in module.types for member in rec.members]
    imported = {kind: len(module.imported(kind)) for kind in ExternKind}
    types = [item.type.type for item in module.imports if isinstance(item.type, FuncExtern)]
    types += [func.type for func in module.funcs]
    locals: dict[int, dict[int, str]] = {}
    labels: dict[int, dict[int, str]] = {}
    for index, type in enumerate(types):
        comp = subtypes[type] if isinstance(type, int) and type < len(subtypes) else None
        count = len(comp.params) if isinstance(comp, FuncType) else 0
        if index >= imported[ExternKind.FUNC]:
            func = module.funcs[index - imported[ExternKind.FUNC]]
            count += sum(number for number, _ in func.locals)
            blocks = sum(Imm.BLOCK in instr.op.imms for instr in func.body)
            labels[index] = _complete(names.labels.get(index, {}), range(blocks), "label")
        locals[index] = _complete(names.locals.get(index, {}), range(min(count, _MAX_LOCALS)), "local")
    return Names(
        module=names.module,
        funcs=_complete(names.funcs, range(len(types)), "func"),
        locals=locals,
        labels=labels,
        types=_complete(names.types, range(len(subtypes)), "type"),
        tables=_complete(names.tables, range(imported[ExternKind.TABLE] + len(module.tables)), "table"),
        mems=_complete(names.mems, range(imported[ExternKind.MEMORY] + len(module.mems)), "memory"),
        globals=_complete(names.globals, range(imported[ExternKind.GLOBAL] + len(module.globals)), "global"),
        elems=_complete(names.elems, range(len(module.elems)), "elem"),
        datas=_complete(names.datas, range(len(module.datas)), "data"),
        fields={
            index: _complete(names.fields.get(index, {}), range(len(comp.fields)), "field")
            for index, comp in enumerate(subtypes)
            if isinstance(comp, StructType)
        },
        tags=_complete(names.tags, range(imported[ExternKind.TAG] + len(module.tags)), "tag"),
    )


def _complete(known: dict[int, str], indices: Iterable[int], kind: str) -> dict[int, str]:
    return {**{index: f"#{kind}{index}" for index in indices}, **{i: name for i, name in known.items() if name}}
