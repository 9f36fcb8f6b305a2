"""What is decided of each value before a region is written as Python: where it is computed, and as what.

*Where.* A value that one instruction of its own block uses is written as part of that instruction. One that only
snapshots mention is computed when the region is left, never before. All others are Python locals.

*Exits.* Instructions that may leave without anything having been written in between may all leave through the first
one's snapshot: the interpreter executes again what succeeded, and finds the one that fails. So a block needs one
handler for each run of instructions up to a write (`exits`).

*As what.* An f64 is a Python float, which carries all its bits. An f32 is a Python float (`FLOAT`) where arithmetic
made it or nothing looks at its bits, else an int of its bits (`BITS`): a signalling NaN does not survive conversion.

*NaNs.* Arithmetic leaves any NaN (`DIRTY`); where bits become observable, the canonical one is put in its place. Values
that may be NaNs with a payload of the guest (`EXACT`) must never be touched; to the others (`CLEAN`) it makes no
difference.
"""

from __future__ import annotations

from typing import Final

from jit.ir.graph import Branch, Graph, Return, Switch, TailCall, edges, layout, operands_of_end, snapshot_of_end
from jit.ir.ops import Effect, Type

__all__ = ["BITS", "CLEAN", "DIRTY", "EXACT", "FLOAT", "OWN_EXIT", "ROUNDED", "Values", "writes"]

# Representations of an f32.
BITS: Final = 0
FLOAT: Final = 1

CLEAN: Final = 0
DIRTY: Final = 1
EXACT: Final = 2

# They leave through their own snapshot and nobody else's.
OWN_EXIT: Final = frozenset("fuel poll room call call_func helper".split())
# They write nothing that an instruction executed a second time could see.
_HARMLESS: Final = frozenset("poll room take_room".split())

# Nodes of an expression: of one that is written again wherever the region is left; of any.
_AGAIN: Final = 8
_LARGEST: Final = 40

_ARITHMETIC: Final = frozenset(
    f"{t}.{op}" for t in ("f32", "f64") for op in "add sub mul div sqrt ceil floor trunc nearest".split()
) | {"f32.demote_f64", "f64.promote_f32"}
# Computed in double precision and rounded once more.
ROUNDED: Final = frozenset(f"f32.{op}" for op in "add sub mul div sqrt demote_f64 convert_i32_s convert_i32_u".split())
_ACCESSES: Final = frozenset("load load-pack store store-pack".split())
# Results without a NaN, or with the canonical one only.
_CLEAN: Final = frozenset(f"{t}.{op}" for t in ("f32", "f64") for op in ("min", "max", "canon")) | frozenset(
    f"{f}.convert_{i}_{s}" for f in ("f32", "f64") for i in ("i32", "i64") for s in "su"
)
_SIGN: Final = frozenset(f"{t}.{op}" for t in ("f32", "f64") for op in ("abs", "neg", "copysign"))
# Of f32 operands they look at the number, not at the bits.
_NUMBERS_ONLY: Final = (
    _ARITHMETIC
    | _CLEAN
    | frozenset(f"f32.{op}" for op in "eq ne lt gt le ge".split())
    | frozenset(f"{i}.{op}_f32_{s}" for i in ("i32", "i64") for op in ("trunc", "trunc_sat") for s in "su")
)
# Their operands are written more than once.
_REPEATING: Final = frozenset(
    [f"{t}.{op}" for t in ("i32", "i64") for op in "rotl rotr lt_s gt_s le_s ge_s".split()]
    + ["f64.div", "f32.div", "f32.canon", "f64.canon"]
)


def writes(graph: Graph, value: int) -> bool:
    """Whether an instruction changes what others read, or what they would do if executed a second time."""
    op = graph.op[value]
    return op.effect in (Effect.WRITE, Effect.WRITE_EXIT) and op.name not in _HARMLESS


class Values:
    """`local[v]`: whether value `v` is a Python local. `block[v]`: where it is defined, -1 for constants. `exits[v]`:
    the snapshot that an instruction leaves through. `nan[v]`, `form[v]`: as above, of f32 and f64."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        count = len(graph.op)
        self.blocks = layout(graph)
        self.block = [-1] * count
        self.exits: dict[int, int] = {}
        # Values that a snapshot which is ever used mentions, or may mention within an expression.
        self.seen_by_exit = [False] * count
        # Those that it mentions itself.
        self.left_with: set[int] = set()
        # How many instructions use a value, and the one that does.
        self.uses = [0] * count
        self.user = [-1] * count
        self.local = [False] * count
        self._define()
        self._count()
        self._choose_locals()
        # Integers that addresses are made of, which are likely to be small.
        self.near: set[int] = set()
        self._find_near()
        self.nan = self._classify()
        self.form = self._represent()

    # --- uses ------------------------------------------------------------------------------------------------------

    def _define(self) -> None:
        graph = self.graph
        used: set[int] = set()
        for number in self.blocks:
            block = graph.blocks[number]
            for value in block.params:
                self.block[value] = number
            first = -1
            for value in block.code:
                self.block[value] = number
                op = graph.op[value]
                if op.exits:
                    snapshot = graph.snap[value]
                    if op.name not in OWN_EXIT:
                        if first < 0:
                            first = snapshot
                        snapshot = first
                    self.exits[value] = snapshot
                    used.add(snapshot)
                if writes(graph, value):
                    first = -1
            end = snapshot_of_end(block.end)
            if end >= 0:
                used.add(end)
        work = [value for snapshot in used for frame in graph.snapshots[snapshot].frames for _, value in frame.values]
        self.left_with.update(work)
        while work:
            value = work.pop()
            if not self.seen_by_exit[value]:
                self.seen_by_exit[value] = True
                if graph.op[value].pure:
                    work += graph.args[value]

    def _count(self) -> None:
        graph, uses, user = self.graph, self.uses, self.user
        for number in self.blocks:
            block = graph.blocks[number]
            ending = [*operands_of_end(block.end), *(v for edge in edges(block.end) for v in edge.args)]
            for operand in [*ending, *(v for value in block.code for v in graph.args[value])]:
                uses[operand] += 1
        # What only snapshots mention, and what nobody does, is not computed at all.
        idle = {v for v in range(len(uses)) if uses[v] == 0 and self._may_idle(v)}
        work = list(idle)
        while work:
            for operand in graph.args[work.pop()]:
                uses[operand] -= 1
                if uses[operand] == 0 and self._may_idle(operand):
                    idle.add(operand)
                    work.append(operand)
        for number in self.blocks:
            block = graph.blocks[number]
            for value in block.code:
                if value not in idle:
                    for operand in graph.args[value]:
                        user[operand] = value
            for operand in [*operands_of_end(block.end), *(v for edge in edges(block.end) for v in edge.args)]:
                # The end of a block: no value, but at a place.
                user[operand] = -2 - number

    def _may_idle(self, value: int) -> bool:
        graph = self.graph
        return self.block[value] >= 0 and graph.op[value].pure and not _stands(graph.op[value].name)

    def _user_block(self, value: int) -> int:
        user = self.user[value]
        return self.block[user] if user >= 0 else -2 - user

    def _choose_locals(self) -> None:
        graph, local = self.graph, self.local
        size = [1] * len(graph.op)
        for number in self.blocks:
            block = graph.blocks[number]
            for value in block.params:
                local[value] = True
            for value in block.code:
                op = graph.op[value]
                nodes = size[value] = 1 + sum(size[v] for v in graph.args[value])
                once = self.uses[value] == 1 and self._user_block(value) == number
                if op.result is Type.NONE:
                    continue
                if _stands(op.name):
                    local[value] = True
                elif op.pure:
                    again = self.seen_by_exit[value] and nodes > _AGAIN
                    repeated = once and self.user[value] >= 0 and graph.op[self.user[value]].name in _REPEATING
                    wanted = self.uses[value] > 0 and (not once or op.name in ROUNDED)
                    local[value] = wanted or again or repeated or nodes > _LARGEST
                else:
                    # Of what is read and not used, it only matters whether it can be read.
                    used = self.uses[value] > 0 or self.seen_by_exit[value]
                    alone = writes(graph, value) or op.name.startswith(("func.", "ref.as"))
                    local[value] = used and (not once or alone or self.seen_by_exit[value] or nodes > _LARGEST)
                if local[value]:
                    size[value] = 1
        self._settle()

    def _settle(self) -> None:
        """What reads must not become part of an expression that is evaluated sometimes only."""
        graph, local = self.graph, self.local
        for number in self.blocks:
            for value in graph.blocks[number].code:
                if local[value] or graph.op[value].pure or self.uses[value] == 0:
                    continue
                inner, user = value, self.user[value]
                while True:
                    if user < 0:
                        local[value] = True
                        break
                    name = graph.op[user].name
                    if name.endswith(".select") and inner != graph.args[user][2]:
                        local[value] = True
                        break
                    if name in _REPEATING:
                        local[value] = True
                        break
                    if local[user] or not graph.op[user].pure or self.uses[user] == 0:
                        break
                    inner, user = user, self.user[user]

    def _find_near(self) -> None:
        graph, near = self.graph, self.near
        sources: dict[int, list[int]] = {}
        work: list[int] = []
        for number in self.blocks:
            for value in graph.blocks[number].code:
                wasm = graph.op[value].wasm
                if wasm is not None and wasm.rule in _ACCESSES:
                    work.append(graph.args[value][0])
            for edge in edges(graph.blocks[number].end):
                for param, value in zip(graph.blocks[edge.target].params, edge.args):
                    sources.setdefault(param, []).append(value)
        while work:
            value = work.pop()
            if value in near or self.block[value] < 0:
                continue
            near.add(value)
            work += sources.get(value, ())
            if graph.op[value].name.endswith((".add", ".sub", ".shl")):
                work += graph.args[value]

    # --- floats ----------------------------------------------------------------------------------------------------

    def _incoming(self) -> dict[int, list[int]]:
        """Parameter of type f32 or f64 -> the values that edges bring."""
        graph = self.graph
        found: dict[int, list[int]] = {}
        for number in self.blocks:
            for edge in edges(graph.blocks[number].end):
                for param, value in zip(graph.blocks[edge.target].params, edge.args):
                    if graph.type[param] in _FLOATS:
                        found.setdefault(param, []).append(value)
        return found

    def _classify(self) -> list[int]:
        graph = self.graph
        nan = [EXACT] * len(graph.op)
        joins = self._incoming()
        for value, op in enumerate(graph.op):
            if op.result not in _FLOATS:
                continue
            if op.name in _ARITHMETIC:
                nan[value] = DIRTY
            elif op.name in _CLEAN or (op.name.endswith(".const") and _is_clean(op.result, graph.imm[value])):
                nan[value] = CLEAN
            elif op.name.endswith(".select"):
                joins[value] = list(graph.args[value][:2])
            elif op.name in _SIGN:
                # Not arithmetic: the operand's NaN is made canonical before its sign is looked at.
                nan[value] = EXACT
        for value in joins:
            nan[value] = CLEAN
        changed = True
        while changed:
            changed = False
            for value, sources in joins.items():
                now = max([nan[source] for source in sources], default=CLEAN)
                if now != nan[value]:
                    nan[value] = now
                    changed = True
        return nan

    def _represent(self) -> list[int]:
        graph = self.graph
        form = [BITS] * len(graph.op)
        joins = self._incoming()
        for value, op in enumerate(graph.op):
            if op.result is not Type.F32:
                continue
            if op.name in _ARITHMETIC or op.name in _CLEAN:
                form[value] = FLOAT
            elif op.name.endswith(".select"):
                joins[value] = list(graph.args[value][:2])
        for value in self._only_numbers():
            form[value] = FLOAT
        self.join_forms(form, joins)
        return form

    def join_forms(self, form: list[int], joins: dict[int, list[int]]) -> None:
        """Let f32 values that are one of several be numbers where all of these are."""
        joins = {value: sources for value, sources in joins.items() if self.graph.type[value] is Type.F32}
        for value in joins:
            form[value] = FLOAT
        changed = True
        while changed:
            changed = False
            for value, sources in joins.items():
                if form[value] == FLOAT and any(
                    form[s] == BITS and not (self.block[s] < 0 and self.nan[s] == CLEAN) for s in sources
                ):
                    form[value] = BITS
                    changed = True

    def _only_numbers(self) -> list[int]:
        """f32 values whose bits nobody looks at."""
        graph = self.graph
        found = {
            v
            for v, op in enumerate(graph.op)
            if op.result is Type.F32 and self.block[v] >= 0 and v not in self.left_with and not op.pure
        }
        for number in self.blocks:
            block = graph.blocks[number]
            for value in block.code:
                if graph.op[value].name not in _NUMBERS_ONLY:
                    found.difference_update(graph.args[value])
            match block.end:
                case Return(values):
                    found.difference_update(values)
                case TailCall(_, args, _):
                    found.difference_update(args)
                case Branch() | Switch():
                    pass
            for edge in edges(block.end):
                found.difference_update(edge.args)
        return list(found)


_FLOATS = (Type.F32, Type.F64)


def _stands(name: str) -> bool:
    """What is a Python local in any case."""
    return name.endswith((".home", ".result", ".param"))


def _is_clean(type: Type, bits: int) -> bool:
    if type is Type.F32:
        return bits & 0x7FFFFFFF <= 0x7F800000 or bits == 0x7FC00000
    return bits & 0x7FFFFFFFFFFFFFFF <= 0x7FF0000000000000 or bits == 0x7FF8000000000000
