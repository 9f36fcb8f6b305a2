"""`-D`, and what is done once the guest has failed: the report, and the core dump if one was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from refsfi.cli.files import display_name
from refsfi.cli.keys import Key, Keys, number, stored, switch
from refsfi.cli.report import reason
from refsfi.errors import GuestException, Trap

if TYPE_CHECKING:
    from refsfi.exec.code import Program
    from refsfi.exec.postmortem import PostMortem
    from refsfi.runtime.store import Instance, Store

__all__ = ["Aftermath", "DebugSettings", "debug_help", "parse_debug_settings"]

# Calls of the host that an explanation shows: what led to a failure, not everything that the guest has done.
_MOST_CALLS: Final = 8


@dataclass(slots=True)
class DebugSettings:
    """`backtrace` is how many frames a report shows, None for the usual number; `coredump` the core dump's file."""

    backtrace: int | None = None
    coredump: str | None = None
    debug_info: bool = True


def _path(value: str | None) -> str:
    if not value:
        raise ValueError("the name of a file is needed")
    return value


_KEYS: Final = Keys(
    "-D",
    [
        Key("coredump=FILE", "write a core dump there when the guest traps", stored("coredump", _path)),
        Key(
            "debug-info=y|n",
            "show where in the source a trap happened, if the\nmodule has debug information (y if not said)",
            stored("debug_info", switch),
        ),
        Key("max-backtrace=N", "frames that a trap's report shows (20)", stored("backtrace", number)),
    ],
)


def debug_help() -> str:
    """What `-D help` shows."""
    return "\n".join(["-D options, several separated by commas:", "", *_KEYS.help()])


def parse_debug_settings(keys: Iterable[str]) -> DebugSettings:
    """From what -D was given. UsageError."""
    settings = DebugSettings()
    _KEYS.apply(keys, settings)
    return settings


class Aftermath:
    """Of one store; made before its guest runs. `trap` is one of `traps.MODES`."""

    def __init__(self, store: Store, trap: str, settings: DebugSettings) -> None:
        self._trap = trap
        self._settings = settings
        self._calls: deque[str] = deque(maxlen=_MOST_CALLS)
        self._witness: PostMortem | None = None
        if self.explains or settings.coredump is not None:
            from refsfi.exec.postmortem import PostMortem

            store.witness = self._witness = PostMortem()

    @property
    def explains(self) -> bool:
        """Whether the report tells what was asked of the host; `called` is to be told then."""
        return self._trap != "text"

    def called(self, line: str) -> None:
        """Note a call of the host."""
        self._calls.append(line.removeprefix("wasi: "))

    def report(
        self, error: Trap | GuestException, context: str, instances: Sequence[Instance], paths: Mapping[Program, str]
    ) -> list[str]:
        """The lines to show; writes the core dump. `paths` are the files of the programs, the main one first."""
        from refsfi.cli.traps import Reporter

        # The last line, which tells a trap from a guest's own exit code, stays the last.
        dumped = self._dump(instances, paths)
        reporter = Reporter(self._trap, self._settings.debug_info, self._witness, tuple(self._calls))
        if isinstance(error, Trap):
            return [*dumped, *reporter.trap(error, context)]
        return [*dumped, *reporter.exception(error, context, instances)]

    def _dump(self, instances: Sequence[Instance], paths: Mapping[Program, str]) -> list[str]:
        path = self._settings.coredump
        if path is None or self._witness is None:
            return []
        from refsfi.debug.coredump import CoreDump

        names = [display_name(path) for path in paths.values()]
        dump = CoreDump(
            self._witness, instances, names[0] if names else "", lambda program: display_name(paths.get(program, ""))
        )
        try:
            with open(path, "wb") as file:
                for piece in dump.pieces():
                    file.write(piece)
        except OSError as error:
            return [f"warning: no core dump: {path}: {reason(error)}"]
        return [f"warning: {path}: not in the core dump: {what}" for what in dump.left_out]
