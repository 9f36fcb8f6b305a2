"""The wall-clock limit of a run.

When it is over the guest is asked to stop; it looks at each call and backward branch, and between the pieces of long
instructions. In the main thread a signal does that, which gets through whatever the process does, sleeping in the
kernel included; where the guest does not look soon, because it is not the guest that takes the time (a large function
is being read, say), the next one raises the trap on the spot.
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

# Seconds between asking and raising, and until the trap is raised again.
_PATIENCE: Final = 0.005
_AGAIN: Final = 0.25
# The operating system's timers count no further than this many seconds.
_LONGEST: Final = 1e8


@contextmanager
def time_limit(store: Store, seconds: float | None) -> Iterator[None]:
    """Have the store's guest stopped `seconds` from now, while the block runs; None for no limit."""
    if seconds is None:
        yield
    elif seconds == 0:
        _ask(store)
        yield
    elif threading.current_thread() is threading.main_thread():
        with _by_thread(store, seconds), _by_signal(store, seconds):
            yield
    else:
        with _by_thread(store, seconds):
            yield


def _ask(store: Store) -> None:
    store.request_stop(Exhaustion(TrapCode.INTERRUPT))


@contextmanager
def _by_thread(store: Store, seconds: float) -> Iterator[None]:
    """Only asks, and waits for its turn to do so; but it gets through to compiled code, during which Python handles no
    signals."""
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), _ask, (store,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _by_signal(store: Store, seconds: float) -> Iterator[None]:
    running = True
    asked = False

    def ring(*_: Any) -> None:
        nonlocal asked
        if not running:
            return
        if asked:
            # Once more, much later: Python drops what is raised while it frees an object.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            raise Exhaustion(TrapCode.INTERRUPT)
        asked = True
        _ask(store)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST))
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
