"""Makes NaNs canonical where their bits become observable, and nowhere else.

In the deterministic profile an arithmetic instruction whose result is a NaN gives the canonical one. Machines give
others, so `canon` has to follow somewhere; but as long as such a value only goes into further arithmetic or
comparisons, nobody can tell. It can where bits are looked at: stores, reinterpretation, sign operations, globals, calls
and returns. (Snapshots too: who reads a register for the interpreter makes it canonical then, at no cost to the code.)

A block's parameter may stand for arithmetic results on one edge and for loaded bits, which must stay as they are, on
another. If all it gets is arithmetic (constants that are no NaN included, and parameters of this kind), it is
arithmetic itself and needs nothing on its edges; else arithmetic arguments become canonical on their edge.
"""

from __future__ import annotations

from typing import Final

from jit.ir.graph import Graph, Return, TailCall, edges, layout
from jit.ir.ops import BY_NAME, IrOp, Type, irop

__all__ = ["ARITHMETIC", "make_canonical"]

_NAMES: Final = "add sub mul div sqrt min max ceil floor trunc nearest".split()

# What may give a NaN that is not canonical.
ARITHMETIC: Final[frozenset[IrOp]] = frozenset(
    [BY_NAME[f"{t}.{name}"] for t in ("f32", "f64") for name in _NAMES]
    + [BY_NAME["f32.demote_f64"], BY_NAME["f64.promote_f32"]]
)

# What looks at the bits of its operands.
_SIGNS: Final = frozenset(BY_NAME[f"{t}.{name}"] for t in ("f32", "f64") for name in ("abs", "neg", "copysign"))
_OBSERVERS: Final = (
    _SIGNS
    | {BY_NAME[f"{t}.{name}"] for t in ("f32", "f64") for name in ("store", "set_global", "select")}
    | {BY_NAME[name] for name in ("i32.reinterpret_f32", "i64.reinterpret_f64", "call", "call_func", "helper")}
    | {
        op
        for op in BY_NAME.values()
        if op.result is Type.V128 and op.operands and not {Type.F32, Type.F64}.isdisjoint(op.operands)
    }
)
_CANON: Final = {Type.F32: irop("f32.canon"), Type.F64: irop("f64.canon")}
_FLOATS: Final = frozenset(_CANON)


def make_canonical(graph: Graph) -> None:
    """Insert `canon`. Needs a graph without trivial parameters, so that fewer of them are mixed."""
    if not any(type in _FLOATS for type in graph.type):
        return
    order = layout(graph)
    loose = _arithmetic_parameters(graph, order)
    ops = graph.op
    for number in order:
        block = graph.blocks[number]
        known: dict[int, int] = {}
        code: list[int] = []

        def canonical(value: int, code: list[int] = code, known: dict[int, int] = known) -> int:
            if ops[value] not in ARITHMETIC and value not in loose:
                return value
            made = known.get(value)
            if made is None:
                made = known[value] = graph.value(_CANON[graph.type[value]], (value,), pc=graph.pc[value])
                code.append(made)
            return made

        for value in block.code:
            if ops[value] in _OBSERVERS:
                graph.args[value] = tuple([canonical(v) for v in graph.args[value]])
            code.append(value)
        end = block.end
        match end:
            case Return():
                end.values = tuple([canonical(v) for v in end.values])
            case TailCall():
                end.args = tuple([canonical(v) for v in end.args])
        for edge in edges(end):
            params = graph.blocks[edge.target].params
            edge.args = [v if p in loose else canonical(v) for p, v in zip(params, edge.args)]
        block.code = code
    graph.loose = loose | {value for value, op in enumerate(ops) if op in ARITHMETIC}


def _arithmetic_parameters(graph: Graph, order: list[int]) -> set[int]:
    """The parameters that get nothing but arithmetic: all are taken for such until one is found not to be."""
    ops, types = graph.op, graph.type
    incoming: list[tuple[int, int]] = []
    loose: set[int] = set()
    for number in order:
        for edge in edges(graph.blocks[number].end):
            for param, value in zip(graph.blocks[edge.target].params, edge.args):
                if types[param] in _FLOATS:
                    loose.add(param)
                    incoming.append((param, value))
    changed = True
    while changed:
        changed = False
        for param, value in incoming:
            if param not in loose or value in loose or ops[value] in ARITHMETIC:
                continue
            if ops[value].name.endswith(".const") and not _is_nan(graph.imm[value], types[value]):
                continue
            loose.discard(param)
            changed = True
    return loose


def _is_nan(bits: int, type: Type) -> bool:
    if type is Type.F32:
        return bits & 0x7FFFFFFF > 0x7F800000
    return bits & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000
