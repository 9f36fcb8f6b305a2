"""Moving through time: to the next stop or the one before, by steps of every kind.

Going back is going forward from an earlier snapshot with the breakpoints armed and nothing stopping, to find out what
there was on the way; then the last of it before the present is where to go. Intervals between snapshots are looked
through one at a time, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from refsfi.debug.breakpoints import Access, Breakpoints
from refsfi.debug.executor import Halt
from refsfi.debug.hits import Hits
from refsfi.debug.inspect import place_of
from refsfi.debug.model import Place, Reason, Unit, WatchHit
from refsfi.debug.timeline import Timeline
from refsfi.runtime.store import Frame

__all__ = ["Line", "Motion"]

_NEVER: Final = 1 << 62

# A source line, beginning with the file's name; None for a place that belongs to none.
Line: TypeAlias = tuple[Any, ...]


class Motion:
    """All of them return what stopped the guest, None where it did what it was to do."""

    def __init__(self, timeline: Timeline, hits: Hits, breakpoints: Breakpoints) -> None:
        self._timeline = timeline
        self._hits = hits
        self._breakpoints = breakpoints
        self.lines: Callable[[Place], Line | None] = _text_line

    @property
    def _now(self) -> int:
        return self._timeline.clock.now

    def frame(self) -> Frame | None:
        """The innermost frame of a function."""
        frame = self._timeline.store.frame
        return frame if frame is not None and frame.code is not None else None

    def place(self) -> Place | None:
        frame = self.frame()
        return None if frame is None else place_of(self._timeline.store, frame)

    # --- forward -----------------------------------------------------------------------------------------------------

    def forward(self, until: int = _NEVER, awaited: Frame | None = None) -> Halt | None:
        """Run with the breakpoints armed; to the clock `until`, or to where the frame `awaited` or one outside of it
        goes on."""
        self._hits.armed = True
        try:
            while True:
                halt = self._timeline.forward(until, awaited)
                if halt is None or not halt.watches or halt.hits:
                    return halt
                failed = self._touch(halt.watches)
                if failed is not None:
                    return failed
        finally:
            self._hits.armed = False
            self._hits.pending = None

    def _touch(self, numbers: tuple[int, ...]) -> Halt | None:
        """Execute an instruction that touches what is watched, and see whether that is a hit."""
        clock, place = self._now, self.place()
        watches = [self._breakpoints[number] for number in numbers]
        before = [None if b.watched is None else b.watched.value() for b in watches]
        halt = self._timeline.step()
        if halt is not None:
            return halt
        hits = []
        frame = self.frame()
        for b, old in zip(watches, before):
            if b.watched is None:
                continue
            new = b.watched.value()
            if b.access is Access.CHANGE and new == old:
                continue
            if frame is not None and not self._hits.counts(b, frame):
                continue
            access: Any = "write" if place is not None and writes(place) else "read"
            hits.append(WatchHit(b.number, access, b.watched.text, old, new, place, clock))
        if hits:
            self._hits.watched(hits)
        return None

    def ahead(self, unit: Unit, over: bool, out: bool) -> Halt | None:
        """A step forward."""
        begun = self.frame()
        if begun is None:
            return self.forward()
        if out:
            return self._finish(begun.caller)
        line = self._line()
        while True:
            caller = self.frame()
            halt = self.forward(self._now + 1)
            if halt is not None:
                return halt
            frame = self.frame()
            if over and caller is not None and frame is not None and frame.caller is caller:
                halt = self._finish(caller)
                if halt is not None:
                    return halt
                frame = self.frame()
            if frame is None or self._timeline.executor.interrupted or self._arrived(unit, line, begun, frame):
                return None

    def _arrived(self, unit: Unit, line: Line | None, begun: Frame, frame: Frame) -> bool:
        if unit is Unit.INSTRUCTION:
            return True
        if unit is Unit.BLOCK:
            return frame is not begun or _begins_block(frame)
        now = self._line()
        # What has no line is passed through.
        return now is not None and (now != line or frame is not begun)

    def _finish(self, frame: Frame | None) -> Halt | None:
        """Until that frame goes on; out of a call of the host's, until its next one."""
        timeline = self._timeline
        if frame is None or frame.code is None:
            action = timeline.action
            entry = frame
            while timeline.ended is None and timeline.action == action:
                halt = self.forward(_NEVER, entry)
                if halt is not None:
                    return halt
            return None
        halt = self.forward(_NEVER, frame)
        return None if halt is not None and halt.reason is Reason.STEP else halt

    def _line(self) -> Line | None:
        place = self.place()
        return None if place is None else self.lines(place)

    # --- back --------------------------------------------------------------------------------------------------------

    def back(self) -> Halt:
        """To the last hit before the present, or to the beginning."""
        end = self._now
        while end > 0:
            begin, found = self._scan(end)
            if found:
                clock, numbers = found[-1]
                return self._arrive(clock, numbers)
            if self._timeline.executor.interrupted:
                return Halt(Reason.PAUSE)
            end = begin
        self._timeline.goto(0)
        return Halt(Reason.HISTORY_BEGIN)

    def _scan(self, end: int) -> tuple[int, list[tuple[int, tuple[int, ...]]]]:
        """The hits from the last snapshot before `end` up to there, and where that was."""
        hits = self._hits
        hits.found = []
        try:
            begin = self._timeline.back_to_snapshot(end)
            hits.asked = -1
            self.forward(end)
            found = [hit for hit in hits.found if begin <= hit[0] < end]
        finally:
            hits.found = None
        return begin, found

    def _arrive(self, clock: int, numbers: tuple[int, ...]) -> Halt:
        """At a hit of the past: in front of the instruction, whether it is a place or touches what is watched."""
        self._timeline.goto(clock)
        for number in numbers:
            b = self._breakpoints[number]
            if b.watched is not None:
                old = b.watched.value()
                place = self.place()
                self._timeline.goto(clock + 1)
                new = b.watched.value()
                self._timeline.goto(clock)
                access: Any = "write" if place is None or writes(place) else "read"
                by = place if place is not None and not place.instr.op.mnemonic.startswith("call") else None
                return Halt(
                    Reason.WATCHPOINT, numbers, watch=WatchHit(number, access, b.watched.text, old, new, by, clock)
                )
        return Halt(Reason.BREAKPOINT, numbers)

    def behind(self, unit: Unit, over: bool, out: bool) -> Halt | None:
        """A step back."""
        if self._now == 0:
            return Halt(Reason.HISTORY_BEGIN)
        frame = self.frame()
        depth = 0 if frame is None else _depth(frame)
        if out:
            return self._back_to_call(depth - 1)
        line = self._line()
        while True:
            halt = self._timeline.goto(self._now - 1)
            if halt is not None:
                return halt
            frame = self.frame()
            if frame is None:
                return None
            if over and _depth(frame) > depth:
                halt = self._back_to_call(depth)
                if halt is not None:
                    return halt
                frame = self.frame()
            if self._now == 0 or frame is None or self._timeline.executor.interrupted:
                return None
            if unit is Unit.INSTRUCTION:
                return None
            if unit is Unit.BLOCK and _begins_block(frame):
                return None
            now = self._line()
            if unit is Unit.LINE and now is not None and now != line:
                return self._to_beginning_of_line(now, depth if over else None)

    def _to_beginning_of_line(self, line: Line, depth: int | None) -> Halt | None:
        """Standing at the last instruction of a line, to the first of the same run of it."""
        while self._now:
            clock = self._now
            self._timeline.goto(clock - 1)
            frame = self.frame()
            if depth is not None and frame is not None and _depth(frame) > depth:
                halt = self._back_to_call(depth)
                if halt is not None:
                    return halt
            now = self._line()
            if now is not None and now != line:
                self._timeline.goto(clock)
                return None
            if self._timeline.executor.interrupted:
                return None
        return None

    def _back_to_call(self, depth: int) -> Halt | None:
        """To the last call that was made from so many frames, in which the present is, or has just been."""
        executor = self._timeline.executor
        end = self._now
        while end > 0:
            last: list[int] = []

            def called(clock: int, caller: Frame, last: list[int] = last) -> None:
                if _depth(caller, depth + 1) == depth:
                    last[:] = [clock]

            begin = self._timeline.back_to_snapshot(end)
            executor.called = called
            try:
                self._timeline.goto(end)
            finally:
                executor.called = None
            if last and last[0] < end:
                return self._timeline.goto(last[0])
            if executor.interrupted:
                return Halt(Reason.PAUSE)
            end = begin
        self._timeline.goto(0)
        return Halt(Reason.HISTORY_BEGIN)


def writes(place: Place) -> bool:
    """Whether an instruction that touches something watched changes it."""
    mnemonic = place.instr.op.mnemonic
    return ".store" in mnemonic or ".rmw" in mnemonic or mnemonic.split(".")[-1] in _WRITERS


_WRITERS: Final = frozenset("set fill copy init init_data init_elem cmpxchg_u".split())


def _depth(frame: Frame, most: int = _NEVER) -> int:
    """How many activations there are, counted up to `most`."""
    depth = 0
    current: Frame | None = frame
    while current is not None and depth < most:
        depth += current.code is not None
        current = current.caller
    return depth


def _begins_block(frame: Frame) -> bool:
    code = frame.code
    return code is not None and frame.ip in {0, *code.program.fuel_blocks(code.index)}


def _text_line(place: Place) -> Line | None:
    position = place.position
    return None if position is None else ("<text>", position[0])
