"""Where the guest is: frames, locals, operands, labels, code, and what there is of the program."""

from __future__ import annotations

import re
from collections.abc import Sequence

from refsfi.debug.model import DebugError, Place, Variable
from refsfi.debug.symbols import variables_of_view
from refsfi.debug.terminal.code import number
from refsfi.debug.terminal.data import instruction_line
from refsfi.debug.terminal.interpreter import Interpreter
from refsfi.debug.terminal.stops import code_line, frame_line, show
from refsfi.debug.terminal.table import command
from refsfi.runtime.show import show_ref, show_value

__all__: list[str] = []


@command("backtrace", "looking", "[N]", aliases="bt,where")
def _backtrace(ui: Interpreter, text: str) -> None:
    """The activations, innermost first, at most N."""
    limit = number(text, "a number of frames") if text else ui.settings.limit
    frames = ui.session.frames(limit + 1)
    if not frames:
        raise DebugError("No stack.")
    for frame in frames[:limit]:
        ui.write(frame_line(ui, frame))
        inlined = [f for f in ui.code.frames(frame.place) if f.inlined]
        for source in inlined:
            ui.write(f"      {source.function} is inlined here")
        if frame.across_host:
            ui.write("      called by the host")
    if len(frames) > limit:
        ui.write("(More frames follow...)")


@command("info stack", "looking")
def _stack(ui: Interpreter, text: str) -> None:
    """The activations, as backtrace."""
    _backtrace(ui, text)


def _select(ui: Interpreter, level: int) -> None:
    frames = ui.session.frames(level + 1)
    if level < 0:
        raise DebugError("Bottom (innermost) frame selected; you cannot go down.")
    if level >= len(frames):
        raise DebugError("Initial frame selected; you cannot go up." if frames else "No stack.")
    ui.level = level
    ui.listed = None
    ui.write(frame_line(ui, frames[level]))
    ui.write(code_line(ui, frames[level].place))


@command("frame", "looking", "[N]", aliases="f")
def _frame(ui: Interpreter, text: str) -> None:
    """Select a frame, and show the selected one."""
    _select(ui, number(text, "a frame") if text else ui.level)


@command("up", "looking", "[N]", repeats=True)
def _up(ui: Interpreter, text: str) -> None:
    """Select the caller."""
    _select(ui, ui.level + (number(text, "a number") if text else 1))


@command("down", "looking", "[N]", aliases="dow", repeats=True)
def _down(ui: Interpreter, text: str) -> None:
    """Select the callee."""
    _select(ui, ui.level - (number(text, "a number") if text else 1))


# --- a frame's contents ----------------------------------------------------------------------------------------------


def _variables(ui: Interpreter, variables: Sequence[Variable], none: str) -> None:
    for variable in variables:
        ui.write(f"{variable.name} = {show(variable)} ({variable.type})")
    if not variables:
        ui.write(none)


@command("info locals", "looking")
def _locals(ui: Interpreter, text: str) -> None:
    """The source's variables where debug information has them, and WebAssembly's locals behind the parameters."""
    frame = ui.frame
    for source in variables_of_view(frame):
        ui.write(f"{source.name} = {'<optimized out>' if source.value is None else source.value} ({source.type})")
    _variables(ui, frame.locals[frame.place.code.nparams :], "No locals.")


@command("info args", "looking")
def _args(ui: Interpreter, text: str) -> None:
    """The parameters of the function."""
    frame = ui.frame
    _variables(ui, frame.locals[: frame.place.code.nparams], "No arguments.")


@command("info operands", "looking")
def _operands(ui: Interpreter, text: str) -> None:
    """The operand stack of the frame, %0 being the deepest."""
    _variables(ui, ui.frame.operands, "The operand stack is empty.")


@command("info labels", "looking")
def _labels(ui: Interpreter, text: str) -> None:
    """The label stack: the blocks around the instruction, innermost first, and where a branch to each goes."""
    for line in label_lines(ui):
        ui.write(line)


def label_lines(ui: Interpreter) -> list[str]:
    frame = ui.frame
    lines = []
    for label in frame.labels:
        target = Place(frame.place.program, frame.place.func_index, min(label.target, len(frame.place.body) - 1))
        name = "" if label.name is None else f" ${label.name}"
        lines.append(
            f"{label.depth:>2}  {label.kind}{name}  br -> {target.pc} ({ui.code.address(target)})"
            f"  arity {label.arity}, height {label.height}"
        )
    return lines


@command("info registers", "looking")
def _registers(ui: Interpreter, text: str) -> None:
    """$pc, $func, $depth and $clock."""
    for name in ("pc", "func", "depth", "clock"):
        ui.write(f"{name:<8}{ui.session.evaluate(f'${name}', ui.level).value}")


@command("info frame", "looking")
def _info_frame(ui: Interpreter, text: str) -> None:
    """The selected frame: place, instruction, instance, sizes."""
    frame = ui.frame
    ui.write(f"frame {frame.level}: {ui.code.where(frame.place)}")
    ui.write(f"  instruction: {ui.code.text(frame.place)}")
    ui.write(f"  function {frame.place.func_index} of instance {frame.instance_index}")
    ui.write(f"  {len(frame.locals)} locals, {len(frame.operands)} operands, {len(frame.labels)} labels")


@command("info globals", "looking", "[REGEX]")
def _globals(ui: Interpreter, text: str) -> None:
    """The globals of all instances."""
    for row in global_lines(ui):
        if re.search(re.escape(text), row):
            ui.write(row)


def global_lines(ui: Interpreter) -> list[str]:
    rows = []
    for number_, inst in enumerate(ui.session.instances()):
        for index, variable in enumerate(inst.globals):
            name = inst.program.module.names.globals.get(index)
            own = f"@{index}" if name is None else f"@{name}"
            where = f"instance {number_}  " if number_ else ""
            rows.append(f"{where}{own} = {show_value(variable.value, variable.type.type)} ({variable.type.type})")
    return rows


@command("info tables", "looking")
def _tables(ui: Interpreter, text: str) -> None:
    """The tables and their elements that are not null."""
    for number_, inst in enumerate(ui.session.instances()):
        for index, table in enumerate(inst.tables):
            ui.write(f"instance {number_}  table {index}: {len(table.elems)} elements")
            filled = [(i, e) for i, e in enumerate(table.elems) if e is not None]
            for at, elem in filled[: ui.settings.limit]:
                ui.write(f"  [{at}] {_element(elem)}")
            if len(filled) > ui.settings.limit:
                ui.write(f"  … {len(filled) - ui.settings.limit} more")


def _element(elem: object) -> str:
    code = getattr(elem, "code", None)
    if code is None:
        return show_ref(elem)
    name = code.program.module.names.funcs.get(code.func_index)
    return f"func {code.func_index}" + ("" if name is None else f" ${name}")


# --- the program -----------------------------------------------------------------------------------------------------


@command("info functions", "looking", "[REGEX]")
def _functions(ui: Interpreter, text: str) -> None:
    """The functions with a body whose names match."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise DebugError(f"{text!r} is no regular expression: {error}") from None
    found = [place for place in ui.code.functions() if pattern.search(place.name)]
    for place in found:
        ui.write(f"{place.func_index:>6}  {ui.code.where(place)}")
    if not found:
        ui.write(f"No function matches {text}.")


@command("info line", "looking", "[LOCATION]", argument="location")
def _line(ui: Interpreter, text: str) -> None:
    """Where a place is, in the file and in the source."""
    for place in ui.code.places(text, ui.place):
        ui.write(f"{ui.code.where(place)}: {ui.code.text(place)}")


@command("info sources", "looking")
def _sources(ui: Interpreter, text: str) -> None:
    """The source files that the modules name."""
    for path in ui.code.sources():
        ui.write(path)


@command("info sharedlibrary", "looking")
def _instances(ui: Interpreter, text: str) -> None:
    """The instances, in the order in which they were made."""
    for index, inst in enumerate(ui.session.instances()):
        ui.write(
            f"{index}  {ui.code.file(inst.program)}: {len(inst.program.funcs)} functions, {len(inst.mems)} memories, "
            f"{len(inst.globals)} globals, {len(inst.tables)} tables"
        )


@command("info instances", "looking")
def _instances_too(ui: Interpreter, text: str) -> None:
    """The instances, as info sharedlibrary."""
    _instances(ui, text)


@command("info program", "looking")
def _program(ui: Interpreter, text: str) -> None:
    """Why and where the guest stands still."""
    stop = ui.session.stop
    place = ui.session.place
    ui.write(f"{stop.reason}{f': {stop.message}' if stop.message else ''}, at clock {ui.session.clock}")
    if place is not None:
        ui.write(f"next: {ui.code.where(place)}: {ui.code.text(place)}")


@command("info proc", "looking")
def _proc(ui: Interpreter, text: str) -> None:
    """Why and where the guest stands still, as info program."""
    _program(ui, text)


@command("info threads", "looking")
def _threads(ui: Interpreter, text: str) -> None:
    """The threads of the guest."""
    for thread in ui.session.threads():
        place = ui.session.place
        ui.write(f"* {thread.number}  {thread.name}  {'' if place is None else ui.code.where(place)}".rstrip())


@command("list", "looking", "[LOCATION]", aliases="l", argument="location", repeats=True)
def _list(ui: Interpreter, text: str) -> None:
    """Lines of the source around a place, or those that follow what was listed last; of a module without a source, its
    instructions. list - shows those before."""
    size = ui.settings.listsize
    if text in ("", "-") and ui.listed is not None:
        place, first = ui.listed
        first = first - 2 * size if text == "-" else first
        if first < 0:
            first = 0
    else:
        found = ui.place if text in ("", "-") else ui.code.place(text, ui.place)
        if found is None:
            raise DebugError("the guest is nowhere: say where")
        place = found
        lines = ui.code.lines(place)
        first = max((place.pc if lines is None else lines[1] - 1) - size // 2, 0)
    lines = ui.code.lines(place)
    here = ui.place
    if lines is None:
        rows = range(first, min(first + size, len(place.body)))
        for pc in rows:
            there = Place(place.program, place.func_index, pc)
            ui.write(instruction_line(ui, there, there == here))
    else:
        rows = range(first, min(first + size, len(lines[2])))
        for row in rows:
            ui.write(f"{row + 1}\t{lines[2][row]}")
    if not rows:
        raise DebugError("there are no more lines")
    ui.listed = place, first + size
    ui.repeat_as("list")


@command("disassemble", "looking", "[LOCATION]", aliases="disas", argument="location")
def _disassemble(ui: Interpreter, text: str) -> None:
    """The instructions of a function, with their offsets and numbers."""
    place = ui.place if not text else ui.code.place(text, ui.place)
    if place is None:
        raise DebugError("the guest is nowhere: say which function")
    here = ui.place
    ui.write(f"Instructions of {place.name}:")
    for pc in range(len(place.body)):
        there = Place(place.program, place.func_index, pc)
        ui.write(instruction_line(ui, there, there == here))
