"""The debugger's face for LLDB: the gdb remote serial protocol with the packets that LLDB knows for WebAssembly.

GDB manual, appendix E; LLDB's documentation of its extensions, "lldb-gdb-remote".
"""

from __future__ import annotations

from refsfi.debug.gdbremote.server import serve

__all__ = ["serve"]
