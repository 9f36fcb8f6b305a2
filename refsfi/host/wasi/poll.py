"""Waiting for times and for descriptors."""

from __future__ import annotations

import os
import select
import struct
from dataclasses import dataclass

from refsfi.host.wasi.abi import EVENT, Clock, Errno, EventType, Rights, WasiError
from refsfi.host.wasi.clocks import SLICE
from refsfi.host.wasi.descriptors import File, Input, Output
from refsfi.host.wasi.guest import Guest

# Subscriptions in one call; more than any guest can have descriptors and clocks.
_MOST = 1 << 16
_ABSOLUTE = 1
_HANGUP = 1

_TAG = struct.Struct("<QB")
_FD = struct.Struct("<I")


@dataclass(slots=True)
class _Subscription:
    """`deadline`: of which clock, at which of its nanoseconds. `fd`: the host's descriptor to wait for; neither: ready
    at once. `left`: of a regular file, the bytes behind its position."""

    userdata: int
    type: EventType
    deadline: tuple[Clock, int] | None = None
    fd: int | None = None
    left: int | None = None


def poll_oneoff(guest: Guest, subscriptions: int, events: int, count: int, stored: int) -> None:
    """Wait until one of the subscriptions has occurred; all that have by then become events, in their order.

    INVAL for none, and for other clocks than the realtime and the monotonic one; BADF for a descriptor that cannot be
    waited for; NOMEM for too many. Waits in slices, between which the host can stop the guest.
    """
    guest.check(stored, 4, 4)
    size = guest.snapshot.subscription
    guest.check(subscriptions, count * size, 8)
    guest.check(events, count * EVENT.size, 8)
    if count == 0:
        raise WasiError(Errno.INVAL)
    if count > _MOST:
        raise WasiError(Errno.NOMEM)
    waiting = [_subscription(guest, subscriptions + index * size) for index in range(count)]
    data = bytearray()
    for one, readiness in _wait(guest, waiting):
        hangup = one.type is EventType.FD_READ and (one.left == 0 or bool(readiness & select.POLLHUP))
        # The host has closed it.
        error = Errno.BADF if readiness & select.POLLNVAL else Errno.SUCCESS
        nbytes = 0 if one.type is EventType.CLOCK or error else 1
        data += EVENT.pack(one.userdata, error, one.type, nbytes, _HANGUP if hangup else 0)
    guest.write(events, data)
    guest.write_u32(stored, len(data) // EVENT.size)


def _subscription(guest: Guest, address: int) -> _Subscription:
    userdata, tag = guest.unpack(_TAG, address)
    if tag == EventType.CLOCK:
        clock, timeout, _precision, flags = guest.unpack(guest.snapshot.clock, address + 16)
        if clock not in (Clock.REALTIME, Clock.MONOTONIC) or flags & ~_ABSOLUTE:
            raise WasiError(Errno.INVAL)
        # A relative time passes at the same pace whatever clock it is said to be of, and that one may be set.
        if not flags & _ABSOLUTE:
            deadline = (Clock.MONOTONIC, guest.wasi.clocks.monotonic() + timeout)
        else:
            deadline = (Clock(clock), timeout)
        return _Subscription(userdata, EventType.CLOCK, deadline)
    if tag not in (EventType.FD_READ, EventType.FD_WRITE):
        raise WasiError(Errno.INVAL)
    (number,) = guest.unpack(_FD, address + 16)
    type = EventType(tag)
    found = guest.wasi.fds.get(number)
    reads = type is EventType.FD_READ
    if isinstance(found, File):
        found.require(Rights.POLL_FD_READWRITE)
        if found.waits:
            return _Subscription(userdata, type, fd=found.fd)
        left = max(0, os.fstat(found.fd).st_size - os.lseek(found.fd, 0, os.SEEK_CUR)) if reads else None
        return _Subscription(userdata, type, left=left)
    if isinstance(found, Input) and reads:
        found.require(Rights.POLL_FD_READWRITE)
        return _Subscription(userdata, type, fd=found.source.fd)
    if isinstance(found, Output) and not reads:
        found.require(Rights.POLL_FD_READWRITE)
        return _Subscription(userdata, type, fd=found.sink.fd)
    raise WasiError(Errno.BADF)


def _wait(guest: Guest, waiting: list[_Subscription]) -> list[tuple[_Subscription, int]]:
    """Those that have occurred, with what the host's kernel says of their descriptors."""
    masks: dict[int, int] = {}
    for one in waiting:
        if one.fd is not None:
            masks[one.fd] = masks.get(one.fd, 0) | _mask(one)
    poller = select.poll() if masks else None
    if poller is not None:
        for fd, mask in masks.items():
            poller.register(fd, mask)
    deadlines = [one.deadline for one in waiting if one.deadline is not None]
    at_once = any(one.deadline is None and one.fd is None for one in waiting)
    clocks = guest.wasi.clocks
    duration = 0
    while True:
        ready = dict(clocks.wait(duration, poller)) if poller is not None or duration else {}
        now = {Clock.MONOTONIC: clocks.monotonic(), Clock.REALTIME: clocks.realtime()} if deadlines else {}
        if at_once or ready or any(now[clock] >= time for clock, time in deadlines):
            occurred = [
                (one, ready.get(-1 if one.fd is None else one.fd, 0)) for one in waiting if _occurred(one, ready, now)
            ]
            if occurred:
                return occurred
        guest.poll_stop()
        left = min((time - now[clock] for clock, time in deadlines), default=1 << 63)
        duration = min(left, int(SLICE * 1e9))


def _mask(one: _Subscription) -> int:
    return select.POLLIN if one.type is EventType.FD_READ else select.POLLOUT


def _occurred(one: _Subscription, ready: dict[int, int], now: dict[Clock, int]) -> bool:
    if one.deadline is not None:
        clock, time = one.deadline
        return now[clock] >= time
    if one.fd is None:
        return True
    # Errors and hang-ups are news for readers and writers alike.
    return bool(ready.get(one.fd, 0) & (_mask(one) | select.POLLHUP | select.POLLERR | select.POLLNVAL))
