"""Where values are while code is written: registers that are given out, and memory where these do not suffice.

When no register is free, the value whose next use is farthest goes to memory (Belady, A study of replacement algorithms
for a virtual-storage computer, 1966), once: values never change, so one that was in memory stays there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from jit.build import Refused
from jit.ir.graph import Graph, edges
from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.code import ARGUMENT, HOME, SLOT, XMM, Addresses, Code, ExitState, inverse
from jit.x64.liveness import Liveness
from jit.x64.registers import RSP
from jit.x64.words import InstanceWords
from refsfi.errors import Crash

__all__ = ["Allocator"]

_FAR: Final = 1 << 40

# The widest native frame that compiled code may have.
_MAX_FRAME: Final = 1 << 16


class Allocator:
    """What is known of values while a region is written. `guard(memory)` says whether accesses to a memory need no
    comparison."""

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
