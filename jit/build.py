"""From what was seen of a function to a graph.

One walk over the body, in the order of the code, with the SSA value of each local and operand. Control is structured:
all forward branches to a label come before it, so that where control joins, the states that meet are known and
parameters are made for what differs. Only the header of a loop is reached before its last predecessors; it gets a
parameter for everything that the loop may change, and `simplify` takes back those that it does not.

Where the function was never seen to go, and where an instruction has no native form, the region is left: at that very
instruction, in the state before it, so that the interpreter executes it. Behind an instruction without native form
there is an entry, at which the interpreter comes back.

Small functions are inlined: a `Scope` is one activation, the region's own or an inlined one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, TypeAlias

from jit.helper import Helper
from jit.ir.graph import (
    CALL,
    NO_SNAPSHOT,
    Callee,
    Edge,
    Exit,
    FrameState,
    Graph,
    Jump,
    Return,
    TailCall,
)
from jit.ir.ops import BY_NAME, IrOp, Type, irop
from jit.profile import History, history
from jit.results import pushed
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.syntax.module import Instr
from refsfi.valid.sidetable import UNREACHABLE
from refsfi.valid.sidetable import Branch as Target

__all__ = ["MAX_INLINE", "Builder", "Refused", "Scope", "builds", "find"]

# Instructions of a function that may be inlined, and how deep inlining may nest.
MAX_INLINE: Final = 40
MAX_DEPTH: Final = 3

Build: TypeAlias = "Callable[[Builder, Scope, int, Instr], None]"


class Refused(Exception):
    """The region cannot be compiled. `reason` is one of `jit.reasons`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_BUILDS: dict[str, Build] = {}


def builds(*names: str) -> Callable[[Build], Build]:
    """Register what builds these mnemonics or rule families."""

    def register(function: Build) -> Build:
        for name in names:
            _BUILDS[name] = function
        return function

    return register


def find(instr: Instr) -> Build | None:
    """What builds an instruction; None where it has no native form."""
    return _BUILDS.get(instr.op.mnemonic) or _BUILDS.get(instr.op.rule)


# Of each local its value, None where it is dead.
Locals: TypeAlias = "list[int | None]"
# Of each operand its value.
Stack: TypeAlias = "list[int]"


class Arrival:
    """An edge that waits for its target: locals and operands as they are on it."""

    __slots__ = ("edge", "locals", "stack")

    def __init__(self, edge: Edge, locals: Locals, stack: Stack) -> None:
        self.edge = edge
        self.locals = locals
        self.stack = stack


class Scope:
    """One activation that is being built."""

    def __init__(self, code: FuncCode, caller: Scope | None, call: int) -> None:
        self.history: History = history(code)
        self.flow = self.history.flow
        self.code = code
        self.caller = caller
        # pc of the call in the caller.
        self.call = call
        self.depth: int = 0 if caller is None else caller.depth + 1
        self.locals: Locals = []
        self.stack: Stack = []
        # pc of a label -> the edges to it.
        self.arrivals: dict[int, list[Arrival]] = {}
        self.labels: list[int] = []
        # pc of an open loop -> its header block, and the locals that its parameters stand for; operands follow.
        self.headers: dict[int, tuple[int, list[int]]] = {}
        self.returns: list[Arrival] = []
        program = code.program
        self.lines = program.fuel_blocks(code.index) if program.metered else None

    def refund(self, pc: int) -> int:
        """The fuel that has been taken for `pc` and what follows it in its straight line."""
        if self.lines is None:
            return 0
        end = self.lines[bisect_right(self.lines, pc)]
        body = self.flow.body
        return sum(body[i].op.fuel for i in range(pc, end))

    def begins_line(self, pc: int) -> bool:
        if self.lines is None:
            return False
        if pc == 0:
            return True
        return self.lines[bisect_right(self.lines, pc - 1)] == pc


class Builder:
    """Builds one graph. `block` is the block that is being filled, None where control does not get."""

    def __init__(self, code: FuncCode, *, inline: bool = True) -> None:
        self.graph = Graph(code)
        self.code = code
        self.inline = inline
        self.block: int | None = None
        self.pc = NO_SNAPSHOT
        self._constants: dict[tuple[IrOp, Any], int] = {}
        # Values that are known in this block and those that only it leads to.
        self._known: dict[tuple[Any, ...], int] = {}
        self._snapshot_at: tuple[int, int, int] | None = None
        self._snapshot = NO_SNAPSHOT
        # For reports: the instructions that were built, and how often others had no native form, by mnemonic.
        self.built: list[tuple[Scope, int]] = []
        self.left: dict[str, int] = {}
        # The inlined function that is being built.
        self.inlined: FuncCode | None = None
        # Headers that a backward branch goes to without the region having come through them.
        self.missing: set[int] = set()
        # Counts writes to memory, so that equal loads in between are one.
        self.memory_version = 0

    def build(self) -> Graph:
        """The graph of everything seen. Refused where there is nothing to enter."""
        scope = Scope(self.code, None, 0)
        if scope.history.called:
            self._enter_call(scope)
        self.walk(scope)
        if not self.graph.entries:
            raise Refused("nothing to enter")
        return self.graph

    # --- values ----------------------------------------------------------------------------------------------------

    def constant(self, type: Type, value: Any) -> int:
        """Constants belong to no block: they can be used anywhere."""
        return self._floating(_CONST[type], value)

    def _floating(self, op: IrOp, value: Any) -> int:
        found = self._constants.get((op, value))
        if found is None:
            found = self._constants[op, value] = self.graph.value(op, (), value)
        return found

    def null(self) -> int:
        return self._floating(_NULL, None)

    def constant_of(self, value: int) -> Any:
        """What a value is known to be, None where it is not a constant."""
        return self.graph.imm[value] if self.graph.op[value] in _CONSTS else None

    def add(self, op: IrOp, args: tuple[int, ...] = (), imm: Any = None, snap: int = NO_SNAPSHOT) -> int:
        """Append an instruction to the block."""
        value = self.graph.value(op, args, imm, snap, self.pc)
        if self.block is None:
            raise Crash("an instruction outside of any block")
        self.graph.blocks[self.block].code.append(value)
        if self.inlined is not None:
            self.graph.inlined[value] = self.inlined
        return value

    def pure(self, op: IrOp, args: tuple[int, ...] = (), imm: Any = None, snap: int = NO_SNAPSHOT) -> int:
        """An instruction whose result depends on its operands alone: an equal one that is known is taken instead."""
        key = (op.id, args, imm)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.add(op, args, imm, snap)
        return found

    def cached(self, key: tuple[Any, ...], make: Callable[[], int]) -> int:
        """The value known under `key`, or else what `make` appends."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
        return found

    def note(self, key: tuple[Any, ...], value: int) -> None:
        self._known[key] = value

    def forget(self, kind: str) -> None:
        """Forget what is known under keys that begin with `kind`."""
        known = self._known
        for key in [key for key in known if key[0] == kind]:
            del known[key]

    def type_of(self, value: int) -> Type:
        return self.graph.type[value]

    def pop(self, scope: Scope) -> int:
        return scope.stack.pop()

    def pop_many(self, scope: Scope, count: int) -> tuple[int, ...]:
        if count == 0:
            return ()
        values = tuple(scope.stack[-count:])
        del scope.stack[-count:]
        return values

    # --- snapshots -------------------------------------------------------------------------------------------------

    def here(self, scope: Scope, pc: int, *, taken: bool = True) -> int:
        """The snapshot in front of instruction `pc`. `taken`: the fuel for it has been taken."""
        refund = scope.refund(pc) if taken else 0
        key = (id(scope), pc, refund)
        if key != self._snapshot_at:
            self._snapshot = self.graph.snapshot((*self._waiting(scope), self._state(scope, pc)), refund)
            self._snapshot_at = key
        return self._snapshot

    def waiting(self, scope: Scope, pc: int) -> int:
        """The snapshot during the call at `pc`, whose arguments are popped. A call ends its line, so that nothing is
        refunded."""
        return self.graph.snapshot((*self._waiting(scope), self._state(scope, pc)), 0)

    def _waiting(self, scope: Scope) -> tuple[FrameState, ...]:
        """The callers of an inlined activation, outermost first."""
        found: list[FrameState] = []
        call, outer = scope.call, scope.caller
        while outer is not None:
            found.append(self._state(outer, call))
            call, outer = outer.call, outer.caller
        found.reverse()
        return tuple(found)

    def _state(self, scope: Scope, pc: int) -> FrameState:
        live = scope.flow.live[pc]
        values: list[tuple[int, int]] = []
        locals = scope.locals
        while live:
            low = live & -live
            live ^= low
            local = low.bit_length() - 1
            value = locals[local]
            if value is not None:
                values.append((local, value))
        values += enumerate(scope.stack, len(locals))
        return FrameState(scope.code, pc, tuple(values))

    # --- control ---------------------------------------------------------------------------------------------------

    def start(self, loop: bool = False) -> int:
        """Begin a new block, in which nothing is known yet."""
        self.block = self.graph.new_block(loop)
        self._known = {}
        self._snapshot_at = None
        return self.block

    def end(self, terminator: Any) -> None:
        """End the block. Control is nowhere until a block begins."""
        if self.block is None:
            raise Crash("the end of no block")
        self.graph.blocks[self.block].end = terminator
        self.block = None
        self._snapshot_at = None

    def leave(self, scope: Scope, pc: int) -> None:
        """Leave the region in front of instruction `pc`."""
        self.end(Exit(self.here(scope, pc)))

    def exit_edge(self, scope: Scope, pc: int) -> Edge:
        """An edge to a block that leaves in front of `pc`."""
        self._snapshot_at = None
        snapshot = self.here(scope, pc)
        self._snapshot_at = None
        block = self.graph.new_block()
        self.graph.blocks[block].end = Exit(snapshot)
        return Edge(block)

    def fall(self, edge: Edge) -> None:
        """Go on behind an edge that nothing else shares the target of."""
        edge.target = self.graph.new_block()
        self.block = edge.target
        self._snapshot_at = None

    def edge_to(self, scope: Scope, pc: int, target: Target) -> Edge:
        """An edge from the instruction `pc` to a label, with the operands that it keeps. Backwards only to headers that
        `reaches` knows."""
        stack = scope.stack
        kept = stack[: target.height]
        if target.arity:
            kept += stack[len(stack) - target.arity :]
        edge = Edge(-1)
        if target.pc <= pc:
            header, places = scope.headers[target.pc]
            edge.target = header
            edge.args = [_known_value(scope.locals[i]) for i in places] + kept
        else:
            self._arrive(scope, target.pc, Arrival(edge, scope.locals[:], kept))
        return edge

    def reaches(self, scope: Scope, pc: int, target: Target) -> bool:
        """Whether the target of a branch at `pc` is in the region: the header of a loop need not be, where the region
        was entered inside of the loop. It is, from the next time on."""
        if target.pc > pc or target.pc in scope.headers:
            return True
        self.missing.add(target.pc)
        return False

    def _arrive(self, scope: Scope, pc: int, arrival: Arrival) -> None:
        waiting = scope.arrivals.get(pc)
        if waiting is None:
            scope.arrivals[pc] = [arrival]
            heappush(scope.labels, pc)
        else:
            waiting.append(arrival)

    def _join(self, scope: Scope, pc: int) -> None:
        """Control comes together at the label `pc`."""
        arrivals = scope.arrivals.pop(pc, [])
        if self.block is not None:
            if not arrivals:
                return
            edge = Edge(-1)
            arrivals.append(Arrival(edge, scope.locals, scope.stack))
            self.end(Jump(edge))
        if not arrivals:
            return
        first = arrivals[0]
        if len(arrivals) == 1:
            scope.locals = first.locals
            scope.stack = first.stack
            self.start()
            first.edge.target = len(self.graph.blocks) - 1
            return
        block = self.start()
        scope.locals = self._merge(block, arrivals, [a.locals for a in arrivals], scope.flow.live[pc])
        scope.stack = self._operands(block, arrivals)
        for arrival in arrivals:
            arrival.edge.target = block

    def _operands(self, block: int, arrivals: list[Arrival]) -> Stack:
        """The operands where these edges meet."""
        return list(map(_known_value, self._merge(block, arrivals, [list[int | None](a.stack) for a in arrivals], -1)))

    def _merge(self, block: int, arrivals: list[Arrival], states: list[Locals], live: int) -> Locals:
        """What the places hold where these states meet: a parameter where they differ, nothing where it is dead."""
        merged: Locals = list(states[0])
        graph = self.graph
        for place, value in enumerate(merged):
            if not live >> place & 1:
                merged[place] = None
                continue
            for state in states:
                if state[place] != value:
                    break
            else:
                continue
            param = graph.value(_PARAM[graph.type[_known_value(value)]], (), None, NO_SNAPSHOT, self.pc)
            graph.blocks[block].params.append(param)
            for arrival, state in zip(arrivals, states):
                arrival.edge.args.append(_known_value(state[place]))
            merged[place] = param
        return merged

    # --- entries ---------------------------------------------------------------------------------------------------

    def _enter_call(self, scope: Scope) -> None:
        flow = scope.flow
        self.graph.entries[CALL] = self.start()
        live = flow.live[0]
        for i, type in enumerate(flow.locals):
            if not live >> i & 1:
                scope.locals.append(None)
            elif i < len(flow.params):
                scope.locals.append(self.add(_HOME[type], (), i))
            else:
                scope.locals.append(self._default(type))

    def _default(self, type: Type) -> int:
        if type is Type.REF:
            return self.null()
        return self.constant(type, bytes(16) if type is Type.V128 else 0)

    def _entry(self, scope: Scope, pc: int, types: list[Type]) -> Arrival:
        """A block at which the interpreter enters before `pc`, with operands of these types; the edge out of it. In the
        middle of a straight line, the rest of its fuel is taken first."""
        flow = scope.flow
        self.graph.entries[pc] = self.start()
        live = flow.live[pc]
        locals: Locals = [self.add(_HOME[type], (), i) if live >> i & 1 else None for i, type in enumerate(flow.locals)]
        first = len(locals)
        stack = [self.add(_HOME[type], (), first + h) for h, type in enumerate(types)]
        if scope.lines is not None and not scope.begins_line(pc):
            cost = scope.refund(pc)
            if cost:
                outer = scope.locals, scope.stack
                scope.locals, scope.stack = locals, stack
                self.add(_FUEL, (), cost, self.here(scope, pc, taken=False))
                scope.locals, scope.stack = outer
        edge = Edge(-1)
        self.end(Jump(edge))
        return Arrival(edge, locals, stack)

    def _types(self, stack: Stack) -> list[Type]:
        return [self.graph.type[value] for value in stack]

    def reenter(self, scope: Scope, pc: int, types: list[Type]) -> None:
        """Begin a block at which the interpreter enters before `pc`; control does not get there otherwise."""
        arrival = self._entry(scope, pc, types)
        self.start()
        arrival.edge.target = len(self.graph.blocks) - 1
        scope.locals, scope.stack = arrival.locals, arrival.stack

    # --- the walk --------------------------------------------------------------------------------------------------

    def walk(self, scope: Scope) -> None:
        """Build the body of an activation whose locals are set, or which is only entered later."""
        flow = scope.flow
        body, heights = flow.body, scope.code.side.heights
        built = self.built
        root = scope.caller is None
        inlined = None if root else scope.code
        entries = sorted(scope.history.entries) if root else []
        next_entry = 0
        pc, count = 0, len(body)
        if not scope.locals:
            scope.locals = [None] * len(flow.locals)
        while pc < count:
            if self.block is None:
                # Where control gets next: a label, or an entry.
                while next_entry < len(entries) and entries[next_entry] < pc:
                    next_entry += 1
                target = entries[next_entry] if next_entry < len(entries) else count
                while scope.labels and scope.labels[0] < pc:
                    heappop(scope.labels)
                if scope.labels:
                    target = min(target, scope.labels[0])
                if target >= count:
                    return
                pc = target
            self.pc = pc
            self.inlined = inlined
            instr = body[pc]
            loop = instr.op.rule == "loop"
            if pc in scope.arrivals:
                self._join(scope, pc)
            if loop:
                self._open_loop(scope, pc)
            elif root and pc in scope.history.entries and heights[pc] != UNREACHABLE:
                self._enter_between(scope, pc)
            if self.block is None:
                pc += 1
                continue
            if len(scope.stack) != heights[pc]:
                raise Crash(f"operand height {len(scope.stack)} is not {heights[pc]} at {instr!r}")
            if scope.lines is not None and scope.begins_line(pc):
                cost = scope.refund(pc)
                if cost:
                    self.add(_FUEL, (), cost, self.here(scope, pc, taken=False))
            build = find(instr)
            if build is None:
                self.unsupported(scope, pc, instr)
            else:
                build(self, scope, pc, instr)
                built.append((scope, pc))
            pc += 1

    def unsupported(self, scope: Scope, pc: int, instr: Instr) -> None:
        """Leave in front of an instruction without native form; come back behind it."""
        mnemonic = instr.op.mnemonic
        self.left[mnemonic] = self.left.get(mnemonic, 0) + 1
        if scope.caller is not None:
            raise Refused("inlined function leaves")
        self.leave(scope, pc)
        results = pushed(scope.code.program, instr)
        height = scope.code.side.heights[pc + 1] if pc + 1 < len(scope.flow.body) else UNREACHABLE
        if results is None or height == UNREACHABLE:
            return
        kept = self._types(scope.stack[: height - len(results)])
        self.reenter(scope, pc + 1, [*kept, *results])

    def _enter_between(self, scope: Scope, pc: int) -> None:
        """An entry before an instruction that is no loop header."""
        if self.block is None:
            self.reenter(scope, pc, scope.flow.operands(pc))
            return
        if pc in self.graph.entries:
            return
        edge = Edge(-1)
        here = Arrival(edge, scope.locals, scope.stack)
        self.end(Jump(edge))
        self._arrive(scope, pc, here)
        self._arrive(scope, pc, self._entry(scope, pc, self._types(here.stack)))
        self._join(scope, pc)

    def _open_loop(self, scope: Scope, pc: int) -> None:
        flow = scope.flow
        arrivals: list[Arrival] = []
        if self.block is not None:
            edge = Edge(-1)
            arrivals.append(Arrival(edge, scope.locals, scope.stack))
            self.end(Jump(edge))
        if scope.caller is None and pc in scope.history.entries:
            types = self._types(arrivals[0].stack) if arrivals else flow.operands(pc)
            arrivals.append(self._entry(scope, pc, types))
        if not arrivals:
            return
        header = self.start(loop=True)
        live = flow.live[pc]
        # Everything gets a parameter, also what the loop does not change: there may be entries within the loop, behind
        # instructions without native form, from where control comes to the header without what was in front of it.
        graph = self.graph
        params = graph.blocks[header].params
        places: list[int] = []
        first = arrivals[0]
        locals: Locals = list(first.locals)
        for i, value in enumerate(locals):
            if not live >> i & 1:
                locals[i] = None
            elif value is not None:
                param = locals[i] = graph.value(_PARAM[graph.type[value]], (), None, NO_SNAPSHOT, pc)
                params.append(param)
                places.append(i)
                for arrival in arrivals:
                    arrival.edge.args.append(_known_value(arrival.locals[i]))
        stack: Stack = []
        for h, value in enumerate(first.stack):
            param = graph.value(_PARAM[graph.type[value]], (), None, NO_SNAPSHOT, pc)
            stack.append(param)
            params.append(param)
            for arrival in arrivals:
                arrival.edge.args.append(arrival.stack[h])
        for arrival in arrivals:
            arrival.edge.target = header
        scope.headers[pc] = (header, places)
        scope.locals, scope.stack = locals, stack
        self.memory_version += 1
        # The interpreter looks whether it is to stop in front of a backward branch. Here nothing but the loop's own
        # values has to be kept for leaving.
        self.add(_POLL, (), None, self.here(scope, pc))

    # --- calls -----------------------------------------------------------------------------------------------------

    def call(self, scope: Scope, pc: int, op: IrOp, args: tuple[int, ...], imm: Any, results: list[Type]) -> None:
        """A call whose arguments are popped; its results are pushed. Afterwards nothing is known of the instance."""
        call = self.add(op, args, imm, self.waiting(scope, pc))
        self.clobber()
        for i, type in enumerate(results):
            scope.stack.append(self.add(_RESULT[type], (call,), i))

    def help(self, scope: Scope, pc: int, args: tuple[int, ...], snapshot: int) -> list[int]:
        """Have the interpreter execute instruction `pc`, whose operands are popped: its results."""
        helper = Helper(scope.code, pc)
        value = self.add(_HELPER, args, helper, snapshot)
        return [self.add(_RESULT[type], (value,), i) for i, type in enumerate(helper.results())]

    def clobber(self) -> None:
        """Other code has run: globals and memories may have changed."""
        self.forget("global")
        self.memory_version += 1

    def inlinable(self, scope: Scope, code: FuncCode) -> bool:
        """Whether a callee is worth building into the caller."""
        if not self.inline or scope.depth >= MAX_DEPTH:
            return False
        if code.tail is None or len(code.program.module.funcs[code.index].body) > MAX_INLINE:
            return False
        past = history(code)
        if not past.called:
            return False
        activation: Scope | None = scope
        while activation is not None:
            if activation.code is code:
                return False
            activation = activation.caller
        flow = past.flow
        return not flow.written and not code.side.handlers and all(map(_inlines, flow.body))

    def inline_call(self, scope: Scope, pc: int, code: FuncCode, args: tuple[int, ...]) -> None:
        """Build the callee here. Arguments are popped; results are pushed."""
        inner = Scope(code, scope, pc)
        flow = inner.flow
        live = flow.live[0]
        for i, type in enumerate(flow.locals):
            if not live >> i & 1:
                inner.locals.append(None)
            else:
                inner.locals.append(args[i] if i < len(args) else self._default(type))
        self.walk(inner)
        self.pc = pc
        self.block = None
        arrivals = inner.returns
        if not arrivals:
            return
        self.start()
        block = len(self.graph.blocks) - 1
        if len(arrivals) == 1:
            arrivals[0].edge.target = block
            results = arrivals[0].stack
        else:
            results = self._operands(block, arrivals)
            for arrival in arrivals:
                arrival.edge.target = block
        scope.stack += results

    def ret(self, scope: Scope) -> None:
        """The activation returns its topmost operands."""
        count = scope.code.nresults
        if scope.caller is None:
            self.end(Return(self.pop_many(scope, count)))
            return
        edge = Edge(-1)
        stack = scope.stack
        scope.returns.append(Arrival(edge, [], stack[len(stack) - count :]))
        self.end(Jump(edge))

    def tail_call(self, scope: Scope, pc: int, callee: Callee | None, args: tuple[int, ...], snapshot: int) -> None:
        self.end(TailCall(callee, args, snapshot))


def _known_value(value: int | None) -> int:
    if value is None:
        raise Crash("a local that is live has no value")
    return value


def _inlines(instr: Instr) -> bool:
    op = instr.op
    if op.mnemonic.startswith(("return_call", "call")):
        return False
    return find(instr) is not None


_CONST: dict[Type, IrOp] = {t: irop(f"{t}.const") for t in Type if t not in (Type.NONE, Type.REF)}
_CONSTS = frozenset(_CONST.values())
_NULL = irop("ref.null")
_HOME: dict[Type, IrOp] = {t: irop(f"{t}.home") for t in Type if t is not Type.NONE}
_PARAM: dict[Type, IrOp] = {t: irop(f"{t}.param") for t in Type if t is not Type.NONE}
_RESULT: dict[Type, IrOp] = {t: irop(f"{t}.result") for t in Type if t is not Type.NONE}
_HELPER = BY_NAME["helper"]
_POLL = BY_NAME["poll"]
_FUEL = BY_NAME["fuel"]
