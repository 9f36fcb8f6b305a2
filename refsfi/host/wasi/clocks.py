"""Time. Everything that WASI knows of it passes through one object, which a host may replace."""

from __future__ import annotations

import select
import time

__all__ = ["SLICE", "Clocks"]

# A waiting guest looks up this often, in seconds, whether its host wants it to stop.
SLICE = 0.01


class Clocks:
    """The host's clocks, in nanoseconds. A subclass may tell another time and let it pass otherwise.

    The monotonic clock starts with the object: how long the host has been up is none of a guest's business.
    """

    def __init__(self) -> None:
        self._start = time.monotonic_ns()

    def realtime(self) -> int:
        """Since 1970-01-01T00:00:00Z."""
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns() - self._start

    def realtime_resolution(self) -> int:
        return max(1, round(time.get_clock_info("time").resolution * 1e9))

    def monotonic_resolution(self) -> int:
        return max(1, round(time.get_clock_info("monotonic").resolution * 1e9))

    def wait(self, duration: int, poller: select.poll | None) -> list[tuple[int, int]]:
        """Let at most `duration` nanoseconds pass, less if one of the poller's descriptors becomes ready: those that
        are, as `select.poll.poll` returns them."""
        if poller is None:
            time.sleep(duration / 1e9)
            return []
        return poller.poll(duration / 1e6)
