"""The past, and why: who wrote a byte, where a value came from, what a trap means, which rule stands behind a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from refsfi.debug.failure import explanation_of, failure_of, witness_of
from refsfi.debug.model import DebugError, Place, Reason, Step
from refsfi.debug.terminal.code import number
from refsfi.debug.terminal.data import place_in_memory
from refsfi.debug.terminal.interpreter import Interpreter
from refsfi.debug.terminal.stops import show
from refsfi.debug.terminal.table import command
from refsfi.errors import Frame, GuestException
from refsfi.runtime.show import show_value

__all__ = ["call_lines"]

# Links of a value's history that are shown: a loop's variable comes from its last round, and that from the one before.
_DEEP: Final = 12


@command("last-write", "past", "ADDRESS[, MEMORY]", argument="expression")
def _last_write(ui: Interpreter, text: str) -> None:
    """Who wrote a byte of memory last; goto CLOCK goes there."""
    at, instance, memory = place_in_memory(ui, text or "nothing")
    with ui.console.running():
        write = ui.session.last_write(at, instance, memory)
    if write is None:
        ui.write(f"The byte at {at:#x} has not been written since its memory was made.")
        return
    if write.host:
        who = f"the host, in {write.host}"
    elif write.place is None:
        who = "instantiation, or you"
    else:
        who = f"{ui.code.where(write.place)}: {ui.code.text(write.place)}"
    old = "nothing" if write.old is None else f"{write.old:#04x}"
    ui.write(f"{at:#x}: {old} -> {write.new:#04x}, at clock {write.clock}, by")
    ui.write(f"  {who}")


@command("origin", "past", "EXPRESSION", argument="expression")
def _origin(ui: Interpreter, text: str) -> None:
    """Where the value of a local, an operand or a place in memory came from: back through operands, locals, memory and
    calls."""
    variable = ui.session.evaluate(text, ui.level)
    with ui.console.running():
        step = ui.session.origin(variable)
    ui.write(f"{text} = {show(variable)} ({variable.type})")
    for line in _tree(ui, step, 1):
        ui.write(line)


def _tree(ui: Interpreter, step: Step, depth: int) -> Iterator[str]:
    value = ""
    if step.value is not None and step.type is not None:
        value = f" = {show_value(step.value, step.type)}"
    where = "" if step.place is None else f", {ui.code.where(step.place)}, clock {step.clock}"
    more = depth > _DEEP and step.sources
    yield f"{'  ' * depth}{step.what}{value}{where}{' …' if more else ''}"
    for source in () if more else step.sources:
        yield from _tree(ui, source, depth + 1)


@command("explain", "past")
def _explain(ui: Interpreter, text: str) -> None:
    """Explain a trap: what the instruction needed, what it got, where that came from, and the calls of the host
    before."""
    if not _has_failed(ui):
        raise DebugError("there is no trap here to be explained; info program tells why the guest stands still")
    told = explanation_of(ui.session)

    def place(frame: Frame, pc: int) -> str:
        program = ui.frame.place.program if frame.code is None else frame.code.program
        program = next((p for p in ui.code.programs if p.module is program.module), program)
        there = Place(program, frame.func_index, pc)
        return ui.code.where(there).partition(" ")[2]

    for line in told.lines(place):
        ui.write(line)


def _has_failed(ui: Interpreter) -> bool:
    stop = ui.session.stop
    return stop.trap is not None or stop.reason is Reason.EXCEPTION


@command("rule", "past", "[LOCATION]", argument="location")
def _rule(ui: Interpreter, text: str) -> None:
    """The specification's rules behind the instruction to come, or behind another one."""
    place = ui.code.place(text, ui.place) if text else ui.place
    if place is None:
        raise DebugError("no instruction is to be executed")
    ui.write(f"{ui.code.text(place)}:")
    # Numeric instructions share what executes them, and their family's rules.
    family = place.instr.op.rule
    for rule in ui.session.rules(place) or (f"Step_pure/{family}-val", f"Step_pure/{family}-trap"):
        ui.write(f"  {rule}")


@command("info wasi", "past", "[N]")
def _wasi(ui: Interpreter, text: str) -> None:
    """The calls of the host so far, with their results and what was decided about capabilities."""
    calls = ui.session.host_calls()
    limit = number(text, "a number of calls") if text else 20
    for call in calls[-max(limit, 1) :]:
        for line in call_lines(call):
            ui.write(line)
    if not calls:
        ui.write("The host has not been called.")


@command("info syscalls", "past", "[N]")
def _syscalls(ui: Interpreter, text: str) -> None:
    """The calls of the host, as info wasi."""
    _wasi(ui, text)


def call_lines(call: Any) -> list[str]:
    lines = [line.removeprefix("wasi: ") for line in call.decisions]
    if not lines:
        ended = (
            f" {call.outcome}" if call.outcome else f" -> {', '.join(map(str, call.results))}" if call.results else ""
        )
        lines = [f"{call.name}({', '.join(map(str, call.arguments))}){ended}"]
    return [f"{call.clock:>10}  {line}" for line in lines]


@command("info record", "past")
def _record(ui: Interpreter, text: str) -> None:
    """What is kept of the past: everything is, from the beginning on."""
    session = ui.session
    ui.write(f"clock {session.clock}; everything from 0 on can be gone back to")
    ui.write(f"{len(session.snapshot_clocks)} snapshots, {session.snapshot_size:,} bytes")
    ui.write(f"{len(session.host_calls())} calls of the host before now")


@command("generate-core-file", "past", "[FILE]", aliases="gcore", argument="file")
def _core(ui: Interpreter, text: str) -> None:
    """Write a core dump of the present state, to core.wasm if not said; refsfi debug --core opens it."""
    from refsfi.debug.coredump import CoreDump

    if ui.session.store.frame is None or ui.session.place is None:
        raise DebugError("the guest is in no function")
    error = failure_of(ui.session) if _has_failed(ui) else GuestException(None)
    names = {id(program.module): path for program, path in ui.code.paths.items()}
    first = next(iter(names.values()), "")
    dump = CoreDump(witness_of(ui.session, error), ui.session.instances(), first, lambda p: names.get(id(p.module), ""))
    path = text or "core.wasm"
    with open(path, "wb") as file:
        for piece in dump.pieces():
            file.write(piece)
    for what in dump.left_out:
        ui.write(f"warning: not in the core dump: {what}")
    ui.write(f"Saved corefile {path}")
