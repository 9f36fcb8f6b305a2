"""The file of a profile: a row of JSON a line, so that what was written before a crash can be read.

    {"refsfi-profile": 1}
    {"run": {"program": "a.wasm", "began": 1750000000.0, …}}
    {"module": {"path": "a.wasm", "digest": "…", "binary": "…"}}
    {"spot": {…}}  {"samples": [[time, thread, spot, weight], …]}  {"event": {…}}  {"region": {…}}
    {"exits": [{…}]}  {"entered": [region, times, ns]}  {"counters": [{…}]}

Rows are the model's, field by field. Spots, regions and modules are numbered in the order of the file. A later row for
the same exit, or for the run, takes the place of the earlier one. Readers ignore rows of a kind that they do not know.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from refsfi.observe.profile.model import CATEGORIES, Compilation, Counter, Event, Exit, Profile, Region, Sample, Spot

__all__ = ["LIMIT", "VERSION", "ProfileError", "Writer", "binary_of", "module_row", "read", "save"]

VERSION: Final = 1
_MAGIC: Final = "refsfi-profile"

# Bytes that a file grows to. What comes later but for the end is left out.
LIMIT: Final = 256 << 20

# Bytes of a module that a file takes along, packed.
_MODULE: Final = 16 << 20

_RUN: Final = ("program", "arguments", "began", "wall", "interval", "formless", "left", "lost", "complete")

_Row = TypeVar("_Row")


class ProfileError(Exception):
    """A file that is no profile, with what is wrong with it."""


class Writer:
    """Writes rows as they come. `file` is one of text; OSError where it cannot be written."""

    def __init__(self, file: IO[str], limit: int = LIMIT) -> None:
        self._file = file
        self._left = limit
        self.full = False
        self.row(_MAGIC, VERSION)

    def row(self, kind: str, what: Any, *, last: bool = False) -> None:
        """`last`: of the few rows that are written even where the file is full."""
        if self.full and not last:
            return
        line = json.dumps({kind: what}, separators=(",", ":")) + "\n"
        self._left -= len(line)
        if self._left < 0 and not last:
            self.full = True
            return
        self._file.write(line)

    @staticmethod
    def fields(row: Any) -> Any:
        """A row of the model as JSON has it."""
        if not is_dataclass(row):
            return row
        return {field.name: getattr(row, field.name) for field in fields(row)}

    def run(self, profile: Profile) -> None:
        self.row("run", {name: getattr(profile, name) for name in _RUN}, last=True)

    def flush(self) -> None:
        self._file.flush()


def save(profile: Profile, file: IO[str], limit: int = LIMIT) -> None:
    """Write a profile as a whole."""
    writer = Writer(file, limit)
    writer.run(profile)
    for number, name in profile.threads.items():
        writer.row("thread", [number, name])
    for module in profile.modules:
        writer.row("module", module)
    for kind, rows in (
        ("region", profile.regions),
        ("compilation", profile.compilations),
        ("event", profile.events),
        ("spot", profile.spots),
    ):
        for row in rows:
            writer.row(kind, writer.fields(row))
    writer.row("exits", [writer.fields(exit) for exit in profile.exits])
    writer.row("counters", [writer.fields(counter) for counter in profile.counters])
    for start in range(0, len(profile.samples), 1000):
        part = profile.samples[start : start + 1000]
        writer.row("samples", [[s.time, s.thread, s.spot, s.weight] for s in part])
    writer.flush()


def module_row(path: str, digest: str, binary: bytes) -> dict[str, Any]:
    """What `Profile.modules` holds of a module: its bytes, where they are not too many, for replaying regions."""
    packed = zlib.compress(binary, 6) if len(binary) <= 4 * _MODULE else b""
    taken = packed and len(packed) <= _MODULE
    return {"path": path, "digest": digest, "binary": base64.b64encode(packed).decode() if taken else ""}


def binary_of(module: dict[str, Any]) -> bytes:
    """The bytes of a module of a profile. ProfileError where there are none, or they are damaged."""
    text = module.get("binary")
    if not isinstance(text, str) or not text:
        raise ProfileError(
            f"the profile does not hold the module {module.get('path', '')}: it is too large, or not known"
        )
    try:
        unpacker = zlib.decompressobj()
        binary = unpacker.decompress(base64.b64decode(text, validate=True), 4 * _MODULE)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise ProfileError(f"the module {module.get('path', '')} in the profile is damaged: {error}") from None
    if not unpacker.eof:
        raise ProfileError(f"the module {module.get('path', '')} in the profile is damaged: it ends too early")
    return binary


def read(path: str | Path) -> Profile:
    """The profile in a file. Where the file is damaged, that which is in front of the damage, and `cut` says what is
    wrong. ProfileError for what is no profile, or one of a version that is not known; OSError."""
    name = str(path)
    with open(path, "rb") as file:
        first = file.readline(1000)
        try:
            head = json.loads(first)
        except ValueError:
            head = None
        if not isinstance(head, dict) or _MAGIC not in head:
            raise ProfileError(f"{name} is no profile: refsfi profile -o FILE writes one")
        if head[_MAGIC] != VERSION:
            raise ProfileError(f"{name} is a profile of version {head[_MAGIC]}, and {VERSION} is what can be read here")
        profile = Profile()
        reader = _Reader(profile)
        number = 1
        for line in file:
            number += 1
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("it ends in the middle of a line")
                reader.row(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                profile.cut = f"{name}, line {number}: {_told(error)}; what is in front of that is shown"
                break
        else:
            if not profile.complete:
                profile.cut = f"{name}: the run did not end; what was written until then is shown"
    reader.finish()
    return profile


def _told(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "a row nested too deeply" if isinstance(error, RecursionError) else f"not a row of a profile: {error}"


class _Reader:
    """Puts rows into a profile. ValueError, TypeError, KeyError for what is none."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._exits: dict[int, Exit] = {}
        self._kinds: dict[str, Callable[[Any], None]] = {
            "run": self._run,
            "thread": self._thread,
            "module": self._module,
            "spot": self._spot,
            "samples": self._samples,
            "event": lambda row: profile.events.append(_made(Event, row)),
            "region": self._region,
            "entered": self._entered,
            "compilation": lambda row: profile.compilations.append(_made(Compilation, row)),
            "exits": self._take_exits,
            "counters": self._counters,
        }

    def row(self, row: Any) -> None:
        if not isinstance(row, dict):
            raise ValueError("no object")
        for kind, what in row.items():
            take = self._kinds.get(kind)
            if take is not None:
                take(what)

    def finish(self) -> None:
        self._profile.exits = list(self._exits.values())

    def _run(self, row: dict[str, Any]) -> None:
        checked = _made(Profile, {name: row[name] for name in _RUN if name in row})
        for name in _RUN:
            if name in row:
                setattr(self._profile, name, getattr(checked, name))

    def _thread(self, row: list[Any]) -> None:
        number, name = row
        self._profile.threads[int(number)] = str(name)

    def _module(self, row: dict[str, Any]) -> None:
        self._profile.modules.append({name: str(row[name]) for name in ("path", "digest", "binary")})

    def _spot(self, row: dict[str, Any]) -> None:
        spot = _made(Spot, row)
        if spot.category not in CATEGORIES:
            raise ValueError(f"a category {spot.category!r}")
        self._profile.spots.append(spot)

    def _samples(self, rows: Iterable[list[int]]) -> None:
        known = len(self._profile.spots)
        for time, thread, spot, weight in rows:
            _numbers(time, thread, spot, weight)
            if not 0 <= spot < known or time < 0 or weight < 0:
                raise ValueError("a sample at no spot")
            self._profile.samples.append(Sample(time, thread, spot, weight))

    def _region(self, row: dict[str, Any]) -> None:
        region = _made(Region, row)
        region.lines = [(_number(a), _number(b), _number(c)) for a, b, c in region.lines]
        regions = self._profile.regions
        if 0 <= region.number < len(regions):
            regions[region.number] = region
        elif region.number == len(regions):
            regions.append(region)
        else:
            raise ValueError(f"a region {region.number} after {len(regions)} others")

    def _entered(self, row: list[int]) -> None:
        number, entered, native = map(_number, row)
        if not 0 <= number < len(self._profile.regions):
            raise ValueError(f"no region {number}")
        region = self._profile.regions[number]
        region.entered, region.native = entered, native

    def _counters(self, rows: Iterable[dict[str, Any]]) -> None:
        self._profile.counters = [_made(Counter, row) for row in rows]

    def _take_exits(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            exit = _made(Exit, row)
            self._exits[exit.number] = exit


def _numbers(*given: Any) -> None:
    for number in given:
        _number(number)


def _number(given: Any) -> int:
    if type(given) is not int:
        raise ValueError(f"{given!r} where a number has to be")
    return given


# The types that JSON gives a field for the ones that the model declares.
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "str": (str,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


def _made(kind: type[_Row], row: Any) -> _Row:
    """A row of the model, its fields checked."""
    if not isinstance(row, dict):
        raise ValueError("no object")
    given: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in row:
            declared = str(field.type).partition("[")[0]
            value = row[field.name]
            if type(value) not in _TYPES[declared]:
                raise ValueError(f"{field.name} is {value!r}")
            given[field.name] = value
    return kind(**given)
