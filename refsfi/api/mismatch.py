"""Why imports do not match, in the words that embedders know."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.exec.code import Program
from refsfi.runtime.values import func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import (
    I64,
    ExternType,
    FuncExtern,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    TableType,
    TagType,
    kind_of,
)
from refsfi.valid.matching import extern_matches, val_matches

__all__ = ["mismatch"]


def mismatch(program: Program, given: Sequence[ExternType]) -> str:
    """About the first import whose given type does not match; empty where all do."""
    for declared, expected, actual in zip(program.module.imports, program.import_types, given):
        if not extern_matches(actual, expected):
            name = f"{declared.module}::{declared.name}"
            return f"incompatible import type for `{name}`\n\nCaused by:\n    {_why(expected, actual)}\n"
    return ""


def _why(expected: ExternType, found: ExternType) -> str:
    if kind_of(expected) is not kind_of(found):
        what = "function" if isinstance(found, FuncExtern) else str(kind_of(found))
        return f"expected {kind_of(expected)}, but found {what}"
    match expected, found:
        case FuncExtern(type=DefType() as a), FuncExtern(type=DefType() as b):
            return f"types incompatible: expected type `{_func(a)}`, found type `{_func(b)}`"
        case GlobalType(), GlobalType():
            return f"global types incompatible: {_why_global(expected, found)}"
        case MemType(), MemType():
            return f"memory types incompatible: {_why_memory(expected, found)}"
        case TableType(), TableType():
            return f"table types incompatible: {_why_table(expected, found)}"
        case TagType(), TagType():
            return "incompatible tag types"
    return f"expected {expected}, found {found}"


def _func(type: DefType) -> str:
    func: FuncType = func_type(type)
    params = f" (param {' '.join(map(str, func.params))})" if func.params else ""
    results = f" (result {' '.join(map(str, func.results))})" if func.results else ""
    return f"(func{params}{results})"


def _why_global(expected: GlobalType, found: GlobalType) -> str:
    if expected.mut != found.mut:
        words = ("immutable", "mutable")
        return f"expected {words[expected.mut]} global, found {words[found.mut]} global"
    return f"expected global of type `{expected.type}`, found global of type `{found.type}`"


def _why_memory(expected: MemType, found: MemType) -> str:
    if expected.addr is not found.addr:
        bits = ("32", "64")
        return f"expected {bits[expected.addr is I64]}-bit memory, found {bits[found.addr is I64]}-bit memory"
    if expected.shared != found.shared:
        words = ("non-shared", "shared")
        return f"expected {words[expected.shared]} memory, found {words[found.shared]} memory"
    if expected.page_size_log2 != found.page_size_log2:
        return (
            f"expected a memory with a page size of {1 << expected.page_size_log2}, "
            f"found one with a page size of {1 << found.page_size_log2}"
        )
    return _why_limits("memory", expected.limits, found.limits)


def _why_table(expected: TableType, found: TableType) -> str:
    if not (val_matches(expected.elem, found.elem) and val_matches(found.elem, expected.elem)):
        return f"expected table of type `{expected.elem}`, found table of type `{found.elem}`"
    if expected.addr is not found.addr:
        bits = ("32", "64")
        return f"expected {bits[expected.addr is I64]}-bit table, found {bits[found.addr is I64]}-bit table"
    return _why_limits("table", expected.limits, found.limits)


def _why_limits(what: str, expected: Limits, found: Limits) -> str:
    return f"expected {what} limits {_limits(expected)} doesn't match provided {what} limits {_limits(found)}"


def _limits(limits: Limits) -> str:
    return f"(min: {limits.min}, max: {'none' if limits.max is None else limits.max})"
