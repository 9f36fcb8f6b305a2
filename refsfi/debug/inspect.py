"""Looking at frames and variables, and changing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refsfi.debug.counted import DebugProgram
from refsfi.debug.executor import to_stepwise
from refsfi.debug.model import DebugError, FrameView, Place, Variable
from refsfi.debug.shapes import shape_at
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import Frame, Instance, Store
from refsfi.runtime.values import Value, func_type, ref_accepts
from refsfi.syntax.module import Instr
from refsfi.syntax.types import V128, NumType, RefType, ValType

__all__ = ["check_value", "frame_at", "pc_of", "place_of", "view", "views"]


def frame_at(store: Store, level: int) -> Frame:
    """The frame `level` calls out of the innermost one. DebugError."""
    frame = store.frame
    while frame is not None:
        if frame.code is not None:
            if level == 0:
                return frame
            level -= 1
        frame = frame.caller
    raise DebugError("there is no such frame")


def pc_of(store: Store, frame: Frame) -> int:
    """Where a frame is: the next instruction of the innermost one, the call of a caller."""
    to_stepwise(frame)
    return frame.ip if frame is store.frame else frame.ip - 1


def place_of(store: Store, frame: Frame) -> Place:
    code = _code(frame)
    program = code.program
    # People know the program that they have given.
    original = program.original if isinstance(program, DebugProgram) else program
    return Place(original, code.func_index, pc_of(store, frame))


def views(store: Store, instances: Sequence[Instance], limit: int | None = None) -> list[FrameView]:
    """The activations, innermost first."""
    found: list[FrameView] = []
    frame = store.frame
    across = False
    while frame is not None and (limit is None or len(found) < limit):
        if frame.code is None:
            across = True
        else:
            found.append(view(store, instances, frame, len(found), across))
            across = False
        frame = frame.caller
    return found


def view(store: Store, instances: Sequence[Instance], frame: Frame, level: int, across: bool = False) -> FrameView:
    place = place_of(store, frame)
    code = _code(frame)
    names = code.program.module.names.locals.get(code.func_index, {})
    locals = tuple(
        Variable(f"${names[i]}" if i in names else f"${i}", type, frame.regs[i], ("local", level, i))
        for i, type in enumerate(code.program.info.local_types[code.index])
    )
    shape = shape_at(code, place.pc)
    # What a call takes is not on the stack any more.
    count = len(shape.operands) if frame is store.frame else len(shape.operands) - taken(frame, place.instr)
    operands = tuple(
        Variable(f"%{i}", shape.operands[i], frame.regs[code.nlocals + i], ("operand", level, i)) for i in range(count)
    )
    index = next(i for i, inst in enumerate(instances) if inst is frame.inst)
    return FrameView(level, place, frame.inst, index, locals, operands, shape.labels, across)


def taken(frame: Frame, instr: Instr) -> int:
    """How many operands a call takes."""
    info = frame.inst.program.info
    if instr.op.mnemonic == "call":
        return len(func_type(info.funcs[instr.args[0]]).params)
    return len(func_type(info.types[instr.args[0]]).params) + 1


def _code(frame: Frame) -> FuncCode:
    if frame.code is None:
        raise DebugError("the host's frame executes no instruction")
    return frame.code


def check_value(value: Any, type: ValType | None) -> Value:
    """A value for something of that type, integers of either sign. DebugError."""
    if isinstance(type, NumType) and type is not V128:
        bits = 32 if str(type) in ("i32", "f32") else 64
        if not isinstance(value, int) or not -(1 << bits - 1) <= value < 1 << bits:
            raise DebugError(f"{value!r} is no value of type {type}")
        return value & ((1 << bits) - 1)
    if type is V128:
        if not isinstance(value, bytes) or len(value) != 16:
            raise DebugError("a v128 is 16 bytes")
        return value
    if isinstance(type, RefType) and not isinstance(value, int | bytes) and ref_accepts(type, value):
        return value
    raise DebugError(f"{value!r} is no value of type {type}")
