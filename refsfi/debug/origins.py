"""Where did this come from: the last write to a byte, and the flow of data back from a value.

Both look at the past by executing it again. For a value, the last instructions before the present are executed one by
one and noted, with what each put where; then the chain is followed backwards through operands, locals, calls, globals
and memory. What lies before the noted stretch is found by looking for the last write, where it is a byte of memory or a
global, or by noting a longer stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from refsfi.debug import inspect
from refsfi.debug.breakpoints import Access
from refsfi.debug.model import DebugError, Place, Reason, Step, Stop, Variable, Write
from refsfi.debug.shapes import shape_at
from refsfi.errors import Crash
from refsfi.exec.code import Program
from refsfi.observe.access import accesses
from refsfi.observe.operands import OperandTypes
from refsfi.runtime.store import Frame
from refsfi.syntax.types import ValType

if TYPE_CHECKING:
    from refsfi.debug.session import Session

__all__ = ["last_write", "origin"]

# Instructions that are noted: at first, and at most.
_FIRST: Final = 2_000
_MOST: Final = 128_000
# Links of a chain, and steps of the whole tree.
_DEEP: Final = 24
_WIDE: Final = 200


def last_write(session: Session, address: int, instance: int, memory: int) -> Write | None:
    """Who wrote the byte that is there now; None where nobody has since its memory was made."""
    found = session.memory(instance, memory)
    if not 0 <= address < len(found.data):
        raise DebugError(f"there is no byte at {address:#x}: the memory has {len(found.data):#x}")
    with _Undisturbed(session):
        session.watch(session.watch_memory(address, 1, instance, memory), Access.WRITE)
        stop = session.run(back=True)
        hit = stop.watch
        if stop.reason is not Reason.WATCHPOINT or hit is None:
            return None
        host = None
        if hit.place is None:
            calls = session.journal.calls
            host = next((call.name for call in calls if call.clock == hit.clock), None)
        return Write(hit.clock, session.place, hit.old[0] if hit.old else None, hit.new[0], host)


class _Undisturbed:
    """Breakpoints and position in time are what they were, once it is over."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> None:
        session = self._session
        self._stop: Stop = session.stop
        self._clock = session.clock
        self._ended = not session.running
        self._enabled = [b for b in session.breakpoints if b.enabled]
        self._known = {b.number for b in session.breakpoints}
        for b in self._enabled:
            session.breakpoints.enable(b.number, False)

    def __exit__(self, *exception: object) -> None:
        session = self._session
        for b in session.breakpoints:
            if b.number not in self._known:
                session.breakpoints.remove(b.number)
        for b in self._enabled:
            session.breakpoints.enable(b.number)
        session.goto(self._clock + self._ended)
        session.stop = self._stop


@dataclass(slots=True)
class _Noted:
    """An executed instruction: the frame it was executed in, and the registers it wrote, with what was in them then.
    `moved`: where a branch has carried operands from. `touched`: what it accessed in memory, as (memory, start, end,
    whether it wrote). `entered` is the frame that it made, `returned` the one that it went back to."""

    clock: int
    place: Place
    frame: Frame
    height: int
    wrote: tuple[int, ...]
    values: tuple[Any, ...]
    touched: tuple[tuple[Any, int, int, bool], ...] = ()
    moved: tuple[int, ...] = ()
    entered: Frame | None = None
    returned: Frame | None = None


def origin(session: Session, variable: Variable) -> Step:
    """Where the value of a local or an operand came from, as a tree. DebugError for something else."""
    match variable.where:
        case (("local" | "operand") as kind, int(level), int(index)):
            pass
        case ("memory", int(instance), int(memory), int(address), int(size)):
            return _of_memory(session, variable, instance, memory, address, size)
        case _:
            raise DebugError(f"{variable.name} is no local, operand or place in memory")
    frame = inspect.frame_at(session.store, level)
    code = frame.code
    if code is None:
        raise DebugError("the host's frame has no values")
    register = index if kind == "local" else code.nlocals + index
    depth = level
    with _Undisturbed(session):
        end = session.clock
        length = _FIRST
        while True:
            noted = _note(session, max(end - length, 0), end)
            target = inspect.frame_at(session.store, depth)
            tree = _Tree(noted, begins=end - length <= 0)
            found = tree.register(target, register, len(noted), variable.type, 0)
            if found.kind != "unknown" or length >= min(_MOST, end):
                return found
            length *= 8


def _of_memory(session: Session, variable: Variable, instance: int, memory: int, address: int, size: int) -> Step:
    """Who wrote a place in memory, by its first byte that somebody wrote."""
    for at in range(address, address + size):
        write = last_write(session, at, instance, memory)
        if write is not None:
            what = f"written by {write.host}" if write.host else f"stored by {write.place}"
            return Step("host" if write.host else "load", what, variable.value, variable.type, write.clock, write.place)
    return Step("constant", "never written since the memory was made", variable.value, variable.type, 0, None)


def _note(session: Session, begin: int, end: int) -> list[_Noted]:
    """Execute from one clock to another, and note each instruction."""
    session.goto(begin)
    noted: list[_Noted] = []
    store = session.store
    while session.clock < end:
        frame = store.frame
        place = session.place
        if frame is None or place is None or frame.code is None:
            break
        clock = session.clock
        code = frame.code
        touched = tuple(
            (frame.inst.mems[a.memory], a.address, a.address + a.size, a.kind != "load")
            for a in accesses(frame, place.pc, place.instr)
        )
        height = code.side.heights[place.pc]
        session.step()
        now = store.frame
        item = _Noted(clock, place, frame, height, (), (), touched)
        if now is frame:
            item.wrote, item.moved = _written(frame, place, height)
            item.values = tuple(frame.regs[r] for r in item.wrote)
        elif now is not None and now.caller is frame:
            item.entered = now
        elif now is not None and now is frame.caller:
            item.returned = now
            count = code.nresults
            item.wrote = tuple(range(frame.ret, frame.ret + count))
            item.values = tuple(now.regs[r] for r in item.wrote)
        noted.append(item)
    return noted


def _written(frame: Frame, place: Place, height: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The registers that an instruction which stayed in its frame has written: a local, or the operands above what it
    left alone; and, of a branch, those that they were carried from."""
    mnemonic = place.instr.op.mnemonic
    code = frame.code
    if code is None:
        return (), ()
    if mnemonic in ("local.set", "local.tee"):
        return (place.instr.args[0],), ()
    if mnemonic in ("br", "br_if", "br_table"):
        branches = code.side.branches[place.pc]
        for branch in branches if isinstance(branches, tuple) else (branches,):
            if branch.pc == frame.ip and branch.arity:
                top = code.nlocals + height - (mnemonic != "br")
                first = code.nlocals + branch.height
                return tuple(range(first, first + branch.arity)), tuple(range(top - branch.arity, top))
        return (), ()
    if mnemonic in _SILENT:
        return (), ()
    after = code.side.heights[frame.ip]
    first = max(min(height - taken_by(place), after), 0)
    return tuple(range(code.nlocals + first, code.nlocals + after)), ()


_SILENT: Final = frozenset("block loop end nop drop if else try_table try".split())


@cache
def _types(program: Program) -> OperandTypes:
    return OperandTypes(program.module)


def taken_by(place: Place) -> int:
    """How many operands an instruction takes."""
    op = place.instr.op
    if op.operands is not None:
        return len(op.operands)
    return len(_types(place.program).of(place.func_index - place.program.imported_funcs)[place.pc])


class _Tree:
    """Follows values back through a noted stretch. `begins`: it begins with the run."""

    def __init__(self, noted: list[_Noted], *, begins: bool) -> None:
        self._noted = noted
        self._begins = begins
        self._left = _WIDE

    def register(self, frame: Frame, register: int, before: int, type: ValType | None, depth: int) -> Step:
        """What put the value into a register of a frame, before the instruction number `before` of the stretch."""
        self._left -= 1
        code = frame.code
        if code is None or self._left < 0 or depth > _DEEP:
            return Step("unknown", "further back", None, type, 0, None)
        for number in range(before - 1, -1, -1):
            item = self._noted[number]
            if item.entered is frame:
                return self._entry(item, number, frame, register, type, depth)
            if register not in item.wrote or (item.frame if item.returned is None else item.returned) is not frame:
                continue
            at = item.wrote.index(register)
            if item.moved:
                return self.register(frame, item.moved[at], number, type, depth)
            return self._made(item, number, at, type, depth)
        if self._begins and frame.caller is not None and frame.caller.code is None:
            what = "argument of the host's call" if register < code.nparams else "its initial value"
            return Step("argument", what, None, type, 0, None)
        return Step("unknown", "further back", None, type, 0, None)

    def _entry(self, call: _Noted, number: int, frame: Frame, register: int, type: ValType | None, depth: int) -> Step:
        """The register is as the call has made it."""
        code, outer = frame.code, call.frame.code
        if code is None or outer is None or register >= code.nparams:
            return Step("constant", "a local's initial value", None, type, call.clock, call.place)
        first = outer.nlocals + call.height - taken_by(call.place)
        source = self.register(call.frame, first + register, number, type, depth + 1)
        return Step(
            "argument", f"argument {register} of the call", source.value, type, call.clock, call.place, (source,)
        )

    def _made(self, item: _Noted, number: int, at: int, type: ValType | None, depth: int) -> Step:
        frame = item.frame
        code = frame.code
        value = item.values[at]
        if code is None:
            raise Crash("an instruction without code")
        mnemonic = item.place.instr.op.mnemonic
        top = code.nlocals + item.height

        def step(kind: str, what: str, *sources: Step) -> Step:
            return Step(kind, what, value, type, item.clock, item.place, sources)

        def operand(register: int) -> Step:
            types = shape_at(code, item.place.pc).operands
            return self.register(frame, register, number, types[register - code.nlocals], depth + 1)

        if item.returned is not None:
            return step("call", f"result of {item.place.name}", operand(top - len(item.wrote) + at))
        if mnemonic == "local.get":
            local = item.place.instr.args[0]
            return step("local", f"local {local}", self.register(frame, local, number, type, depth + 1))
        if mnemonic in ("local.set", "local.tee"):
            return step("local", mnemonic, operand(top - 1))
        if mnemonic.endswith(".const") or mnemonic in ("ref.null", "ref.func"):
            return step("constant", mnemonic)
        if mnemonic.startswith("call"):
            return step("host", "result of a function of the host")
        if mnemonic == "global.get":
            return step("global", f"global {item.place.instr.args[0]}", *self._global(item, number, type, depth))
        sources = [operand(register) for register in range(top - taken_by(item.place), top)]
        if item.touched:
            return step("load", f"{mnemonic} at {item.touched[0][1]:#x}", *self._stored(item, number, depth), *sources)
        return step("operation", mnemonic, *sources)

    def _global(self, get: _Noted, number: int, type: ValType | None, depth: int) -> list[Step]:
        variable = get.frame.inst.globals[get.place.instr.args[0]]
        for earlier in range(number - 1, -1, -1):
            item = self._noted[earlier]
            instr = item.place.instr
            code = item.frame.code
            if (
                instr.op.mnemonic == "global.set"
                and item.frame.inst.globals[instr.args[0]] is variable
                and code is not None
            ):
                source = self.register(item.frame, code.nlocals + item.height - 1, earlier, type, depth + 1)
                return [Step("global", "global.set", source.value, type, item.clock, item.place, (source,))]
        return []

    def _stored(self, load: _Noted, number: int, depth: int) -> list[Step]:
        """The last store to the first byte that was loaded."""
        memory, start, _, _ = load.touched[0]
        for earlier in range(number - 1, -1, -1):
            item = self._noted[earlier]
            code = item.frame.code
            for other, begin, end, wrote in item.touched:
                if wrote and other is memory and begin <= start < end and code is not None:
                    mnemonic = item.place.instr.op.mnemonic
                    types = shape_at(code, item.place.pc).operands
                    register = code.nlocals + item.height - 1
                    source = self.register(item.frame, register, earlier, types[item.height - 1], depth + 1)
                    what = f"{mnemonic} at {begin:#x}"
                    return [Step("store", what, source.value, source.type, item.clock, item.place, (source,))]
        return []
