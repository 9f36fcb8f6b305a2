"""The contexts of stores and instances, in memory that compiled code reads."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from typing import Any, Final
from weakref import ReferenceType, WeakSet, ref

from jit.x64 import layout as at
from jit.x64.libc import ffi, libc, system_error
from jit.x64.mirrors import ReferenceCell, TableMirror, immediate
from jit.x64.words import InstanceWords
from refsfi.errors import Crash
from refsfi.runtime.store import FuncInst, GlobalInst, HostFunc, Instance, Store, Vector
from refsfi.runtime.values import I31, Value

__all__ = ["FRAME_RATIO", "VMS", "InstanceContext", "NoContext", "References", "VmContext"]

# All exceptions masked, rounding to nearest, denormals as they are.
_MXCSR: Final = 0x1F80

# Bytes of the guard below a native stack, a multiple of the page size.
_GUARD: Final = 1 << 16

# Kept free at the native stack's end, for the kernel's signal frames.
_SIGNAL_ROOM: Final = 1 << 17

# How much larger than the interpreter's account of it a native frame may be.
FRAME_RATIO: Final = 8


class NoContext(Exception):
    """A store or an instance cannot have what compiled code needs of it; the interpreter can run it all the same."""


# All contexts of the process.
VMS: WeakSet[VmContext] = WeakSet()


class VmContext:
    """Of a store: the VM context and, behind it, the native stack, in one mapping."""

    __slots__ = (
        "__weakref__",
        "_map",
        "address",
        "all_words",
        "base",
        "memory",
        "refs",
        "running",
        "signed",
        "stack_top",
        "words",
    )

    def __init__(self, store: Store, context_of: Callable[[Instance], InstanceContext]) -> None:
        """`context_of` makes contexts of instances. OSError without address space."""
        stack = FRAME_RATIO * store.limits.stack + 2 * _SIGNAL_ROOM
        page = mmap.PAGESIZE
        context = -(-at.VM_SIZE // page) * page
        size = context + _GUARD + -(-stack // page) * page
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
        self.memory = memoryview(self._map)
        self.base = self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        # Between context and stack lies what nobody may touch.
        if libc.mprotect(ffi.cast("void *", self.base + context), _GUARD, 0):
            raise system_error("protecting the end of a native stack")
        self.all_words = self.memory.cast("Q")
        self.words = self.memory[: at.VM_SIZE].cast("Q")
        self.signed = self.memory[: at.VM_SIZE].cast("q")
        self.stack_top = self.base + size - 64
        self.words[at.STACK_TOP // 8] = self.stack_top
        self.words[at.MXCSR // 8] = _MXCSR
        self.refs = References(context_of)
        # Whether a thread is in compiled code on this stack.
        self.running = False
        VMS.add(self)
        store.native = self
        self.set_stop(store.stop is not None)

    def set_stop(self, stop: bool) -> None:
        self.words[at.STOP // 8] = stop

    def word(self, address: int) -> int:
        """The word at an address in the native stack."""
        return int.from_bytes(self.memory[address - self.base : address - self.base + 8], "little")


class References:
    """References as compiled code has them: null is 0, a function of Wasm the address of its record, an i31 its value
    with two bits behind it, anything else a number that stands for the object.

    Functions of the host have numbers for as long as the store has its context. Other objects have theirs until
    `forget`, and are kept so long.
    """

    __slots__ = ("_context_of", "_functions", "_hosts", "_numbers", "_objects")

    def __init__(self, context_of: Callable[[Instance], InstanceContext]) -> None:
        self._context_of = context_of
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._functions: dict[int, FuncInst] = {}
        self._hosts: dict[HostFunc, int] = {}

    def forget(self) -> None:
        """No region runs: throw away the numbers if there are many."""
        if len(self._objects) + len(self._functions) > _MOST_REFERENCES:
            self._objects.clear()
            self._numbers.clear()
            self._functions.clear()

    def keep(self, record: int, func: FuncInst) -> None:
        """A region may have the reference still, though nobody else will."""
        self._functions[record] = func

    def native(self, value: Value) -> int:
        word = immediate(value)
        if word != at.UNKNOWN:
            return word
        if isinstance(value, FuncInst):
            record = self._context_of(value.inst).record(value)
            self._functions[record] = value
            return record
        if isinstance(value, HostFunc):
            # Contexts of instances keep these.
            return self._hosts.setdefault(value, len(self._hosts)) << 3 | 3
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return number << 3 | 1

    def value(self, native: int) -> Value:
        if native == 0:
            return None
        kind = native & 7
        if kind == 0:
            return self.function(native)
        if kind == 2:
            return I31(native >> 3)
        if kind == 3:
            return list(self._hosts)[native >> 3]
        return self._objects[native >> 3]

    def function(self, record: int) -> FuncInst:
        known = _RECORDS.get(record)
        found = None if known is None else known()
        if found is None:
            raise Crash(f"no function has its record at 0x{record:x}")
        return found


# Address of a record -> its function, while the function's instance lives.
_RECORDS: dict[int, ReferenceType[FuncInst]] = {}

# References that a store's context keeps for compiled code until they are thrown away: none is needed between two
# entries.
_MOST_REFERENCES: Final = 4096


class InstanceContext:
    """Of an instance: the addresses of what it consists of."""

    __slots__ = (
        "__weakref__",
        "_array",
        "_cells",
        "_entry_of",
        "_funcs",
        "_inst",
        "_kept",
        "_records",
        "address",
    )

    def __init__(self, inst: Instance, entry_of: Callable[[FuncInst], tuple[int, int]]) -> None:
        """`entry_of`: of a function of the program, what to call and where the cell for tail calls is."""
        words = InstanceWords(inst.program)
        self._entry_of = entry_of
        self._array = (ctypes.c_uint64 * (words.size // 8))()
        self._funcs = (ctypes.c_uint64 * len(inst.program.info.funcs))()
        self._records: dict[int, Any] = {}
        self._kept: list[Any] = []
        self.address = ctypes.addressof(self._array)
        array = self._array
        if inst.mems and inst.mem0.guarded:
            array[at.MEMORY_BASE // 8] = inst.mem0.base
        array[at.FUNCS // 8] = ctypes.addressof(self._funcs)
        for i, memory in enumerate(inst.mems):
            array[words.memory(i) // 8] = memory.record
        for i, table in enumerate(inst.tables):
            mirror = table.mirror
            if not isinstance(mirror, TableMirror):
                mirror = TableMirror(table)
            array[words.table(i) // 8] = mirror.address
        for i, glob in enumerate(inst.globals):
            array[words.globals(i) // 8] = _cell_address(glob)
        inst.native = self

    def record(self, func: FuncInst) -> int:
        """The address of the record of a function of this instance."""
        index = func.code.func_index
        known = self._records.get(index)
        if known is not None:
            return int(known.address)
        made = _Record(func, self, self._entry_of(func), func.type.serial)
        self._records[index] = made
        return made.address

    def learn_func(self, index: int, record: int) -> None:
        self._funcs[index] = record


class _Record:
    """A function record; it is forgotten with the instance's context."""

    __slots__ = ("_words", "address")

    def __init__(self, func: FuncInst, context: InstanceContext, entry: tuple[int, int], type: int) -> None:
        self._words = (ctypes.c_uint64 * (at.REC_SIZE // 8))()
        self.address = ctypes.addressof(self._words)
        words = self._words
        words[at.REC_TYPE // 8] = type
        words[at.REC_INSTANCE // 8] = context.address
        words[at.REC_ENTRY // 8], words[at.REC_BODY // 8] = entry
        code = func.code
        if code.tail is None:
            code.prepare()
        words[at.REC_COST // 8] = code.cost
        _RECORDS[self.address] = ref(func)

    def __del__(self) -> None:
        _RECORDS.pop(self.address, None)


def _cell_address(glob: GlobalInst) -> int:
    cell = glob.cell
    if isinstance(cell, ctypes.c_uint64 | Vector):
        return ctypes.addressof(cell)
    if not isinstance(cell, ReferenceCell):
        cell = glob.cell = ReferenceCell(glob.value)
    return cell.address
