"""Debug information in the DWARF format, versions 2 to 5, as compilers put it into custom sections of a module.

What is read was written by whoever made the module, so every read is bounded by the bytes that there are, and all
work by a budget in proportion to them (`cursor.Budget`). Nothing is read before somebody asks for it.

Addresses are relative to the contents of the code section, as the convention for WebAssembly has it; the interface
takes and gives file offsets.
"""

from __future__ import annotations

from refsfi.debug.dwarf.cursor import DwarfError
from refsfi.debug.dwarf.info import DebugInfo, SourceFrame, debug_info, debug_info_hint
from refsfi.debug.dwarf.variables import SourceVariable, State

__all__ = ["DebugInfo", "DwarfError", "SourceFrame", "SourceVariable", "State", "debug_info", "debug_info_hint"]
