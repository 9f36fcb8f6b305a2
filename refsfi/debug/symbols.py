"""From frames of backtraces to places in the source, by the debug information of their modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from refsfi.debug.dwarf import DebugInfo, SourceFrame, SourceVariable, debug_info
from refsfi.debug.liveness import kept_locals
from refsfi.debug.model import FrameView, Place
from refsfi.errors import Frame
from refsfi.exec.code import Program
from refsfi.exec.postmortem import Activation
from refsfi.runtime.store import Instance

__all__ = [
    "FrameState",
    "SourceMap",
    "base_name",
    "info_of",
    "problems",
    "source_frames",
    "variables_of",
    "variables_of_view",
]

_KNOWN: WeakKeyDictionary[Program, DebugInfo | None] = WeakKeyDictionary()


def info_of(program: Program) -> DebugInfo | None:
    """A program's debug information, looked for once; None where there is none."""
    if program not in _KNOWN:
        _KNOWN[program] = debug_info(program.module)
    return _KNOWN[program]


def source_frames(frame: Frame) -> list[SourceFrame]:
    """The function that a frame is in and its place in the source, behind those that are inlined there; empty where the
    module does not say."""
    if frame.code is None or frame.module_offset is None:
        return []
    info = info_of(frame.code.program)
    return [] if info is None else info.locate(frame.module_offset)


def problems(frames: Sequence[Frame]) -> list[str]:
    """What was wrong with the debug information that these frames were looked up in: a line for each module."""
    programs = dict.fromkeys(frame.code.program for frame in frames if frame.code is not None)
    found = []
    for program in programs:
        info = _KNOWN.get(program)
        if info is not None and info.problems:
            module = program.module.names.module
            found.append(f"{'' if module is None else f'{module}: '}{info.problems[0]}")
    return found


class FrameState:
    """What variables of the source are read from: a frame's values, and its instance."""

    def __init__(self, locals: Sequence[Any], operands: Sequence[Any], instance: Instance) -> None:
        self._locals = locals
        self._operands = operands
        self._instance = instance

    def local(self, index: int) -> int | None:
        return _number(self._locals, index)

    def operand(self, index: int) -> int | None:
        return _number(self._operands, index)

    def global_(self, index: int) -> int | None:
        globals = self._instance.globals
        return _number([globals[index].value], 0) if index < len(globals) else None

    def memory(self, address: int, size: int) -> bytes:
        mems = self._instance.mems
        return bytes(mems[0].data[address : address + size]) if mems and address >= 0 else b""


def _number(values: Sequence[Any], index: int) -> int | None:
    value = values[index] if index < len(values) else None
    return value if isinstance(value, int) else None


def variables_of(activation: Activation) -> list[SourceVariable]:
    """The source's variables in a frame that has failed, innermost scope first."""
    state = FrameState(kept_locals(activation), activation.operands(), activation.instance)
    return _variables(activation.code.program, activation.code.func_index, activation.pc, state)


def variables_of_view(view: FrameView) -> list[SourceVariable]:
    """Those in a frame of a live session or of a core dump."""
    state = FrameState([v.value for v in view.locals], [v.value for v in view.operands], view.instance)
    return _variables(view.place.program, view.place.func_index, view.place.pc, state)


def _variables(program: Program, func_index: int, pc: int, state: FrameState) -> list[SourceVariable]:
    info = info_of(program)
    if info is None:
        return []
    offset = program.module.funcs[func_index - program.imported_funcs].body[pc].at
    return info.variables(offset, state)


class SourceMap:
    """From places to the source, by debug information. What has been found is remembered."""

    def __init__(self) -> None:
        self._frames: dict[Place, tuple[SourceFrame, ...]] = {}

    def frames(self, place: Place) -> tuple[SourceFrame, ...]:
        """The function at a place, behind those that are inlined there."""
        found = self._frames.get(place)
        if found is None:
            info = info_of(place.program)
            found = () if info is None or place.offset is None else tuple(info.locate(place.offset))
            self._frames[place] = found
        return found

    def source(self, place: Place) -> SourceFrame | None:
        """The innermost of these, where file and line are known."""
        frames = self.frames(place)
        return frames[0] if frames and frames[0].file and frames[0].line else None


def base_name(path: str) -> str:
    """The last part of a path, of whichever system it is."""
    return path.replace("\\", "/").rpartition("/")[2]
