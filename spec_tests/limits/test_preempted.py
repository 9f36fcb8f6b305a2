"""GHSA-2hw9: a guest is stopped, or the host does something else, in the middle of an instruction on a range or of a
loop, and afterwards nobody has a pointer into a memory that has moved."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import pytest

from jit.options import Options
from jit.portable import Portable
from jit.portable.function import Function
from jit.portable.unit import PortableUnit
from jit.tier import JitTier
from jit.x64.backend import X64Backend
from refsfi.cli.timeout import time_limit
from refsfi.errors import Exhaustion, Trap, TrapCode
from refsfi.exec import memory as instructions
from refsfi.exec.bulk import pieces
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

PAGE = 1 << 16
PAGES = 64
# `work` does something to a range for ever; `n` is how often it has. `to` and `from` are of the memory's address type.
TEXT = """(module (memory (export "m") {a} {pages} 1000) (global $n (export "n") (mut i64) (i64.const 0))
  (func (export "work") (param {a}) (loop $l
    {work}
    (global.set $n (i64.add (global.get $n) (i64.const 1)))
    (br $l)))
  (func (export "poke") (param {a} i64) (result i64)
    (i64.store (local.get 0) (local.get 1)) (i64.load (local.get 0)))
  (func (export "fill") (param {a} {a}) (memory.fill (local.get 0) (i32.const 0x55) (local.get 1)))
  (func (export "move") (param {a} {a} {a}) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "until grown") (param {a}) (result i64) (local i64)
    (loop $l
      (local.set 1 (i64.add (local.get 1) (i64.const 1)))
      (i64.store ({a}.const 8) (local.get 1))
      (br_if $l ({a}.eq (memory.size) (local.get 0))))
    (local.get 1)))"""
# Either is for compiled code up to 1 MiB, and for the interpreter, piece by piece, beyond it.
WORK = {
    "fill": "(memory.fill ({a}.const 64) (i32.const 7) (local.get 0))",
    "copy": "(memory.copy ({a}.const 64) ({a}.const 4160) (local.get 0))",
}
LENGTHS = {"short": 3 * PAGE, "long": 40 * PAGE}
OPTIONS = {"hot_loop": 2, "hot_call": 2, "hot_exit": 2, "exits_per_value": 0, "stretch": 0}
# Name, back end, type of addresses, explicit bounds. Memories with 64-bit addresses move when they grow.
TIERS = [
    (None, "i64", False),
    (None, "i32", False),
    ("x64", "i64", False),
    ("x64", "i32", False),
    ("x64", "i32", True),
    ("portable", "i64", False),
    ("portable", "i32", False),
]
tiers = pytest.mark.parametrize(
    ("backend", "address", "explicit"),
    TIERS,
    ids=[f"{b or 'interpreter'}-{a}-{'cmp' if e else 'any'}" for b, a, e in TIERS],
)


class Guest:
    def __init__(self, backend: str | None, address: str, explicit: bool, work: str = "fill") -> None:
        options = Options(explicit=explicit, **OPTIONS)
        tier = None
        if backend is not None:
            tier = JitTier(X64Backend(options) if backend == "x64" else Portable(), options)
        text = TEXT.format(a=address, pages=PAGES, work=WORK[work].format(a=address))
        module = parse_module(text, ALL)
        self.store = Store()
        self.instance = instantiate(self.store, Program(module, validate(module, ALL), tier=tier), ())
        self.memory: MemInst = self.instance.mems[0]
        self.moves = address == "i64"

    def call(self, name: str, *arguments: int) -> Any:
        func: Any = self.instance.exports[name]
        return invoke(self.store, func, list(arguments))

    @property
    def n(self) -> int:
        exported: Any = self.instance.exports["n"]
        return int(exported.value)

    def grow(self) -> memoryview:
        """Add a page, with a view of the bytes of before, so that they cannot stay where they are if they ever move."""
        before, base = memoryview(self.memory.data), self.memory.base
        assert self.memory.grow(1) is not None
        assert (self.memory.base != base) is self.moves
        return before


def by_request(guest: Guest, act: Callable[[], object]) -> None:
    with Waiting(guest, lambda: guest.store.request_stop(Exhaustion(TrapCode.INTERRUPT))):
        assert stopped(act) is TrapCode.INTERRUPT
    guest.store.request_stop(None)


def by_time(guest: Guest, act: Callable[[], object]) -> None:
    with time_limit(guest.store, 0.1):
        assert stopped(act) is TrapCode.INTERRUPT
    guest.store.request_stop(None)


def by_ctrl_c(guest: Guest, act: Callable[[], object]) -> None:
    main = threading.main_thread().ident
    assert main is not None
    # What is raised in a destructor is lost, so no guest of before may be destroyed in the middle of this one.
    gc.collect()
    raised: BaseException | None = None
    with Waiting(guest, lambda: signal.pthread_kill(main, signal.SIGINT)):
        try:
            act()
        except BaseException as error:
            raised = error
    assert isinstance(raised, KeyboardInterrupt), raised


def stopped(act: Callable[[], object]) -> TrapCode:
    with pytest.raises(Exhaustion) as caught:
        act()
    return caught.value.code


class Waiting:
    """Do something from another thread once the guest has done some of its work."""

    def __init__(self, guest: Guest, act: Callable[[], object]) -> None:
        self._thread = threading.Thread(target=self._run)
        self._guest, self._act, self._from = guest, act, guest.n

    def _run(self) -> None:
        end = time.monotonic() + 5
        while self._guest.n < self._from + 4 and time.monotonic() < end:
            time.sleep(0.001)
        self._act()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


@pytest.mark.parametrize("stop", [by_request, by_time, by_ctrl_c])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("work", WORK)
@tiers
def test_ghsa_2hw9_preempted_in_a_bulk_instruction(
    backend: str | None,
    address: str,
    explicit: bool,
    work: str,
    length: str,
    stop: Callable[[Guest, Callable[[], object]], None],
) -> None:
    guest = Guest(backend, address, explicit, work)
    for turn in range(4):
        assert guest.call("poke", 8, turn) == [turn]
    for turn in range(2):
        before = guest.n
        stop(guest, lambda: guest.call("work", LENGTHS[length]))
        assert guest.n > before
        assert guest.store.frame is None
        assert guest.store.room == guest.store.limits.stack
        size = len(guest.memory.data)
        old = guest.grow()
        seen = bytes(old)
        for place in (8, size - 8, size, size + PAGE - 8):
            value = 0x0123456789ABCDEF + place + turn
            assert guest.call("poke", place, value) == [value]
            assert int.from_bytes(guest.memory.data[place : place + 8], "little") == value
        with pytest.raises(Trap) as caught:
            guest.call("poke", size + PAGE - 7, 1)
        assert caught.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS
        if guest.moves and backend != "portable":
            # Nobody writes where the memory was. What generated Python looks at is pinned: a view stays one of it.
            assert bytes(old) == seen
        old.release()


@contextmanager
def signalled(act: Callable[[], None]) -> Iterator[None]:
    """Have a function called by a signal handler in the main thread, once, and soon."""
    main = threading.main_thread().ident
    assert main is not None
    before = signal.signal(signal.SIGUSR1, lambda number, frame: act())
    timer = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGUSR1))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


@tiers
def test_a_signal_handler_grows_the_memory_under_a_loop(backend: str | None, address: str, explicit: bool) -> None:
    """What the loop stores afterwards is in the memory, and not where it was; and it sees the size."""
    guest = Guest(backend, address, explicit)
    views: list[memoryview] = []
    for turn in range(3):
        with signalled(lambda: views.append(guest.grow())), time_limit(guest.store, 5):
            (n,) = guest.call("until grown", PAGES + turn)
        assert len(views) == turn + 1
        assert int.from_bytes(guest.memory.data[8:16], "little") == n
        assert guest.call("poke", len(guest.memory.data) - 8, n) == [n]


@pytest.mark.parametrize("name", ["fill", "move up", "move down"])
@tiers
def test_the_memory_moves_between_two_pieces(
    backend: str | None, address: str, explicit: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal handler of the host may have it. The whole range is done, in the memory as it is then."""
    guest = Guest(backend, address, explicit)
    length, views = 30 * PAGE, []
    guest.memory.data[: 2 * length] = (bytes(range(251)) * (2 * length // 251 + 1))[: 2 * length]
    expected = bytearray(guest.memory.data[:])

    def grown(store: Store, *arguments: int, **options: bool) -> Iterator[tuple[int, int]]:
        for number, piece in enumerate(pieces(store, *arguments, **options)):
            if number == 1:
                views.append(guest.grow())
            yield piece

    monkeypatch.setattr(instructions, "pieces", grown)
    if name == "fill":
        expected[16 : 16 + length] = b"\x55" * length
        guest.call("fill", 16, length)
    else:
        to, source = (PAGE, 0) if name == "move up" else (0, PAGE)
        expected[to : to + length] = expected[source : source + length]
        guest.call("move", to, source, length)
    assert len(views) == 1
    assert bytes(guest.memory.data[: len(expected)]) == expected


def test_ctrl_c_while_python_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A region is not left half made: the call after that makes it whole."""
    right, interrupted = PortableUnit._compile, []

    def compile(self: PortableUnit, start: int, function: Function) -> CodeType:
        if not interrupted:
            interrupted.append(start)
            raise KeyboardInterrupt
        return right(self, start, function)

    monkeypatch.setattr(PortableUnit, "_compile", compile)
    guest = Guest("portable", "i64", False)
    results = []
    for turn in range(8):
        try:
            results += guest.call("poke", 8, turn)
        except KeyboardInterrupt:
            assert interrupted
    assert len(results) == 7
    assert int.from_bytes(guest.memory.data[8:16], "little") == results[-1] == 7
