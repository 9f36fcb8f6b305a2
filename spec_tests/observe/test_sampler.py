"""The sampling profiler of the interpreter: whose time it is, in which form the code runs, and how it is written."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refsfi.errors import Exhaustion, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.exec.position import position
from refsfi.observe.modules import Modules
from refsfi.observe.sampler import Sampler
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import HostFunc, Instance, Store
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import ALL
from refsfi.syntax.types import FuncType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

ROOT = Path(__file__).parent.parent.parent

TEXT = """(module
  (import "env" "wait" (func $wait))
  (func $spin (loop $l
    (br $l)))
  (func $call_spin (export "spin") nop
    (call $spin))
  (func $call_wait (export "wait")
    (call $wait))
  (func $deep (export "deep") (param i32)
    (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (call $spin)))))"""


def guest(wait: Callable[[], Any], observer: Observer | None) -> tuple[Store, Instance]:
    module = parse_module(TEXT, ALL)
    store = Store()
    store.observer = observer
    host = HostFunc(func_deftype(FuncType((), ())), lambda: wait() or (), "env.wait")
    return store, instantiate(store, Program(module, validate(module, ALL)), [host])


def call(store: Store, inst: Instance, name: str, *arguments: int) -> None:
    func: Any = inst.exports[name]
    invoke(store, func, arguments)


@pytest.fixture(params=["fused", "one instruction a step"])
def observer(request: pytest.FixtureRequest) -> Observer | None:
    return None if request.param == "fused" else Observer()


def sampled(store: Store, run: Callable[[], None], enough: int = 30) -> Counter[tuple[tuple[str, int | None], ...]]:
    """The stacks, as names and lines, of so many samples; then the guest is stopped."""
    sampler = Sampler(store, Modules(), 0.001)

    def stop() -> None:
        deadline = time.monotonic() + 60
        while len(sampler.profile("").lanes[0].samples) < enough and time.monotonic() < deadline:
            time.sleep(0.001)
        store.request_stop(Exhaustion(TrapCode.INTERRUPT))

    stopper = threading.Thread(target=stop)
    with sampler:
        stopper.start()
        with pytest.raises(Trap):
            run()
    stopper.join()
    samples = sampler.profile("").lanes[0].samples
    return Counter(tuple((spot.name, spot.line) for spot in sample.stack) for sample in samples)


def test_stacks_have_lines(observer: Observer | None) -> None:
    store, inst = guest(lambda: None, observer)
    stacks = sampled(store, lambda: call(store, inst, "spin"))
    # The call is on the line behind the function's first.
    (stack, _), *_ = stacks.most_common(1)
    assert stack[0] == ("$call_spin", 6)
    assert stack[1][0] == "$spin"
    assert stack[1][1] in (3, 4)
    assert len(stack) == 2


def test_time_in_the_host_is_the_host_s(observer: Observer | None) -> None:
    released = threading.Event()

    def wait() -> None:
        released.wait(60)

    store, inst = guest(wait, observer)
    sampler = Sampler(store, Modules(), 0.001)

    def release() -> None:
        while len(sampler.profile("").lanes[0].samples) < 30:
            time.sleep(0.001)
        released.set()

    with sampler:
        threading.Thread(target=release).start()
        call(store, inst, "wait")
    samples = sampler.profile("").lanes[0].samples
    stacks = Counter(tuple((spot.name, spot.category.name) for spot in sample.stack) for sample in samples)
    assert stacks.most_common(1)[0][0] == (("$call_wait", "WebAssembly"), ("host env.wait", "Host"))


def test_deep_stacks_keep_what_is_innermost(observer: Observer | None) -> None:
    store, inst = guest(lambda: None, observer)
    stacks = sampled(store, lambda: call(store, inst, "deep", 1000))
    (stack, _), *_ = stacks.most_common(1)
    assert len(stack) == 257
    assert stack[0] == ("(more callers)", None)
    assert stack[-1][0] == "$spin"
    assert {name for name, _ in stack[1:-1]} == {"$deep"}


def test_weights_are_the_time_that_passed() -> None:
    store, inst = guest(lambda: None, None)
    sampler = Sampler(store, Modules(), 0.002)
    timer = threading.Timer(0.2, lambda: store.request_stop(Exhaustion(TrapCode.INTERRUPT)))
    with sampler:
        timer.start()
        with pytest.raises(Trap):
            call(store, inst, "spin")
    (lane,) = sampler.profile("").lanes
    times = [sample.time for sample in lane.samples]
    assert times == sorted(times)
    assert sum(sample.weight for sample in lane.samples) == pytest.approx(times[-1] - times[0] + lane.samples[0].weight)


def test_where_nothing_runs_is_nowhere() -> None:
    store, _ = guest(lambda: None, None)
    assert position(store, threading.get_ident()) == (None, 0, None)
    assert position(store, 0) == (None, 0, None)


# --- the command line ------------------------------------------------------------------------------------------------


def refsfi(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "refsfi", "run", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.wat").write_text('(module (func $f (export "f") (loop $l (br $l))) (func (export "g")))')
    return tmp_path


def test_a_guest_profile_is_written_however_it_ends(folder: Path) -> None:
    done = refsfi(folder, "--profile=guest,out.json,2ms", "-W", "timeout=500ms", "--invoke", "f", "m.wat")
    assert done.returncode == 134
    data = json.loads((folder / "out.json").read_text())
    (thread,) = data["threads"]
    strings = data["shared"]["stringArray"]
    assert {strings[name] for name in thread["funcTable"]["name"]} == {"$f"}
    assert thread["samples"]["length"] > 10
    assert (data["meta"]["interval"], data["meta"]["product"]) == (2, "m.wat")


def test_the_file_has_a_name_of_its_own(folder: Path) -> None:
    done = refsfi(folder, "--profile=guest", "--invoke", "g", "m.wat")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((folder / "refsfi-guest-profile.json").read_text())["meta"]["interval"] == 10


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("guest,x,fast", "--profile=guest,x,fast: 'fast' is not a duration"),
        ("guest,x,1us", "--profile=guest,x,1us: the interval must be 1ms or more"),
        ("gest", "--profile=gest: known are perfmap, jitdump, guest"),
    ],
)
def test_wrong_usage_is_told(folder: Path, option: str, told: str) -> None:
    done = refsfi(folder, f"--profile={option}", "--invoke", "g", "m.wat")
    assert done.returncode == 2
    assert done.stderr.startswith(f"refsfi run: {told}")


def test_a_file_that_cannot_be_written_is_told(folder: Path) -> None:
    done = refsfi(folder, "--profile=guest,no/where", "--invoke", "f", "m.wat")
    assert (done.returncode, done.stderr) == (1, "error: no/where: no such file or directory\n")


def test_what_is_sampled_is_interpreted(folder: Path) -> None:
    done = refsfi(folder, "--profile=guest", "--jit=force", "--invoke", "g", "m.wat")
    assert done.returncode == 2
    assert "--jit=force with --profile=guest: what is watched is interpreted" in done.stderr
