"""What the panes show, as lines of text; to draw them is the console's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from refsfi.debug.model import Place

if TYPE_CHECKING:
    from refsfi.debug.terminal.interpreter import Interpreter

__all__ = ["Pane", "Screen", "screen"]

# Lines of code around the present one: more than any terminal has.
_AROUND = 100


@dataclass(frozen=True, slots=True)
class Pane:
    """`current` is the line to be seen and marked, None where each is as good."""

    title: str
    lines: tuple[str, ...]
    current: int | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """The panes on the left, one below the other, on the right, and below all of them, by importance; `status` is one
    line."""

    status: str
    left: tuple[Pane, ...]
    right: tuple[Pane, ...]
    bottom: Pane | None = None


def screen(ui: Interpreter, layout: str) -> Screen:
    """Of the selected frame."""
    from refsfi.debug.terminal.looking import label_lines
    from refsfi.debug.terminal.past import call_lines
    from refsfi.debug.terminal.stops import show

    session = ui.session
    frames = session.frames(ui.level + 1)
    stop = session.stop
    status = f"{stop.reason}  clock {session.clock}"
    if ui.level >= len(frames):
        return Screen(status, (Pane("code", ("the guest is in no function",)),), ())
    frame = frames[ui.level]
    code = [_code(ui, frame.place)]
    source = ui.code.lines(frame.place)
    if source is not None and frame.place.position is None:
        name, line, lines = source
        first = max(line - _AROUND, 1)
        shown = tuple(f"{n:>4}  {lines[n - 1]}" for n in range(first, min(line + _AROUND, len(lines)) + 1))
        code.append(Pane(name, shown, line - first))
    operands = tuple(f"{v.name} {show(v)} {v.type}" for v in reversed(frame.operands))
    state = [
        Pane("operands", operands or ("empty",)),
        Pane("locals", tuple(f"{v.name} {show(v)} {v.type}" for v in frame.locals) or ("none",)),
        Pane("labels", tuple(line.partition("  arity")[0].strip() for line in label_lines(ui))),
        Pane("calls of the host", tuple(line.strip() for c in session.host_calls()[-6:] for line in call_lines(c))),
    ]
    memory = _memory(ui)
    status += f"  {ui.code.where(frame.place)}"
    if layout == "code":
        return Screen(status, tuple(code), ())
    if layout == "state":
        return Screen(status, tuple(state[:2]), tuple(state[2:]), memory)
    return Screen(status, tuple(code), tuple(state), memory)


def _code(ui: Interpreter, place: Place) -> Pane:
    first = max(place.pc - _AROUND, 0)
    lines = []
    for pc in range(first, min(place.pc + _AROUND, len(place.body))):
        there = Place(place.program, place.func_index, pc)
        lines.append(f"{ui.code.address(there):>7}  {ui.code.text(there, indented=True)}")
    return Pane(place.name, tuple(lines), place.pc - first)


def _memory(ui: Interpreter) -> Pane:
    """Near the first address of interest: that of the trap, what the instruction is about to touch, what is watched."""
    from refsfi.debug.terminal.data import dump
    from refsfi.observe.access import accesses
    from refsfi.runtime.memory import MemInst

    session = ui.session
    frame = ui.frame
    at: int | None = None
    trap = session.stop.trap
    if trap is not None and trap.fault is not None:
        at = trap.fault.address
    elif session.stop.watch is not None:
        watched = session.breakpoints[session.stop.watch.number].watched
        if watched is not None and isinstance(watched.item, MemInst):
            at = watched.start
    elif frame.level == 0 and session.store.frame is not None:
        touched = accesses(session.store.frame, frame.place.pc, frame.place.instr)
        at = next((a.address for a in touched), None)
    if not frame.instance.mems:
        return Pane("memory", ("none",))
    size = len(frame.instance.mems[0].data)
    if at is None:
        at = next((v.value for v in frame.locals if isinstance(v.value, int) and 64 < v.value < size), 0)
    start = max((min(at, size) & ~15) - 48, 0)
    data = session.read_memory(start, 128, frame.instance_index)
    rows = [*dump(data, start)]
    if start + len(data) == size and len(data) < 128:
        rows.append(f"{size:#010x}  the memory ends here")
    return Pane(
        "memory", tuple(rows), next((i for i in range(len(rows)) if start + 16 * i <= at < start + 16 * i + 16), None)
    )
