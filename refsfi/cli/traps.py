"""How a trap is reported: `--trap=text|json|explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from refsfi.errors import REPORT_TEXT, Frame, GuestException, MemoryFault, Trap, TrapCode
from refsfi.runtime.backtrace import Locator, backtrace_lines
from refsfi.runtime.show import show_value
from refsfi.runtime.store import Instance
from refsfi.runtime.values import ExnInst, func_type
from refsfi.syntax.module import Instr, MemArg

__all__ = ["MODES", "exception_report", "trap_report"]

MODES: Final = ("text", "json", "explain")


def trap_report(trap: Trap, mode: str, context: str) -> list[str]:
    """The lines of a report. `context` says what was being done."""
    if mode == "json":
        return [_json(trap)]
    locator = Locator()
    lines = [f"error: {context}", *backtrace_lines(trap.frames, locator)]
    if mode == "explain":
        lines += _explain(trap, locator)
    if trap.fault is not None:
        address, size = trap.fault.address, trap.fault.size
        lines.append(f"memory fault at wasm address {address:#x} in linear memory of size {size:#x}")
    return [*lines, f"wasm trap: {trap.report}"]


def exception_report(error: GuestException, mode: str, context: str, instances: Sequence[Instance]) -> list[str]:
    """The lines about an exception that nothing in the guest caught."""
    exception: ExnInst = error.exception
    types = func_type(exception.tag.type).params
    tag = _tag_name(exception.tag, instances)
    values = [show_value(value, type) for value, type in zip(exception.fields, types, strict=True)]
    if mode == "json":
        import json

        locator = Locator()
        report = {
            "exception": tag,
            "types": [str(type) for type in types],
            "values": values,
            "frames": [_frame(frame, locator) for frame in error.frames],
        }
        return [json.dumps(report)]
    trace = backtrace_lines(error.frames)
    return [f"error: {context}", *trace, f"wasm exception: not caught: {tag} ({', '.join(values)})"]


def _tag_name(tag: object, instances: Sequence[Instance]) -> str:
    for inst in instances:
        for index, candidate in enumerate(inst.tags):
            if candidate is tag:
                name = inst.program.module.names.tags.get(index)
                return f"tag {index}" if name is None else f"tag ${name}"
    return "a tag of the host"


# --- json ------------------------------------------------------------------------------------------------------------


def _json(trap: Trap) -> str:
    import json

    locator = Locator()
    report: dict[str, Any] = {
        "code": int(trap.code),
        "name": trap.code.name,
        "message": trap.report,
        "detail": trap.message,
        "fault": None if trap.fault is None else {"address": trap.fault.address, "size": trap.fault.size},
        "frames": [_frame(frame, locator) for frame in trap.frames],
    }
    return json.dumps(report)


def _frame(frame: Frame, locator: Locator) -> dict[str, Any]:
    offsets = locator.offsets(frame)
    return {
        "func_index": frame.func_index,
        "func_name": frame.func_name,
        "module_name": frame.module_name,
        "module_offset": None if offsets is None else offsets[0],
        "func_offset": None if offsets is None else offsets[1],
        "source": locator.source(frame),
        "instr": frame.instr,
        "text": _text(frame),
    }


def _text(frame: Frame) -> str | None:
    """The frame's instruction in the text format."""
    if frame.code is None:
        return None
    from refsfi.observe.listing import Lister

    return Lister(frame.code.program.module).line(frame.code.index, frame.instr)


# --- explain ---------------------------------------------------------------------------------------------------------

_MEANING: Final = {
    TrapCode.STACK_OVERFLOW: "calls nested deeper than the guest's stack allows; often a recursion without end;\n"
    "-W max-wasm-stack=SIZE sets the limit",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "the guest wanted bytes that its memory does not have",
    TrapCode.HEAP_MISALIGNED: "an atomic access must be at a multiple of its size",
    TrapCode.TABLE_OUT_OF_BOUNDS: "the guest wanted an element that its table does not have",
    TrapCode.INDIRECT_CALL_TO_NULL: "the table's element is null: no function was put there",
    TrapCode.BAD_SIGNATURE: "the table's element is a function of another type than the call expects",
    TrapCode.INTEGER_OVERFLOW: "the result does not fit: the least integer divided by -1, or a float too large",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "the divisor was zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "a NaN cannot be converted to an integer",
    TrapCode.UNREACHABLE: "the guest gave up: compilers put this instruction where a panic, an abort or a failed\n"
    "assertion ends, and where they believe that control cannot come",
    TrapCode.INTERRUPT: "the host stopped the guest; -W timeout=TIME sets the limit",
    TrapCode.OUT_OF_FUEL: "as many instructions were executed as the host allowed; -W fuel=N sets the limit",
    TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY: "nobody could ever wake the guest: its memory is not shared",
    TrapCode.ALLOCATION_TOO_LARGE: "structures, arrays and exceptions take more than the host allows;\n"
    "-W max-gc-heap-size=SIZE sets the limit",
    TrapCode.NULL_REFERENCE: "the reference was null",
    TrapCode.ARRAY_OUT_OF_BOUNDS: "the array has no such element",
    TrapCode.CAST_FAILURE: "the reference is to an object of another type",
}


def _explain(trap: Trap, locator: Locator) -> list[str]:
    lines: list[str] = []
    frame = trap.frames[0] if trap.frames else None
    text = None if frame is None else _text(frame)
    if frame is not None and text is not None:
        name = "" if frame.func_name is None else f" (${frame.func_name})"
        offsets = locator.offsets(frame)
        at = "" if offsets is None else f", at offset {offsets[0]:#x}"
        lines.append(f"instruction: {text}")
        lines.append(f"      place: instruction {frame.instr} of func {frame.func_index}{name}{at}")
    if trap.message != trap.report:
        lines.append(f"     detail: {trap.message}")
    if trap.fault is not None and frame is not None:
        lines += _fault(trap.fault, frame)
    meaning = _MEANING.get(trap.code)
    # A report in other words means something else than its code usually does.
    if meaning is not None and trap.report == REPORT_TEXT[trap.code]:
        first, *more = meaning.split("\n")
        lines += [f"    meaning: {first}", *(f"             {line}" for line in more)]
    return lines


def _fault(fault: MemoryFault, frame: Frame) -> list[str]:
    lines = []
    instr = _instr(frame)
    if instr is not None and instr.args and isinstance(instr.args[0], MemArg):
        arg: MemArg = instr.args[0]
        width = instr.op.width
        base = fault.address - arg.offset
        lines.append(f"    address: {fault.address:#x} = operand {base:#x} + offset {arg.offset:#x}")
        lines.append(f"       size: {width} byte{'s' if width > 1 else ''}, up to {fault.address + width - 1:#x}")
    else:
        lines.append(f"    address: {fault.address:#x}")
    last = f", the last at {fault.size - 1:#x}" if fault.size else ""
    lines.append(f"     memory: {fault.size:#x} bytes{last}")
    return lines


def _instr(frame: Frame) -> Instr | None:
    if frame.code is None:
        return None
    instr: Instr = frame.code.program.module.funcs[frame.code.index].body[frame.instr]
    return instr
