"""Why the guest stands still, in the protocol's words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from refsfi.debug.breakpoints import Breakpoint
from refsfi.debug.model import Reason, Stop, WatchHit
from refsfi.runtime.show import show_value

__all__ = ["EXIT_TRAP", "ending", "stopped"]

# The exit code of a guest that trapped, as on the command line.
EXIT_TRAP: Final = 134

# Reason -> the protocol's, and what to say where the stop itself says nothing.
_REASONS: Final = {
    Reason.ENTRY: ("entry", "before the first instruction"),
    Reason.STEP: ("step", ""),
    Reason.BREAKPOINT: ("breakpoint", ""),
    Reason.WATCHPOINT: ("data breakpoint", ""),
    Reason.TRAP: ("exception", "trap"),
    Reason.EXCEPTION: ("exception", "uncaught exception"),
    Reason.PAUSE: ("pause", ""),
    Reason.EXIT: ("exit", "the guest has ended"),
    Reason.CALL: ("function breakpoint", ""),
    Reason.DEADLOCK: ("exception", "deadlock"),
    Reason.HISTORY_BEGIN: ("entry", "the beginning of the run"),
    Reason.HISTORY_END: ("pause", "the end of what was recorded"),
}

# What was set -> why the guest stops there.
_KINDS: Final = {
    "function": "function breakpoint",
    "instruction": "instruction breakpoint",
    "data": "data breakpoint",
    "exception": "exception",
}


def stopped(stop: Stop, kind: str, ids: Sequence[int], breakpoints: Iterable[Breakpoint]) -> dict[str, Any]:
    """The body of the event. `kind` and `ids` are of the client's breakpoints that were hit."""
    reason, description = _REASONS[stop.reason]
    if stop.reason in (Reason.BREAKPOINT, Reason.CALL):
        reason = _KINDS.get(kind, reason)
    text = stop.message or (_watched(stop.watch) if stop.watch is not None else "")
    trouble = [b.trouble for b in breakpoints if b.number in stop.hits and b.trouble]
    if trouble:
        text = f"the breakpoint's condition cannot be evaluated: {trouble[0]}"
    body: dict[str, Any] = {"reason": reason, "threadId": 1, "allThreadsStopped": True}
    if text:
        body["text"] = text
    if description or text:
        body["description"] = description or text
    if ids:
        body["hitBreakpointIds"] = list(ids)
    return body


def _watched(hit: WatchHit) -> str:
    if hit.access == "read" or hit.old == hit.new:
        return f"{hit.what}: {hit.access} {_shown(hit.new)}"
    return f"{hit.what}: {_shown(hit.old)} -> {_shown(hit.new)}"


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{int.from_bytes(value, 'little'):#x}" if len(value) <= 8 else value.hex(" ", 4)
    return str(value)


def ending(stop: Stop) -> tuple[int, list[tuple[str, str]]]:
    """The guest's exit code, and (category, line) of what is said at its end: the results of a function, or why it
    failed."""
    if stop.reason is Reason.EXIT:
        results = [show_value(value, type) for value, type in zip(stop.results, stop.types, strict=True)]
        code = stop.code or 0
        return code & 0xFF or (1 if code else 0), [("stdout", result) for result in results]
    return EXIT_TRAP, [("stderr", line) for line in stop.message.splitlines()]
