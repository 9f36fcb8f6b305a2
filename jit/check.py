"""Both tiers in lockstep: every run of a region is repeated by the interpreter from the same state, and compared.

The region runs first. What it changed (memories, globals, the frame) is set aside and put back to what it was; then the
interpreter executes the same number of instructions, which fuel counts, in a frame of its own. Where they differ in
anything, `Divergence` says in what and where. The guest goes on from the interpreter's state.

Costs a copy of all memories at each entry. Programs must be metered. Runs beside other threads that share a memory are
not compared.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from jit.backend import Activation, Backend, Departure, Outcome, Unit
from jit.ir.graph import CALL, Graph
from jit.profile import history
from jit.resume import charge
from refsfi.errors import Crash, Divergence, GuestException, Trap
from refsfi.exec.code import FuncCode
from refsfi.exec.machine import Entry
from refsfi.runtime.store import Frame, FuncInst, Instance, Store
from refsfi.runtime.values import I31, Value

__all__ = ["CheckedBackend"]


class _Nothing:
    def __repr__(self) -> str:
        return "not restored"


_NOTHING: Final = _Nothing()

# Threads of our own, which run no guest.
_SERVANTS: Final = frozenset(["refsfi-ticker", "refsfi-time-limits"])


@dataclass(slots=True)
class _State:
    """What a region can change, but for frames."""

    memories: list[bytes]
    globals: list[Value]
    tables: list[list[Value]]
    datas: list[bytes]
    elems: list[list[Value]]
    room: int
    fuel: int

    @classmethod
    def of(cls, store: Store, inst: Instance) -> _State:
        if store.fuel is None:
            raise Crash("checking needs fuel")
        return cls(
            [bytes(m.data[:]) for m in inst.mems],
            [g.value for g in inst.globals],
            [list(t.elems) for t in inst.tables],
            list(inst.datas),
            list(inst.elems),
            store.room,
            store.fuel,
        )

    def restore(self, store: Store, inst: Instance) -> None:
        for memory, content in zip(inst.mems, self.memories):
            if len(memory.data) != len(content):
                memory.shrink(len(content))
            memory.data[:] = content
        # What has not changed is left alone: compiled code would have to forget what it knows of it.
        for glob, value in zip(inst.globals, self.globals):
            if glob.value is not value:
                glob.value = value
        for table, elems in zip(inst.tables, self.tables):
            if len(table.elems) != len(elems) or any(a is not b for a, b in zip(table.elems, elems)):
                table.restore(elems)
        inst.datas[:], inst.elems[:] = self.datas, self.elems
        store.room, store.fuel = self.room, self.fuel


class CheckedBackend:
    """A back end whose units check themselves."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.name = inner.name
        self.gain = inner.gain
        # Runs that were compared, instructions in them; and which: regions have executed them.
        self.runs = 0
        self.instructions = 0
        self.executed: dict[str, int] = {}

    def compile(self, graph: Graph) -> Unit:
        return _Checked(self, self.inner.compile(graph))

    def attach(self, code: FuncCode, unit: Unit | None) -> None:
        self.inner.attach(code, unit.inner if isinstance(unit, _Checked) else unit)

    def learn(self, frame: Frame, pc: int) -> None:
        self.inner.learn(frame, pc)


class _Checked:
    """A unit and the check around it."""

    def __init__(self, backend: CheckedBackend, inner: Unit) -> None:
        self.backend = backend
        self.inner = inner
        self.graph = inner.graph
        self.where = inner.where
        self.inside = 0

    def costs(self) -> dict[str, int]:
        return self.inner.costs()

    def listing(self) -> Iterator[str]:
        return self.inner.listing()

    def release(self) -> None:
        self.inner.release()

    def enter(self, pc: int, frame: Frame) -> Outcome:
        store, inst = frame.store, frame.inst
        if any(memory.shared for memory in inst.mems) and not _alone():
            # Others may write what would be compared.
            return self.inner.enter(pc, frame)
        before = _State.of(store, inst)
        registers = list(frame.regs)
        outcome = self.inner.enter(pc, frame)
        if isinstance(outcome, Departure) and not isinstance(outcome.error, Trap | None):
            # The host's doing, which does not happen a second time.
            return outcome
        after = _State.of(store, inst)
        before.restore(store, inst)
        code = frame.code
        if code is None:
            raise Crash("an entry frame has no function")
        func = inst.funcs[code.func_index]
        if not isinstance(func, FuncInst):
            raise Crash("a host function has no region")
        outer = store.frame
        replay = _Replay(store, func, registers, max(pc, 0), before.fuel - after.fuel, outcome)
        try:
            replay.run(self.backend.executed)
            replay.compare()
            self._compare(code, _State.of(store, inst), after)
        except Divergence as divergence:
            where = "its beginning" if pc == CALL else f"instruction {pc}"
            raise Divergence(f"function {code.func_index}, entered at {where}: {divergence}") from None
        finally:
            store.frame = outer
        store.room, store.fuel = after.room, after.fuel
        self.backend.runs += 1
        self.backend.instructions += before.fuel - after.fuel
        return outcome

    def _compare(self, code: FuncCode, expected: _State, got: _State) -> None:
        for i, (bytes_, other) in enumerate(zip(expected.memories, got.memories)):
            if len(bytes_) != len(other):
                raise Divergence(f"memory {i}: {len(other)} bytes, and {len(bytes_)} in the interpreter")
            if bytes_ != other:
                at = next(a for a in range(len(bytes_)) if bytes_[a] != other[a])
                raise Divergence(
                    f"memory {i} at 0x{at:x}: {_show(other[at])}, and {_show(bytes_[at])} in the interpreter"
                )
        for i, (right, wrong) in enumerate(zip(expected.globals, got.globals)):
            if right != wrong:
                raise Divergence(f"global {i}: {_show(wrong)}, and {_show(right)} in the interpreter")
        for i, (elems, others) in enumerate(zip(expected.tables, got.tables)):
            if len(elems) != len(others) or not all(map(_same_reference, elems, others)):
                raise Divergence(f"table {i} has other elements")
        if expected.datas != got.datas or expected.elems != got.elems:
            raise Divergence("other segments have been dropped")
        if expected.fuel != got.fuel:
            raise Divergence(f"fuel left: {got.fuel}, and {expected.fuel} in the interpreter")
        if expected.room != got.room:
            raise Divergence(f"stack left: {got.room} bytes, and {expected.room} in the interpreter")


def _same_reference(one: Value, other: Value) -> bool:
    """Whether two references are; an i31 is made anew whenever it comes out of a region."""
    return one is other or (isinstance(one, I31) and one == other)


class _Replay:
    """The interpreter's run of what a region did, which ends where the region did."""

    def __init__(
        self, store: Store, func: FuncInst, registers: list[Any], pc: int, fuel: int, outcome: Outcome
    ) -> None:
        self.store = store
        self.outcome = outcome
        self.fuel = fuel
        # As the region found them: what it does not mention is to be as it was.
        self.found = list(registers)
        self.code = func.code
        self.entry = Entry(store, None, func.code.nresults)
        self.frame = Frame(func, registers, self.entry, 0)
        self.frame.ip = pc
        self.expected: list[Activation] = []
        self.ahead = 0
        # What the instruction has raised that the region was left at.
        self.error = outcome.error if isinstance(outcome, Departure) else None
        if isinstance(outcome, Departure):
            self.expected = outcome.frames
            if outcome.call is not None:
                last = outcome.frames[-1]
                body = last.code.program.module.funcs[last.code.index].body
                # The call has been paid for and not been executed.
                self.ahead = body[last.pc].op.fuel

    def run(self, executed: dict[str, int]) -> None:
        """`executed`: where instructions are counted, by mnemonic."""
        store = self.store
        store.frame = self.frame
        begun = store.fuel or 0
        while True:
            frame = store.frame
            if frame is None:
                raise Crash("running without a frame")
            code = frame.code
            used = begun - (store.fuel or 0)
            if code is None:
                if isinstance(self.outcome, Departure):
                    raise Divergence(f"left at {_where(self.expected)}, and the interpreter returns")
                return
            pc = frame.ip
            if self.error is None and used == self.fuel - self.ahead and self._arrived(frame, pc):
                store.fuel = begun - self.fuel
                return
            instr = code.program.module.funcs[code.index].body[pc]
            if used + instr.op.fuel > self.fuel:
                wanted = _where(self.expected) if isinstance(self.outcome, Departure) else "the return"
                raise Divergence(
                    f"{wanted} reached, and the interpreter is at {code.func_index}:{pc} after as many instructions"
                )
            if instr.op.fuel:
                charge(store, instr.op.fuel, pc)
            frame.ops = code.stepwise.steps
            try:
                to = frame.ops[pc](frame.regs, frame)
            except (Trap, GuestException) as error:
                if self.error is not None and self._arrived(frame, pc) and _same_error(error, self.error):
                    return
                raise Divergence(f"no trap, and in the interpreter {error} at {code.func_index}:{pc}") from None
            executed[instr.op.mnemonic] = executed.get(instr.op.mnemonic, 0) + 1
            if to >= 0:
                frame.ip = to

    def _arrived(self, frame: Frame, pc: int) -> bool:
        if not isinstance(self.outcome, Departure):
            return False
        if pc != self.expected[-1].pc or frame.code is not self.expected[-1].code:
            return False
        return len(self._frames()) == len(self.expected)

    def _frames(self) -> list[Frame]:
        found: list[Frame] = []
        frame = self.store.frame
        while frame is not None and frame.code is not None:
            found.append(frame)
            frame = frame.caller
        found.reverse()
        return found

    def _wanted(self, activation: Activation) -> Iterator[int]:
        """The registers that the interpreter is going to read in a frame: live locals, and operands but where a call
        has taken some."""
        code, pc = activation.code, activation.pc
        live = history(code).flow.live[pc]
        yield from (local for local in range(code.nlocals) if live >> local & 1)
        if activation is self.expected[-1] and isinstance(self.outcome, Departure) and self.outcome.call is None:
            yield from range(code.nlocals, code.nlocals + code.side.heights[pc])

    def compare(self) -> None:
        if not isinstance(self.outcome, Departure):
            if self.entry.regs != self.outcome:
                raise Divergence(f"returns {_show(self.outcome)}, and {_show(self.entry.regs)} in the interpreter")
            return
        frames = self._frames()
        for number, (frame, activation) in enumerate(zip(frames, self.expected)):
            values = dict(activation.values)
            wanted = {*values, *self._wanted(activation)}
            if number == 0 and activation.code is self.code:
                values = dict(enumerate(self.found)) | values
            for register in sorted(wanted):
                right, value = frame.regs[register], values.get(register, _NOTHING)
                if right != value:
                    raise Divergence(
                        f"left at {_where(self.expected)}: register {register} of frame {number} is {_show(value)}, "
                        f"and {_show(right)} in the interpreter"
                    )
        if self.outcome.call is not None:
            func, args = self.outcome.call
            code = frames[-1].code
            if code is None:
                raise Crash("an entry frame waits at a call")
            height = code.side.heights[frames[-1].ip]
            indirect = height - code.side.heights[frames[-1].ip + 1] + func.code.nresults - len(args)
            first = code.nlocals + height - len(args) - indirect
            given = frames[-1].regs[first : first + len(args)]
            if given != args:
                raise Divergence(f"calls with {_show(args)}, and {_show(given)} in the interpreter")


def _same_error(error: BaseException, other: BaseException) -> bool:
    return type(error) is type(other) and str(error) == str(other)


def _alone() -> bool:
    """Whether no other thread of the process can run a guest."""
    here = threading.current_thread()
    return all(thread is here or thread.name in _SERVANTS for thread in threading.enumerate())


def _where(frames: list[Activation]) -> str:
    return " > ".join(f"{a.code.func_index}:{a.pc}" for a in frames)


def _show(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, list):
            return "(" + ", ".join(map(_show, value)) + ")"
        return value.hex() if isinstance(value, bytes) else repr(value)
    return f"0x{value:x}"
