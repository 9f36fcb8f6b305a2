"""Samples of threads: rings of notes (`x64.samples`) become spots of a profile.

In the main thread the signal makes Python call `_look` between two of its instructions, with its stack. For other
threads there is a thread that looks every few milliseconds. Either reads what was noted since: what was in compiled
code has an address, and the rest is what the stack says. Notes from a garbage collection, during which nothing can
look, are known by their times.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter_ns
from types import FrameType
from typing import Any, Final

from jit.x64.samples import Ring, Signals
from refsfi.observe.profile.model import Profile, Sample, Spot

__all__ = ["Sampling"]

# Seconds between two looks at other threads.
_PAUSE: Final = 0.005

# Fields of a `Spot`.
_Fields = tuple[Any, ...]

_COLLECTING: Final = ("collecting", "garbage collection")


class _Sampled:
    """A thread and what is known of it: (time, number of a spot, weight), times as of `perf_counter_ns`."""

    def __init__(self, number: int, ident: int, ring: Ring) -> None:
        self.number = number
        self.ident = ident
        self.ring = ring
        self.last = perf_counter_ns()
        self.spot = -1
        # Taken by `fill`, from the left; added to by whoever looks at this thread, on the right.
        self.rows: deque[tuple[int, int, int]] = deque()


class Sampling:
    """`spot`: (Python's innermost frame, the thread's ident) -> what it does. `native`: (address, time) -> the same.

    `begin` and `end` are for the main thread."""

    def __init__(
        self,
        interval: int,
        spot: Callable[[FrameType | None, int], _Fields],
        native: Callable[[int, int], _Fields],
    ) -> None:
        self._interval = interval
        self._spot_of = spot
        self._native_of = native
        self._spots: list[_Fields] = []
        self._numbers: dict[_Fields, int] = {}
        # Address -> number of its spot, for times from `_since` on.
        self._addresses: dict[int, int] = {}
        self._since = 0
        self._threads: list[_Sampled] = []
        self._names: dict[int, str] = {}
        self._main: _Sampled | None = None
        self._looking = False
        self._collected: deque[tuple[int, int]] = deque(maxlen=1024)
        # When the one that goes on has begun, 0 for none.
        self._collection = 0
        self._signals: Signals | None = None
        self._watch: threading.Thread | None = None
        self._stop = threading.Event()
        self._process = os.getpid()

    def begin(self) -> None:
        """SignalTaken, OSError; ValueError outside of the main thread."""
        self._signals = Signals(self._look)
        self.join(threading.main_thread())

    def join(self, thread: threading.Thread) -> None:
        """Sample one more thread, if it is not sampled. Where there can be no more timers, it is not."""
        signals, native = self._signals, thread.native_id
        if signals is None or native is None or thread.ident is None or os.getpid() != self._process:
            return
        if any(known.ident == thread.ident for known in self._threads):
            return
        self._names[native] = thread.name
        sampled = _Sampled(native, thread.ident, signals.begin(native, self._interval))
        self._threads.append(sampled)
        if thread is threading.main_thread():
            self._main = sampled
        elif self._watch is None:
            self._watch = threading.Thread(target=self._look_at_others, name="refsfi-profiler", daemon=True)
            self._watch.start()

    def end(self) -> None:
        """In the main thread."""
        signals, self._signals = self._signals, None
        if signals is None:
            return
        self._stop.set()
        if self._watch is not None:
            self._watch.join()
        self._looking = True
        signals.end()
        now = perf_counter_ns()
        for sampled in self._threads:
            self._drain(sampled, sys._current_frames().get(sampled.ident))
            if sampled.spot >= 0:
                # Until the end it was where it was seen last.
                sampled.rows.append((now, sampled.spot, max(now - sampled.last, 0)))

    def collecting(self, phase: str, info: dict[str, int]) -> None:
        """For `gc.callbacks`."""
        now = perf_counter_ns()
        if phase == "start":
            self._collection = now
        else:
            self._collected.append((self._collection, now))
            self._collection = 0

    def forget(self) -> None:
        """What addresses stand for has changed."""
        self._since = perf_counter_ns()
        self._addresses.clear()

    def fill(self, profile: Profile, start: int) -> None:
        """Add what is new to a profile that began at `start`."""
        for sampled in self._threads:
            rows = sampled.rows
            for _ in range(len(rows)):
                time, spot, weight = rows.popleft()
                # What was before the beginning does not count.
                weight = min(weight, time - start)
                if weight >= 0:
                    profile.samples.append(Sample(time - start, sampled.number, spot, weight))
        for fields in self._spots[len(profile.spots) :]:
            profile.spots.append(Spot(*fields))
        profile.threads.update(self._names)
        profile.lost = sum(sampled.ring.lost for sampled in self._threads)

    # --- looking -----------------------------------------------------------------------------------------------------

    def _look(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler in Python. Another signal may come while it runs."""
        if not self._looking and self._main is not None:
            self._looking = True
            try:
                self._drain(self._main, frame)
            finally:
                self._looking = False

    def _look_at_others(self) -> None:
        while not self._stop.wait(_PAUSE):
            frames = sys._current_frames()
            for sampled in list(self._threads):
                if sampled is not self._main:
                    self._drain(sampled, frames.get(sampled.ident))

    def _drain(self, sampled: _Sampled, frame: FrameType | None) -> None:
        here = -1
        for time, address in sampled.ring.rows():
            if address:
                spot = self._address(address, time)
            elif self._was_collecting(time):
                spot = self._number(_COLLECTING)
            else:
                if here < 0:
                    here = self._number(self._spot_of(frame, sampled.ident))
                spot = here
            sampled.rows.append((time, spot, max(time - sampled.last, 0)))
            sampled.last = time
            sampled.spot = spot

    def _was_collecting(self, time: int) -> bool:
        if 0 < self._collection <= time:
            # Its end is about to be noted: the first thing that Python does behind it is to look.
            return True
        for began, ended in reversed(self._collected):
            if ended < time:
                return False
            if began <= time:
                return True
        return False

    def _address(self, address: int, time: int) -> int:
        if time < self._since:
            return self._number(self._native_of(address, time))
        spot = self._addresses.get(address)
        if spot is None:
            spot = self._addresses[address] = self._number(self._native_of(address, time))
        return spot

    def _number(self, fields: _Fields) -> int:
        number = self._numbers.get(fields)
        if number is None:
            # In this order: a profile is filled with the spots that are there.
            number = len(self._spots)
            self._spots.append(fields)
            self._numbers[fields] = number
        return number
