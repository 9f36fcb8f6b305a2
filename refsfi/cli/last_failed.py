"""What failed in the last run of `refsfi spec`, for `--lf`.

One JSON file in the user's cache directory ($REFSFI_CACHE_DIR, else $XDG_CACHE_HOME/refsfi, else ~/.cache/refsfi):
absolute path of a script -> `LINE KIND` of its failures. A cache that cannot be read or written is no cache.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from refsfi.script.session import FileResult

__all__ = ["remember", "restrict"]


def _file() -> Path:
    named = os.environ.get("REFSFI_CACHE_DIR")
    if named:
        return Path(named, "spec-last-failed.json")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "refsfi", "spec-last-failed.json")


def _read() -> dict[str, list[str]]:
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        path: ids for path, ids in document.items() if isinstance(ids, list) and all(isinstance(id, str) for id in ids)
    }


def restrict(paths: Sequence[str]) -> tuple[list[str], dict[str, frozenset[str]]]:
    """The scripts with failures, and what failed in each; everything where nothing is known to have failed."""
    failures = _read()
    only = {path: frozenset(failures[key]) for path in paths if failures.get(key := os.path.abspath(path))}
    return (list(only), only) if only else (list(paths), {})


def remember(results: Iterable[FileResult], complete: bool) -> None:
    """Replace what is known about these scripts; where only some tests ran (`complete` False), add to it."""
    failures = _read()
    for result in results:
        key = os.path.abspath(result.path)
        failed = [f"{record.line} {record.kind}" for record in result.records if record.failed]
        known = [] if complete else [id for id in failures.get(key, []) if id not in failed]
        failures[key] = known + failed
        if not failures[key]:
            del failures[key]
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(failures, indent=1), encoding="utf-8")
        partial.replace(file)
    except OSError:
        pass
