"""A client of the gdb remote serial protocol, as small as can be, and a server to talk to in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from refsfi.binary.encode import encode
from refsfi.debug.gdbremote import serve
from refsfi.debug.session import Session
from refsfi.debug.sockets import listen
from refsfi.debug.target import Image, Target
from refsfi.exec.load import load_program
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module

__all__ = ["Client", "served", "session_of"]


def session_of(wat: str, function: str, *arguments: int) -> tuple[Session, Image]:
    """A session in front of a call, of the binary form of a text module."""
    data = encode(parse_module(wat, ALL))
    program = load_program(data, ALL, "guest.wasm")
    return Session(Target.of(program, {}, [(function, arguments)])), Image("guest.wasm", program, data)


@contextmanager
def served(session: Session, image: Image) -> Iterator[int]:
    """A server in a thread; its port. It ends when a client kills the guest or takes its leave."""
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=serve, args=(session, [image], listener, lambda line: None), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive(), "the server goes on without a client"
    finally:
        listener.close()


class Client:
    """Raw: sends payloads, checks sums, acknowledges."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def close(self) -> None:
        self.socket.close()

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, payload: str) -> None:
        data = payload.encode("latin-1")
        self.raw(b"$%b#%02x" % (data, sum(data) & 0xFF))

    def receive(self) -> str:
        """The next packet's payload; acknowledgements are skipped."""
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start)
            if 0 <= start < end and len(self._buffer) >= end + 3:
                payload, digits = self._buffer[start + 1 : end], self._buffer[end + 1 : end + 3]
                self._buffer = self._buffer[end + 3 :]
                assert sum(payload) & 0xFF == int(digits, 16)
                self.raw(b"+")
                return payload.decode("latin-1")
            data = self.socket.recv(4096)
            assert data, "the server has closed the connection"
            self._buffer += data

    def ask(self, payload: str) -> str:
        self.send(payload)
        return self.receive()
