"""Where the machine is, as another thread finds it: for profilers that sample.

The index of the step that is being executed is a local variable of the machine's loop and nowhere else, as a store to
memory at every step would cost more than the step. Python shows another thread's local variables to whoever holds its
lock.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Final

from refsfi.exec.calls import call_host
from refsfi.exec.machine import _run
from refsfi.exec.observed import run_observed
from refsfi.runtime.store import Frame, HostFunc, Store

__all__ = ["Position", "pc_of", "position"]

# The loops, and the variables that hold the frame they run and the index of its step.
_LOOPS: Final[dict[CodeType, tuple[str, str]]] = {
    _run.__code__: ("f", "ip"),
    run_observed.__code__: ("frame", "pc"),
}

# The innermost frame, None where no guest runs; the instruction it is at; the function of the host that it is in.
Position = tuple[Frame | None, int, HostFunc | None]


def position(store: Store, thread: int) -> Position:
    """Where the guest of a store is that is run by this thread (`threading.get_ident`)."""
    frame = store.frame
    host: HostFunc | None = None
    python: FrameType | None = sys._current_frames().get(thread)
    while python is not None:
        if python.f_code is call_host.__code__ and host is None:
            host = python.f_locals.get("func")
        names = _LOOPS.get(python.f_code)
        if names is not None:
            variables = python.f_locals
            if variables.get(names[0]) is frame and frame is not None:
                return frame, pc_of(frame, variables.get(names[1], 0)), host
            break
        python = python.f_back
    # It has just been called, and the loop has not come to it.
    return frame, 0, None


def pc_of(frame: Frame, ip: int) -> int:
    """The instruction that a step of a frame stands for; the first one where there is no such step."""
    code = frame.code
    if code is None or ip < 0:
        return 0
    lowered = code.lowered
    if lowered is not None and frame.ops is not lowered.steps:
        lowered = code.stepwise_
    return 0 if lowered is None or ip >= len(lowered.pcs) else lowered.pcs[ip]
