"""Time limits: one thread for all stores, which sleeps until the next limit is due."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from typing import TYPE_CHECKING
from weakref import ReferenceType, ref

if TYPE_CHECKING:
    from refsfi.api.context import Context

__all__ = ["WATCH"]


class _Watch:
    """Looks at a store when its time is over. The thread starts with the first limit and ends when none is left."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        # For whoever changes what stops a store. Held for a moment only, by one thread perhaps twice: a signal handler
        # may come in between.
        self.lock = threading.RLock()
        self._due: list[tuple[float, int, ReferenceType[Context]]] = []
        self._running = False

    def after_fork(self) -> None:
        """The child has no watching thread. Limits that are set from now on start one."""
        due = self._due
        self._reset()
        for _, _, reference in due:
            context = reference()
            if context is not None:
                context.watched = None

    def add(self, when: float, context: Context) -> None:
        """Have `context.update_stop` called once `time.monotonic()` reaches `when` (seconds).

        Nothing to do where it will be looked at earlier: it is put back then. So a store that is given a new limit for
        each call is waited for once.
        """
        with self._changed:
            if context.watched is not None and context.watched <= when:
                return
            context.watched = when
            heapq.heappush(self._due, (when, next(self._numbers), ref(context)))
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="refsfi-time-limits", daemon=True).start()
            elif self._due[0][0] == when:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            due: list[ReferenceType[Context]] = []
            with self._changed:
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    due.append(self._pop())
                if not due:
                    # Stores that are gone need no waking.
                    while self._due and self._due[0][2]() is None:
                        heapq.heappop(self._due)
                    if not self._due:
                        self._running = False
                        return
                    self._changed.wait(self._due[0][0] - now)
            for reference in due:
                context = reference()
                if context is not None:
                    context.update_stop()
                    later = context.time_deadline
                    if later is not None and context.stop is None:
                        self.add(later, context)
                # The loop's variable must not keep a store alive while the thread sleeps.
                del context

    def _pop(self) -> ReferenceType[Context]:
        when, _, reference = heapq.heappop(self._due)
        context = reference()
        if context is not None and context.watched == when:
            context.watched = None
        return reference


WATCH = _Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCH.after_fork)
