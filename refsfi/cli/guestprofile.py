"""`--profile=guest[,FILE[,INTERVAL]]`: where the guest spends its time, sampled, for the Firefox Profiler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from refsfi.cli.files import display_name
from refsfi.cli.keys import duration
from refsfi.cli.options import UsageError
from refsfi.exec.code import Program
from refsfi.observe.export.firefox import firefox
from refsfi.observe.modules import Modules
from refsfi.observe.sampler import Sampler
from refsfi.runtime.store import Store

__all__ = ["GuestProfile", "guest_profile", "sampled"]

# The shortest interval, in seconds: looking at the guest takes a few hundredths of that.
_SHORTEST: Final = 0.001


@dataclass(frozen=True, slots=True)
class GuestProfile:
    """Which file is written; `interval` in seconds."""

    path: str = "refsfi-guest-profile.json"
    interval: float = 0.01


def guest_profile(text: str) -> GuestProfile:
    """What is given to `--profile`. UsageError."""
    _, _, rest = text.partition(",")
    path, _, interval = rest.partition(",")
    default = GuestProfile()
    try:
        seconds = duration(interval) if interval else default.interval
    except ValueError as error:
        raise UsageError(f"--profile={text}: {error}") from None
    if seconds < _SHORTEST:
        raise UsageError(f"--profile={text}: the interval must be 1ms or more")
    return GuestProfile(path or default.path, seconds)


@contextmanager
def sampled(asked: GuestProfile, store: Store, paths: Mapping[Program, str], main: str) -> Iterator[None]:
    """Sample what this thread runs in a store, however it ends, and write the file. OSError where that cannot be
    written, which is known before anything runs."""
    modules = Modules()
    for program, path in paths.items():
        modules.add(program, display_name(path))
    with open(asked.path, "w", encoding="utf-8") as file:
        sampler = Sampler(store, modules, asked.interval)
        try:
            with sampler:
                yield
        finally:
            file.write(firefox(sampler.profile(display_name(main))))
