"""What compiling may cost: a share of the time that the process has worked, so that no run is slower by more than that.

Whoever compiles what is hot bets that it stays hot. A single bet can be lost, and a program whose heat moves on, as an
interpreter's that is itself a guest, loses one after the other. So they are paid from a budget. It grows while the
process works; time in compiled code counts for what the interpreter would have taken for it, so that a program that
gains may compile more, sooner. What is hot while there is nothing left waits and keeps counting.

Only when something is compiled depends on it, and nothing that a guest could notice.
"""

from __future__ import annotations

from time import process_time_ns, thread_time_ns

__all__ = ["Budget", "Purse", "Unlimited"]

# Nanoseconds that making the tier takes in a process that has not imported it yet; measured: 20 to 26 ms.
MAKING = 24_000_000

# Nanoseconds of a run that are the way in and out.
_INSIDE = 1_000

# Nanoseconds that coming and going cost the interpreter, and each frame that is rebuilt; measured with few values.
_VISIT = 6_000
_FRAME = 5_000

# Nanoseconds that an entry may lose before it rests.
_PURSE = 500_000

# Nanoseconds: what a run is longer may be because the process had to wait.
_LONGEST = 1_000_000


class Budget:
    """Of one tier. `share`: percent of the time that the process has worked since. All times are in nanoseconds of the
    processor, but those of runs of the clock: they are too short to ask for the other."""

    __slots__ = ("_began", "_gained", "_share", "_spent")

    def __init__(self, share: int) -> None:
        self._share = share
        self._began = process_time_ns()
        self._spent = 0
        self._gained = 0

    def allows(self, cost: int = 0) -> bool:
        """Whether something may be begun that takes about `cost`."""
        worked = process_time_ns() - self._began - self._spent + self._gained
        return (self._spent + cost) * 100 <= self._share * worked

    def begin(self) -> int:
        """What to tell `end`."""
        return thread_time_ns()

    def end(self, began: int) -> None:
        """Something has been compiled, or was tried to."""
        self._spent += thread_time_ns() - began

    def ran(self, inside: int, gain: int) -> None:
        """A region has run for so long; the interpreter takes `gain` times as long."""
        if inside > _INSIDE:
            self._gained += (min(inside, _LONGEST) - _INSIDE) * gain


class Unlimited(Budget):
    """For whoever wants what is hot compiled at once, whatever that costs."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(100)

    def allows(self, cost: int = 0) -> bool:
        return True


class Purse:
    """Of one entry of a region: what it has gained and lost, of late. The interpreter takes `gain` times as long as
    compiled code."""

    __slots__ = ("_gain", "_left")

    def __init__(self, gain: int) -> None:
        self._gain = gain
        self._left = _PURSE

    @property
    def empty(self) -> bool:
        return self._left < 0

    def fill(self) -> None:
        self._left = _PURSE

    def ran(self, inside: int, frames: int) -> None:
        """A run took so long, and was left with so many frames to rebuild; 0 where it returned. A run that nobody has
        measured (0) is none."""
        if inside:
            gained = max(inside - _INSIDE, 0) * self._gain
            self._left = min(self._left + gained - _VISIT - frames * _FRAME, _PURSE)
