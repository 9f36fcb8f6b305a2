"""A guest is stopped soon after its time is over, whatever it does then."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import pytest
from guests import ENDLESS, Sandbox, Stopwatch, program

from refsfi.binary.encode import encode
from refsfi.cli.timeout import time_limit
from refsfi.errors import Exhaustion, TrapCode
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Store
from refsfi.text.parser import parse_module

LIMIT = 0.15
# Seconds: what is promised. Another process may take the processor at the wrong moment, so one of the attempts counts.
LATE = 0.020
ATTEMPTS = 10

WAYS = [export.name for export in parse_module(ENDLESS).exports if export.name != "memory"]


def overrun(run: Callable[[], object], store: Store) -> float:
    """Seconds from the end of the time to the trap."""
    watch = Stopwatch()
    with pytest.raises(Exhaustion) as caught, time_limit(store, LIMIT):
        run()
    late = watch.seconds - LIMIT
    assert caught.value.code is TrapCode.INTERRUPT
    return late


@pytest.fixture
def endless() -> Iterator[Sandbox]:
    yield Sandbox(ENDLESS)
    # Hundreds of megabytes that would otherwise be given back in the middle of another test's time.
    gc.collect()


@pytest.mark.parametrize("way", WAYS)
def test_stopped_within_twenty_milliseconds(endless: Sandbox, way: str) -> None:
    seen = []
    for _ in range(ATTEMPTS):
        endless.store.stop = None  # of the attempt before
        seen.append(overrun(lambda: endless.call(way), endless.store))
        if 0 <= seen[-1] <= LATE:
            return
    pytest.fail(f"late by {', '.join(f'{1000 * s:.1f}' for s in seen)} ms")


def test_the_trap_tells_where_it_was(endless: Sandbox) -> None:
    with pytest.raises(Exhaustion) as caught, time_limit(endless.store, LIMIT):
        endless.call("loop")
    assert [frame.func_index for frame in caught.value.frames] == [0]
    assert endless.store.frame is None


def test_reading_a_large_function_takes_no_longer() -> None:
    """It takes seconds, in which no instruction of the guest runs. What was read of it must be freed, hence later."""
    module = parse_module(
        """(module (func (export "f") (local i32) (local.set 0 (i32.add (local.get 0) (i32.const 1)))))"""
    )
    *body, end = module.funcs[0].body
    module.funcs[0].body = [*body * 500_000, end]
    store = Store()
    func = instantiate(store, load_program(encode(module), lazy=True), ()).exports["f"]
    # Collecting what the process's other tests have left is a moment that no limit interrupts.
    gc.freeze()
    try:
        assert overrun(lambda: invoke(store, func, ()), store) < 25 * LATE
    finally:
        gc.unfreeze()


def test_a_start_function_is_stopped_too() -> None:
    store = Store()
    endless = program("(module (func $f (loop (br 0))) (start $f))")
    overrun(lambda: instantiate(store, endless, ()), store)


def test_in_another_thread() -> None:
    found: list[float] = []

    def run() -> None:
        sandbox = Sandbox(ENDLESS)
        found.append(overrun(lambda: sandbox.call("loop"), sandbox.store))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert len(found) == 1


def test_no_time_at_all(endless: Sandbox) -> None:
    with pytest.raises(Exhaustion), time_limit(endless.store, 0):
        endless.call("loop")


def test_who_is_done_in_time_is_not_disturbed() -> None:
    quick = Sandbox('(module (func (export "f") (result i32) (i32.const 5)))')
    watch = Stopwatch()
    with time_limit(quick.store, 0.05):
        assert quick.call("f") == [5]
    while watch.seconds < 0.1:
        assert quick.call("f") == [5]
    assert quick.store.stop is None
