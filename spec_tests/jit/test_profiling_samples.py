"""The signal that samples threads: what it notes, whom it tells, and that nobody else notices."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jit.select import obstacle
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import ProfilerUnavailable, TierChoice, Watch, make_profiler, make_tier
from refsfi.observe.profile.file import read as read_profile
from refsfi.observe.profile.model import Profile
from refsfi.runtime.store import HostFunc, Store
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.types import FuncType

pytestmark = pytest.mark.skipif(obstacle() is not None, reason=f"no machine code here: {obstacle()}")

ROOT = Path(__file__).parents[2]

# Goes round as often as it is told; each round is a few nanoseconds of machine code.
SPIN = b"""(module (func $spin (export "run") (param $n i32)
  (loop $again
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br_if $again (local.get $n)))))"""

WAIT = b"""(module (import "env" "wait" (func $wait))
  (func $f (export "run") (param $n i32)
  (loop $again (call $wait)
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br_if $again (local.get $n)))))"""


def profiled(work: Callable[[Any, Any], None], *, interval: int = 1_000_000, mode: str = "force") -> Profile:
    """What the profiler says of `work`, which gets the profiler and a tier."""
    profiler = make_profiler(interval=interval)
    tier = make_tier(TierChoice(mode, watch=Watch(profiler=profiler)))
    assert tier is not None
    with profiler:
        work(profiler, tier)
    found: Profile = profiler.profile(tier.coverage())
    return found


def run(tier: Any, text: bytes, count: int, *imports: Any) -> None:
    store = Store()
    instance = instantiate(store, load_program(text, tier=tier), list(imports))
    func: Any = instance.exports["run"]
    invoke(store, func, [count])


def host(fn: Callable[[], Any], name: str = "env.wait") -> HostFunc:
    return HostFunc(func_deftype(FuncType((), ())), lambda: fn() and (), name)


def rounds_for(seconds: float) -> int:
    """How many rounds of SPIN take about so long, compiled."""
    began = time.perf_counter()
    run(make_tier(TierChoice("force")), SPIN, 20_000_000)
    return int(min(20_000_000 * seconds / (time.perf_counter() - began), 1 << 31))


@pytest.fixture(scope="module")
def long() -> int:
    return rounds_for(0.3)


@pytest.fixture(autouse=True)
def _signal_is_given_back() -> Iterator[None]:
    yield
    assert signal.getsignal(signal.SIGPROF) == signal.SIG_DFL


def test_time_in_machine_code_is_found_to_the_instruction(long: int) -> None:
    profile = profiled(lambda _, tier: run(tier, SPIN, long))
    (region,) = profile.regions
    assert profile.region_times()[region.number] * 2 > profile.wall
    code = bytes.fromhex(region.machine)
    for offset in profile.line_times(region.number):
        assert 0 <= offset < len(code) == region.code
    # The loop is instructions 0 to 6.
    assert {spot.pc for spot in profile.spots if spot.category == "native"} <= set(range(-1, 7))


def test_the_parts_are_the_whole(long: int) -> None:
    profile = profiled(lambda _, tier: run(tier, SPIN, long))
    assert sum(profile.times().values()) == profile.sampled
    assert abs(profile.sampled - profile.wall) * 50 < profile.wall
    assert profile.times()["other"] * 100 < 5 * profile.wall
    assert profile.lost == 0


def test_calls_of_the_host_are_the_hosts() -> None:
    profile = profiled(lambda _, tier: run(tier, WAIT, 20, host(lambda: time.sleep(0.01))))
    assert profile.times()["host"] * 2 > profile.wall
    assert {spot.name for spot in profile.spots if spot.category == "host"} == {"env.wait"}
    exit = max(profile.exits, key=lambda e: e.host)
    assert exit.cause == "host call"
    assert exit.taken >= 19
    # What the host took is no cost of the interpreter.
    assert exit.cost < exit.host


def test_waiting_goes_on_and_nobody_sees_a_signal() -> None:
    """A read that waits longer than many samples is not interrupted."""
    reading, writing = os.pipe()

    def write() -> None:
        time.sleep(0.1)
        os.write(writing, b"x")

    def read() -> None:
        assert os.read(reading, 1) == b"x"

    writer = threading.Thread(target=write)

    def work(_: Any, tier: Any) -> None:
        writer.start()
        run(tier, WAIT, 1, host(read, "env.read"))

    profile = profiled(work)
    writer.join()
    os.close(reading)
    os.close(writing)
    assert profile.times()["host"] >= 50_000_000


def test_a_blocking_read_of_wasi_is_named(tmp_path: Path) -> None:
    guest = tmp_path / "read.wat"
    guest.write_text("""(module
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 32) "\\30\\00\\00\\00\\06\\00\\00\\00") (data (i32.const 48) "ready\\n")
      (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 16)))
        (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1))
        (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const 120)) (then unreachable))))""")
    script = f"""
from refsfi.cli import main
from refsfi.exec.tiers import make_profiler
profiler = make_profiler()
with profiler:
    code = main.main(["run", "--jit=off", {str(guest)!r}])
profile = profiler.profile()
print(code, profile.times()["host"] // 1_000_000, sorted(s.name for s in profile.spots if s.category == "host"))
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.2)
    child.stdin.write("x")
    child.stdin.close()
    said = child.stdout.read()
    assert child.wait(60) == 0
    assert said.startswith("0 ")
    assert int(said.split()[1]) > 0
    assert "fd_read" in said


def test_threads_are_told_apart(long: int) -> None:
    def work(_: Any, tier: Any) -> None:
        threads = [
            threading.Thread(target=run, args=(tier, SPIN, long // 2), name=f"guest {number}") for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    profile = profiled(work)
    busy = {
        profile.threads[s.thread] for s in profile.samples if profile.spots[s.spot].category == "native" and s.weight
    }
    assert {"guest 0", "guest 1", "guest 2"} <= busy


def test_a_signal_that_somebody_sends_notes_nothing(long: int) -> None:
    def work(_: Any, tier: Any) -> None:
        for _ in range(10):
            os.kill(os.getpid(), signal.SIGPROF)
        run(tier, SPIN, long // 3)

    assert profiled(work).samples


def test_a_child_is_not_profiled(long: int, tmp_path: Path) -> None:
    """It runs on without timers, writes nothing into its parent's file, and does not wait for its locks."""
    path = tmp_path / "a.profile"
    with open(path, "w", encoding="utf-8") as file:
        profiler = make_profiler(file)
        tier = make_tier(TierChoice("force", watch=Watch(profiler=profiler)))
        with profiler:
            run(tier, SPIN, long // 3)
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    run(tier, SPIN, 1000)
                    profiler.flush()
                    profiler.profile()
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
            run(tier, SPIN, long // 3)
        profile = profiler.profile()
    assert read_profile(path).samples == profile.samples
    assert len(profile.regions) == 2


def test_a_signal_that_is_taken() -> None:
    profiler = make_profiler()
    signal.signal(signal.SIGPROF, lambda number, frame: None)
    try:
        with pytest.raises(ProfilerUnavailable, match="SIGPROF has a handler already") as raised, profiler:
            pass
        assert "\n" not in str(raised.value)
    finally:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)


def test_only_the_main_thread_begins() -> None:
    found: list[BaseException] = []

    def begin() -> None:
        try:
            with make_profiler():
                pass
        except ProfilerUnavailable as error:
            found.append(error)

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert len(found) == 1


def test_a_machine_without_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.select.obstacle", lambda: "this is no x86-64")
    with pytest.raises(ProfilerUnavailable, match="this is no x86-64"):
        make_profiler(io.StringIO())


def test_garbage_collections_are_named() -> None:
    rows = [[number] for number in range(300_000)]

    def work(_: Any, tier: Any) -> None:
        for _ in range(10):
            gc.collect()

    assert profiled(work).times()["collecting"] > 0
    assert len(rows) == 300_000
