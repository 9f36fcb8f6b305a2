"""Lets Python's signal handlers run while a guest loops in compiled code.

Python runs them in the main thread, between two of its own instructions, of which there are none while compiled code
runs. So a thread looks every few milliseconds whether some store is in compiled code, and has it leave at its next poll
as if the host wanted it to stop; finding that nobody does, it goes on. Between two such looks lies far more work than
leaving costs.

The thread begins with the first entry into compiled code, and sleeps longer while it finds nothing to do.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Final

from jit.x64 import layout as at
from jit.x64.contexts import VMS

__all__ = ["TICK", "start"]

# Seconds between two looks while something runs, and while nothing does.
_BUSY: Final = 0.005
_IDLE: Final = 0.02

# In the VM context's STOP: leave, but nobody has asked for it.
TICK: Final = 2

_lock = threading.Lock()
_thread: threading.Thread | None = None


def start() -> None:
    """Have the thread, in this process."""
    global _thread
    if _thread is not None:
        return
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="refsfi-ticker", daemon=True)
            _thread.start()


def _run() -> None:
    while True:
        time.sleep(_BUSY if _tick() else _IDLE)


def _tick() -> bool:
    """Have whatever runs leave; whether something does. Keeps no context alive between two looks."""
    stop = at.STOP // 8
    ticked = False
    try:
        for vm in list(VMS):
            if vm.running:
                ticked = True
                if vm.words[stop] == 0:
                    vm.words[stop] = TICK
    except RuntimeError:
        # A store was made or freed meanwhile.
        ticked = True
    return ticked


def _forget_thread() -> None:
    """In the child of a fork, which has no other threads."""
    global _lock, _thread
    _lock = threading.Lock()
    _thread = None


os.register_at_fork(after_in_child=_forget_thread)
