"""Making a finding small: parts are left out as long as the finding stays the same."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import WasmError
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Func, Instr, Module
from refsfi.syntax.opcodes import op

__all__ = ["shrink", "shrink_module"]

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[()]|[^\s()"]+|\s+|.', re.DOTALL)


def shrink(content: bytes | str, same: Callable[[bytes | str], bool], seconds: float) -> bytes | str:
    """A smaller input for which `same` still holds; after at most `seconds` the smallest one found so far."""
    end = time.monotonic() + seconds
    if isinstance(content, bytes):
        parts: list[Any] = [bytes([b]) for b in content]
        join: Callable[[Sequence[Any]], bytes | str] = b"".join
    else:
        parts = _TOKEN.findall(content)
        join = "".join
    size = max(1, len(parts) // 2)
    while size and time.monotonic() < end:
        at = 0
        smaller = False
        while at < len(parts) and time.monotonic() < end:
            candidate = parts[:at] + parts[at + size :]
            if same(join(candidate)):
                parts = candidate
                smaller = True
            else:
                at += size
        size = size // 2 if not smaller or size > 1 else size
        if size == 1 and not smaller:
            break
    return join(parts)


_UNREACHABLE = [Instr(op("unreachable")), Instr(op("end"))]
# So many instructions at once are left out of a body.
_SPANS = (64, 16, 4, 2, 1)


def shrink_module(data: bytes, same: Callable[[bytes], bool], seconds: float) -> bytes:
    """Like `shrink`, for a module that decodes: leaves out whatever no index points past, empties bodies, and leaves
    instructions out of them. A module that does not decode is returned as it is."""
    end = time.monotonic() + seconds
    try:
        decode(data, ALL)
    except WasmError:
        return data
    changed = True
    while changed:
        changed = False
        # Numbers of candidates stay valid, or run out, as the module shrinks.
        number = 0
        while time.monotonic() < end:
            module = decode(data, ALL)
            candidate = _candidate(module, number)
            if candidate is None:
                break
            smaller = encode(candidate)
            if smaller != data and same(smaller):
                data = smaller
                changed = True
            else:
                number += 1
    return data


def _candidate(module: Module, number: int) -> Module | None:
    """`module` with change `number` made in it; None behind the last one."""
    lists: tuple[list[Any], ...] = (
        module.customs,
        module.exports,
        module.elems,
        module.datas,
        module.funcs,
        module.globals,
        module.tables,
        module.mems,
        module.tags,
        module.imports,
        module.types,
    )
    for items in lists:
        if number < len(items):
            del items[-1 - number]
            return module
        number -= len(items)
    if number == 0:
        module.start = None
        return module
    number -= 1
    for func in module.funcs:
        if number == 0:
            func.body = _UNREACHABLE
            return module
        number -= 1
    for func in module.funcs:
        for span in _SPANS:
            places = range(0, len(func.body) - 1, span)
            if number < len(places):
                return _without(module, func, places[number], span)
            number -= len(places)
    return None


def _without(module: Module, func: Func, start: int, span: int) -> Module:
    func.body = func.body[:start] + func.body[min(start + span, len(func.body) - 1) :]
    return module
