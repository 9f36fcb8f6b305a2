"""From a graph to machine code, in one pass over the blocks: registers are given out while instructions are written.

What is known at each point is where every living value is: in a register, in memory, or in both (`allocate.py`); blocks
begin with what was known on the first edge to them (`edges.py`). Calls find all that lives behind them in memory.
Instructions that may leave have their *exit*: a copy of what is known there, from which the registers of the
interpreter's frames are found when it is taken (`unit.py`).

`rows_*.py` say how each instruction is written. Such a function gets the emitter and the value, asks for its operands'
registers and for one for the result, writes instructions, and returns the result's register. The registers it has asked
for stay its own until it returns. It may use rax, xmm14 and xmm15 as it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from jit.build import Refused
from jit.ir.graph import CALL, Branch, Edge, Exit, Jump, Return, Switch, TailCall
from jit.ir.ops import BY_NAME, IrOp, Type
from jit.profile import history
from jit.x64 import layout as at
from jit.x64.code import ARGUMENT, HOME, NOTHING, SLOT, XMM, Code, inverse
from jit.x64.edges import Edges
from jit.x64.registers import RAX, RCX, RSP
from refsfi.errors import Crash

__all__ = ["Emitter", "emits", "emitted_later"]

Row: TypeAlias = "Callable[[Emitter, int], int]"
_ROWS: dict[int, Row] = {}
Loader: TypeAlias = "Callable[[IrOp], None]"
_LOADERS: list[Loader] = []


def emits(*names: str) -> Callable[[Row], Row]:
    """Register what writes these instructions of the IR."""

    def register(function: Row) -> Row:
        for name in names:
            _ROWS[BY_NAME[name].id] = function
        return function

    return register


def emitted_later(load: Loader) -> Loader:
    """Register what imports the file that has an instruction's row, where none is known yet."""
    _LOADERS.append(load)
    return load


def _late_row(op: IrOp) -> Row:
    """Of an instruction that has none yet. `Refused`."""
    for load in _LOADERS:
        load(op)
    row = _ROWS.get(op.id)
    if row is None:
        raise Refused(f"no code for {op.name}")
    return row


class Emitter(Edges):
    """Writes one region."""

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
                    row = _late_row(ops[value])
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
