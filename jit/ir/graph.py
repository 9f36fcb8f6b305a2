"""A region as a graph of basic blocks in SSA form.

A *value* is an index into the parallel lists `op`, `args`, `imm`, `type`, `snap`; instructions without a result have one too.
A block has parameters (values whose op is `param`), a list of values in the order in which they are computed, and a
terminator. There are no phi instructions: edges carry arguments for the parameters of their target.

A *snapshot* says what the interpreter's frames must look like where the region is left: which instruction is next, and which
registers of the frame hold which values. Registers that are not named hold what they held at entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jit.ir.ops import IrOp, Type

__all__ = ["Block", "Branch", "Edge", "Exit", "Graph", "Jump", "Snapshot", "Switch", "Terminator"]

NO_SNAPSHOT = -1


@dataclass(slots=True)
class Edge:
    """To a block, with a value for each of its parameters."""

    target: int
    args: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Jump:
    edge: Edge


@dataclass(slots=True)
class Branch:
    """To `then` if the i32 value `condition` is not zero."""

    condition: int
    then: Edge
    otherwise: Edge


@dataclass(slots=True)
class Switch:
    """To edge `index`, an i32 value, unsigned; to the last one if it is too large."""

    index: int
    edges: list[Edge]


@dataclass(slots=True)
class Exit:
    """Leave the region through a snapshot."""

    snapshot: int


Terminator: TypeAlias = Jump | Branch | Switch | Exit


@dataclass(slots=True)
class Block:
    """`loop` marks the header of a loop: some edge to it comes from a block that it dominates."""

    params: list[int] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    end: Terminator | None = None
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Go on at instruction `pc` with `values`: pairs (register of the frame, value)."""

    pc: int
    values: tuple[tuple[int, int], ...]


class Graph:
    """Block 0 is the entry and has no parameters. `name` is for people."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.op: list[IrOp] = []
        self.args: list[tuple[int, ...]] = []
        self.imm: list[Any] = []
        self.type: list[Type] = []
        self.snap: list[int] = []
        self.blocks: list[Block] = []
        self.snapshots: list[Snapshot] = []

    def new_block(self, loop: bool = False) -> int:
        self.blocks.append(Block(loop=loop))
        return len(self.blocks) - 1

    def value(self, op: IrOp, args: tuple[int, ...] = (), imm: Any = None, snap: int = NO_SNAPSHOT) -> int:
        """A new value, which is in no block yet."""
        self.op.append(op)
        self.args.append(args)
        self.imm.append(imm)
        self.type.append(op.result)
        self.snap.append(snap)
        return len(self.op) - 1

    def snapshot(self, pc: int, values: tuple[tuple[int, int], ...]) -> int:
        self.snapshots.append(Snapshot(pc, values))
        return len(self.snapshots) - 1


def edges(terminator: Terminator | None) -> list[Edge]:
    """The edges out of a block."""
    match terminator:
        case Jump(edge):
            return [edge]
        case Branch(_, then, otherwise):
            return [then, otherwise]
        case Switch(_, targets):
            return targets
    return []


def operands_of_end(terminator: Terminator | None) -> list[int]:
    """The values that a terminator itself looks at, without its edges' arguments."""
    match terminator:
        case Branch(condition, _, _):
            return [condition]
        case Switch(index, _):
            return [index]
    return []


def postorder(graph: Graph) -> list[int]:
    """The blocks that are reachable from the entry; each behind all its successors, but for backward edges."""
    seen = [False] * len(graph.blocks)
    order: list[int] = []
    stack: list[tuple[int, Iterator[Edge]]] = [(0, iter(edges(graph.blocks[0].end)))]
    seen[0] = True
    while stack:
        block, successors = stack[-1]
        for edge in successors:
            if not seen[edge.target]:
                seen[edge.target] = True
                stack.append((edge.target, iter(edges(graph.blocks[edge.target].end))))
                break
        else:
            order.append(block)
            stack.pop()
    return order


def dominators(graph: Graph) -> dict[int, int]:
    """The immediate dominator of each reachable block but the entry (Cooper, Harvey, Kennedy: A simple, fast dominance
    algorithm, 2001)."""
    order = postorder(graph)
    number = {block: i for i, block in enumerate(order)}
    preds: dict[int, list[int]] = {block: [] for block in order}
    for block in order:
        for edge in edges(graph.blocks[block].end):
            preds[edge.target].append(block)
    idom: dict[int, int] = {0: 0}

    def meet(a: int, b: int) -> int:
        while a != b:
            while number[a] < number[b]:
                a = idom[a]
            while number[b] < number[a]:
                b = idom[b]
        return a

    changed = True
    while changed:
        changed = False
        for block in reversed(order[:-1]):
            known = [p for p in preds[block] if p in idom]
            new = known[0]
            for p in known[1:]:
                new = meet(p, new)
            if idom.get(block) != new:
                idom[block] = new
                changed = True
    del idom[0]
    return idom
