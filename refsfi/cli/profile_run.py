"""A run of the command line under the profiler: what is measured, shown meanwhile, kept and told at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

from refsfi.cli.files import display_name, write_output
from refsfi.cli.main import EXIT_INTERRUPTED
from refsfi.cli.report import Failure, complain, reason
from refsfi.cli.session import Session, Settings
from refsfi.exec.code import Program
from refsfi.exec.tiers import Profiler, ProfilerUnavailable, make_profiler
from refsfi.observe.profile.model import Profile

__all__ = ["Asked", "exported", "run"]


@dataclass(frozen=True, slots=True)
class Asked:
    """`output`: the file that is written, None for none; in an export `form`, or None for the profile as it is.
    `interval`: ns between samples. `live`: whether anything is shown while the program runs. `lines`: the report."""

    output: str | None
    form: str | None
    interval: int
    live: bool
    lines: Callable[[Profile], Sequence[str]]


class _Profiled(Session):
    """Tells a profiler what is loaded."""

    def __init__(self, settings: Settings, profiler: Profiler) -> None:
        super().__init__(settings)
        self._profiler = profiler

    def _load(self, data: bytes, path: str) -> Program:
        program = super()._load(data, path)
        self._profiler.module(program, display_name(path), data)
        return program

    def profile(self) -> Profile:
        found: Profile = self._profiler.profile(None if self._tier is None else self._tier.coverage())
        return found


def run(settings: Settings, asked: Asked, data: bytes) -> int:
    """Run the module `data`; the exit code. However the program ends, there is a report of it. Failure, UsageError."""
    with _written(asked) as file:
        profiler = _profiler(file, asked.interval)
        about = profiler.profile()
        about.program, about.arguments = display_name(settings.path), list(settings.arguments)
        watch = replace(settings.tier.watch, profiler=profiler)
        session = _Profiled(replace(settings, tier=replace(settings.tier, watch=watch)), profiler)
        try:
            with _measuring(profiler), _shown(asked, profiler):
                code = session.run(data)
        except KeyboardInterrupt:
            code = EXIT_INTERRUPTED
        profile = session.profile()
    if asked.output is not None and asked.form is not None:
        write_output(exported(profile, asked.form).encode("utf-8", "backslashreplace"), asked.output)
    # What the guest has printed comes before what is said about it.
    if sys.stdout is not None:
        sys.stdout.flush()
    for line in asked.lines(profile):
        complain(line)
    if profiler.file_error is not None:
        raise _unwritten(asked.output, profiler.file_error)
    return code


def exported(profile: Profile, form: str) -> str:
    """A profile in another tool's format, one of `refsfi.observe.export.FORMATS`."""
    from refsfi.observe.export import FORMATS
    from refsfi.observe.export.timed import exportable

    return FORMATS[form](exportable(profile))


@contextmanager
def _opened(path: str | None) -> Iterator[IO[str]]:
    """The file that is to be written: that it can be is known before anything runs. Where none is asked for, one that
    keeps nothing: only what is written has the graphs of regions. Failure."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(os.devnull if path is None else path, "w", encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _unwritten(path, error) from None
        yield file
        try:
            file.close()
        except OSError as error:
            raise _unwritten(path, error) from None


@contextmanager
def _written(asked: Asked) -> Iterator[IO[str]]:
    """Where the profile is written to as it comes: an export is written at the end, as a whole."""
    with _opened(asked.output) as file:
        if asked.form is None:
            yield file
            return
        with _opened(None) as nothing:
            yield nothing


def _unwritten(path: str | None, error: OSError | ValueError) -> Failure:
    told = reason(error) if isinstance(error, OSError) else error
    return Failure(f"-o {path}: cannot be written: {told}")


def _profiler(file: IO[str], interval: int) -> Profiler:
    try:
        return make_profiler(file, interval=interval)
    except ProfilerUnavailable as error:
        raise _unmeasured(error) from None


@contextmanager
def _measuring(profiler: Profiler) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(profiler)
        except ProfilerUnavailable as error:
            raise _unmeasured(error) from None
        yield


def _unmeasured(error: ProfilerUnavailable) -> Failure:
    return Failure(f"cannot profile: {error}; --interval 0 measures without samples, and refsfi doctor tells more")


@contextmanager
def _shown(asked: Asked, profiler: Any) -> Iterator[None]:
    from refsfi.cli.profile_screen import screen

    with screen(profiler, asked.live):
        yield
