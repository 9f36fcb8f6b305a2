"""The store and the instances in it, chapter 4.2.3 to 4.2.12, and the frame.

A store belongs to one thread at a time. It keeps what all activations share: the innermost frame, what is left of
stack and fuel, and the request to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import Structure, c_ubyte, c_uint64
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from refsfi.errors import Exhaustion, GuestException, Trap
from refsfi.runtime.limits import Limits
from refsfi.runtime.memory import MemInst
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.types import F32, F64, I32, I64, V128, ExternKind, ExternType, FuncExtern, GlobalType, TagType

if TYPE_CHECKING:
    from refsfi.exec.code import FuncCode, Program
    from refsfi.runtime.observer import Observer

__all__ = [
    "Extern",
    "Frame",
    "FuncInst",
    "FuncSpace",
    "GlobalInst",
    "HostFunc",
    "Instance",
    "Store",
    "TagInst",
    "Witness",
    "extern_type",
]


class Store:
    """`fuel` is None where none is counted. `stop` is raised by the guest at its next backward branch or call; others
    set it by `request_stop`. `room` is what is left of `limits.stack`, in bytes; `heap` what may still be allocated
    before somebody counts what is in use (`runtime.heap`), in bytes. `at` is the pc of a failing instruction where it
    is not the one that the innermost frame's step stands for. `observer` looks on at invocations that begin while it is
    set; `witness` is told of failures. `native` is what a compiling tier keeps for the store."""

    __slots__ = (
        "__weakref__",
        "at",
        "frame",
        "fuel",
        "heap",
        "limits",
        "native",
        "nesting",
        "observer",
        "room",
        "stop",
        "witness",
    )

    def __init__(self, limits: Limits | None = None, fuel: int | None = None) -> None:
        self.limits = limits or Limits()
        self.fuel = fuel
        self.frame: Frame | None = None
        self.room = self.limits.stack
        self.heap = self.limits.heap
        self.nesting = 0
        self.at: int | None = None
        self.stop: Exhaustion | None = None
        self.observer: Observer | None = None
        self.witness: Witness | None = None
        self.native: NativeStore | None = None

    def request_stop(self, stop: Exhaustion | None) -> None:
        """Have the guest raise this as soon as it looks, whatever tier it runs in; None takes the request back. From
        any thread, a timer or a signal handler."""
        self.stop = stop
        if self.native is not None:
            self.native.set_stop(stop is not None)


class Witness(Protocol):
    """Who is told of traps, and of exceptions that nobody in the invocation catches, while the frames are there."""

    def failed(self, frame: Frame, pc: int, at: int | None, error: Trap | GuestException) -> None:
        """`error` came of instruction `pc` of `frame`, whose operands are in their slots unless `at` is None and the
        frame runs fused steps. Told again for each invocation that it passes through."""


class NativeStore(Protocol):
    """What a compiling tier keeps for a store."""

    def set_stop(self, stop: bool) -> None:
        """Let compiled code leave at its next poll, or not."""


class FuncSpace(dict[int, "FuncInst | HostFunc"]):
    """The functions of an instance by index. Imports are put in; the module's own come into being when somebody looks
    for them, as most instances use few of their functions."""

    __slots__ = ("_inst",)

    def __init__(self, inst: Instance) -> None:
        self._inst = inst

    def __missing__(self, index: int) -> FuncInst:
        inst = self._inst
        program = inst.program
        func = FuncInst(program.info.funcs[index], inst, program.funcs[index - program.imported_funcs])
        self[index] = func
        return func


class Instance:
    """A module instance. Index spaces are lists, imports first, but for that of functions; `datas` and `elems` lose
    their contents when dropped."""

    __slots__ = (
        "__weakref__",
        "_exports",
        "datas",
        "elems",
        "funcs",
        "globals",
        "mem0",
        "mems",
        "native",
        "program",
        "store",
        "tables",
        "tags",
    )

    def __init__(self, store: Store, program: Program) -> None:
        self.store = store
        self.program = program
        self.funcs = FuncSpace(self)
        self.tables: list[TableInst] = []
        self.mems: list[MemInst] = []
        # The first memory, which nearly all accesses name; undefined in a module without one.
        self.mem0: MemInst = None  # type: ignore[assignment]
        self.globals: list[GlobalInst] = []
        self.tags: list[TagInst] = []
        self.elems: list[list[Value]] = []
        self.datas: list[bytes] = []
        self._exports: dict[str, Extern] | None = None
        # What a compiling tier keeps for the instance.
        self.native: Any = None

    def export(self, name: str) -> Extern:
        """The instance exported under this name. KeyError."""
        kind, index = self.program.exports[name]
        space: Sequence[Extern] | FuncSpace = getattr(self, _SPACES[kind])
        return space[index]

    @property
    def exports(self) -> dict[str, Extern]:
        """All of them, in the order of the module."""
        if self._exports is None:
            self._exports = {name: self.export(name) for name in self.program.exports}
        return self._exports

    def dissolve(self) -> None:
        """Let go of everything, so that what nobody else uses is freed at once and waits for no garbage collection.
        The instance is of no use afterwards."""
        self.funcs.clear()
        del self.funcs._inst
        self.tables.clear()
        self.mems.clear()
        self.mem0 = None  # type: ignore[assignment]
        self.globals.clear()
        self.elems.clear()
        self._exports = None
        self.native = None


_SPACES = {
    ExternKind.FUNC: "funcs",
    ExternKind.TABLE: "tables",
    ExternKind.MEMORY: "mems",
    ExternKind.GLOBAL: "globals",
    ExternKind.TAG: "tags",
}


class FuncInst:
    """A function of a module instance. `type` is canonical; `code` is shared by all instances of the module."""

    __slots__ = ("__weakref__", "code", "inst", "type")

    def __init__(self, type: DefType, inst: Instance, code: FuncCode) -> None:
        self.type = type
        self.inst = inst
        self.code = code


class HostFunc:
    """A function of the host: `fn(*arguments)` returns a sequence of results; values as in `runtime.values`."""

    __slots__ = ("__weakref__", "fn", "name", "type")

    def __init__(self, type: DefType, fn: Callable[..., Sequence[Value]], name: str = "") -> None:
        self.type = type
        self.fn = fn
        self.name = name


_NUMBERS = frozenset([I32, I64, F32, F64])


class Vector(Structure):
    """Where the value of a global is that is a vector: in memory, as numbers are."""

    _fields_ = (("_bytes", c_ubyte * 16),)

    def __init__(self, value: bytes) -> None:
        super().__init__()
        self.value = value

    @property
    def value(self) -> bytes:
        return bytes(self._bytes)

    @value.setter
    def value(self, value: bytes) -> None:
        self._bytes[:] = value


class _Cell:
    """Where the value of a global is that is a reference."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


class GlobalInst:
    """`type` is closed. The value is `cell.value`; a number lies in a word of memory, zero-extended, and a vector in 16
    bytes, which compiled code reads and writes as well. For a reference a compiling tier may put a cell of its own in
    the place of this one."""

    __slots__ = ("__weakref__", "cell", "type")

    def __init__(self, type: GlobalType, value: Value) -> None:
        self.type = type
        self.cell: Any
        if type.type in _NUMBERS:
            self.cell = c_uint64(value)
        elif type.type is V128:
            self.cell = Vector(value)
        else:
            self.cell = _Cell(value)

    @property
    def value(self) -> Value:
        return self.cell.value

    @value.setter
    def value(self, value: Value) -> None:
        self.cell.value = value


class TagInst:
    """Compared by identity: every evaluation of a tag definition makes a new tag."""

    __slots__ = ("__weakref__", "type")

    def __init__(self, type: DefType) -> None:
        self.type = type


Extern: TypeAlias = FuncInst | HostFunc | TableInst | MemInst | GlobalInst | TagInst


def extern_type(extern: Extern) -> ExternType:
    """The closed external type of an instance.

    Rule: Externaddr_ok/func, Externaddr_ok/table, Externaddr_ok/mem, Externaddr_ok/global, Externaddr_ok/tag
    """
    if isinstance(extern, (FuncInst, HostFunc)):
        return FuncExtern(extern.type, exact=True)
    if isinstance(extern, TagInst):
        return TagType(extern.type)
    return extern.type


class Frame:
    """One activation, plain data.

    `regs` holds, in this order: the locals, parameters first; a slot for each operand (operand `h` of the function
    is in slot
    `len(locals) + h`); the exception slots of legacy catches; the constants that the code refers to.
    `ip` is where to go on, an index into `ops`: of a suspended frame the entry behind its call. `ret` is the slot of
    `caller.regs` that receives the first result.
    """

    __slots__ = ("caller", "code", "inst", "ip", "mem", "ops", "regs", "ret", "store")

    store: Store

    def __init__(self, func: FuncInst, regs: list[Any], caller: Frame, ret: int) -> None:
        code = func.code
        inst = func.inst
        self.code: FuncCode | None = code
        self.inst = inst
        self.mem = inst.mem0
        self.store = caller.store
        self.ops = code.ops
        self.regs = regs
        self.caller: Frame | None = caller
        self.ret = ret
        self.ip = 0
