"""A client of the Debug Adapter Protocol, as small as can be, over a server's standard streams or over TCP."""

from __future__ import annotations

import json
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from refsfi.cli.dapserver import GuestLauncher
from refsfi.debug.dap import serve_streams

__all__ = ["Client", "adapter", "connected", "served", "served_here"]

_ROOT = Path(__file__).parents[2]


class Client:
    """`request` waits for the response and keeps the events that come before it, for `event`."""

    def __init__(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        self._write = write
        self._seq = 0
        self.events: list[dict[str, Any]] = []
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, args=(read,), daemon=True).start()

    def _read(self, read: Callable[[], bytes]) -> None:
        buffer = b""
        try:
            while data := read():
                buffer += data
                while (end := buffer.find(b"\r\n\r\n")) >= 0:
                    size = int(buffer[:end].partition(b":")[2])
                    if len(buffer) < end + 4 + size:
                        break
                    self._messages.put(json.loads(buffer[end + 4 : end + 4 + size]))
                    buffer = buffer[end + 4 + size :]
        except (OSError, ValueError):
            pass
        self._messages.put(None)

    def raw(self, data: bytes) -> None:
        self._write(data)

    def send(self, command: str, **arguments: Any) -> int:
        self._seq += 1
        body = json.dumps({"seq": self._seq, "type": "request", "command": command, "arguments": arguments}).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        return self._seq

    def next(self) -> dict[str, Any]:
        message = self._messages.get(timeout=30)
        assert message is not None, "the adapter has closed the connection"
        return message

    def closed(self) -> bool:
        """Whether the adapter has nothing more to say, and closes the connection."""
        return self._messages.get(timeout=30) is None

    def response(self, seq: int) -> dict[str, Any]:
        while True:
            message = self.next()
            if message["type"] == "event":
                self.events.append(message)
            elif message["request_seq"] == seq:
                return message

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The body of a response that is a success."""
        response = self.response(self.send(command, **arguments))
        assert response["success"], response
        return response.get("body", {})

    def refused(self, command: str, **arguments: Any) -> str:
        """Why a request fails."""
        response = self.response(self.send(command, **arguments))
        assert not response["success"], response
        return response["message"]

    def event(self, name: str) -> dict[str, Any]:
        """The body of the next event of that name; those in front of it are passed over, but for output."""
        kept = [e for e in self.events if e["event"] == "output"]
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["event"] == name:
                    self.events = [e for e in kept if e is not event] + self.events if name != "output" else self.events
                    return event.get("body", {})
            message = self.next()
            if message["type"] == "event":
                self.events.append(message)
                if message["event"] == "output":
                    kept.append(message)

    def output(self, category: str) -> str:
        """What has been put out so far."""
        return "".join(
            e["body"]["output"] for e in self.events if e["event"] == "output" and e["body"]["category"] == category
        )

    # --- usual ways

    def initialize(self) -> dict[str, Any]:
        return self.ask("initialize", adapterID="refsfi", clientID="tests", supportsMemoryEvent=True)

    def launch(self, program: Path | str, **more: Any) -> None:
        self.initialize()
        self.ask("launch", program=str(program), **more)
        self.event("initialized")

    def go(self) -> dict[str, Any]:
        """End the configuration; the first stop."""
        self.ask("configurationDone")
        return self.event("stopped")

    def move(self, command: str, **more: Any) -> dict[str, Any]:
        self.ask(command, threadId=1, **more)
        return self.event("stopped")

    def top(self) -> dict[str, Any]:
        return self.ask("stackTrace", threadId=1)["stackFrames"][0]

    def scope(self, name: str, frame: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
        """The variables of a scope, by name."""
        scopes = self.ask("scopes", frameId=(frame or self.top())["id"])["scopes"]
        reference = next(s["variablesReference"] for s in scopes if s["name"] == name)
        return {v["name"]: v for v in self.ask("variables", variablesReference=reference)["variables"]}

    def value(self, expression: str, **more: Any) -> str:
        result: str = self.ask("evaluate", expression=expression, **more)["result"]
        return result


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "refsfi", "debug", *arguments]


@contextmanager
def served_here() -> Iterator[Client]:
    """An adapter in a thread."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        end = theirs.fileno()
        thread = threading.Thread(target=serve_streams, args=(GuestLauncher(None, b""), end, end), daemon=True)
        thread.start()
        client = Client(lambda: ours.recv(1 << 16), ours.sendall)
        yield client
        client.send("disconnect")
        thread.join(30)
        assert not thread.is_alive(), "the adapter goes on without a client"
        ours.shutdown(socket.SHUT_RDWR)
        for reader in threading.enumerate():
            # The descriptor that it reads is somebody else's once it is closed here.
            if reader.name == "refsfi-dap":
                reader.join(30)


@contextmanager
def adapter(*arguments: str) -> Iterator[Client]:
    """An adapter on its standard streams, which is gone when its client has left."""
    with subprocess.Popen(
        _command(["--dap", *arguments]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, cwd=_ROOT
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None
        client = Client(lambda: stdout.read(1 << 16), stdin.write)
        try:
            yield client
            client.send("disconnect")
            assert process.wait(30) == 0
        finally:
            process.kill()


@contextmanager
def served(*arguments: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """An adapter at a port."""
    with subprocess.Popen(_command(["--dap=0", *arguments]), stderr=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stderr is not None
        try:
            announced = process.stderr.readline()
            assert "waiting for a debug adapter's client at 127.0.0.1:" in announced, announced
            yield int(announced.rpartition(":")[2]), process
        finally:
            process.kill()


@contextmanager
def connected(port: int) -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        yield Client(lambda: connection.recv(1 << 16), connection.sendall)
        # The thread that reads holds it as well.
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
