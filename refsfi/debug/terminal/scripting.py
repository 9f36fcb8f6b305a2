"""What scripts in Python see of the debugger, as `refsfi`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.debug.model import FrameView, Stop
from refsfi.debug.session import Session

if TYPE_CHECKING:
    from refsfi.debug.terminal.interpreter import Interpreter

__all__ = ["Scripting"]


class Scripting:
    """`session` is the engine's own object (`refsfi.debug.session.Session`)."""

    def __init__(self, ui: Interpreter) -> None:
        self._ui = ui

    @property
    def session(self) -> Session:
        return self._ui.session

    @property
    def stop(self) -> Stop:
        """Where and why the guest stands still."""
        return self._ui.session.stop

    @property
    def frame(self) -> FrameView:
        """The selected one. DebugError where there is none."""
        return self._ui.frame

    def execute(self, command: str, to_string: bool = False) -> str | None:
        """Do a command; what it writes is returned if `to_string`. DebugError."""
        if not to_string:
            self._ui.do(command)
            return None
        written: list[str] = []
        console = self._ui.console
        self._ui.console = _Collector(console, written)
        try:
            self._ui.do(command)
        finally:
            self._ui.console = console
        return "\n".join(written)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the selected frame: an int or a float where it is a number. DebugError."""
        from refsfi.debug.expressions import number
        from refsfi.debug.model import DebugError

        variable = self._ui.session.evaluate(expression, self._ui.level)
        try:
            return number(variable)
        except DebugError:
            return variable.value

    def read_memory(self, address: int, size: int, instance: int = 0, memory: int = 0) -> bytes:
        """The bytes that there are."""
        return self._ui.session.read_memory(address, size, instance, memory)

    def write(self, text: str) -> None:
        """To the user."""
        self._ui.write(text)


class _Collector:
    """A console that keeps what is written."""

    interactive = False

    def __init__(self, console: Any, lines: list[str]) -> None:
        self.read = console.read
        self.running = console.running
        self.draw = console.draw
        self.size = console.size
        self.write = lines.append
