"""The connection: over the process's own streams, or over TCP with one client at a time.

A thread reads, so that a client is heard while the guest runs; requests are answered by the caller's thread.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from refsfi.debug.dap.adapter import Adapter, Ending
from refsfi.debug.dap.guest import Launcher
from refsfi.debug.dap.inbox import Inbox
from refsfi.debug.dap.protocol import Framer, frame

__all__ = ["serve_connections", "serve_streams"]

_CHUNK: Final = 1 << 16


def serve_streams(launcher: Launcher, read: int, write: int) -> None:
    """One client, on two descriptors, until it leaves or is gone."""

    def send(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(write, rest) :]

    _serve(launcher, partial(os.read, read, _CHUNK), send)


def serve_connections(launcher: Launcher, listener: socket.socket, say: Callable[[str], None]) -> None:
    """Clients, one after the other. A guest of the command line is debugged until a client ends it or lets it go; one
    whose client is lost waits where it is. Without such a guest there is no end. `say` is told what happens."""
    while True:
        connection, address = listener.accept()
        say(f"{address[0]}:{address[1]} is connected")
        with connection:
            # Answers are small, and the client waits for each.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ending = _serve(launcher, partial(connection.recv, _CHUNK), connection.sendall, connection)
        if ending is Ending.LEFT and launcher.given is not None:
            return
        say(
            "the client has left" if ending is Ending.LEFT else "the connection was lost: the next client is waited for"
        )


def _serve(
    launcher: Launcher,
    receive: Callable[[], bytes],
    send: Callable[[bytes], None],
    connection: socket.socket | None = None,
) -> Ending:
    inbox = Inbox()

    def read() -> None:
        framer = Framer()
        try:
            while data := receive():
                for item in framer.feed(data):
                    inbox.put(item)
        except OSError:
            # The client is gone.
            pass
        inbox.close()

    adapter = Adapter(launcher, inbox, lambda message: send(frame(message)))
    reader = threading.Thread(target=read, name="refsfi-dap", daemon=True)
    reader.start()
    try:
        ending = adapter.serve()
    except OSError:
        # The client is gone in the middle of what we say.
        ending = Ending.LOST
    finally:
        adapter.close()
        if connection is not None:
            _shut_down(connection)
            reader.join()
    return ending


def _shut_down(connection: socket.socket) -> None:
    """Wake the thread that reads."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is broken already.
        pass
