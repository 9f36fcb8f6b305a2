"""Validation of one function body; lazily, or for all functions of a module in turn."""

from __future__ import annotations

from refsfi.errors import PlacedError
from refsfi.syntax.module import Func
from refsfi.valid.checker import Checker
from refsfi.valid.context import Context, Locals
from refsfi.valid.limits import MAX_FUNC_BYTES, MAX_LOCALS, check_limit
from refsfi.valid.plans import plans_for
from refsfi.valid.sidetable import SideTable

__all__ = ["func_name", "locals_of", "validate_func"]


def func_name(c: Context, index: int) -> str:
    """Function `index` of the index space, for people."""
    name = c.module.names.funcs.get(index)
    return f"func {index}" if name is None else f"func {index} (${name})"


def locals_of(c: Context, func: Func) -> Locals:
    """The locals of one of the module's functions."""
    x = func.type
    check_limit(len(c.func_type(x).params) + sum(n for n, _ in func.locals), MAX_LOCALS, "locals")
    return c.locals_of(c.types[x], [(n, c.val(type)) for n, type in func.locals])


def validate_func(c: Context, index: int) -> SideTable:
    """Rule: Func_ok

    Validates the module's own function `index` (imports not counted), whose context is complete, and returns its side
    table.
    """
    func = c.module.funcs[index]
    x = c.imported_funcs + index
    checker: Checker | None = None
    try:
        if c.module.source is None:
            check_limit(func.end - func.at, MAX_FUNC_BYTES, "bytes in a function body")
        types, tracked = locals_of(c, func)
        addr = c.mems[0].addr if c.mems else None
        checker = Checker(c, plans_for(c.features, addr), types, tracked, c.func_type(func.type).results)
        checker.run(func.body)
        return checker.side_table()
    except PlacedError as error:
        where, at = func_name(c, x), func.at
        if checker is not None and checker.heights:
            instr = func.body[checker.pc]
            where += f", instruction {checker.pc} ({instr.op.mnemonic})"
            at = instr.at
        raise c.locate(error, at, where) from None
