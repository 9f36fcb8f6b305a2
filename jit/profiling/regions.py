"""What a profile says of regions, and which instruction of which region an address belongs to."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from jit.backend import Unit
from jit.lines import code_of
from jit.x64.unit import NativeUnit
from refsfi.exec.code import FuncCode
from refsfi.observe.profile.model import Region

__all__ = ["Known", "Regions"]


@dataclass(slots=True)
class Known:
    """A region, with what is needed to tell where an address lies in it. `since` is when it was installed; its code is
    from `base` to `end`, both 0 where there is no machine code. `lines`: (offset, function, pc), by offset."""

    region: Region
    code: FuncCode
    since: int
    base: int = 0
    end: int = 0
    lines: list[tuple[int, FuncCode, int]] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)

    def line(self, offset: int) -> tuple[FuncCode, int]:
        """The function and the instruction that the code at `offset` is for; pc -1 for that of no instruction."""
        if not self._offsets:
            self._offsets = [line[0] for line in self.lines]
        number = bisect_right(self._offsets, offset) - 1
        if number < 0:
            return self.code, -1
        _, code, pc = self.lines[number]
        return code, pc if 0 <= pc < len(code.program.module.funcs[code.index].body) else -1


class Regions:
    """All regions that were compiled while a profile was made."""

    def __init__(self) -> None:
        self.all: list[Known] = []
        # By the address of their unit's object, which is taken over where another unit gets it.
        self._units: dict[int, Known] = {}
        self._latest: dict[FuncCode, Known] = {}

    def add(self, unit: Unit, region: Region, since: int) -> Known:
        code = code_of(unit)
        known = Known(region, code, since)
        if isinstance(unit, NativeUnit):
            known.base = unit.block.address
            known.end = known.base + unit.code.asm.size
            region.unchecked = unit.code.unchecked
            region.accesses = unit.code.unchecked + unit.code.checked
            known.lines = [(offset, unit.code.inlined.get(offset, code), pc) for offset, pc in unit.code.pcs]
            region.lines = [(offset, where.func_index, pc) for offset, where, pc in known.lines]
            region.machine = unit.block.read()[: unit.code.asm.size].hex()
        before = self._latest.get(code)
        if before is not None:
            region.replaces = before.region.number
        self._latest[code] = known
        self._units[id(unit)] = known
        self.all.append(known)
        return known

    def of(self, unit: Unit) -> Known | None:
        """None for a region from before the profile."""
        return self._units.get(id(unit))

    def latest(self, code: FuncCode) -> Known | None:
        return self._latest.get(code)

    def at(self, address: int, time: int) -> Known | None:
        """The region that an instruction belonged to at `time`: code is freed, and its place used again."""
        for known in reversed(self.all):
            if known.base <= address < known.end and known.since <= time:
                return known
        return None
