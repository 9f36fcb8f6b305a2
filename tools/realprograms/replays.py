"""Tasks recorded and run again, each time in a process of its own, and what there is to say of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.realprograms.fetch import Store
from tools.realprograms.list import ROOT, Task
from tools.realprograms.recorded import Again, Recorded
from tools.realprograms.run import DIFFERS, GRACE, SAME, UNFETCHED, obstacle, run_task

__all__ = ["EXACT", "Replayed", "exit_code", "header", "line", "replay_task", "summary"]

# Verdicts, beside those of `run`.
EXACT, NOT_EXACT, NOT_RECORDED = "exact", "not exact", "not recorded"


@dataclass(slots=True)
class Replayed:
    """`plain`, `recorded`, `again`: seconds of the processor for the run as it is, recorded, and from the recording in
    the tier that it was recorded in. `calls` are those of the host, `size` the bytes of the recording. `detail`: the
    first difference, or why there was no run."""

    id: str
    verdict: str
    detail: str = ""
    plain: float | None = None
    recorded: float | None = None
    again: float | None = None
    fuel: int = 0
    calls: int = 0
    size: int = 0


class _Failed(Exception):
    """A process that did not do what it was started for."""


def replay_task(task: Task, store: Store, engine: str, others: Sequence[str], limit: float) -> Replayed:
    """Run a task, record it and run it again, in the tier `engine` and then in `others`. One that takes more than
    `limit` seconds is left out."""
    why = obstacle(task, store)
    if why is not None:
        return Replayed(task.id, why.verdict, why.detail)
    plain = run_task(task, store, engine, limit)
    if plain.verdict != SAME:
        return Replayed(task.id, plain.verdict, plain.detail)
    found = Replayed(task.id, NOT_RECORDED, plain=plain.cpu)
    with tempfile.TemporaryDirectory(prefix="refsfi-replay-") as folder:
        log = Path(folder, "log")
        try:
            recorded = Recorded(**_process(store, limit, "record", task.id, str(log), "--engine", engine))
            found.recorded, found.size, found.detail = recorded.cpu, recorded.size, recorded.detail
            if recorded.detail:
                return found
            for tier in (engine, *others):
                found.verdict = NOT_EXACT
                again = Again(**_process(store, limit, "again", str(log), "--engine", tier))
                differences = list(again.differences)
                if task.expect is not None and again.outputs != recorded.outputs:
                    differences.append("the output is another")
                if differences:
                    found.detail = f"{tier}: {differences[0]}"
                    return found
                if found.again is None:
                    found.again, found.fuel, found.calls = again.cpu, again.fuel, again.calls
        except _Failed as error:
            found.detail = str(error)
            return found
    found.verdict = EXACT
    return found


def _process(store: Store, limit: float, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "tools" / "corpus"), *arguments]
    if store.shared is not None:
        command += ["--shared", str(store.shared)]
    environment = {**os.environ, "REFSFI_CORPUS_CACHE": str(store.cache)}
    seconds = None if not limit else 10 * limit + GRACE
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise _Failed(f"{arguments[0]}: stopped after {seconds:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise _Failed(f"{arguments[0]}: {lines[-1][:300] if lines else f'ended with {done.returncode}'}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- the table -------------------------------------------------------------------------------------------------------

_HEADER = ("task", "instructions", "host calls", "log bytes", "plain s", "recorded", "replayed", "verdict")


def header() -> Iterator[str]:
    yield _row(_HEADER)
    yield "-" * 94


def line(found: Replayed) -> str:
    return _row(
        (
            found.id,
            f"{found.fuel:,}" if found.fuel else "",
            f"{found.calls:,}" if found.fuel else "",
            f"{found.size:,}" if found.size else "",
            "" if found.plain is None else f"{found.plain:.2f}",
            _ratio(found.recorded, found.plain),
            _ratio(found.again, found.plain),
            f"{found.verdict}: {found.detail}" if found.detail else found.verdict,
        )
    )


def _ratio(seconds: float | None, plain: float | None) -> str:
    return f"{seconds / plain:.2f}x" if seconds is not None and plain else ""


def _row(cells: Sequence[str]) -> str:
    name, fuel, calls, size, plain, recorded, again, verdict = cells
    return f"{name:22} {fuel:>13} {calls:>10} {size:>10} {plain:>7} {recorded:>8} {again:>8}  {verdict}"


def summary(results: Sequence[Replayed]) -> str:
    counts: dict[str, int] = {}
    for found in results:
        counts[found.verdict] = counts.get(found.verdict, 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items(), key=lambda item: -item[1]))


def exit_code(results: Sequence[Replayed]) -> int:
    """As `report.exit_code`: 1 where a task is not exact, failed or could not be fetched, or where none was run."""
    if any(found.verdict in (NOT_EXACT, NOT_RECORDED, DIFFERS, UNFETCHED) for found in results):
        return 1
    return 0 if any(found.verdict == EXACT for found in results) else 1
