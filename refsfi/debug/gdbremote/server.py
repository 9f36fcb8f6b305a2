"""The connection: one client at a time, whose loss does the guest no harm.

A thread reads, so that an interrupt gets through while the guest runs; packets are answered by the caller's thread.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final

from refsfi.debug.gdbremote.packets import Framer, Garbled, Item, Signal, frame
from refsfi.debug.gdbremote.stub import Stub
from refsfi.debug.session import Session
from refsfi.debug.target import Image

__all__ = ["serve"]

_CHUNK: Final = 1 << 16


def serve(session: Session, images: Sequence[Image], listener: socket.socket, say: Callable[[str], None]) -> bool:
    """Answer clients until one ends the session or the guest; whether it took its leave, so that the guest is to go on
    without it. When a connection is lost, the guest stays where it is and waits for the next client. `say` is told what
    happens.

    Raises what `Session`'s commands raise when the guest's functions cannot be prepared or the host's fail; the client
    has been told.
    """
    stub = Stub(session, images)
    while not stub.over:
        connection, address = listener.accept()
        say(f"{address[0]}:{address[1]} is connected")
        with connection:
            _Client(stub, connection).serve()
        if not stub.over:
            say("the connection was lost: the guest waits where it is for the next one")
    return stub.detached


class _Client:
    def __init__(self, stub: Stub, connection: socket.socket) -> None:
        self._stub = stub
        self._connection = connection
        self._items: SimpleQueue[Item | None] = SimpleQueue()
        self._acknowledge = True
        self._last = b""
        # Packets that have come and are not answered yet: without one there is nothing to interrupt.
        self._waiting = 0
        self._lock = threading.Lock()
        # Answers are small, and the client waits for each.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        """Until the client leaves, or the connection breaks."""
        reader = threading.Thread(target=self._read, name="refsfi-gdb-remote", daemon=True)
        reader.start()
        try:
            while not self._stub.over:
                item = self._items.get()
                if item is None:
                    return
                self._handle(item)
                with self._lock:
                    self._waiting -= 1
        except OSError:
            # The client is gone in the middle of our answer.
            return
        finally:
            _shut_down(self._connection)
            reader.join()

    def _read(self) -> None:
        framer = Framer()
        try:
            while data := self._connection.recv(_CHUNK):
                for item in framer.feed(data):
                    if item is not Signal.INTERRUPT:
                        self._came(item)
                    elif self._waiting:
                        self._stub.session.pause()
        except OSError:
            # The client is gone.
            pass
        if self._waiting:
            # Nobody else would stop a guest that runs for ever.
            self._stub.session.pause()
        self._items.put(None)

    def _came(self, item: Item) -> None:
        with self._lock:
            self._waiting += 1
        self._items.put(item)

    def _handle(self, item: Item) -> None:
        if isinstance(item, Signal):
            if item is Signal.NAK and self._last:
                self._connection.sendall(self._last)
            return
        if isinstance(item, Garbled):
            if self._acknowledge:
                self._connection.sendall(b"-")
            return
        if self._acknowledge:
            self._connection.sendall(b"+")
        self._send(self._stub.answer(item))
        if item == b"QStartNoAckMode":
            self._acknowledge = False

    def _send(self, reply: str) -> None:
        self._last = frame(reply.encode("latin-1"))
        self._connection.sendall(self._last)


def _shut_down(connection: socket.socket) -> None:
    """Wake the thread that reads."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is broken already.
        pass
