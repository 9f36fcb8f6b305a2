"""What a beginning may become."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

from refsfi.debug.model import DebugError
from refsfi.debug.terminal.table import COMMANDS, find, subcommands

if TYPE_CHECKING:
    from refsfi.debug.terminal.interpreter import Interpreter

__all__ = ["completions"]


def completions(ui: Interpreter, line: str, word: str) -> list[str]:
    """For the last word of a line that is being written."""
    before = line[: len(line) - len(word)].split()
    if not before:
        return _beginning({words.partition(" ")[0] for words in COMMANDS} | ui.definitions.keys(), word)
    if before[0] == "help":
        return _beginning(COMMANDS, word)
    below = [found.words.partition(" ")[2] for found in subcommands(before[0])]
    if len(before) == 1 and below:
        return _beginning([*below, *(ui.settings.names() if before[0] in ("set", "show") else ())], word)
    if before[0] in ("set", "show"):
        return _beginning(ui.settings.names(), word)
    try:
        command, _ = find(" ".join(before))
    except DebugError:
        return []
    if command.argument == "location":
        return _beginning({place.name for place in ui.code.functions()} | set(ui.code.sources()), word)
    if command.argument == "file":
        return sorted(glob.glob(f"{glob.escape(word)}*"))
    if command.argument == "expression" and ui.session.frames(1):
        names = [v.name for v in ui.frame.locals] + [v.name for v in ui.frame.operands]
        names += [f"@{name}" for name in ui.frame.instance.program.module.names.globals.values()]
        return _beginning([*names, "$pc", "$clock", "$depth", "$func"], word)
    return []


def _beginning(names: object, word: str) -> list[str]:
    return sorted(str(name) for name in names if str(name).startswith(word))  # type: ignore[attr-defined]
