"""Of a session whose guest has failed: the failure, in the shapes that explanations and core dumps are made from."""

from __future__ import annotations

from refsfi.debug.explain import Explanation, explain
from refsfi.debug.model import DebugError, Reason
from refsfi.debug.session import Session
from refsfi.errors import GuestException, Trap
from refsfi.exec.postmortem import PostMortem

__all__ = ["explanation_of", "failure_of"]

# Lines about calls of the host before: what led to a failure, not everything that the guest has done.
_MOST_CALLS = 8


def failure_of(session: Session) -> tuple[Trap | GuestException, PostMortem]:
    """What the guest failed with, and its frames as they stand. DebugError where it has not failed."""
    stop = session.stop
    error: Trap | GuestException
    if stop.trap is not None:
        error = stop.trap
    elif stop.reason is Reason.EXCEPTION:
        error = GuestException(stop.exception)
        error.frames = [view.place.code.trace_frame(view.place.pc) for view in session.frames()]
    else:
        raise DebugError("the guest has not failed")
    witness = PostMortem()
    frame, place = session.store.frame, session.place
    if frame is not None and place is not None:
        # Brought to the form in which every operand is in its slot.
        session.frames()
        witness.failed(frame, place.pc, place.pc, error)
    return error, witness


def explanation_of(session: Session) -> Explanation:
    """DebugError where the guest has not failed."""
    error, witness = failure_of(session)
    calls = [line for call in session.host_calls()[-_MOST_CALLS:] for line in call.decisions]
    return explain(error, witness, [line.removeprefix("wasi: ") for line in calls])
