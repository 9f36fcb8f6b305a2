"""Which values are needed where: what the allocator knows before it begins.

Live sets are ints with a bit for each value. One walk backwards over each block finds where each of its values is used
last; loops are walked again until nothing changes. A snapshot keeps its values alive as far as the instruction that may
leave through it, but counts as no use: a value that only snapshots name is best kept in memory.

A comparison that only the branch behind it looks at is *fused*: it is not computed where it stands, and its operands
live until the branch.
"""

from __future__ import annotations

from jit.ir.graph import NO_SNAPSHOT, Branch, Graph, edges, layout, operands_of_end, snapshot_of_end
from jit.ir.ops import BY_NAME, COMPARISONS

__all__ = ["Liveness"]

_FLOATING = frozenset(op for op in BY_NAME.values() if op.name.endswith(".const") or op.name == "ref.null")


class Liveness:
    """`order`: the blocks as they are laid out. `live_in`, by block: the values that are alive at its beginning, its
    parameters included. `kills[value]`: what dies with an instruction; `kills_at_end[block]`: with a terminator, its
    edges' arguments not included. `uses[value]`: the positions of its uses, ascending, counting instructions in layout
    order. `position[block]`: of its first instruction. `peak`: how many values are alive at once, at most."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.order = layout(graph)
        self.live_in: dict[int, int] = {}
        self.kills: dict[int, tuple[int, ...]] = {}
        self.kills_at_end: dict[int, tuple[int, ...]] = {}
        self.fused: set[int] = set()
        # Results that nobody needs, of instructions that are executed all the same.
        self.unneeded: set[int] = set()
        self.uses: list[list[int]] = [[] for _ in graph.op]
        self.position: dict[int, int] = {}
        # Header of a loop -> the position behind the last block that goes back to it.
        self.loop_end: dict[int, int] = {}
        self.peak = 0
        self.predecessors: dict[int, int] = dict.fromkeys(self.order, 0)
        self.used: list[int] = [0] * len(graph.op)
        self._floating = [op in _FLOATING for op in graph.op]
        self._snapshot_sets: dict[int, int] = {}
        self._count()
        self._solve()

    def _count(self) -> None:
        """Positions, uses, predecessors, and which comparisons are fused."""
        graph = self.graph
        blocks, args, uses, used = graph.blocks, graph.args, self.uses, self.used
        position = 0
        for number in self.order:
            self.position[number] = position
            block = blocks[number]
            for value in block.code:
                for operand in args[value]:
                    uses[operand].append(position)
                    used[operand] += 1
                position += 1
            end = block.end
            for operand in operands_of_end(end):
                uses[operand].append(position)
                used[operand] += 1
            for edge in edges(end):
                self.predecessors[edge.target] += 1
                for operand in edge.args:
                    uses[operand].append(position)
                    used[operand] += 1
                if self.position.get(edge.target, position + 1) <= position:
                    self.loop_end[edge.target] = position + 1
            position += 1
        in_snapshots = 0
        for number in range(len(graph.snapshots)):
            in_snapshots |= self.named(number)
        for number in self.order:
            block = blocks[number]
            if isinstance(block.end, Branch):
                self._fuse(block.code, block.end.condition, in_snapshots)

    def _fuse(self, code: list[int], condition: int, in_snapshots: int) -> None:
        graph = self.graph
        if self.used[condition] != 1 or in_snapshots >> condition & 1 or graph.op[condition].name not in COMPARISONS:
            return
        # Near the end, so that operands do not live much longer than they would.
        if condition not in code[-8:]:
            return
        self.fused.add(condition)
        (inner, *_) = graph.args[condition]
        if graph.op[condition].name == "i32.eqz":
            self._fuse(code, inner, in_snapshots)

    def named(self, number: int) -> int:
        """The values that a snapshot names, without constants."""
        if number == NO_SNAPSHOT:
            return 0
        found = self._snapshot_sets.get(number)
        if found is None:
            found = 0
            floating = self._floating
            for frame in self.graph.snapshots[number].frames:
                for _, value in frame.values:
                    if not floating[value]:
                        found |= 1 << value
            self._snapshot_sets[number] = found
        return found

    def _solve(self) -> None:
        live_in = self.live_in
        work = True
        while work:
            work = False
            for number in reversed(self.order):
                before = live_in.get(number)
                self._walk(number)
                # Only what goes back to this block has been walked before it was.
                if before != live_in[number] and number in self.loop_end:
                    work = True

    def _walk(self, number: int) -> None:
        graph = self.graph
        block = graph.blocks[number]
        args, snaps, floating = graph.args, graph.snap, self._floating
        live = arguments = 0
        for edge in edges(block.end):
            target = self.live_in.get(edge.target, 0)
            for param, value in zip(graph.blocks[edge.target].params, edge.args):
                bit = 1 << param
                if target & bit:
                    target ^= bit
                    if not floating[value]:
                        arguments |= 1 << value
            live |= target
        live |= arguments
        with_arguments = live
        for value in self._operands(operands_of_end(block.end)):
            live |= 1 << value
        live |= self.named(snapshot_of_end(block.end))
        self.kills_at_end[number] = _bits(live & ~with_arguments)
        peak = self.peak
        count = live.bit_count()
        if count > peak:
            peak = count
        fused, kills = self.fused, self.kills
        for value in reversed(block.code):
            if value in fused:
                continue
            bit = 1 << value
            dead = live & bit == 0
            live &= ~bit
            needed = 0
            for operand in args[value]:
                if not floating[operand]:
                    needed |= 1 << operand
            snap = snaps[value]
            if snap != NO_SNAPSHOT:
                needed |= self.named(snap)
            if dead and not graph.op[value].pinned:
                # Nobody needs it: it is not computed.
                kills[value] = _UNUSED
                continue
            if dead:
                self.unneeded.add(value)
            else:
                self.unneeded.discard(value)
            last = needed & ~live
            if last:
                kills[value] = _bits(last)
                live |= needed
                count = live.bit_count()
                if count > peak:
                    peak = count
            else:
                kills[value] = ()
        self.peak = max(peak, (live.bit_count()) + 1)
        self.live_in[number] = live

    def _operands(self, values: tuple[int, ...]) -> list[int]:
        """The operands of a terminator, those of fused comparisons instead of the comparisons."""
        found: list[int] = []
        work = list(values)
        while work:
            value = work.pop()
            if value in self.fused:
                work += self.graph.args[value]
            elif not self._floating[value]:
                found.append(value)
        return found

    def is_unused(self, value: int) -> bool:
        return self.kills.get(value) is _UNUSED


_UNUSED: tuple[int, ...] = (-1,)


def _bits(mask: int) -> tuple[int, ...]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return tuple(found)
