"""What validation leaves behind for execution: where every branch goes and what it drops.

After validation the height of the operand stack is known statically at every instruction, so that a branch is a
jump plus a move of a known number of operands to a known height, and the executor keeps no label stack.

`pc` is an index into the function's flat body. Heights count operands of the function, not its locals.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, overload

from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import GlobalType, MemType, RefType, TableType, ValType

__all__ = ["UNREACHABLE", "Branch", "CatchTarget", "Handler", "ModuleInfo", "OnDemand", "SideTable"]

# Stands in `SideTable.heights` for an instruction that control cannot reach; the executor never looks at such code.
UNREACHABLE = -1


@dataclass(frozen=True, slots=True)
class Branch:
    """Go to `pc`; the top `arity` operands move down to height `height`.

    The target of a `loop` label is the `loop` instruction itself, that of any other label the `end` that closes it
    (for the label of the function: the body's last `end`, which returns).
    """

    pc: int
    arity: int
    height: int


@dataclass(frozen=True, slots=True)
class CatchTarget:
    """One clause of a handler. `tag` is a tag index, None for catch_all; `ref` tells whether the exception itself
    is pushed after its fields. The fields go to `branch.height` and execution goes on at `branch.pc`.

    `slot` is the number of the exception slot in which a legacy `catch` keeps the exception for `rethrow`, else None.
    """

    tag: int | None
    ref: bool
    branch: Branch
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """A try_table, or a legacy try, active for `start <= pc < end`.

    `parent` is the index in `SideTable.handlers` of the handler to ask next, -1 for none: the enclosing one, except
    that `delegate` leaves out those inside the label it names. A handler comes after its parent in the list, so the
    innermost handler of a pc is the last one whose range contains it.
    """

    start: int
    end: int
    parent: int
    catches: tuple[CatchTarget, ...]


@dataclass(slots=True)
class SideTable:
    """Of one function.

    `heights[pc]`: operands on the stack before instruction `pc`, or UNREACHABLE.
    `branches[pc]`: for br, br_if, br_on_* and return: one `Branch`; for `if`: where a false condition goes (behind
    the `else`, or to the `end`), nothing dropped; for `else`, and for a legacy `catch`/`catch_all` reached from
    above: to the `end`, nothing dropped (arity and height describe the block's results); for br_table: a tuple, the
    default last.
    `rethrows[pc]`: the exception slot that a `rethrow` names. `exn_slots`: how many such slots a frame needs.
    """

    heights: array[int]
    max_height: int = 0
    branches: dict[int, Branch | tuple[Branch, ...]] = field(default_factory=dict)
    handlers: list[Handler] = field(default_factory=list)
    rethrows: dict[int, int] = field(default_factory=dict)
    exn_slots: int = 0


_T = TypeVar("_T")


class OnDemand(Sequence[_T]):
    """A sequence whose elements are made when asked for, each time anew: whoever needs one keeps it. `make` is never
    run by two threads at once."""

    def __init__(self, count: int, make: Callable[[int], _T]) -> None:
        self._count = count
        self._make = make
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_T]: ...

    def __getitem__(self, index: int | slice) -> _T | Sequence[_T]:
        places = range(self._count)[index]
        with self._lock:
            return self._make(places) if isinstance(places, int) else [self._make(i) for i in places]


@dataclass(slots=True)
class ModuleInfo:
    """Of a valid module: its index spaces, imports included, with closed types; side tables of its own functions.

    `local_types[i]` are the types of all locals of defined function `i`, parameters first.
    """

    types: tuple[DefType, ...]
    funcs: list[DefType]
    tables: list[TableType]
    mems: list[MemType]
    globals: list[GlobalType]
    tags: list[DefType]
    elems: list[RefType]
    sides: Sequence[SideTable]
    local_types: Sequence[tuple[ValType, ...]]
