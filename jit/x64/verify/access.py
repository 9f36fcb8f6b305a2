"""What an operand in memory is, by what its registers hold, and whether it may be read or written.

`Accesses.load` and `store` are what there is to be done for one operand of an instruction. Who may do what:

    native frame      anything; not the return address, but a tail call moves it
    VM context        read and write the words that are the code's business
    instance context  read addresses, of whole words
    records           read: a memory's base and size, a table's array and length, what a function's record says
    globals           read; write if mutable
    linear memory     what the instruction of Wasm accesses, and in no other way
    constants         read
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.verify.contract import Contract, Unsafe
from jit.x64.verify.decode import Decoded, Operand
from jit.x64.verify.state import State
from jit.x64.verify.values import (
    ANY,
    I32,
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
    under,
)
from refsfi.runtime.reservation import SLOT

__all__ = ["Accesses", "within"]

_RSP: Final = 4
_BULK: Final = frozenset("memory.fill memory.copy memory.init".split())
# Words of the VM context: how wide they are, what may read them and what may write them.
_WORDS: Final = {
    at.STOP: (4, "cmp", ""),
    at.FUEL: (8, "cmp add sub mov", "add sub mov"),
    at.ROOM: (8, "cmp add sub mov", "add sub mov"),
    at.CALLEE: (8, "mov", "mov"),
    at.BORROWED: (8, "mov", "mov"),
}

# How many a table may have, of any address type: they all are objects in the host's memory.
_ELEMENTS: Final = Number(0, (1 << 32) - 1)


class Accesses:
    """Judges the operands of a unit's instructions. `fresh(ins, role, range)` makes a value that nothing is known of;
    `reference` a reference."""

    def __init__(self, contract: Contract, code: bytes) -> None:
        self.contract = contract
        self.code = code
        self.symbols: dict[object, int] = {}

    # --- new values -------------------------------------------------------------------------------------------------

    def name(self, key: object) -> int:
        """The symbol that is called so; numbers begin at 1."""
        return self.symbols.setdefault(key, len(self.symbols) + 1)

    def fresh(self, state: State, ins: Decoded, role: object, range: Number = ANY) -> Number:
        number = self.name((ins.at, role))
        state.forget(number)
        return Number(range.lo, range.hi, (number,), 0, True)

    def reference(self, state: State, ins: Decoded, role: object, *, record: bool = False) -> Reference:
        number = self.name((ins.at, role))
        state.forget(number)
        return Reference(number, record=record)

    def mirrored(self, state: State, ins: Decoded) -> Reference:
        """What a word is that mirrors a reference."""
        return replace(self.reference(state, ins, "mirror"), unknown=True)

    def of_type(self, state: State, ins: Decoded, role: object, type: Type) -> Value:
        """A value of this type that comes from elsewhere."""
        if type is Type.REF:
            return self.reference(state, ins, role)
        return self.fresh(state, ins, role, I32 if type is Type.I32 else ANY)

    # --- operands ---------------------------------------------------------------------------------------------------

    def load(self, state: State, ins: Decoded, operand: Operand) -> Value:
        """Read; what a whole word of it is."""
        return self._access(state, ins, operand, None)

    def store(self, state: State, ins: Decoded, operand: Operand, value: Value) -> None:
        """Write `value`, if it is a whole word that is written, else something."""
        self._access(state, ins, operand, value)

    def pointer(self, state: State, ins: Decoded, operand: Operand) -> tuple[Value, Number | None, int]:
        """The pointer that an operand goes by, and the number that is added to it, with its scale."""
        base = self.register(state, operand.base)
        if operand.index < 0:
            return base, None, 1
        index = self.register(state, operand.index)
        if operand.scale == 1 and isinstance(base, Number) and not isinstance(index, Number):
            base, index = index, base
        if not isinstance(index, Number):
            raise Unsafe(ins.at, ins.text, "an address is added to another one")
        return base, index, operand.scale

    def register(self, state: State, number: int) -> Value:
        if number == at.MEMORY:
            if self.contract.memories and self.contract.memories[0].guarded:
                return Memory(0, constant(0))
            return ANY
        return state.general[number] if number >= 0 else constant(0)

    def _access(self, state: State, ins: Decoded, operand: Operand, value: Value | None) -> Value:
        if operand.rip:
            return self._constant(state, ins, operand, value)
        if operand.base == _RSP or operand.base == at.VM or operand.base == at.INSTANCE:
            if operand.index >= 0:
                raise Unsafe(ins.at, ins.text, "an index into a context or the native stack")
            if operand.base == _RSP:
                return self._stack(state, ins, operand, value)
            return (
                self._vm(state, ins, operand, value)
                if operand.base == at.VM
                else self._word(state, ins, operand, value)
            )
        base, index, scale = self.pointer(state, ins, operand)
        if isinstance(base, Memory):
            return self._memory(state, ins, operand, base, index, scale, value)
        if isinstance(base, Reference):
            return self._function(state, ins, operand, base, index, value)
        if isinstance(base, Pointer):
            return self._pointer(state, ins, operand, base, index, scale, value)
        if (
            isinstance(base, Number)
            and base.lo == base.hi
            and index is None
            and base.lo + operand.disp in self.contract.cells
        ):
            self._only(ins, operand, value, 8)
            return Pointer(Kind.TARGET, -(base.lo + operand.disp))
        raise Unsafe(ins.at, ins.text, "an access at an address of which nothing is known")

    def _only(self, ins: Decoded, operand: Operand, value: Value | None, *widths: int) -> None:
        if value is not None:
            raise Unsafe(ins.at, ins.text, "a write to what compiled code may only read")
        if operand.width not in widths:
            raise Unsafe(ins.at, ins.text, f"a read of {operand.width} bytes where there are {widths[-1]}")

    def _constant(self, state: State, ins: Decoded, operand: Operand, value: Value | None) -> Value:
        if value is not None:
            raise Unsafe(ins.at, ins.text, "a write to the unit's constants")
        if not self.contract.text <= operand.disp <= len(self.code) - operand.width:
            raise Unsafe(ins.at, ins.text, "a constant that is none of the unit's")
        return self.fresh(state, ins, "constant")

    # --- contexts ---------------------------------------------------------------------------------------------------

    def _stack(self, state: State, ins: Decoded, operand: Operand, value: Value | None) -> Value:
        place = state.rsp + operand.disp
        end = place + operand.width
        if place < state.rsp or end > 8 + self.contract.arguments:
            raise Unsafe(ins.at, ins.text, "outside of the frame on the native stack")
        if value is None:
            known = state.stack.get(place)
            return known if known is not None and operand.width >= 8 else self.fresh(state, ins, "stack")
        if end > 0 and place < 8 and not self._moved(state):
            # A tail call with more arguments than the caller has puts some there, and the return address elsewhere.
            raise Unsafe(ins.at, ins.text, "overwrites the return address")
        for other in range((place - 15) // 8 * 8, end):
            if other < end and other + 8 > place:
                state.stack.pop(other, None)
        if operand.width >= 8 and place % 8 == 0:
            state.stack[place] = value
        return ANY

    def _moved(self, state: State) -> bool:
        """Whether a register has the return address."""
        return any(isinstance(v, Pointer) and v.kind is Kind.RETURN for v in state.general)

    def _vm(self, state: State, ins: Decoded, operand: Operand, value: Value | None) -> Value:
        place, width = operand.disp, operand.width
        end = place + width
        if at.RESULTS <= place < end <= at.BUFFER and place % 16 + width <= 16:
            if value is not None:
                whole = place % 16 == 0 and width >= 8
                state.results[place // 16 * 16] = value if whole else ANY
            return state.results.get(place, ANY)
        if at.BUFFER <= place < end <= at.VM_SIZE and value is None:
            return self._home(state, ins, place, width)
        wide, readers, writers = _WORDS.get(place, (0, "", ""))
        counts = ins.imm is not None or ins.word == "mov"
        if width != wide or ins.word not in (readers if value is None else writers).split() or not counts:
            raise Unsafe(ins.at, ins.text, "a word of the store's context that is not the code's business")
        if place == at.CALLEE:
            if value is not None:
                state.callee = value
            return state.callee
        if place == at.BORROWED:
            if value is not None:
                state.borrowed = value
            return state.borrowed
        if place == at.ROOM and value is None:
            return Room()
        if place == at.FUEL and value is None:
            return Fuel()
        return self.fresh(state, ins, "vm")

    def _home(self, state: State, ins: Decoded, place: int, width: int) -> Value:
        number, rest = divmod(place - at.BUFFER, 16)
        if state.homes is None or rest or number >= len(state.homes) or width > 16:
            raise Unsafe(ins.at, ins.text, "reads what the interpreter has not handed over here")
        type = state.homes[number]
        if type is Type.REF and width == 8:
            # The buffer does not change: it is the same reference whenever it is read.
            return Reference(self.name(("home", number)))
        return self.fresh(state, ins, "home", I32 if type is Type.I32 else ANY)

    def _word(self, state: State, ins: Decoded, operand: Operand, value: Value | None) -> Value:
        self._only(ins, operand, value, 8)
        if operand.disp == at.FUNCS:
            return Pointer(Kind.FUNCTIONS)
        found = self.contract.words.get(operand.disp)
        if found is None:
            raise Unsafe(ins.at, ins.text, "no word of the instance's context")
        what, index = found
        return Pointer({"memory": Kind.RECORD, "table": Kind.TABLE, "global": Kind.GLOBAL}[what], index)

    # --- records ----------------------------------------------------------------------------------------------------

    def _function(
        self, state: State, ins: Decoded, operand: Operand, base: Reference, index: Number | None, value: Value | None
    ) -> Value:
        if index is not None or not base.record or not base.nonnull:
            raise Unsafe(ins.at, ins.text, "takes for a function what may be none")
        self._only(ins, operand, value, 8)
        if operand.disp == at.REC_BODY:
            return Pointer(Kind.CELL, base.symbol)
        if operand.disp not in (at.REC_TYPE, at.REC_INSTANCE, at.REC_ENTRY, at.REC_COST):
            raise Unsafe(ins.at, ins.text, "no word of a function's record")
        return Pointer(Kind.OPAQUE)

    def _pointer(
        self,
        state: State,
        ins: Decoded,
        operand: Operand,
        base: Pointer,
        index: Number | None,
        scale: int,
        value: Value | None,
    ) -> Value:
        kind, disp = base.kind, operand.disp
        if kind is Kind.GLOBAL and index is None and disp == 0:
            return self._global(state, ins, operand, base.index, value)
        if kind is Kind.JUMPS:
            return self._jump_entry(ins, operand, base, index, scale, value)
        self._only(ins, operand, value, 8)
        if kind in (Kind.ELEMENTS, Kind.MIRROR):
            array = "table" if kind is Kind.ELEMENTS else "references", base.index
            bounded = index is not None and scale == 8 and disp == 0 and within(state, index, 1, array)
            if not bounded:
                raise Unsafe(ins.at, ins.text, "an index into a table that was not compared with its length")
            if kind is Kind.MIRROR:
                return self.mirrored(state, ins)
            return self.reference(state, ins, "element", record=True)
        if index is not None:
            raise Unsafe(ins.at, ins.text, f"an index into {kind.value}")
        if kind is Kind.FUNCTIONS:
            if disp % 8 or not 0 <= disp // 8 < len(self.contract.functions):
                raise Unsafe(ins.at, ins.text, "no function of the instance")
            return self.reference(state, ins, "function", record=True)
        if kind is Kind.RECORD and disp == at.MEM_BASE:
            return Memory(base.index, constant(0))
        if kind is Kind.RECORD and disp == at.MEM_SIZE:
            return self.fresh(state, ins, "size", Number(0, self.contract.memories[base.index].largest))
        if kind is Kind.TABLE and disp == at.TABLE_ELEMS:
            return Pointer(Kind.ELEMENTS, base.index)
        if kind is Kind.TABLE and disp == at.TABLE_REFS:
            return Pointer(Kind.MIRROR, base.index)
        if kind is Kind.TABLE and disp in (at.TABLE_LENGTH, at.TABLE_REFS_LENGTH):
            return self.fresh(state, ins, "length")
        if kind is Kind.TABLE and disp == at.TABLE_SIZE:
            return self.fresh(state, ins, "elements", _ELEMENTS)
        if kind is Kind.CELL and disp == 0:
            return Pointer(Kind.TARGET, base.index)
        raise Unsafe(ins.at, ins.text, f"no word of {kind.value}")

    def _jump_entry(
        self, ins: Decoded, operand: Operand, base: Pointer, index: Number | None, scale: int, value: Value | None
    ) -> Value:
        self._only(ins, operand, value, 4)
        if ins.word != "movsxd" or index is None or scale != 4 or operand.disp:
            raise Unsafe(ins.at, ins.text, "not how a jump table is read")
        count = index.hi + 1
        if base.index + 4 * count > len(self.code):
            raise Unsafe(ins.at, ins.text, "beyond the end of the jump table")
        return Pointer(Kind.DISTANCE, base.index, count)

    def _global(self, state: State, ins: Decoded, operand: Operand, index: int, value: Value | None) -> Value:
        type = self.contract.globals[index].type
        if value is None:
            self._only(ins, operand, value, 16 if type is Type.V128 else 8)
            return self.mirrored(state, ins) if type is Type.REF else self.of_type(state, ins, "global", type)
        if type is Type.REF:
            raise Unsafe(ins.at, ins.text, "a write to what mirrors a global")
        if not self.contract.globals[index].mutable:
            raise Unsafe(ins.at, ins.text, "a write to a global that is immutable")
        if operand.width != {Type.F32: 4, Type.V128: 16}.get(type, 8):
            raise Unsafe(ins.at, ins.text, "a global is written in part, or something behind it")
        if type is Type.I32 and not (isinstance(value, Number) and value.hi <= I32.hi):
            raise Unsafe(ins.at, ins.text, "an i32 that may not be zero-extended")
        if not isinstance(value, Number):
            raise Unsafe(ins.at, ins.text, "an address leaves compiled code")
        return ANY

    # --- linear memory ----------------------------------------------------------------------------------------------

    def _memory(
        self,
        state: State,
        ins: Decoded,
        operand: Operand,
        base: Memory,
        index: Number | None,
        scale: int,
        value: Value | None,
    ) -> Value:
        self._expected(ins, operand, base.index, value is not None)
        if value is not None and not isinstance(value, Number):
            raise Unsafe(ins.at, ins.text, "an address is written to memory")
        if scale != 1:
            raise Unsafe(ins.at, ins.text, "an index into memory that is scaled")
        number = index if index is not None else constant(0)
        offset = plus(add(base.offset, number), operand.disp)
        size = "size", base.index
        lowest = base.offset.lo + number.lo + operand.disp
        highest = base.offset.hi + number.hi + operand.disp + operand.width
        if lowest < 0:
            raise Unsafe(ins.at, ins.text, "may reach below the memory")
        proved = within(state, offset, operand.width, size) or self._behind(state, base, number, operand, size)
        if not proved:
            if not self.contract.memories[base.index].guarded or highest > SLOT:
                raise Unsafe(ins.at, ins.text, "may reach beyond the memory")
            if ins.at not in self.contract.faults:
                raise Unsafe(ins.at, ins.text, "may fault, and there is no exit for that")
            if offset.exact and offset.symbols is not None:
                # It has not faulted, so it was inside.
                state.facts |= {(offset.symbols, offset.k + operand.width, size)}
        return self.fresh(state, ins, "memory")

    def _behind(self, state: State, base: Memory, index: Number, operand: Operand, size: tuple[str, int]) -> bool:
        """Whether the index is not above something that was added to the address when it was compared."""
        symbols = base.offset.symbols
        if symbols is None or not base.offset.exact or index.hi >= 1 << 62:
            return False
        end = base.offset.k + operand.disp + operand.width
        for added, k, bound in state.facts:
            if bound != size or not _includes(added, symbols):
                continue
            if k >= end + index.hi:
                return True
            rest = list(added)
            for known in symbols:
                rest.remove(known)
            below = under(index, rest[0]) if len(rest) == 1 else None
            if below is not None and k >= end - below:
                return True
        return False

    def _expected(self, ins: Decoded, operand: Operand, memory: int, write: bool) -> None:
        """Whether this is what the instruction of Wasm does."""
        instr = self.contract.instruction(ins.at)
        if instr is None:
            raise Unsafe(ins.at, ins.text, "an access for no instruction of Wasm")
        name = instr.op.mnemonic
        if name in _BULK:
            return
        if not instr.op.width or instr.args[0].mem != memory:
            raise Unsafe(ins.at, ins.text, f"an access to memory {memory}, which {name} does not make")
        if operand.width != instr.op.width:
            raise Unsafe(ins.at, ins.text, f"{operand.width} bytes, where {name} accesses {instr.op.width}")
        writes = ".store" in name or ".rmw" in name
        if write and not writes:
            raise Unsafe(ins.at, ins.text, f"a write, where {name} reads")
        direct = at.MEMORY in (operand.base, operand.index) and operand.index >= 0
        if direct and operand.disp != instr.args[0].offset:
            raise Unsafe(ins.at, ins.text, f"the offset is not that of {name}")


def within(state: State, offset: Number, width: int, bound: tuple[str, int]) -> bool:
    """Whether `offset + width` is known not to be above the bound."""
    if not offset.exact or offset.symbols is None:
        return False
    wanted = offset.k + width
    for symbols, k, other in state.facts:
        if other == bound and k >= wanted and _includes(symbols, offset.symbols):
            return True
    return False


def _includes(symbols: tuple[int, ...], some: tuple[int, ...]) -> bool:
    rest = list(symbols)
    for symbol in some:
        if symbol not in rest:
            return False
        rest.remove(symbol)
    return True
