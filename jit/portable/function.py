"""One function of generated Python: the part of a region that begins at a block, as its `Shape` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit.ir.graph import (
    CALL,
    Branch,
    Callee,
    Edge,
    Exit,
    FrameState,
    Graph,
    Jump,
    Return,
    Switch,
    TailCall,
)
from jit.ir.ops import Type
from jit.portable.control import Goto, If, Item, Late, Loop, Shot, ends
from jit.portable.expressions import Expressions
from jit.portable.joins import arriving, joined_forms, joined_nans, raw
from jit.portable.leave import Site
from jit.portable.shape import Shape, switch_runs
from jit.portable.straight import Straight
from jit.portable.values import BITS, DIRTY, ROUNDED
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode

if TYPE_CHECKING:
    from jit.portable.unit import PortableUnit

__all__ = ["Function"]


class Function:
    """`items`: its body. `free`: values of other functions that it names, and is to be given."""

    def __init__(self, unit: PortableUnit, start: int) -> None:
        self.unit = unit
        self.graph: Graph = unit.graph
        self.values = unit.values
        self.shape = Shape(self.graph, start)
        self.start = start
        joins = arriving(self.shape, self.values)
        nan = joined_nans(self.values, joins)
        form = joined_forms(self.values, joins)
        alias = self.shape.copies(lambda value, param: self._may_stand(value, param, nan, form))
        self.text = Expressions(self.shape, self.values, nan, form, alias, unit.constant)
        self._loops: list[Loop] = []
        self._gotos: dict[int, list[Goto]] = {}
        # Value -> the blocks that name it.
        self._named: dict[int, set[int]] = {}
        # First blocks of the functions that this one goes on in -> the blocks from which it does.
        self.transfers: dict[int, set[int]] = {}
        # What the function's own activation costs, where that has not been taken when it begins.
        self.cost = unit.code.cost if start == self.graph.entries.get(CALL) else 0
        self.uses_store = False
        # Blocks that look at whether the guest is to stop.
        self.polls: set[int] = set()
        # Tables that are looked into.
        self.tables: set[int] = set()
        # Storing a number as an f32 and loading it again is the fastest way of rounding it, once there is a place.
        rounded = sum(self.graph.op[v].name in ROUNDED for b in self.shape.order for v in self.graph.blocks[b].code)
        self.text.rounds = rounded > 2 or (rounded > 0 and bool(self.shape.bodies))
        self.items = self._from(start, None)
        self.free = {value for value, users in self._named.items() if self.lacks(value, users)}

    def _may_stand(self, value: int, param: int, nan: list[int], form: list[int]) -> bool:
        """Whether a value can be used where a parameter is that it is the only one for."""
        values = self.values
        if values.block[value] < 0:
            return True
        if not values.local[value] or form[value] != form[param]:
            return False
        return nan[value] == nan[param] or nan[value] != DIRTY

    def lacks(self, value: int, users: set[int]) -> bool:
        """Whether a value is not always computed by this function before it gets to these of its blocks."""
        shape, block = self.shape, self.values.block[value]
        return block not in shape.rank or not all(shape.dominates(block, user) for user in users)

    def prologue(self) -> list[str]:
        lines = ["s = inst.store"] if self.uses_store else []
        if self.text.rounds:
            lines.append('single = memoryview(bytearray(4)).cast("f")')
        for index, forms in sorted(self.text.memories.items()):
            lines += _views(index, forms)
        lines += [f"g{i} = inst.globals[{i}]" for i in sorted(self.text.globals)]
        lines += [f"e{i} = inst.tables[{i}].elems" for i in sorted(self.tables)]
        return lines

    def renew(self) -> list[str]:
        """Look at the memories again where they have grown, behind what may have let them."""
        return [
            f"if inst.mems[{index}].words is not w{index}: " + "; ".join(_views(index, forms))
            for index, forms in sorted(self.text.memories.items())
            if self.text.mems[index].limits.max != self.text.mems[index].limits.min
        ]

    # --- placement -------------------------------------------------------------------------------------------------

    def _from(self, block: int, after: int | None) -> list[Item]:
        """Block `block` and all that is placed under it. Block `after` follows."""
        items: list[Item] = []
        at: int | None = block
        while at is not None:
            at = self._place(at, after, items)
        return items

    def _place(self, block: int, after: int | None, items: list[Item]) -> int | None:
        """Append a block with what is placed under it; return the block that is to be appended then, if any."""
        shape = self.shape
        if block not in shape.bodies:
            merges = shape.merges.get(block, [])
            if not merges:
                return self._block(block, after, items)
            inner: list[Item] = []
            tail = self._block(block, merges[0], inner)
            if tail is not None:
                inner += self._from(tail, merges[0])
            return self._chain(inner, merges, after, items)
        followers = shape.followers.get(block, [])
        loop = Loop(block, followers[0] if followers else after)
        self._loops.append(loop)
        merges = shape.merges.get(block, [])
        first = merges[0] if merges else block
        tail = self._block(block, first, loop.body)
        if tail is not None:
            loop.body += self._from(tail, first)
        if merges:
            chained: list[Item] = []
            last = self._chain(loop.body, merges, block, chained)
            if last is not None:
                chained += self._from(last, block)
            loop.body = chained
        self._loops.pop()
        if not followers:
            items.append(loop)
            return None
        return self._chain([loop], followers, after, items)

    def _chain(self, inner: list[Item], blocks: list[int], after: int | None, items: list[Item]) -> int:
        """Put `blocks` one behind the other behind `inner`, which may jump to each. The last one is left to be
        placed."""
        for i, block in enumerate(blocks):
            inner = [self._shot(inner, block)]
            if i + 1 == len(blocks):
                break
            inner += self._from(block, blocks[i + 1])
        items += inner
        return blocks[-1]

    def _shot(self, inner: list[Item], block: int) -> Shot:
        """Items that jump to `block`, which follows them."""
        depth = len(self._loops)
        used = False
        for goto in self._gotos.pop(block, []):
            within = goto.loops[depth:]
            if not within or within[0].after != block:
                used = True
        return Shot(block, inner, used)

    # --- blocks ----------------------------------------------------------------------------------------------------

    def _block(self, number: int, after: int | None, items: list[Item]) -> int | None:
        """The code of a block, and its end; the block that its only edge leads to if that is placed right there."""
        block = self.graph.blocks[number]
        self.text.ranges.block = number
        Straight(self, number, items).run()
        end = block.end
        match end:
            case Jump(edge):
                return self._edge(edge, after, items, number)
            case Branch():
                self._branch(end, after, items, number)
            case Switch():
                self._switch(end, after, items, number)
            case Exit(snapshot):
                items.append(self.leave(snapshot))
            case Return(values):
                items.append(self._return(values))
            case TailCall():
                self._tail_call(end, items)
            case None:
                raise Crash("a block without an end")
        self.note(number)
        return None

    def note(self, block: int) -> None:
        """Remember what was named."""
        for value in self.text.wanted:
            self._named.setdefault(value, set()).add(block)
        self.text.wanted.clear()

    def _edge(self, edge: Edge, after: int | None, items: list[Item], source: int) -> int | None:
        target = edge.target
        if self.shape.leaves(target):
            items.append(self._transfer(edge))
            self.note(source)
            self.transfers.setdefault(target, set()).add(source)
            return None
        if target in self.shape.copied:
            params = self.graph.blocks[target].params
            alias = self.text.alias
            self.text.alias = alias | {p: alias.get(v, v) for p, v in zip(params, edge.args)}
            self._ending(target, items, source)
            self.text.alias = alias
            return None
        self._moves(edge, items)
        self.note(source)
        shape = self.shape
        if target not in shape.placed and shape.rank[target] > shape.rank[source]:
            return target
        if target != after:
            goto = Goto(target, [*self._loops])
            self._gotos.setdefault(target, []).append(goto)
            items.append(goto)
        return None

    def _ending(self, target: int, items: list[Item], source: int) -> None:
        """A block that only leaves or returns, written at an edge to it."""
        match self.graph.blocks[target].end:
            case Exit(snapshot):
                items.append(self.leave(snapshot))
            case Return(values):
                items.append(self._return(values))
        self.note(source)

    def _arm(self, edge: Edge, after: int | None, source: int) -> list[Item]:
        items: list[Item] = []
        self.text.ranges.block = source
        tail = self._edge(edge, after, items, source)
        if tail is not None:
            items += self._from(tail, after)
        return items

    def _branch(self, end: Branch, after: int | None, items: list[Item], source: int) -> None:
        condition = self.text.truth(end.condition)
        negated = self.text.truth(end.condition, negated=True)
        self.note(source)
        then = self._arm(end.then, after, source)
        otherwise = self._arm(end.otherwise, after, source)
        if not then and not otherwise:
            return
        if not then or (ends(otherwise) and (not ends(then) or len(otherwise) < len(then))):
            items.append(If(negated, otherwise, then))
        else:
            items.append(If(condition, then, otherwise))

    def _switch(self, end: Switch, after: int | None, items: list[Item], source: int) -> None:
        index = self.text.exact(end.index)
        if not index.isidentifier():
            items.append(f"i = {index}")
            index = "i"
        self.note(source)
        items += self._pick(switch_runs(end), index, after, source)

    def _pick(self, runs: list[tuple[int, Edge]], index: str, after: int | None, source: int) -> list[Item]:
        """By bisection."""
        if len(runs) == 1:
            return self._arm(runs[0][1], after, source)
        middle = len(runs) // 2
        low = self._pick(runs[:middle], index, after, source)
        high = self._pick(runs[middle:], index, after, source)
        if not low:
            return [If(f"{index} >= {runs[middle][0]}", high, low)] if high else []
        return [If(f"{index} < {runs[middle][0]}", low, high)]

    # --- moves -----------------------------------------------------------------------------------------------------

    def _moves(self, edge: Edge, items: list[Item]) -> None:
        """Give the parameters of the edge's target their values, as if all at once."""
        text = self.text
        outer = text.wanted
        moves: list[tuple[int, str, set[int]]] = []
        for param, value in zip(self.graph.blocks[edge.target].params, edge.args):
            if param in text.alias:
                continue
            text.wanted = set()
            written = self.converted(value, param)
            reads = text.wanted
            outer |= reads
            if written != f"v{param}":
                moves.append((param, written, reads))
        text.wanted = outer
        while moves:
            for i, (param, written, _) in enumerate(moves):
                if not any(param in reads for j, (_, _, reads) in enumerate(moves) if j != i):
                    items.append(f"v{param} = {written}")
                    del moves[i]
                    break
            else:
                # A cycle, and what hangs on it.
                items.append(", ".join(f"v{p}" for p, _, _ in moves) + " = " + ", ".join(w for _, w, _ in moves))
                return

    def converted(self, value: int, param: int) -> str:
        """A value in the representation of a parameter."""
        type = self.graph.type[param]
        text = self.text
        if type not in (Type.F32, Type.F64):
            return text.same(value)
        if text.nan[param] == DIRTY:
            value = raw(self.values, text.alias.get(value, value))
        if type is Type.F32 and text.form[param] == BITS:
            return text.bits(value)
        return text.number(value) if text.nan[param] == DIRTY else text.canonical(value)

    def _transfer(self, edge: Edge) -> Late:
        """Go on in another function."""
        params = self.graph.blocks[edge.target].params
        args = [self.converted(value, param) for param, value in zip(params, edge.args)]
        return Late(lambda: f"return {self.unit.transfer(edge.target, self.room(), args, self._given)}")

    def _given(self, value: int) -> str:
        """A value that another function needs, as it is everywhere."""
        if self.graph.type[value] is Type.F32 and self.values.form[value] == BITS:
            return self.text.bits(value)
        mixed = self.text.nan[value] == DIRTY and self.values.nan[value] != DIRTY
        return self.text.canonical(value) if mixed else self.text.same(value)

    def needs(self, value: int, users: set[int]) -> int | None:
        """What this function must be given to hand a value on from these of its blocks; None where it has it."""
        value = self.text.alias.get(value, value)
        if self.values.block[value] < 0 or not self.lacks(value, users):
            return None
        return value

    # --- leaving ---------------------------------------------------------------------------------------------------

    def _return(self, values: tuple[int, ...]) -> str:
        texts = [self.text.passed(v) for v in values]
        if not texts:
            return "return None"
        return f"return {texts[0]}" if len(texts) == 1 else f"return ({', '.join(texts)})"

    def leave(self, number: int) -> str:
        """Leave through a snapshot."""
        site, values = self.site(number)
        return f"raise Leave({site}, inst, ({values}))"

    def site(self, number: int) -> tuple[str, str]:
        """The name of a snapshot's `Site`, and the texts of its values."""
        snapshot = self.graph.snapshots[number]
        places: dict[int, int] = {}
        texts: list[str] = []
        for frame in snapshot.frames:
            for _, value in frame.values:
                if value not in places:
                    places[value] = len(places)
                    texts.append(self.text.plain(value) + ",")
        site = Site(
            self.unit,
            number,
            tuple(_placed(frame, places) for frame in snapshot.frames),
            snapshot.refund,
        )
        return self.unit.constant(site), " ".join(texts)

    # --- calls -----------------------------------------------------------------------------------------------------

    def _called(self, callee: Callee | None, args: tuple[int, ...], room: str) -> str:
        """The text of a call from one region to another."""
        if callee is not None:
            return f"{self.unit.callee(callee.index)}(inst, {room}{''.join(', ' + self.text.passed(a) for a in args)})"
        func = self.text.reference(args[0])
        rest = "".join(", " + self.text.passed(a) for a in args[1:])
        entries = self.unit.constant(self.unit.space.entries)
        entry = f"({entries}[{func}.code.index] if {func}.inst is inst else entry_of({func}))"
        return f"{entry}({func}.inst, {room}{rest})"

    def room(self, more: int = 0) -> str:
        """The room that is left for calls, and `more`."""
        left = more - self.cost
        return f"room {'-' if left < 0 else '+'} {abs(left)}" if left else "room"

    def _no_room(self, callee: Callee | None, args: tuple[int, ...], more: int) -> str:
        """Whether a call must not be made: the condition that callees rely on. Half of all calls make no further one,
        so that it is cheaper to look here, once for several calls, than in what is called."""
        if callee is None:
            cost = f"{self.text.reference(args[0])}.code.cost"
        else:
            known = self.unit.cost_of(callee)
            if known:
                return f"room < {known + self.cost - more}"
            cost = f"{self.unit.constant(self.unit.code_of(callee))}.cost"
        return f"{self.room(more)} < {cost}"

    def has_polled(self, block: int) -> bool:
        """Whether the function has looked at whether the guest is to stop on all ways to a block. Once is enough: loops
        that lie in between look too."""
        while block not in self.polls:
            if block == self.start:
                return False
            block = self.shape.idom[block]
        return True

    def call(self, value: int, items: list[Item], poll: bool, room: bool) -> None:
        """`poll`: whether to look if the guest is to stop; `room`: if there is room for what is called."""
        graph = self.graph
        args = graph.args[value]
        callee = graph.imm[value] if isinstance(graph.imm[value], Callee) else None
        refused = ["inst.store.stop is not None"] if poll else []
        if room:
            refused.append(self._no_room(callee, args, 0))
        site, values = self.site(graph.snap[value])
        names = self.unit.results.get(value)
        target = f"{', '.join(names)} = " if names else ""
        func = self.text.reference(args[0]) if callee is None else f"inst.funcs[{callee.index}]"
        operands = ", ".join(self.text.plain(v) for v in (args[1:] if callee is None else args))
        items += [
            "try:",
            *([f" if {' or '.join(refused)}: raise NotEntered"] if refused else []),
            f" {target}{self._called(callee, args, self.room())}",
            "except Leave as left:",
            f" left.under({site}, inst, ({values}))",
            " raise",
            "except NotEntered:",
            f" raise Leave({site}, inst, ({values}), ({func}, [{operands}])) from None",
        ]

    def help(self, value: int, items: list[Item]) -> None:
        """Have the interpreter execute an instruction."""
        run = self.unit.constant(self.graph.imm[value].run)
        site, values = self.site(self.graph.snap[value])
        names = self.unit.results.get(value)
        target = f"{', '.join(names)}, = " if names else ""
        operands = " ".join(f"{self.text.plain(v)}," for v in self.graph.args[value])
        items += [
            "try:",
            f" {target}{run}(inst, ({operands}))",
            "except BaseException as error:",
            f" raise Leave({site}, inst, ({values}), None, error) from None",
        ]

    def _tail_call(self, end: TailCall, items: list[Item]) -> None:
        """A call whose results are returned. Python's stack grows, which `room` has to pay for: it is the next
        activation that this one's cost is not given back to."""
        credit = self.unit.tail_credit
        text = self._called(end.callee, end.args, self.room(credit))
        items += [
            "try:",
            f" if {self._no_room(end.callee, end.args, credit)}: raise NotEntered",
            f" result = {text}",
            "except NotEntered:",
            f" {self.leave(end.snapshot)}",
            "return result",
        ]


def _views(index: int, forms: set[str]) -> list[str]:
    """Statements that give a memory's arrays their names."""
    mem = f"inst.mems[{index}]"
    return [
        f"w{index} = {mem}.words or words({mem})",
        *(f'm{index}_{form} = w{index}["{form}"]' for form in sorted(forms)),
    ]


def _placed(frame: FrameState, places: dict[int, int]) -> tuple[FuncCode, int, tuple[tuple[int, int], ...]]:
    return frame.code, frame.pc, tuple((register, places[v]) for register, v in frame.values)
