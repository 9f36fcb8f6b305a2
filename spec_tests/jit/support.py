"""Compiling functions whole, as if everything in them had been seen, and running them without the tier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jit import build_rows  # noqa: F401  (registers what builds each instruction)
from jit.backend import Departure
from jit.build import Builder, Refused
from jit.ir.graph import CALL, Graph
from jit.optimize.canonical import make_canonical
from jit.optimize.simplify import drop_trivial
from jit.profile import FELL, TOOK, History
from refsfi.exec.code import FuncCode, Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Frame, Instance, Store
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate


def program(text: str, *, metered: bool = False) -> Program:
    module = parse_module(text, ALL)
    return Program(module, validate(module, ALL), metered=metered)


def everything_seen(code: FuncCode, *, loops: bool = True) -> History:
    """A history in which every branch went everywhere. `loops`: the interpreter may enter at the headers."""
    if code.tail is None:
        code.prepare()
    past = History(code)
    code.tier = past
    past.called = past.changed = True
    for pc, branch in code.side.branches.items():
        past.seen[pc] = (1 << len(branch)) - 1 if isinstance(branch, tuple) else FELL | TOOK
    if loops:
        for pc, instr in enumerate(code.program.module.funcs[code.index].body):
            if instr.op.mnemonic == "loop" and code.side.heights[pc] >= 0:
                past.enter_at(pc)
    return past


def graph_of(code: FuncCode, *, loops: bool = True, inline: bool = False) -> Graph:
    """The optimised graph of a whole function."""
    past = everything_seen(code, loops=loops)
    while True:
        builder = Builder(code, inline=inline)
        graph = builder.build()
        if not builder.missing:
            break
        past.entries |= builder.missing
    drop_trivial(graph)
    make_canonical(graph)
    return graph


class Driver:
    """An instance whose functions run as regions of `backend` where they were compiled. What leaves goes on in the
    interpreter, instruction by instruction, and does not come back."""

    def __init__(self, text: str, backend: Any, *, fuel: int | None = None, imports: Iterable[Any] = ()) -> None:
        self.program = program(text, metered=fuel is not None)
        self.store = Store(fuel=fuel)
        self.instance: Instance = instantiate(self.store, self.program, list(imports))
        self.backend = backend
        self.departures: list[Departure] = []

    def compile(self, *, loops: bool = True, inline: bool = False) -> None:
        for code in self.program.funcs:
            try:
                unit = self.backend.compile(graph_of(code, loops=loops, inline=inline))
            except Refused:
                continue
            self.backend.attach(code, unit)
            code.tier.unit = unit  # type: ignore[attr-defined]
            lowered = code.lowered
            assert lowered is not None
            lowered.steps[0] = self._entry(code, unit, lowered.steps[0])

    def _entry(self, code: FuncCode, unit: Any, original: Any) -> Any:
        """The step at a function's beginning: what arrives there and is no call must not be a loop."""
        assert code.lowered is not None
        if any(ip == 0 for pc, ip in code.lowered.places.items() if pc):
            return original

        def step(r: list[Any], f: Frame) -> int:
            outcome = unit.enter(CALL, f)
            if not isinstance(outcome, Departure):
                assert f.caller is not None
                f.caller.regs[f.ret : f.ret + len(outcome)] = outcome
                f.store.frame = f.caller
                return -1
            self.departures.append(outcome)
            return depart(f, outcome)

        return step

    def __call__(self, name: str, *arguments: Any) -> list[Any]:
        func: Any = self.instance.exports[name]
        return list(invoke(self.store, func, list(arguments)))


def depart(frame: Frame, departure: Departure) -> int:
    """Go on in the interpreter where a region was left."""
    from jit.resume import charge, raise_again, rebuild
    from refsfi.exec.calls import enter

    frame = rebuild(frame, departure)
    code, pc, store = frame.code, frame.ip, frame.store
    assert code is not None
    if departure.error is not None:
        raise_again(frame, departure.error)
    if departure.call is not None:
        func, arguments = departure.call
        frame.ip = pc + 1
        store.at = pc
        to = enter(func, arguments, frame, code.nlocals + code.side.heights[pc + 1] - func.code.nresults)
        store.at = None
        return to
    if code.program.metered:
        cost = code.program.module.funcs[code.index].body[pc].op.fuel
        if cost:
            charge(store, cost, pc)
    store.at = pc
    to = code.stepwise.steps[pc](frame.regs, frame)
    store.at = None
    if to >= 0:
        frame.ip = to
    return -1
