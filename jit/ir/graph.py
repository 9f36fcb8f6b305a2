"""A region as a graph of basic blocks in SSA form.

A *value* is an index into the parallel lists `op`, `args`, `imm`, `type`, `snap`; instructions without a result have
one too. A block has parameters (values whose op is `param`), a list of values in the order in which they are computed,
and a terminator. There are no phi instructions: edges carry arguments for the parameters of their target.

A region has several *entries*: blocks without predecessors that are reached from outside, each with the registers of
the interpreter's frame that it reads (`home`). The entry with pc `CALL` is for calls from other regions, and takes the
function's arguments; the others are for the interpreter, which enters where it stands before instruction `pc`.

A *snapshot* says what the interpreter's frames must look like where the region is left: for each frame which
instruction is next, and which registers hold which values. Registers that are not named are dead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from jit.ir.entry import CALL
from jit.ir.ops import IrOp, Type
from jit.plain import Plain

if TYPE_CHECKING:
    from refsfi.exec.code import FuncCode

__all__ = [
    "CALL",
    "NO_SNAPSHOT",
    "Block",
    "Branch",
    "Callee",
    "Edge",
    "Exit",
    "FrameState",
    "Graph",
    "Jump",
    "Return",
    "Snapshot",
    "Switch",
    "TailCall",
    "Terminator",
    "edges",
    "layout",
    "operands_of_end",
    "reach",
]

NO_SNAPSHOT: Final = -1


class Edge(Plain):
    """To a block, with a value for each of its parameters."""

    __slots__ = ("args", "target")
    __match_args__ = ("target", "args")

    def __init__(self, target: int, args: list[int] | None = None) -> None:
        self.target = target
        self.args: list[int] = [] if args is None else args


class Jump(Plain):
    __slots__ = ("edge",)
    __match_args__ = ("edge",)

    def __init__(self, edge: Edge) -> None:
        self.edge = edge


class Branch(Plain):
    """To `then` if the i32 value `condition` is not zero."""

    __slots__ = ("condition", "otherwise", "then")
    __match_args__ = ("condition", "then", "otherwise")

    def __init__(self, condition: int, then: Edge, otherwise: Edge) -> None:
        self.condition = condition
        self.then = then
        self.otherwise = otherwise


class Switch(Plain):
    """To edge `index`, an i32 value, unsigned; to the last one if it is too large."""

    __slots__ = ("edges", "index")
    __match_args__ = ("index", "edges")

    def __init__(self, index: int, edges: list[Edge]) -> None:
        self.index = index
        self.edges = edges


class Exit(Plain):
    """Leave the region through a snapshot."""

    __slots__ = ("snapshot",)
    __match_args__ = ("snapshot",)

    def __init__(self, snapshot: int) -> None:
        self.snapshot = snapshot


class Return(Plain):
    """The activation is over."""

    __slots__ = ("values",)
    __match_args__ = ("values",)

    def __init__(self, values: tuple[int, ...]) -> None:
        self.values = values


class TailCall(Plain):
    """Call in place of this activation. `callee` is a `Callee`, or None where the first argument is the function."""

    __slots__ = ("args", "callee", "snapshot")
    __match_args__ = ("callee", "args", "snapshot")

    def __init__(self, callee: Callee | None, args: tuple[int, ...], snapshot: int) -> None:
        self.callee = callee
        self.args = args
        self.snapshot = snapshot


class Callee(Plain):
    """A function of the region's own module, by its index."""

    __slots__ = ("index",)
    __match_args__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


Terminator: TypeAlias = Jump | Branch | Switch | Exit | Return | TailCall


class Block(Plain):
    """`loop` marks the header of a loop: some edge to it comes from a block that it dominates."""

    __slots__ = ("code", "end", "loop", "params")
    __match_args__ = ("params", "code", "end", "loop")

    def __init__(
        self,
        params: list[int] | None = None,
        code: list[int] | None = None,
        end: Terminator | None = None,
        loop: bool = False,
    ) -> None:
        self.params: list[int] = [] if params is None else params
        self.code: list[int] = [] if code is None else code
        self.end = end
        self.loop = loop


class FrameState(Plain):
    """One activation: it goes on at instruction `pc`; if it is not the innermost one, or if the snapshot is a call's,
    it waits at the call `pc`. `values` are pairs (register of the frame, value)."""

    __slots__ = ("code", "pc", "values")
    __match_args__ = ("code", "pc", "values")

    def __init__(self, code: FuncCode, pc: int, values: tuple[tuple[int, int], ...]) -> None:
        self.code = code
        self.pc = pc
        self.values = values


class Snapshot(Plain):
    """`frames`, outermost first: the region's own activation, then those inlined into it. `refund`: fuel that was taken
    ahead for instructions that are not executed; None where none is counted."""

    __slots__ = ("frames", "refund")
    __match_args__ = ("frames", "refund")

    def __init__(self, frames: tuple[FrameState, ...], refund: int) -> None:
        self.frames = frames
        self.refund = refund


class Graph:
    """The region of function `code`. `entries`: pc (or `CALL`) -> block."""

    def __init__(self, code: FuncCode | None = None) -> None:
        self.code = code
        self.op: list[IrOp] = []
        self.args: list[tuple[int, ...]] = []
        self.imm: list[Any] = []
        self.type: list[Type] = []
        self.snap: list[int] = []
        # The Wasm instruction that a value was made for, in the innermost frame; for listings and profiles.
        self.pc: list[int] = []
        # Values that were made for an inlined function, and which: `pc` is an instruction of that one.
        self.inlined: dict[int, FuncCode] = {}
        self.blocks: list[Block] = []
        self.snapshots: list[Snapshot] = []
        self.entries: dict[int, int] = {}
        # Values whose NaNs need not be canonical (`jit.optimize.canonical`): who reads them for a snapshot makes them
        # so.
        self.loose: set[int] = set()

    def new_block(self, loop: bool = False) -> int:
        self.blocks.append(Block(loop=loop))
        return len(self.blocks) - 1

    def value(
        self, op: IrOp, args: tuple[int, ...] = (), imm: Any = None, snap: int = NO_SNAPSHOT, pc: int = NO_SNAPSHOT
    ) -> int:
        """A new value, which is in no block yet."""
        self.op.append(op)
        self.args.append(args)
        self.imm.append(imm)
        self.type.append(op.result)
        self.snap.append(snap)
        self.pc.append(pc)
        return len(self.op) - 1

    def snapshot(self, frames: tuple[FrameState, ...], refund: int) -> int:
        self.snapshots.append(Snapshot(frames, refund))
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


def operands_of_end(terminator: Terminator | None) -> tuple[int, ...]:
    """The values that a terminator itself looks at, without its edges' arguments and its snapshot."""
    match terminator:
        case Branch(condition, _, _):
            return (condition,)
        case Switch(index, _):
            return (index,)
        case Return(values):
            return values
        case TailCall(_, args, _):
            return args
    return ()


def snapshot_of_end(terminator: Terminator | None) -> int:
    """The snapshot of a terminator that may leave the region, NO_SNAPSHOT for others."""
    match terminator:
        case Exit(snapshot) | TailCall(_, _, snapshot):
            return snapshot
    return NO_SNAPSHOT


def reach(graph: Graph) -> list[int]:
    """The blocks that can be reached from the entries, each behind all its successors but for backward edges
    (postorder)."""
    seen = [False] * len(graph.blocks)
    order: list[int] = []
    for entry in reversed(graph.entries.values()):
        if seen[entry]:
            continue
        seen[entry] = True
        stack: list[tuple[int, Iterator[Edge]]] = [(entry, iter(edges(graph.blocks[entry].end)))]
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


def layout(graph: Graph) -> list[int]:
    """The blocks in the order in which code is laid out: as they were made (which follows the Wasm code, so that loops
    are contiguous), without those that nothing reaches."""
    return sorted(reach(graph))
