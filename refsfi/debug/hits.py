"""Where the guest is to be stopped: what is asked in front of which instructions, and what the answers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from refsfi.debug.breakpoints import Access, Breakpoint, Breakpoints, Event
from refsfi.debug.counted import Clock, DebugCode, Hook
from refsfi.debug.executor import Halt
from refsfi.debug.journal import Call
from refsfi.debug.model import Reason, WatchHit
from refsfi.debug.rules import rules_of
from refsfi.debug.touch import Touch, touching
from refsfi.exec.atomics import read
from refsfi.observe.operands import operand_values
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame, HostFunc
from refsfi.runtime.values import Value
from refsfi.syntax.module import Instr
from refsfi.syntax.types import ExternKind

__all__ = ["Hits"]

_THROWS: Final = frozenset("throw throw_ref rethrow".split())
_GROWS: Final = frozenset("memory.grow table.grow".split())

# What WASI's functions are imported from.
_SYSTEM: Final = ("wasi_snapshot_preview1", "wasi_unstable")


class Hits:
    """`armed`: whether breakpoints count. `found`, if it is a list, collects clock and numbers of the hits, and nothing
    stops. `holds` evaluates a breakpoint's condition."""

    def __init__(self, clock: Clock, breakpoints: Breakpoints, holds: Callable[[Breakpoint, Frame], bool]) -> None:
        self.armed = False
        self.found: list[tuple[int, tuple[int, ...]]] | None = None
        # The last instruction that was asked about: nobody is asked twice.
        self.asked = -1
        # What a call of the host has done to what is watched, to stop for behind the call.
        self.pending: Halt | None = None
        self._values: dict[int, Any] = {}
        self._clock = clock
        self._breakpoints = breakpoints
        self._holds = holds

    def hooks_of(self, code: DebugCode) -> Mapping[int, Hook]:
        """What to ask in front of which instructions of a function."""
        body = code.program.module.funcs[code.index].body
        enabled = list(self._breakpoints.enabled)
        watching = [b for b in enabled if b.watched is not None]
        hooks: dict[int, Hook] = {}
        for pc, instr in enumerate(body):
            if code.side.heights[pc] < 0:
                continue
            here = [b for b in enabled if b.watched is None and _stops_at(b, code, pc, instr)]
            touches = []
            for b in watching:
                touch = touching(code, pc, instr, b)
                if touch is not None:
                    touches.append((b, touch))
            if instr.op.mnemonic.startswith("memory.atomic.wait"):
                hooks[pc] = self._waiting(instr, here, touches)
            elif here or touches:
                hooks[pc] = self._asking(here, touches)
        return hooks

    def _asking(self, here: list[Breakpoint], touches: list[tuple[Breakpoint, Touch]]) -> Hook:
        def ask(frame: Frame, pc: int) -> None:
            if not self.armed or self._clock.now == self.asked:
                return
            watches = tuple(b.number for b, touch in touches if touch(frame))
            if here or watches:
                self.asked = self._clock.now
                hits = tuple(b.number for b in here if self._counts(b, frame))
                self._report(Reason.BREAKPOINT, hits, watches)

        return ask

    def _report(self, reason: Reason, hits: tuple[int, ...], watches: tuple[int, ...] = ()) -> None:
        if self.found is not None and hits:
            self.found.append((self._clock.now, hits))
            hits = ()
        if hits or watches:
            raise Halt(reason if hits else Reason.WATCHPOINT, hits, watches)

    def _counts(self, b: Breakpoint, frame: Frame) -> bool:
        """Whether being there is a hit. On the way back, counts are left alone."""
        if b.event is Event.EXPORT and (frame.caller is None or frame.caller.code is not None):
            return False
        return self.counts(b, frame)

    def counts(self, b: Breakpoint, frame: Frame) -> bool:
        """Condition and ignore count, and what the face says."""
        if not b.enabled or not self._holds(b, frame):
            return False
        back = self.found is not None
        if not back:
            b.hits += 1
            if b.ignore:
                b.ignore -= 1
                return False
        return b.accept is None or b.accept(b, back)

    def _waiting(self, instr: Instr, here: list[Breakpoint], touches: list[tuple[Breakpoint, Touch]]) -> Hook:
        """A wait without a timeout on a value that is the expected one: there is nobody else to change it."""
        ask = self._asking(here, touches)
        arg, width = instr.args[0], instr.op.width

        def wait(frame: Frame, pc: int) -> None:
            ask(frame, pc)
            base, expected, timeout = operand_values(frame, pc, 3)
            memory = frame.inst.mems[arg.mem]
            address = base + arg.offset
            inside = address % width == 0 and address + width <= len(memory.data)
            if timeout >> 63 and memory.shared and inside and read(memory, address, width) == expected:
                raise Halt(
                    Reason.DEADLOCK,
                    message=f"the only thread waits at address {address:#x} for ever: nobody can wake it",
                )

        return wait

    def host_call(self, function: HostFunc, arguments: tuple[Value, ...], clock: int, frame: Frame) -> None:
        """The guest is about to call the host."""
        if not self.armed:
            return
        if clock != self.asked:
            asking = [b for b in self._breakpoints.enabled if _catches(b, function.name)]
            hits = tuple(b.number for b in asking if self.counts(b, frame))
            if hits and self.found is not None:
                self.found.append((clock, hits))
            elif hits:
                raise Halt(Reason.CALL, hits, message=f"call of {function.name}")
        self._values = {b.number: b.watched.value() for b in self._breakpoints.enabled if b.watched is not None}

    def host_called(self, call: Call, frame: Frame | None, memories: Sequence[MemInst]) -> None:
        """The effects of that call have come about."""
        if not self.armed or frame is None:
            return
        hits = []
        for b in self._breakpoints.enabled:
            old = self._values.get(b.number)
            watched = b.watched
            if watched is None or not b.access.writes:
                continue
            new = watched.value()
            written = new != old or any(
                memory is watched.item
                and address < watched.start + watched.size
                and watched.start < address + len(data)
                for memory, address, data in call.effects.writes
            )
            if written and (new != old or b.access is not Access.CHANGE) and self.counts(b, frame):
                hits.append(WatchHit(b.number, "write", watched.text, old, new, None, call.clock))
        if hits:
            self.watched(hits)

    def watched(self, hits: list[WatchHit]) -> None:
        """These are hits of watchpoints."""
        numbers = tuple(hit.number for hit in hits)
        if self.found is not None:
            self.found.append((hits[0].clock, numbers))
        else:
            self.pending = Halt(Reason.WATCHPOINT, numbers, watch=hits[0])
            self._clock.limit = -1


def _stops_at(b: Breakpoint, code: DebugCode, pc: int, instr: Instr) -> bool:
    if b.place is not None:
        place = b.place
        return place.pc == pc and place.func_index == code.func_index and place.program.module is code.program.module
    if b.rule is not None:
        return b.rule in rules_of(instr.op)
    if b.event is Event.THROW:
        return instr.op.mnemonic in _THROWS
    if b.event is Event.GROW:
        return instr.op.mnemonic in _GROWS
    if b.event is Event.EXPORT and pc == 0:
        names = [
            name
            for name, (kind, index) in code.program.exports.items()
            if kind is ExternKind.FUNC and index == code.func_index
        ]
        return bool(names) and (b.name is None or b.name in names)
    return False


def _catches(b: Breakpoint, name: str) -> bool:
    module, _, own = name.partition("::")
    if b.event is Event.IMPORT:
        return b.name is None or b.name in (name, own)
    return b.event is Event.SYSCALL and module in _SYSTEM and (b.name is None or b.name == own)
