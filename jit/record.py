"""The recorder: runs the interpreter from a hot place on and notes where it goes.

It runs the interpreter's own steps, one an instruction, in whatever frames they lead to, so that nothing that a guest
could notice is different while it records. What it notes goes to the histories of the functions that it comes through.
Where it comes to a loop that is compiled already, the region runs as it would otherwise, and recording goes on behind
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jit.build_rows import asks, leaves
from jit.profile import FELL, TOOK, History, history
from jit.resume import charge, keep_place, resume_steps
from refsfi.errors import Crash
from refsfi.exec.code import FRAME_CHANGED, FuncCode
from refsfi.runtime.store import Frame, Store

if TYPE_CHECKING:
    from jit.backend import Departure, Unit
    from jit.options import Options

__all__ = ["Recording"]

_BRANCHES: Final = frozenset("if br_if br_on_null br_on_non_null".split())

# What runs a unit that the recording comes to: (unit, pc, frame) -> None where the activation has returned.
Enter = Callable[["Unit", int, Frame], "Departure | None"]


class Recording:
    """One run of the recorder. `ended`: why it ended. `length`: in instructions."""

    def __init__(self, options: Options, enter: Enter) -> None:
        self._options = options
        self._enter = enter
        self.ended = ""
        self.length = 0

    def run(self, frame: Frame, pc: int) -> int:
        """Record from instruction `pc` of a frame on. FRAME_CHANGED, with the store's innermost frame ready to go on;
        or what the guest raised, with `store.frame` and `store.at` saying where."""
        store = frame.store
        base, outside = frame, frame.caller
        start = pc
        passes = 0
        limit = self._options.max_record
        code = _code_of(frame)
        past = history(code)
        if pc == 0:
            self._begin(past)
        # Whoever asks where the frame waits, in a call of the host, must know which steps it runs.
        frame.ops = resume_steps(code)
        body = past.flow.body
        steps = code.stepwise.steps
        regs = frame.regs
        while True:
            instr = body[pc]
            mnemonic = instr.op.mnemonic
            if mnemonic == "loop" and self.length:
                if frame is base and pc == start:
                    passes += 1
                    if passes >= self._options.iterations:
                        self.ended = "loop"
                        break
                unit = past.unit
                if unit is not None and pc in unit.graph.entries:
                    frame.ip = pc
                    frame.ops = resume_steps(code)
                    departure = self._enter(unit, pc, frame)
                    now = _innermost(store)
                    if departure is None and now is outside:
                        self.ended = "returned"
                        return FRAME_CHANGED
                    frame, pc = now, now.ip
                    if frame.code is None:
                        self.ended = "returned"
                        return FRAME_CHANGED
                    code = _code_of(frame)
                    past = history(code)
                    if departure is not None and departure.call is not None:
                        # The function that it was left for begins here.
                        self._begin(past)
                        frame.ops = resume_steps(code)
                    body, steps, regs = past.flow.body, code.stepwise.steps, frame.regs
                    # The instruction that the region was left at must be executed before it may be entered again.
                    if departure is None or body[pc].op.mnemonic != "loop":
                        continue
                    instr, mnemonic = body[pc], "loop"
            if self.length >= limit:
                self.ended = "length"
                break
            self.length += 1
            past.executed += 1
            # Asking the interpreter costs 5 to 8 µs, which is what `stretch` instructions cost it: as much as leaving.
            if leaves(code.program, instr) or asks(code.program, instr):
                past.leaving += 1
            if code.program.metered and instr.op.fuel:
                charge(store, instr.op.fuel, pc)
            store.at = pc
            frame.ip = pc
            try:
                to = steps[pc](regs, frame)
            except BaseException as error:
                keep_place(store, error, pc)
                raise
            store.at = None
            if to >= 0:
                if mnemonic in _BRANCHES:
                    past.saw(pc, self._direction(code, pc, to))
                elif mnemonic == "br_table":
                    self._see_table(past, code, pc, regs)
                pc = to
                continue
            if to != FRAME_CHANGED:
                raise Crash("a step led nowhere")
            before, frame = frame, _innermost(store)
            if before is not frame.caller and frame is outside:
                self.ended = "returned"
                return FRAME_CHANGED
            if frame.code is None:
                self.ended = "returned"
                return FRAME_CHANGED
            if frame.caller is before:
                # The caller waits in the form that can go on at any instruction.
                before.ops = resume_steps(code)
                before.ip = pc + 1
            called = frame.ip == 0 and frame.ops is _code_of(frame).ops
            code = _code_of(frame)
            past = history(code)
            if called:
                self._begin(past)
                frame.ops = resume_steps(code)
            elif frame.ops is not resume_steps(code):
                # A frame that was called before the recording began.
                self.ended = "returned"
                return FRAME_CHANGED
            pc = frame.ip
            body, steps, regs = past.flow.body, code.stepwise.steps, frame.regs
        frame.ip = pc
        frame.ops = resume_steps(code)
        return FRAME_CHANGED

    def _begin(self, past: History) -> None:
        if not past.called:
            past.called = past.changed = True

    def _direction(self, code: FuncCode, pc: int, to: int) -> int:
        """Whether a branch was taken: `to` is where it went. One whose target is the next instruction went both
        ways."""
        branch = code.side.branches[pc]
        target = branch[0].pc if isinstance(branch, tuple) else branch.pc
        bits = TOOK if to == target else 0
        if to == pc + 1:
            bits |= FELL
        return bits

    def _see_table(self, past: History, code: FuncCode, pc: int, regs: list[object]) -> None:
        branches = code.side.branches[pc]
        index = regs[code.nlocals + code.side.heights[pc] - 1]
        if not isinstance(branches, tuple) or not isinstance(index, int):
            raise Crash("a br_table without an index")
        past.saw(pc, 1 << min(index, len(branches) - 1))


def _innermost(store: Store) -> Frame:
    frame = store.frame
    if frame is None:
        raise Crash("running without a frame")
    return frame


def _code_of(frame: Frame) -> FuncCode:
    code = frame.code
    if code is None:
        raise Crash("an entry frame has no function")
    return code
