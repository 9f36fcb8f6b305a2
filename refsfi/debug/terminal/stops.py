"""How it is told where the guest has come to, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from refsfi.debug.model import DebugError, FrameView, Place, Reason, Stop, Variable, WatchHit
from refsfi.debug.symbols import variables_of_view
from refsfi.runtime.show import show_value
from refsfi.runtime.values import func_type

if TYPE_CHECKING:
    from refsfi.debug.terminal.interpreter import Interpreter

__all__ = ["arguments", "code_line", "frame_line", "show", "show_display", "tell"]


_HIT: Final = re.compile(r"(Breakpoint|Temporary breakpoint|Catchpoint) \d+")


def tell(ui: Interpreter, stop: Stop) -> None:
    """Why the guest stands still, and the line of code that it stands at."""
    lines = _why(ui, stop)
    frames = [] if stop.reason is Reason.EXIT or stop.place is None else ui.session.frames(1)
    # As gdb has it: `Breakpoint 1, $f:0 at ...`.
    hit = lines.pop() if frames and stop.watch is None and lines and _HIT.match(lines[-1]) else None
    for line in lines:
        ui.write(line)
    if frames:
        ui.write((f"{hit}, " if hit is not None else "") + frame_line(ui, frames[0], numbered=False))
        ui.write(code_line(ui, frames[0].place))


def _why(ui: Interpreter, stop: Stop) -> list[str]:
    lines = []
    points = {b.number: b for b in ui.session.breakpoints}
    for number in stop.hits:
        b = points.get(number)
        if b is None:
            lines.append(f"Temporary breakpoint {number}")
        elif b.watched is None:
            kind = "Catchpoint" if b.event is not None else "Breakpoint"
            lines.append(f"{kind} {number}" + (f" ({b.title})" if b.event is not None or b.rule is not None else ""))
        if b is not None and b.trouble:
            lines.append(f"warning: the condition of {number} could not be evaluated: {b.trouble}")
    if stop.watch is not None:
        lines += _watch(ui, stop.watch)
    match stop.reason:
        case Reason.TRAP:
            lines.append(f"Trap: {stop.message}")
            if stop.trap is not None and stop.trap.fault is not None:
                fault = stop.trap.fault
                lines.append(f"memory fault at address {fault.address:#x} in a memory of {fault.size:#x} bytes")
        case Reason.EXCEPTION:
            lines.append(f"Exception: {stop.message}: {exception(ui, stop.exception)}")
        case Reason.DEADLOCK:
            lines.append(f"Deadlock: {stop.message}")
        case Reason.PAUSE:
            lines.append("Paused.")
        case Reason.HISTORY_BEGIN:
            lines.append("No more history: this is the beginning.")
        case Reason.HISTORY_END:
            lines.append(f"The recording is used up: {stop.message}")
        case Reason.EXIT:
            if stop.code is not None:
                lines.append(f"The guest ended itself with exit code {stop.code}, after {stop.clock} instructions.")
            else:
                results = ", ".join(show_value(v, t) for v, t in zip(stop.results, stop.types))
                lines.append(f"The guest returned{f' {results}' if results else ''}, after {stop.clock} instructions.")
        case Reason.CALL if stop.message:
            lines.append(stop.message)
        case _:
            pass
    return lines


def exception(ui: Interpreter, exn: Any) -> str:
    """Its tag and its fields."""
    name = "a tag of the host"
    for inst in ui.session.instances():
        for index, tag in enumerate(inst.tags):
            if tag is exn.tag:
                known = inst.program.module.names.tags.get(index)
                name = f"tag {index}" if known is None else f"tag ${known}"
    values = zip(exn.fields, func_type(exn.tag.type).params)
    return f"{name} ({', '.join(show_value(v, t) for v, t in values)})"


def _watch(ui: Interpreter, hit: WatchHit) -> list[str]:
    lines = [f"Watchpoint {hit.number}: {hit.access} of {hit.what}"]
    if hit.access == "write":
        lines.append(f"  Old value = {_watched(hit.old)}")
        lines.append(f"  New value = {_watched(hit.new)}")
    else:
        lines.append(f"  Value = {_watched(hit.new)}")
    who = "the host" if hit.place is None else f"{ui.code.where(hit.place)}: {ui.code.text(hit.place)}"
    lines.append(f"  by {who}, at clock {hit.clock}")
    return lines


def _watched(value: Any) -> str:
    if isinstance(value, bytes):
        if len(value) in (1, 2, 4, 8):
            number = int.from_bytes(value, "little")
            return f"{number:#x} = {number}"
        return value.hex(" ")
    return f"{value:#x} = {value}" if isinstance(value, int) else str(value)


# --- a frame ---------------------------------------------------------------------------------------------------------


def frame_line(ui: Interpreter, frame: FrameView, *, numbered: bool = True) -> str:
    """`#1  $walk:35 at 0x17a (walk.c:45) ($0=17)`, the way gdb numbers frames."""
    number = f"#{frame.level:<2} " if numbered else ""
    return f"{number}{ui.code.where(frame.place)} ({arguments(frame)})"


def arguments(frame: FrameView) -> str:
    """What the function was called with: the source's parameters where debug information has them."""
    known = [v for v in variables_of_view(frame) if v.kind == "parameter"]
    if known:
        return ", ".join(f"{v.name}={'<optimized out>' if v.value is None else v.value}" for v in known)
    count = frame.place.code.nparams
    return ", ".join(f"{v.name}={show(v)}" for v in frame.locals[:count])


def code_line(ui: Interpreter, place: Place) -> str:
    """The source's line if it can be shown, else the instruction."""
    line = ui.code.source_line(place)
    return f"{ui.code.address(place)}\t{ui.code.text(place)}" if line is None else line


def show(variable: Variable) -> str:
    """A value in the notation of the text format."""
    if variable.value is None and not _is_reference(variable):
        return "<not kept>"
    if variable.type is None:
        return str(variable.value)
    return show_value(variable.value, variable.type)


def _is_reference(variable: Variable) -> bool:
    from refsfi.syntax.types import RefType

    return isinstance(variable.type, RefType)


def show_display(ui: Interpreter, number: int, expression: str, format: str) -> None:
    from refsfi.debug.terminal.data import printed

    try:
        ui.write(f"{number}: {printed(ui, expression, format)}")
    except DebugError as error:
        ui.write(f"{number}: {expression}: {error}")
