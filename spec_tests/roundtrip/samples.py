"""The modules that round trips are made with: those of the official suite and of the project's conformance scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import ValidationError
from refsfi.script.ast import (
    AssertKind,
    AssertModule,
    BinaryModule,
    Command,
    ModuleCommand,
    ModuleRef,
    ModuleSource,
    SubScript,
    Thread,
)
from refsfi.script.files import load_script
from refsfi.script.modules import load_module
from refsfi.script.suite import find_scripts, find_suite
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.valid.module import validate

__all__ = ["CONFORMANCE", "SCRIPTS", "SUITE", "Sample", "samples"]

_PROJECT = Path(__file__).parents[2]
CONFORMANCE = _PROJECT / "spec_tests" / "conformance"
SUITE = find_suite(_PROJECT)

# Names of tests -> scripts.
SCRIPTS: dict[str, Path] = {
    f"{name}/{path.relative_to(directory)}": path
    for name, directory in (("conformance", CONFORMANCE), ("official", SUITE))
    if directory is not None
    for path in find_scripts(directory)
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A well-formed module. `binary` is set for one that the script has as bytes."""

    where: str
    module: Module
    binary: bytes | None

    def valid(self) -> bool:
        """Whether it is valid when every feature is on."""
        try:
            validate(decode(encode(self.module), ALL), ALL)
        except ValidationError:
            return False
        return True


def samples(path: Path) -> Iterator[Sample]:
    """The modules of a script in its order, also those that it asserts to be invalid or not to link; no malformed ones,
    which are no modules."""
    for line, source in _sources(load_script(str(path)).commands):
        module = load_module(source, ALL, str(path.parent))
        yield Sample(f"{path.name}:{line}", module, source.data if isinstance(source, BinaryModule) else None)


_MALFORMED = frozenset({AssertKind.MALFORMED, AssertKind.MALFORMED_CUSTOM})


def _sources(commands: Iterable[Command]) -> Iterator[tuple[int, ModuleSource]]:
    for command in commands:
        match command:
            case Thread() | SubScript():
                yield from _sources(command.commands)
            case ModuleCommand(source=source, line=line) if not isinstance(source, ModuleRef):
                yield line, source
            case AssertModule(kind=kind, module=source, line=line):
                if kind not in (AssertKind.MALFORMED, AssertKind.MALFORMED_CUSTOM) and not isinstance(
                    source, ModuleRef
                ):
                    yield line, source
