"""Standard input and output: a descriptor of the host, bytes, a Python object, or nothing.

Data goes to and from Python objects in pieces of bounded size, copied, so that an object which calls back into the
guest finds no view of its memory.
"""

from __future__ import annotations

import io
import os
import select
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from refsfi.errors import Crash
from refsfi.host.wasi.abi import Errno, WasiError
from refsfi.host.wasi.clocks import SLICE
from refsfi.host.wasi.options import Inherit, Input, Output

if TYPE_CHECKING:
    from refsfi.host.wasi.guest import Guest

__all__ = ["Sink", "Source", "open_sink", "open_source", "read_host", "wait_for", "write_host"]

# Bytes that a Python object is asked for or given at once.
PIECE = 1 << 16
# Bytes that a pipe which is ready takes without blocking (PIPE_BUF).
_ATOMIC = 4096


def wait_for(guest: Guest, fd: int, events: int) -> None:
    """Wait until the host's descriptor is ready, giving up when the host wants the guest to stop."""
    poller = select.poll()
    poller.register(fd, events)
    while not poller.poll(SLICE * 1000):
        guest.poll_stop()


def read_host(guest: Guest, fd: int, buffers: list[tuple[int, int]], waits: bool) -> int:
    """Read from the host's descriptor into the guest's buffers; how many bytes. `waits`: it may not be ready."""
    if not buffers:
        return 0
    while True:
        if waits:
            wait_for(guest, fd, select.POLLIN)
        try:
            with guest.views(buffers) as views:
                count = os.readv(fd, views)
        except BlockingIOError:
            if not waits:
                raise
            continue  # another reader was faster
        guest.filled(buffers, count)
        return count


def write_host(guest: Guest, fd: int, buffers: list[tuple[int, int]], waits: bool) -> int:
    """Write the guest's buffers to the host's descriptor; how many bytes.

    All of them, if it `waits`: then in pieces that do not block once it is ready.
    """
    if not waits:
        if not buffers:
            return 0
        with guest.views(buffers) as views:
            return os.writev(fd, views)
    total = 0
    for address, size in buffers:
        end = address + size
        while address < end:
            wait_for(guest, fd, select.POLLOUT)
            try:
                with guest.views([(address, min(_ATOMIC, end - address))]) as views:
                    count = os.writev(fd, views)
            except BlockingIOError:
                continue
            except OSError:
                if total:
                    return total
                raise
            address += count
            total += count
    return total


class Source:
    """Standard input; this one is empty. `fd` is the host's descriptor where there is one."""

    tty = False
    fd: int | None = None

    def read(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        return 0

    def close(self) -> None:
        pass


class Sink:
    """Standard output; this one discards. `fd` is the host's descriptor where there is one."""

    tty = False
    fd: int | None = None

    def write(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        return sum(size for _, size in buffers)

    def close(self) -> None:
        pass


class _Copied(Source):
    """Input that arrives as Python bytes."""

    def __init__(self) -> None:
        self._left = b""

    def _more(self, size: int) -> bytes:
        raise Crash("input without an origin")

    def read(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        """Fills the first buffer as far as it goes; the others as long as nothing needs to be waited for."""
        if not buffers:
            return 0
        if not self._left:
            self._left = self._more(min(PIECE, sum(size for _, size in buffers)))
        total = 0
        for address, size in buffers:
            piece, self._left = self._left[:size], self._left[size:]
            if not piece:
                break
            guest.write(address, piece)
            total += len(piece)
        return total


class _BytesSource(Source):
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        total = 0
        for address, size in buffers:
            piece = self._data[self._at : self._at + size]
            if not piece:
                break
            guest.write(address, piece)
            self._at += len(piece)
            total += len(piece)
        return total


class _ObjectSource(_Copied):
    def __init__(self, stream: Any) -> None:
        super().__init__()
        # A text stream's bytes, where they can be had; of a buffered stream, what is there, instead of all asked for.
        stream = getattr(stream, "buffer", stream)
        self._read: Callable[[int], Any] = getattr(stream, "read1", None) or stream.read

    def _more(self, size: int) -> bytes:
        data = self._read(size)
        if data is None:
            raise WasiError(Errno.AGAIN)
        return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)


class _HostSource(Source):
    def __init__(self, fd: int, owned: bool) -> None:
        self.fd = fd
        self.tty = os.isatty(fd)
        self._waits = not stat.S_ISREG(os.fstat(fd).st_mode)
        self._owned = owned

    def read(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        if self.fd is None:
            raise WasiError(Errno.BADF)
        return read_host(guest, self.fd, buffers, self._waits)

    def close(self) -> None:
        fd, self.fd = self.fd, None
        if self._owned and fd is not None:
            os.close(fd)


class _CallSink(Sink):
    def __init__(self, write: Callable[[bytes], object], flush: Callable[[], object] | None = None) -> None:
        self._write = write
        self._flush = flush

    def write(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        total = 0
        for address, size in buffers:
            end = address + size
            while address < end:
                count = min(PIECE, end - address)
                self._write(guest.read(address, count))
                address += count
                total += count
        if self._flush is not None:
            self._flush()
        return total


class _HostSink(Sink):
    def __init__(self, fd: int, owned: bool) -> None:
        self.fd = fd
        self.tty = os.isatty(fd)
        self._waits = not stat.S_ISREG(os.fstat(fd).st_mode)
        self._owned = owned

    def write(self, guest: Guest, buffers: list[tuple[int, int]]) -> int:
        if self.fd is None:
            raise WasiError(Errno.BADF)
        return write_host(guest, self.fd, buffers, self._waits)

    def close(self) -> None:
        fd, self.fd = self.fd, None
        if self._owned and fd is not None:
            os.close(fd)


def open_source(option: Input) -> Source:
    """Of a host's option. OSError where a file cannot be opened, TypeError for what is no input."""
    if option is None:
        return Source()
    if isinstance(option, Inherit):
        return _HostSource(0, owned=False)
    if isinstance(option, int):
        return _HostSource(option, owned=False)
    if isinstance(option, (bytes, bytearray, memoryview)):
        return _BytesSource(bytes(option))
    if isinstance(option, (str, os.PathLike)):
        return _HostSource(os.open(option, os.O_RDONLY | os.O_CLOEXEC), owned=True)
    if hasattr(option, "read"):
        return _ObjectSource(option)
    raise TypeError(f"not an input: {option!r}")


def open_sink(option: Output, number: int) -> Sink:
    """Of a host's option for descriptor `number`. OSError where a file cannot be opened, TypeError for what is no
    output."""
    if option is None:
        return Sink()
    if isinstance(option, Inherit):
        return _HostSink(number, owned=False)
    if isinstance(option, int):
        return _HostSink(option, owned=False)
    if isinstance(option, (str, os.PathLike)):
        return _HostSink(os.open(option, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666), owned=True)
    if hasattr(option, "write"):
        return _object_sink(option)
    if callable(option):
        return _CallSink(option)
    raise TypeError(f"not an output: {option!r}")


def _object_sink(stream: Any) -> Sink:
    flush = getattr(stream, "flush", None)
    if not isinstance(stream, io.TextIOBase):
        return _CallSink(_whole(stream.write), flush)
    buffer = getattr(stream, "buffer", None)
    if buffer is not None:
        stream.flush()
        return _CallSink(_whole(buffer.write), flush)
    from codecs import getincrementaldecoder

    # A character may be cut in two by the guest's writes.
    decode = getincrementaldecoder("utf-8")("replace").decode
    return _CallSink(lambda data: stream.write(decode(data)), flush)


def _whole(write: Callable[[bytes], Any]) -> Callable[[bytes], None]:
    """A `write` that takes everything, of one that returns how much it took, as raw streams do."""

    def write_all(data: bytes) -> None:
        while data:
            count = write(data)
            if not isinstance(count, int) or count >= len(data):
                return
            if count <= 0:
                raise WasiError(Errno.AGAIN)
            data = data[count:]

    return write_all
