"""What a failing instruction needed and what it got: sizes, addresses, types, one function for a kind of failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from refsfi.errors import Frame, GuestException, Trap, TrapCode
from refsfi.exec.postmortem import MISSING, Activation
from refsfi.observe.operands import OperandTypes
from refsfi.runtime.show import show_ref
from refsfi.runtime.store import FuncInst, Instance
from refsfi.runtime.values import ArrayInst, ExnInst, func_type, type_of_ref
from refsfi.syntax.module import Instr, MemArg
from refsfi.syntax.types import ExternKind

__all__ = ["Fact", "facts"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A label of at most 11 letters and a clause; `numbers` are what programs may want of it."""

    label: str
    text: str
    numbers: tuple[tuple[str, int | str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """A failure with everything that is known: `values` are the instruction's operands, deepest first, empty where
    nobody kept them."""

    error: Trap | GuestException
    instr: Instr
    frame: Frame
    activations: Sequence[Activation]
    values: tuple[Any, ...]

    @property
    def instance(self) -> Instance | None:
        return self.activations[0].instance if self.activations else None


def facts(
    error: Trap | GuestException,
    instr: Instr,
    frame: Frame,
    activations: Sequence[Activation],
    types: OperandTypes,
) -> list[Fact]:
    """Of `error`, which instruction `instr` of the innermost frame raised."""
    values: tuple[Any, ...] = ()
    if activations and frame.code is not None:
        values = tuple(activations[0].taken(types.of(frame.code.index)[frame.instr]))
        if MISSING in values:
            values = ()
    case = _Case(error, instr, frame, activations, values)
    if isinstance(error, GuestException):
        return _exception(case)
    of = _FACTS.get(error.code)
    return [] if of is None else of(case)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# --- memories and tables ---------------------------------------------------------------------------------------------


def _memory(case: _Case) -> list[Fact]:
    fault = case.error.fault if isinstance(case.error, Trap) else None
    args = case.instr.args
    if case.instr.op.mnemonic in _RANGES and case.values:
        return _ranges(case)
    if fault is not None and args and isinstance(args[0], MemArg):
        arg: MemArg = args[0]
        width = case.instr.op.width
        base, last = fault.address - arg.offset, fault.address + width - 1
        beyond = fault.address + width - fault.size
        return [
            Fact(
                "address",
                f"{fault.address:#x} = operand {base:#x} + offset {arg.offset:#x}",
                (("address", fault.address), ("operand", base), ("offset", arg.offset)),
            ),
            Fact("size", f"{_plural(width, 'byte')}, up to {last:#x}", (("bytes", width), ("last", last))),
            _extent("memory", fault.size, "byte"),
            Fact("distance", f"{_plural(beyond, 'byte')} beyond the end", (("bytes", beyond),)),
        ]
    if fault is not None:
        return [Fact("address", f"{fault.address:#x}", (("address", fault.address),)), _extent("memory", fault.size)]
    return []


def _extent(label: str, size: int, unit: str = "byte") -> Fact:
    last = f", the last at {size - 1:#x}" if size else ""
    return Fact(label, f"{size:#x} {unit}s{last}", ((f"{unit}s", size),))


# Instructions on ranges: what they write to and read from, each the name of the operand's space and which immediate
# names it; -1 for an array, which is an operand.
_RANGES: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "memory.fill": (("memory", 0),),
    "memory.copy": (("memory", 0), ("memory", 1)),
    "memory.init": (("memory", 1), ("data segment", 0)),
    "table.fill": (("table", 0),),
    "table.copy": (("table", 0), ("table", 1)),
    "table.init": (("table", 1), ("element segment", 0)),
    "array.new_data": (("data segment", 1),),
    "array.new_elem": (("element segment", 1),),
}


def _ranges(case: _Case) -> list[Fact]:
    """Which range of a bulk instruction does not fit."""
    inst = case.instance
    spaces = _RANGES.get(case.instr.op.mnemonic)
    if inst is None or spaces is None or not case.values:
        return []
    count = case.values[-1]
    # The starts come first, but for a fill, whose value stands between.
    found = [Fact("length", _plural(count, "item"), (("count", count),))]
    for (name, which), start in zip(spaces, case.values, strict=False):
        index = case.instr.args[which]
        size = _size(inst, name, index)
        over = start + count - size
        fits = "fits" if over <= 0 else f"is {over} too far"
        found.append(
            Fact(
                "target" if len(found) == 1 and "segment" not in name else "source",
                f"{name} {index} has {size:#x}; from {start:#x} to {start + count:#x} {fits}",
                (("index", index), ("size", size), ("start", start)),
            )
        )
    return found


def _size(inst: Instance, name: str, index: int) -> int:
    match name:
        case "memory":
            return len(inst.mems[index].data)
        case "table":
            return len(inst.tables[index].elems)
        case "data segment":
            return len(inst.datas[index])
    return len(inst.elems[index])


def _table(case: _Case) -> list[Fact]:
    inst = case.instance
    mnemonic = case.instr.op.mnemonic
    if inst is None or not case.values:
        return []
    if mnemonic in _RANGES:
        return _ranges(case)
    indirect = mnemonic in _INDIRECT
    table = case.instr.args[1] if indirect else case.instr.args[0]
    index = case.values[-1] if indirect else case.values[0]
    size = len(inst.tables[table].elems)
    name = inst.program.module.names.tables.get(table)
    label = f"table {table}" if name is None else f"table ${name}"
    last = f", the last is {size - 1}" if size else ""
    return [
        Fact("index", f"{index}", (("index", index),)),
        Fact("table", f"{label} has {_plural(size, 'element')}{last}", (("table", table), ("size", size))),
    ]


_INDIRECT: Final = ("call_indirect", "return_call_indirect")


def _null_element(case: _Case) -> list[Fact]:
    found = _table(case)
    inst = case.instance
    if inst is not None and found:
        elems = inst.tables[case.instr.args[1]].elems
        functions = sum(1 for elem in elems if elem is not None)
        found.append(Fact("functions", f"{functions} of its elements are functions", (("count", functions),)))
    return found


def _signature(case: _Case) -> list[Fact]:
    inst = case.instance
    if inst is None or not case.values or case.instr.op.mnemonic not in _INDIRECT:
        return []
    expected = inst.program.info.types[case.instr.args[0]]
    func = inst.tables[case.instr.args[1]].elems[case.values[-1]]
    name = "a function of the host"
    if isinstance(func, FuncInst):
        index = func.code.func_index
        known = func.inst.program.module.names.funcs.get(index)
        name = f"func {index}" if known is None else f"func {index} (${known})"
    elif func.name:
        name = f"the host's {func.name}"
    wanted, got = str(func_type(expected)), str(func_type(func.type))
    shapes = "" if wanted != got else "; the types are equal in shape, not in their declarations"
    return [
        *_table(case)[:1],
        Fact("expected", wanted, (("type", wanted),)),
        Fact("found", f"{name} of type {got}{shapes}", (("type", got), ("function", name))),
    ]


# --- numbers and references ------------------------------------------------------------------------------------------


def _alignment(case: _Case) -> list[Fact]:
    arg = case.instr.args[0]
    if not case.values or not isinstance(arg, MemArg):
        return []
    address, width = case.values[0] + arg.offset, case.instr.op.width
    return [
        Fact(
            "address",
            f"{address:#x} = operand {case.values[0]:#x} + offset {arg.offset:#x}",
            (("address", address), ("operand", case.values[0]), ("offset", arg.offset)),
        ),
        Fact("size", f"{_plural(width, 'byte')}; the address is {address % width} too high", (("bytes", width),)),
    ]


def _overflow(case: _Case) -> list[Fact]:
    op = case.instr.op
    if "trunc" not in op.mnemonic:
        return []
    bits = 64 if op.results == ("i64",) else 32
    low, high = (0, 2**bits) if op.mnemonic.endswith("_u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return [Fact("range", f"{low} to {high - 1}", (("least", str(low)), ("greatest", str(high - 1))))]


def _array(case: _Case) -> list[Fact]:
    arrays = [value for value in case.values if isinstance(value, ArrayInst)]
    return [Fact("array", f"has {_plural(len(a.items), 'element')}", (("length", len(a.items)),)) for a in arrays]


def _cast(case: _Case) -> list[Fact]:
    if not case.values:
        return []
    value = case.values[-1] if case.instr.op.mnemonic == "ref.cast" else case.values[0]
    found = str(type_of_ref(value))
    expected = next((str(arg) for arg in case.instr.args), "")
    return [
        Fact("expected", f"a reference of type {expected}", (("type", expected),)),
        Fact("found", f"{show_ref(value)}, of type {found}", (("type", found),)),
    ]


# --- where the guest was ---------------------------------------------------------------------------------------------


def _name(activation: Activation) -> str:
    name = activation.code.program.module.names.funcs.get(activation.code.func_index)
    return f"func {activation.code.func_index}" if name is None else f"${name}"


def _stack(case: _Case) -> list[Fact]:
    activations = case.activations
    if not activations:
        return []
    limit = activations[0].frame.store.limits.stack
    used = sum(activation.code.cost for activation in activations)
    found = [
        Fact(
            "stack",
            f"{used} of {limit} bytes in {_plural(len(activations), 'frame')}",
            (("used", used), ("limit", limit), ("frames", len(activations))),
        )
    ]
    counts = Counter(activation.code for activation in activations)
    first = {activation.code: activation for activation in reversed(activations)}
    for code, count in counts.most_common(3):
        if count > 1:
            text = f"{_name(first[code])} is on it {count} times, {code.cost} bytes each"
            found.append(Fact("recursion" if len(found) == 1 else "and", text, (("times", count),)))
    return found


def _before(case: _Case) -> list[Fact]:
    """The call in front of an `unreachable`: what was to end the program."""
    if case.frame.code is None:
        return []
    module = case.frame.code.program.module
    body = module.funcs[case.frame.code.index].body
    for pc in range(case.frame.instr - 1, max(case.frame.instr - 4, -1), -1):
        instr = body[pc]
        if instr.op.mnemonic == "call":
            index = instr.args[0]
            imported = module.imported(ExternKind.FUNC)
            name = module.names.funcs.get(index)
            if name is None and index < len(imported):
                name = f"{imported[index].module}.{imported[index].name}"
            shown = f"func {index}" if name is None else f"${name}"
            return [Fact("before", f"the call of {shown} in front of it returned", (("function", shown),))]
    return []


def _exception(case: _Case) -> list[Fact]:
    error = case.error
    exception = error.exception if isinstance(error, GuestException) else None
    found = []
    if isinstance(exception, ExnInst):
        types = func_type(exception.tag.type)
        found.append(Fact("thrown", f"with {_plural(len(types.params), 'value')}", (("type", str(types)),)))
    if case.activations:
        handlers = sum(1 for a in case.activations if any(h.start <= a.pc < h.end for h in a.code.side.handlers))
        frames = len(case.activations)
        text = f"{_plural(frames, 'frame')} on the stack, {handlers} of them inside of handlers for other exceptions"
        found.append(Fact("handlers", text, (("frames", frames), ("handlers", handlers))))
    return found


_FACTS: Final[dict[TrapCode, Callable[[_Case], list[Fact]]]] = {
    TrapCode.STACK_OVERFLOW: _stack,
    TrapCode.MEMORY_OUT_OF_BOUNDS: _memory,
    TrapCode.HEAP_MISALIGNED: _alignment,
    TrapCode.TABLE_OUT_OF_BOUNDS: _table,
    TrapCode.INDIRECT_CALL_TO_NULL: _null_element,
    TrapCode.BAD_SIGNATURE: _signature,
    TrapCode.INTEGER_OVERFLOW: _overflow,
    TrapCode.BAD_CONVERSION_TO_INTEGER: _overflow,
    TrapCode.ARRAY_OUT_OF_BOUNDS: _array,
    TrapCode.CAST_FAILURE: _cast,
    TrapCode.UNREACHABLE: _before,
}
