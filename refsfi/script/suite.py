"""The official test suite on disk: where it is, what in it is a script, and which features its directories assume."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from refsfi.script.files import SCRIPT_SUFFIXES
from refsfi.syntax.features import DEFAULT, WASM2, WASM3, Feature, Features

__all__ = ["features_for", "find_scripts", "find_suite", "is_suite", "suite_of"]

# Two files that every layout of the core tests has had in one directory from the beginning.
_LANDMARKS = ("i32.wast", "names.wast")

# The threads proposal forked the tests before there were several tables, several memories and 64-bit sizes, and asserts
# their absence.
_BASE: dict[str, Features] = {"threads": WASM2 - {Feature.REFERENCE_TYPES}}


def is_suite(directory: Path) -> bool:
    """Whether the core tests of the specification lie in `directory`."""
    return all((directory / name).is_file() for name in _LANDMARKS)


def suite_of(path: Path) -> Path | None:
    """The suite that a file belongs to."""
    return next((parent for parent in path.absolute().parents if is_suite(parent)), None)


def find_suite(project: Path) -> Path | None:
    """The suite to test a checkout of this project with.

    $REFSFI_TESTSUITE, else `spec_tests/testsuite` in the project, else `shared/testsuite` beside it. An environment
    variable that names something else counts as no suite at all.
    """
    named = os.environ.get("REFSFI_TESTSUITE")
    candidates = [Path(named)] if named else [project / "spec_tests/testsuite", project.parent / "shared/testsuite"]
    return next((directory.resolve() for directory in candidates if is_suite(directory)), None)


def find_scripts(directory: Path) -> Iterator[Path]:
    """The scripts below a directory, in the order of their names; hidden directories and JSON that is no script are
    left out.
    """
    for parent, directories, files in os.walk(directory):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix in SCRIPT_SUFFIXES and not name.startswith(".") and (path.suffix != ".json" or _sniff(path)):
                yield path


def _sniff(path: Path) -> bool:
    """Whether a JSON file looks like a script; one that cannot be read is left to fail."""
    try:
        with path.open("rb") as file:
            return b'"commands"' in file.read(4096)
    except OSError:
        return True


def _section(path: Path) -> str | None:
    """`""` for a core test of a suite, else `custom`, `legacy` or a proposal's name; None outside of any suite."""
    suite = suite_of(path)
    if suite is None:
        return None
    parts = path.absolute().relative_to(suite).parts[:-1]
    if parts[:1] == ("proposals",):
        return parts[1] if len(parts) > 1 else ""
    return parts[0] if parts and parts[0] in ("custom", "legacy") else ""


def features_for(path: Path) -> Features:
    """The features that the tests in a file assume: those of its place in the suite, DEFAULT outside of any."""
    section = _section(path)
    if section is None:
        return DEFAULT
    if section == "legacy":
        return WASM3 | {Feature.LEGACY_EXCEPTIONS}
    if section in frozenset(Feature):
        return _BASE.get(section, WASM3) | {Feature(section)}
    return WASM3
