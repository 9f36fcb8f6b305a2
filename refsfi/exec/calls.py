"""Calls and returns, chapter 4.6.5 and 4.6.6.

A call of a Wasm function makes a frame and lets the machine go on there; Python's stack does not grow. A host
function is called at once.
"""

from __future__ import annotations

from typing import Any

from refsfi.errors import Crash, Exhaustion, Trap, TrapCode
from refsfi.exec.code import FRAME_CHANGED, Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import lowering
from refsfi.runtime.store import Frame, FuncInst, HostFunc
from refsfi.runtime.values import func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.module import Instr
from refsfi.syntax.types import FuncType


def enter(func: FuncInst, arguments: list[Any], caller: Frame, ret: int) -> int:
    """Make a frame for `func` the innermost one; its results will go to `caller.regs[ret:]`.

    Where fuel is counted, it costs one unit, so that no call is free.

    Rule: Step_read/call_ref-func
    """
    code = func.code
    tail = code.tail
    if tail is None:
        tail = code.prepare()
    store = caller.store
    room = store.room - code.cost
    if room < 0:
        raise Exhaustion(TrapCode.STACK_OVERFLOW)
    if store.stop is not None:
        raise store.stop
    fuel = store.fuel
    if fuel is not None:
        if fuel == 0:
            raise Exhaustion(TrapCode.OUT_OF_FUEL)
        store.fuel = fuel - 1
    store.room = room
    store.frame = Frame(func, arguments + tail, caller, ret)
    return FRAME_CHANGED


def call_host(func: HostFunc, arguments: list[Any], r: Regs, d: int) -> None:
    """Call a host function from a frame with registers `r`; results go to `r[d:]`."""
    results = func.fn(*arguments)
    if results:
        r[d : d + len(results)] = results


# --- call ------------------------------------------------------------------------------------------------------------


def _take_arguments(low: Lowerer, type: FuncType) -> list[int]:
    if low.lines:
        # The straight line ends here, and with it what operands may still be read from locals.
        low.flush()
    return low.pop_many(len(type.params))


def _emit_call(low: Lowerer, make: Any, type: FuncType, *args: Any) -> None:
    """Emit a call whose operands are popped already."""
    if len(type.results) == 1 and not low.lines:
        low.emit_value(make, *args, suspends=True)
    else:
        low.emit(make, *args, low.push_many(len(type.results)), suspends=True)


@lowering("call")
def lower_call(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/call"""
    index = instr.args[0]
    type = func_type(low.info.funcs[index])
    arguments = _take_arguments(low, type)
    make = (_call_0, _call_1, _call_2, _call_3)[len(arguments)] if len(arguments) < 4 else _call_n
    _emit_call(low, make, type, index, *arguments)


def _call_0(x: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = f.inst.funcs[x]
        f.ip = nxt
        if func.__class__ is FuncInst:
            return enter(func, [], f, d)
        return _leave(func, [], r, f, d, nxt)

    return step


def _call_1(x: int, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = f.inst.funcs[x]
        f.ip = nxt
        if func.__class__ is FuncInst:
            return enter(func, [r[a]], f, d)
        return _leave(func, [r[a]], r, f, d, nxt)

    return step


def _call_2(x: int, a: int, b: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = f.inst.funcs[x]
        f.ip = nxt
        if func.__class__ is FuncInst:
            return enter(func, [r[a], r[b]], f, d)
        return _leave(func, [r[a], r[b]], r, f, d, nxt)

    return step


def _call_3(x: int, a: int, b: int, c: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = f.inst.funcs[x]
        f.ip = nxt
        if func.__class__ is FuncInst:
            return enter(func, [r[a], r[b], r[c]], f, d)
        return _leave(func, [r[a], r[b], r[c]], r, f, d, nxt)

    return step


def _call_n(x: int, *rest: int) -> Step:
    *sources, d, nxt = rest

    def step(r: Regs, f: Frame) -> int:
        func = f.inst.funcs[x]
        f.ip = nxt
        return _call(func, [r[s] for s in sources], r, f, d, nxt)

    return step


def _leave(func: Any, arguments: list[Any], r: Regs, f: Frame, d: int, nxt: int) -> int:
    if f.store.stop is not None:
        raise f.store.stop
    call_host(func, arguments, r, d)
    return nxt


def _call(func: Any, arguments: list[Any], r: Regs, f: Frame, d: int, nxt: int) -> int:
    if func.__class__ is FuncInst:
        return enter(func, arguments, f, d)
    return _leave(func, arguments, r, f, d, nxt)


@lowering("call_ref")
def lower_call_ref(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/call_ref-null, Step_read/call_ref-func"""
    type = func_type(low.info.types[instr.args[0]])
    callee = low.pop()
    if low.lines:
        low.flush()
    _emit_call(low, _call_ref, type, callee, _take_arguments(low, type))


def _call_ref(callee: int, sources: list[int], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = r[callee]
        if func is None:
            raise null_function()
        f.ip = nxt
        return _call(func, [r[s] for s in sources], r, f, d, nxt)

    return step


def null_function() -> Trap:
    return Trap(TrapCode.NULL_REFERENCE, "null function reference")


@lowering("call_indirect")
def lower_call_indirect(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/call_indirect"""
    expected = low.info.types[instr.args[0]]
    type = func_type(expected)
    index = low.pop()
    _emit_call(low, _call_indirect, type, expected, instr.args[1], index, _take_arguments(low, type))


def _call_indirect(expected: DefType, table: int, index: int, sources: list[int], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = resolve_indirect(f, table, r[index], expected)
        f.ip = nxt
        return _call(func, [r[s] for s in sources], r, f, d, nxt)

    return step


def resolve_indirect(f: Frame, table: int, index: int, expected: DefType) -> FuncInst | HostFunc:
    """The function at `index` of a table, if it is one of the expected type or of a subtype.

    `table.get`, `ref.cast` and their traps, as rule Step_pure/call_indirect has it.
    """
    elems = f.inst.tables[table].elems
    if index >= len(elems):
        raise Trap(TrapCode.TABLE_OUT_OF_BOUNDS, "undefined element")
    func: FuncInst | HostFunc | None = elems[index]
    if func is None:
        raise Trap(TrapCode.INDIRECT_CALL_TO_NULL, f"uninitialized element {index}")
    if func.type is not expected and expected not in func.type.ancestors:
        raise Trap(TrapCode.BAD_SIGNATURE)
    return func


# --- return ----------------------------------------------------------------------------------------------------------


def emit_return(low: Lowerer) -> None:
    """Emit the return of the topmost operands. Afterwards control is elsewhere."""
    sources = low.stack[len(low.stack) - low.code.nresults :]
    cost = low.code.cost
    if len(sources) == 0:
        low.emit(_return_0, cost)
    elif len(sources) == 1:
        low.emit(_return_1, cost, sources[0])
    else:
        low.emit(_return_n, cost, sources)
    low.live = False


def _return_0(cost: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        store = f.store
        store.frame = f.caller
        store.room += cost
        return FRAME_CHANGED

    return step


def _return_1(cost: int, a: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        caller = f.caller
        caller.regs[f.ret] = r[a]  # type: ignore[union-attr]
        store = f.store
        store.frame = caller
        store.room += cost
        return FRAME_CHANGED

    return step


def _return_n(cost: int, sources: list[int], nxt: int) -> Step:
    count = len(sources)

    def step(r: Regs, f: Frame) -> int:
        caller = f.caller
        caller.regs[f.ret : f.ret + count] = [r[s] for s in sources]  # type: ignore[union-attr]
        store = f.store
        store.frame = caller
        store.room += cost
        return FRAME_CHANGED

    return step


# --- tail calls ------------------------------------------------------------------------------------------------------


@lowering("return_call")
def lower_return_call(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/return_call"""
    arguments = low.pop_many(len(func_type(low.info.funcs[instr.args[0]]).params))
    low.emit(_return_call, low.code.cost, instr.args[0], arguments)
    low.live = False


def _return_call(cost: int, x: int, sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        return replace(f, f.inst.funcs[x], [r[s] for s in sources], cost)

    return step


@lowering("return_call_ref")
def lower_return_call_ref(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/return_call_ref-label, Step_read/return_call_ref-handler, Step_read/return_call_ref-frame-null,
    Step_read/return_call_ref-frame-addr
    """
    callee = low.pop()
    arguments = low.pop_many(len(func_type(low.info.types[instr.args[0]]).params))
    low.emit(_return_call_ref, low.code.cost, callee, arguments)
    low.live = False


def _return_call_ref(cost: int, callee: int, sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = r[callee]
        if func is None:
            raise null_function()
        return replace(f, func, [r[s] for s in sources], cost)

    return step


@lowering("return_call_indirect")
def lower_return_call_indirect(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/return_call_indirect"""
    expected = low.info.types[instr.args[0]]
    index = low.pop()
    arguments = low.pop_many(len(func_type(expected).params))
    low.emit(_return_call_indirect, low.code.cost, expected, instr.args[1], index, arguments)
    low.live = False


def _return_call_indirect(cost: int, expected: DefType, table: int, index: int, sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        func = resolve_indirect(f, table, r[index], expected)
        return replace(f, func, [r[s] for s in sources], cost)

    return step


def replace(f: Frame, func: FuncInst | HostFunc, arguments: list[Any], cost: int) -> int:
    """Call `func` in place of frame `f`, which gives back its `cost`."""
    caller = f.caller
    if caller is None:
        raise Crash("a function's frame without a caller")
    store = f.store
    if isinstance(func, FuncInst):
        store.room += cost
        try:
            return enter(func, arguments, caller, f.ret)
        except Exhaustion:
            # Still this frame's trap.
            store.room -= cost
            raise
    if store.stop is not None:
        raise store.stop
    call_host(func, arguments, caller.regs, f.ret)
    store.room += cost
    store.frame = caller
    return FRAME_CHANGED
