"""The debugger's face for editors: the Debug Adapter Protocol.

https://microsoft.github.io/debug-adapter-protocol/specification
"""

from __future__ import annotations

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.guest import Guest, Launcher, Output
from refsfi.debug.dap.server import serve_connections, serve_streams

__all__ = ["Arguments", "Guest", "Launcher", "Output", "serve_connections", "serve_streams"]
