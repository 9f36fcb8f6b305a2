"""The code of a region, with the samples of each instruction: WebAssembly and its source, intermediate representation
and machine code, beside each other where there is room and below each other where there is not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from os.path import basename
from typing import Final

from refsfi.cli.report import Failure, printable
from refsfi.debug.dwarf.info import DebugInfo, debug_info
from refsfi.errors import WasmError
from refsfi.exec.load import load_module
from refsfi.exec.tiers import disassemble
from refsfi.observe.listing import Lister
from refsfi.observe.monitors.report import Listing, share
from refsfi.observe.profile.file import ProfileError, binary_of
from refsfi.observe.profile.model import Profile, Region
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind

__all__ = ["hot_code"]

# Columns from which the three are beside each other.
_WIDE: Final = 120
# Instructions of WebAssembly with fewer of a region's samples than this are shown only beside hotter ones.
_COLD: Final = 0.01
# The most that are shown.
_MOST: Final = 60

_PLACE: Final = re.compile(r" @(\d+)$")
# Where the listing begins at 0, the stubs that all regions share are in front of it.
_BEFORE: Final = re.compile(r"\b0xf{6}[0-9a-f]{10}\b")
_OP: Final = re.compile(r"^(?:v\d+ = )?([\w.]+)")


@dataclass(slots=True)
class _Part:
    """The code for one instruction, in the order of the machine code. `ns` is what was sampled in it; `code` has the
    machine's instructions, (ns, offset, text)."""

    func: int
    pc: int
    ns: int = 0
    wat: str = ""
    source: str = ""
    ir: list[str] = field(default_factory=list)
    code: list[tuple[int, int, str]] = field(default_factory=list)


def hot_code(profile: Profile, wanted: int | None, width: int) -> list[Listing]:
    """The listing of region `wanted`, or of the one with most samples; none where nothing was compiled. Failure."""
    times = profile.region_times()
    number = wanted
    if number is None:
        number = max((n for n in times if 0 <= n < len(profile.regions)), key=lambda n: times[n], default=None)
        if number is None:
            return []
    if not 0 <= number < len(profile.regions):
        raise Failure(f"--region {number}: the profile has {len(profile.regions)} regions, counted from 0")
    region = profile.regions[number]
    parts = _parts(profile, region)
    if not parts:
        # What is compiled to Python has no machine code.
        return []
    whole = sum(part.ns for part in parts)
    title = f"Region {number}, {region.name}: % of its samples, WebAssembly, representation, machine code"
    lines = _wide(parts, whole, width) if width >= _WIDE else _stacked(parts, whole, width)
    return [Listing("code", title, list(lines))]


def _parts(profile: Profile, region: Region) -> list[_Part]:
    """Each run of machine code that is for one instruction."""
    times = profile.line_times(region.number)
    text = _Text(profile, region)
    parts: list[_Part] = []
    machine = _machine(region)
    for (offset, func, pc), (end, _, _) in pairwise([*region.lines, (len(machine), -1, -1)]):
        if not 0 <= offset < end <= len(machine):
            continue
        if not parts or (parts[-1].func, parts[-1].pc) != (func, pc):
            parts.append(_Part(func, pc, wat=text.wat(func, pc), source=text.source(func, pc)))
        part = parts[-1]
        for at, code, instruction in disassemble(machine[offset:end], offset):
            ns = sum(times.get(at + within, 0) for within in range(len(code)))
            part.ns += ns
            part.code.append((ns, at, _BEFORE.sub("stub", instruction) or code.hex()))
    _align(parts, region)
    return parts


def _machine(region: Region) -> bytes:
    try:
        return bytes.fromhex(region.machine)
    except ValueError:
        raise Failure(f"the machine code of region {region.number} in the profile is damaged") from None


def _align(parts: Sequence[_Part], region: Region) -> None:
    """Give each line of the region's graph to the code that was made of it: that of its instruction, and of an inlined
    function rather than the region's own where it is the same operation."""
    at: dict[int, list[_Part]] = defaultdict(list)
    for part in parts:
        at[part.pc].append(part)
    for line in region.graph.splitlines():
        place = _PLACE.search(line)
        if place is None:
            continue
        found = at.get(int(place[1]))
        if found:
            stripped = _PLACE.sub("", line).strip()
            op = _OP.match(stripped)
            name = "" if op is None else op[1]
            same = next((p for p in found if p.wat.split(" ", 1)[0] == name and not p.ir), None)
            own = next((p for p in found if p.func == region.func), found[0])
            (same or own).ir.append(stripped)


class _Text:
    """Instructions of the profile's module, and where they are in its source."""

    def __init__(self, profile: Profile, region: Region) -> None:
        self._profile = profile
        self._region = region
        self._bodies: dict[int, list[str]] = {}

    @cached_property
    def _module(self) -> Module | None:
        """None where the profile does not have it: the other columns are still worth having."""
        modules = self._profile.modules
        if not 0 <= self._region.module < len(modules):
            return None
        try:
            return load_module(binary_of(modules[self._region.module]), ALL)
        except (ProfileError, WasmError):
            return None

    @cached_property
    def _debug(self) -> DebugInfo | None:
        return None if self._module is None else debug_info(self._module)

    def _defined(self, func: int) -> int | None:
        """The number of a function among those that the module defines."""
        if self._module is None:
            return None
        index = func - len(self._module.imported(ExternKind.FUNC))
        return index if 0 <= index < len(self._module.funcs) else None

    def wat(self, func: int, pc: int) -> str:
        if pc < 0:
            return "(entering, leaving)"
        lines = self._bodies.get(func)
        if lines is None:
            index = self._defined(func)
            found = [] if index is None or self._module is None else Lister(self._module).lines(index)
            lines = self._bodies[func] = [line.strip() for line in found]
        return lines[pc] if pc < len(lines) else f"func {func}@{pc}"

    def source(self, func: int, pc: int) -> str:
        """File and line of the source, where the module has debug information."""
        index = self._defined(func)
        if index is None or pc < 0 or self._module is None or self._debug is None:
            return ""
        body = self._module.funcs[index].body
        frames = self._debug.locate(body[pc].at) if pc < len(body) else []
        return f"{basename(frames[0].file or '')}:{frames[0].line}" if frames and frames[0].line else ""


def _shown(parts: Sequence[_Part], whole: int) -> Iterator[_Part | int]:
    """The parts that are worth it and those around them; how many are left out between."""
    hot = sorted((p for p in range(len(parts)) if share(parts[p].ns, whole) >= _COLD), key=lambda p: -parts[p].ns)
    kept = {near for p in hot[: _MOST // 2] for near in (p - 1, p, p + 1)} if len(parts) > _MOST else range(len(parts))
    left = 0
    for number, part in enumerate(parts):
        if number in kept:
            if left:
                yield left
            left = 0
            yield part
        else:
            left += 1
    if left:
        yield left


def _percent(ns: int, whole: int) -> str:
    return f"{100 * share(ns, whole):5.1f}" if ns else "     "


def _cut(text: str, width: int) -> str:
    text = printable(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def _stacked(parts: Sequence[_Part], whole: int, width: int) -> Iterator[str]:
    for part in _shown(parts, whole):
        if isinstance(part, int):
            yield f"      … {part} more"
            continue
        place = "" if part.pc < 0 else f"{part.func}@{part.pc} "
        source = f"  ;; {part.source}" if part.source else ""
        yield _cut(f"{_percent(part.ns, whole)} {place}{part.wat}{source}", width)
        for line in part.ir:
            yield _cut(f"            {line}", width)
        for ns, offset, text in part.code:
            yield _cut(f"{_percent(ns, whole)}   {offset:5x}      {text}", width)


def _wide(parts: Sequence[_Part], whole: int, width: int) -> Iterator[str]:
    first = (width - 6) * 3 // 10
    second = (width - 6) * 7 // 20
    third = width - 6 - first - second - 4
    for part in _shown(parts, whole):
        if isinstance(part, int):
            yield f"      … {part} more"
            continue
        place = "" if part.pc < 0 else f"{part.func}@{part.pc} "
        wat = [place + part.wat, *([f"  ;; {part.source}"] if part.source else [])]
        code = [f"{_percent(ns, whole)} {offset:5x} {text}" for ns, offset, text in part.code]
        for row in range(max(len(wat), len(part.ir), len(code))):
            cells = [column[row] if row < len(column) else "" for column in (wat, part.ir, code)]
            percent = _percent(part.ns, whole) if row == 0 else "     "
            a, b, c = cells
            yield f"{percent} {_cut(a, first):<{first}}  {_cut(b, second):<{second}}  {_cut(c, third)}".rstrip()
