"""The table of requests."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from refsfi.debug.dap.arguments import Arguments

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__ = ["HANDLERS", "Body", "Handler", "Needs", "request"]


class Needs(Enum):
    """What a request needs."""

    NOTHING = 0
    CLIENT = 1  # that the client has introduced itself
    GUEST = 2  # a guest; it may be running
    STOP = 3  # a guest that stands still


Body: TypeAlias = "dict[str, Any] | None"
Handler: TypeAlias = "Callable[[Adapter, Arguments], Body]"
HANDLERS: Final[dict[str, tuple[Needs, Handler]]] = {}


def request(name: str, needs: Needs = Needs.STOP) -> Callable[[Handler], Handler]:
    """Register the function that answers a request: it returns the body of the response, or raises DebugError."""

    def register(handler: Handler) -> Handler:
        HANDLERS[name] = needs, handler
        return handler

    return register
