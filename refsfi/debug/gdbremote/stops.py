"""Why the guest stands still, in the protocol's words."""

from __future__ import annotations

from typing import Final

from refsfi.debug.model import Reason, Stop

__all__ = ["EXIT_TRAP", "exit_reply", "stop_reply"]

# The exit code of a guest that trapped, as on the command line.
EXIT_TRAP: Final = 134

# SIGTRAP, SIGINT, SIGSEGV: what the client shows as the signal that stopped the guest.
_TRAP: Final = 5
_SIGNALS: Final = {Reason.PAUSE: 2, Reason.TRAP: 11, Reason.EXCEPTION: 6}

_REASONS: Final = {
    Reason.ENTRY: "trace",
    Reason.STEP: "trace",
    Reason.BREAKPOINT: "breakpoint",
    Reason.CALL: "breakpoint",
    Reason.WATCHPOINT: "watchpoint",
    Reason.PAUSE: "signal",
    Reason.TRAP: "exception",
    Reason.EXCEPTION: "exception",
    Reason.DEADLOCK: "exception",
    Reason.EXIT: "exception",
    Reason.HISTORY_BEGIN: "history boundary",
    Reason.HISTORY_END: "history boundary",
}


def stop_reply(stop: Stop, pc: int, watched: tuple[str, int] | None) -> str:
    """A stop of the only thread, in front of address `pc`. `watched`: the kind of watchpoint that was hit and the
    address that it watches, as the client gave them."""
    signal = _SIGNALS.get(stop.reason, _TRAP)
    fields = ["thread:1", "name:main", f"thread-pcs:{pc:x}", f"00:{pc.to_bytes(8, 'little').hex()}"]
    description = stop.message
    if watched is not None:
        kind, at = watched
        fields.append(f"{kind}:{at:x}")
    if stop.reason is Reason.HISTORY_BEGIN:
        fields.append("replaylog:begin")
    elif stop.reason is Reason.HISTORY_END:
        fields.append("replaylog:end")
    fields.append(f"reason:{_REASONS[stop.reason]}")
    if description:
        fields.append(f"description:{description.encode().hex()}")
    return f"T{signal:02x}{';'.join(fields)};"


def exit_reply(stop: Stop) -> str:
    """The guest is gone."""
    code = stop.code if stop.reason is Reason.EXIT else EXIT_TRAP
    return f"W{(code or 0) & 0xFF:02x}"
