"""The debugger itself: help, settings, scripts, definitions, panes."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from refsfi.debug.model import DebugError
from refsfi.debug.terminal.interpreter import Interpreter, Quit
from refsfi.debug.terminal.table import COMMANDS, GROUPS, command, find, subcommands

__all__: list[str] = []


def shorten(line: str) -> str:
    """To the width of any terminal."""
    return line if len(line) < 80 else f"{line[:78].rstrip()}…"


@command("help", "support", "[COMMAND]", aliases="h")
def _help(ui: Interpreter, text: str) -> None:
    """What there is, or what a command does."""
    if text in ui.definitions:
        ui.write(ui.documents.get(text, "User-defined."))
        return
    if text in GROUPS:
        ui.write(f"{GROUPS[text]}:")
        for found in COMMANDS.values():
            if found.group == text:
                ui.write(shorten(f"  {found.words:<20}{found.summary}"))
        return
    if text:
        below = subcommands(text.split()[0])
        if len(text.split()) == 1 and below and text not in COMMANDS:
            for found in below:
                ui.write(shorten(f"{found.words:<22}{found.summary}"))
            return
        found, _ = find(text)
        ui.write(found.usage + (f"   (also {', '.join(found.aliases)})" if found.aliases else ""))
        for paragraph in found.help.split("\n\n"):
            ui.write(fill(paragraph, 79))
        return
    for group, title in GROUPS.items():
        ui.write(f"{group:<10}{title}")
    ui.write("help GROUP lists commands, help COMMAND tells more. Names may be shortened; an")
    ui.write("empty line does the last step again.")


@command("quit", "support", aliases="q,exit")
def _quit(ui: Interpreter, text: str) -> None:
    """End the guest and the debugger."""
    raise Quit


@command("set", "support", "NAME VALUE")
def _set(ui: Interpreter, text: str) -> None:
    """Change a setting (confirm, pagination, prompt, listsize, limit), or set var: WHAT = EXPRESSION."""
    name, _, value = text.partition(" ")
    if name not in ui.settings.names() and "=" in text:
        ui.do(f"set var {text}")
        return
    ui.settings.set(name, value.strip())


@command("show", "support", "[NAME]")
def _show(ui: Interpreter, text: str) -> None:
    """Settings; show user shows the commands that were defined."""
    if text.split()[:1] == ["user"]:
        for name, body in ui.definitions.items():
            ui.write("\n".join([f"{name}:", *(f"  {line}" for line in body)]))
        return
    for name in [text] if text else ui.settings.names():
        ui.write(ui.settings.show(name))


@command("directory", "support", "PATH", aliases="dir", argument="file")
def _directory(ui: Interpreter, text: str) -> None:
    """Look for source files in this directory first."""
    ui.code.add_directory(text or ".")


@command("echo", "support", "TEXT")
def _echo(ui: Interpreter, text: str) -> None:
    """Write a text."""
    ui.write(text.removesuffix("\\n"))


@command("source", "support", "FILE", argument="file")
def _source(ui: Interpreter, text: str) -> None:
    """Do the commands in a file; one whose name ends in .py is Python."""
    path = Path(text)
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DebugError(f"{text}: {getattr(error, 'strerror', None) or error}") from None
    if path.suffix == ".py":
        _execute(ui, content, text)
    else:
        ui.script(content.splitlines())


@command("define", "support", "NAME")
def _define(ui: Interpreter, text: str) -> None:
    """Make a command of the lines that follow, up to end; $arg0 to $arg9 and $argc are what it is given."""
    if not text.isidentifier():
        raise DebugError(f"{text!r} is no name for a command")
    ui.definitions[text] = ui.block(f"commands for definition of {text}")


@command("document", "support", "NAME")
def _document(ui: Interpreter, text: str) -> None:
    """What help says of a command that was defined: the lines that follow, up to end."""
    if text not in ui.definitions:
        raise DebugError(f"there is no definition of {text}")
    ui.documents[text] = "\n".join(ui.block(f"documentation for {text}"))


@command("python", "support", "[CODE]", aliases="py")
def _python(ui: Interpreter, text: str) -> None:
    """Execute Python, in one line or in those that follow, up to end. `refsfi` there is the debugger:
    refsfi.execute(COMMAND, to_string=False), refsfi.evaluate(EXPRESSION), refsfi.session."""
    _execute(ui, text or "\n".join(ui.block("Python")), "<python>")


def _execute(ui: Interpreter, code: str, name: str) -> None:
    from refsfi.debug.terminal.scripting import Scripting

    space = ui.python
    space.setdefault("refsfi", Scripting(ui))
    try:
        exec(compile(code, name, "exec"), space)
    except (DebugError, Quit):
        raise
    except Exception as error:
        # The user's own code: what is wrong with it is told in a line, as of any command.
        raise DebugError(f"Python: {type(error).__name__}: {error}") from None


def _repeated(ui: Interpreter, text: str, body: list[str], *, again: bool) -> None:
    while ui.session.evaluate(text, ui.level).value:
        ui.script(body)
        if not again:
            return


@command("if", "support", "EXPRESSION")
def _if(ui: Interpreter, text: str) -> None:
    """Do the lines that follow, up to end, if an expression is not zero."""
    _repeated(ui, text, ui.block(f"commands for if {text}"), again=False)


@command("while", "support", "EXPRESSION")
def _while(ui: Interpreter, text: str) -> None:
    """Do the lines that follow, up to end, as long as an expression is not zero."""
    _repeated(ui, text, ui.block(f"commands for while {text}"), again=True)


@command("layout", "support", "[all|code|state|off]")
def _layout(ui: Interpreter, text: str) -> None:
    """Show panes whenever the guest stands still: code, operands, labels, locals, memory, calls of the host."""
    if text not in ("", "all", "code", "state", "off"):
        raise DebugError(f"there is no layout {text}; there are all, code, state and off")
    ui.layout = None if text == "off" else text or "all"
    if ui.layout is not None:
        ui.draw()


@command("tui", "support", "enable|disable")
def _tui(ui: Interpreter, text: str) -> None:
    """Panes on or off, as layout."""
    if text not in ("", "enable", "disable"):
        raise DebugError("tui enable or tui disable")
    _layout(ui, "off" if text == "disable" else "all")
