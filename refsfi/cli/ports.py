"""The ports at which commands wait for clients."""

from __future__ import annotations

import socket

from refsfi.cli.options import UsageError
from refsfi.cli.report import Failure, reason
from refsfi.debug.sockets import listen

__all__ = ["open_port", "parse_address"]


def parse_address(option: str, text: str) -> tuple[str, int]:
    """`[ADDR:]PORT`, of this machine only if no address is given; brackets around an IPv6 one may be left out.
    UsageError."""
    host, _, digits = text.rpartition(":")
    if not digits.isascii() or not digits.isdigit() or int(digits) > 65535:
        raise UsageError(f"{option} {text}: [ADDR:]PORT expected, with a port from 0, any that is free, to 65535")
    return host.strip("[]") or "127.0.0.1", int(digits)


def open_port(host: str, port: int) -> socket.socket:
    """Failure where nobody can wait there."""
    try:
        return listen(host, port)
    except OSError as error:
        raise Failure(f"cannot listen at {host}:{port}: {reason(error)}; another port may be free") from None
