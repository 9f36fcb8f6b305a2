"""`-R path=FILE`: the recording of a run of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from refsfi.cli.keys import Key, Keys, stored
from refsfi.cli.options import UsageError
from refsfi.cli.report import Failure, reason
from refsfi.cli.wasi import WASI_MODULES
from refsfi.debug.journal import Tracker
from refsfi.debug.recording.write import Recorder
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import HostFunc, Store
from refsfi.syntax.features import Features

__all__ = ["WasiTracker", "record_help", "record_path", "recorded"]


class _Settings:
    path: str | None = None


_KEYS: Final = Keys(
    "-R",
    [Key("path=FILE", "write everything that comes into the sandbox to\nFILE, for refsfi replay", stored("path", str))],
)


def record_help() -> str:
    """What `-R help` shows."""
    return "\n".join(["-R options, several separated by commas:", "", *_KEYS.help()])


def record_path(texts: Iterable[str]) -> str | None:
    """The file that is named. UsageError."""
    settings = _Settings()
    texts = list(texts)
    _KEYS.apply(texts, settings)
    if texts and not settings.path:
        raise UsageError("-R: path=FILE expected")
    return settings.path


@contextmanager
def recorded(path: str, store: Store, features: Features) -> Iterator[Recorder]:
    """Record what is done meanwhile, and how it ends. Failure where the file cannot be written."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "wb"))
        except OSError as error:
            raise Failure(f"-R path={path}: cannot be written: {reason(error)}") from None
        except ValueError as error:
            raise Failure(f"-R path={path}: {error}") from None
        recorder = Recorder(file, store, features)
        try:
            yield recorder
        except BaseException as error:
            recorder.end(error)
            raise
        recorder.end(recorder.results)


class WasiTracker:
    """Collects what WASI writes to its guest's memory: an observer of WASI, and a tracker for the log. `store` gives
    the store of the guest that calls."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._writes: list[tuple[int, bytes]] = []

    def of(self, function: HostFunc) -> Tracker | None:
        """Itself for a function of WASI's."""
        return self if function.name.partition(".")[0] in WASI_MODULES else None

    # --- of the log

    def begin(self) -> None:
        self._writes.clear()

    def end(self) -> list[tuple[MemInst, int, bytes]]:
        if not self._writes:
            return []
        inst = getattr(self._store().frame, "inst", None)
        memory = None if inst is None else inst.exports.get("memory")
        return [(memory, address, data) for address, data in self._writes] if isinstance(memory, MemInst) else []

    # --- of WASI

    def entered(self, name: str, arguments: tuple[int, ...]) -> None:
        pass

    def wrote(self, address: int, data: memoryview) -> None:
        self._writes.append((address, bytes(data)))

    def left(self, name: str, errno: int) -> None:
        pass
