"""What the interface keeps about a store, beside what the machine keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ReferenceType, ref

from refsfi.api.engine import EngineState
from refsfi.api.errors import WasmtimeError
from refsfi.api.interrupt import WATCH
from refsfi.errors import Exhaustion, TrapCode
from refsfi.runtime.store import HostFunc, Instance, Store

if TYPE_CHECKING:
    from refsfi.host.wasi import Wasi

__all__ = ["Context", "StoreContext", "in_turn"]

_T = TypeVar("_T")


class StoreContext:
    """What stands for a store in a call: the `Store` itself, or the `Caller` that a host function gets. Not to be made
    otherwise."""

    __slots__ = ()

    # Absent once the store is closed, or the call of the host function over: then its use is a ValueError.
    _context: Context


class Context(Store):
    """The machine's store with what belongs to the interface.

    `handle` refers to the embedder's `Store`; once that is gone, or was closed, the context is `released`. `owner` is
    the thread that executes a guest of this store, None while none does.

    `epoch_deadline` is an epoch, `time_deadline` a `time.monotonic()`, both None for none; `cancelled` asks for one
    interruption. `call_timeout` is how long (seconds) a call from outside may take, `watched` when the watching thread
    will look. `instances`, `tables` and `memories` count what was created, `quota` holds their limits (None: none).
    """

    __slots__ = (
        "_living",
        "_wasi",
        "_wasi_functions",
        "call_timeout",
        "cancelled",
        "data",
        "engine",
        "epoch_deadline",
        "handle",
        "instances",
        "memories",
        "owner",
        "quota",
        "released",
        "tables",
        "time_deadline",
        "watched",
    )

    def __init__(self, engine: EngineState, data: Any, handle: object) -> None:
        super().__init__(engine.limits, 0 if engine.settings.consume_fuel else None)
        self.engine = engine
        self.data = data
        self.handle = ref(handle)
        self.owner: int | None = None
        self.epoch_deadline: int | None = None
        self.time_deadline: float | None = None
        self.watched: float | None = None
        self.cancelled = False
        self.call_timeout = engine.settings.timeout
        self._wasi: Wasi | None = None
        self._wasi_functions: dict[str, dict[str, HostFunc]] = {}
        self.quota: tuple[int, int, int] | None = None
        self.released = False
        self._living: set[ReferenceType[Instance]] = set()
        self.instances = 0
        self.tables = 0
        self.memories = 0
        if engine.settings.epoch_interruption:
            self.epoch_deadline = 0
            engine.watch(self)

    # --- lifetime

    def made(self, instance: Instance) -> None:
        """An instance was made in the store."""
        self._living.add(ref(instance, self._living.discard))

    def release(self) -> None:
        """Free what the instances hold, memories above all, at once. An instance refers to itself, through its
        functions, and else would wait for Python's garbage collection."""
        self.released = True
        for reference in list(self._living):
            instance = reference()
            if instance is not None:
                instance.dissolve()
        self._living.clear()
        self.close_wasi()
        self._wasi_functions = {}

    # --- one thread at a time

    def check_thread(self) -> None:
        """WasmtimeError where another thread is executing in this store."""
        if self.owner is not None and self.owner != get_ident():
            raise _busy()

    # --- interruption

    def update_stop(self) -> None:
        """Bring `stop` in line with the deadlines. Any thread may call it, and a signal handler in the middle of it.
        Each call makes a new trap, because a trap that was raised keeps its backtrace."""
        with WATCH.lock:
            while True:
                over = self._is_over()
                self.request_stop(Exhaustion(TrapCode.INTERRUPT) if over else None)
                # A signal handler may have asked for more in between.
                if self._is_over() == over:
                    return

    def _is_over(self) -> bool:
        return (
            self.cancelled
            or (self.epoch_deadline is not None and self.engine.epoch >= self.epoch_deadline)
            or (self.time_deadline is not None and time.monotonic() >= self.time_deadline)
        )

    def interrupt(self) -> None:
        """Stop what is being executed, if anything is."""
        if self.owner is not None:
            self.cancelled = True
            self.update_stop()

    def interrupt_thread(self, thread: int | None) -> None:
        """Likewise, if it is this thread that executes."""
        if thread is not None and self.owner == thread:
            self.interrupt()

    def settle(self) -> None:
        """Forget an interruption that came too late for the call it was meant for."""
        self.cancelled = False
        self.update_stop()

    def set_time_deadline(self, deadline: float | None) -> None:
        self.check_thread()
        self.time_deadline = deadline
        self.update_stop()
        if deadline is not None:
            WATCH.add(deadline, self)

    @contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Within the block guests have so long in all. Limits nest: the earlier one counts."""
        before = self.time_deadline
        deadline = time.monotonic() + seconds
        self.set_time_deadline(deadline if before is None else min(before, deadline))
        try:
            yield
        finally:
            self.set_time_deadline(before)

    # --- WASI

    def set_wasi(self, wasi: Wasi) -> None:
        self._wasi = wasi
        self._wasi_functions = {}

    def close_wasi(self) -> None:
        """Close what the guest has opened. Its functions report BADF afterwards."""
        if self._wasi is not None:
            self._wasi.close()

    def wasi_function(self, module: str, name: str) -> HostFunc:
        """WasmtimeError where the store was given no WASI."""
        functions = self._wasi_functions.get(module)
        if functions is None:
            if self._wasi is None:
                raise WasmtimeError("the store has no WASI: call `Store.set_wasi` with a `WasiConfig` first")
            functions = self._wasi_functions[module] = self._wasi.imports(self, module)
        return functions[name]

    # --- limits

    def count(self, instances: int, tables: int, memories: int) -> None:
        """Add to what exists. WasmtimeError, and nothing added, where a limit forbids it."""
        if self.quota is not None:
            most = self.quota
            for what, have, more, limit in (
                ("instance", self.instances, instances, most[0]),
                ("table", self.tables, tables, most[1]),
                ("memory", self.memories, memories, most[2]),
            ):
                if more and have + more > limit:
                    raise WasmtimeError(f"resource limit exceeded: {what} count too high at {have + more}")
        self.instances += instances
        self.tables += tables
        self.memories += memories


def in_turn(context: Context, run: Callable[..., _T], *arguments: Any) -> _T:
    """What `run(context, *arguments)` returns, which may execute guests of the store: one thread at a time, within the
    time that a call from outside may take. WasmtimeError where another thread executes."""
    me = get_ident()
    owner = context.owner
    if owner is not None:
        if owner != me:
            raise _busy()
        return run(context, *arguments)
    try:
        # No other thread can come between the test and this, as there is no call in between.
        context.owner = me
        if context.call_timeout is None:
            return run(context, *arguments)
        with context.time_limit(context.call_timeout):
            return run(context, *arguments)
    finally:
        context.owner = None
        if context.cancelled:
            context.settle()


def _busy() -> WasmtimeError:
    return WasmtimeError(
        "the store is in use by another thread: a store belongs to one thread at a time; give each thread a store of "
        "its own, or guard the store with a lock"
    )
