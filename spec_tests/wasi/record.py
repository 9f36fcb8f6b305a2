"""Shows what programs do in refsfi and in wasmtime, and makes golden files of it.

    python -m spec_tests.wasi.record [--write] [NAME…]

Reasons that a golden file has stay; where there is none yet, it says WHY, which no test accepts.
"""

from __future__ import annotations

import difflib
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from spec_tests.wasi.engines import run_refsfi, run_wasmtime
from spec_tests.wasi.harness import NOTE, NOTHING, ONLY_WASMTIME, Case, cases


def _both(case: Case) -> tuple[list[str], list[str] | None]:
    lines: list[list[str]] = []
    for run in (run_refsfi, run_wasmtime):
        if run is run_wasmtime and case.not_in_wasmtime:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            lines.append(run(case, Path(scratch)).lines())
    return lines[0], lines[1] if len(lines) > 1 else None


def _merge(ours: list[str], theirs: list[str] | None, known: dict[str, str]) -> list[str]:
    """Golden lines. Reasons that are `known` stay; for others there is `WHY`."""
    if theirs is None:
        return ours
    merged: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        left, right = ours[a:b], theirs[c:d]
        if tag == "equal":
            merged += left
            continue
        while left or right:
            step = _rank(left) - _rank(right)
            line = left.pop(0) if step <= 0 else ""
            other = right.pop(0) if step >= 0 else NOTHING
            merged.append(
                f"{line}{NOTE}{other}; {known.get(line, 'WHY')}"
                if line
                else f"{ONLY_WASMTIME}{other}; {known.get(other, 'WHY')}"
            )
    return merged


def _rank(lines: list[str]) -> int:
    """Where the first line belongs: lines of different kinds are not told side by side."""
    if not lines:
        return 4
    return {"out": 0, "err": 1, "end": 2}.get(lines[0].split(" ")[0].rstrip(","), 3)


def _reasons(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text("utf-8").splitlines():
        key, noted, note = line.partition(NOTE)
        if noted:
            found[key] = note.rsplit("; ", 1)[1]
        elif line.startswith(ONLY_WASMTIME):
            key, reason = line.removeprefix(ONLY_WASMTIME).rsplit("; ", 1)
            found[key] = reason
    return found


def main(arguments: Iterable[str]) -> None:
    names = [argument for argument in arguments if argument != "--write"]
    for case in cases():
        if names and case.name not in names:
            continue
        print(f"=== {case.name}", flush=True)
        lines = _merge(*_both(case), _reasons(case.golden))
        if "--write" in sys.argv:
            head = case.golden.read_text("utf-8").splitlines() if case.golden.exists() else []
            head = [line for line in head if line.startswith("# ")]
            case.golden.write_text("".join(f"{line}\n" for line in [*head, *lines]), "utf-8")
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
