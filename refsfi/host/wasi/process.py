"""Functions about the process: arguments, environment, clocks, random numbers, its end; and sockets, of which there are
none."""

from __future__ import annotations

from typing import NoReturn

from refsfi.errors import GuestExit
from refsfi.host.wasi.abi import Clock, Errno, WasiError
from refsfi.host.wasi.guest import Guest

# Bytes of randomness asked for at once.
_RANDOM_PIECE = 1 << 16

_LAST_SIGNAL = 30


def args_get(guest: Guest, argv: int, buffer: int) -> None:
    _write_strings(guest, guest.wasi.args, argv, buffer)


def args_sizes_get(guest: Guest, count: int, size: int) -> None:
    _write_sizes(guest, guest.wasi.args, count, size)


def environ_get(guest: Guest, environ: int, buffer: int) -> None:
    _write_strings(guest, guest.wasi.env, environ, buffer)


def environ_sizes_get(guest: Guest, count: int, size: int) -> None:
    _write_sizes(guest, guest.wasi.env, count, size)


def _write_strings(guest: Guest, strings: list[bytes], pointers: int, buffer: int) -> None:
    """`strings` end with a NUL each."""
    guest.check(pointers, 4 * len(strings), 4)
    guest.check(buffer, sum(map(len, strings)))
    at = buffer
    addresses = bytearray()
    for string in strings:
        addresses += at.to_bytes(4, "little")
        at += len(string)
    guest.write(pointers, addresses)
    guest.write(buffer, b"".join(strings))


def _write_sizes(guest: Guest, strings: list[bytes], count: int, size: int) -> None:
    guest.check(count, 4, 4)
    guest.check(size, 4, 4)
    guest.write_u32(size, sum(map(len, strings)))
    guest.write_u32(count, len(strings))


def clock_res_get(guest: Guest, clock: int, resolution: int) -> None:
    guest.check(resolution, 8, 8)
    clocks = guest.wasi.clocks
    if clock == Clock.REALTIME:
        guest.write_u64(resolution, clocks.realtime_resolution())
    elif clock == Clock.MONOTONIC:
        guest.write_u64(resolution, clocks.monotonic_resolution())
    else:
        raise WasiError(Errno.INVAL)


def clock_time_get(guest: Guest, clock: int, precision: int, time: int) -> None:
    """INVAL for the clocks of CPU time: they would tell a guest about its host."""
    guest.check(time, 8, 8)
    clocks = guest.wasi.clocks
    if clock == Clock.REALTIME:
        now = clocks.realtime()
    elif clock == Clock.MONOTONIC:
        now = clocks.monotonic()
    else:
        raise WasiError(Errno.INVAL)
    if not 0 <= now < 1 << 64:
        raise WasiError(Errno.OVERFLOW)
    guest.write_u64(time, now)


def random_get(guest: Guest, buffer: int, size: int) -> None:
    guest.check(buffer, size)
    random = guest.wasi.random
    end = buffer + size
    while buffer < end:
        count = min(_RANDOM_PIECE, end - buffer)
        guest.write(buffer, random(count))
        buffer += count
        guest.poll_stop()


def proc_exit(guest: Guest, code: int) -> NoReturn:
    raise GuestExit(code)


def proc_raise(guest: Guest, signal: int) -> None:
    raise WasiError(Errno.NOTSUP if signal <= _LAST_SIGNAL else Errno.INVAL)


def sched_yield(guest: Guest) -> None:
    guest.poll_stop()


# --- sockets: no descriptor is one


def sock_accept(guest: Guest, fd: int, flags: int, accepted: int) -> None:
    _no_socket(guest, fd)


def sock_recv(guest: Guest, fd: int, buffers: int, count: int, flags: int, size: int, out_flags: int) -> None:
    _no_socket(guest, fd)


def sock_send(guest: Guest, fd: int, buffers: int, count: int, flags: int, size: int) -> None:
    _no_socket(guest, fd)


def sock_shutdown(guest: Guest, fd: int, how: int) -> None:
    _no_socket(guest, fd)


def _no_socket(guest: Guest, fd: int) -> None:
    guest.wasi.fds.get(fd)
    raise WasiError(Errno.NOTSOCK)
