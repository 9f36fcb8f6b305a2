"""The client's `monitor` commands: what the debugger can do and the protocol has no packet for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from refsfi.debug.model import DebugError

if TYPE_CHECKING:
    from refsfi.debug.gdbremote.stub import Stub

__all__ = ["monitor"]


def monitor(stub: Stub, text: str) -> str:
    """The answer to a command, in lines of text."""
    name, *arguments = text.split() or ["help"]
    command = _COMMANDS.get(name)
    if command is None:
        return f"there is no command {name!r}; try: monitor help"
    usage, _, run = command
    if len(arguments) != len(usage.split()):
        return f"usage: monitor {name} {usage}".rstrip()
    try:
        return run(stub, *arguments)
    except ValueError:
        return f"usage: monitor {name} {usage}; numbers are decimal, or hexadecimal with 0x"
    except DebugError as error:
        return f"error: {error}"


def _help(stub: Stub) -> str:
    return "\n".join(f"monitor {f'{name} {usage}':<24} {meaning}" for name, (usage, meaning, _) in _COMMANDS.items())


def _clock(stub: Stub) -> str:
    return f"{stub.session.clock} instructions have been executed"


def _rule(stub: Stub) -> str:
    return "\n".join(stub.session.rules()) or "no instruction is to be executed"


def _calls(stub: Stub) -> str:
    calls = stub.session.host_calls()[-_MOST_CALLS:]
    lines = [
        f"{call.clock:>12} {call.name} ({', '.join(map(str, call.arguments))}) {call.outcome or call.results}"
        for call in calls
    ]
    return "\n".join(lines) or "the host has not been called yet"


def _last_write(stub: Stub, address: str) -> str:
    write = stub.session.last_write(int(address, 0))
    if write is None:
        return f"the byte at {address} has not been written"
    who = write.host or ("instantiation" if write.place is None else f"{write.place} {write.place.instr.op.mnemonic}")
    return f"{who}, after {write.clock} instructions: {write.old} -> {write.new}"


def _why(stub: Stub) -> str:
    stop = stub.session.stop
    return f"{stop.reason}: {stop.message}" if stop.message else str(stop.reason)


def _stop_at_exit(stub: Stub, value: str) -> str:
    if value not in ("on", "off"):
        raise ValueError
    stub.stop_at_exit = value == "on"
    return f"the guest's exit is {'a stop, from which to go back' if stub.stop_at_exit else 'the end of the session'}"


_MOST_CALLS: Final = 20

# Name -> what follows it, what it does, how.
_COMMANDS: Final[dict[str, tuple[str, str, Callable[..., str]]]] = {
    "help": ("", "this list", _help),
    "why": ("", "why the guest stands still", _why),
    "clock": ("", "the position in time", _clock),
    "rule": ("", "the specification's rules for the next instruction", _rule),
    "calls": ("", "the last calls of the host, with their results", _calls),
    "last-write": ("ADDRESS", "who wrote this byte of memory last", _last_write),
    "stop-at-exit": ("on|off", "whether to stop where the guest ends", _stop_at_exit),
}
