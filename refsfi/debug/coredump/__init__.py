"""Core dumps in the format of the WebAssembly tool conventions: a module that is never instantiated, with the memories
and globals of a guest that failed, and its stack in custom sections.

    core           00 name                             the program
    coremodules    vec(00 name)
    coreinstances  vec(00 module vec(memory) vec(global))      indices in this file
    corestack      00 thread-name vec(frame)
    frame          00 instance function offset vec(value) vec(value)      locals, operands
    value          01 | 7F s32 | 7E s64 | 7D 4 bytes | 7C 8 bytes         01: not in the file

Numbers are LEB128. A frame's offset is that of the instruction in the body of its function, behind the body's size.
"""

from __future__ import annotations

from refsfi.debug.coredump.core import Core, CoreError, CoreFrame, CoreInstance, CoreMemory, CoreThread
from refsfi.debug.coredump.read import read_core
from refsfi.debug.coredump.views import core_views, instances_of
from refsfi.debug.coredump.write import CoreDump

__all__ = [
    "Core",
    "CoreDump",
    "CoreError",
    "CoreFrame",
    "CoreInstance",
    "CoreMemory",
    "CoreThread",
    "core_views",
    "instances_of",
    "read_core",
]
