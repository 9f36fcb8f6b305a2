"""WASI: waiting for times and for descriptors of the host."""

from __future__ import annotations

import os
import select
import threading
import time
from pathlib import Path

import pytest

from refsfi.errors import Exhaustion, TrapCode
from refsfi.host.wasi import MODULES, Clocks
from refsfi.host.wasi.abi import Errno, Rights
from spec_tests.unit.wasi_support import BUFFER, OUT, ROOT, WasiGuest

CLOCK, FD_READ, FD_WRITE = 0, 1, 2
REALTIME, MONOTONIC = 0, 1
HANGUP = 1
MS = 1_000_000


class Stepping(Clocks):
    """Time that passes only by waiting; `waits` are the durations asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000_000
        self.waits: list[int] = []

    def realtime(self) -> int:
        return self.now + 50_000_000_000

    def monotonic(self) -> int:
        return self.now

    def wait(self, duration: int, poller: select.poll | None) -> list[tuple[int, int]]:
        self.waits.append(duration)
        self.now += duration
        return [] if poller is None else poller.poll(0)


@pytest.mark.parametrize("module", MODULES)
def test_times_are_waited_for_to_the_nanosecond(module: str) -> None:
    clocks = Stepping()
    guest = WasiGuest(module=module, clocks=clocks)
    assert guest.poll(guest.clock(7, MONOTONIC, 123_456_789)) == [(7, 0, CLOCK, 0, 0)]
    assert clocks.now == 1_123_456_789
    # In slices, between which the host can stop the guest.
    assert max(clocks.waits) <= 20 * MS
    assert guest.poll(guest.clock(8, MONOTONIC, clocks.now + 5, absolute=True)) == [(8, 0, CLOCK, 0, 0)]
    assert clocks.now == 1_123_456_794
    assert guest.poll(guest.clock(9, REALTIME, clocks.realtime() + 7, absolute=True)) == [(9, 0, CLOCK, 0, 0)]
    assert clocks.now == 1_123_456_801


def test_the_soonest_ends_the_wait() -> None:
    clocks = Stepping()
    guest = WasiGuest(clocks=clocks)
    later, sooner, past = (
        guest.clock(1, MONOTONIC, 500 * MS),
        guest.clock(2, REALTIME, 30 * MS),
        guest.clock(3, MONOTONIC, 1, absolute=True),
    )
    assert guest.poll(later, sooner) == [(2, 0, CLOCK, 0, 0)]
    assert clocks.now == 1_030_000_000
    assert guest.poll(later, sooner, past) == [(3, 0, CLOCK, 0, 0)]
    assert clocks.now == 1_030_000_000
    # All that have come by then, in their order.
    assert guest.poll(guest.clock(4, MONOTONIC, 0), past, guest.clock(5, REALTIME, 0)) == [
        (4, 0, CLOCK, 0, 0),
        (3, 0, CLOCK, 0, 0),
        (5, 0, CLOCK, 0, 0),
    ]


def test_a_wait_for_ever_can_be_stopped() -> None:
    guest = WasiGuest()
    timer = threading.Timer(0.05, setattr, (guest.store, "stop", Exhaustion(TrapCode.INTERRUPT)))
    timer.start()
    start = time.monotonic()
    with pytest.raises(Exhaustion):
        guest.poll(guest.clock(1, MONOTONIC, (1 << 64) - 1))
    assert time.monotonic() - start < 5
    timer.join()


def test_a_real_wait_takes_its_time() -> None:
    guest = WasiGuest()
    start = time.monotonic_ns()
    assert guest.poll(guest.clock(1, MONOTONIC, 45 * MS)) == [(1, 0, CLOCK, 0, 0)]
    assert 45 * MS <= time.monotonic_ns() - start < 5000 * MS


def test_input_is_waited_for() -> None:
    reader, writer = os.pipe()
    guest = WasiGuest(stdin=reader)
    timeout = guest.clock(9, MONOTONIC, 30 * MS)
    assert guest.poll(guest.ready(1, FD_READ, 0), timeout) == [(9, 0, CLOCK, 0, 0)]
    thread = threading.Timer(0.05, os.write, (writer, b"late"))
    thread.start()
    assert guest.poll(guest.ready(1, FD_READ, 0)) == [(1, 0, FD_READ, 1, 0)]
    thread.join()
    assert guest.read(0, 10) == b"late"
    os.close(writer)
    # The end of the input is news, and told as such.
    assert guest.poll(guest.ready(1, FD_READ, 0), timeout) == [(1, 0, FD_READ, 1, HANGUP)]
    assert guest.read(0, 10) == b""
    os.close(reader)


def test_a_full_pipe_is_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while select.select([], [writer], [], 0)[1]:
        os.write(writer, bytes(4096))
    guest = WasiGuest(stdout=writer)
    timeout = guest.clock(9, MONOTONIC, 30 * MS)
    assert guest.poll(guest.ready(1, FD_WRITE, 1), timeout) == [(9, 0, CLOCK, 0, 0)]
    thread = threading.Timer(0.05, os.read, (reader, 1 << 16))
    thread.start()
    assert guest.poll(guest.ready(1, FD_WRITE, 1)) == [(1, 0, FD_WRITE, 1, 0)]
    thread.join()
    os.close(reader)
    # Nobody reads any more: there is nothing left to wait for.
    assert [event[:3] for event in guest.poll(guest.ready(1, FD_WRITE, 1), timeout)] == [(1, 0, FD_WRITE)]
    assert guest.call("fd_write", 1, [b"x"], OUT) is Errno.PIPE
    os.close(writer)


def test_a_fifo_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    guest = WasiGuest(tmp_path)
    reader = guest.must_open("pipe", rights=Rights.FD_READ)
    writer = guest.must_open("pipe", rights=Rights.FD_WRITE)
    timeout = guest.clock(9, MONOTONIC, 30 * MS)
    assert guest.poll(guest.ready(1, FD_READ, reader), timeout) == [(9, 0, CLOCK, 0, 0)]
    assert guest.poll(guest.ready(1, FD_READ, reader), guest.ready(2, FD_WRITE, writer)) == [(2, 0, FD_WRITE, 1, 0)]
    guest.write(writer, b"x")
    assert guest.poll(guest.ready(1, FD_READ, reader)) == [(1, 0, FD_READ, 1, 0)]


def test_inputs_and_outputs_that_are_no_descriptors_are_ready() -> None:
    guest = WasiGuest(stdin=b"x", stdout=lambda data: None)
    timeout = guest.clock(9, MONOTONIC, 1000 * MS)
    events = [(1, 0, FD_READ, 1, 0), (2, 0, FD_WRITE, 1, 0), (3, 0, FD_WRITE, 1, 0)]
    ready = guest.ready(1, FD_READ, 0), guest.ready(2, FD_WRITE, 1), timeout, guest.ready(3, FD_WRITE, 2)
    assert guest.poll(*ready) == events


def test_what_cannot_be_waited_for(tmp_path: Path) -> None:
    guest = WasiGuest(tmp_path)
    fd = guest.must_open("f", oflags=1)
    assert guest.poll() is Errno.INVAL
    for type, number in ((FD_READ, 99), (FD_READ, ROOT), (FD_WRITE, ROOT), (FD_READ, 1), (FD_WRITE, 0)):
        assert guest.poll(guest.ready(1, type, number)) is Errno.BADF
    for clock in (2, 3, 4, 0xFFFF_FFFF):
        assert guest.poll(guest.clock(1, clock, 0)) is Errno.INVAL
    assert guest.poll(guest.ready(1, 3, fd)) is Errno.INVAL
    base, inheriting = guest.rights(fd)
    guest.ok("fd_fdstat_set_rights", fd, base & ~Rights.POLL_FD_READWRITE, inheriting)
    assert guest.poll(guest.ready(1, FD_READ, fd)) is Errno.NOTCAPABLE


def test_what_the_host_has_closed() -> None:
    reader, writer = os.pipe()
    guest = WasiGuest(stdin=reader)
    os.close(reader)
    assert guest.poll(guest.ready(1, FD_READ, 0)) == [(1, Errno.BADF, FD_READ, 0, 0)]
    assert guest.call("fd_read", 0, [1], OUT) is Errno.BADF
    os.close(writer)


def test_a_flood_of_subscriptions_costs_the_host_little() -> None:
    guest = WasiGuest(pages=256)
    start = time.monotonic()
    assert guest.call("poll_oneoff", 0, 0x40_0000, 70_000, OUT) is Errno.NOMEM
    assert time.monotonic() - start < 1


def test_events_may_lie_on_their_subscriptions() -> None:
    guest = WasiGuest()
    guest.memory.data[BUFFER : BUFFER + 96] = guest.clock(1, MONOTONIC, 0) + guest.clock(2, MONOTONIC, 0)
    guest.ok("poll_oneoff", BUFFER, BUFFER, 2, OUT)
    assert guest.u32() == 2
    assert (guest.u64(BUFFER), guest.u64(BUFFER + 32)) == (1, 2)
