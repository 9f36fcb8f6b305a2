"""Breakpoints, catchpoints and watchpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator

from refsfi.debug.breakpoints import Access, Breakpoint, Event, Watched
from refsfi.debug.expressions import Evaluator
from refsfi.debug.model import DebugError
from refsfi.debug.terminal.code import number
from refsfi.debug.terminal.data import address_of, split
from refsfi.debug.terminal.interpreter import Interpreter
from refsfi.debug.terminal.table import command

__all__: list[str] = []


def _condition(text: str) -> tuple[str, str | None]:
    """What is in front of an `if`, and the condition behind it."""
    match = re.match(r"(?:(.*?)\s+)?if\b\s*(.+)$", f" {text}")
    return (text, None) if match is None else ((match[1] or "").strip(), match[2].strip())


def _break(ui: Interpreter, text: str, *, temporary: bool) -> None:
    where, condition = _condition(text)
    for place in ui.code.places(where, ui.place):
        b = ui.session.break_at(place, condition=condition, temporary=temporary)
        ui.write(f"{'Temporary breakpoint' if temporary else 'Breakpoint'} {b.number} at {ui.code.where(place)}")


@command("break", "points", "[LOCATION] [if CONDITION]", aliases="b,br,brea", argument="location")
def _break_here(ui: Interpreter, text: str) -> None:
    """Stop in front of an instruction. LOCATION is FUNCTION, FUNCTION:PC (an instruction's number), *OFFSET in the
    file, FILE:LINE or LINE of the source, +N or -N lines from here; without one it is here."""
    _break(ui, text, temporary=False)


@command("tbreak", "points", "[LOCATION] [if CONDITION]", aliases="tb", argument="location")
def _tbreak(ui: Interpreter, text: str) -> None:
    """Stop in front of an instruction once."""
    _break(ui, text, temporary=True)


@command("rbreak", "points", "REGEX", argument="location")
def _rbreak(ui: Interpreter, text: str) -> None:
    """Set a breakpoint on every function whose name matches."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise DebugError(f"{text!r} is no regular expression: {error}") from None
    for place in list(ui.code.functions()):
        if pattern.search(place.name):
            there = ui.code.behind_prologue(place)
            b = ui.session.break_at(there)
            ui.write(f"Breakpoint {b.number} at {ui.code.where(there)}")


@command("rule-break", "points", "RULE")
def _rule_break(ui: Interpreter, text: str) -> None:
    """Stop in front of every instruction behind which a rule of the specification stands; rule tells their names."""
    b = ui.session.break_rule(text)
    ui.write(f"Breakpoint {b.number}: {b.title}")


@command("catch", "points", "EVENT [NAME] [if CONDITION]")
def _catch(ui: Interpreter, text: str) -> None:
    """Stop at an event: trap, throw, syscall [NAME] (a call of WASI), import [NAME], export [NAME], grow, exit."""
    what, condition = _condition(text)
    event, _, name = what.partition(" ")
    if event not in list(Event):
        raise DebugError(f"catch what? {', '.join(Event)}")
    b = ui.session.catch(Event(event), name.strip() or None, condition=condition)
    ui.write(f"Catchpoint {b.number} ({b.title})")


def _watched(ui: Interpreter, text: str) -> Watched:
    table = re.fullmatch(r"table(?:\s+(\d+))?\s*\[(.+)\]", text)
    instance = ui.frame.instance_index if ui.session.frames(1) else 0
    if table is not None:
        element = address_of(ui, table[2])
        return ui.session.watch_table(element, 1, instance, int(table[1] or 0))
    parts = split(text)
    if len(parts) == 2:
        return ui.session.watch_memory(address_of(ui, parts[0]), address_of(ui, parts[1]), instance)
    variable = ui.session.evaluate(text, ui.level)
    match variable.where:
        case ("memory", int(inst), int(memory), int(address), int(size)):
            return ui.session.watch_memory(address, size, inst, memory)
        case ("global", int(inst), int(index)):
            return ui.session.watch_global(index, inst)
    raise DebugError(
        f"{text} cannot be watched: a place in memory (i32[ADDRESS], or ADDRESS, SIZE), @GLOBAL or table[N] can"
    )


def _watch(ui: Interpreter, text: str, access: Access) -> None:
    what, condition = _condition(text)
    if not what:
        raise DebugError("watch what? i32[ADDRESS], or ADDRESS, SIZE, or @GLOBAL, or table[N]")
    b = ui.session.watch(_watched(ui, what), access, condition=condition)
    ui.write(f"Watchpoint {b.number}: {b.title}")


@command("watch", "points", "WHAT [if CONDITION]", argument="expression")
def _watch_change(ui: Interpreter, text: str) -> None:
    """Stop where something gets another value: a place in memory (i32[ADDRESS], or ADDRESS, SIZE), @GLOBAL, table[N].
    With reverse-continue, back to where it got the one that it has."""
    _watch(ui, text, Access.CHANGE)


@command("rwatch", "points", "WHAT [if CONDITION]", argument="expression")
def _rwatch(ui: Interpreter, text: str) -> None:
    """Stop where something is read."""
    _watch(ui, text, Access.READ)


@command("awatch", "points", "WHAT [if CONDITION]", argument="expression")
def _awatch(ui: Interpreter, text: str) -> None:
    """Stop where something is read or written."""
    _watch(ui, text, Access.ACCESS)


def _numbers(ui: Interpreter, text: str) -> Iterator[Breakpoint]:
    """Those that are named, `2 4-6`, or all of them."""
    if not text:
        yield from ui.session.breakpoints
    for word in text.removeprefix("breakpoints ").split():
        first, dash, last = word.partition("-")
        for index in range(number(first, "a breakpoint"), number(last if dash else first, "a breakpoint") + 1):
            yield ui.session.breakpoints[index]


@command("delete", "points", "[N…]", aliases="d,del")
def _delete(ui: Interpreter, text: str) -> None:
    """Take breakpoints away, all of them without numbers; delete display N takes a display away."""
    if text.split(None, 1)[:1] == ["display"]:
        ui.do(f"undisplay {text[len('display') :]}")
        return
    if not text and len(ui.session.breakpoints) and not ui.confirmed("Delete all breakpoints?"):
        return
    for b in list(_numbers(ui, text)):
        ui.session.breakpoints.remove(b.number)


@command("clear", "points", "[LOCATION]", aliases="cl", argument="location")
def _clear(ui: Interpreter, text: str) -> None:
    """Take away the breakpoints at a place."""
    places = ui.code.places(text, ui.place)
    gone = [b for b in ui.session.breakpoints if b.place in places]
    if not gone:
        raise DebugError("there is no breakpoint there")
    for b in gone:
        ui.session.breakpoints.remove(b.number)
    ui.write(f"Deleted {', '.join(str(b.number) for b in gone)}.")


@command("enable", "points", "[once] [N…]", aliases="en")
def _enable(ui: Interpreter, text: str) -> None:
    """Have breakpoints count again; once: and be taken away at the next hit."""
    once = text.split(None, 1)[:1] == ["once"]
    for b in list(_numbers(ui, text.removeprefix("once").strip() if once else text)):
        ui.session.breakpoints.enable(b.number)
        b.temporary = b.temporary or once


@command("disable", "points", "[N…]", aliases="dis,disa")
def _disable(ui: Interpreter, text: str) -> None:
    """Have breakpoints not count for now."""
    for b in list(_numbers(ui, text)):
        ui.session.breakpoints.enable(b.number, False)


@command("condition", "points", "N [EXPRESSION]", aliases="cond")
def _set_condition(ui: Interpreter, text: str) -> None:
    """Have a breakpoint count only where an expression is not zero; without one, always."""
    first, _, expression = text.partition(" ")
    b = ui.session.breakpoints[number(first or "nothing", "a breakpoint")]
    if expression:
        Evaluator.check(expression)
    b.condition = expression or None
    if not expression:
        ui.write(f"Breakpoint {b.number} now unconditional.")


@command("ignore", "points", "N COUNT")
def _ignore(ui: Interpreter, text: str) -> None:
    """Pass a breakpoint COUNT times more."""
    words = text.split()
    if len(words) != 2:
        raise DebugError("ignore needs a breakpoint's number and how often to pass it")
    b = ui.session.breakpoints[number(words[0], "a breakpoint")]
    b.ignore = max(number(words[1], "a count"), 0)
    ui.write(f"Will ignore next {b.ignore} crossings of breakpoint {b.number}.")


@command("commands", "points", "[N]")
def _commands(ui: Interpreter, text: str) -> None:
    """What to do where a breakpoint is hit, that set last if no number is given: lines that follow, up to end."""
    numbers = [b.number for b in ui.session.breakpoints]
    if not numbers:
        raise DebugError("there is no breakpoint to have commands")
    b = ui.session.breakpoints[number(text, "a breakpoint") if text else numbers[-1]]
    b.commands = ui.block(f"commands for breakpoint {b.number}")


@command("info breakpoints", "points")
def _list(ui: Interpreter, text: str) -> None:
    """Breakpoints, catchpoints and watchpoints, how often they were hit, and their conditions and commands."""
    if not len(ui.session.breakpoints):
        ui.write("No breakpoints or watchpoints.")
        return
    ui.write(f"{'Num':<4}{'Type':<12}{'Disp':<5}{'Enb':<4}What")
    for b in ui.session.breakpoints:
        kind = "watchpoint" if b.watched is not None else "catchpoint" if b.event is not None else "breakpoint"
        what = b.title if b.place is None else ui.code.where(b.place)
        ui.write(f"{b.number:<4}{kind:<12}{'del' if b.temporary else 'keep':<5}{'ny'[b.enabled]:<4}{what}")
        if b.condition:
            ui.write(f"        stop only if {b.condition}")
        if b.hits:
            ui.write(f"        already hit {b.hits} time{'s' if b.hits > 1 else ''}")
        if b.ignore:
            ui.write(f"        ignore next {b.ignore} hits")
        for line in b.commands:
            ui.write(f"        {line}")
