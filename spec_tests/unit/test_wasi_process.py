"""WASI: arguments, environment, clocks, random numbers, the guest's end, sockets, and what an observer sees."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path

import pytest

from refsfi.errors import Exhaustion, GuestExit, TrapCode
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.host.wasi import Clocks, Preopen, Wasi, WasiOptions
from refsfi.host.wasi.abi import Errno
from refsfi.runtime.store import Store
from spec_tests.unit.support import program
from spec_tests.unit.wasi_support import BUFFER, OUT, WasiGuest


class Clock(Clocks):
    """Stands at 7 and 1000 seconds."""

    def realtime(self) -> int:
        return 7_000_000_000

    def monotonic(self) -> int:
        return 1_000_000_000_000


# --- strings


def test_sizes_count_the_ends_of_strings() -> None:
    guest = WasiGuest(args=["a", "bc", ""], env={"K": "v", "EMPTY": ""})
    guest.ok("args_sizes_get", OUT, OUT + 4)
    assert (guest.u32(), guest.u32(OUT + 4)) == (3, 2 + 3 + 1)
    guest.ok("environ_sizes_get", OUT, OUT + 4)
    assert (guest.u32(), guest.u32(OUT + 4)) == (2, len("K=v") + 1 + len("EMPTY=") + 1)


def test_pointers_lead_to_strings() -> None:
    guest = WasiGuest(args=["prog", "é"], env=[("A", "1"), ("A", "2")])
    guest.ok("args_get", OUT, BUFFER)
    assert (guest.u32(OUT), guest.u32(OUT + 4)) == (BUFFER, BUFFER + 5)
    assert guest.bytes(BUFFER, 8) == b"prog\0\xc3\xa9\0"
    guest.ok("environ_get", OUT, BUFFER)
    assert guest.bytes(BUFFER, 8) == b"A=1\0A=2\0"
    assert guest.u32(OUT + 4) == BUFFER + 4


def test_a_string_has_no_nul() -> None:
    for options in (WasiOptions(args=["a\0b"]), WasiOptions(env={"A": "\0"}), WasiOptions(env={"\0": "x"})):
        with pytest.raises(ValueError, match="NUL"):
            Wasi(options)


# --- clocks


def test_clocks_can_be_the_hosts_or_its_own() -> None:
    guest = WasiGuest(clocks=Clock())
    guest.ok("clock_time_get", 0, 0, OUT)
    assert guest.u64() == 7_000_000_000
    guest.ok("clock_time_get", 1, 0, OUT)
    assert guest.u64() == 1_000_000_000_000
    guest = WasiGuest()
    guest.ok("clock_time_get", 0, 0, OUT)
    assert abs(guest.u64() / 1e9 - time.time()) < 60
    guest.ok("clock_time_get", 1, 0, OUT)
    first = guest.u64()
    assert first < 60e9
    guest.ok("clock_time_get", 1, 0, OUT)
    assert guest.u64() >= first


@pytest.mark.parametrize("name", ["clock_time_get", "clock_res_get"])
@pytest.mark.parametrize("clock", [2, 3, 4, 0xFFFF_FFFF])
def test_other_clocks_are_invalid(name: str, clock: int) -> None:
    guest = WasiGuest()
    assert guest.call(name, clock, *([0] if name == "clock_time_get" else []), OUT) is Errno.INVAL


def test_resolution_is_not_zero() -> None:
    guest = WasiGuest()
    for clock in (0, 1):
        guest.ok("clock_res_get", clock, OUT)
        assert guest.u64() >= 1


# --- random numbers


def test_random_numbers_fill_the_buffer_and_nothing_else() -> None:
    asked = []

    def random(count: int) -> bytes:
        asked.append(count)
        return b"\x55" * count

    guest = WasiGuest(random=random, pages=4)
    guest.ok("random_get", 0x100, 0x28000)
    assert guest.bytes(0xFF, 3) == b"\0\x55\x55"
    assert guest.bytes(0x280FE, 4) == b"\x55\x55\0\0"
    # In pieces: what a guest asks for at once does not decide what its host allocates.
    assert asked == [0x10000, 0x10000, 0x8000]


def test_random_numbers_differ() -> None:
    guest = WasiGuest()
    guest.ok("random_get", 0, 32)
    first = guest.bytes(0, 32)
    guest.ok("random_get", 0, 32)
    assert guest.bytes(0, 32) != first


# --- the end


@pytest.mark.parametrize("code", [0, 1, 125, 134, 255, 0xFFFF_FFFF])
def test_exit_carries_its_code(code: int) -> None:
    with pytest.raises(GuestExit) as exit:
        WasiGuest().functions["proc_exit"].fn(code)
    assert exit.value.code == code


def test_exit_passes_through_the_guests_frames_and_handlers() -> None:
    wasi = Wasi(WasiOptions())
    text = """(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func $inner (call $exit (i32.const 3)))
      (func (export "f") (result i32)
        (block $handler (try_table (catch_all $handler) (call $inner)))
        (i32.const 1)))"""
    store = Store()
    instance = instantiate(store, program(text), [wasi.imports(store)["proc_exit"]])
    with pytest.raises(GuestExit) as exit:
        invoke(store, instance.exports["f"], [])  # type: ignore[arg-type]
    assert exit.value.code == 3
    assert store.frame is None


def test_signals_are_not_supported() -> None:
    guest = WasiGuest()
    assert guest.call("proc_raise", 6) is Errno.NOTSUP
    assert guest.call("proc_raise", 31) is Errno.INVAL


def test_yielding_lets_the_host_stop_the_guest() -> None:
    guest = WasiGuest()
    guest.ok("sched_yield")
    guest.store.stop = Exhaustion(TrapCode.INTERRUPT)
    with pytest.raises(Exhaustion):
        guest.call("sched_yield")


# --- sockets


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("sock_accept", (0, OUT)),
        ("sock_recv", ([4], 0, OUT, OUT + 4)),
        ("sock_send", ([b"x"], 0, OUT)),
        ("sock_shutdown", (3,)),
    ],
)
def test_no_descriptor_is_a_socket(name: str, rest: tuple[object, ...], tmp_path: Path) -> None:
    guest = WasiGuest(tmp_path)
    for fd in range(4):
        assert guest.call(name, fd, *rest) is Errno.NOTSOCK
    assert guest.call(name, 4, *rest) is Errno.BADF


# --- the host's side


class Log:
    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def entered(self, name: str, arguments: tuple[int, ...]) -> None:
        self.events.append(("entered", name, arguments))

    def wrote(self, address: int, data: memoryview) -> None:
        self.events.append(("wrote", address, bytes(data)))

    def left(self, name: str, errno: int) -> None:
        self.events.append(("left", name, errno))


def test_an_observer_sees_everything_that_the_guest_gets(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"hello world")
    log = Log()
    guest = WasiGuest(tmp_path, observer=log, clocks=Clock(), stdin=b"abcdef")
    before = bytearray(guest.memory.data[:])
    fd = guest.must_open("f")
    guest.ok("fd_read", fd, [3, 4, 100], OUT)
    guest.ok("fd_pread", fd, [3, 4], 2, OUT)
    guest.ok("fd_read", 0, [2, 2], OUT)
    guest.stat(fd)
    guest.listing(3)
    guest.ok("clock_time_get", 0, 0, OUT)
    guest.ok("random_get", BUFFER, 8)
    assert guest.call("fd_close", 99) is Errno.BADF
    assert log.events[0][:2] == ("entered", "path_open")
    assert log.events[-1] == ("left", "fd_close", Errno.BADF)
    # What the observer was told, applied to the memory as it was, gives the memory as it is, but for what the guest
    # itself put there.
    for kind, *rest in log.events:
        if kind == "wrote":
            address, data = rest
            assert isinstance(address, int)
            assert isinstance(data, bytes)
            before[address : address + len(data)] = data
    assert before[OUT:] == guest.memory.data[OUT:]


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else len(os.listdir("/dev/fd"))


def test_closing_closes_the_hosts_descriptors(tmp_path: Path) -> None:
    before = open_fds()
    with Wasi(WasiOptions(preopens=[Preopen(tmp_path, "/")], stdout=tmp_path / "out")) as wasi:
        assert open_fds() == before + 2
    assert open_fds() == before
    wasi.close()
    guest = WasiGuest(tmp_path)
    guest.must_open("f", oflags=1)
    guest.wasi.close()
    assert open_fds() == before
    assert guest.call("fd_close", 3) is Errno.BADF


def test_a_guest_that_is_dropped_leaks_nothing(tmp_path: Path) -> None:
    before = open_fds()
    guest = WasiGuest(tmp_path)
    guest.must_open("f", oflags=1)
    assert open_fds() == before + 2
    del guest
    gc.collect()
    assert open_fds() == before


def test_options_that_cannot_be_had_leak_nothing(tmp_path: Path) -> None:
    before = open_fds()
    with pytest.raises(FileNotFoundError):
        Wasi(WasiOptions(stdout=tmp_path / "out", preopens=[Preopen(tmp_path, "/"), Preopen(tmp_path / "no", "/no")]))
    with pytest.raises(NotADirectoryError):
        Wasi(WasiOptions(preopens=[Preopen(tmp_path / "out", "/")]))
    with pytest.raises(TypeError):
        Wasi(WasiOptions(stdin=3.5))
    gc.collect()
    assert open_fds() == before


def test_inherited_descriptors_stay_open(tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as file:
        guest = WasiGuest(stdout=file.fileno())
        guest.write(1, b"x")
        guest.ok("fd_close", 1)
        guest.wasi.close()
        file.write(b"y")
    assert (tmp_path / "out").read_bytes() == b"xy"


def test_guests_of_several_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    failures = []

    def run(name: str) -> None:
        (tmp_path / name).mkdir()
        guest = WasiGuest(tmp_path / name)
        for _ in range(50):
            fd = guest.must_open("f", oflags=1)
            guest.write(fd, name.encode())
            guest.ok("fd_close", fd)
        if [entry[0] for entry in guest.listing(3)] != [".", "..", "f"]:
            failures.append(name)

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
