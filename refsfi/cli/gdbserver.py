"""`-g [ADDR:]PORT`: a guest that waits for LLDB."""

from __future__ import annotations

from refsfi.cli.debuggee import Debuggee
from refsfi.cli.options import UsageError
from refsfi.cli.report import EXIT_TRAP, Failure, complain, reason
from refsfi.cli.session import Settings
from refsfi.debug.gdbremote import Image, listen, serve
from refsfi.debug.journal import Journal
from refsfi.debug.model import Reason, Stop
from refsfi.debug.session import Session

__all__ = ["exit_code", "parse_address", "serve_gdb"]


def parse_address(option: str, text: str) -> tuple[str, int]:
    """`[ADDR:]PORT`, of this machine only if no address is given; brackets around an IPv6 one may be left out.
    UsageError."""
    host, _, digits = text.rpartition(":")
    if not digits.isascii() or not digits.isdigit() or int(digits) > 65535:
        raise UsageError(f"{option} {text}: [ADDR:]PORT expected, with a port from 0, any that is free, to 65535")
    return host.strip("[]") or "127.0.0.1", int(digits)


def serve_gdb(settings: Settings, data: bytes) -> int:
    """Debug the module `data` for clients at the address that the settings name; the exit code. Failure, UsageError."""
    host, port = parse_address("-g", settings.gdb or "")
    journal = Journal()
    debuggee = Debuggee(settings, journal.note, encoded=True)
    try:
        session = Session(debuggee.target(data), journal=journal)
        images = [Image(file.program.module, file.path, file.data) for file in debuggee.files]
        try:
            listener = listen(host, port)
        except OSError as error:
            raise Failure(f"cannot listen at {host}:{port}: {reason(error)}; another port may be free") from None
        with listener:
            port = listener.getsockname()[1]
            complain(f"waiting for a debugger: (lldb) process connect --plugin wasm connect://{host}:{port}")
            detached = serve(session, images, listener, complain)
        stop = session.stop
        while detached and not stop.over:
            stop = session.run()
        return exit_code(stop)
    finally:
        debuggee.close()


def exit_code(stop: Stop) -> int:
    """Of a command, for a guest that stands there: 0 where the user has ended a run that was not over."""
    if stop.reason is Reason.EXIT:
        code = stop.code or 0
        return code & 0xFF or (1 if code else 0)
    return EXIT_TRAP if stop.over else 0
