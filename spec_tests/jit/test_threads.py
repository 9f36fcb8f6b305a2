"""Threads, interruption, forks and callbacks while code is compiled."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from jit.options import Options
from jit.portable import Portable
from jit.tier import JitTier
from jit.x64.backend import X64Backend
from refsfi.errors import Exhaustion, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import FuncInst, HostFunc, Store
from refsfi.runtime.values import Value
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import ALL
from refsfi.syntax.types import I32, FuncType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

EAGER = Options(hot_loop=2, hot_call=2, hot_exit=2, exits_per_value=0, stretch=0)
ENDLESS = """(module (global (export "n") (mut i64) (i64.const 0))
    (func (export "f") (loop $l
      (global.set 0 (i64.add (global.get 0) (i64.const 1)))
      (br $l))))"""
# Headers of loops right behind each other, and a loop that never comes to its outer one's back-edge.
NESTED = """(module (global (export "n") (mut i64) (i64.const 0))
    (func (export "f") (loop $a (loop $b (block)
      (global.set 0 (i64.add (global.get 0) (i64.const 1)))
      (br_if $b (i32.const 1)) (br $a)))))"""
RECURSIVE = """(module (func $f (export "f") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1))))))))"""


class Guest:
    """A module in a store of its own."""

    def __init__(
        self,
        text: str,
        tier: JitTier | None,
        imports: Sequence[HostFunc] = (),
        *,
        stack: int = 1 << 20,
        fuel: int | None = None,
    ) -> None:
        module = parse_module(text, ALL)
        self.store = Store(Limits(stack=stack), fuel=fuel)
        self.program = Program(module, validate(module, ALL), metered=fuel is not None, tier=tier)
        self.instance = instantiate(self.store, self.program, list(imports))

    def call(self, name: str, *arguments: Value) -> list[Value]:
        func = self.instance.exports[name]
        assert isinstance(func, FuncInst)
        return invoke(self.store, func, list(arguments))

    @property
    def n(self) -> int:
        exported: Any = self.instance.exports["n"]
        return int(exported.value)


def tier(backend: str = "x64", options: Options = EAGER) -> JitTier:
    return JitTier(X64Backend(options) if backend == "x64" else Portable(), options)


def waits_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.001)


def runs_until_stopped(guest: Guest, stop: Callable[[], None]) -> float:
    """Seconds from the request to stop until the loop has stopped."""
    at: list[float] = []

    def ask() -> None:
        waits_until(lambda: guest.n > 1_000_000)
        at.append(time.monotonic())
        stop()

    thread = threading.Thread(target=ask)
    thread.start()
    with pytest.raises(Exhaustion) as caught:
        guest.call("f")
    ended = time.monotonic()
    thread.join()
    assert caught.value.code is TrapCode.INTERRUPT
    return ended - at[0]


@pytest.mark.parametrize("text", [ENDLESS, NESTED], ids=["loop", "nested"])
def test_another_thread_stops_a_native_loop(text: str) -> None:
    guest = Guest(text, tier())
    seconds = runs_until_stopped(guest, lambda: guest.store.request_stop(Exhaustion(TrapCode.INTERRUPT)))
    # Milliseconds where nothing else runs; a machine that is busy may take its time.
    assert seconds < 2
    guest.store.request_stop(None)
    assert guest.store.room == guest.store.limits.stack


def test_ctrl_c_out_of_a_native_loop() -> None:
    guest = Guest(ENDLESS, tier())

    def press() -> None:
        waits_until(lambda: guest.n > 1_000_000)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        guest.call("f")
    thread.join()
    before = guest.n
    assert before > 1_000_000


def test_two_sandboxes_run_at_once() -> None:
    """Both get ahead while both are in one endless call each: native loops do not hold the interpreter's lock."""
    shared = tier()
    guests = [Guest(ENDLESS, shared), Guest(ENDLESS, shared)]
    ends: list[TrapCode] = []

    def run(guest: Guest) -> None:
        try:
            guest.call("f")
        except Exhaustion as end:
            ends.append(end.code)

    threads = [threading.Thread(target=run, args=(guest,)) for guest in guests]
    for thread in threads:
        thread.start()
    waits_until(lambda: all(guest.n > 1_000_000 for guest in guests))
    first = [guest.n for guest in guests]
    waits_until(lambda: all(guest.n > n + 1_000_000 for guest, n in zip(guests, first)))
    for guest in guests:
        guest.store.request_stop(Exhaustion(TrapCode.INTERRUPT))
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert ends == [TrapCode.INTERRUPT] * 2


def test_stores_come_and_go_in_threads_while_others_compile() -> None:
    """Contexts are made, code is compiled and freed, and loops run, all at once."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(25):
                guest = Guest(RECURSIVE, tier())
                for depth in (3, 20, 7):
                    assert guest.call("f", depth + number + turn) == [depth + number + turn]
        except BaseException as failure:
            failures.append(failure)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []


def test_a_fork_while_code_exists() -> None:
    """The child runs what was compiled before, and compiles more, and the parent does not notice."""
    guest = Guest(RECURSIVE, tier())
    assert [guest.call("f", n) for n in (5, 6, 7, 8)] == [[5], [6], [7], [8]]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            other = Guest(RECURSIVE.replace("i32.const 1) (call", "i32.const 2) (call"), tier())
            right = [[n] for n in range(9)] == [guest.call("f", n) for n in range(9)]
            right &= [[2 * n] for n in range(9)] == [other.call("f", n) for n in range(9)]
            status = 0 if right else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [guest.call("f", n) for n in range(9)] == [[n] for n in range(9)]


@pytest.mark.parametrize("stack", [4_000, 65_536, 1 << 20])
@pytest.mark.parametrize("backend", ["x64", "portable"])
def test_the_stack_is_exhausted_at_the_same_depth(backend: str, stack: int) -> None:
    """To the activation: the deepest call that succeeds, and the backtrace of the next."""
    plain, compiled = Guest(RECURSIVE, None, stack=stack), Guest(RECURSIVE, tier(backend), stack=stack)
    for _ in range(4):
        compiled.call("f", 10)
    low, high = 0, stack
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            plain.call("f", middle)
            low = middle
        except Exhaustion:
            high = middle
    assert compiled.call("f", low) == [low]
    places = []
    for guest in (plain, compiled):
        with pytest.raises(Exhaustion) as caught:
            guest.call("f", high)
        assert caught.value.code is TrapCode.STACK_OVERFLOW
        places.append([(frame.func_index, frame.instr) for frame in caught.value.frames])
    assert places[0] == places[1]


CALLBACK = """(module (import "env" "host" (func $host (param i32) (result i32)))
    (func $f (export "f") (param i32) (result i32) (local i32 i32)
      (loop $l
        (local.set 2 (i32.add (local.get 2) (call $g (local.get 0))))
        (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 5))))
      (local.get 2))
    (func $g (export "g") (param i32) (result i32)
      (i32.add (i32.const 1) (call $host (local.get 0)))))"""
_UNARY = func_deftype(FuncType((I32,), (I32,)))


@pytest.mark.parametrize("backend", ["x64", "portable"])
def test_the_host_calls_back_into_compiled_code(backend: str) -> None:
    """While activations wait, some of them compiled, the host enters the same regions, three deep."""

    def run(chosen: JitTier | None) -> list[Value]:
        guest: Guest

        def host(n: int) -> list[Value]:
            return guest.call("f", n - 1) if n > 0 else [1]

        guest = Guest(CALLBACK, chosen, [HostFunc(_UNARY, host)], fuel=1_000_000)
        results = [value for n in (0, 1, 2, 3, 1, 0) for value in guest.call("f", n)]
        return [*results, guest.store.fuel, guest.store.room]

    assert run(tier(backend)) == run(None)


@pytest.mark.parametrize("backend", ["x64", "portable"])
def test_exceptions_of_the_host_cross_compiled_activations(backend: str) -> None:
    class Odd(Exception):
        pass

    calls = 0

    def host(n: int) -> list[Value]:
        nonlocal calls
        calls += 1
        if calls % 13 == 0:
            raise Odd(calls)
        return [n]

    guest = Guest(CALLBACK, tier(backend), [HostFunc(_UNARY, host)])
    raised = 0
    for _ in range(40):
        try:
            assert guest.call("f", 3) == [20]
        except Odd:
            raised += 1
        assert guest.store.frame is None
        assert guest.store.at is None
        assert guest.store.room == guest.store.limits.stack
    assert raised == calls // 13 > 5


def test_a_trap_in_a_callback_can_be_caught_by_the_host() -> None:
    caught: list[TrapCode] = []

    def host(n: int) -> list[Value]:
        if n == 0:
            return [1]
        try:
            return guest.call("f", n - 1) if n < 3 else guest.call("f", 1 << 31)
        except Trap as trap:
            caught.append(trap.code)
            return [100]

    text = CALLBACK.replace(
        "(local i32 i32)",
        "(local i32 i32) (if (i32.lt_s (local.get 0) (i32.const 0)) (then (drop (call $f (local.get 0)))))",
    )
    guest: Guest = Guest(text, tier(), [HostFunc(_UNARY, host)], stack=20_000)
    plain: list[Value] = guest.call("f", 3)
    for _ in range(5):
        assert guest.call("f", 3) == plain == [505]
    assert set(caught) == {TrapCode.STACK_OVERFLOW}
