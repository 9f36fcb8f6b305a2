"""Requests that have come and are not answered yet, between the thread that reads and the one that answers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from refsfi.debug.dap.protocol import Garbled, Message

__all__ = ["Cancelled", "Inbox", "Item"]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A request that its client does not want to be answered any more."""

    request: Message


Item: TypeAlias = "Message | Garbled | Cancelled"

# These end, or change, whatever the guest is doing.
_URGENT: Final = frozenset("pause disconnect terminate restart cancel".split())
# What may wait; a client that sends more and reads nothing is not read from.
_MOST: Final = 1000


class Inbox:
    """While the guest moves, `interrupt` is called when something comes: anything, or only what is urgent."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._interrupt: Callable[[], None] | None = None
        self._any = False

    def put(self, item: Item) -> None:
        with self._changed:
            while len(self._items) >= _MOST and not self._closed:
                if self._interrupt is not None:
                    # What comes next may be urgent.
                    self._interrupt()
                self._changed.wait()
            self._cancel(item)
            self._items.append(item)
            self._changed.notify_all()
            if self._interrupt is not None and (self._any or _is_urgent(item)):
                self._interrupt()

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if self._interrupt is not None:
                # Nobody else would stop a guest that runs for ever.
                self._interrupt()

    @property
    def closed(self) -> bool:
        """Whether the client is gone, and all that it has sent has been taken."""
        with self._changed:
            return self._closed and not self._items

    def get(self) -> Item | None:
        """The next one, waited for; None where there are no more."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            return self._take()

    def poll(self) -> Item | None:
        """The next one, if it has come."""
        with self._changed:
            return self._take()

    def _take(self) -> Item | None:
        if not self._items:
            return None
        self._changed.notify_all()
        return self._items.popleft()

    def moving(self, interrupt: Callable[[], None], any: bool) -> None:
        """The guest begins to move. What has come already counts."""
        with self._changed:
            self._interrupt, self._any = interrupt, any
            if self._closed or (any and self._items) or _any_urgent(self._items):
                interrupt()

    def still(self) -> None:
        """It stands."""
        with self._changed:
            self._interrupt = None

    def _cancel(self, item: Item) -> None:
        """Where that is the wish to cancel a request that waits, note it."""
        if not isinstance(item, dict) or item.get("command") != "cancel" or not isinstance(item.get("arguments"), dict):
            return
        wanted = item["arguments"].get("requestId")
        for number, waiting in enumerate(self._items):
            if isinstance(waiting, dict) and wanted is not None and waiting.get("seq") == wanted:
                self._items[number] = Cancelled(waiting)
                return


def _any_urgent(items: deque[Item]) -> bool:
    return any(map(_is_urgent, items))


def _is_urgent(item: Item) -> bool:
    command = item.get("command") if isinstance(item, dict) else None
    return isinstance(command, str) and command in _URGENT
