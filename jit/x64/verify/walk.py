"""All paths through a unit, from its entries on, until nothing new is found; and what leaves it.

States meet at the targets of branches, and are joined there. A jump table's targets are known once the walk has come to
it; then it begins again.
"""

from __future__ import annotations

from typing import Final

from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.verify import loops
from jit.x64.verify.branches import refine
from jit.x64.verify.contract import Call, Contract, Unsafe
from jit.x64.verify.decode import Decoded, decode
from jit.x64.verify.effects import Effects
from jit.x64.verify.state import State, join
from jit.x64.verify.values import ANY, I32, Kind, Number, Pointer, Reference, Value, constant

__all__ = ["check"]

# How often paths meet at one place before ranges are widened.
_PATIENCE: Final = 3


def check(code: bytes, contract: Contract) -> frozenset[int]:
    """Prove that a unit keeps its contract, or raise `Unsafe`. The offsets of the instructions that there is a way
    to."""
    decoded = decode(code, contract.text, contract.address)
    walk = _Walk(code, contract, decoded)
    walk.run()
    loops.check(walk.edges, decoded, contract.metered)
    return frozenset(walk.reached)


class _Walk(Effects):
    """`reached`: instructions. `edges`: from them to those that follow them in the unit."""

    def __init__(self, code: bytes, contract: Contract, decoded: dict[int, Decoded]) -> None:
        super().__init__(contract, code)
        self._decoded = decoded
        self.reached: set[int] = set()
        self.edges: dict[int, set[int]] = {}
        self._targets: dict[int, tuple[int, ...]] = {}
        self._leaders: set[int] = {*contract.entries, contract.body}
        for ins in decoded.values():
            if ins.target is not None and 0 <= ins.target - contract.address < contract.text:
                self._leaders.add(ins.target - contract.address)
        self._states: dict[int, State] = {}
        self._visits: dict[int, int] = {}
        self._owned: dict[int, set[int]] = {}
        self._waiting: list[int] = []

    def run(self) -> None:
        while True:
            self._states.clear()
            self._visits.clear()
            known = len(self._leaders)
            for offset, homes in self.contract.entries.items():
                self._arrive(offset, self._entry(homes, called=homes is None))
                if homes is None:
                    body = self._entry(None, called=True)
                    body.room, body.paid, body.begun = self.contract.cost, True, True
                    self._arrive(self.contract.body, body)
            while self._waiting and len(self._leaders) == known:
                self._follow(self._waiting.pop())
            self._waiting.clear()
            if len(self._leaders) == known:
                return

    def _entry(self, homes: tuple[Type, ...] | None, *, called: bool) -> State:
        stack: dict[int, Value] = {0: Pointer(Kind.RETURN)}
        if called:
            params = list(self.contract.own.params)
            for number, (type, offset) in enumerate(zip(params, at.argument_offsets(params))):
                stack[8 + offset] = self._given(("argument", number), type)
        return State(
            [ANY] * 16,
            {},
            0,
            stack,
            {},
            homes,
            room=0 if called else self.contract.cost,
            paid=not called,
            begun=not called,
            asked=not called,
        )

    def _given(self, key: object, type: Type) -> Value:
        number = self.name(key)
        if type is Type.REF:
            return Reference(number)
        range = I32 if type is Type.I32 else ANY
        return Number(range.lo, range.hi, (number,), 0, True)

    # --- paths ------------------------------------------------------------------------------------------------------

    def _arrive(self, offset: int, state: State) -> None:
        before = self._states.get(offset)
        if before is not None:
            if before.rsp != state.rsp:
                raise self._refused(offset, "paths meet with different stack pointers")
            owned = self._owned.setdefault(offset, set())

            def name(place: object) -> int:
                number = self.name((offset, "join", place))
                owned.add(number)
                return number

            visits = self._visits[offset] = self._visits.get(offset, 0) + 1
            state = join(before, state, name, tuple(owned), visits > _PATIENCE)
            if state == before:
                return
        self._states[offset] = state
        if offset not in self._waiting:
            self._waiting.append(offset)

    def _refused(self, offset: int, why: str) -> Unsafe:
        ins = self._decoded.get(offset)
        return Unsafe(offset, ins.text if ins else "?", why)

    def _follow(self, offset: int) -> None:
        state = self._states[offset].copy()
        while True:
            ins = self._decoded.get(offset)
            if ins is None:
                raise Unsafe(offset, "?", "goes where no instruction begins")
            self.reached.add(offset)
            if not state.owed and state.room is not None and state.room >= self.contract.cost:
                state.paid = True
            if ins.condition:
                if ins.target is None:
                    raise Unsafe(offset, ins.text, "a branch to nowhere")
                taken = refine(state, ins.condition, True)
                if taken is not None:
                    self._go(ins, ins.target, taken)
                otherwise = refine(state, ins.condition, False)
                if otherwise is None:
                    return
                state = otherwise
            elif ins.word == "jmp":
                self._jump(state, ins)
                return
            elif ins.word == "call":
                self._call(state, ins)
            elif ins.word == "ret":
                self._return(state, ins)
                return
            else:
                self.execute(state, ins)
            self.edges.setdefault(offset, set()).add(ins.end)
            offset = ins.end
            if offset in self._leaders:
                self._arrive(offset, state)
                return

    def _go(self, ins: Decoded, address: int, state: State) -> None:
        """A direct branch."""
        offset = address - self.contract.address
        if 0 <= offset < self.contract.text:
            if offset not in self._decoded:
                raise Unsafe(ins.at, ins.text, "leads into the middle of an instruction")
            self.edges.setdefault(ins.at, set()).add(offset)
            self._arrive(offset, state)
        elif address == self.contract.landing:
            self._exit(state, ins)
        elif address == self.contract.refused:
            if state.rsp or state.room != 0 or state.owed:
                raise Unsafe(ins.at, ins.text, "refuses a call that it has begun")
        else:
            raise Unsafe(ins.at, ins.text, "leads out of the unit")

    def _exit(self, state: State, ins: Decoded) -> None:
        number = state.general[0]
        if not isinstance(number, Number) or number.lo != number.hi or number.lo not in self.contract.exits:
            raise Unsafe(ins.at, ins.text, "leaves by an exit that is none of the unit's")
        if state.rsp != -self.contract.frame:
            raise Unsafe(ins.at, ins.text, "leaves with another frame than the one that will be read")
        if state.owed:
            raise Unsafe(ins.at, ins.text, "leaves owing fuel, or stack")

    def _jump(self, state: State, ins: Decoded) -> None:
        if ins.target is not None:
            self._go(ins, ins.target, state)
            return
        value = self.load(state, ins, ins.operands[0]) if ins.operands else self.register(state, ins.dest)
        if not isinstance(value, Pointer) or value.kind is not Kind.TARGET:
            raise Unsafe(ins.at, ins.text, "a jump to an address of which nothing is known")
        if ins.operands:
            self._tail(state, ins, value.index)
            return
        for number in range(value.count):
            place = value.index + 4 * number
            offset = value.index + int.from_bytes(self.code[place : place + 4], "little", signed=True)
            if place < self.contract.text or not 0 <= offset < self.contract.text or offset not in self._decoded:
                raise Unsafe(ins.at, ins.text, "a jump table's entry leads nowhere")
            self._leaders.add(offset)
            self.edges.setdefault(ins.at, set()).add(offset)
            self._arrive(offset, state)

    # --- calls ------------------------------------------------------------------------------------------------------

    def _call(self, state: State, ins: Decoded) -> None:
        if state.owed or not state.paid:
            raise Unsafe(ins.at, ins.text, "a call from a frame that was not paid for")
        if not state.begun:
            raise Unsafe(ins.at, ins.text, "nobody could stop this function from calling itself")
        if ins.end not in self.contract.returns:
            raise Unsafe(ins.at, ins.text, "a call that returns to where nobody expects it")
        if ins.target == self.contract.helper:
            self._help(state, ins)
            return
        call = self._callee(state, ins)
        self._passed(state, ins, call, state.rsp)
        state.rsp += at.argument_bytes(list(call.params))
        for place in [place for place in state.stack if place < state.rsp]:
            del state.stack[place]
        self._after(state, ins, call)

    def _help(self, state: State, ins: Decoded) -> None:
        """The interpreter executes an instruction, with operands and results where results of functions are."""
        call = self.contract.helped.get(ins.end)
        if call is None:
            raise Unsafe(ins.at, ins.text, "a helper for no instruction")
        for number, type in enumerate(call.params):
            self._of_type(ins, state.results.get(at.RESULTS + 16 * number, ANY), type)
        self._after(state, ins, call)

    def _callee(self, state: State, ins: Decoded) -> Call:
        if ins.target is not None:
            index = self.contract.thunks.get(ins.target)
            if index is None:
                raise Unsafe(ins.at, ins.text, "a call of what is no function of the module")
            return self.contract.functions[index]
        function = state.general[ins.operands[0].base] if ins.operands and ins.operands[0].base >= 0 else None
        if not isinstance(function, Reference) or ins.operands[0].disp != at.REC_ENTRY:
            raise Unsafe(ins.at, ins.text, "a call to an address of which nothing is known")
        self.load(state, ins, ins.operands[0])
        return self._through(state, ins, function)

    def _through(self, state: State, ins: Decoded, function: Reference) -> Call:
        """What a reference that is called takes and gives."""
        call = self.contract.called(ins.at)
        if not function.here:
            raise Unsafe(ins.at, ins.text, "a call of a function that may belong to another instance")
        if call is None:
            raise Unsafe(ins.at, ins.text, "an indirect call for no such instruction of Wasm")
        instr = self.contract.instruction(ins.at)
        indirect = instr is not None and instr.op.mnemonic.endswith("call_indirect")
        if indirect and self.contract.types.get(function.type) != call:
            raise Unsafe(ins.at, ins.text, "a function whose type was not compared")
        if state.callee != function:
            raise Unsafe(ins.at, ins.text, "calls another function than it says")
        return call

    def _passed(self, state: State, ins: Decoded, call: Call, place: int) -> None:
        """Arguments, from a distance on."""
        params = list(call.params)
        for type, offset in zip(params, at.argument_offsets(params)):
            value = state.stack.get(place + offset)
            if value is None and type is not Type.V128:
                raise Unsafe(ins.at, ins.text, "an argument is missing")
            self._of_type(ins, value, type)

    def _of_type(self, ins: Decoded, value: Value | None, type: Type) -> None:
        if type is Type.I32 and not (isinstance(value, Number) and value.hi <= I32.hi):
            raise Unsafe(ins.at, ins.text, "an i32 that may not be zero-extended")
        if type is Type.REF and not (isinstance(value, Reference) or value == constant(0)):
            raise Unsafe(ins.at, ins.text, "a number for a reference")
        if isinstance(value, Reference) and value.unknown:
            raise Unsafe(ins.at, ins.text, "a reference that may be none, as its mirror was not asked")
        if type in (Type.I64, Type.F32, Type.F64) and value is not None and not isinstance(value, Number):
            raise Unsafe(ins.at, ins.text, "an address for a number")

    def _after(self, state: State, ins: Decoded, call: Call) -> None:
        """The callee has used all registers, and may have let memories and tables move and grow."""

        def stays(value: Value) -> Value:
            return value if isinstance(value, Number | Reference) or value == Pointer(Kind.RETURN) else ANY

        state.change(stays)
        for number in range(16):
            state.general[number] = ANY
        state.vector.clear()
        state.results.clear()
        state.callee = state.borrowed = ANY
        state.flags = None
        state.facts = frozenset(fact for fact in state.facts if fact[2][0] == "size")
        state.known = frozenset()
        for number, type in enumerate(call.results):
            value = self.of_type(state, ins, ("result", number), type)
            if number:
                state.results[at.RESULTS + 16 * number] = value
            elif not at.is_vector_register_type(type):
                state.general[0] = value

    def _return(self, state: State, ins: Decoded) -> None:
        if (ins.imm or 0) != self.contract.arguments or state.rsp or state.stack.get(0) != Pointer(Kind.RETURN):
            raise Unsafe(ins.at, ins.text, "returns from another stack pointer than it was called with")
        if state.room or state.room is None or state.owed:
            raise Unsafe(ins.at, ins.text, "does not give back what it took of the guest's stack")
        for number, type in enumerate(self.contract.own.results):
            if number:
                self._of_type(ins, state.results.get(at.RESULTS + 16 * number, ANY), type)
            elif not at.is_vector_register_type(type):
                self._of_type(ins, state.general[0], type)

    def _tail(self, state: State, ins: Decoded, target: int) -> None:
        """`target`: a cell's address, negative, or the symbol of a function."""
        if not state.asked:
            raise Unsafe(ins.at, ins.text, "nobody could stop this function from calling itself")
        if target not in state.known:
            raise Unsafe(ins.at, ins.text, "a jump to a function that may have no code")
        if target < 0:
            index = self.contract.cells[-target]
            call = self.contract.functions[index]
            if state.owed or state.room != self.contract.costs.get(index):
                raise Unsafe(ins.at, ins.text, "a tail call that does not pay for the callee's frame")
        else:
            function = state.callee
            if not isinstance(function, Reference) or function.symbol != target:
                raise Unsafe(ins.at, ins.text, "jumps to another function than it says")
            call = self._through(state, ins, function)
            if state.room is not None:
                raise Unsafe(ins.at, ins.text, "a tail call that does not pay for the callee's frame")
        end = state.rsp + 8 + at.argument_bytes(list(call.params))
        if end != 8 + self.contract.arguments or state.stack.get(state.rsp) != Pointer(Kind.RETURN):
            raise Unsafe(ins.at, ins.text, "a tail call with another stack pointer than its caller's")
        self._passed(state, ins, call, state.rsp + 8)
