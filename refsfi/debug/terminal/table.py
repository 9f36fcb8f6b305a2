"""The table of commands: a function each, whose docstring is its help. `words` may be two, as in `info locals`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from refsfi.debug.model import DebugError

if TYPE_CHECKING:
    from refsfi.debug.terminal.interpreter import Interpreter

__all__ = ["COMMANDS", "GROUPS", "Command", "command", "find", "subcommands"]

Run: TypeAlias = "Callable[[Interpreter, str], None]"

GROUPS: Final = {
    "running": "Running, forward and back",
    "points": "Breakpoints, catchpoints, watchpoints",
    "looking": "Where the guest is",
    "data": "Values and memory",
    "past": "The past, and why",
    "support": "The debugger itself",
}


@dataclass(frozen=True, slots=True)
class Command:
    """`repeats`: an empty line does it again; `argument` is what is to be completed: function, expression, file."""

    words: str
    usage: str
    group: str
    run: Run
    help: str
    aliases: tuple[str, ...] = ()
    repeats: bool = False
    argument: str = ""

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.help.partition("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".")


COMMANDS: Final[dict[str, Command]] = {}
_ALIASES: Final[dict[str, Command]] = {}


def command(
    words: str, group: str, usage: str = "", *, aliases: str = "", repeats: bool = False, argument: str = ""
) -> Callable[[Run], Run]:
    """Make a function a command. `usage` is what follows its name."""

    def register(run: Run) -> Run:
        help = "\n".join(line.strip() for line in (run.__doc__ or "").strip().splitlines())
        names = tuple(aliases.split(",")) if aliases else ()
        found = Command(words, f"{words} {usage}".rstrip(), group, run, help, names, repeats, argument)
        COMMANDS[words] = found
        for alias in names:
            _ALIASES[alias] = found
        return run

    return register


def subcommands(word: str) -> list[Command]:
    """Those of two words that begin with this one."""
    return [found for words, found in COMMANDS.items() if words.startswith(f"{word} ")]


def find(line: str) -> tuple[Command, str]:
    """A command and its argument. Names may be shortened as long as it is clear what is meant. DebugError."""
    word, rest = _word(line)
    if line[:1] == "!":
        word, rest = "shell", line[1:]
    slash = word.find("/")
    if slash > 0:
        word, rest = word[:slash], f"{word[slash:]} {rest}".strip()
    first = {words.partition(" ")[0] for words in COMMANDS}
    known = _ALIASES.get(word)
    if known is not None:
        return known, rest
    name = _choose(word, first | _ALIASES.keys(), "command")
    known = _ALIASES.get(name)
    if known is not None:
        return known, rest
    below = {found.words.partition(" ")[2]: found for found in subcommands(name)}
    if below:
        second, more = _word(rest)
        plain = COMMANDS.get(name)
        if second:
            try:
                return below[_choose(second, below.keys(), f"{name} command")], more
            except DebugError:
                if plain is None:
                    raise
        if plain is None:
            raise DebugError(f"{name} what? {', '.join(sorted(below))}")
    return COMMANDS[name], rest


def _word(line: str) -> tuple[str, str]:
    parts = line.split(None, 1)
    return (parts[0] if parts else ""), (parts[1] if len(parts) > 1 else "")


def _choose(word: str, names: Iterable[str], what: str) -> str:
    found = sorted(name for name in set(names) if name.startswith(word))
    if word in found:
        return word
    # Several names of one command are no ambiguity.
    meant = {_ALIASES[name].words if name in _ALIASES else name for name in found}
    if len(meant) == 1 and word:
        return found[0]
    if not found:
        raise DebugError(f'undefined {what}: "{word}"; try "help"')
    raise DebugError(f'ambiguous {what} "{word}": {", ".join(found)}')
