"""Stores: where instances live, with their limits, fuel, deadlines and WASI."""

from __future__ import annotations

import gc
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from refsfi.api.context import Context, StoreContext
from refsfi.api.engine import Engine
from refsfi.api.errors import WasmtimeError
from refsfi.api.managed import Managed
from refsfi.runtime.limits import Limits
from refsfi.runtime.table import MAX_ELEMENTS

if TYPE_CHECKING:
    from refsfi.api.func import Caller
    from refsfi.api.wasi import WasiConfig

__all__ = ["AsStore", "Store"]

AsStore: TypeAlias = "Store | Caller"

_UNLIMITED = 1 << 62


class Store(StoreContext, Managed):
    """Belongs to one thread at a time: a call from a second thread while a guest runs is a WasmtimeError. Different
    stores may run in different threads. `data` is the embedder's, returned by `data()`.

    It can be used again after any trap, exception or interrupt, KeyboardInterrupt included. What is in it ends with it:
    when it is closed, or neither it nor a `Memory` of it is referred to any more, its instances and their memories are
    freed at once.
    """

    def __init__(self, engine: Engine | None = None, data: Any | None = None) -> None:
        if engine is None:
            engine = Engine()
        elif not isinstance(engine, Engine):
            raise TypeError("expected an Engine")
        self._context = Context(engine._engine, data, self)
        self.engine = engine

    def close(self) -> None:
        """End the store and what is in it. WasmtimeError while it executes a guest."""
        context = self.__dict__.get("_context")
        if context is None:
            return
        if context.owner is not None:
            raise WasmtimeError("the store executes a guest: it cannot be closed before that has returned")
        # Every use goes through this attribute, so that none has to ask whether the store is open.
        del self.__dict__["_context"]
        context.release()
        super().close()

    def __del__(self) -> None:
        context = self.__dict__.get("_context")
        if context is not None:
            context.release()

    if not TYPE_CHECKING:  # else there would be any attribute for a type checker

        def __getattr__(self, name: str) -> Any:
            if name == "_context":
                raise ValueError("already closed")
            raise AttributeError(f"'Store' object has no attribute '{name}'")

    def data(self) -> Any | None:
        """What was passed to the constructor."""
        return self._context.data

    def gc(self) -> None:
        """Collect garbage: instances and references that nothing refers to."""
        self._context.check_thread()
        gc.collect()

    # --- fuel

    def set_fuel(self, fuel: int) -> None:
        """How many instructions guests may still execute, 0 to 2**64 - 1. Needs `Config.consume_fuel`.

        An instruction costs 1; nop, drop, block, loop, unreachable, return, else and end cost nothing.
        """
        context = self._context
        _integer(fuel)
        if context.fuel is None:
            raise WasmtimeError("fuel is not configured in this store")
        context.fuel = fuel & 0xFFFFFFFFFFFFFFFF

    def get_fuel(self) -> int:
        """What is left."""
        fuel = self._context.fuel
        if fuel is None:
            raise WasmtimeError("fuel is not configured in this store")
        return fuel

    # --- interruption

    def set_epoch_deadline(self, ticks_after_current: int) -> None:
        """Stop guests once the engine's epoch was incremented that often. Needs `Config.epoch_interruption`, under
        which a store has reached its deadline when it is made."""
        context = self._context
        _integer(ticks_after_current)
        context.check_thread()
        if context.engine.settings.epoch_interruption:
            context.epoch_deadline = context.engine.epoch + ticks_after_current
            context.engine.watch(context)

    def set_timeout(self, seconds: float | None) -> None:
        """Stop guests of this store with `TrapCode.INTERRUPT` from `seconds` of wall time on, counted from now, until
        it is set again; None takes the limit away. Noticed at the guest's next call or backward branch."""
        self._context.set_time_deadline(None if seconds is None else time.monotonic() + seconds)

    def time_limit(self, seconds: float) -> AbstractContextManager[None]:
        """Within the block guests have `seconds` of wall time in all. Limits nest: the earlier one counts."""
        return self._context.time_limit(seconds)

    def interrupt(self) -> None:
        """Stop what the store is executing, once, with `TrapCode.INTERRUPT`; for other threads and signal handlers.
        Nothing happens where it executes nothing."""
        self._context.interrupt()

    # --- limits

    def set_limits(
        self,
        memory_size: int = -1,
        table_elements: int = -1,
        instances: int = -1,
        tables: int = -1,
        memories: int = -1,
        *,
        gc_heap_size: int = -1,
        trap_on_grow_failure: bool = False,
    ) -> None:
        """Bytes of each memory, elements of each table, and how many of each kind the store may come to hold; -1 for
        no limit. They hold for what is created afterwards.

        `gc_heap_size`: bytes of structures, arrays and exceptions that guests can reach, by an estimate; -1 for a
        gigabyte. `trap_on_grow_failure`: an instruction that cannot grow a memory or table traps instead of giving -1.
        """
        context = self._context
        for value in (memory_size, table_elements, instances, tables, memories, gc_heap_size):
            _integer(value)
        context.limits = replace(
            context.limits,
            memory=None if memory_size < 0 else memory_size,
            table=MAX_ELEMENTS if table_elements < 0 else table_elements,
            heap=Limits().heap if gc_heap_size < 0 else gc_heap_size,
            trap_on_grow_failure=trap_on_grow_failure,
        )
        context.heap = min(context.heap, context.limits.heap)
        counts = [_UNLIMITED if n < 0 else n for n in (instances, tables, memories)]
        context.quota = None if min(counts) == _UNLIMITED else (counts[0], counts[1], counts[2])

    # --- WASI

    def set_wasi(self, wasi: WasiConfig) -> None:
        """What functions that `Linker.define_wasi` defined do for guests of this store. Consumes the argument."""
        context = self._context
        context.check_thread()
        context.set_wasi(wasi._consume())

    def set_wasi_http(self) -> None:
        """Nothing: for programs that call it. Core modules cannot reach wasi-http."""
        self._context.check_thread()


def _integer(value: object) -> None:
    if not isinstance(value, int):
        raise TypeError("expected an int")
