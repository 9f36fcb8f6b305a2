"""Of a session whose guest has failed: the failure, in the shapes that explanations and core dumps are made from."""

from __future__ import annotations

from refsfi.debug.explain import Explanation, explain
from refsfi.debug.model import DebugError, Reason
from refsfi.debug.session import Session
from refsfi.errors import GuestException, Trap
from refsfi.exec.postmortem import PostMortem

__all__ = ["explanation_of", "failure_of", "witness_of"]

# Lines about calls of the host before: what led to a failure, not everything that the guest has done.
_MOST_CALLS = 8


def failure_of(session: Session) -> Trap | GuestException:
    """What the guest failed with. DebugError where it has not failed."""
    stop = session.stop
    if stop.trap is not None:
        return stop.trap
    if stop.reason is not Reason.EXCEPTION:
        raise DebugError("the guest has not failed")
    error = GuestException(stop.exception)
    error.frames = [view.place.code.trace_frame(view.place.pc) for view in session.frames()]
    return error


def witness_of(session: Session, error: Trap | GuestException) -> PostMortem:
    """The guest's frames as they stand; none where it is in no function."""
    witness = PostMortem()
    frame, place = session.store.frame, session.place
    if frame is not None and place is not None:
        # Brought to the form in which every operand is in its slot.
        session.frames()
        witness.failed(frame, place.pc, place.pc, error)
    return witness


def explanation_of(session: Session) -> Explanation:
    """DebugError where the guest has not failed."""
    error = failure_of(session)
    calls = [line for call in session.host_calls()[-_MOST_CALLS:] for line in call.decisions]
    return explain(error, witness_of(session, error), [line.removeprefix("wasi: ") for line in calls])
