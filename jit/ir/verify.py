"""Whether a graph is well-formed: a list of rules, each of which finds what breaks it.

What is said of graphs in `jit.ir.graph` and `jit.ir.ops` is said here once more, so that it can be checked: after
building and after every pass in tests, and wherever somebody suspects a pass. A broken graph is a defect of the
compiler: `Crash`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from jit.helper import Helper
from jit.ir.graph import (
    CALL,
    NO_SNAPSHOT,
    Branch,
    Callee,
    Exit,
    Graph,
    Switch,
    TailCall,
    edges,
    layout,
    operands_of_end,
    snapshot_of_end,
)
from jit.ir.ops import IrOp, Type
from refsfi.errors import Crash
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.module import MemArg
from refsfi.syntax.types import FuncType

__all__ = ["RULES", "Rule", "faults", "verify"]


def verify(graph: Graph) -> None:
    """Crash, with every fault found, where a graph is not well-formed."""
    found = faults(graph)
    if found:
        raise Crash("the graph is not well-formed: " + "; ".join(found))


def faults(graph: Graph) -> list[str]:
    """What is wrong with a graph, one line each; later rules are asked only where earlier ones hold."""
    code = Known(graph)
    for rule in RULES:
        found = [f"{fault} ({rule.says})" for fault in rule.breaches(code)]
        if found:
            return found
    return []


class Known:
    """A graph and what the rules want to know of it. `defined`: value -> (block, place in it), parameters at -1."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.blocks = layout(graph) if _targets_exist(graph) else []
        self.defined: dict[int, tuple[int, int]] = {}
        self.twice: list[int] = []
        for number in self.blocks:
            block = graph.blocks[number]
            for place, value in [*((-1, v) for v in block.params), *enumerate(block.code)]:
                if value in self.defined:
                    self.twice.append(value)
                self.defined[value] = number, place
        self._idom: dict[int, int] | None = None

    def uses(self) -> Iterator[tuple[int, int, int, str]]:
        """(value, block, place in it, by what) of all uses, those of snapshots included."""
        graph = self.graph
        for number in self.blocks:
            block = graph.blocks[number]
            for place, user in enumerate(block.code):
                for value in graph.args[user]:
                    yield value, number, place, f"v{user}"
                if graph.snap[user] >= 0:
                    for value in _mentioned(graph, graph.snap[user]):
                        yield value, number, place, f"the snapshot of v{user}"
            last = len(block.code)
            for value in operands_of_end(block.end):
                yield value, number, last, "the end"
            for edge in edges(block.end):
                for value in edge.args:
                    yield value, number, last, f"the edge to b{edge.target}"
            if isinstance(block.end, Exit | TailCall):
                for value in _mentioned(graph, block.end.snapshot):
                    yield value, number, last, "the snapshot of the end"

    def dominates(self, a: int, b: int) -> bool:
        """Whether every path from any entry to block `b` passes block `a`."""
        if self._idom is None:
            self._idom = _dominators(self.graph, self.blocks)
        while b >= 0:
            if a == b:
                return True
            b = self._idom[b]
        return False


def _targets_exist(graph: Graph) -> bool:
    count = len(graph.blocks)
    return all(0 <= edge.target < count for block in graph.blocks for edge in edges(block.end)) and all(
        0 <= block < count for block in graph.entries.values()
    )


def _mentioned(graph: Graph, snapshot: int) -> Iterator[int]:
    for frame in graph.snapshots[snapshot].frames:
        for _, value in frame.values:
            yield value


def _dominators(graph: Graph, blocks: list[int]) -> dict[int, int]:
    """Block -> its immediate dominator; -1, the root in front of all entries, where there is none."""
    order: list[int] = []
    seen: set[int] = set()
    for entry in graph.entries.values():
        stack = [(entry, iter(edges(graph.blocks[entry].end)))] if entry not in seen else []
        seen.add(entry)
        while stack:
            block, successors = stack[-1]
            for edge in successors:
                if edge.target not in seen:
                    seen.add(edge.target)
                    stack.append((edge.target, iter(edges(graph.blocks[edge.target].end))))
                    break
            else:
                order.append(block)
                stack.pop()
    order.reverse()
    rank = {block: i for i, block in enumerate(order)}
    rank[-1] = -1
    preds: dict[int, list[int]] = {block: [] for block in order}
    for block in order:
        for edge in edges(graph.blocks[block].end):
            preds[edge.target].append(block)
    for entry in graph.entries.values():
        preds[entry].append(-1)
    idom = {-1: -1}
    changed = True
    while changed:
        changed = False
        for block in order:
            known = [pred for pred in preds[block] if pred in idom]
            new = known[0]
            for other in known[1:]:
                while new != other:
                    while rank[new] > rank[other]:
                        new = idom[new]
                    while rank[other] > rank[new]:
                        other = idom[other]
            if idom.get(block) != new:
                idom[block] = new
                changed = True
    return idom


# --- rules -----------------------------------------------------------------------------------------------------------

_Breaches: TypeAlias = Callable[[Known], Iterator[str]]


class Rule(NamedTuple):
    """`says` what holds in a well-formed graph; `breaches` yields where it does not."""

    says: str
    breaches: _Breaches


def _lists(k: Known) -> Iterator[str]:
    g = k.graph
    count = len(g.op)
    for name in ("args", "imm", "type", "snap", "pc"):
        if len(getattr(g, name)) != count:
            yield f"`{name}` has {len(getattr(g, name))} entries, `op` {count}"


def _types(k: Known) -> Iterator[str]:
    g = k.graph
    for value, op in enumerate(g.op):
        if g.type[value] is not op.result:
            yield f"v{value} = {op.name} is said to be of type {g.type[value]}"


def _ends(k: Known) -> Iterator[str]:
    for number, block in enumerate(k.graph.blocks):
        if number in k.blocks and block.end is None:
            yield f"b{number}"


def _targets(k: Known) -> Iterator[str]:
    g = k.graph
    count = len(g.blocks)
    for number, block in enumerate(g.blocks):
        for edge in edges(block.end):
            if not 0 <= edge.target < count:
                yield f"b{number} goes to b{edge.target}"
    for pc, block_number in g.entries.items():
        if not 0 <= block_number < count:
            yield f"the entry at {pc} is b{block_number}"


def _entries(k: Known) -> Iterator[str]:
    g = k.graph
    if not g.entries:
        yield "there is none"
    for pc, number in g.entries.items():
        if pc < CALL:
            yield f"pc {pc}"
        if g.blocks[number].params:
            yield f"b{number} has parameters"
    starts = set(g.entries.values())
    if len(starts) < len(g.entries):
        yield "two are one block"
    for number in k.blocks:
        for edge in edges(g.blocks[number].end):
            if edge.target in starts:
                yield f"b{number} goes to b{edge.target}"


def _once(k: Known) -> Iterator[str]:
    for value in k.twice:
        yield f"v{value}"


def _places(k: Known) -> Iterator[str]:
    g = k.graph
    starts = set(g.entries.values())
    for number in k.blocks:
        block = g.blocks[number]
        for value in block.params:
            if not g.op[value].name.endswith(".param"):
                yield f"v{value} = {g.op[value].name} is a parameter of b{number}"
        for value in block.code:
            name = g.op[value].name
            misplaced = name.endswith(".home") and number not in starts
            if misplaced or name.endswith(".param") or _floats(g.op[value]):
                yield f"v{value} = {name} is in b{number}"


def _operand_types(k: Known) -> Iterator[str]:
    g = k.graph
    for value in _placed(k):
        op, args = g.op[value], g.args[value]
        if op.operands is not None and len(args) != len(op.operands):
            yield f"v{value} = {op.name} has {len(args)} operands"
            continue
        for place, operand in enumerate(args):
            if not 0 <= operand < len(g.op):
                yield f"v{value} = {op.name} names v{operand}"
                continue
            wanted = op.operands[place] if op.operands is not None else None
            if wanted is not None and g.type[operand] is not wanted:
                yield f"operand {place} of v{value} = {op.name}, v{operand}, is of type {g.type[operand]}"
        if op.wasm is not None and op.operands and op.operands[0] is None:
            yield from (f"v{value} = {op.name}: {text}" for text in _address(g, value))
        special = _OPERANDS.get(op.name)
        if special is not None:
            yield from (f"v{value} = {op.name}: {text}" for text in special(g, value))


def _address(g: Graph, value: int) -> Iterator[str]:
    args = g.args[value]
    if args and g.type[args[0]] not in (Type.I32, Type.I64):
        yield f"the address v{args[0]} is of type {g.type[args[0]]}"


def _direct_call(g: Graph, value: int) -> Iterator[str]:
    if not isinstance(g.imm[value], Callee):
        yield f"the immediate is {g.imm[value]!r}"


def _function_call(g: Graph, value: int) -> Iterator[str]:
    if not isinstance(g.imm[value], FuncType):
        yield f"the immediate is {g.imm[value]!r}"
    elif len(g.args[value]) != len(g.imm[value].params) + 1 or g.type[g.args[value][0]] is not Type.REF:
        yield "the operands are not a function and its arguments"


def _result(g: Graph, value: int) -> Iterator[str]:
    (call,) = g.args[value]
    if g.op[call].name not in ("call", "call_func", "helper"):
        yield f"v{call} is no call"


def _helped(g: Graph, value: int) -> Iterator[str]:
    helper = g.imm[value]
    if isinstance(helper, Helper) and len(g.args[value]) != helper.operands():
        yield f"it has {len(g.args[value])} operands, and its instruction takes {helper.operands()}"


_OPERANDS: Final[dict[str, Callable[[Graph, int], Iterator[str]]]] = {
    "call": _direct_call,
    "call_func": _function_call,
    "helper": _helped,
    **{f"{t}.result": _result for t in Type if t is not Type.NONE},
}


def _immediates(k: Known) -> Iterator[str]:
    g = k.graph
    for value, op in enumerate(g.op):
        if value not in k.defined and not _floats(op):
            continue
        imm = g.imm[value]
        wanted = _wanted(op)
        if not wanted(imm):
            yield f"v{value} = {op.name} has {imm!r}"


def _whole(imm: Any) -> bool:
    return isinstance(imm, int) and not isinstance(imm, bool)


def _within(bits: int) -> Callable[[Any], bool]:
    return lambda imm: _whole(imm) and 0 <= imm < 1 << bits


def _none(imm: Any) -> bool:
    return imm is None


def _memory_argument(imm: Any) -> bool:
    arg = imm[0] if isinstance(imm, tuple) and imm else imm
    return isinstance(arg, MemArg)


_IMMEDIATES: Final[dict[str, Callable[[Any], bool]]] = {
    "i32.const": _within(32),
    "i64.const": _within(64),
    "f32.const": _within(32),
    "f64.const": _within(64),
    "v128.const": lambda imm: isinstance(imm, bytes) and len(imm) == 16,
    "fuel": lambda imm: _whole(imm) and imm > 0,
    "room": lambda imm: _whole(imm) and imm > 0,
    "take_room": _whole,
    "func.of_table": lambda imm: isinstance(imm, tuple) and len(imm) == 2 and isinstance(imm[1], DefType),
    "func.of_table64": lambda imm: isinstance(imm, tuple) and len(imm) == 2 and isinstance(imm[1], DefType),
    "call": lambda imm: isinstance(imm, Callee),
    "call_func": lambda imm: isinstance(imm, FuncType),
    "helper": lambda imm: isinstance(imm, Helper),
    "memory.fill": lambda imm: isinstance(imm, tuple) and len(imm) == 1,
    "memory.copy": lambda imm: isinstance(imm, tuple) and len(imm) == 2,
}
_INDEXED: Final = frozenset("home global set_global result memory_size table_size func".split())


def _wanted(op: IrOp) -> Callable[[Any], bool]:
    """What an instruction's immediate has to be."""
    found = _IMMEDIATES.get(op.name)
    if found is not None:
        return found
    if op.name.partition(".")[2] in _INDEXED and (op.wasm is None or op.name == "ref.func"):
        return _within(32)
    if op.wasm is None:
        return _none
    if op.operands and op.operands[0] is None:
        return _memory_argument
    return (lambda imm: isinstance(imm, tuple) and bool(imm)) if op.wasm.imms else _none


def _snapshots(k: Known) -> Iterator[str]:
    g = k.graph
    count = len(g.snapshots)
    for value in _placed(k):
        op, snap = g.op[value], g.snap[value]
        if op.exits != (snap >= 0):
            yield f"v{value} = {op.name} has {'no' if op.exits else 'a'} snapshot"
        elif snap >= count:
            yield f"v{value} = {op.name} has snapshot {snap} of {count}"
    for number in k.blocks:
        end = g.blocks[number].end
        if isinstance(end, Exit | TailCall) and not 0 <= end.snapshot < count:
            yield f"the end of b{number} has snapshot {end.snapshot} of {count}"


def _frames(k: Known) -> Iterator[str]:
    g = k.graph
    used = {g.snap[value] for value in _placed(k)} | {snapshot_of_end(g.blocks[number].end) for number in k.blocks}
    for number in sorted(used - {NO_SNAPSHOT}):
        snapshot = g.snapshots[number]
        if not snapshot.frames:
            yield f"snapshot {number} has no frames"
        elif g.code is not None and snapshot.frames[0].code is not g.code:
            yield f"the outermost frame of snapshot {number} is another function's"
        if snapshot.refund < 0:
            yield f"snapshot {number} refunds {snapshot.refund}"
        for frame in snapshot.frames:
            registers = [register for register, _ in frame.values]
            if len(set(registers)) < len(registers):
                yield f"snapshot {number} gives a register two values"
            if frame.pc < 0:
                yield f"snapshot {number} goes on at {frame.pc}"
            for _, value in frame.values:
                if not 0 <= value < len(g.op) or g.type[value] is Type.NONE:
                    yield f"snapshot {number} names v{value}"


def _edges(k: Known) -> Iterator[str]:
    g = k.graph
    for number in k.blocks:
        for edge in edges(g.blocks[number].end):
            params = g.blocks[edge.target].params
            if len(edge.args) != len(params):
                yield f"b{number} gives b{edge.target} {len(edge.args)} of {len(params)} values"
                continue
            for param, value in zip(params, edge.args):
                if not 0 <= value < len(g.op) or g.type[value] is not g.type[param]:
                    yield f"b{number} gives v{value} for v{param}"


def _conditions(k: Known) -> Iterator[str]:
    g = k.graph
    for number in k.blocks:
        match g.blocks[number].end:
            case Branch(operand, _, _) | Switch(operand, _):
                if not 0 <= operand < len(g.op) or g.type[operand] is not Type.I32:
                    yield f"b{number} looks at v{operand}"
    for number in k.blocks:
        end = g.blocks[number].end
        if isinstance(end, Switch) and not end.edges:
            yield f"b{number} has a switch without edges"


def _dominance(k: Known) -> Iterator[str]:
    g = k.graph
    for value, block, place, by in k.uses():
        found = k.defined.get(value)
        if found is None:
            if not _floats(g.op[value]):
                yield f"v{value}, named by {by} in b{block}, is in no block"
            continue
        home, at = found
        if (at >= place) if home == block else not k.dominates(home, block):
            yield f"v{value} of b{home}, named by {by} in b{block}"


def _loops(k: Known) -> Iterator[str]:
    g = k.graph
    back: set[int] = set()
    for number in k.blocks:
        for edge in edges(g.blocks[number].end):
            if k.dominates(edge.target, number):
                back.add(edge.target)
    for number in back:
        if not g.blocks[number].loop:
            yield f"b{number}"


def _results(k: Known) -> Iterator[str]:
    g = k.graph
    for value in _placed(k):
        if not g.op[value].name.endswith(".result"):
            continue
        (call,) = g.args[value]
        number, place = k.defined[value]
        code = g.blocks[number].code
        before = place - 1
        while before >= 0 and g.op[code[before]].name.endswith(".result"):
            before -= 1
        if before < 0 or code[before] != call:
            yield f"v{value} is not behind v{call}"


def _placed(k: Known) -> Iterator[int]:
    for number in k.blocks:
        yield from k.graph.blocks[number].code


def _floats(op: IrOp) -> bool:
    """Whether an instruction belongs to no block: constants."""
    return op.name.endswith(".const") or op.name == "ref.null"


RULES: Final[tuple[Rule, ...]] = (
    Rule("the lists of values run in parallel", _lists),
    Rule("a value has its row's type", _types),
    Rule("edges and entries lead to blocks", _targets),
    Rule("a block that is reached has an end", _ends),
    Rule("entries are blocks without parameters and predecessors, one for each", _entries),
    Rule("a value is defined once", _once),
    Rule("parameters, constants and homes are where they belong", _places),
    Rule("operands are as many and of such types as their row says", _operand_types),
    Rule("immediates are what their row says", _immediates),
    Rule("what may leave has a snapshot, and nothing else", _snapshots),
    Rule("snapshots are states of frames", _frames),
    Rule("edges bring a value of the right type for each parameter", _edges),
    Rule("branches look at an i32", _conditions),
    Rule("a value is computed before it is used, however control came", _dominance),
    Rule("a block that control comes back to from below is marked as a loop", _loops),
    Rule("results follow their call", _results),
)
