"""The seeds that mutation starts from: the modules in the project's own test scripts, and files that are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import WasmError
from refsfi.script.ast import BinaryModule, Command, ModuleCommand, SubScript, TextModule, Thread
from refsfi.script.files import BadScript, load_script
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module

__all__ = ["Seed", "load_seeds"]

# Larger modules make a case slow without reaching more.
MAX_SEED_BYTES = 6_000

_SCRIPT = (".wast",)
_SUFFIXES = (".wast", ".wat", ".wasm")


@dataclass(frozen=True, slots=True)
class Seed:
    """A text (`str`) or binary (`bytes`) module, and where it comes from."""

    origin: str
    content: str | bytes


def load_seeds(paths: Iterable[Path], max_bytes: int = MAX_SEED_BYTES) -> list[Seed]:
    """All modules in the files and below the directories, each as text and as binary where both exist; sorted, so
    that a seed number means the same everywhere."""
    seeds: dict[str | bytes, Seed] = {}
    for path in _files(paths):
        for seed in _modules(path):
            if len(seed.content) <= max_bytes:
                seeds.setdefault(seed.content, seed)
    return list(seeds.values())


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES)
        else:
            yield path


def _modules(path: Path) -> Iterator[Seed]:
    if path.suffix in _SCRIPT:
        try:
            script = load_script(str(path))
        except BadScript as error:
            raise SystemExit(f"{path}: {error}") from None
        yield from _of_commands(path, script.commands)
    elif path.suffix == ".wat":
        yield from _both(f"{path}", path.read_text(encoding="utf-8"))
    else:
        data = path.read_bytes()
        try:
            decode(data, ALL)
        except WasmError as error:
            raise SystemExit(f"{path}: {error}") from None
        yield Seed(str(path), data)


def _of_commands(path: Path, commands: Iterable[Command]) -> Iterator[Seed]:
    for command in commands:
        if isinstance(command, Thread | SubScript):
            yield from _of_commands(path, command.commands)
        if not isinstance(command, ModuleCommand):
            continue
        origin = f"{path}:{command.line}"
        source = command.source
        if isinstance(source, TextModule) and not source.inline:
            yield from _both(origin, source.source.text[source.start : source.end])
        elif isinstance(source, BinaryModule):
            try:
                decode(source.data, ALL)
            except WasmError:
                continue
            yield Seed(origin, source.data)


def _both(origin: str, text: str) -> Iterator[Seed]:
    yield Seed(origin, text)
    try:
        yield Seed(origin, encode(parse_module(text, ALL)))
    except WasmError:
        # The script holds modules on purpose that only some features allow, or that are wrong.
        pass
