"""Errors that are no traps: what was wrong with a module, an argument or the way the interface was used."""

from __future__ import annotations

from refsfi.api.managed import Managed
from refsfi.errors import DecodeError, LimitError, ParseError, ValidationError, WasmError

__all__ = ["ExitTrap", "WasmtimeError", "refused"]


class WasmtimeError(Exception, Managed):
    """The base of what the interface raises on its own account. `__cause__` is the phase's own error, with its
    position, where there is one: DecodeError, ParseError, ValidationError, LinkError, LimitError (`refsfi.errors`)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ExitTrap(WasmtimeError):
    """The guest ended itself through WASI's `proc_exit`. `code` is what it passed, 0 to 2**32 - 1."""

    code: int

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 0


def refused(error: WasmError) -> WasmtimeError:
    """What embedders get to read about a module that is none, or is not valid; the error itself as `__cause__`."""
    if isinstance(error, ParseError):
        made = WasmtimeError(f"failed to parse text module: {error}")
    elif isinstance(error, DecodeError):
        made = WasmtimeError(f"failed to parse WebAssembly module\n\nCaused by:\n    {error}\n")
    elif isinstance(error, ValidationError | LimitError):
        made = WasmtimeError(f"failed to validate WebAssembly module\n\nCaused by:\n    {error}\n")
    else:
        made = WasmtimeError(str(error))
    made.__cause__ = error
    return made
