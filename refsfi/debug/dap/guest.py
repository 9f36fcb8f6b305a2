"""What is debugged, as whoever starts it hands it over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.session import Session
from refsfi.exec.code import Program

__all__ = ["Guest", "Launcher", "Output"]

# Bytes of output that are kept while no client is there to show them.
_MOST_KEPT = 1 << 16


class Output:
    """Where the guest's output goes: to the client that is connected, the next one if there is none."""

    def __init__(self) -> None:
        self._to: Callable[[str, bytes], None] | None = None
        self._kept: list[tuple[str, bytes]] = []
        self._size = 0

    def write(self, stream: str, data: bytes) -> None:
        """`stream` is stdout or stderr."""
        if self._to is not None:
            self._to(stream, data)
        elif self._size + len(data) <= _MOST_KEPT:
            self._size += len(data)
            self._kept.append((stream, data))

    def connect(self, to: Callable[[str, bytes], None] | None) -> None:
        self._to = to
        if to is not None:
            kept, self._kept, self._size = self._kept, [], 0
            for stream, data in kept:
                to(stream, data)


def _nothing() -> None:
    pass


@dataclass(slots=True)
class Guest:
    """A session that stands in front of the first instruction. `paths` are the files of its modules, `close` lets go of
    what it has opened."""

    session: Session
    paths: Mapping[Program, str]
    output: Output = field(default_factory=Output)
    close: Callable[[], None] = _nothing

    @property
    def programs(self) -> Sequence[Program]:
        return list(self.paths)


class Launcher(Protocol):
    """Starts guests. `given` is the one of the command line, None where there is none; it stays when a client is
    lost. `detached`: a client has left it to itself."""

    given: Guest | None
    detached: bool

    def launch(self, arguments: Arguments) -> Guest:
        """What the client's arguments describe, or the command line, if they name no program. DebugError."""
