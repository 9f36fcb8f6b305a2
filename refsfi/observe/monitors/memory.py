"""Which pages of memory were read and written, and how often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.observe.access import Access, accesses
from refsfi.observe.monitors.monitor import Monitor, Options, option
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Cell, Column, Listing, Report, Table, share
from refsfi.observe.probes import Callback, instructions
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import Imm

# The shades of a heat map, from never to most often; each stands for four times as much as the one before it.
_SHADES = " ·░▒▓█"
_CELLS_A_LINE = 64
_MOST_LINES = 64


@dataclass(frozen=True, slots=True)
class MemoryOptions(Options):
    page: int = option(65536, "bytes of what counts as a page, 256 or more", least=256)
    map: bool = option(False, "draw a map of each memory, a character a page")


@register
class Memory(Monitor):
    """An access is counted in each page that it touches; one that traps is not counted. An atomic update reads and
    writes. Memories are told by the order in which they were first used."""

    name = "memory"
    summary = "which pages of memory were read and written, and how often"
    options_type = MemoryOptions

    def begin(self) -> None:
        options = self.options
        if not isinstance(options, MemoryOptions):
            raise Crash("options of another monitor")
        self._page = options.page
        self._map = options.map
        # Memory -> page -> how often.
        self._reads: dict[MemInst, dict[int, int]] = {}
        self._writes: dict[MemInst, dict[int, int]] = {}
        self.watched.probes.on_function(self._place)

    def _place(self, code: FuncCode) -> None:
        for pc, instr in instructions(code):
            op = instr.op
            if op.imms[:1] == (Imm.MEMARG,) and ".load" in op.mnemonic:
                self.watched.probes.probe(code, pc, self._plain(code, pc, instr, self._reads))
            elif op.imms[:1] == (Imm.MEMARG,) and ".store" in op.mnemonic:
                self.watched.probes.probe(code, pc, self._plain(code, pc, instr, self._writes))
            elif op.imms[:1] == (Imm.MEMARG,) or op.mnemonic in ("memory.fill", "memory.copy", "memory.init"):
                self.watched.probes.probe(code, pc, self._other(instr))

    def _plain(self, code: FuncCode, pc: int, instr: Instr, counts: dict[MemInst, dict[int, int]]) -> Callback:
        """Loads and stores, which are nearly all."""
        arg = instr.args[0]
        number, offset, size, page = arg.mem, arg.offset, instr.op.width, self._page
        register = code.nlocals + code.side.heights[pc] - len(instr.op.operands or ())

        def accessed(frame: Frame, pc: int) -> None:
            memory = frame.inst.mems[number]
            first = frame.regs[register] + offset
            last = first + size - 1
            if last < len(memory.data):
                pages = counts.get(memory)
                if pages is None:
                    pages = self._known(memory, counts)
                for index in range(first // page, last // page + 1):
                    pages[index] += 1

        return accessed

    def _other(self, instr: Instr) -> Callback:
        def accessed(frame: Frame, pc: int) -> None:
            for access in accesses(frame, pc, instr):
                self._count(frame.inst.mems[access.memory], access)

        return accessed

    def _count(self, memory: MemInst, access: Access) -> None:
        end = access.address + access.size
        if not access.size or end > len(memory.data):
            return
        for counts in (self._reads, self._writes):
            if (access.kind == "load" and counts is self._writes) or (access.kind == "store" and counts is self._reads):
                continue
            pages = counts.get(memory)
            if pages is None:
                pages = self._known(memory, counts)
            for index in range(access.address // self._page, (end - 1) // self._page + 1):
                pages[index] += 1

    def _known(self, memory: MemInst, counts: dict[MemInst, dict[int, int]]) -> dict[int, int]:
        for one in (self._reads, self._writes):
            one.setdefault(memory, defaultdict(int))
        return counts[memory]

    # --- report ------------------------------------------------------------------------------------------------------

    def report(self) -> Report:
        rows: list[tuple[int, tuple[Cell, ...]]] = []
        total = sum(sum(pages.values()) for counts in (self._reads, self._writes) for pages in counts.values())
        listings = []
        for number, memory in enumerate(self._reads):
            reads, writes = self._reads[memory], self._writes[memory]
            for page in sorted(reads.keys() | writes.keys()):
                read, written = reads.get(page, 0), writes.get(page, 0)
                both = read + written
                rows.append((both, (number, f"0x{page * self._page:x}", read, written, share(both, total))))
            if self._map:
                sums = {page: reads.get(page, 0) + writes.get(page, 0) for page in reads.keys() | writes.keys()}
                pages = -(-len(memory.data) // self._page)
                listings.append(Listing(f"map_{number}", f"Memory {number}", list(self._drawn(sums, pages))))
        rows.sort(key=lambda row: -row[0])
        return Report(
            self.name,
            {
                "memories": len(self._reads),
                "page": self._page,
                "pages": len(rows),
                "reads": sum(sum(pages.values()) for pages in self._reads.values()),
                "writes": sum(sum(pages.values()) for pages in self._writes.values()),
            },
            [
                Table(
                    "pages",
                    f"Pages of {self._page} bytes",
                    [
                        Column("memory", "memory", "count"),
                        Column("address", "from"),
                        Column("reads", "reads", "count"),
                        Column("writes", "writes", "count"),
                        Column("share", "%", "percent"),
                    ],
                    [row for _, row in rows],
                )
            ],
            listings,
        )

    def _drawn(self, sums: dict[int, int], pages: int) -> Iterator[str]:
        """A line for 64 pages, of those in which something was touched. A shade darker is four times as often."""
        most = max(sums.values(), default=0)
        lines = sorted({page // _CELLS_A_LINE for page in sums})
        for line in lines[:_MOST_LINES]:
            first = line * _CELLS_A_LINE
            cells = (sums.get(page, 0) for page in range(first, min(first + _CELLS_A_LINE, pages)))
            yield f"{first * self._page:>#12x} |{''.join(_shade(count, most) for count in cells)}|"
        if len(lines) > _MOST_LINES:
            yield f"… {len(lines) - _MOST_LINES} more lines: a larger page shows them all"


def _shade(count: int, most: int) -> str:
    if not count:
        return _SHADES[0]
    shade = len(_SHADES) - 1
    while shade > 1 and count * 4 <= most:
        count *= 4
        shade -= 1
    return _SHADES[shade]
