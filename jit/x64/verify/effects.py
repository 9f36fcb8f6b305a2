"""What one instruction does to a state, but for branches, calls and returns.

Instructions that make addresses are understood: moves, sums, shifts by constants, extensions. Of all others it is only
known which registers they write, and how wide: a write of 32 bits clears the rest, one of 8 or 16 leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from jit.x64 import layout as at
from jit.x64.contexts import FRAME_RATIO
from jit.x64.verify.access import Accesses
from jit.x64.verify.contract import Contract, Unsafe
from jit.x64.verify.decode import CONDITIONS, Decoded, Operand
from jit.x64.verify.state import Flags, State
from jit.x64.verify.values import (
    ANY,
    I32,
    MASK,
    Fuel,
    Kind,
    Memory,
    Number,
    Pointer,
    Reference,
    Room,
    Value,
    add,
    constant,
    plus,
)
from refsfi.exec.bulk import BYTES

__all__ = ["Effects"]

_RAX: Final = 0
_RCX: Final = 1
_RSP: Final = 4
_RSI: Final = 6
_RDI: Final = 7
_FIXED: Final = frozenset([at.VM, at.INSTANCE, at.MEMORY, _RSP])
_MOVES: Final = frozenset("movups movaps movdqu movdqa movsd movq vmovups vmovaps vmovdqu vmovdqa vmovsd vmovq".split())


class Effects(Accesses):
    """Executes instructions on states. `deepest`: how far a frame may reach, in bytes."""

    def __init__(self, contract: Contract, code: bytes) -> None:
        super().__init__(contract, code)
        signatures = [*contract.functions.values(), *contract.types.values()]
        # What is passed on the stack is paid for by whom it is passed to.
        widest = max(at.argument_bytes(list(call.params)) for call in signatures)
        self.deepest = FRAME_RATIO * contract.cost + widest

    def execute(self, state: State, ins: Decoded) -> None:
        written = dict(ins.general)
        if not _FIXED.isdisjoint(written) and not self._stack_pointer(state, ins, written):
            raise Unsafe(ins.at, ins.text, "writes a register that compiled code keeps")
        if written.get(_RSP):
            return
        kept = ins.source if ins.source in _FIXED else ins.dest if ins.dest in _FIXED else -1
        if kept >= 0 and (ins.word, kept) != ("cmp", at.INSTANCE):
            raise Unsafe(ins.at, ins.text, "computes with an address")
        flags = state.flags
        rule = _UNDERSTOOD.get(ins.word)
        if rule is None or not rule(self, state, ins):
            self._unknown(state, ins)
        if flags is not None and flags is state.flags and flags.register in written:
            # What they tell something of is gone.
            state.flags = None

    def _unknown(self, state: State, ins: Decoded) -> None:
        """Nothing is known of what it computes."""
        for register in (-1 if ins.overwrites else ins.dest, ins.source):
            if (
                register >= 0
                and isinstance(state.general[register], Pointer | Memory | Room | Fuel)
                and not ins.operands
            ):
                raise Unsafe(ins.at, ins.text, "computes with an address")
        for operand in ins.operands:
            if operand.reads:
                self.load(state, ins, operand)
            if operand.writes:
                self.store(state, ins, operand, ANY)
        for number in ins.vector:
            state.vector.pop(number, None)
        for number, width in ins.general:
            self._clobber(state, ins, number, width, ins.conditional)
        if ins.flags:
            state.flags = None

    def _clobber(self, state: State, ins: Decoded, number: int, width: int, conditional: bool) -> None:
        before = state.general[number]
        # iced says of a write of 32 bits that it is one of the whole register; the operand says how wide it is.
        small = ins.size <= 4 and (ins.dest == number or ins.word in ("div", "idiv", "mul", "imul", "cdq"))
        range = I32 if small else ANY
        if width < 4:
            range = I32 if isinstance(before, Number) and before.hi <= I32.hi else ANY
        if conditional and not (isinstance(before, Number) and before.hi <= range.hi):
            range = ANY
        state.general[number] = self.fresh(state, ins, number, range)

    def _set(self, state: State, ins: Decoded, value: Value) -> None:
        """Write the first operand, a general register."""
        if ins.size < 8:
            if ins.size < 4:
                self._clobber(state, ins, ins.dest, ins.size, False)
                return
            if not isinstance(value, Number) or value.hi > I32.hi:
                value = self.fresh(state, ins, "low", I32)
        state.general[ins.dest] = value

    def _number(self, state: State, ins: Decoded, register: int, *, exact: bool = False) -> Number | None:
        """What a register holds, as a number that has a symbol; `exact`: and is exactly it."""
        value = state.general[register]
        if not isinstance(value, Number):
            return None
        if value.symbols is None or (exact and not value.exact):
            number = self.name((ins.at, "of", register))
            state.forget(number)
            value = replace(value, symbols=(number,), k=0, exact=True)
            state.general[register] = value
        return value

    def _source(self, state: State, ins: Decoded) -> Value | None:
        """The second operand of an instruction whose first is a register: None where it is in memory."""
        if ins.imm is not None and ins.source < 0 and not ins.operands:
            return constant(ins.imm)
        if ins.source >= 0:
            self._number(state, ins, ins.source, exact=ins.word != "cmp")
            return self.register(state, ins.source)
        return None

    # --- moves ------------------------------------------------------------------------------------------------------

    def _mov(self, state: State, ins: Decoded) -> bool:
        if ins.operands:
            (operand,) = ins.operands
            if operand.writes:
                value: Value = ANY
                if ins.imm is not None:
                    value = constant(ins.imm)
                else:
                    register = ins.source
                    value = state.general[register] if operand.width == 8 else ANY
                self._counter_written(state, ins, operand, value)
                self.store(state, ins, operand, value)
                return True
            value = self.load(state, ins, operand)
            self._set(state, ins, value if operand.width == 8 else self.fresh(state, ins, "narrow", I32))
            return True
        source = self._source(state, ins)
        if source is None:
            return False
        self._set(state, ins, source)
        return True

    def _movzx(self, state: State, ins: Decoded) -> bool:
        for operand in ins.operands:
            self.load(state, ins, operand)
        width = ins.operands[0].width if ins.operands else ins.source_size
        state.general[ins.dest] = self.fresh(state, ins, "narrow", Number(0, (1 << 8 * width) - 1))
        return True

    def _movsxd(self, state: State, ins: Decoded) -> bool:
        if ins.operands:
            value = self.load(state, ins, ins.operands[0])
            if isinstance(value, Pointer) and value.kind is Kind.DISTANCE:
                state.general[ins.dest] = value
                return True
        state.general[ins.dest] = self.fresh(state, ins, "wide")
        return True

    def _conditional_move(self, state: State, ins: Decoded) -> bool:
        if ins.size != 8 or ins.source < 0 or ins.source in _FIXED:
            return False
        a, b = state.general[ins.dest], state.general[ins.source]
        if isinstance(a, Number) and isinstance(b, Number):
            made: Value = self.fresh(state, ins, "either", Number(min(a.lo, b.lo), max(a.hi, b.hi)))
        elif all(isinstance(v, Reference) or v == constant(0) for v in (a, b)):
            made = self.reference(state, ins, "either")
        else:
            return False
        state.general[ins.dest] = made
        return True

    def _xchg(self, state: State, ins: Decoded) -> bool:
        if ins.operands:
            return False
        a, b = ins.dest, ins.source
        if ins.size != 8 or a in _FIXED or b in _FIXED:
            return False
        state.general[a], state.general[b] = state.general[b], state.general[a]
        return True

    def _move(self, state: State, ins: Decoded) -> bool:
        """Moves of vector registers, through which words of the stack pass."""
        if ins.operands:
            (operand,) = ins.operands
            if operand.writes:
                if ins.xsource < 0 or operand.width < 8:
                    return False
                self.store(state, ins, operand, state.vector.get(ins.xsource, ANY))
                return True
            value = self.load(state, ins, operand)
        elif (
            ins.xsource >= 0
            and ins.xdest >= 0
            and len(ins.vector) == 1
            and ins.word.lstrip("v") in ("movaps", "movups")
        ):
            value = state.vector.get(ins.xsource, ANY)
        else:
            return False
        if ins.xdest < 0:
            return False
        if isinstance(value, Number) and value.lo == 0 and value.hi == MASK:
            state.vector.pop(ins.xdest, None)
        else:
            state.vector[ins.xdest] = value
        return True

    # --- sums -------------------------------------------------------------------------------------------------------

    def _lea(self, state: State, ins: Decoded) -> bool:
        (operand,) = ins.operands
        value: Value
        if operand.rip:
            value = Pointer(Kind.JUMPS, operand.disp)
        else:
            value = self._sum_of(state, ins, operand)
        self._set(state, ins, value)
        return True

    def _sum_of(self, state: State, ins: Decoded, operand: Operand) -> Value:
        if operand.base in (_RSP, at.VM, at.INSTANCE):
            raise Unsafe(ins.at, ins.text, "makes an address that compiled code has no use for")
        for register in (operand.base, operand.index):
            if register >= 0 and register not in _FIXED:
                self._number(state, ins, register, exact=True)
        base, index, scale = self.pointer(state, ins, operand)
        number: Number = constant(0)
        if index is not None:
            number = index
            if scale != 1:
                number = self.fresh(state, ins, "scaled", Number(0, min(MASK, index.hi * scale)))
        if isinstance(base, Memory):
            return Memory(base.index, plus(add(base.offset, number), operand.disp))
        if isinstance(base, Number):
            return plus(add(base, number), operand.disp)
        raise Unsafe(ins.at, ins.text, "a sum with an address that is no memory's")

    def _add(self, state: State, ins: Decoded) -> bool:
        return self._arithmetic(state, ins, 1)

    def _sub(self, state: State, ins: Decoded) -> bool:
        return self._arithmetic(state, ins, -1)

    def _shr(self, state: State, ins: Decoded) -> bool:
        value = state.general[ins.dest] if ins.dest >= 0 else ANY
        if ins.size != 8 or ins.imm is None or not isinstance(value, Number):
            return False
        shift = ins.imm & 63
        state.general[ins.dest] = self.fresh(state, ins, "shifted", Number(value.lo >> shift, value.hi >> shift))
        state.flags = None
        return True

    def _arithmetic(self, state: State, ins: Decoded, sign: int) -> bool:
        if ins.operands and ins.operands[0].writes:
            return self._counter(state, ins, sign)
        if ins.size != 8 or ins.dest < 0:
            return False
        self._number(state, ins, ins.dest)
        left = state.general[ins.dest]
        right = self._source(state, ins)
        if right is None:
            right = self.load(state, ins, ins.operands[0]) if ins.operands else None
            if isinstance(left, Room) and sign < 0 and ins.operands:
                function = state.general[ins.operands[0].base]
                if isinstance(function, Reference) and ins.operands[0].disp == at.REC_COST:
                    state.general[ins.dest] = replace(left, callee=function.symbol)
                    state.flags = Flags("rest", register=ins.dest)
                    return True
        if isinstance(left, Room) and ins.imm is not None:
            state.general[ins.dest] = replace(left, gained=left.gained + sign * ins.imm, enough=False)
            state.flags = None
            return True
        if isinstance(left, Fuel) and sign < 0 and isinstance(right, Number) and right.hi <= BYTES:
            state.general[ins.dest] = Fuel(taken=True)
            state.flags = Flags("rest", register=ins.dest)
            return True
        made = self._sum(left, right, sign)
        if made is None:
            return False
        known = isinstance(left, Number) and isinstance(right, Number)
        state.general[ins.dest] = made
        state.flags = Flags("sum" if sign > 0 else "difference", left, right, ins.dest) if known else None
        return True

    def _sum(self, left: Value, right: Value | None, sign: int) -> Value | None:
        if right is None:
            return None
        if sign < 0:
            if isinstance(left, Number) and isinstance(right, Number) and right.lo == right.hi and right.symbols == ():
                value = right.lo
                return plus(left, -(value if value < 1 << 63 else value - (1 << 64)))
            # How far apart two ranges are says nothing of where.
            return ANY if isinstance(left, Memory) and isinstance(right, Memory) else None
        if isinstance(left, Number) and isinstance(right, Number):
            return add(left, right)
        for pointer, other in ((left, right), (right, left)):
            if isinstance(pointer, Memory) and isinstance(other, Number):
                return Memory(pointer.index, add(pointer.offset, other))
            if isinstance(pointer, Pointer) and isinstance(other, Pointer):
                kinds = pointer.kind, other.kind
                if kinds == (Kind.JUMPS, Kind.DISTANCE) and other.index == pointer.index:
                    return Pointer(Kind.TARGET, other.index, other.count)
        return None

    # --- what compares ----------------------------------------------------------------------------------------------

    def _cmp(self, state: State, ins: Decoded) -> bool:
        if ins.operands:
            self._compare_memory(state, ins, ins.operands[0])
            return True
        if ins.size < 4:
            return False
        left = self._number(state, ins, ins.dest)
        right = self._source(state, ins)
        if ins.imm is not None and ins.size == 4:
            right = constant(ins.imm & I32.hi)
        narrow = ins.size == 4
        if left is None or not isinstance(right, Number):
            return False
        if narrow and max(left.hi, right.hi) > I32.hi:
            return False
        state.flags = Flags("compare", left, right)
        return True

    def _compare_memory(self, state: State, ins: Decoded, operand: Operand) -> None:
        flags = None
        if operand.base == at.VM:
            name = {at.STOP: "poll", at.ROOM: "room", at.FUEL: "fuel"}.get(operand.disp, "")
            if name and ins.imm is not None and not (name == "poll" and ins.imm):
                flags = Flags(name, imm=ins.imm)
        elif operand.width == 8 and operand.base >= 0 and operand.base not in _FIXED:
            flags = self._compared(state, ins, operand)
        self.load(state, ins, operand)
        state.flags = flags

    def _compared(self, state: State, ins: Decoded, operand: Operand) -> Flags | None:
        base = state.general[operand.base]
        if isinstance(base, Reference):
            if operand.disp == at.REC_TYPE and ins.imm is not None:
                return Flags("type", base, imm=ins.imm)
            if operand.disp == at.REC_INSTANCE and at.INSTANCE in (ins.dest, ins.source):
                return Flags("here", base)
            return None
        if isinstance(base, Pointer) and operand.index < 0:
            what = _BOUNDS.get((base.kind, operand.disp))
            if what is not None and ins.dest >= 0 and ins.dest not in _FIXED:
                left = self._number(state, ins, ins.dest)
                return Flags("bound", left, bound=(what, base.index)) if left is not None else None
            if base.kind is Kind.CELL and operand.disp == 0 and ins.imm == 0:
                return Flags("body", imm=base.index)
            return None
        if isinstance(base, Number) and base.lo == base.hi and base.lo in self.contract.cells and not operand.disp:
            return Flags("body", imm=-base.lo) if ins.imm == 0 else None
        return None

    def _test(self, state: State, ins: Decoded) -> bool:
        if ins.operands or ins.dest < 0:
            return False
        value = state.general[ins.dest]
        if ins.dest == ins.source and ins.size == 8:
            state.flags = Flags("test", value, register=ins.dest)
            return True
        if isinstance(value, Reference) and ins.imm == 7:
            state.flags = Flags("aligned", value)
            return True
        if isinstance(value, Reference) and ins.imm == at.UNKNOWN:
            state.flags = Flags("known", value)
            return True
        return False

    # --- counters of the store --------------------------------------------------------------------------------------

    def _counter(self, state: State, ins: Decoded, sign: int) -> bool:
        """Fuel, and what is left of the guest's stack, in the VM context."""
        (operand,) = ins.operands[:1]
        if operand.base != at.VM or ins.imm is None:
            return False
        name = {at.ROOM: "room", at.FUEL: "fuel"}.get(operand.disp, "")
        self.load(state, ins, operand)
        self.store(state, ins, operand, ANY)
        amount = -sign * ins.imm
        if amount < 0:
            if name == "fuel" and (name, -amount) not in state.owed:
                raise Unsafe(ins.at, ins.text, "gives itself fuel")
            state.owed -= {(name, -amount)}
        else:
            bound = name, 0
            known = max((k for _, k, other in state.facts if other == bound), default=0)
            if known < amount:
                state.owed |= {(name, amount)}
            state.facts = frozenset(fact for fact in state.facts if fact[2] != bound)
            if known > amount:
                state.facts |= {((), known - amount, bound)}
        if name == "room" and state.room is not None:
            state.room += amount
        state.flags = Flags(name)
        return True

    def _counter_written(self, state: State, ins: Decoded, operand: Operand, value: Value) -> None:
        """A tail call puts there what is left once the callee has its frame, and an instruction on a range what is left
        of fuel."""
        if operand.base == at.VM and operand.disp == at.FUEL:
            if not isinstance(value, Fuel) or not value.taken or not value.enough:
                raise Unsafe(ins.at, ins.text, "writes down more fuel than there is")
            state.facts = frozenset(fact for fact in state.facts if fact[2] != ("fuel", 0))
        if operand.base == at.VM and operand.disp == at.ROOM:
            if not isinstance(value, Room) or not value.enough or value.gained != state.room or not value.callee:
                raise Unsafe(ins.at, ins.text, "writes down more room on the stack than there is")
            state.room = None

    # --- stack pointer ----------------------------------------------------------------------------------------------

    def _stack_pointer(self, state: State, ins: Decoded, written: dict[int, int]) -> bool:
        if set(written) != {_RSP} or ins.word not in ("add", "sub") or ins.imm is None or ins.size != 8:
            return False
        state.rsp += ins.imm if ins.word == "add" else -ins.imm
        state.flags = None
        if state.rsp % 8:
            raise Unsafe(ins.at, ins.text, "a stack pointer that is not aligned")
        if ins.word == "sub" and not state.paid:
            raise Unsafe(ins.at, ins.text, "a frame that was not paid for")
        for place in [place for place in state.stack if place < state.rsp]:
            del state.stack[place]
        if state.rsp > self.contract.arguments or state.rsp < -self.deepest:
            raise Unsafe(ins.at, ins.text, "a frame larger than what it was paid for")
        return True

    # --- strings ----------------------------------------------------------------------------------------------------

    def _movsb(self, state: State, ins: Decoded) -> bool:
        return self._string(state, ins, (_RDI, _RSI))

    def _stosb(self, state: State, ins: Decoded) -> bool:
        return self._string(state, ins, (_RDI,))

    def _string(self, state: State, ins: Decoded, registers: tuple[int, ...]) -> bool:
        count = state.general[_RCX]
        if not isinstance(count, Number) or count.hi > BYTES:
            raise Unsafe(ins.at, ins.text, "may go on for long")
        instr = self.contract.instruction(ins.at)
        if instr is None or instr.op.mnemonic not in ("memory.fill", "memory.copy"):
            raise Unsafe(ins.at, ins.text, "a string instruction for no bulk instruction")
        for register in registers:
            pointer = state.general[register]
            inside = isinstance(pointer, Memory) and any(
                bound == ("size", pointer.index)
                and pointer.offset.symbols is not None
                and pointer.offset.exact
                and count.symbols is not None
                and count.exact
                and k >= pointer.offset.k + count.k
                and symbols == tuple(sorted(pointer.offset.symbols + count.symbols))
                for symbols, k, bound in state.facts
            )
            if not inside:
                raise Unsafe(ins.at, ins.text, "a range that may reach beyond the memory")
        for register in (*registers, _RCX):
            state.general[register] = self.fresh(state, ins, register)
        return True


_Rule: TypeAlias = Callable[[Effects, State, Decoded], bool]

# What instructions do that are understood; a rule that returns False has done nothing.
# Of records, what a comparison with a word says an index is below.
_BOUNDS: Final = {
    (Kind.RECORD, at.MEM_SIZE): "size",
    (Kind.TABLE, at.TABLE_LENGTH): "table",
    (Kind.TABLE, at.TABLE_REFS_LENGTH): "references",
}

_UNDERSTOOD: Final[dict[str, _Rule]] = {
    "mov": Effects._mov,
    "movzx": Effects._movzx,
    "movsxd": Effects._movsxd,
    "xchg": Effects._xchg,
    "lea": Effects._lea,
    "add": Effects._add,
    "sub": Effects._sub,
    "shr": Effects._shr,
    "cmp": Effects._cmp,
    "test": Effects._test,
    "movsb": Effects._movsb,
    "stosb": Effects._stosb,
    **dict.fromkeys(_MOVES, Effects._move),
    **dict.fromkeys((f"cmov{cc}" for cc in CONDITIONS), Effects._conditional_move),
}
