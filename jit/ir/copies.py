"""Graphs as they are before a pass, for who wants to look at them later."""

from __future__ import annotations

from jit.ir.graph import Block, Branch, Edge, Graph, Jump, Return, Switch, TailCall, Terminator

__all__ = ["copied"]


def copied(graph: Graph) -> Graph:
    """The graph as it is now: what passes do to the one does not show in the other. Passes replace the lists of blocks
    and edges, and so these are shared."""
    copy = Graph(graph.code)
    for name in ("op", "args", "imm", "type", "snap", "pc", "snapshots"):
        setattr(copy, name, getattr(graph, name).copy())
    copy.inlined, copy.entries, copy.loose = dict(graph.inlined), dict(graph.entries), set(graph.loose)
    copy.blocks = [Block(params=b.params, code=b.code, end=_copied(b.end), loop=b.loop) for b in graph.blocks]
    return copy


def _copied(end: Terminator | None) -> Terminator | None:
    match end:
        case Jump(edge):
            return Jump(Edge(edge.target, edge.args))
        case Branch(condition, then, otherwise):
            return Branch(condition, Edge(then.target, then.args), Edge(otherwise.target, otherwise.args))
        case Switch(index, targets):
            return Switch(index, [Edge(edge.target, edge.args) for edge in targets])
        case Return(values):
            return Return(values)
        case TailCall(callee, args, snapshot):
            return TailCall(callee, args, snapshot)
    return end
