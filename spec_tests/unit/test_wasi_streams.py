"""WASI: standard input and output from descriptors, files, bytes, Python objects."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from refsfi.errors import Exhaustion, TrapCode
from refsfi.host.wasi.abi import FDSTAT, Errno
from spec_tests.unit.wasi_support import BUFFER, OUT, WasiGuest


def test_nothing_is_given() -> None:
    guest = WasiGuest()
    assert guest.read(0, 10) == b""
    assert guest.write(1, b"abc") == 3
    assert guest.write(2, b"abc") == 3
    assert guest.call("fd_write", 0, [b"x"], OUT) is Errno.BADF
    assert guest.call("fd_read", 1, [1], OUT) is Errno.BADF


@pytest.mark.parametrize("kind", ["bytes", "file", "object", "text", "buffered", "descriptor"])
def test_inputs(kind: str, tmp_path: Path) -> None:
    data = "héllo wörld".encode()
    (tmp_path / "in").write_bytes(data)
    with open(tmp_path / "in", "rb") as file:
        options: dict[str, Any] = {
            "bytes": data,
            "file": tmp_path / "in",
            "object": io.BytesIO(data),
            "text": io.StringIO(data.decode()),
            "buffered": file,
            "descriptor": file.fileno(),
        }
        guest = WasiGuest(stdin=options[kind])
        assert guest.read(0, 4) == data[:4]
        guest.ok("fd_read", 0, [3, 100], OUT)
        rest = guest.bytes(BUFFER, guest.u32())
        while piece := guest.read(0, 100):
            rest += piece
        assert rest == data[4:]


@pytest.mark.parametrize("kind", ["call", "file", "object", "text", "descriptor"])
def test_outputs(kind: str, tmp_path: Path) -> None:
    pieces: list[bytes] = []
    binary, text = io.BytesIO(), io.StringIO()
    with open(tmp_path / "fd", "wb") as file:
        options: dict[str, Any] = {
            "call": pieces.append,
            "file": tmp_path / "out",
            "object": binary,
            "text": text,
            "descriptor": file.fileno(),
        }
        guest = WasiGuest(stdout=options[kind])
        guest.ok("fd_write", 1, [b"h\xc3", b"\xa9", b"", b"llo"], OUT)
        assert guest.u32() == 6
        written = {
            "call": lambda: b"".join(pieces),
            "file": (tmp_path / "out").read_bytes if kind == "file" else bytes,
            "object": binary.getvalue,
            "text": lambda: text.getvalue().encode(),
            "descriptor": (tmp_path / "fd").read_bytes,
        }[kind]()
        assert written == b"h\xc3\xa9llo"


def test_a_raw_stream_may_take_less() -> None:
    class Slow(io.RawIOBase):
        taken = b""

        def write(self, data: Any) -> int:
            self.taken += bytes(data[:2])
            return min(2, len(data))

    stream = Slow()
    assert WasiGuest(stdout=stream).write(1, b"abcde") == 5
    assert stream.taken == b"abcde"


def test_a_stream_without_data_yet() -> None:
    class Empty(io.RawIOBase):
        def read(self, size: int = -1) -> bytes | None:
            return None

    assert WasiGuest(stdin=Empty()).call("fd_read", 0, [1], OUT) is Errno.AGAIN


def test_more_than_was_asked_for_is_kept() -> None:
    class Generous:
        def __init__(self) -> None:
            self.lines = [b"one\n", b"two\n"]

        def read(self, size: int) -> bytes:
            return self.lines.pop(0) if self.lines else b""

    guest = WasiGuest(stdin=Generous())
    assert [guest.read(0, 3) for _ in range(5)] == [b"one", b"\n", b"two", b"\n", b""]


def test_what_a_hosts_function_raises_passes_through() -> None:
    def fail(data: bytes) -> None:
        raise OverflowError("full")

    guest = WasiGuest(stdout=fail)
    with pytest.raises(OverflowError, match="full"):
        guest.call("fd_write", 1, [b"x"], OUT)


def test_an_output_may_grow_the_guests_memory() -> None:
    written = []

    def grow(data: bytes) -> None:
        written.append(data)
        guest.memory.grow(1)

    guest = WasiGuest(stdout=grow)
    guest.ok("fd_write", 1, [b"one", b"two"], OUT)
    assert guest.u32() == 6
    assert guest.memory.pages == 3
    assert written == [b"one", b"two"]


def test_output_is_passed_on_in_pieces() -> None:
    sizes: list[int] = []
    guest = WasiGuest(stdout=lambda data: sizes.append(len(data)), pages=4)
    guest.ok("fd_write", 1, [0x28000], OUT)
    assert guest.u32() == 0x28000
    assert max(sizes) <= 0x10000


def test_a_closed_pipe_is_an_error_of_the_guest() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    guest = WasiGuest(stdout=writer)
    assert guest.call("fd_write", 1, [b"x"], OUT) is Errno.PIPE
    os.close(writer)


def test_a_terminal_is_a_character_device() -> None:
    controller, terminal = os.openpty()
    guest = WasiGuest(stdin=terminal, stdout=terminal)
    for fd, type in ((0, 2), (1, 2), (2, 0)):
        guest.ok("fd_fdstat_get", fd, OUT)
        assert FDSTAT.unpack(guest.bytes(OUT, 24))[0] == type
        assert guest.stat(fd).filetype == type
    os.close(controller)
    os.close(terminal)


def test_a_read_waits_for_data() -> None:
    reader, writer = os.pipe()
    guest = WasiGuest(stdin=reader)
    thread = threading.Timer(0.05, os.write, (writer, b"late"))
    thread.start()
    assert guest.read(0, 10) == b"late"
    thread.join()
    os.close(writer)
    assert guest.read(0, 10) == b""
    os.close(reader)


def test_an_input_that_does_not_block_is_waited_for_all_the_same() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    guest = WasiGuest(stdin=reader)
    thread = threading.Timer(0.05, os.write, (writer, b"late"))
    thread.start()
    assert guest.read(0, 10) == b"late"
    thread.join()
    # The host's descriptor is as it was.
    assert not os.get_blocking(reader)
    os.close(writer)
    os.close(reader)


@pytest.mark.parametrize("blocking", [True, False])
def test_a_slow_reader_gets_everything(blocking: bool) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    guest = WasiGuest(stdout=writer, pages=16)
    guest.memory.data[BUFFER : BUFFER + 0x80000] = os.urandom(0x80000)
    found = bytearray()

    def read() -> None:
        while piece := os.read(reader, 10_000):
            found.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    guest.ok("fd_write", 1, [0x80000], OUT)
    assert guest.u32() == 0x80000
    os.close(writer)
    thread.join()
    assert found == guest.bytes(BUFFER, 0x80000)
    os.close(reader)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_of_the_guest() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        assert WasiGuest(stdout=full.fileno()).call("fd_write", 1, [b"x"], OUT) is Errno.NOSPC
        assert WasiGuest(stdout=full).call("fd_write", 1, [b"x"], OUT) is Errno.NOSPC


@pytest.mark.parametrize("name", ["fd_read", "fd_write"])
def test_a_guest_that_waits_can_be_stopped(name: str) -> None:
    reader, writer = os.pipe()
    guest = WasiGuest(stdin=reader, stdout=writer, pages=32)
    timer = threading.Timer(0.05, setattr, (guest.store, "stop", Exhaustion(TrapCode.INTERRUPT)))
    timer.start()
    start = time.monotonic()
    with pytest.raises(Exhaustion):
        # More than the pipe holds, with nobody at its end.
        guest.call(name, 0 if name == "fd_read" else 1, [0x100000], OUT)
    assert time.monotonic() - start < 5
    timer.join()
    os.close(reader)
    os.close(writer)
