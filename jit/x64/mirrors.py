"""What compiled code knows of references that Python holds: those in tables and in globals.

A word that mirrors a reference is the reference as compiled code has it, or has the bit `UNKNOWN`: then the interpreter
is asked (`rows_helper`), and what it found is noted here. Null and i31 are known as they are; functions once a helper
has seen them; other objects never, as their numbers are good for one run only. Python's side remains the truth: it
alone is written, and whoever writes it makes the mirror forget.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Protocol

from jit.x64 import layout as at
from refsfi.runtime.store import FuncInst, Instance
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import I31, Value
from refsfi.syntax.module import Instr

__all__ = ["MIRRORED", "Keeper", "ReferenceCell", "TableMirror", "immediate", "learn"]

# Instructions that read or write one reference, by which mirrors learn.
MIRRORED = frozenset(["global.get", "global.set", "table.get", "table.set"])


class Keeper(Protocol):
    """Of a store: what numbers and keeps references for compiled code."""

    def native(self, value: Value) -> int:
        """The reference as compiled code has it."""

    def keep(self, record: int, func: FuncInst) -> None:
        """A region may have the reference still, though nobody else will."""


def immediate(value: Value) -> int:
    """The word of a reference to nothing that has to be kept, else `UNKNOWN`."""
    if value is None:
        return 0
    return value.value << 3 | 2 if isinstance(value, I31) else at.UNKNOWN


class ReferenceCell:
    """Where the value of a global is that is a reference, in place of the interpreter's own cell; `address` is that of
    the word that mirrors it."""

    __slots__ = ("_keeper", "_value", "_word", "address")

    def __init__(self, value: Value) -> None:
        self._value = value
        self._word = ctypes.c_uint64(immediate(value))
        self._keeper: Keeper | None = None
        self.address = ctypes.addressof(self._word)

    @property
    def value(self) -> Value:
        return self._value

    @value.setter
    def value(self, value: Value) -> None:
        old = self._value
        if self._keeper is not None and isinstance(old, FuncInst):
            self._keeper.keep(self._word.value, old)
            self._keeper = None
        self._value = value
        self._word.value = immediate(value)

    def learn(self, keeper: Keeper) -> None:
        """Compiled code may know the function that it is, if it is one."""
        if isinstance(self._value, FuncInst):
            self._word.value = keeper.native(self._value)
            self._keeper = keeper


class TableMirror:
    """The function records of a table's elements, those that are known, for calls; the references that they are, for
    `table.get`; and the record that names both arrays."""

    __slots__ = ("_array", "_elems", "_held", "_record", "_refs", "address")

    def __init__(self, table: TableInst) -> None:
        self._elems = table.elems
        self._array: ctypes.Array[ctypes.c_uint64] | None = None
        self._refs: ctypes.Array[ctypes.c_uint64] | None = None
        # Of references by index: functions, and who has to keep them if the table does not any more.
        self._held: dict[int, tuple[Keeper, FuncInst]] = {}
        self._record = (ctypes.c_uint64 * at.TABLE_WORDS)()
        self._record[at.TABLE_SIZE // 8] = len(table.elems)
        self.address = ctypes.addressof(self._record)
        table.mirror = self

    def learn(self, index: int, record: int) -> None:
        """The element is a function that has its record there."""
        array = self._array = _as_long(self._array, len(self._elems), 0)
        self._name(at.TABLE_ELEMS, array)
        array[index] = record

    def learn_reference(self, index: int, keeper: Keeper) -> None:
        """What the element is, unless that is good for one run only."""
        value = self._elems[index]
        word = immediate(value)
        if isinstance(value, FuncInst):
            word = keeper.native(value)
            self._held[index] = keeper, value
        if word != at.UNKNOWN:
            refs = self._refs = _as_long(self._refs, len(self._elems), at.UNKNOWN)
            self._name(at.TABLE_REFS, refs)
            refs[index] = word

    def forget(self, start: int, count: int) -> None:
        if self._held:
            self._let_go(start, start + count)
        _fill(self._array, start, count, 0)
        _fill(self._refs, start, count, at.UNKNOWN)

    def resized(self) -> None:
        """Elements behind the old length are not known until they are looked for."""
        count = len(self._elems)
        self._record[at.TABLE_SIZE // 8] = count
        for place, array in ((at.TABLE_ELEMS, self._array), (at.TABLE_REFS, self._refs)):
            if array is not None and len(array) > count:
                self._record[place // 8 + 1] = count

    def _name(self, place: int, array: ctypes.Array[ctypes.c_uint64]) -> None:
        self._record[place // 8] = ctypes.addressof(array)
        self._record[place // 8 + 1] = len(array)

    def _let_go(self, start: int, end: int) -> None:
        refs = self._refs
        for index in [start] if end == start + 1 else [i for i in self._held if start <= i < end]:
            held = self._held.pop(index, None)
            if held is not None and refs is not None:
                keeper, func = held
                keeper.keep(refs[index], func)


def _as_long(array: ctypes.Array[ctypes.c_uint64] | None, count: int, byte: int) -> ctypes.Array[ctypes.c_uint64]:
    """The array if it has so many words, else one that has, with what fits; the rest is filled with the byte."""
    if array is not None and len(array) == count:
        return array
    made = (ctypes.c_uint64 * count)()
    _fill(made, 0, count, byte)
    if array is not None:
        ctypes.memmove(made, array, 8 * min(len(array), count))
    return made


def _fill(array: ctypes.Array[ctypes.c_uint64] | None, start: int, count: int, byte: int) -> None:
    if array is not None:
        end = min(start + count, len(array))
        if end > start:
            ctypes.memset(ctypes.addressof(array) + 8 * start, byte, 8 * (end - start))


def learn(inst: Instance, instr: Instr, operands: Sequence[Value], keeper: Keeper) -> None:
    """The interpreter has executed one of `MIRRORED`."""
    space, index = instr.op.mnemonic.split(".")[0], instr.args[0]
    if space == "global":
        cell = inst.globals[index].cell
        if isinstance(cell, ReferenceCell):
            cell.learn(keeper)
    else:
        mirror, place = inst.tables[index].mirror, operands[0]
        if isinstance(mirror, TableMirror) and isinstance(place, int):
            mirror.learn_reference(place, keeper)
