"""Which tier a program gets: the one place where the interpreter's side knows of the compiler, and only once it is
asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from refsfi.runtime.tier import Tier

if TYPE_CHECKING:
    from refsfi.exec.code import Program

__all__ = [
    "BACKENDS",
    "BOUNDS",
    "DUMPS",
    "MODES",
    "PLENTY",
    "Profiler",
    "ProfilerUnavailable",
    "TierChoice",
    "Watch",
    "disassemble",
    "make_profiler",
    "make_tier",
    "replay_region",
]

Mode: TypeAlias = Literal["on", "off", "force", "check"]

MODES = ("on", "off", "force", "check")
BOUNDS = ("guard", "explicit")
BACKENDS = ("x64", "portable")

# Units of fuel that nothing uses up: for tiers that count instructions by fuel where nobody limits it.
PLENTY = 1 << 62

# What dumps can show, by letter.
DUMPS = {
    "t": "recordings, aborts and hot exits, a line each",
    "b": "the WebAssembly code of a region",
    "i": "its intermediate representation",
    "s": "snapshots: what is restored where it is left",
    "m": "the machine code",
    "x": "exits, as they are taken",
}


class ProfilerUnavailable(Exception):
    """There can be no profile, here or now: this machine has no machine code, somebody else uses the signal that
    samples are taken with, or what is called is not the main thread. The message is a line."""


class Profiler(Protocol):
    """What `make_profiler` makes, `jit.profiling.profiler.Profiler`: measures what happens between `with`, in the main
    thread, and its end. `profile` is a `refsfi.observe.profile.model.Profile`, of what is known so far; after the end,
    of all, and then the file is complete."""

    def attach(self, log: Any) -> None:
        """Listen to a tier's log: for the compiler's side."""

    def module(self, program: Program, path: str, data: bytes) -> None:
        """What a program was loaded from, for replaying its regions."""

    def __enter__(self) -> Profiler:
        """ProfilerUnavailable."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def profile(self, coverage: Mapping[str, Mapping[str, int]] | None = None) -> Any: ...

    def flush(self) -> None:
        """Write to the file what is new."""

    @property
    def file_error(self) -> OSError | None:
        """Why the file is not complete, where it could not be written."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is shown of the tier's work. `lines`: each thing that happens in a line; `dump`: full dumps, with letters of
    DUMPS: to a file of that name, or to the standard error where the name is empty. `perf_map`: names of compiled code
    for Linux `perf`; `jit_dump`: its bytes and lines, too. `profiler`: who is told everything, see `make_profiler`."""

    lines: str | None = None
    dump: str | None = None
    dumped: frozenset[str] = frozenset("tbism")
    perf_map: bool = False
    jit_dump: bool = False
    profiler: Profiler | None = None


@dataclass(frozen=True, slots=True)
class TierChoice:
    """`mode`: `on` compiles what is hot, `force` everything at once, `check` compiles and compares with the
    interpreter, `off` nothing. `bounds`: whether memory accesses rely on guard pages or are compared explicitly.
    `backend`: None for the best one that this machine allows. `tuning`: names and values of `jit.options`."""

    mode: str = "off"
    bounds: str = "guard"
    backend: str | None = None
    watch: Watch = Watch()
    tuning: tuple[tuple[str, int], ...] = ()


def make_tier(choice: TierChoice) -> Tier | None:
    """A tier as chosen; None where everything is to be interpreted. OSError where a file cannot be written."""
    if choice.mode == "off":
        return None
    tier: Tier | None = import_module("jit.select").make(choice)
    return tier


def make_profiler(file: IO[str] | None = None, *, interval: int = 1_000_000) -> Profiler:
    """A profiler for `Watch.profiler`. `file`: where its rows are written as they come; without one, the graphs of
    regions are not kept. `interval`: ns between samples, 0 for none. ProfilerUnavailable."""
    why = import_module("jit.select").obstacle() if interval else None
    if why is not None:
        raise ProfilerUnavailable(f"threads are sampled by machine code, which there is none of: {why}")
    try:
        made: Profiler = import_module("jit.profiling.profiler").Profiler(file, interval=interval)
    except ImportError as error:
        raise ProfilerUnavailable(f"the profiler needs what is not installed: {error}") from error
    return made


def replay_region(profile: Any, number: int, *, explicit: bool = False) -> Iterator[Any]:
    """What each pass makes of a region of a profile: see `jit.profiling.replay`. ProfileError; ImportError where there
    is no compiler."""
    stages: Iterator[Any] = import_module("jit.profiling.replay").replay(profile, number, explicit=explicit)
    return stages


def disassemble(code: bytes, address: int) -> list[tuple[int, bytes, str]]:
    """Machine code as (address, bytes, instruction); the text is empty where no disassembler is installed. ImportError
    where there is no compiler."""
    return [(line.address, line.code, line.text) for line in import_module("jit.x64.disasm").disassemble(code, address)]
