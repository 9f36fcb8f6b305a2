"""From frames of backtraces to places in the source, by the debug information of their modules."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from refsfi.debug.dwarf import DebugInfo, SourceFrame, debug_info
from refsfi.errors import Frame
from refsfi.exec.code import Program

__all__ = ["info_of", "source_frames"]

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
