"""Floats that are one of several values, in one function.

Of a parameter less is possible in a function than in the whole graph, since nothing comes from other entries; so more
of them are Python floats, and fewer may be NaNs that need a look (`jit.portable.values`).
"""

from __future__ import annotations

from typing import TypeAlias

from jit.ir.ops import Type
from jit.portable.shape import Shape
from jit.portable.values import CLEAN, Values

__all__ = ["Arriving", "arriving", "joined_forms", "joined_nans", "raw"]

# Parameter of type f32 or f64 -> all that it can be.
Arriving: TypeAlias = "dict[int, list[int]]"


def arriving(shape: Shape, values: Values) -> Arriving:
    """Of the parameters of a function's blocks. Those that the function may be given are not among them: they are as
    they are everywhere."""
    graph = shape.graph
    found: Arriving = {}
    for block in shape.order:
        for edge in shape.edges_of(block):
            if edge.target in shape.rank and edge.target != shape.start:
                for param, value in zip(graph.blocks[edge.target].params, edge.args):
                    if graph.type[param] in (Type.F32, Type.F64):
                        found.setdefault(param, []).append(value)
    # Only what is computed on all ways to where the function begins can be used in it before it is computed in it.
    above = shape.above_start({values.block[param] for param in found})
    return {param: sources for param, sources in found.items() if values.block[param] not in above}


def joined_forms(values: Values, joins: Arriving) -> list[int]:
    """`Values.form` in a function."""
    form = list(values.form)
    values.join_forms(form, joins)
    return form


def joined_nans(values: Values, joins: Arriving) -> list[int]:
    """`Values.nan` in a function."""
    nan = list(values.nan)
    incoming = {param: [raw(values, value) for value in sources] for param, sources in joins.items()}
    for param in incoming:
        nan[param] = CLEAN
    changed = True
    while changed:
        changed = False
        for param, sources in incoming.items():
            now = max(nan[value] for value in sources)
            if now != nan[param]:
                nan[param] = now
                changed = True
    return nan


def raw(values: Values, value: int) -> int:
    """A value in front of the instruction that makes its NaN canonical, where that is nothing but a part of its use."""
    graph = values.graph
    made_canonical = graph.op[value].name.endswith(".canon") and not values.local[value]
    return graph.args[value][0] if made_canonical else value
