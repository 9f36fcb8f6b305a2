"""The wall-clock limit of a run.

Where it can be, it is kept by a signal, which gets through whatever the process does: sleeping in the kernel, waiting
for a file. First the guest is asked to stop; it looks at each call and backward branch, and between the pieces of long
instructions. Where it does not look soon, because it is not the guest that takes the time (a large function is being
read, say), the trap is raised on the spot.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from refsfi.errors import Exhaustion, TrapCode
from refsfi.runtime.store import Store

__all__ = ["time_limit"]

# Seconds between asking and raising.
_PATIENCE: Final = 0.005
# The operating system's timers count no further than this many seconds.
_LONGEST: Final = 1e8


@contextmanager
def time_limit(store: Store, seconds: float | None) -> Iterator[None]:
    """Have the store's guest stopped `seconds` from now, while the block runs; None for no limit."""
    if seconds is None:
        yield
    elif seconds == 0:
        store.request_stop(Exhaustion(TrapCode.INTERRUPT))
        yield
    elif threading.current_thread() is threading.main_thread():
        with _by_signal(store, min(seconds, _LONGEST)):
            yield
    else:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), _ask, (store,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _ask(store: Store) -> None:
    store.request_stop(Exhaustion(TrapCode.INTERRUPT))


@contextmanager
def _by_signal(store: Store, seconds: float) -> Iterator[None]:
    running = True

    def ring(*_: Any) -> None:
        if not running:
            return
        if store.stop is not None:
            raise Exhaustion(TrapCode.INTERRUPT)
        _ask(store)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _PATIENCE)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
