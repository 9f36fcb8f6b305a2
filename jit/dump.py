"""`--jdump`: what the compiler makes of a guest, in full. Each letter of `MODES` shows one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from weakref import WeakKeyDictionary

from jit.backend import Departure, Unit
from jit.ir.graph import CALL
from jit.ir.text import dump as graph_text
from jit.lines import SHOWN, Regions, code_of, line
from jit.log import Event
from jit.profile import history
from jit.tier import name_of
from refsfi.exec.code import FuncCode, Program
from refsfi.observe.listing import Lister

__all__ = ["Dump"]

# What stands in front of an instruction for which there is code, and of one for which there is none.
_COMPILED: Final = "*"
_NOT_COMPILED: Final = " "


class Dump:
    """A listener of the tier's log. `modes` are letters of `refsfi.exec.tiers.DUMPS`; `write` gets lines without their
    ends."""

    def __init__(self, modes: frozenset[str], write: Callable[[str], None]) -> None:
        self._modes = modes
        self._write = write
        self._regions = Regions()
        self._listers: WeakKeyDictionary[Program, Lister] = WeakKeyDictionary()

    def __call__(self, event: Event) -> None:
        if event.name == "compile":
            for text in self._region(event):
                self._write(text)
        elif event.name == "leave":
            if "x" in self._modes:
                self._write(self._exit(event.facts["departure"]))
        elif event.name in SHOWN and "t" in self._modes:
            self._write(line(event, self._regions))

    def _region(self, event: Event) -> Iterator[str]:
        """What is shown of a region that has been compiled."""
        unit: Unit = event.facts["unit"]
        modes = self._modes
        if modes <= {"x"}:
            return
        yield line(event, self._regions)
        if "b" in modes:
            yield "---- wasm"
            yield from self._body(unit, frozenset(event.facts["compiled"]))
        text = graph_text(unit.graph).splitlines()
        snapshots = [one for one in text if one.startswith("snapshot ")]
        if "i" in modes:
            yield "---- IR"
            yield from (one for one in text if not one.startswith("snapshot "))
        if "s" in modes:
            yield "---- snapshots"
            yield from snapshots
        if "m" in modes:
            yield "---- code"
            yield from unit.listing()
        if not modes.isdisjoint("bism"):
            yield "----"

    def _body(self, unit: Unit, compiled: frozenset[int]) -> Iterator[str]:
        """The function's instructions: where one is in the file, its pc, whether there is code for it."""
        code = code_of(unit)
        module = code.program.module
        body = module.funcs[code.index].body
        entered = {pc for pc in unit.graph.entries if pc != CALL}
        for pc, text in enumerate(self._lister(code).lines(code.index)):
            at = f"0x{body[pc].at:05x} " if module.source is None else ""
            mark = _COMPILED if pc in compiled else _NOT_COMPILED
            entry = "  ; entry" if pc in entered else ""
            yield f"{at}{pc:5} {mark} {text}{entry}"

    def _exit(self, departure: Departure) -> str:
        """A region has been left: at which instruction of which function, and the activations around that one."""
        innermost = departure.frames[-1]
        what = self._lister(innermost.code).line(innermost.code.index, innermost.pc)
        exit = "" if departure.exit < 0 else f" by !{departure.exit}"
        place = " > ".join(f"{name_of(history(frame.code))}@{frame.pc}" for frame in departure.frames)
        return f"[LEAVE {self._regions.number(departure.unit):4} {place}{exit}: {what}]"

    def _lister(self, code: FuncCode) -> Lister:
        program = code.program
        lister = self._listers.get(program)
        if lister is None:
            lister = self._listers[program] = Lister(program.module)
        return lister
