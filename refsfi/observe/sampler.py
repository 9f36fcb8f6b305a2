"""A sampling profiler of what is interpreted: a thread looks at the guest's stack every few milliseconds.

The guest pays nothing but for the moments in which the other thread runs. That thread reads while it holds Python's
lock, so that the guest stands still. Should the lock change hands meanwhile, and the guest get into another function,
the sample is thrown away.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Final

from refsfi.exec.code import FuncCode
from refsfi.exec.position import pc_of, position
from refsfi.observe.export.model import Category, Lane, Profile, Sample, Spot
from refsfi.observe.modules import Modules
from refsfi.runtime.store import Store

__all__ = ["Sampler"]

WASM: Final = Category("WebAssembly", "purple")
HOST: Final = Category("Host", "blue")

# Deeper stacks lose what is outermost.
_DEEPEST: Final = 256
_LEFT_OUT: Final = Spot("(more callers)", WASM)


class Sampler:
    """Samples what the calling thread runs in a store, from `with` to its end. `interval` in seconds; Python's threads
    change at least twice as often meanwhile."""

    def __init__(self, store: Store, modules: Modules, interval: float = 0.01) -> None:
        self._store = store
        self._modules = modules
        self._interval = interval
        self._thread = threading.get_ident()
        self._stop = threading.Event()
        self._samples: list[Sample] = []
        self._spots: dict[tuple[FuncCode, int], Spot] = {}
        self._stacks: dict[tuple[Spot, ...], tuple[Spot, ...]] = {}
        self._began = time.time()
        self._start = time.perf_counter()
        self._switching = 0.0
        self._sampling = threading.Thread(target=self._run, name="refsfi-sampler", daemon=True)

    def __enter__(self) -> Sampler:
        self._switching = sys.getswitchinterval()
        sys.setswitchinterval(min(self._switching, self._interval / 2))
        self._sampling.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setswitchinterval(self._switching)
        self._stop.set()
        self._sampling.join()

    def profile(self, name: str) -> Profile:
        """What was sampled. A sample weighs the time since the one before it, in ms."""
        lane = Lane("WebAssembly", threading.main_thread().native_id or 0, self._samples)
        return Profile(name, [lane], self._interval * 1000, "ms", self._began)

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        last = due = self._start
        while True:
            due += self._interval
            if self._stop.wait(max(0.0, due - time.perf_counter())):
                return
            now = time.perf_counter()
            stack = self._stack()
            if stack is None:
                continue
            if stack:
                kept = self._stacks.setdefault(stack, stack)
                self._samples.append(Sample((now - self._start) * 1000, kept, (now - last) * 1000))
            last = now
            # What could not be sampled in time is not made up for.
            due = max(due, now)

    def _stack(self) -> tuple[Spot, ...] | None:
        """What the guest is doing, outermost first; None where it went on meanwhile."""
        innermost, pc, host = position(self._store, self._thread)
        spots = [] if host is None else [Spot(f"host {host.name or 'function'}", HOST)]
        frame = innermost
        while frame is not None and len(spots) < _DEEPEST:
            if frame.code is not None:
                spots.append(self._spot(frame.code, pc))
            frame = frame.caller
            if frame is not None:
                # A suspended frame goes on behind its call.
                pc = pc_of(frame, frame.ip - 1)
        if frame is not None:
            spots.append(_LEFT_OUT)
        return tuple(reversed(spots)) if self._store.frame is innermost else None

    def _spot(self, code: FuncCode, pc: int) -> Spot:
        spot = self._spots.get((code, pc))
        if spot is None:
            view = self._modules.view(code.program)
            func = view.module.funcs[code.index]
            at = func.body[pc].at
            source = view.module.source
            if source is None:
                spot = Spot(view.func(code.func_index), WASM, view.path, address=at)
            else:
                line, column = source.position(at)
                begin, _ = source.position(func.at)
                spot = Spot(view.func(code.func_index), WASM, view.path, line, column, begin=begin)
            self._spots[code, pc] = spot
        return spot
