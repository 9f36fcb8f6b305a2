"""Simpler values for instructions that are about to be built, and parameters that turn out not to be needed.

`fold` computes what is constant with the interpreter's own semantic functions, and knows a few identities.
`drop_trivial` takes back the parameters of blocks that stand for one value only (Braun et al., Simple and Efficient
Construction of Static Single Assignment Form, 2013): loop headers get one for all that a loop may change, before it is
known whether it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jit.ir.graph import Branch, FrameState, Graph, Return, Snapshot, Switch, TailCall, edges, reach
from jit.ir.ops import IrOp
from refsfi.errors import Trap
from refsfi.numeric.table import SEMANTICS

if TYPE_CHECKING:
    from jit.build import Builder

__all__ = ["drop_trivial", "fold"]


def fold(b: Builder, op: IrOp, args: tuple[int, ...], imm: Any) -> int | None:
    """A value that the instruction would compute, without the instruction; None where there is none."""
    constants = [b.constant_of(v) for v in args]
    if None not in constants:
        try:
            result = SEMANTICS[op.name](*constants, *(imm or ()))
        except Trap:
            return None
        return b.constant(op.result, result)
    identity = _IDENTITIES.get(op.name)
    if identity is None or len(args) != 2:
        return None
    return identity(b, op, args, constants)


_Identity = Callable[["Builder", IrOp, tuple[int, ...], "list[Any]"], "int | None"]


def _neutral(right: int, *, either: bool = False) -> _Identity:
    """`x op right` is `x`; with `either`, `right op x` too."""

    def identity(b: Builder, op: IrOp, args: tuple[int, ...], constants: list[Any]) -> int | None:
        if constants[1] == right:
            return args[0]
        if either and constants[0] == right:
            return args[1]
        return None

    return identity


def _bits(neutral: int, absorbing: int) -> _Identity:
    """and, or: `x op neutral` is `x`, `x op absorbing` is `absorbing`, `x op x` is `x`."""

    def identity(b: Builder, op: IrOp, args: tuple[int, ...], constants: list[Any]) -> int | None:
        if args[0] == args[1]:
            return args[0]
        for this, other in ((0, 1), (1, 0)):
            if constants[this] == neutral:
                return args[other]
            if constants[this] == absorbing:
                return args[this]
        return None

    return identity


def _rules() -> dict[str, _Identity]:
    rules: dict[str, _Identity] = {}
    for t, ones in (("i32", 0xFFFFFFFF), ("i64", 0xFFFFFFFFFFFFFFFF)):
        for name in ("add", "xor"):
            rules[f"{t}.{name}"] = _neutral(0, either=True)
        for name in ("sub", "shl", "shr_s", "shr_u", "rotl", "rotr"):
            rules[f"{t}.{name}"] = _neutral(0)
        rules[f"{t}.mul"] = _neutral(1, either=True)
        rules[f"{t}.div_u"] = rules[f"{t}.div_s"] = _neutral(1)
        rules[f"{t}.and"] = _bits(ones, 0)
        rules[f"{t}.or"] = _bits(0, ones)
    return rules


_IDENTITIES = _rules()


def drop_trivial(graph: Graph) -> None:
    """Replace every parameter that only ever gets itself and one other value by that value."""
    blocks = graph.blocks
    reached = reach(graph)
    incoming: dict[int, list[Any]] = {block: [] for block in reached}
    for block in reached:
        for edge in edges(blocks[block].end):
            incoming[edge.target].append(edge)
    same: dict[int, int] = {}

    def find(value: int) -> int:
        root = value
        while root in same:
            root = same[root]
        while value != root:
            same[value], value = root, same[value]
        return root

    work = [block for block in reached if blocks[block].params and incoming[block]]
    users: dict[int, set[int]] = {}
    for block in work:
        for edge in incoming[block]:
            for value in edge.args:
                users.setdefault(value, set()).add(block)
    queue = set(work)
    while queue:
        block = queue.pop()
        params = blocks[block].params
        for place, param in enumerate(params):
            if param in same:
                continue
            only = -1
            for edge in incoming[block]:
                value = find(edge.args[place])
                if value in (param, only):
                    continue
                if only >= 0:
                    break
                only = value
            else:
                if only >= 0:
                    same[param] = only
                    moved = users.pop(param, set())
                    users.setdefault(only, set()).update(moved)
                    queue |= moved
    if not same:
        return
    for block in work:
        params = blocks[block].params
        keep = [place for place, param in enumerate(params) if param not in same]
        if len(keep) < len(params):
            blocks[block].params = [params[place] for place in keep]
            for edge in incoming[block]:
                edge.args = [edge.args[place] for place in keep]
    _replace(graph, reached, find, same)


def _replace(graph: Graph, reached: list[int], find: Callable[[int], int], same: dict[int, int]) -> None:
    """Name the value that stands for another wherever that is named."""
    args = graph.args
    for block in reached:
        for value in graph.blocks[block].code:
            operands = args[value]
            for operand in operands:
                if operand in same:
                    args[value] = tuple([find(v) for v in operands])
                    break
        end = graph.blocks[block].end
        match end:
            case Branch():
                end.condition = find(end.condition)
            case Switch():
                end.index = find(end.index)
            case Return():
                end.values = tuple([find(v) for v in end.values])
            case TailCall():
                end.args = tuple([find(v) for v in end.args])
        for edge in edges(end):
            edge.args = [find(v) for v in edge.args]
    for number, snapshot in enumerate(graph.snapshots):
        if any(value in same for frame in snapshot.frames for _, value in frame.values):
            frames = tuple(
                FrameState(f.code, f.pc, tuple([(register, find(value)) for register, value in f.values]))
                for f in snapshot.frames
            )
            graph.snapshots[number] = Snapshot(frames, snapshot.refund)
