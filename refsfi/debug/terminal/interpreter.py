"""Reads commands and does them. The commands themselves are in the modules that are imported at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from refsfi.debug.model import DebugError, FrameView, Place, Stop
from refsfi.debug.session import Session
from refsfi.debug.terminal import stops
from refsfi.debug.terminal.code import Code
from refsfi.debug.terminal.settings import Settings
from refsfi.debug.terminal.table import find
from refsfi.errors import LimitError, LinkError
from refsfi.exec.code import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from refsfi.debug.terminal.console import Console

__all__ = ["Interpreter", "Quit"]

# Commands within commands: definitions that call themselves, files that read themselves.
_DEEPEST: Final = 50


class Quit(Exception):
    """The user wants to go."""


class Interpreter:
    """Of one session. `paths` are the files of the programs; `begin` is the name of the function that the run calls.

    `level` is the selected frame; `displays`, `checkpoints`, `definitions` are what the user has asked to be kept.
    """

    def __init__(
        self,
        session: Session,
        console: Console,
        programs: Sequence[Program],
        paths: Sequence[str],
        begin: str | None = None,
    ) -> None:
        self.session = session
        self.console = console
        self.code = Code(programs, paths)
        self.begin = begin
        self.settings = Settings()
        self.level = 0
        self.displays: dict[int, tuple[str, str]] = {}
        self.checkpoints: dict[int, tuple[int, Place | None]] = {}
        self.definitions: dict[str, list[str]] = {}
        self.documents: dict[str, str] = {}
        self.layout: str | None = None
        # Where `list` and `x` go on.
        self.listed: Any = None
        self.examined: Any = None
        self.python: dict[str, Any] = {}
        self._feeds: list[Callable[[str], str | None]] = []
        self._last = ""
        self._deep = 0
        session.lines = self.code.line

    # --- reading -----------------------------------------------------------------------------------------------------

    def loop(self) -> bool:
        """Commands from the console until it has no more, or `quit`. Whether all that was asked for could be done."""
        fine = True
        with self._fed(self.console.read):
            while True:
                try:
                    line = self.console.read(self.settings.prompt)
                except KeyboardInterrupt:
                    self.write("Quit")
                    continue
                if line is None:
                    return fine
                fine = self.attempt(line, repeat=self.console.interactive) and fine

    def attempt(self, line: str, *, repeat: bool = False) -> bool:
        """Do a command and say why it could not be done, if so."""
        try:
            self.do(line, repeat=repeat)
            return True
        except DebugError as error:
            self.write(str(error))
        except KeyboardInterrupt:
            self.write("Quit")
        except (LinkError, LimitError, OSError) as error:
            self.write(f"{error}")
        except RecursionError:
            self.write("that is nested too deep")
        return False

    def script(self, lines: Iterable[str]) -> None:
        """Do them in order; the first that cannot be done ends it. DebugError."""
        rest = iter(lines)
        with self._fed(lambda prompt: next(rest, None)):
            for line in rest:
                self.do(line)

    @contextmanager
    def _fed(self, feed: Callable[[str], str | None]) -> Iterator[None]:
        if len(self._feeds) >= _DEEPEST:
            raise DebugError(f"commands are nested more than {_DEEPEST} deep")
        self._feeds.append(feed)
        try:
            yield
        finally:
            self._feeds.pop()

    def block(self, what: str) -> list[str]:
        """The lines up to `end`, those of blocks within included."""
        if self.console.interactive and len(self._feeds) == 1:
            self.write(f'Type {what}, one a line. End with a line that says just "end".')
        lines: list[str] = []
        open = 1
        while True:
            line = self._feeds[-1](">") if self._feeds else None
            if line is None:
                raise DebugError(f'the end of {what} is missing: a line "end"')
            words = line.split(None, 1)
            word = words[0] if words else ""
            # Python in the same line has no block.
            open += word in _OPENING and not (word in ("python", "py") and len(words) > 1)
            open -= word == "end"
            if not open:
                return lines
            lines.append(line)

    def do(self, line: str, *, repeat: bool = False) -> None:
        """A command. DebugError where it cannot be done."""
        line = line.strip()
        if not line and repeat:
            line = self._last
        if not line or line.startswith("#"):
            return
        word, _, rest = line.partition(" ")
        if word in self.definitions:
            self._last = line
            self._call(word, rest)
            return
        command, rest = find(line)
        self._last = ""
        command.run(self, rest.strip())
        self._last = (self._last or line) if command.repeats else ""

    def repeat_as(self, line: str) -> None:
        """An empty line behind this command does another one: what goes on."""
        self._last = line

    def _call(self, name: str, text: str) -> None:
        arguments = text.split()
        body = []
        for line in self.definitions[name]:
            line = line.replace("$argc", str(len(arguments)))
            for number in reversed(range(10)):
                if f"$arg{number}" in line and number >= len(arguments):
                    raise DebugError(f"{name} needs argument {number + 1}")
                line = line.replace(f"$arg{number}", arguments[number] if number < len(arguments) else "")
            body.append(line)
        self.script(body)

    # --- telling -----------------------------------------------------------------------------------------------------

    def write(self, text: str = "") -> None:
        for line in text.split("\n"):
            self.console.write(line)

    def confirmed(self, question: str) -> bool:
        """Ask, where somebody is there to answer."""
        if not (self.settings.confirm and self.console.interactive):
            return True
        answer = self.console.read(f"{question} (y or n) ")
        return answer is not None and answer.strip().lower() in ("y", "yes")

    # --- the guest ---------------------------------------------------------------------------------------------------

    @property
    def frame(self) -> FrameView:
        """The selected one. DebugError where there is none."""
        frames = self.session.frames(self.level + 1)
        if self.level >= len(frames):
            raise DebugError("there is no frame: the guest is not in a function")
        return frames[self.level]

    @property
    def place(self) -> Place | None:
        frames = self.session.frames(self.level + 1)
        return frames[self.level].place if self.level < len(frames) else None

    def move(self, how: Callable[[], Stop]) -> Stop:
        """Have the guest go somewhere, and tell where it has come to."""
        try:
            with self.console.running():
                stop = how()
        except KeyboardInterrupt:
            # A call of the host was broken off. The guest stands in front of it, and the session is to know.
            stop = self.session.goto(self.session.clock)
        self.arrived(stop)
        return stop

    def arrived(self, stop: Stop) -> None:
        self.level = 0
        self.listed = None
        stops.tell(self, stop)
        self.after_stop()
        self._commands_of(stop)

    def after_stop(self) -> None:
        """What is shown whenever the guest stands still."""
        for number, (expression, format) in list(self.displays.items()):
            stops.show_display(self, number, expression, format)
        if self.layout is not None:
            self.draw()

    def draw(self) -> None:
        from refsfi.debug.terminal.panes import screen

        self.console.draw(screen(self, self.layout or "all"))

    def _commands_of(self, stop: Stop) -> None:
        """What is to be done where a breakpoint is hit. A stop is always told: `silent` changes nothing."""
        for b in self.session.breakpoints:
            if b.number in stop.hits and b.commands:
                self.script(line for line in b.commands if line.strip() != "silent")


_OPENING: Final = frozenset("commands define document python py if while".split())


# Each registers its commands.
from refsfi.debug.terminal import data, looking, past, points, running, support  # noqa: E402, F401
