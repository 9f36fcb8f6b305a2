"""Expressions, and the words that the debug console knows besides them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from refsfi.debug import inspect
from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.code import parse_memory
from refsfi.debug.dap.variables import Group, Item, Node, item_of, scopes
from refsfi.debug.model import DebugError, FrameView, Step

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__ = ["COMMANDS", "command", "evaluated", "found_item", "level_of", "view_of"]

_MOST_CALLS: Final = 20
_MOST_STEPS: Final = 40


def level_of(adapter: Adapter, arguments: Arguments) -> int:
    """That of the frame that the client means, the innermost one if it means none. DebugError."""
    if "frameId" not in arguments:
        return 0
    level = adapter.handles[arguments.number("frameId")]
    if not isinstance(level, int):
        raise DebugError("that is no frame")
    return level


def view_of(adapter: Adapter, level: int) -> FrameView:
    """DebugError where there is no such frame."""
    session = adapter.run.guest.session
    return inspect.view(session.store, session.instances(), inspect.frame_at(session.store, level), level)


def evaluated(adapter: Adapter, text: str, level: int, hexadecimal: bool = False) -> Item:
    """An expression, or the name of a variable of the source, or of a local or global without its sign. DebugError."""
    session = adapter.run.guest.session
    text = text.strip()
    try:
        return item_of(session, session.evaluate(text, level), level, hexadecimal)
    except DebugError as error:
        if not session.running and session.place is None:
            raise
        for _, _, node in scopes(session, view_of(adapter, level)):
            item = None if node.indexed else _named(node, text, hexadecimal)
            if item is not None:
                return item
        raise error from None


def _named(node: Node, text: str, hexadecimal: bool) -> Item | None:
    wanted = (text, f"${text}", f"@{text}")
    return next((item for item in node.items(0, len(node), hexadecimal) if item.name in wanted), None)


def found_item(adapter: Adapter, arguments: Arguments, name: str) -> Item:
    """The variable of that name in what `variablesReference` refers to; an expression where it refers to nothing."""
    reference = arguments.number("variablesReference", 0)
    if not reference:
        return evaluated(adapter, name, level_of(adapter, arguments))
    node = adapter.handles[reference]
    if not isinstance(node, Group):
        raise DebugError("that has no parts")
    start, end = 0, len(node)
    digits = name.strip("[]")
    if node.indexed and digits.isdecimal():
        start = int(digits)
        end = start + 1
    for item in node.items(start, end, False):
        if item.name == name:
            return item
    raise DebugError(f"there is no variable {name[:60]!r} there")


# --- commands --------------------------------------------------------------------------------------------------------


def command(adapter: Adapter, text: str, level: int) -> str | None:
    """What a command answers; None for what is none. DebugError."""
    name, _, rest = text.strip().partition(" ")
    row = COMMANDS.get(name)
    if row is None:
        return None
    usage, _, run = row
    if bool(usage) != bool(rest.strip()):
        raise DebugError(f"usage: {name} {usage}".rstrip())
    return run(adapter, rest.strip(), level)


def _help(adapter: Adapter, rest: str, level: int) -> str:
    lines = [f"{f'{name} {usage}':<22} {meaning}" for name, (usage, meaning, _) in COMMANDS.items()]
    return "\n".join([*lines, "anything else is an expression: $local, %operand, @global, i32[address], 1 + 2 …"])


def _clock(adapter: Adapter, rest: str, level: int) -> str:
    return f"{adapter.run.guest.session.clock} instructions have been executed"


def _rule(adapter: Adapter, rest: str, level: int) -> str:
    return "\n".join(adapter.run.guest.session.rules()) or "no instruction is to be executed"


def _calls(adapter: Adapter, rest: str, level: int) -> str:
    lines = []
    for call in adapter.run.guest.session.host_calls()[-_MOST_CALLS:]:
        said = ", ".join(call.decisions) or f"{call.name}({', '.join(map(str, call.arguments))}) -> {call.results}"
        lines.append(f"{call.clock:>12}  {said}{f' {call.outcome}' if call.outcome else ''}")
    return "\n".join(lines) or "the host has not been called yet"


def _last_write(adapter: Adapter, rest: str, level: int) -> str:
    instance, memory, address = parse_memory(rest)
    write = adapter.run.guest.session.last_write(address, instance, memory)
    if write is None:
        return f"nobody has written the byte at {rest} since its memory was made"
    who = write.host or ("instantiation" if write.place is None else f"{write.place} {write.place.instr.op.mnemonic}")
    return f"{who}, at clock {write.clock}: {write.old} -> {write.new}"


def _origin(adapter: Adapter, rest: str, level: int) -> str:
    session = adapter.run.guest.session
    lines: list[str] = []
    waiting = [(0, session.origin(session.evaluate(rest, level)))]
    while waiting and len(lines) < _MOST_STEPS:
        depth, step = waiting.pop()
        lines.append(f"{'  ' * depth}{_said(step)}")
        waiting += [(depth + 1, source) for source in reversed(step.sources)]
    return "\n".join(lines + (["…"] if waiting else []))


def _said(step: Step) -> str:
    return step.what + ("" if step.place is None else f", {step.place} at clock {step.clock}")


# Name -> what follows it, what it does, how.
COMMANDS: Final[dict[str, tuple[str, str, Callable[[Adapter, str, int], str]]]] = {
    "help": ("", "this list", _help),
    "clock": ("", "the position in time", _clock),
    "rule": ("", "the specification's rules for the next instruction", _rule),
    "calls": ("", "the last calls of the host, with their results", _calls),
    "last-write": ("ADDRESS", "who wrote this byte of memory last", _last_write),
    "origin": ("EXPRESSION", "where this value came from", _origin),
}
