"""Compiled regions: entering them, and finding out where they were left.

When a region is left, all that is to be known lies in the VM context and on the native stack: the registers, the number
of the exit (or the address of the instruction that faulted), and from the stack pointer on the frames, each behind the
return address of the call that it waits at. From that the values of snapshots are read, frame by frame, outwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from struct import Struct, error
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import ReferenceType

from jit.backend import Activation, Departure, Outcome
from jit.ir.graph import CALL, Graph
from jit.ir.ops import Type
from jit.x64 import layout as at
from jit.x64.code import ARGUMENT, HOME, SLOT, XMM, CallSite, Code, ExitState
from jit.x64.contexts import NoContext, VmContext
from jit.x64.mirrors import MIRRORED, learn
from jit.x64.registers import RSP
from jit.x64.stubs import FAULTED, HELPED, REFUSED, RETURNED
from jit.x64.ticker import TICK
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import Frame, FuncInst, Instance
from refsfi.runtime.values import Value

if TYPE_CHECKING:
    from jit.x64.backend import X64Backend
    from jit.x64.codememory import Block

__all__ = ["NativeUnit"]

# How an entry gets the interpreter's registers: an i32 is zero-extended, whatever it comes from.
_FORMATS: Final = {Type.I32: "I4x", Type.F32: "I4x", Type.V128: "16s"}
# Of one frame of a snapshot: its function and instruction, and for its registers in which word they are: of the mapping
# of the VM context, or of the native frame; others with their type and whether a NaN may have any payload; and
# constants.
_FramePlan: TypeAlias = """tuple[
    FuncCode,
    int,
    list[tuple[int, int]],
    list[tuple[int, int]],
    list[tuple[int, int, bool, Type, bool]],
    list[tuple[int, Value]],
]"""

# What is not the whole of its word, or is not the value itself.
_SPECIAL: Final = frozenset([Type.F32, Type.V128, Type.REF])

_MOST_FUEL: Final = 1 << 62
_F32_NAN: Final = 0x7FC00000
_F64_NAN: Final = 0x7FF8000000000000


class _Entry:
    """How an entry is taken: the address, how many bytes the native stack reserves for arguments, how many words of
    them there are in the buffer, and how the frame's registers get there."""

    __slots__ = ("address", "get", "pack", "refs", "reserve", "room", "types", "words")

    def __init__(self, address: int, pc: int, homes: Sequence[tuple[int, Type]], code: Code, cost: int) -> None:
        self.address = address
        self.reserve = code.arguments
        called = pc == CALL
        # The call entry takes the cost of a frame and the unit of fuel that the interpreter has taken already.
        self.room = cost if called else 0
        self.words = code.arguments // 8 if called else 0
        pad = "" if called else "8x"
        self.types = [t for _, t in homes]
        formats = (_FORMATS.get(t, "Q") + ("" if t is Type.V128 else pad) for t in self.types)
        self.pack = Struct("<" + "".join(formats)).pack_into
        registers = [r for r, _ in homes]
        self.refs = [i for i, (_, t) in enumerate(homes) if t is Type.REF]
        self.get: Callable[[list[Any]], tuple[Any, ...]]
        if len(registers) > 1:
            self.get = itemgetter(*registers)
        elif registers:
            (only,) = registers
            self.get = lambda regs: (regs[only],)
        else:
            self.get = lambda regs: ()

    def fitting(self, values: Sequence[Any]) -> Iterator[Any]:
        """The values, with zeros for those that are not of their type: what a register holds that no path reads any
        more may be nothing, or what is left of something else."""
        for value, type in zip(values, self.types):
            if type is Type.V128:
                yield value if isinstance(value, bytes) and len(value) == 16 else bytes(16)
            else:
                bits = 32 if type in (Type.I32, Type.F32) else 64
                yield value if isinstance(value, int) and not value >> bits else 0


class NativeUnit:
    """A region in executable memory. `first_exit` is the number of its first exit in the process."""

    def __init__(self, backend: X64Backend, graph: Graph, code: Code, block: Block, first_exit: int) -> None:
        self.backend = backend
        self.graph = graph
        self.code = code
        self.block = block
        self.first_exit = first_exit
        function = graph.code
        if function is None:
            raise Crash("a region of no function")
        self.function = function
        self.metered = function.program.metered
        self._entries = {
            pc: _Entry(block.address + offset, pc, code.homes[pc], code, function.cost)
            for pc, offset in code.entries.items()
        }
        self._results = code.results
        self.inside = 0
        self.where: tuple[int, int] | None = (block.address, code.asm.size)

    def enter(self, pc: int, frame: Frame) -> Outcome:
        store = frame.store
        backend = self.backend
        vm, inst = store.native, frame.inst
        context = inst.native
        try:
            if vm.__class__ is not VmContext:
                vm = backend.vm_context(store)
            if context is None:
                context = backend.instance_context(inst)
        except NoContext:
            return Departure([Activation(inst, self.function, max(pc, 0), [])], self, -1)
        entry = self._entries[pc]
        values = entry.get(frame.regs)
        if entry.refs:
            vm.refs.forget()
            values = self._convert(values, entry.refs, vm)
        try:
            entry.pack(vm.memory, at.BUFFER, *values)
        except error:
            entry.pack(vm.memory, at.BUFFER, *entry.fitting(values))
        signed = vm.signed
        signed[at.ROOM // 8] = store.room + entry.room
        outside = 0
        if self.metered:
            fuel = store.fuel
            if fuel is None:
                raise Crash("a metered program in a store without fuel")
            # The word is signed; what does not fit it, and the unit that a call entry takes once more, stay outside.
            given = min(fuel, _MOST_FUEL)
            outside = fuel - given
            signed[at.FUEL // 8] = given + (1 if entry.room else 0)
        backend.entering()
        # Until all has been read of what was left behind, the code that it names must not be freed.
        vm.running = True
        raised: BaseException | None = None
        helping = 0
        try:
            began = perf_counter_ns()
            status = backend.enter(vm.address, entry.address, context.address, entry.reserve, entry.words)
            while status == HELPED:
                paused = perf_counter_ns()
                raised = self._help(vm, frame, outside)
                helping += perf_counter_ns() - paused
                if raised is not None:
                    break
                status = backend.resume(vm.address, 0, context.address, 0, 0)
            self.inside = perf_counter_ns() - began - helping
            return self._left(vm, status, frame, outside, raised)
        finally:
            vm.running = False
            if helping:
                vm.refs.forget()

    def _help(self, vm: VmContext, frame: Frame, outside: int) -> BaseException | None:
        """Execute the instruction that a region waits for; what that raised. `outside`: fuel that the region does not
        know of."""
        store, signed = frame.store, vm.signed
        _, site = _site(self.backend.calls[vm.word(vm.words[at.WAITING // 8])])
        helper = site.helper
        if helper is None:
            raise Crash("a region waits for nothing")
        results = vm.base + at.RESULTS
        operands = [_read(vm, results + 16 * i, type) for i, type in enumerate(site.types)]
        if self.metered:
            store.fuel = signed[at.FUEL // 8] + outside
        try:
            found = helper.run(frame.inst, operands)
            if helper.instr.op.mnemonic in MIRRORED:
                learn(frame.inst, helper.instr, operands, vm.refs)
        except BaseException as raised:
            return raised
        finally:
            if self.metered and store.fuel is not None:
                signed[at.FUEL // 8] = store.fuel - outside
        for i, (type, value) in enumerate(zip(helper.results(), found)):
            _write(vm, at.RESULTS + 16 * i, type, value)
        return None

    def _left(self, vm: VmContext, status: int, frame: Frame, outside: int, raised: BaseException | None) -> Outcome:
        """What became of the run. `outside`: fuel that the region did not know of. `raised`: what was raised by an
        instruction that the region waits for."""
        store, signed = frame.store, vm.signed
        store.room = signed[at.ROOM // 8]
        if self.metered:
            store.fuel = signed[at.FUEL // 8] + outside
        if vm.words[at.STOP // 8] == TICK:
            # Nobody has asked to stop, unless at this moment.
            vm.set_stop(store.stop is not None)
            ticked = True
        else:
            ticked = False
        if status == RETURNED:
            return self._read_results(vm)
        departure = self._depart(vm, status, frame)
        departure.error = raised
        if ticked:
            departure.exit = -1
        return departure

    def release(self) -> None:
        self.backend.retire(self)

    def costs(self) -> dict[str, int]:
        return {"bytes": self.code.asm.size, "exits": len(self.code.exits), "spills": self.code.spills}

    def listing(self) -> Iterator[str]:
        from jit.x64.listing import listing

        return listing(self)

    def __del__(self) -> None:
        self.backend.retire_block(self.block, self.first_exit, self.code)

    # --- going in --------------------------------------------------------------------------------------------------

    def _convert(self, values: tuple[Any, ...], places: list[int], vm: VmContext) -> tuple[Any, ...]:
        converted = list(values)
        for place in places:
            converted[place] = vm.refs.native(converted[place])
        return tuple(converted)

    def _read_results(self, vm: VmContext) -> list[Value]:
        results = self._results
        if not results:
            return []
        first = results[0]
        if at.is_vector_register_type(first):
            place = at.XMMS
        else:
            place = at.GPRS
        found = [_read(vm, vm.base + place, first)]
        for i in range(1, len(results)):
            found.append(_read(vm, vm.base + at.RESULTS + 16 * i, results[i]))
        return found

    # --- coming out ------------------------------------------------------------------------------------------------

    def _depart(self, vm: VmContext, status: int, frame: Frame) -> Departure:
        backend, store, inst = self.backend, frame.store, frame.inst
        rsp = vm.words[at.GPRS // 8 + RSP]
        activations: list[Activation] = []
        call: tuple[FuncInst, list[Value]] | None = None
        if status == REFUSED:
            site = backend.calls.get(vm.word(rsp))
            if site is None:
                # The host asks to stop before the region has begun: nothing has been taken of what was given for the
                # entry.
                store.room -= self.function.cost
                if self.metered and store.fuel is not None:
                    store.fuel -= 1
                return Departure([Activation(inst, self.function, 0, [])], self, -1)
            unit, call_site = _site(site)
            callee = self._callee(vm, inst, call_site)
            call = callee, _arguments(vm, rsp + 8, call_site.types)
            place = rsp + 8 + at.argument_bytes(call_site.types)
            innermost, number = unit, -1
        else:
            if status == FAULTED:
                where = vm.words[at.FAULT_PC // 8]
                found = backend.faults.get(where)
                if found is None:
                    raise Crash(f"a fault at 0x{where:x}, which no instruction may cause")
            elif status == HELPED:
                rsp = vm.words[at.WAITING // 8] + 8
                found = backend.calls[vm.word(rsp - 8)]
            else:
                found = backend.exits[vm.words[at.EXIT // 8] & 0xFFFFFFFF]
            unit, number = _living(found[0]), found[1]
            state = unit.code.calls[number] if status == HELPED else unit.code.exits[number]
            snapshot = unit.graph.snapshots[state.snapshot]
            number = state.snapshot
            innermost = unit
            activations = unit._activations(vm, inst, state, rsp)
            store.room -= sum(a.code.cost for a in activations[1:])
            if store.fuel is not None and self.metered:
                store.fuel += snapshot.refund
                if isinstance(state, CallSite) and state.helper is not None:
                    # The instruction itself has been executed.
                    store.fuel -= state.helper.instr.op.fuel
            here = rsp + unit.code.frame
            site = backend.calls.get(vm.word(here))
            place = here + 8 + unit.code.arguments
            if site is None:
                return Departure(activations, innermost, number)
            unit, call_site = _site(site)
        # `place` is the stack pointer of the region that waits at the call.
        while True:
            activations[:0] = unit._activations(vm, inst, call_site, place)
            here = place + unit.code.frame
            site = backend.calls.get(vm.word(here))
            if site is None:
                return Departure(activations, innermost, number, call)
            place = here + 8 + unit.code.arguments
            unit, call_site = _site(site)

    def _callee(self, vm: VmContext, inst: Instance, site: CallSite) -> FuncInst:
        if site.callee is None:
            return vm.refs.function(vm.words[at.CALLEE // 8])
        func = inst.funcs[site.callee]
        if not isinstance(func, FuncInst):
            raise Crash("a call of a host function from compiled code")
        return func

    def _activations(self, vm: VmContext, inst: Instance, state: ExitState | CallSite, rsp: int) -> list[Activation]:
        """The frames of a snapshot, outermost first. `rsp` is where the region's native frame begins."""
        plan = state.plan
        if plan is None:
            plan = state.plan = self._plan(state)
        words = vm.all_words
        here = (rsp - vm.base) >> 3
        found: list[Activation] = []
        for code, pc, fixed, stacked, others, constants in plan:
            values: list[tuple[int, Value]] = [(register, words[place]) for register, place in fixed]
            if stacked:
                values += [(register, words[here + place]) for register, place in stacked]
            for register, place, is_stacked, type, loose in others:
                address = vm.base + 8 * place + (rsp - vm.base if is_stacked else 0)
                value = _read(vm, address, type)
                values.append((register, _canonical(value, type) if loose else value))
            values += constants
            found.append(Activation(inst, code, pc, values))
        return found

    def _plan(self, state: ExitState | CallSite) -> list[_FramePlan]:
        graph, frame = self.graph, self.code.frame
        registers, memory = state.registers, state.memory
        plan: list[_FramePlan] = []
        for activation in graph.snapshots[state.snapshot].frames:
            fixed: list[tuple[int, int]] = []
            stacked: list[tuple[int, int]] = []
            others: list[tuple[int, int, bool, Type, bool]] = []
            constants: list[tuple[int, Value]] = []
            for register, value in activation.values:
                where = registers.get(value, -1)
                if where < 0:
                    where = memory.get(value, -1)
                    if where < 0:
                        if graph.imm[value] is None and graph.op[value].name != "ref.null":
                            raise Crash(f"value {value} of a snapshot is nowhere")
                        constants.append((register, graph.imm[value]))
                        continue
                on_stack = SLOT <= where < HOME
                if where >= HOME:
                    place = (at.BUFFER + where - HOME) >> 3
                elif where >= ARGUMENT:
                    place = (frame + 8 + where - ARGUMENT) >> 3
                elif where >= SLOT:
                    place = (where - SLOT) >> 3
                elif where >= XMM:
                    place = (at.XMMS + 16 * (where - XMM)) >> 3
                else:
                    place = (at.GPRS >> 3) + where
                type = graph.type[value]
                loose = value in graph.loose
                if loose or type in _SPECIAL:
                    others.append((register, place, on_stack, type, loose))
                else:
                    (stacked if on_stack else fixed).append((register, place))
            plan.append((activation.code, activation.pc, fixed, stacked, others, constants))
        return plan


def _site(found: tuple[ReferenceType[NativeUnit], int]) -> tuple[NativeUnit, CallSite]:
    """The unit that waits, and its call."""
    unit = _living(found[0])
    return unit, unit.code.calls[found[1]]


def _living(unit: ReferenceType[NativeUnit]) -> NativeUnit:
    found = unit()
    if found is None:
        raise Crash("a region was left that has been freed")
    return found


def _read(vm: VmContext, address: int, type: Type) -> Value:
    """A value of the given type from the VM context or the native stack."""
    offset = address - vm.base
    memory = vm.memory
    if type is Type.V128:
        return bytes(memory[offset : offset + 16])
    if type is Type.I32 or type is Type.F32:
        return int.from_bytes(memory[offset : offset + 4], "little")
    word = int.from_bytes(memory[offset : offset + 8], "little")
    return vm.refs.value(word) if type is Type.REF else word


def _write(vm: VmContext, offset: int, type: Type, value: Value) -> None:
    """Put a value into the VM context, as compiled code has it."""
    if type is Type.V128:
        vm.memory[offset : offset + 16] = value
    else:
        vm.words[offset // 8] = vm.refs.native(value) if type is Type.REF else value


def _canonical(value: Value, type: Type) -> Value:
    """The canonical NaN for any NaN."""
    if type is Type.F32:
        return _F32_NAN if value & 0x7FFFFFFF > 0x7F800000 else value
    return _F64_NAN if value & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 else value


def _arguments(vm: VmContext, address: int, types: list[Type]) -> list[Value]:
    return [_read(vm, address + offset, t) for t, offset in zip(types, at.argument_offsets(types))]
