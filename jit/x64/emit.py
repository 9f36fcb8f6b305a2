"""From a graph to machine code, in one pass over the blocks: registers are given out while instructions are written.

What is known at each point is where every living value is: in a register, in memory, or in both. A block begins with
what was known on the first edge to it; whoever comes later moves its values there. So that loops keep in registers what
they use, values that only live through a loop are put to memory in front of it. When no register is free, the value
whose next use is farthest goes to memory (Belady), once: values never change, so one that was in memory stays there.

Calls find all that lives behind them in memory. Instructions that may leave have their *exit*: a copy of what is known
there, from which the registers of the interpreter's frames are found when it is taken (`unit.py`).

`rows_*.py` say how each instruction is written. Such a function gets the emitter and the value, asks for its operands'
registers and for one for the result, writes instructions, and returns the result's register. The registers it has asked
for stay its own until it returns. It may use rax, xmm14 and xmm15 as it likes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from jit.build import Refused
from jit.ir.graph import CALL, Branch, Edge, Exit, Graph, Jump, Return, Switch, TailCall, edges
from jit.ir.ops import BY_NAME, Type
from jit.profile import history
from jit.x64 import layout as at
from jit.x64.asm import Assembler
from jit.x64.liveness import Liveness
from jit.x64.registers import RAX, RCX, RSP
from jit.x64.words import InstanceWords
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode

__all__ = ["ARGUMENT", "HOME", "NOTHING", "SLOT", "XMM", "CallSite", "Code", "Emitter", "ExitState", "emits", "inverse"]

# Where a value is, as an int: a general register 0 to 15; a vector register from XMM on; a spill slot, SLOT + its
# offset from rsp; an argument, ARGUMENT + its offset behind the return address; a register of the interpreter's frame
# as it was handed over at the entry, HOME + its offset in the buffer.
XMM: Final = 16
SLOT: Final = 64
ARGUMENT: Final = 1 << 22
HOME: Final = 1 << 24

# What a row's function returns if there is no result.
NOTHING: Final = -1

_FAR: Final = 1 << 40

# The widest native frame that compiled code may have.
_MAX_FRAME: Final = 1 << 16

Row: TypeAlias = "Callable[[Emitter, int], int]"
_ROWS: dict[int, Row] = {}


def emits(*names: str) -> Callable[[Row], Row]:
    """Register what writes these instructions of the IR."""

    def register(function: Row) -> Row:
        for name in names:
            _ROWS[BY_NAME[name].id] = function
        return function

    return register


class ExitState:
    """Where the values of a snapshot are when the region is left there. `plan`: how they are read, once that is
    known."""

    __slots__ = ("memory", "plan", "registers", "snapshot")

    def __init__(self, snapshot: int, registers: dict[int, int], memory: dict[int, int]) -> None:
        self.snapshot = snapshot
        self.registers = registers
        self.memory = memory
        self.plan: Any = None


class CallSite:
    """A call, by the address that it returns to. `memory`: where the values of its snapshot are. `callee`: the index of
    the function, None for an indirect call. `types`: of its arguments."""

    __slots__ = ("callee", "memory", "plan", "registers", "snapshot", "types")

    def __init__(self, snapshot: int, memory: dict[int, int], callee: int | None, types: list[Type]) -> None:
        self.snapshot = snapshot
        self.memory = memory
        # Nothing is in a register during a call.
        self.registers: dict[int, int] = {}
        self.plan: Any = None
        self.callee = callee
        self.types = types


class Code:
    """What the emitter makes. Offsets are in bytes from the code's beginning.

    `entries`: pc -> offset. `body`: the offset behind the call entry's checks. `homes`: pc -> the registers that the
    entry reads, in the order of the buffer, with their types. `faults`: offset of an instruction -> its exit. `calls`:
    offset that a call returns to -> the call. `frame`: bytes of a frame without return address and arguments. `pcs`:
    (offset, pc) pairs for listings. `stubs`: offset of the code that leaves by an exit -> the exit.
    `inlined`: offset -> the function that a pc there is of, where it is an inlined one.
    """

    def __init__(self) -> None:
        self.asm = Assembler()
        self.entries: dict[int, int] = {}
        self.body = 0
        self.homes: dict[int, list[tuple[int, Type]]] = {}
        self.exits: list[ExitState] = []
        self.faults: dict[int, int] = {}
        self.calls: dict[int, CallSite] = {}
        self.frame = 0
        self.arguments = 0
        self.results: list[Type] = []
        self.pcs: list[tuple[int, int]] = []
        self.stubs: dict[int, int] = {}
        self.inlined: dict[int, FuncCode] = {}
        self.spills = 0


class Addresses:
    """Addresses outside of the region that its code needs. `thunk(index)`: what to call for a function of the module;
    `cell(index)`: where the address behind its checks is, for tail calls."""

    def __init__(self, landing: int, refused: int, thunk: Callable[[int], int], cell: Callable[[int], int]) -> None:
        self.landing = landing
        self.refused = refused
        self.thunk = thunk
        self.cell = cell


class Emitter:
    """Writes one region. `guard(memory)` says whether accesses to a memory need no comparison."""

    def __init__(
        self,
        graph: Graph,
        addresses: Addresses,
        guard: Callable[[int], bool],
        features: frozenset[str],
        first_exit: int,
        registers: tuple[int, int] | None = None,
    ) -> None:
        self.graph = graph
        self.addresses = addresses
        self.guard = guard
        self.features = features
        self.first_exit = first_exit
        self.code = Code()
        self.asm = self.code.asm
        self.liveness = Liveness(graph)
        if graph.code is None:
            raise Crash("a region of no function")
        self.program = graph.code.program
        self.words = InstanceWords(self.program)
        general, vector = registers or (len(at.GENERAL), len(at.VECTOR))
        self._general = at.GENERAL[:general]
        self._vector = tuple(XMM + n for n in at.VECTOR[:vector])
        self._allocatable = sum(1 << r for r in self._general + self._vector)
        # The current knowledge: value -> register, value -> place in memory, register -> value.
        self.reg: dict[int, int] = {}
        self.mem: dict[int, int] = {}
        self.holder: list[int] = [-1] * 32
        # Registers that hold nothing; registers that the instruction being written has asked for. Bits.
        self._free = self._allocatable
        self._locked = 0
        self.position = 0
        self._dying: tuple[int, ...] = ()
        self._pushed = 0
        self._slots_free: list[int] = []
        self._entry_states: dict[int, tuple[dict[int, int], dict[int, int]]] = {}
        self._labels: dict[int, int] = {}
        self._entry_blocks = frozenset(graph.entries.values())
        self._stubs: list[tuple[int, int]] = []
        self._cold: list[tuple[int, Callable[[], None], int]] = []
        self._refuse_label: int | None = None
        # Value -> the register that it had better get, because a loop wants it there.
        self._hints: dict[int, int] = {}
        self._returning = self._find_returning()
        self._constants: set[int] = {v for v, op in enumerate(graph.op) if op.name.endswith(".const")}
        self._constants |= {v for v, op in enumerate(graph.op) if op.name == "ref.null"}
        self.wide = [16 if t is Type.V128 else 8 for t in graph.type]
        self.is_vector = [at.is_vector_register_type(t) for t in graph.type]
        frame = 16 * self.liveness.peak + 64 if Type.V128 in graph.type else 8 * self.liveness.peak + 32
        if frame > _MAX_FRAME:
            raise Refused("frame too large")
        self.code.frame = frame
        self._slot_size = 16 if Type.V128 in graph.type else 8

    # --- constants -------------------------------------------------------------------------------------------------

    def is_constant(self, value: int) -> bool:
        return value in self._constants

    def imm32(self, value: int) -> int | None:
        """The constant as an immediate of an instruction as wide as the value; None where it is none, or does not
        fit."""
        if value not in self._constants:
            return None
        imm = self.graph.imm[value]
        if imm is None:
            return 0
        if not isinstance(imm, int):
            return None
        if self.graph.type[value] is Type.I32:
            return imm - (1 << 32) if imm >> 31 else imm
        imm = imm - (1 << 64) if imm >> 63 else imm
        return imm if -(1 << 31) <= imm < 1 << 31 else None

    def load_constant(self, register: int, value: int) -> None:
        """Write the constant into a register. Flags stay as they are."""
        imm = self.graph.imm[value]
        asm = self.asm
        if register < XMM:
            asm.ri("mov64", register, imm or 0)
            return
        number = register - XMM
        if isinstance(imm, bytes):
            if imm == bytes(16):
                asm.rr("pxor", number, number)
            else:
                asm.rm_rip("movdqa", number, asm.data(imm))
        elif imm == 0:
            asm.rr("pxor", number, number)
        elif self.graph.type[value] is Type.F32:
            asm.rm_rip("movss", number, asm.data(imm.to_bytes(4, "little")))
        else:
            asm.rm_rip("movsd", number, asm.data(imm.to_bytes(8, "little")))

    # --- operands --------------------------------------------------------------------------------------------------

    def gpr(self, value: int) -> int:
        """The general register that holds a value, for the instruction being written."""
        register = self.reg.get(value, -1)
        if register < 0:
            register = self._bring(value, self._general)
        self._locked |= 1 << register
        return register

    def xmm(self, value: int) -> int:
        """The number of the vector register that holds a value."""
        register = self.reg.get(value, -1)
        if register < 0:
            register = self._bring(value, self._vector)
        self._locked |= 1 << register
        return register - XMM

    def _bring(self, value: int, registers: tuple[int, ...]) -> int:
        if value in self._constants:
            # Not remembered: a constant is as easily made again.
            register = self._take(registers)
            self.load_constant(register, value)
            return register
        place = self.mem.get(value)
        if place is None:
            raise Crash(f"value {value} ({self.graph.op[value].name}) is nowhere")
        hint = self._hints.get(value, -1)
        register = hint if hint >= 0 and self._free & ~self._locked & 1 << hint else self._take(registers)
        self.load_place(register, place, value)
        self._hold(register, value)
        return register

    def temp_gpr(self) -> int:
        """A general register for the instruction being written."""
        register = self._take(self._general)
        self._locked |= 1 << register
        return register

    def temp_xmm(self) -> int:
        register = self._take(self._vector)
        self._locked |= 1 << register
        return register - XMM

    @property
    def dying(self) -> tuple[int, ...]:
        """What is not needed behind the instruction being written."""
        return self._dying

    def forget_registers(self) -> None:
        """A call has used them all."""
        for register in list(self.reg.values()):
            self._release_register(register)

    def may_hold(self, register: int) -> bool:
        """Whether the result may be in a certain general register, which has been claimed."""
        return bool(self._allocatable >> register & 1)

    def dies(self, value: int) -> bool:
        """Whether the operand is not needed behind the instruction being written."""
        return value in self._dying

    def new_gpr(self, value: int) -> int:
        """A general register for the result, different from those of the operands."""
        hint = self._hints.get(value, -1)
        if hint >= 0 and (self._free & ~self._locked) >> hint & 1:
            self._locked |= 1 << hint
            return hint
        return self.temp_gpr()

    def new_xmm(self, value: int) -> int:
        hint = self._hints.get(value, -1)
        if hint >= 0 and (self._free & ~self._locked) >> hint & 1:
            self._locked |= 1 << hint
            return hint - XMM
        return self.temp_xmm()

    def over_gpr(self, value: int, first: int) -> int:
        """A register for the result that holds the operand `first`: its own, if it dies here, else a copy."""
        register = self.reg.get(first, -1)
        if register >= 0 and first in self._dying:
            self._locked |= 1 << register
            return register
        if register < 0:
            dest = self.new_gpr(value)
            if first in self._constants:
                self.load_constant(dest, first)
            else:
                self.load_place(dest, self.mem[first], first)
            return dest
        self._locked |= 1 << register
        dest = self.new_gpr(value)
        self.asm.rr("mov64", dest, register)
        return dest

    def over_xmm(self, value: int, first: int) -> int:
        register = self.reg.get(first, -1)
        if register >= 0 and first in self._dying:
            self._locked |= 1 << register
            return register - XMM
        if register < 0:
            dest = self.new_xmm(value)
            if first in self._constants:
                self.load_constant(dest + XMM, first)
            else:
                self.load_place(dest + XMM, self.mem[first], first)
            return dest
        self._locked |= 1 << register
        dest = self.new_xmm(value)
        self.asm.rr("movaps", dest, register - XMM)
        return dest

    def claim(self, register: int) -> None:
        """Make a certain general register free for the instruction being written: what it holds is moved away. Operands
        are to be asked for afterwards."""
        self._locked |= 1 << register
        value = self.holder[register]
        if value < 0:
            return
        free = self._free & ~self._locked
        for other in self._general:
            if free >> other & 1:
                self.asm.rr("mov64", other, register)
                self._release_register(register)
                self._hold(other, value)
                return
        self._evict(register)

    # --- registers -------------------------------------------------------------------------------------------------

    def _hold(self, register: int, value: int) -> None:
        self.reg[value] = register
        self.holder[register] = value
        self._free &= ~(1 << register)

    def _release_register(self, register: int) -> None:
        value = self.holder[register]
        if value >= 0:
            del self.reg[value]
            self.holder[register] = -1
        if self._allocatable >> register & 1:
            self._free |= 1 << register

    def _take(self, registers: tuple[int, ...]) -> int:
        """A free register of these; one is made free if need be."""
        free = self._free & ~self._locked
        for register in registers:
            if free >> register & 1:
                return register
        return self._make_free(registers)

    def _make_free(self, registers: tuple[int, ...]) -> int:
        best, farthest = -1, -1
        for register in registers:
            if self._locked >> register & 1:
                continue
            value = self.holder[register]
            if value < 0:
                return register
            when = self._next_use(value)
            if value in self.mem:
                when += 1
            if when > farthest:
                best, farthest = register, when
        if best < 0:
            raise Crash("an instruction asks for more registers than there are")
        self._evict(best)
        return best

    def _next_use(self, value: int) -> int:
        uses = self.liveness.uses[value]
        i = bisect_right(uses, self.position - 1)
        return uses[i] * 2 if i < len(uses) else _FAR

    def _evict(self, register: int) -> None:
        value = self.holder[register]
        if value not in self.mem:
            self.spill(value)
        self._release_register(register)

    def spill(self, value: int) -> None:
        """Put a value that is in a register to memory as well."""
        slot = self._new_slot()
        self.store_place(slot, self.reg[value], value)
        self.mem[value] = slot
        self.code.spills += 1

    def _new_slot(self) -> int:
        if not self._slots_free:
            raise Crash("more spilled values than are ever alive")
        return self._slots_free.pop()

    # --- places ----------------------------------------------------------------------------------------------------

    def address(self, place: int) -> tuple[int, int]:
        """Base register and displacement of a place in memory."""
        if place >= HOME:
            return at.VM, at.BUFFER + place - HOME
        if place >= ARGUMENT:
            return RSP, self.code.frame + 8 + place - ARGUMENT + self._pushed
        return RSP, place - SLOT + self._pushed

    def pushed(self, size: int) -> None:
        """This many bytes lie below the frame from here on."""
        self._pushed = size

    def load_place(self, register: int, place: int, value: int) -> None:
        base, disp = self.address(place)
        if register < XMM:
            self.asm.rm("mov64", register, base, disp)
        elif self.graph.type[value] is Type.V128:
            self.asm.rm("movups", register - XMM, base, disp)
        elif self.graph.type[value] is Type.F32:
            self.asm.rm("movss", register - XMM, base, disp)
        else:
            self.asm.rm("movsd", register - XMM, base, disp)

    def store_place(self, place: int, register: int, value: int) -> None:
        base, disp = self.address(place)
        if register < XMM:
            self.asm.mr("mov64", base, disp, register)
        elif self.graph.type[value] is Type.V128:
            self.asm.mr("movups", base, disp, register - XMM)
        else:
            self.asm.mr("movsd", base, disp, register - XMM)

    def move_register(self, dest: int, source: int) -> None:
        if dest < XMM:
            self.asm.rr("mov64", dest, source)
        else:
            self.asm.rr("movaps", dest - XMM, source - XMM)

    # --- what lies in the contexts ---------------------------------------------------------------------------------

    def memory_word(self, index: int) -> int:
        """Offset in the instance context of the address of a memory's record."""
        return self.words.memory(index)

    def global_word(self, index: int) -> int:
        return self.words.globals(index)

    def table_word(self, index: int) -> int:
        return self.words.table(index)

    # --- leaving ---------------------------------------------------------------------------------------------------

    def exit(self, snapshot: int) -> int:
        """The number of an exit with what is known now."""
        exits = self.code.exits
        exits.append(ExitState(snapshot, self.reg.copy(), self.mem.copy()))
        return len(exits) - 1

    def exit_label(self, snapshot: int) -> int:
        """A label to branch to in order to leave."""
        label = self.asm.label()
        self._stubs.append((label, self.exit(snapshot)))
        return label

    def exit_unless(self, cc: str, value: int) -> None:
        """Leave through the value's snapshot unless the condition holds."""
        self.asm.jcc(inverse(cc), self.exit_label(self.graph.snap[value]))

    def exit_if(self, cc: str, value: int) -> None:
        self.asm.jcc(cc, self.exit_label(self.graph.snap[value]))

    def cold(self, cc: str, write: Callable[[], None]) -> None:
        """Branch on a condition to what `write` writes behind all blocks, out of the way, and come back. It may not ask
        for registers."""
        label, back = self.asm.label(), self.asm.label()
        self.asm.jcc(cc, label)
        self.asm.bind(back)
        self._cold.append((label, write, back))

    def may_fault(self, value: int) -> None:
        """The next instruction written may fault, and then leaves through the value's snapshot."""
        self.code.faults[len(self.asm.code)] = self.exit(self.graph.snap[value])

    # --- the walk --------------------------------------------------------------------------------------------------

    def run(self) -> Code:
        graph, asm, live = self.graph, self.asm, self.liveness
        code = self.code
        function = graph.code
        if function is None:
            raise Crash("a region of no function")
        flow = history(function).flow
        code.arguments = at.argument_bytes(flow.params)
        code.results = flow.results
        if len(flow.results) > at.MAX_RESULTS:
            raise Refused("too many live values")
        blocks = graph.blocks
        entries = {block: pc for pc, block in graph.entries.items()}
        order = [number for number in live.order if not self._is_exit(number)]
        for number in order:
            self._labels[number] = asm.label()
        rows, kills, fused = _ROWS, live.kills, live.fused
        ops, pcs = graph.op, graph.pc
        last_pc = -2
        inlined, last_inlined = graph.inlined, None
        for place, number in enumerate(order):
            block = blocks[number]
            following = order[place + 1] if place + 1 < len(order) else -1
            pc = entries.get(number)
            if pc is not None:
                self._begin({}, {})
                self._prologue(pc)
                self._homes(pc, number)
                code.pcs.append((len(asm.code), pc))
            else:
                state = self._entry_states.get(number)
                if state is None:
                    raise Crash(f"block {number} is reached from nowhere")
                self._begin(*state)
                if block.loop:
                    asm.align(16)
                asm.bind(self._labels[number])
            position = live.position[number]
            for value in block.code:
                self.position = position
                position += 1
                dying = kills.get(value)
                if value in fused or dying is None or dying == (-1,):
                    continue
                row = rows.get(ops[value].id)
                if row is None:
                    raise Refused(f"no code for {ops[value].name}")
                if pcs[value] != last_pc or inlined.get(value) is not last_inlined:
                    last_pc, last_inlined = pcs[value], inlined.get(value)
                    code.pcs.append((len(asm.code), last_pc))
                    if last_inlined is not None:
                        code.inlined[len(asm.code)] = last_inlined
                self._dying = dying
                self._locked = 0
                dest = row(self, value)
                self._finish(value, dying, dest)
            self.position = position
            self._locked = 0
            self._dying = live.kills_at_end[number]
            self._terminate(number, block.end, following)
        self._write_stubs()
        return code

    def _is_exit(self, number: int) -> bool:
        block = self.graph.blocks[number]
        if not isinstance(block.end, Exit) or block.code or block.params:
            return False
        return number not in self._entry_blocks

    def _finish(self, value: int, dying: tuple[int, ...], dest: int) -> None:
        reg, mem = self.reg, self.mem
        for dead in dying:
            register = reg.get(dead, -1)
            if register >= 0:
                self._release_register(register)
            place = mem.pop(dead, 0)
            if SLOT <= place < ARGUMENT:
                self._slots_free.append(place)
        if dest >= 0 and value not in self.liveness.unneeded:
            if self.is_vector[value]:
                dest += XMM
            self._hold(dest, value)

    def _begin(self, registers: dict[int, int], memory: dict[int, int]) -> None:
        """What is known at the beginning of a block."""
        self.reg = registers.copy()
        self.mem = memory.copy()
        holder = self.holder = [-1] * 32
        used = 0
        for value, register in registers.items():
            holder[register] = value
            used |= 1 << register
        self._free = self._allocatable & ~used
        taken = set(memory.values())
        size = self._slot_size
        slots = range(SLOT, SLOT + self.code.frame - self._slot_size + 1, size)
        self._slots_free = [slot for slot in reversed(slots) if slot not in taken]

    def _prologue(self, pc: int) -> None:
        code, asm = self.code, self.asm
        asm.align(16)
        code.entries[pc] = len(asm.code)
        if pc == CALL and self.graph.code is not None:
            refuse = self._refuse_label = asm.label()
            asm.mi("cmp32", at.VM, at.STOP, 0)
            asm.jcc("ne", refuse)
            back = self._give_back = asm.label()
            asm.mi("sub64", at.VM, at.ROOM, self.graph.code.cost)
            asm.jcc("l", back)
            if self.program.metered:
                asm.mi("sub64", at.VM, at.FUEL, 1)
                refund = self._refund_label = asm.label()
                asm.jcc("l", refund)
            code.body = len(asm.code)
        if code.frame:
            asm.ri("sub64", RSP, code.frame)

    def _homes(self, pc: int, number: int) -> None:
        """Where the values are that an entry reads: they need no instruction."""
        graph = self.graph
        homes: list[tuple[int, Type]] = []
        function = graph.code
        if function is None:
            raise Crash("a region of no function")
        params = history(function).flow.params
        offsets = at.argument_offsets(params)
        if pc == CALL:
            homes = list(enumerate(params))
        for value in graph.blocks[number].code:
            if not graph.op[value].name.endswith(".home"):
                continue
            register = graph.imm[value]
            if self.liveness.is_unused(value):
                continue
            if pc == CALL:
                self.mem[value] = ARGUMENT + offsets[register]
            else:
                self.mem[value] = HOME + 16 * len(homes)
                homes.append((register, graph.type[value]))
        if len(homes) > at.BUFFER_SLOTS:
            raise Refused("too many live values")
        self.code.homes[pc] = homes

    def _write_stubs(self) -> None:
        asm = self.asm
        for label, write, back in self._cold:
            asm.bind(label)
            write()
            asm.jmp(back)
        for label, number in self._stubs:
            asm.bind(label)
            self.code.stubs[len(asm.code)] = number
            asm.ri("mov32", RAX, self.first_exit + number)
            asm.jmp_abs(self.addresses.landing)
        if self._refuse_label is not None and self.graph.code is not None:
            if self.program.metered:
                asm.bind(self._refund_label)
                asm.mi("add64", at.VM, at.FUEL, 1)
            asm.bind(self._give_back)
            asm.mi("add64", at.VM, at.ROOM, self.graph.code.cost)
            asm.bind(self._refuse_label)
            asm.jmp_abs(self.addresses.refused)

    # --- edges -----------------------------------------------------------------------------------------------------

    def _flow(self, edge: Edge) -> list[tuple[int, int, int]]:
        """The moves (to, from, value) that an edge needs: what its target begins with is decided by the first edge."""
        target = edge.target
        state = self._entry_states.get(target)
        if state is None:
            state = self._decide(edge)
        registers, memory = state
        params = dict(zip(self.graph.blocks[target].params, edge.args))
        moves: list[tuple[int, int, int]] = []
        reg, mem, constants = self.reg, self.mem, self._constants
        for value, place in registers.items():
            source = params.get(value, value)
            if source in constants:
                moves.append((place, -1, source))
                continue
            here = reg.get(source, -1)
            if here < 0:
                here = mem[source]
            if here != place:
                moves.append((place, here, source))
        for value, place in memory.items():
            source = params.get(value, value)
            if mem.get(source) == place:
                continue
            if source in constants:
                moves.append((place, -1, source))
                continue
            here = reg.get(source, -1)
            moves.append((place, here if here >= 0 else mem[source], source))
        return moves

    def _decide(self, edge: Edge) -> tuple[dict[int, int], dict[int, int]]:
        target = edge.target
        live, graph = self.liveness, self.graph
        block = graph.blocks[target]
        alive = live.live_in[target]
        params = block.params
        registers: dict[int, int] = {}
        memory: dict[int, int] = {}
        start, end = live.position[target], live.loop_end.get(target, 0)
        for value, register in list(self.reg.items()):
            if not alive >> value & 1 or value in params:
                continue
            if end and not self._used_between(value, start, end):
                # It only lives through the loop.
                if value not in self.mem:
                    self.spill(value)
                memory[value] = self.mem[value]
                continue
            registers[value] = register
        for value, place in self.mem.items():
            if alive >> value & 1 and value not in params:
                memory[value] = place
        taken = set(registers.values())
        slots = set(memory.values())
        moved: list[tuple[int, int]] = []
        for param, value in zip(params, edge.args):
            if not alive >> param & 1:
                continue
            register = self.reg.get(value, -1)
            if register >= 0 and register not in taken:
                registers[param] = register
                taken.add(register)
            else:
                moved.append((param, value))
        for param, value in moved:
            place = self.mem.get(value, 0)
            used = not end or self._used_between(param, start, end)
            pool = self._vector if self.is_vector[param] else self._general
            choice = -1
            if used or place == 0:
                for register in pool:
                    if register not in taken:
                        choice = register
                        break
            if choice >= 0:
                registers[param] = choice
                taken.add(choice)
            elif SLOT <= place < ARGUMENT and place not in slots:
                memory[param] = place
                slots.add(place)
            else:
                # Slots that hold something now are free only if that dies on this edge.
                for slot in range(SLOT, SLOT + self.code.frame - self._slot_size + 1, self._slot_size):
                    if slot not in slots:
                        memory[param] = slot
                        slots.add(slot)
                        break
                else:
                    raise Crash("more spilled values than are ever alive")
        if end:
            for value in memory:
                if value in registers or not self._used_between(value, start, end):
                    continue
                for register in self._vector if self.is_vector[value] else self._general:
                    if register not in taken:
                        registers[value] = register
                        taken.add(register)
                        break
            for param in params:
                register = registers.get(param, -1)
                if register >= 0:
                    self._hint(target, param, register)
        state = self._entry_states[target] = (registers, memory)
        return state

    def _used_between(self, value: int, start: int, end: int) -> bool:
        uses = self.liveness.uses[value]
        i = bisect_right(uses, start - 1)
        return i < len(uses) and uses[i] < end

    def _hint(self, header: int, param: int, register: int) -> None:
        """What comes back to a loop's parameter had better be made in its register."""
        place = self.graph.blocks[header].params.index(param)
        for value in self._returning.get((header, place), ()):
            self._hints.setdefault(value, register)

    def _find_returning(self) -> dict[tuple[int, int], list[int]]:
        """(header of a loop, number of a parameter) -> what comes back to it."""
        found: dict[tuple[int, int], list[int]] = {}
        position = self.liveness.position
        for number in self.liveness.order:
            for edge in edges(self.graph.blocks[number].end):
                if position[edge.target] <= position[number]:
                    for place, value in enumerate(edge.args):
                        found.setdefault((edge.target, place), []).append(value)
        return found

    def moves(self, moves: list[tuple[int, int, int]]) -> None:
        """Copy as if all at once. Flags stay as they are."""
        constants: list[tuple[int, int]] = []
        pending: dict[int, tuple[int, int]] = {}
        for dest, source, value in moves:
            if source < 0:
                constants.append((dest, value))
            else:
                pending[dest] = (source, value)
        while pending:
            sources = {source for source, _ in pending.values()}
            ready = [dest for dest in pending if dest not in sources]
            if not ready:
                dest, (source, value) = next(iter(pending.items()))
                scratch = XMM + at.VSCRATCH2 if self.is_vector[value] else RAX
                self._move(scratch, source, value)
                for other, (needed, moved) in pending.items():
                    if needed == source:
                        pending[other] = (scratch, moved)
                continue
            for dest in ready:
                source, value = pending.pop(dest)
                self._move(dest, source, value)
        for dest, value in constants:
            if dest < SLOT:
                self.load_constant(dest, value)
            else:
                self.store_constant(*self.address(dest), value)

    def _move(self, dest: int, source: int, value: int) -> None:
        if dest < SLOT:
            if source < SLOT:
                self.move_register(dest, source)
            else:
                self.load_place(dest, source, value)
        elif source < SLOT:
            self.store_place(dest, source, value)
        else:
            self.asm.rm("movups" if self.wide[value] == 16 else "movsd", at.VSCRATCH, *self.address(source))
            self.asm.mr("movups" if self.wide[value] == 16 else "movsd", *self.address(dest), at.VSCRATCH)

    def store_constant(self, base: int, disp: int, value: int) -> None:
        imm = self.graph.imm[value]
        if isinstance(imm, bytes):
            for half in (0, 8):
                number = int.from_bytes(imm[half : half + 8], "little")
                self._store_word(base, disp + half, number)
        else:
            self._store_word(base, disp, imm or 0)

    def _store_word(self, base: int, disp: int, number: int) -> None:
        signed = number - (1 << 64) if number >> 63 else number
        if -(1 << 31) <= signed < 1 << 31:
            self.asm.mi("mov64", base, disp, signed)
        else:
            self.asm.ri("mov64", RAX, number)
            self.asm.mr("mov64", base, disp, RAX)

    # --- terminators -----------------------------------------------------------------------------------------------

    def _terminate(self, number: int, end: Any, following: int) -> None:
        match end:
            case Jump(edge):
                if self._is_exit(edge.target):
                    self.asm.jmp(self._exit_of(edge))
                    return
                self.moves(self._flow(edge))
                if edge.target != following:
                    self.asm.jmp(self._labels[edge.target])
            case Branch(condition, then, otherwise):
                self._branch(condition, then, otherwise, following)
            case Switch(index, targets):
                self._switch(index, targets)
            case Exit(snapshot):
                self.asm.jmp(self.exit_label(snapshot))
            case Return(values):
                self._return(values)
            case TailCall():
                from jit.x64.rows_call import tail_call

                tail_call(self, end)
            case _:
                raise Crash(f"block {number} has no end")

    def _exit_of(self, edge: Edge) -> int:
        end = self.graph.blocks[edge.target].end
        if not isinstance(end, Exit):
            raise Crash("an exit was expected")
        return self.exit_label(end.snapshot)

    def _branch(self, condition: int, then: Edge, otherwise: Edge, following: int) -> None:
        from jit.x64.rows_compare import compare

        asm = self.asm
        # What the edges need is moved behind the comparison; what they spill comes before it.
        exit_then, exit_otherwise = self._is_exit(then.target), self._is_exit(otherwise.target)
        cc = compare(self, condition)
        self._drop_dying()
        then_moves = [] if exit_then else self._flow(then)
        other_moves = [] if exit_otherwise else self._flow(otherwise)
        then_label = self._exit_of(then) if exit_then else self._labels[then.target]
        other_label = self._exit_of(otherwise) if exit_otherwise else self._labels[otherwise.target]
        if not then_moves and (then.target != following or other_moves):
            self.jump_if(cc, then_label)
            self.moves(other_moves)
            if otherwise.target != following:
                asm.jmp(other_label)
        elif not other_moves:
            self.jump_if(inverse(cc), other_label)
            self.moves(then_moves)
            if then.target != following:
                asm.jmp(then_label)
        else:
            skip = asm.label()
            self.jump_if(inverse(cc), skip)
            self.moves(then_moves)
            asm.jmp(then_label)
            asm.bind(skip)
            self.moves(other_moves)
            if otherwise.target != following:
                asm.jmp(other_label)

    def _drop_dying(self) -> None:
        """What only the terminator itself needed is gone on its edges."""
        self._finish(-1, self._dying, NOTHING)

    def jump_if(self, cc: str, label: int) -> None:
        """Branch on a condition of the manual, or on `feq` and `fne`: equal and not equal of floats, where unordered is
        not equal."""
        asm = self.asm
        if cc == "fne":
            asm.jcc("p", label)
            asm.jcc("ne", label)
        elif cc == "feq":
            skip = asm.label()
            asm.jcc("p", skip)
            asm.jcc("e", label)
            asm.bind(skip)
        else:
            asm.jcc(cc, label)

    def _switch(self, index: int, targets: list[Edge]) -> None:
        asm = self.asm
        register = self.gpr(index)
        # A copy: edges' moves may need the register for something else.
        asm.rr("mov32", RAX, register)
        self._drop_dying()
        labels: list[int] = []
        pads: list[tuple[int, list[tuple[int, int, int]], int]] = []
        seen: dict[tuple[int, tuple[int, ...]], int] = {}
        for edge in targets:
            key = (edge.target, tuple(edge.args))
            label = seen.get(key, -1)
            if label < 0:
                if self._is_exit(edge.target):
                    label = self._exit_of(edge)
                else:
                    moves = self._flow(edge)
                    label = self._labels[edge.target]
                    if moves:
                        pad = asm.label()
                        pads.append((pad, moves, label))
                        label = pad
                seen[key] = label
            labels.append(label)
        count = len(targets) - 1
        if count == 0:
            asm.jmp(labels[0])
        else:
            asm.ri("cmp32", RAX, count)
            asm.jcc("ae", labels[-1])
            # rax is the index; the table's distances are added to its own address, for which a register is borrowed
            # where none is free.
            free = [r for r in self._general if self._free >> r & 1]
            base = free[0] if free else RCX
            if not free:
                asm.mr("mov64", at.VM, at.BORROWED, base)
            asm.rm_rip("lea64", base, asm.table(labels[:-1]))
            asm.rmx("movsx32_64", RAX, base, RAX, 4, 0)
            asm.rr("add64", RAX, base)
            if not free:
                asm.rm("mov64", base, at.VM, at.BORROWED)
            asm.r("jmp64", RAX)
        for pad, moves, label in pads:
            asm.bind(pad)
            self.moves(moves)
            asm.jmp(label)

    def _return(self, values: tuple[int, ...]) -> None:
        asm, code = self.asm, self.code
        for i, value in reversed(list(enumerate(values))):
            if i:
                base, disp = at.VM, at.RESULTS + 16 * i
                if value in self._constants:
                    self.store_constant(base, disp, value)
                elif self.is_vector[value]:
                    asm.mr("movups", base, disp, self.xmm(value))
                else:
                    asm.mr("mov64", base, disp, self.gpr(value))
                self._locked = 0
            elif self.is_vector[value]:
                self.copy_to(XMM, value)
            else:
                self.copy_to(RAX, value)
        if code.frame:
            asm.ri("add64", RSP, code.frame)
        if self.graph.code is not None:
            asm.mi("add64", at.VM, at.ROOM, self.graph.code.cost)
        asm.ret(code.arguments)

    def copy_to(self, register: int, value: int) -> None:
        """Copy a value into a certain register, which holds nothing: it is claimed or scratch."""
        if value in self._constants:
            self.load_constant(register, value)
            return
        here = self.reg.get(value, -1)
        if here < 0:
            self.load_place(register, self.mem[value], value)
        elif here != register:
            self.move_register(register, here)


_INVERSE: Final = {
    "e": "ne",
    "b": "ae",
    "a": "be",
    "l": "ge",
    "g": "le",
    "s": "ns",
    "p": "np",
    "o": "no",
    "feq": "fne",
}
_INVERSE.update({v: k for k, v in list(_INVERSE.items())})


def inverse(cc: str) -> str:
    """The condition that holds where `cc` does not."""
    return _INVERSE[cc]
