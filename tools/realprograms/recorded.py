"""A task recorded while it runs, and run again from its recording: in a process that has no host and no WASI."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refsfi.debug.journal import Call
from refsfi.debug.recording.output import written
from refsfi.debug.recording.read import Recording
from refsfi.debug.recording.replay import Replay
from refsfi.errors import WasmError
from refsfi.exec.tiers import TierChoice, make_tier
from tools.realprograms.fetch import Store
from tools.realprograms.list import Task
from tools.realprograms.tasks import GuestAbort, Mismatch, check_command, make_folders, run_steps
from tools.realprograms.tasks import GuestExit as Exited

__all__ = ["TIERS", "Again", "Recorded", "record_here", "replay_here"]

# Of the engines of `tools/corpus run`.
TIERS = {"refsfi": TierChoice("off"), "jit": TierChoice("on")}


@dataclass(slots=True)
class Recorded:
    """`cpu`: seconds of the processor, from the first instantiation to the end. `outputs`: digests of what went to
    standard output and error of WASI. `detail` says what went wrong, and is empty where nothing did."""

    cpu: float
    outputs: list[str]
    size: int
    detail: str = ""


@dataclass(slots=True)
class Again:
    """A recording run again: `fuel` and `calls` are those of the run, `differences` all that were found."""

    cpu: float
    outputs: list[str]
    fuel: int
    calls: int
    differences: list[str]


def record_here(task: Task, store: Store, engine: str, path: Path) -> Recorded:
    """Run a task in this process and write its recording. Unavailable where something it needs is not at hand."""
    from tools.realprograms.recorder import RecordedGuest

    binaries = {linked.name: store.read(linked.file) for linked in task.modules}
    detail, code = "", None
    with tempfile.TemporaryDirectory(prefix="refsfi-corpus-") as scratch, path.open("wb") as file:
        folders = make_folders(task, store.shared, Path(scratch))
        guest = RecordedGuest(task, store.shared, folders, binaries, file, TIERS[engine])
        began = time.process_time()
        try:
            guest.start()
            if task.expect is None:
                run_steps(guest)
            else:
                code = guest.run_command()
        except (Mismatch, GuestAbort, Exited, WasmError) as error:
            detail = f"{type(error).__name__}: {error}"
        guest.recorder.end()
        took = time.process_time() - began
        if code is not None:
            try:
                check_command(task, code, bytes(guest.stdout), bytes(guest.stderr), folders)
            except Mismatch as error:
                detail = str(error)
    outputs = [_digest(guest.stdout), _digest(guest.stderr)]
    return Recorded(took, outputs, path.stat().st_size, detail)


def replay_here(path: Path, engine: str) -> Again:
    """Run a recording again in this process. RecordingError and the like where it cannot be run at all."""
    outputs: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
    calls = 0

    def called(call: Call, inst: Any) -> None:
        nonlocal calls
        calls += 1
        found = written(call, inst)
        if found is not None and found[0] in outputs:
            outputs[found[0]] += found[1]

    recording = Recording.read(path.read_bytes())
    replay = Replay(recording, make_tier(TIERS[engine]), called)
    began = time.process_time()
    outcome = replay.run()
    took = time.process_time() - began
    differences = replay.differences(outcome)
    if outcome is None or recording.cut:
        differences.append("the recording was cut short")
    differences += [f"{name} is loaded" for name in sys.modules if name.startswith("refsfi.host")][:1]
    end = recording.end or {}
    return Again(took, [_digest(outputs[1]), _digest(outputs[2])], int(end.get("fuel") or 0), calls, differences)


def _digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()
