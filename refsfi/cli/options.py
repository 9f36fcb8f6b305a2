"""Reading a command's arguments.

Not argparse: a value that may be left out (`--trace[=KINDS]`) would swallow the file behind it there, what follows the
guest's file must not be looked at, and a guest that runs for a moment should not wait for the parser to be built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Command", "HelpRequested", "Option", "Parsed", "UsageError"]


class UsageError(Exception):
    """The command line cannot be understood; the message says why. Exit code 2."""


class HelpRequested(Exception):
    """`--help` was given; the message is the help."""


@dataclass(frozen=True, slots=True)
class Option:
    """`names` are separated by spaces, the long one last; it is what `Parsed` knows the option by, without dashes.

    An option with a `value` takes one: `--name VALUE`, `--name=VALUE`, `-nVALUE`; one that is `optional` only behind
    `=`.
    """

    names: str
    help: str
    value: str = ""
    optional: bool = False

    @property
    def key(self) -> str:
        return self.names.split()[-1].lstrip("-")

    @property
    def syntax(self) -> str:
        """As help shows it."""
        names = ", ".join(self.names.split())
        if not self.value:
            return names
        if self.optional:
            return f"{names}[={self.value}]"
        return f"{names} {self.value}"


@dataclass(slots=True)
class Parsed:
    """`values[key]` has what each occurrence of an option gave, in order; the empty string where it gave nothing.
    `order` has all occurrences, for options whose order among each other counts."""

    values: dict[str, list[str]] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def all(self, key: str) -> list[str]:
        return self.values.get(key, [])

    def last(self, key: str) -> str | None:
        """What the last occurrence gave, None where there was none."""
        given = self.values.get(key)
        return given[-1] if given else None


_HELP = Option("-h --help", "show this help")


class Command:
    """A command's options and its help."""

    def __init__(self, name: str, usage: str, summary: str, options: Sequence[Option], epilog: str = "") -> None:
        self.name = name
        self._usage = usage
        self._summary = summary
        self._options = (*options, _HELP)
        self._epilog = epilog
        self._by_name = {name: option for option in self._options for name in option.names.split()}

    def parse(self, arguments: Sequence[str], *, interleaved: bool = True, foreign: bool = False) -> Parsed:
        """Options and operands. UsageError; HelpRequested.

        Options may stand between operands if `interleaved`; else everything behind the first operand is an operand,
        too. Behind `--` everything is. `foreign` options, unknown ones, count as operands.
        """
        parsed = Parsed()
        index = 0
        while index < len(arguments):
            argument = arguments[index]
            index += 1
            if argument == "--":
                parsed.operands += arguments[index:]
                break
            if argument == "-" or not argument.startswith("-") or (foreign and not self.knows(argument)):
                parsed.operands.append(argument)
                if not interleaved:
                    parsed.operands += arguments[index:]
                    break
            elif argument.startswith("--") or argument.partition("=")[0] in self._by_name:
                index = self._long(argument, arguments, index, parsed)
            else:
                index = self._short(argument, arguments, index, parsed)
        return parsed

    def knows(self, argument: str) -> bool:
        """Whether an argument is one of the command's options."""
        return argument.partition("=")[0] in self._by_name or (
            argument.startswith("-") and argument[:2] in self._by_name and not argument.startswith("--")
        )

    def _long(self, argument: str, arguments: Sequence[str], index: int, parsed: Parsed) -> int:
        name, equals, value = argument.partition("=")
        option = self._find(name)
        if option.value and not equals and not option.optional:
            value, index = self._next(name, option, arguments, index)
        elif equals and not option.value:
            raise UsageError(f"option '{name}' takes no value")
        self._add(option, value, parsed)
        return index

    def _short(self, argument: str, arguments: Sequence[str], index: int, parsed: Parsed) -> int:
        rest = argument[1:]
        while rest:
            name, rest = f"-{rest[0]}", rest[1:]
            option = self._find(name, argument)
            if not option.value:
                self._add(option, "", parsed)
                continue
            value = rest.removeprefix("=")
            if not rest and not option.optional:
                value, index = self._next(name, option, arguments, index)
            self._add(option, value, parsed)
            break
        return index

    def _add(self, option: Option, value: str, parsed: Parsed) -> None:
        if option is _HELP:
            raise HelpRequested(self.help())
        parsed.values.setdefault(option.key, []).append(value)
        parsed.order.append((option.key, value))

    def _find(self, name: str, written: str = "") -> Option:
        option = self._by_name.get(name)
        if option is None:
            from difflib import get_close_matches

            close = get_close_matches(name, self._by_name, 1)
            hint = f"; did you mean '{close[0]}'?" if close and len(name) > 2 else ""
            raise UsageError(f"unknown option '{written or name}'{hint}")
        return option

    def _next(self, name: str, option: Option, arguments: Sequence[str], index: int) -> tuple[str, int]:
        if index == len(arguments):
            raise UsageError(f"option '{name}' needs a value: {name} {option.value}")
        return arguments[index], index + 1

    def help(self) -> str:
        width = max(len(option.syntax) for option in self._options if len(option.syntax) <= 26)
        lines = [f"usage: {self._usage}", "", self._summary, "", "options:"]
        for option in self._options:
            first, *more = option.help.split("\n")
            if len(option.syntax) > width:
                lines += [f"  {option.syntax}", f"  {'':<{width}}  {first}"]
            else:
                lines.append(f"  {option.syntax:<{width}}  {first}")
            lines += [f"  {'':<{width}}  {line}" for line in more]
        if self._epilog:
            lines += ["", self._epilog]
        return "\n".join(lines)
