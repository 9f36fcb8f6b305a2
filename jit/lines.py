"""`--jv`: a line for each thing that happens in the tier, with what it cost.

    [RECORD     $sum@3 loop: 27 instructions in 410 us]
    [REGION   1 $sum: 12 wasm, 31 IR, 192 B, 5 exits, 0 spills; 184+25+436 us]
    [EXIT       $sum@7: left 20 times, recording goes on there]
    [REGION   1 $sum again: 15 wasm, 36 IR, 224 B, 6 exits, 0 spills; 190+27+451 us]
    [ABORT      $big: region too large (threshold x2); raise jit_max_region]

`$sum@3` is instruction 3 of the function. A region has so many instructions of WebAssembly and of the intermediate
representation; the three times are those of building the graph, optimising it and emitting code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from jit.backend import Unit
from jit.log import Event
from jit.reasons import REASONS
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode, Program

__all__ = ["SHOWN", "Lines", "Regions", "code_of", "line"]

# Characters of a function's name that are shown, so that lines fit a terminal.
_NAME: Final = 24

# Events that have a line.
SHOWN: Final = frozenset(["record", "abort", "compile", "exit"])


class Regions:
    """Numbers of regions: one for each function, in the order in which they are first compiled."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Program, dict[int, int]] = WeakKeyDictionary()
        self._last = 0

    def number(self, unit: Unit) -> int:
        code = code_of(unit)
        numbers = self._numbers.setdefault(code.program, {})
        if code.index not in numbers:
            self._last += 1
            numbers[code.index] = self._last
        return numbers[code.index]


def code_of(unit: Unit) -> FuncCode:
    """The function that a region is of."""
    code = unit.graph.code
    if code is None:
        raise Crash("a region of no function")
    return code


class Lines:
    """A listener of the tier's log. `write` gets lines without their ends."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._regions = Regions()

    def __call__(self, event: Event) -> None:
        if event.name in SHOWN:
            self._write(line(event, self._regions))


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def line(event: Event, regions: Regions) -> str:
    """An event in a line."""
    facts = event.facts
    name = _cut(event.func)
    if event.name == "record":
        ended = facts["ended"]
        return f"[RECORD     {name}@{event.pc} {ended}: {facts['length']} instructions in {_us(facts['took'])} us]"
    if event.name == "exit":
        return f"[EXIT       {name}@{event.pc}: left {facts['count']} times, recording goes on there]"
    if event.name == "abort":
        reason = REASONS.get(facts["reason"])
        cure = f"; {reason.cure}" if reason is not None else ""
        return f"[ABORT      {name}: {facts['reason']} (threshold x{facts['penalty']}){cure}]"
    unit: Unit = facts["unit"]
    costs = unit.costs()
    parts = [f"{facts['instructions']} wasm", f"{len(unit.graph.op)} IR", f"{costs.pop('bytes')} B"]
    parts += [f"{count} {what}" for what, count in costs.items()]
    phases = "+".join(_us(facts[phase]) for phase in ("build", "optimise", "emit"))
    again = " again" if facts["again"] else ""
    return f"[REGION {regions.number(unit):3} {name}{again}: {', '.join(parts)}; {phases} us]"


def _us(nanoseconds: int) -> str:
    return str(round(nanoseconds / 1000))
