"""From a region to Python functions with structured control.

Python has neither labels nor jumps, so control must be told in loops and conditions. A graph that came from Wasm is
reducible as long as it is entered at one place only. A region has several entries, and each of them becomes a function
of its own: `Shape` describes the one that begins at a given block. Where an entry lies inside a loop, the loop's header
no longer dominates the loop; such a header is *cut*: it begins another function, which is called in place of the jump
and does the rest. Cuts go outwards through the nest of loops, so that few of these calls are ever open at once.

The rest is the classical construction (Ramsey, Beyond Relooper: Recursive Translation of Unstructured Control Flow to
Structured Control Flow, 2022): a block is placed under its immediate dominator; one that several edges lead to is
placed behind the construct from which they come. Unlike there, what follows a loop is placed behind the loop instead of
inside it, for Python cannot continue an outer loop from within an inner one.
"""

from __future__ import annotations

from collections.abc import Callable

from jit.ir.graph import Edge, Exit, Graph, Jump, Return, Switch, TailCall, edges

__all__ = ["Shape", "switch_runs"]


def switch_runs(end: Switch) -> list[tuple[int, Edge]]:
    """The edges of a switch, each with its lowest index; equal ones next to each other are one."""
    runs: list[tuple[int, Edge]] = []
    for i, edge in enumerate(end.edges):
        if not runs or (runs[-1][1].target, runs[-1][1].args) != (edge.target, edge.args):
            runs.append((i, edge))
    return runs


class Shape:
    """The function that begins at block `start`: its blocks in reverse postorder, and where each is placed."""

    def __init__(self, graph: Graph, start: int) -> None:
        self.graph = graph
        self.start = start
        self.cuts: set[int] = set()
        self._out: dict[int, list[Edge]] = {}
        while True:
            self._number()
            bad = self._misentered()
            if not bad:
                break
            self.cuts |= bad
        self._find_loops()
        self._place()

    def edges_of(self, block: int) -> list[Edge]:
        found = self._out.get(block)
        if found is None:
            found = self._out[block] = edges(self.graph.blocks[block].end)
        return found

    def leaves(self, target: int) -> bool:
        """Whether an edge to `target` leads out of the function, into another one."""
        return target in self.cuts and target != self.start

    # --- order and dominance ---------------------------------------------------------------------------------------

    def _number(self) -> None:
        """Reverse postorder, predecessors, immediate dominators (Cooper, Harvey, Kennedy, 2001)."""
        seen = {self.start}
        order: list[int] = []
        stack = [(self.start, iter(reversed(self.edges_of(self.start))))]
        while stack:
            block, successors = stack[-1]
            for edge in successors:
                if edge.target not in seen and not self.leaves(edge.target):
                    seen.add(edge.target)
                    stack.append((edge.target, iter(reversed(self.edges_of(edge.target)))))
                    break
            else:
                order.append(block)
                stack.pop()
        order.reverse()
        self.order = order
        self.rank = rank = {block: i for i, block in enumerate(order)}
        self.preds: dict[int, list[int]] = {block: [] for block in order}
        for block in order:
            for edge in self.edges_of(block):
                if edge.target in rank:
                    self.preds[edge.target].append(block)
        idom: dict[int, int] = {self.start: self.start}
        changed = True
        while changed:
            changed = False
            for block in order[1:]:
                new = -1
                for pred in self.preds[block]:
                    if pred not in idom:
                        continue
                    if new < 0:
                        new = pred
                        continue
                    other = pred
                    while new != other:
                        while rank[new] > rank[other]:
                            new = idom[new]
                        while rank[other] > rank[new]:
                            other = idom[other]
                if idom.get(block) != new:
                    idom[block] = new
                    changed = True
        self.idom = idom

    def dominates(self, a: int, b: int) -> bool:
        rank, idom = self.rank, self.idom
        while rank[b] > rank[a]:
            b = idom[b]
        return a == b

    def _misentered(self) -> set[int]:
        """The blocks to cut so that every loop is entered at its header only."""
        graph, rank = self.graph, self.rank
        headers: set[int] = set()
        others: set[int] = set()
        for block in self.order:
            for edge in self.edges_of(block):
                target = edge.target
                if target not in rank or target == self.start:
                    continue
                if graph.blocks[target].loop:
                    # Backwards in the order of the Wasm code.
                    if block >= target and not self.dominates(target, block):
                        headers.add(target)
                elif rank[target] <= rank[block] and not self.dominates(target, block):
                    others.add(target)
        first = graph.blocks[self.start]
        if isinstance(first.end, Jump) and self._is_entry() and graph.blocks[first.end.edge.target].loop:
            # The interpreter enters a loop at its header: the loop is a function that other entries share.
            target = first.end.edge.target
            if target not in self.cuts:
                headers.add(target)
        return headers or others or self._retreating()

    def _is_entry(self) -> bool:
        return any(block == self.start and pc >= 0 for pc, block in self.graph.entries.items())

    def _retreating(self) -> set[int]:
        """What is left where no flag tells: the targets of edges backwards in this order that do not dominate."""
        return {
            edge.target
            for block in self.order
            for edge in self.edges_of(block)
            if edge.target in self.rank
            and self.rank[edge.target] <= self.rank[block]
            and not self.dominates(edge.target, block)
        }

    def above_start(self, blocks: set[int]) -> set[int]:
        """Those of some blocks that dominate the function's beginning in the whole graph."""
        entries = set(self.graph.entries.values())
        if self.start in entries:
            return set()
        above: set[int] = set()
        for block in blocks:
            seen = entries - {block}
            work = list(seen)
            while work and self.start not in seen:
                for edge in self.edges_of(work.pop()):
                    if edge.target != block and edge.target not in seen:
                        seen.add(edge.target)
                        work.append(edge.target)
            if self.start not in seen and block != self.start:
                above.add(block)
        return above

    # --- loops -----------------------------------------------------------------------------------------------------

    def _find_loops(self) -> None:
        """`bodies`: header -> the blocks of its loop. `loop_of`: block -> header of the innermost loop around it.
        `outer`: header -> the header around it."""
        rank = self.rank
        bodies: dict[int, set[int]] = {}
        for block in self.order:
            for target in {edge.target for edge in self.edges_of(block)}:
                if target not in rank or rank[target] > rank[block]:
                    continue
                body = bodies.setdefault(target, {target})
                work = [block]
                while work:
                    inner = work.pop()
                    if inner not in body:
                        body.add(inner)
                        work += self.preds[inner]
        self.bodies = bodies
        self.loop_of: dict[int, int] = {}
        self.outer: dict[int, int] = {}
        for header in sorted(bodies, key=lambda h: len(bodies[h]), reverse=True):
            if header in self.loop_of:
                self.outer[header] = self.loop_of[header]
            for block in bodies[header]:
                self.loop_of[block] = header

    # --- placement -------------------------------------------------------------------------------------------------

    def _place(self) -> None:
        """`merges`: block -> the blocks placed behind it. `followers`: header -> the blocks placed behind its loop.
        `placed`: all of these. What is not among them is written where its only edge is, or (`copied`) at each."""
        rank = self.rank
        self.merges: dict[int, list[int]] = {}
        self.followers: dict[int, list[int]] = {}
        self.copied: set[int] = set()
        # How often control comes to a block from above.
        arrivals: dict[int, int] = {}
        for block in self.order[1:]:
            arriving = 0
            for pred in set(self.preds[block]):
                if rank[pred] < rank[block]:
                    arriving += self._edges_to(pred, block) * (arrivals[pred] if pred in self.copied else 1)
            arrivals[block] = arriving
            if self._is_copied(block):
                self.copied.add(block)
                continue
            above = self.idom[block]
            header: int | None = self.loop_of.get(above)
            left: int | None = None
            while header is not None and block not in self.bodies[header]:
                left = header
                header = self.outer.get(header)
            if left is not None and not (arriving == 1 and self._is_final(block)):
                self.followers.setdefault(left, []).append(block)
            elif arriving > 1:
                self.merges.setdefault(above, []).append(block)
        self.placed = {
            block for lists in (self.merges, self.followers) for blocks in lists.values() for block in blocks
        }

    def _edges_to(self, pred: int, block: int) -> int:
        """The places from which `pred` goes to `block`."""
        end = self.graph.blocks[pred].end
        found = [edge for _, edge in switch_runs(end)] if isinstance(end, Switch) else self.edges_of(pred)
        return sum(edge.target == block for edge in found)

    def _is_copied(self, block: int) -> bool:
        made = self.graph.blocks[block]
        return not made.code and isinstance(made.end, Exit | Return)

    def _is_final(self, block: int) -> bool:
        end = self.graph.blocks[block].end
        if isinstance(end, Exit | Return | TailCall):
            return True
        return isinstance(end, Jump) and self.leaves(end.edge.target)

    # --- parameters ------------------------------------------------------------------------------------------------

    def copies(self, may_stand: Callable[[int, int], bool]) -> dict[int, int]:
        """The parameters that in this function, which is entered at one place, only ever get one value, with it.
        `may_stand(value, parameter)`: whether a value may be used in the parameter's stead."""
        blocks = self.graph.blocks
        incoming: dict[int, list[int]] = {}
        for block in self.order:
            for edge in self.edges_of(block):
                if edge.target in self.rank and edge.target != self.start:
                    for param, value in zip(blocks[edge.target].params, edge.args):
                        incoming.setdefault(param, []).append(value)
        same: dict[int, int] = {}

        def find(value: int) -> int:
            while value in same:
                value = same[value]
            return value

        changed = True
        while changed:
            changed = False
            for param, values in incoming.items():
                if param in same:
                    continue
                sources = {find(value) for value in values} - {param}
                if len(sources) == 1:
                    (only,) = sources
                    if may_stand(only, param):
                        same[param] = only
                        changed = True
        return {param: find(param) for param in same}
