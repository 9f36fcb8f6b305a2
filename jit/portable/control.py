"""Structured control as a tree, and the tree as lines of Python.

A `Goto` names a block. Where that block follows anyway nothing is written; else it is the `break` or `continue` of the
innermost `while`, or, out of several of them, a number in `to` that is looked at behind each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from refsfi.errors import Crash

__all__ = ["MOST_LOOPS", "Again", "Deep", "Goto", "If", "Item", "Late", "Loop", "Poll", "Shot", "ends", "render"]

# What the parser of Python accepts: 100 levels of indentation, 20 of loops and handlers.
_MOST_LEVELS = 90
MOST_LOOPS = 17


class Deep(Exception):
    """Nested too deeply for Python."""


@dataclass(slots=True)
class Goto:
    target: int
    # The loops around it, outermost first.
    loops: list[Loop]


@dataclass(slots=True)
class If:
    condition: str
    then: list[Item]
    otherwise: list[Item]


@dataclass(slots=True)
class Loop:
    """`while True`: from the end of its body back to its beginning, which is block `header`. Behind it comes block
    `after`, None where nothing does."""

    header: int
    after: int | None
    body: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Shot:
    """Items that can be left to what follows them, block `after`. `used`: a `while` is needed for it."""

    after: int
    body: list[Item]
    used: bool


@dataclass(slots=True)
class Late:
    """A line that is known when all functions are."""

    write: Callable[[], str]


@dataclass(slots=True)
class Again:
    """Lines that are known when the rest of the function is; control goes on behind them."""

    write: Callable[[], list[str]]


@dataclass(slots=True)
class Poll:
    """Leave with line `leave` where the guest is to stop. At the beginning of a loop it becomes the loop's condition,
    which costs a jump less."""

    leave: str


Item: TypeAlias = "str | Goto | If | Loop | Shot | Late | Again | Poll"


def ends(items: list[Item]) -> bool:
    """Whether control certainly does not get behind these items."""
    if not items:
        return False
    last = items[-1]
    if isinstance(last, Goto | Late):
        return True
    if isinstance(last, str):
        return last.startswith(("return ", "raise ")) or last == "return"
    if isinstance(last, If):
        return ends(last.then) and ends(last.otherwise)
    return False


class _Frame:
    """A `while` that is being written."""

    def __init__(self, header: int | None, after: int | None) -> None:
        self.header = header
        self.after = after
        # Whether it is left to what follows it.
        self.left = False
        # Blocks further out that it is left for, with the lines that say so, and those of them that inner loops have
        # told of.
        self.through: dict[int, list[int]] = {}
        self.told: set[int] = set()


def _take_poll(body: list[Item]) -> Poll | None:
    """Take the `Poll` that a loop's body begins with off it."""
    while body and isinstance(body[0], Shot):
        body = body[0].body
    if not body or not isinstance(body[0], Poll):
        return None
    found = body[0]
    del body[0]
    return found


def render(items: list[Item], depth: int = 1) -> list[str]:
    """The lines, indented by one blank a level."""
    writer = _Writer()
    writer.write(items, depth)
    if writer.tells:
        writer.lines.insert(0, " " * depth + "to = 0")
    return [line for line in writer.lines if line]


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.frames: list[_Frame] = []
        self.tells = False

    def write(self, items: list[Item], depth: int) -> None:
        if depth > _MOST_LEVELS or len(self.frames) > MOST_LOOPS:
            raise Deep
        before = len(self.lines)
        for item in items:
            match item:
                case str():
                    self.lines.append(" " * depth + item)
                case Late(write):
                    self.lines.append(" " * depth + write())
                case Again(write):
                    self.lines += [" " * depth + line for line in write()]
                case Poll(leave):
                    self.lines.append(" " * depth + f"if s.stop is not None: {leave}")
                case Goto(target, _):
                    self._goto(target, depth)
                case If():
                    self._if(item, depth)
                case Loop(header, after, body):
                    self._while(_Frame(header, after), body, depth)
                case Shot(after, body, used):
                    if used:
                        self._while(_Frame(None, after), body, depth)
                    else:
                        self._splice(body, depth)
        if len(self.lines) == before:
            self.lines.append(" " * depth + "pass")

    def _splice(self, body: list[Item], depth: int) -> None:
        if body:
            self.write(body, depth)

    def _if(self, item: If, depth: int) -> None:
        word = "if"
        while True:
            self.lines.append(" " * depth + f"{word} {item.condition}:")
            self.write(item.then, depth + 1)
            if not item.otherwise:
                return
            if word == "if" and ends(item.then):
                self.write(item.otherwise, depth)
                return
            if len(item.otherwise) > 1 or not isinstance(item.otherwise[0], If):
                break
            item, word = item.otherwise[0], "elif"
        self.lines.append(" " * depth + "else:")
        self.write(item.otherwise, depth + 1)

    def _goto(self, target: int, depth: int) -> None:
        if not self.frames:
            raise Crash(f"a jump to block {target} out of everything")
        frame = self.frames[-1]
        if frame.header == target:
            self.lines.append(" " * depth + "continue")
            return
        if frame.after == target:
            frame.left = True
        else:
            frame.through.setdefault(target, []).append(len(self.lines))
            self.lines.append(" " * depth + f"to = {target + 1}")
        self.lines.append(" " * depth + "break")

    def _while(self, frame: _Frame, body: list[Item], depth: int) -> None:
        poll = _take_poll(body) if frame.header is not None else None
        self.lines.append(" " * depth + ("while True:" if poll is None else "while s.stop is None:"))
        self.frames.append(frame)
        self.write(body, depth + 1)
        self.frames.pop()
        if poll is not None:
            # In front of what `break` leads to.
            self.lines += [" " * depth + "else:", " " * (depth + 1) + poll.leave]
        if frame.header is None and not ends(body):
            self.lines.append(" " * (depth + 1) + "break")
            frame.left = True
        through = frame.through
        if not through:
            return
        if not frame.left and len(through) == 1:
            # It is left for one reason only, which need not be told.
            ((target, places),) = through.items()
            for place in places:
                self.lines[place] = ""
            if target in frame.told:
                self.lines.append(" " * depth + "to = 0")
            self._goto(target, depth)
            return
        self.tells = True
        for target in through:
            self.lines.append(" " * depth + f"if to == {target + 1}:")
            outer = self.frames[-1] if self.frames else None
            if outer is not None and target not in (outer.header, outer.after):
                # `to` says so already.
                outer.through.setdefault(target, [])
                outer.told.add(target)
                self.lines.append(" " * (depth + 1) + "break")
                continue
            self.lines.append(" " * (depth + 1) + "to = 0")
            self._goto(target, depth + 1)
