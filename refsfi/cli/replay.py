"""`refsfi replay`: a recorded run once more, without its host."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from refsfi.cli.aftermath import Aftermath, DebugSettings
from refsfi.cli.debug import DEBUGGER_OPTIONS, Asked, debug
from refsfi.cli.files import describe, read_input
from refsfi.cli.jit import JIT_OPTIONS, tier_choice
from refsfi.cli.options import Command, Option, Parsed, UsageError
from refsfi.cli.report import EXIT_TRAP, Failure, complain, execute
from refsfi.debug.journal import Call
from refsfi.debug.model import DebugError
from refsfi.debug.recording.output import written
from refsfi.debug.recording.read import Recording
from refsfi.debug.recording.replay import Replay
from refsfi.debug.session import Session
from refsfi.errors import GuestException, GuestExit, Trap, WasmError
from refsfi.exec.tiers import make_tier
from refsfi.runtime.store import Instance

__all__ = ["main", "read_recording"]

_COMMAND = Command(
    "replay",
    "refsfi replay [OPTIONS] LOG",
    "Run once more what refsfi run -R path=LOG has recorded: the same instructions,\n"
    "with no host. What the guest wrote to its standard output and error is shown\n"
    "again; nothing else is touched.",
    [
        Option("--debug", "debug the run instead: refsfi debug, with its commands"),
        *DEBUGGER_OPTIONS,
        *JIT_OPTIONS,
    ],
    "Exit codes: as those of the recorded run; 125 if the recording ends before the\n"
    "run did; 1 if it cannot be read, or the run is not the recorded one; 2 wrong\n"
    "usage.",
)

# The recording ends before the run did: what `git bisect run` takes as "neither good nor bad".
EXIT_BROKEN_OFF: Final = 125


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("replay", _run, arguments)


def read_recording(path: str) -> Recording:
    """Failure where it is none."""
    try:
        return Recording.read(read_input(path))
    except WasmError as error:
        raise Failure(f"{path}: {error}") from None


def _run(arguments: Sequence[str]) -> int:
    parsed = _COMMAND.parse(arguments)
    if len(parsed.operands) != 1:
        raise UsageError("one recording is expected: refsfi replay LOG")
    (path,) = parsed.operands
    recording = read_recording(path)
    if "debug" in parsed:
        return _debug(path, recording, parsed)
    try:
        replay = Replay(recording, make_tier(tier_choice(parsed, None)), _echo)
        outcome = replay.run()
    except WasmError as error:
        raise Failure(describe(path, error)) from None
    except DebugError as error:
        raise Failure(f"{path}: {error}") from None
    differences = replay.differences(outcome)
    if differences:
        raise Failure(f"{path}: the run is not the recorded one: {'; '.join(differences)}")
    if outcome is None:
        complain(f"{path}: the recording ends here: the run was broken off")
        return EXIT_BROKEN_OFF
    if sys.stdout is not None:
        sys.stdout.flush()
    if isinstance(outcome, GuestExit):
        return outcome.code & 0xFF or (1 if outcome.code else 0)
    if isinstance(outcome, Trap | GuestException):
        paths = dict.fromkeys(replay.programs, path)
        for line in Aftermath(replay.store, "text", DebugSettings()).report(
            outcome, "failed as it was recorded", replay.instances, paths
        ):
            complain(line)
        return EXIT_TRAP
    return 0


def _debug(path: str, recording: Recording, parsed: Parsed) -> int:
    """The recorded run under the debugger."""
    asked = Asked()
    asked.take(parsed)
    try:
        programs = recording.programs()
        session = Session(recording.target(programs), journal=recording.journal())
        return debug(session, programs, [path] * len(programs), asked)
    except WasmError as error:
        raise Failure(describe(path, error)) from None
    except DebugError as error:
        raise Failure(f"{path}: {error}") from None


def _echo(call: Call, inst: Instance) -> None:
    """Show what the guest wrote to its standard output or error."""
    fd, piece = written(call, inst) or (0, b"")
    if fd in (1, 2):
        while piece:
            piece = piece[os.write(fd, piece) :]
