"""The list of real programs: `programs.json`, read into dataclasses.

A *module* is a file of Wasm: one member of a published package, pinned by name, version and SHA-256, or a file below
the shared folder. A *task* runs one or two modules and says what must come out: a WASI command with its exit code,
output and files, or a list of steps (see `tasks`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

__all__ = [
    "SCALES",
    "Data",
    "Digest",
    "Expectation",
    "Linked",
    "Package",
    "Programs",
    "Step",
    "Task",
    "Wasi",
    "WasmFile",
]
__all__ += ["find_shared", "load"]

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("programs.json")

# S: up to 2.6 million instructions, M: up to 20, L: up to 200, XL: above.
SCALES = ("S", "M", "L", "XL")

# Bytes in a task, and a step, as written in the list; `tasks` gives both their meaning.
Data: TypeAlias = Mapping[str, Any]
Step: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """A published package. `registry` is `pypi` or `npm`."""

    registry: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.registry} {self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class WasmFile:
    """A module's file. Either `package` and `member` (its path inside) or `shared` (a path below the shared folder).

    `embedded`: the member is JavaScript with the module in it, base64. `size` is in bytes.
    """

    name: str
    sha256: str
    size: int
    package: Package | None = None
    member: str = ""
    embedded: bool = False
    shared: str | None = None
    origin: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Linked:
    """A module in a task. `imports`: pattern -> what is given; a pattern is `MODULE.NAME`, a last `*` for anything.
    `lazy` ones are instantiated by a step."""

    name: str
    file: WasmFile
    imports: Mapping[str, Mapping[str, Any]]
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Wasi:
    """`preopens`: guest path -> a folder below the shared one, copied for each run; None for an empty folder."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    stdin: Data | None
    preopens: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Digest:
    """Bytes that must come out, by SHA-256 and length."""

    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """Of a WASI command. `files`: `GUEST-DIRECTORY::PATH` -> contents that it must leave there."""

    exit_code: int
    stdout: Digest
    files: Mapping[str, Digest]


@dataclass(frozen=True, slots=True)
class Task:
    """`fuel` is the number of instructions executed, by another engine's count. `steps` is empty for a WASI command,
    `expect` None for steps. `memory` names the exported memory that steps without a module's memory mean. `host`:
    names of exports that host functions call."""

    id: str
    title: str
    scale: str
    fuel: int
    modules: tuple[Linked, ...]
    wasi: Wasi | None = None
    expect: Expectation | None = None
    steps: tuple[Step, ...] = ()
    inputs: Mapping[str, Data] = field(default_factory=dict)
    host: Mapping[str, str] = field(default_factory=dict)
    memory: str = "memory"

    def shared_paths(self) -> list[str]:
        """What the task needs of the shared folder, in the order of the list; empty for one that stands alone."""
        found: dict[str, None] = {}
        for linked in self.modules:
            if linked.file.shared is not None:
                found[linked.file.shared] = None
        if self.wasi is not None:
            for folder in self.wasi.preopens.values():
                if folder is not None:
                    found[folder] = None
            for path in _files_in(self.wasi.stdin):
                found[path] = None
        for part in (list(self.inputs.values()), list(self.steps)):
            for path in _files_in(part):
                found[path] = None
        return list(found)

    def packages(self) -> list[Package]:
        return list(dict.fromkeys(m.file.package for m in self.modules if m.file.package is not None))


def _files_in(part: Any) -> Iterator[str]:
    """The paths of `{"file": PATH}` in a piece of the list. A step `file` names a guest's file, with `::`."""
    pending = [part]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            path = item.get("file")
            if isinstance(path, str) and "::" not in path:
                yield path
            pending.extend(item.values())
        elif isinstance(item, Sequence) and not isinstance(item, str):
            pending.extend(item)


@dataclass(frozen=True, slots=True)
class Programs:
    """The whole list. `recorded_with` is the engine whose results the expectations are."""

    recorded_with: str
    files: Mapping[str, WasmFile]
    tasks: tuple[Task, ...]

    def select(self, names: Sequence[str], scales: Sequence[str] = SCALES) -> list[Task]:
        """The tasks named (`kernel-*` stands for all that begin so), else all, of the given scales.

        ValueError, naming it, for a name that fits none.
        """
        chosen: dict[str, Task] = {}
        for name in names:
            prefix = name[:-1] if name.endswith("*") else None
            fitting = [t for t in self.tasks if (t.id == name if prefix is None else t.id.startswith(prefix))]
            if not fitting:
                raise ValueError(f"no task is called {name}")
            chosen.update((t.id, t) for t in fitting)
        tasks = list(chosen.values()) if names else list(self.tasks)
        return [t for t in tasks if t.scale in scales]


def find_shared(given: Path | None) -> Path | None:
    """The shared folder: `given`, else $REFSFI_CORPUS, else `shared/corpus` beside the project; None without one."""
    for candidate in (given, os.environ.get("REFSFI_CORPUS"), ROOT.parent / "shared" / "corpus"):
        if candidate:
            path = Path(candidate)
            return path.resolve() if path.is_dir() else None
    return None


def load(path: Path = LIST) -> Programs:
    """Read the list. KeyError or ValueError where it is not well-formed."""
    document = json.loads(path.read_text(encoding="utf-8"))
    files = {name: _file(name, entry) for name, entry in document["modules"].items()}
    return Programs(document["recorded_with"], files, tuple(_task(entry, files) for entry in document["tasks"]))


def _file(name: str, entry: Mapping[str, Any]) -> WasmFile:
    package = Package(entry["registry"], entry["package"], entry["version"]) if "package" in entry else None
    return WasmFile(
        name,
        entry["sha256"],
        entry["size"],
        package,
        entry.get("member", ""),
        entry.get("embedded") == "base64",
        entry.get("shared"),
        entry.get("origin", ""),
        entry.get("licence", ""),
    )


def _task(entry: Mapping[str, Any], files: Mapping[str, WasmFile]) -> Task:
    if entry["scale"] not in SCALES:
        raise ValueError(f"{entry['id']}: scale {entry['scale']}")
    return Task(
        entry["id"],
        entry["title"],
        entry["scale"],
        entry["fuel"],
        tuple(
            Linked(m["name"], files[m["module"]], m.get("imports", {}), m.get("lazy", False)) for m in entry["modules"]
        ),
        _wasi(entry["wasi"]) if "wasi" in entry else None,
        _expectation(entry["expect"]) if "expect" in entry else None,
        tuple(entry.get("steps", ())),
        entry.get("inputs", {}),
        entry.get("host", {}),
        entry.get("memory", "memory"),
    )


def _wasi(entry: Mapping[str, Any]) -> Wasi:
    return Wasi(tuple(entry["argv"]), entry.get("env", {}), entry.get("stdin"), entry.get("preopens", {}))


def _digest(entry: Mapping[str, Any]) -> Digest:
    return Digest(entry["sha256"], entry["length"])


def _expectation(entry: Mapping[str, Any]) -> Expectation:
    files = {path: _digest(digest) for path, digest in entry.get("files", {}).items()}
    return Expectation(entry["exit_code"], _digest(entry["stdout"]), files)
