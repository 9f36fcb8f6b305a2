"""What is known of integers: bounds, from constants, masks and the branches that control came through, and low bits
that are zero. All bounds are of the unsigned number.

Bounds of a loop's parameter come from its edges alone: an edge that is taken while `i < n` brings an `i` below `n`,
whatever was computed. Zeros are found by assuming that a parameter has them, and seeing whether it keeps them.
"""

from __future__ import annotations

from typing import Final

from jit.ir.graph import Branch, Edge
from jit.ir.ops import Type
from jit.portable.shape import Shape

__all__ = ["M32", "M64", "Ranges"]

M32: Final = 0xFFFFFFFF
M64: Final = 0xFFFFFFFFFFFFFFFF

# How far branches are followed upwards.
_FAR: Final = 12
_DEEP: Final = 5

_COMPARISONS: Final = frozenset("eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u lt gt le ge eqz is_null".split())
_OPPOSITE: Final = {"lt_u": "ge_u", "ge_u": "lt_u", "gt_u": "le_u", "le_u": "gt_u", "eq": "ne", "ne": "eq"}


class Ranges:
    """Of the values of one function. `alias`: parameters that stand for one value. `block`: where something is being
    written, so that what was branched on above it is known."""

    def __init__(self, shape: Shape, floating: list[int], alias: dict[int, int]) -> None:
        self.shape = shape
        self.graph = shape.graph
        # Block of each value, -1 of constants.
        self._home = floating
        self._alias = alias
        self.block = -1
        self._incoming: dict[int, list[tuple[int, Edge, int]]] = {}
        for source in shape.order:
            for edge in shape.edges_of(source):
                if edge.target in shape.rank and edge.target != shape.start:
                    for param, value in zip(self.graph.blocks[edge.target].params, edge.args):
                        self._incoming.setdefault(param, []).append((source, edge, value))
        self._tops: dict[int, int] = {}
        self._lows: dict[int, int] = {}

    def constant(self, value: int) -> int | None:
        value = self._alias.get(value, value)
        if self._home[value] < 0 and self.graph.op[value].name in ("i32.const", "i64.const"):
            return int(self.graph.imm[value])
        return None

    # --- bounds ----------------------------------------------------------------------------------------------------

    def top(self, value: int) -> int:
        """No value of this integer is larger, here."""
        value = self._alias.get(value, value)
        found = self._top(value, _DEEP)
        return found if self.constant(value) is not None else min(found, self._facts(value)[1])

    def low(self, value: int) -> int:
        """None is smaller, here."""
        value = self._alias.get(value, value)
        found = self._low(value, _DEEP)
        return found if self.constant(value) is not None else max(found, self._facts(value)[0])

    def _ones(self, value: int) -> int:
        return M32 if self.graph.type[value] is Type.I32 else M64

    def _top(self, value: int, depth: int) -> int:
        value = self._alias.get(value, value)
        found = self._tops.get(value)
        if found is None:
            ones = self._ones(value)
            if depth == 0:
                return ones
            self._tops[value] = ones
            found = self._tops[value] = min(ones, self._find_top(value, depth - 1))
        return found

    def _find_top(self, value: int, depth: int) -> int:
        graph = self.graph
        ones = self._ones(value)
        known = self.constant(value)
        if known is not None:
            return known
        if value in self._incoming:
            return max(
                min(self._top(arg, depth), self._branch(source, edge, arg, depth)[1])
                for source, edge, arg in self._incoming[value]
            )
        op, args = graph.op[value], graph.args[value]
        name = op.name.partition(".")[2]
        if name in _COMPARISONS or op.name == "ref.eq":
            return 1
        if name in ("clz", "ctz", "popcnt"):
            return 64
        if op.wasm is not None and name.startswith("load") and name.endswith("_u"):
            return int((1 << 8 * op.wasm.width) - 1) if Type.V128 is not op.result else ones
        if name in ("extend_i32_u", "div_u"):
            return self._top(args[0], depth)
        if name == "select":
            return max(self._top(args[0], depth), self._top(args[1], depth))
        if len(args) != 2 or name not in ("and", "or", "xor", "add", "mul", "shl", "shr_u", "rem_u"):
            return ones
        a, b = self._top(args[0], depth), self._top(args[1], depth)
        by = self.constant(args[1])
        if name == "and":
            return min(a, b)
        if name in ("or", "xor"):
            return (1 << max(a.bit_length(), b.bit_length())) - 1
        if name == "add":
            return a + b
        if name == "mul":
            return a * b
        if name == "rem_u":
            return min(a, max(b - 1, 0))
        if by is None:
            return ones
        by &= 31 if ones == M32 else 63
        return a << by if name == "shl" else a >> by

    def _low(self, value: int, depth: int) -> int:
        value = self._alias.get(value, value)
        found = self._lows.get(value)
        if found is None:
            if depth == 0:
                return 0
            self._lows[value] = 0
            known = self.constant(value)
            if known is not None:
                found = known
            elif value in self._incoming:
                found = min(
                    max(self._low(arg, depth - 1), self._branch(source, edge, arg, depth - 1)[0])
                    for source, edge, arg in self._incoming[value]
                )
            else:
                found = 0
            self._lows[value] = found
        return found

    def _facts(self, value: int) -> tuple[int, int]:
        """The bounds that the branches above the present block give."""
        low, top = 0, M64
        block, shape = self.block, self.shape
        for _ in range(_FAR):
            if block < 0 or block == shape.start:
                break
            preds = shape.preds[block]
            if len(preds) == 1:
                edges = [edge for edge in shape.edges_of(preds[0]) if edge.target == block]
                if len(edges) == 1:
                    below, above = self._branch(preds[0], edges[0], value, _DEEP)
                    low, top = max(low, below), min(top, above)
            block = shape.idom[block]
        return low, top

    def _branch(self, source: int, edge: Edge, value: int, depth: int) -> tuple[int, int]:
        """The bounds of a value on an edge, from the branch that it is an edge of."""
        end = self.graph.blocks[source].end
        value = self._alias.get(value, value)
        if depth <= 0 or not isinstance(end, Branch) or end.then is end.otherwise:
            return 0, M64
        condition, holds = self._alias.get(end.condition, end.condition), edge is end.then
        graph = self.graph
        while graph.op[condition].name in ("i32.eqz", "i64.eqz"):
            condition, holds = graph.args[condition][0], not holds
            condition = self._alias.get(condition, condition)
        if condition == value:
            return (1, M64) if holds else (0, 0)
        prefix, _, name = graph.op[condition].name.partition(".")
        if name not in _OPPOSITE or prefix not in ("i32", "i64"):
            return 0, M64
        a, b = (self._alias.get(v, v) for v in graph.args[condition])
        if not holds:
            name = _OPPOSITE[name]
        if b == value and a != value:
            a, b = b, a
            name = {"lt_u": "gt_u", "gt_u": "lt_u", "le_u": "ge_u", "ge_u": "le_u"}.get(name, name)
        if a != value:
            return 0, M64
        low, top = self._low(b, depth - 1), self._top(b, depth - 1)
        if name == "lt_u":
            return 0, max(top - 1, 0)
        if name == "le_u":
            return 0, top
        if name == "gt_u":
            return low + 1, M64
        if name == "ge_u":
            return low, M64
        return (low, top) if name == "eq" else ((1, M64) if top == 0 else (0, M64))

    # --- low bits --------------------------------------------------------------------------------------------------

    def zeros(self, value: int) -> int:
        """How many of an integer's low bits are certainly zero."""
        return self._zeros(value, _DEEP, frozenset())

    def _zeros(self, value: int, depth: int, assumed: frozenset[int]) -> int:
        value = self._alias.get(value, value)
        known = self.constant(value)
        if known is not None:
            return (known & -known).bit_length() - 1 if known else 64
        if value in assumed:
            return 64
        if depth == 0:
            return 0
        if value in self._incoming:
            within = assumed | {value}
            return min(self._zeros(arg, depth - 1, within) for _, _, arg in self._incoming[value])
        args = self.graph.args[value]
        name = self.graph.op[value].name.partition(".")[2]
        if name in ("add", "sub", "or", "xor"):
            return min(self._zeros(args[0], depth - 1, assumed), self._zeros(args[1], depth - 1, assumed))
        if name == "and":
            return max(self._zeros(args[0], depth - 1, assumed), self._zeros(args[1], depth - 1, assumed))
        by = self.constant(args[1]) if name == "shl" else None
        if by is not None:
            by &= 31 if self.graph.type[value] is Type.I32 else 63
            return self._zeros(args[0], depth - 1, assumed) + by
        return 0
