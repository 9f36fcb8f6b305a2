"""The back end for x86-64: graphs to machine code in executable memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final
from weakref import ReferenceType, WeakKeyDictionary, ref

from jit import traps
from jit.build import Refused
from jit.ir.graph import CALL, Graph
from jit.options import Options
from jit.x64 import layout as at
from jit.x64 import rows, ticker  # noqa: F401  (registers how each instruction is written)
from jit.x64.atomics import NativeAtomics
from jit.x64.code import Addresses, Code
from jit.x64.codememory import Block, CodeMemory, CodeMemoryFull
from jit.x64.contexts import FRAME_RATIO, VMS, InstanceContext, NoContext, VmContext
from jit.x64.cpu import cpu
from jit.x64.emit import Emitter
from jit.x64.libc import ffi
from jit.x64.mirrors import TableMirror
from jit.x64.stubs import encode_stubs
from jit.x64.unit import NativeUnit
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode, Program
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame, FuncInst, Instance, Store
from refsfi.syntax.types import I64

if TYPE_CHECKING:
    from jit.x64.verify import Contract

__all__ = ["X64Backend"]

# How many entries pass between two looks whether the signal handler is still in place.
_LOOK_EVERY: Final = 256

# Bytes of a thunk: three of nothing, so that the distance is aligned and can be replaced at once; a jump.
_THUNK: Final = 8


class _Thunks:
    """Of a program: for each of its own functions a thunk to call, and a cell with the address behind the callee's
    checks.

    Thunks are code and cells are data, in one block: code calls a thunk directly, and what it leads to is replaced
    without anything being written into code that calls.
    """

    def __init__(self, memory: CodeMemory, program: Program, refused: int) -> None:
        count = len(program.funcs)
        self._imported = program.imported_funcs
        self._refused = refused
        self._cells = _THUNK * count
        self.block: Block = memory.allocate(2 * _THUNK * count)
        thunks = bytearray()
        for index in range(count):
            here = self.block.address + _THUNK * index
            thunks += b"\x66\x66\x90\xe9" + (refused - here - _THUNK).to_bytes(4, "little", signed=True)
        self.block.write(bytes(thunks) + bytes(8 * count))

    def __del__(self) -> None:
        self.block.free()

    def thunk(self, index: int) -> int:
        return self.block.address + _THUNK * (index - self._imported)

    def cell(self, index: int) -> int:
        return self.block.address + self._cells + 8 * (index - self._imported)

    def point(self, index: int, entry: int, body: int) -> None:
        """Let a function's calls go to `entry`, its tail calls to `body`; 0 for neither."""
        number = index - self._imported
        here = self.block.address + _THUNK * number
        if entry == 0:
            entry = self._refused
        self.block.patch(_THUNK * number + 4, entry - here - _THUNK)
        self.block.patch_address(self._cells + 8 * number, body)


class _Process:
    """What all back ends of the process share: there is one stretch of executable memory, one way in and out of it, and
    one place at which faults land.

    `exits`, `faults` and `calls`: number of an exit, address of an instruction that may fault, address that a call
    returns to -> the unit, and what it says.
    """

    def sweep(self) -> None:
        """Free the code that nothing leads to any more, unless a thread may still be in it."""
        try:
            if any(vm.running for vm in VMS):
                return
        except RuntimeError:
            # Another thread has made or freed a store meanwhile: the next time will do.
            return
        self.replaced.clear()
        while self.gone:
            block, first_exit, code = self.gone.pop()
            for number in range(len(code.exits)):
                self.exits.pop(first_exit + number, None)
            for offset in code.faults:
                self.faults.pop(block.address + offset, None)
            for offset in code.calls:
                self.calls.pop(block.address + offset, None)
            block.free()

    def __init__(self) -> None:
        """CodeMemoryRefused."""
        self.memory = CodeMemory()
        self.exits: dict[int, tuple[ReferenceType[NativeUnit], int]] = {}
        self.faults: dict[int, tuple[ReferenceType[NativeUnit], int]] = {}
        self.calls: dict[int, tuple[ReferenceType[NativeUnit], int]] = {}
        # Units that have been replaced, and blocks of units that are gone, until no thread can be in them.
        self.replaced: list[NativeUnit] = []
        self.gone: list[tuple[Block, int, Code]] = []
        self.next_exit = 1
        self.lock = threading.RLock()
        stubs = encode_stubs()
        self._block = self.memory.allocate(len(stubs.code))
        self._block.write(stubs.code)
        base = self._block.address
        self.landing = base + stubs.landing
        self.refused = base + stubs.refused
        self.fault = base + stubs.fault
        self.helper = base + stubs.helper
        MemInst.atomics = NativeAtomics(self.memory)
        signature = "uint64_t(*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)"
        self.enter: Callable[[int, int, int, int, int], int] = ffi.cast(signature, base + stubs.enter)
        self.resume: Callable[[int, int, int, int, int], int] = ffi.cast(signature, base + stubs.resume)


@cache
def _process() -> _Process:
    return _Process()


class X64Backend:
    """Compiles for this processor. `exits`, `faults`, `calls`: as of the process. `verified`: machine code is proved to
    be safe before it becomes executable (`verify`), which takes ten times as long as making it."""

    name = "x64"
    gain = 15  # measured: 50 to 200 in long runs, less in short ones, with cold caches

    def __init__(self, options: Options, *, verified: bool = False) -> None:
        """CodeMemoryRefused, TrapsUnavailable."""
        process = _process()
        self.options = options
        self.verified = verified
        self.features = cpu().features
        self.enter, self.resume = process.enter, process.resume
        self.exits, self.faults, self.calls = process.exits, process.faults, process.calls
        self._process = process
        self._thunks: WeakKeyDictionary[Program, _Thunks] = WeakKeyDictionary()
        self._until_look = 0
        if not options.explicit:
            traps.install(process.fault, fault_pc=at.FAULT_PC, fault_address=at.FAULT_ADDRESS)

    # --- contexts --------------------------------------------------------------------------------------------------

    def vm_context(self, store: Store) -> VmContext:
        """A context for a store that has none. NoContext."""
        try:
            return VmContext(store, self.instance_context)
        except OSError as error:
            raise NoContext(str(error)) from error

    def instance_context(self, inst: Instance) -> InstanceContext:
        """The context of an instance, made when first asked for. NoContext."""
        known = inst.native
        if isinstance(known, InstanceContext):
            return known
        for index, memory in enumerate(inst.mems):
            if self._guards(inst.program, index) and not memory.guarded:
                raise NoContext(f"memory {index} found no address space to be reserved")
        return InstanceContext(inst, self._entry_of)

    def _entry_of(self, func: FuncInst) -> tuple[int, int]:
        thunks = self._thunks_of(func.code.program)
        index = func.code.func_index
        return thunks.thunk(index), thunks.cell(index)

    def _thunks_of(self, program: Program) -> _Thunks:
        thunks = self._thunks.get(program)
        if thunks is None:
            process = self._process
            with process.lock:
                thunks = self._thunks.get(program)
                if thunks is None:
                    thunks = self._thunks[program] = _Thunks(process.memory, program, process.refused)
        return thunks

    def _guards(self, program: Program, index: int) -> bool:
        """Whether accesses to a memory of this type rely on guard pages."""
        type = program.info.mems[index]
        return not self.options.explicit and type.addr is not I64 and type.page_size_log2 >= 12

    def entering(self) -> None:
        """Before each entry: now and then, see that faults still reach us, and that somebody looks after signals."""
        self._until_look -= 1
        if self._until_look < 0:
            self._until_look = _LOOK_EVERY
            ticker.start()
            if not self.options.explicit:
                traps.ensure_installed()

    # --- compiling -------------------------------------------------------------------------------------------------

    def compile(self, graph: Graph) -> NativeUnit:
        code_of = graph.code
        if code_of is None:
            raise Crash("a region of no function")
        program = code_of.program
        process = self._process
        with process.lock:
            process.sweep()
            thunks = self._thunks_of(program)
            first_exit = process.next_exit
            addresses = Addresses(process.landing, process.refused, process.helper, thunks.thunk, thunks.cell)
            emitter = Emitter(
                graph,
                addresses,
                lambda index: self._guards(program, index),
                self.features,
                first_exit,
                self.options.registers,
            )
            code = emitter.run()
            if code.frame + 8 + code.arguments > FRAME_RATIO * code_of.cost:
                raise Refused("frame too large")
            try:
                block = process.memory.allocate(code.asm.size)
            except CodeMemoryFull:
                raise Refused("no room for code") from None
            finished = code.asm.finish(block.address)
            if self.verified:
                try:
                    self._verify(graph, code, addresses, block, finished, first_exit)
                except Crash:
                    block.free()
                    raise
            block.write(finished)
            made = NativeUnit(self, graph, code, block, first_exit)
            unit = ref(made)
            for number in range(len(code.exits)):
                self.exits[first_exit + number] = (unit, number)
            process.next_exit += len(code.exits)
            for offset, number in code.faults.items():
                self.faults[block.address + offset] = (unit, number)
            for offset in code.calls:
                self.calls[block.address + offset] = (unit, offset)
        return made

    def _verify(
        self, graph: Graph, code: Code, addresses: Addresses, block: Block, finished: bytes, first_exit: int
    ) -> None:
        from jit.x64.verify import check

        check(finished, self._contract(graph, code, addresses, block, first_exit))

    def _contract(self, graph: Graph, code: Code, addresses: Addresses, block: Block, first_exit: int) -> Contract:
        from jit.x64.verify import contract_of

        if graph.code is None:
            raise Crash("a region of no function")
        guarded = partial(self._guards, graph.code.program)
        return contract_of(graph, code, block.address, addresses, guarded, first_exit)

    def attach(self, code: FuncCode, unit: Any) -> None:
        thunks = self._thunks_of(code.program)
        if isinstance(unit, NativeUnit):
            base = unit.block.address
            thunks.point(code.func_index, base + unit.code.entries[CALL], base + unit.code.body)
        else:
            thunks.point(code.func_index, 0, 0)

    def retire(self, unit: NativeUnit) -> None:
        """Nothing leads to a unit any more, but a thread may be in it."""
        self._process.replaced.append(unit)

    def retire_block(self, block: Block, first_exit: int, code: Code) -> None:
        """A unit is gone: its block is freed as soon as that can be done. From a finaliser."""
        self._process.gone.append((block, first_exit, code))

    def learn(self, frame: Frame, pc: int) -> None:
        code = frame.code
        if code is None:
            return
        instr = code.program.module.funcs[code.index].body[pc]
        mnemonic = instr.op.mnemonic
        inst = frame.inst
        vm = frame.store.native
        if not isinstance(vm, VmContext):
            return
        if mnemonic in ("call_indirect", "return_call_indirect"):
            table = inst.tables[instr.args[1]]
            index = frame.regs[code.nlocals + code.side.heights[pc] - 1]
            if index < len(table.elems):
                func = table.elems[index]
                if isinstance(func, FuncInst) and isinstance(table.mirror, TableMirror):
                    table.mirror.learn(index, vm.refs.native(func))
        elif mnemonic == "ref.func":
            self.instance_context(inst).learn_func(instr.args[0], vm.refs.native(inst.funcs[instr.args[0]]))
