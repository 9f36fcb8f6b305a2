"""A debugging session: the one object that the faces talk to.

Everything blocks and runs on the caller's thread; only `pause` may be called from elsewhere. The session moves through
time, counted in instructions: forward by executing, back by putting a snapshot in place and executing from there up to
where it is to be, with the host's calls answered out of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from refsfi.debug import inspect, origins
from refsfi.debug.breakpoints import Access, Breakpoint, Breakpoints, Event, Watched
from refsfi.debug.counted import Clock
from refsfi.debug.executor import Halt
from refsfi.debug.expressions import Evaluator
from refsfi.debug.history import HistoryOptions
from refsfi.debug.hits import Hits
from refsfi.debug.journal import Journal
from refsfi.debug.model import (
    DebugError,
    FrameView,
    HostCall,
    Place,
    Reason,
    Step,
    Stop,
    Thread,
    Unit,
    Variable,
    Write,
)
from refsfi.debug.motion import Line, Motion
from refsfi.debug.rules import rules_of
from refsfi.debug.snapshot import state_hash
from refsfi.debug.target import Target
from refsfi.debug.timeline import Timeline
from refsfi.errors import GuestException, GuestExit, Trap
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame, GlobalInst, Instance, Store
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import ArrayInst, StructInst, Value, array_type, pack, struct_type
from refsfi.syntax.types import PackType

__all__ = ["HistoryOptions", "Session"]

_T = TypeVar("_T")


class Session:
    """Of one target. When it is made the guest stands in front of its first instruction; instantiation has been done as
    far as it needs none.

    `stop` is where and why the guest stands. A `journal` that is not live replays a recording. LinkError, LimitError
    where the first instance cannot be made; what fails later is raised by the command during which it fails, as are the
    exceptions of the host's functions: the guest is in front of the call then, or a few instructions before it.
    """

    def __init__(self, target: Target, history: HistoryOptions | None = None, journal: Journal | None = None) -> None:
        self.target = target
        self.journal = Journal() if journal is None else journal
        clock = Clock()
        self.breakpoints = Breakpoints(self._renew)
        self._hits = Hits(clock, self.breakpoints, self._holds)
        self._timeline: Timeline | None = None
        self._timeline = Timeline(target, history or HistoryOptions(), self.journal, clock, self._hits)
        self._motion = Motion(self._timeline, self._hits, self.breakpoints)
        self.stop = self._stop(Reason.ENTRY) if self._timeline.ended is None else self._over()

    @property
    def _time(self) -> Timeline:
        if self._timeline is None:
            raise DebugError("the session is being made")
        return self._timeline

    # --- state -------------------------------------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """Instructions executed since the beginning: the position in time."""
        return self._time.clock.now

    @property
    def store(self) -> Store:
        """The guest's store, for looking: a change to it is a change that the session does not know of."""
        return self._time.store

    @property
    def running(self) -> bool:
        """Whether there is an instruction to be executed next."""
        return self._time.ended is None

    @property
    def place(self) -> Place | None:
        """The next instruction, or the one that failed; None where the run is over."""
        return self._motion.place()

    @property
    def snapshot_clocks(self) -> Sequence[int]:
        """Where going to is quick."""
        return self._time.history.clocks

    @property
    def snapshot_size(self) -> int:
        """Bytes that all snapshots take."""
        return self._time.history.size

    @property
    def lines(self) -> Callable[[Place], Line | None]:
        """Maps a place to its source line, by which steps of that unit are made: a tuple that begins with the file's
        name; None for a place without one. At first, the line of the text that a module was parsed from; debug
        information sets another."""
        return self._motion.lines

    @lines.setter
    def lines(self, lines: Callable[[Place], Line | None]) -> None:
        self._motion.lines = lines

    def threads(self) -> list[Thread]:
        return [Thread(1, "main")]

    def state_hash(self) -> str:
        """A digest of the guest's state: frames, memories, globals, tables, segments, heap."""
        return state_hash(self.store, self.instances())

    def host_calls(self) -> list[HostCall]:
        """The calls of the host before the present, oldest first."""
        return [
            HostCall(c.clock, c.name, c.arguments, c.results, tuple(c.effects.writes), c.outcome, c.decisions)
            for c in self.journal.past
        ]

    def rules(self, place: Place | None = None) -> tuple[str, ...]:
        """The names of the specification's rules behind an instruction, that to be executed next if not said."""
        place = self.place if place is None else place
        return () if place is None else rules_of(place.instr.op)

    # --- moving ------------------------------------------------------------------------------------------------------

    def run(self, back: bool = False, *, here: bool = False) -> Stop:
        """To the next stop, or back to the one before. Breakpoints at the present place count only if `here`."""
        self._prepare()
        if here:
            self._hits.asked = -1
        return self._arrive(self._motion.back() if back else self._motion.forward())

    def resume(self) -> Stop:
        """Go on with a run that was paused for a moment: what it has not been stopped at yet stops it, here as well."""
        return self._arrive(self._motion.forward())

    def goto(self, clock: int) -> Stop:
        """To a position in time: `clock` instructions after the beginning, or as far as the run goes."""
        if clock < 0:
            raise DebugError("the clock counts from 0")
        self._prepare()
        return self._arrive(self._time.goto(clock))

    def until(self, place: Place, back: bool = False) -> Stop:
        """To where a place is reached, or to a stop before."""
        found = self.breakpoints.add(place=place)
        try:
            stop = self.run(back)
        finally:
            self.breakpoints.remove(found.number)
        if found.number in stop.hits:
            rest = tuple(number for number in stop.hits if number != found.number)
            self.stop = stop = self._stop(Reason.BREAKPOINT if rest else Reason.STEP, hits=rest)
        return stop

    def step(
        self,
        unit: Unit = Unit.INSTRUCTION,
        *,
        over: bool = False,
        out: bool = False,
        back: bool = False,
        count: int = 1,
    ) -> Stop:
        """`count` steps; fewer where something else stops the guest. `over` calls: the callee runs as a whole, unless a
        breakpoint in it is hit. `out`: to the caller; going back, to the call."""
        for _ in range(count):
            self._prepare()
            stop = self._arrive((self._motion.behind if back else self._motion.ahead)(unit, over, out))
            if stop.reason is not Reason.STEP:
                break
        return self.stop

    def pause(self) -> None:
        """Have the command that is running return soon, or the next one where none is. From any thread, or a signal
        handler."""
        self._time.executor.interrupt()

    def _prepare(self) -> None:
        """Before a command: what stopped the guest here does not do so again."""
        self._hits.asked = self.clock

    def _arrive(self, halt: Halt | None) -> Stop:
        """A command is over: say where the guest is."""
        if self._time.ended is not None:
            self.stop = self._over()
        elif halt is None:
            self.stop = self._stop(Reason.PAUSE if self._time.executor.interrupted else Reason.STEP)
        else:
            self.stop = self._stop(halt.reason, hits=halt.hits, message=halt.message, watch=halt.watch)
            for number in halt.hits:
                if self.breakpoints[number].temporary:
                    self.breakpoints.remove(number)
        self._time.executor.interrupted = False
        return self.stop

    def _stop(self, reason: Reason, **more: Any) -> Stop:
        return Stop(reason, self.clock, self.place, **more)

    def _over(self) -> Stop:
        ended = self._time.ended
        error = None if ended is None else ended.error
        if isinstance(error, Trap):
            hits = self._caught(Event.TRAP)
            return self._stop(Reason.TRAP, trap=error, message=error.report, hits=hits)
        if isinstance(error, GuestException):
            return self._stop(
                Reason.EXCEPTION, exception=error.exception, message="an exception that nothing in the guest catches"
            )
        hits = self._caught(Event.EXIT)
        if isinstance(error, GuestExit):
            return self._stop(Reason.EXIT, code=error.code, message=f"exit with code {error.code}", hits=hits)
        results, types = self._time.results
        return self._stop(Reason.EXIT, results=results, types=types, hits=hits)

    def _caught(self, event: Event) -> tuple[int, ...]:
        return tuple(b.number for b in self.breakpoints.enabled if b.event is event)

    # --- breakpoints -------------------------------------------------------------------------------------------------

    def break_at(self, place: Place, **more: Any) -> Breakpoint:
        """Stop before an instruction. `more`: condition, ignore, enabled, temporary, as of `Breakpoint`."""
        if not 0 <= place.pc < len(place.body):
            raise DebugError(f"function {place.name} has no instruction {place.pc}")
        return self._add(place=place, **more)

    def break_rule(self, name: str, **more: Any) -> Breakpoint:
        """Stop before every instruction behind which this rule of the specification stands."""
        used = {rule for program in self.target.programs for rule in _rules_in(program)}
        if name not in used:
            alike = ", ".join(sorted(rule for rule in used if name.lower() in rule.lower())[:8])
            raise DebugError(
                f"no instruction of the guest has a rule {name}" + (f"; there are {alike}" if alike else "")
            )
        return self._add(rule=name, **more)

    def catch(self, event: Event, name: str | None = None, **more: Any) -> Breakpoint:
        """Stop at an event: a trap, a throw, the call of an import, a call of an export by the host, `memory.grow` and
        `table.grow`, the end of the run, the call of a WASI function. `name` tells which import (`module::name` or
        `name`), export or function; None is any."""
        return self._add(event=event, name=name, **more)

    def watch(self, watched: Watched, access: Access = Access.CHANGE, **more: Any) -> Breakpoint:
        """Stop where something is read, written, accessed or changed; `watch_memory` and others make a `Watched`."""
        return self._add(watched=watched, access=access, **more)

    def watch_memory(self, address: int, size: int, instance: int = 0, memory: int = 0) -> Watched:
        """Bytes of a memory, for `watch`. They need not exist yet."""
        if size < 1 or address < 0:
            raise DebugError("a range of memory has at least one byte, and begins at 0 or behind")
        return Watched(self.memory(instance, memory), address, size, f"{size} bytes at {address:#x}")

    def watch_global(self, index: int, instance: int = 0) -> Watched:
        return Watched(self.global_(index, instance), text=f"global {index}")

    def watch_table(self, start: int, size: int = 1, instance: int = 0, table: int = 0) -> Watched:
        return Watched(self.table(instance, table), start, size, f"table {table}[{start}]")

    def watch_field(self, item: StructInst | ArrayInst, index: int) -> Watched:
        """A field of a structure, or an item of an array, as long as it is the same object: one that is allocated anew
        in a journey through time is another."""
        return Watched(item, index, text=f"field {index}")

    def _add(self, **what: Any) -> Breakpoint:
        condition = what.get("condition")
        if condition is not None:
            Evaluator.check(condition)
        return self.breakpoints.add(**what)

    def _renew(self) -> None:
        """Other instructions are to be stopped at than before."""
        if self._timeline is None:
            return
        timeline = self._timeline
        timeline.executor.settle_all()
        for program in timeline.programs:
            for code in program.debug_funcs:
                code.renew()

    def _holds(self, b: Breakpoint, frame: Frame) -> bool:
        """A condition that cannot be evaluated holds, so that somebody sees why."""
        if b.condition is None:
            return True
        try:
            b.trouble = ""
            return bool(Evaluator(self, 0).evaluate(b.condition).value)
        except DebugError as error:
            b.trouble = str(error)
            return True

    # --- looking -----------------------------------------------------------------------------------------------------

    def instances(self) -> list[Instance]:
        """In the order in which they were made; going back before that does not take one off."""
        return list(self._time.instances)

    def frames(self, limit: int | None = None) -> list[FrameView]:
        """The activations, innermost first, at most `limit`."""
        return inspect.views(self.store, self.instances(), limit)

    def memory(self, instance: int = 0, memory: int = 0) -> MemInst:
        """DebugError where there is none."""
        return _pick(self._instance(instance).mems, memory, "memory")

    def global_(self, index: int, instance: int = 0) -> GlobalInst:
        return _pick(self._instance(instance).globals, index, "global")

    def table(self, instance: int = 0, table: int = 0) -> TableInst:
        return _pick(self._instance(instance).tables, table, "table")

    def _instance(self, number: int) -> Instance:
        return _pick(self._time.instances, number, "instance")

    def read_memory(self, address: int, size: int, instance: int = 0, memory: int = 0) -> bytes:
        """The bytes that there are of a range: fewer, or none, where it goes beyond the memory."""
        data = self.memory(instance, memory).data
        if address < 0 or size <= 0 or address >= len(data):
            return b""
        return bytes(data[address : min(address + size, len(data))])

    def evaluate(self, expression: str, frame: int = 0) -> Variable:
        """The value of an expression (see `refsfi.debug.expressions`) in the frame of that level. DebugError."""
        return Evaluator(self, frame).evaluate(expression)

    def last_write(self, address: int, instance: int = 0, memory: int = 0) -> Write | None:
        """Who wrote the byte that is there now; None where nobody has since its memory was made. The position in time
        stays what it is."""
        return origins.last_write(self, address, instance, memory)

    def origin(self, variable: Variable) -> Step:
        """Where the value of a local, an operand or a place in memory came from: the data flow that led to it, as far
        back as it can be followed. `variable` is one of now."""
        return origins.origin(self, variable)

    # --- changing ----------------------------------------------------------------------------------------------------
    # Each cuts off what was recorded behind the present, and says whether there was anything.

    def write_memory(self, address: int, data: bytes, instance: int = 0, memory: int = 0) -> bool:
        """DebugError where a byte of the range does not exist; nothing is written then."""
        target = self.memory(instance, memory)
        if address < 0 or address + len(data) > len(target.data):
            raise DebugError(
                f"{len(data)} bytes at {address:#x} are not all in the memory of {len(target.data):#x} bytes"
            )
        self._changing()
        target.data[address : address + len(data)] = data
        return self._time.pin()

    def set_local(self, index: int, value: Value, frame: int = 0) -> bool:
        return self._set_register(self._view(frame).locals, index, value, frame, "local")

    def set_operand(self, index: int, value: Value, frame: int = 0) -> bool:
        """`index` counts from the deepest."""
        return self._set_register(self._view(frame).operands, index, value, frame, "operand")

    def _set_register(self, variables: Sequence[Variable], index: int, value: Value, level: int, what: str) -> bool:
        variable = _pick(variables, index, what)
        checked = inspect.check_value(value, variable.type)
        self._changing()
        frame = inspect.frame_at(self.store, level)
        first = frame.code.nlocals if what == "operand" and frame.code is not None else 0
        frame.regs[first + index] = checked
        return self._time.pin()

    def set_global(self, index: int, value: Value, instance: int = 0) -> bool:
        """An immutable one as well."""
        variable = self.global_(index, instance)
        checked = inspect.check_value(value, variable.type.type)
        self._changing()
        variable.value = checked
        return self._time.pin()

    def set_table(self, index: int, value: Value, instance: int = 0, table: int = 0) -> bool:
        target = self.table(instance, table)
        _pick(target.elems, index, "element")
        checked = inspect.check_value(value, target.type.elem)
        self._changing()
        target.elems[index] = checked
        return self._time.pin()

    def set_field(self, item: StructInst | ArrayInst, index: int, value: Value) -> bool:
        """A field of a structure or an item of an array."""
        if isinstance(item, StructInst):
            values = item.fields
            storage = _pick(struct_type(item.type).fields, index, "field").storage
        else:
            values = item.items
            storage = array_type(item.type).field.storage
        _pick(values, index, "field")
        if isinstance(storage, PackType) and isinstance(value, int):
            checked = pack(value, storage)
        else:
            checked = inspect.check_value(value, None if isinstance(storage, PackType) else storage)
        self._changing()
        values[index] = checked
        return self._time.pin()

    def set_variable(self, variable: Variable, value: Value) -> bool:
        """What `FrameView` and `evaluate` have given and is settable."""
        match variable.where:
            case ("local", int(level), int(index)):
                return self.set_local(index, value, level)
            case ("operand", int(level), int(index)):
                return self.set_operand(index, value, level)
            case ("global", int(instance), int(index)):
                return self.set_global(index, value, instance)
            case ("memory", int(instance), int(memory), int(address), int(size)):
                number = value if isinstance(value, int) else int.from_bytes(value, "little")
                data = (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")
                return self.write_memory(address, data, instance, memory)
        raise DebugError(f"{variable.name} cannot be set")

    def _view(self, level: int) -> FrameView:
        frame = inspect.frame_at(self.store, level)
        return inspect.view(self.store, self.instances(), frame, level)

    def _changing(self) -> None:
        if self._time.ended is not None:
            raise DebugError("the run is over: go back to change something")


def _pick(items: Sequence[_T], index: int, what: str) -> _T:
    if not 0 <= index < len(items):
        raise DebugError(f"there is no {what} {index}" + (f": 0 to {len(items) - 1}" if items else ""))
    return items[index]


def _rules_in(program: Any) -> set[str]:
    ops = {instr.op for func in program.module.funcs for instr in func.body}
    return {rule for op in ops for rule in rules_of(op)}
