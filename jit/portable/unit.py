"""A region compiled to Python functions, one for each of its entries.

Generated functions get the instance, the room that is left on the guest's stack, and their arguments: an f64 as a
Python float, all else as the interpreter has it. They return the results, one as it is and several as a tuple. Those of
a program share one namespace, in which `F12` is what calls of function 12 reach.

An activation takes its cost from `room` as the interpreter does; whoever calls sees to it that there is as much. Nested
calls also take from Python's stack; so the room that a region is entered with is limited, and where it ends the
interpreter carries on.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from types import CodeType
from typing import Any, Final

from jit.backend import Activation, Departure
from jit.build import Refused
from jit.helper import Helper
from jit.ir.graph import CALL, NO_SNAPSHOT, Callee, Graph, TailCall, edges
from jit.ir.ops import Type, type_of
from jit.portable.control import MOST_LOOPS, Deep, render
from jit.portable.function import Function
from jit.portable.leave import Leave, NotEntered, refuse
from jit.portable.support import NAMES
from jit.portable.values import Values
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode, Program
from refsfi.runtime.store import Frame, FuncInst
from refsfi.runtime.values import func_type

__all__ = ["PortableUnit", "namespace"]

# Calls that may be nested in Python: the most that its limit has room for, with some to spare for what else is called.
_NESTED: Final = (800, 400, 150)
_SPARE: Final = 100
# Times that a function's beginning is executed before CPython specialises it, and one.
_WARMUP: Final = 9

_serial = itertools.count()


class _Cheapest:
    """`cost`: what an activation takes at least, of all functions that have been compiled."""

    cost = 1 << 16


class Namespace:
    """The globals of all generated code of a program. `entries`: what calls of its functions reach, by index."""

    def __init__(self, program: Program) -> None:
        self.names: dict[str, Any] = dict(NAMES)
        self.entries: list[Callable[..., Any]] = [refuse] * len(program.funcs)
        self.names.update(Leave=Leave, NotEntered=NotEntered, entry_of=_entry_of)

    def reach(self, code: FuncCode, entry: Callable[..., Any]) -> None:
        """Let calls of a function reach this one."""
        self.entries[code.index] = entry
        self.names[f"F{code.func_index}"] = entry


def namespace(program: Program) -> Namespace:
    found = program.compiled
    if isinstance(found, Namespace):
        return found
    made = program.compiled = Namespace(program)
    return made


def _entry_of(func: FuncInst) -> Callable[..., Any]:
    """What a call of a function by reference reaches."""
    code = func.code
    return namespace(code.program).entries[code.index]


class PortableUnit:
    """`sources`: the text of each function, by its first block, once made."""

    def __init__(self, graph: Graph) -> None:
        code = graph.code
        if code is None:
            raise Crash("a region of no function")
        self.graph = graph
        self.where: tuple[int, int] | None = None
        self.code: FuncCode = code
        self.program = code.program
        self.space = namespace(code.program)
        self.values = Values(graph)
        self.sources: dict[int, str] = {}
        self._functions: dict[int, Function] = {}
        self._serial = next(_serial)
        self._constants: dict[int, str] = {}
        self._kept: list[Any] = []
        # Value of a call -> the names of its results.
        self.results: dict[int, list[str]] = {}
        for number in self.values.blocks:
            for value in graph.blocks[number].code:
                if graph.op[value].name.endswith(".result"):
                    (call,) = graph.args[value]
                    self.results.setdefault(call, ["_"] * self._result_count(call))[graph.imm[value]] = f"v{value}"
        self.inside = 0
        self._entries: dict[int, Callable[..., Any]] = {}
        # Whether Python does not take it.
        self._refused = False
        if _nesting(graph, self.values.blocks) > MOST_LOOPS:
            raise Refused("nested too deeply")
        # Whether other regions may be called from this one.
        self._calls = any(
            graph.op[value].name in ("call", "call_func")
            for number in self.values.blocks
            for value in graph.blocks[number].code
        ) or any(isinstance(graph.blocks[number].end, TailCall) for number in self.values.blocks)
        self._params: tuple[Type, ...] = tuple(type_of(t) for t in func_type(self._type_of(code.func_index)).params)
        self._results: tuple[Type, ...] = tuple(type_of(t) for t in func_type(self._type_of(code.func_index)).results)
        _Cheapest.cost = min(_Cheapest.cost, code.cost)
        # A tail call has the room of the activation that it replaces but for what a call takes at least, which bounds
        # Python's stack.
        self.tail_credit = code.cost - _Cheapest.cost

    def _type_of(self, index: int) -> Any:
        return self.program.info.funcs[index]

    # --- what functions ask for ------------------------------------------------------------------------------------

    def constant(self, value: Any) -> str:
        """A name in the generated code's globals for an object."""
        name = self._constants.get(id(value))
        if name is None:
            name = self._constants[id(value)] = f"k{self._serial}_{len(self._constants)}"
            # Lest its identity becomes another one's.
            self._kept.append(value)
            self.space.names[name] = value
        return name

    def callee(self, index: int) -> str:
        """The name under which a function of the module is called."""
        name = f"F{index}"
        own = index - self.program.imported_funcs
        self.space.names.setdefault(name, self.space.entries[own])
        return name

    def code_of(self, callee: Callee) -> FuncCode:
        return self.program.funcs[callee.index - self.program.imported_funcs]

    def cost_of(self, callee: Callee) -> int:
        """What an activation of a function costs; 0 where it has not been prepared, so that nobody knows yet."""
        return self.code_of(callee).cost

    def _result_count(self, call: int) -> int:
        imm = self.graph.imm[call]
        if isinstance(imm, Helper):
            return len(imm.results())
        type = func_type(self._type_of(imm.index)) if isinstance(imm, Callee) else imm
        return len(type.results)

    def home(self, value: int) -> str | None:
        """What an interpreter's register is read with; None where it is an argument."""
        graph = self.graph
        register = graph.imm[value]
        if self.values.block[value] == graph.entries.get(CALL):
            return None
        read = f"r[{register}]"
        return f"unpack_d(pack_Q({read}))[0]" if graph.type[value] is Type.F64 else read

    def transfer(self, target: int, room: str, args: list[str], write: Callable[[int], str]) -> str:
        """The text that goes on in the function that begins at block `target`. `write`: the text of a value."""
        given = [write(value) for value in self._given(target)]
        return f"{self._name(target)}({', '.join(['inst', room, *args, *given])})"

    # --- making functions ------------------------------------------------------------------------------------------

    def _name(self, start: int) -> str:
        return f"f{self._serial}_{start}"

    def _given(self, start: int) -> list[int]:
        return sorted(self._functions[start].free)

    def _make(self, start: int) -> Callable[..., Any]:
        """Make the function that begins at block `start`, and those that it goes on in."""
        fresh: dict[int, Function] = {}
        work = [start]
        while work:
            block = work.pop()
            if block in self._functions or block in fresh:
                continue
            try:
                made = fresh[block] = Function(self, block)
            except RecursionError:
                raise Refused("nested too deeply") from None
            work += made.transfers
        try:
            self._functions |= fresh
            self._settle(fresh)
            for code in [self._compile(block, function) for block, function in fresh.items()]:
                exec(code, self.space.names)
        except BaseException:
            # All of them or none, also where Ctrl-C comes in the middle.
            for block in fresh:
                self._functions.pop(block, None)
                self.sources.pop(block, None)
            raise
        for block, made in fresh.items():
            if made.uses_store:
                _warm(self.space.names[self._name(block)])
        found: Callable[..., Any] = self.space.names[self._name(start)]
        return found

    def _settle(self, fresh: dict[int, Function]) -> None:
        """Functions are also given what those need that they go on in."""
        changed = True
        while changed:
            changed = False
            for function in fresh.values():
                for target, blocks in function.transfers.items():
                    for value in self._functions[target].free:
                        needed = function.needs(value, blocks)
                        if needed is not None and needed not in function.free:
                            function.free.add(needed)
                            changed = True

    def _compile(self, start: int, function: Function) -> CodeType:
        graph = self.graph
        first: list[str] = []
        if start == graph.entries.get(CALL):
            params = self._call_params(start)
            if self.program.metered:
                # Entering a function costs a unit.
                first = ["fuel = inst.store.fuel", "if not fuel: raise NotEntered", "inst.store.fuel = fuel - 1"]
        elif start in graph.entries.values():
            params = ["r"]
        else:
            params = [f"v{v}" for v in [*graph.blocks[start].params, *sorted(function.free)]]
        try:
            lines = render(function.items)
        except Deep:
            raise Refused("nested too deeply") from None
        head = f"def {self._name(start)}({', '.join(['inst', 'room', *params])}):"
        prologue = [f" {line}" for line in [*first, *function.prologue()]]
        source = self.sources[start] = "\n".join([head, *prologue, *lines, ""])
        try:
            return compile(source, f"<{self._name(start)} of function {self.code.func_index}>", "exec")
        except (SyntaxError, RecursionError, MemoryError):
            # Deeper than what Python's compiler takes.
            raise Refused("nested too deeply") from None

    def _call_params(self, start: int) -> list[str]:
        graph = self.graph
        names = [f"p{i}" for i in range(self.code.nparams)]
        for value in graph.blocks[start].code:
            if graph.op[value].name.endswith(".home"):
                names[graph.imm[value]] = f"v{value}"
        return names

    # --- the unit --------------------------------------------------------------------------------------------------

    def entry(self, pc: int) -> Callable[..., Any]:
        """The function for an entry, made when it is first taken. Refused where Python does not take it."""
        found = self._entries.get(pc)
        if found is None:
            found = self._entries[pc] = self._make(self.graph.entries[pc])
        return found

    def enter(self, pc: int, frame: Frame) -> list[Any] | Departure:
        inst, store, code = frame.inst, frame.store, self.code
        function = self._entries.get(pc)
        if function is None:
            try:
                function = None if self._refused else self.entry(pc)
            except Refused:
                self._refused = True
            if function is None:
                # Left where it was to be entered, with all registers as they are.
                return Departure([Activation(inst, code, max(pc, 0), [])], self, NO_SNAPSHOT)
        room = store.room
        given = min(room, _depth() * _Cheapest.cost) if self._calls else room
        began = perf_counter_ns()
        try:
            if pc == CALL:
                # What the interpreter has taken already the function takes itself.
                if self.program.metered and store.fuel is not None:
                    store.fuel += 1
                result = function(inst, given + code.cost, *self._arguments(frame.regs))
            else:
                result = function(inst, given, frame.regs)
        except Leave as left:
            frames = left.frames()
            store.room = room + code.cost - sum(activation.code.cost for activation in frames)
            if left.site.refund and store.fuel is not None:
                store.fuel += left.site.refund
                if left.error is not None:
                    # The instruction itself has been executed.
                    left_at, pc, _ = left.site.frames[-1]
                    store.fuel -= self.program.module.funcs[left_at.index].body[pc].op.fuel
            return Departure(frames, left.site.unit, left.site.snapshot, left.call, left.error)
        finally:
            self.inside = perf_counter_ns() - began
        store.room = room + code.cost
        return self._returned(result)

    def _arguments(self, regs: list[Any]) -> list[Any]:
        return [_float_of(value) if type is Type.F64 else value for type, value in zip(self._params, regs)]

    def _returned(self, result: Any) -> list[Any]:
        types = self._results
        if not types:
            return []
        values = [result] if len(types) == 1 else result
        return [_bits_of(value) if type is Type.F64 else value for type, value in zip(types, values)]

    def costs(self) -> dict[str, int]:
        """`exits`: places that may be left. `bytes` of bytecode and generated `functions`, which are made when they are
        first entered: so far."""
        made = [self.space.names[self._name(start)] for start in self._functions]
        return {
            "bytes": sum(len(function.__code__.co_code) for function in made),
            "exits": len(self.graph.snapshots),
            "functions": len(made),
        }

    def listing(self) -> Iterator[str]:
        """The generated source, of all entries."""
        for pc in self.graph.entries if not self._refused else ():
            self.entry(pc)
        for source in self.sources.values():
            yield from source.splitlines()
            yield ""

    def release(self) -> None:
        names = self.space.names
        for name in self._constants.values():
            names.pop(name, None)
        for start in self._functions:
            names.pop(self._name(start), None)
        self._entries.clear()


def _warm(function: Callable[..., Any]) -> None:
    """Let CPython 3.11 specialise a function's byte code now. It does so when control has come so often through the
    beginning or an unconditional jump backwards; loops with a condition have none, and many are only entered once."""
    nothing = [None] * function.__code__.co_argcount
    for _ in range(_WARMUP):
        try:
            function(*nothing)
        except AttributeError:
            # There is no instance, which is the first thing that is looked at.
            continue
        raise Crash("a function that polls begins with its store")


def _float_of(bits: int) -> float:
    return float(NAMES["unpack_d"](NAMES["pack_Q"](bits))[0])


def _bits_of(x: float) -> int:
    return int(NAMES["unpack_Q"](NAMES["pack_d"](x))[0])


def _nesting(graph: Graph, blocks: list[int]) -> int:
    """How deep loops are nested. A loop goes from its header to the last block that leads back there."""
    ends: dict[int, int] = {}
    for block in blocks:
        for edge in edges(graph.blocks[block].end):
            if edge.target <= block:
                ends[edge.target] = block
    deepest = 0
    open_: list[int] = []
    for header in sorted(ends):
        while open_ and open_[-1] < header:
            open_.pop()
        open_.append(ends[header])
        deepest = max(deepest, len(open_))
    return deepest


def _depth() -> int:
    """How many calls may be nested within Python's limit."""
    limit = sys.getrecursionlimit() - _SPARE
    for depth in _NESTED:
        try:
            sys._getframe(max(limit - depth, 0))
        except ValueError:
            # Fewer frames than that are open.
            return depth
    return 0
