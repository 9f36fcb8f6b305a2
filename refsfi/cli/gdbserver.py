"""`-g [ADDR:]PORT`: a guest that waits for LLDB."""

from __future__ import annotations

from refsfi.cli.debuggee import Debuggee, exit_code
from refsfi.cli.ports import open_port, parse_address
from refsfi.cli.report import complain
from refsfi.cli.session import Settings
from refsfi.debug.gdbremote import serve
from refsfi.debug.journal import Journal
from refsfi.debug.session import Session

__all__ = ["serve_gdb"]


def serve_gdb(settings: Settings, data: bytes) -> int:
    """Debug the module `data` for clients at the address that the settings name; the exit code. Failure, UsageError."""
    host, port = parse_address("-g", settings.gdb or "")
    journal = Journal()
    debuggee = Debuggee(settings, journal.note, encoded=True)
    try:
        session = Session(debuggee.target(data), journal=journal)
        with open_port(host, port) as listener:
            port = listener.getsockname()[1]
            complain(f"waiting for a debugger: (lldb) process connect --plugin wasm connect://{host}:{port}")
            detached = serve(session, debuggee.images, listener, complain)
        stop = session.stop
        while detached and not stop.over:
            stop = session.run()
        return exit_code(stop)
    finally:
        debuggee.close()
