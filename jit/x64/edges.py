"""Edges between blocks: what a block begins with, and the moves that bring values there.

What is known at the beginning of a block is decided on the first edge to it; whoever comes later moves its values
there. So that loops keep in registers what they use, values that only live through a loop are put to memory in front of
it.
"""

from __future__ import annotations

from bisect import bisect_right

from jit.ir.graph import Edge
from jit.x64 import layout as at
from jit.x64.allocate import Allocator
from jit.x64.code import ARGUMENT, SLOT, XMM
from jit.x64.registers import RAX
from refsfi.errors import Crash

__all__ = ["Edges"]


class Edges(Allocator):
    """An allocator that knows of the beginnings of blocks."""

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
