"""What has been seen of a function while it was recorded, and what it has been compiled to.

A region is not a trace but the part of a function that recordings have passed through: every recording, be it of a
loop, of a function or behind an exit that became hot, adds the directions that its branches took. So what traces know
(which paths are hot) is kept, and what they are feared for (code that grows with the number of paths) cannot happen: a
region is never larger than its function and what is inlined into it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from jit.flow import Flow
from refsfi.exec.code import FuncCode, Step

if TYPE_CHECKING:
    from jit.backend import Unit

__all__ = ["FELL", "TOOK", "History", "history"]

# Bits of `History.seen` for an instruction that branches or goes on: br_if, if, br_on_*. Of a br_table, bit `i` stands
# for label `i`; of any other instruction bit 0 says that it was executed.
FELL = 1
TOOK = 2


class History:
    """Of one function; kept at `FuncCode.tier`, and so shared by all its instances.

    `seen`: pc of a control instruction -> where it went. `entries`: the pcs at which the interpreter may enter the
    region. `unit` is the region as it is compiled now.
    """

    __slots__ = (
        "__dict__",
        "before",
        "called",
        "changed",
        "code",
        "entries",
        "exits",
        "resume",
        "seen",
        "threshold",
        "unit",
    )

    def __init__(self, code: FuncCode) -> None:
        self.code = code
        self.seen: dict[int, int] = {}
        self.entries: set[int] = set()
        # Whether a recording has passed its beginning, so that the region can be called.
        self.called = False
        # Whether anything was seen that `unit` does not know.
        self.changed = False
        self.unit: Unit | None = None
        # Index of a step that the tier has replaced by an entry -> the step.
        self.before: dict[int, Step] = {}
        # pc -> how often the region was left there since it was last compiled.
        self.exits: dict[int, int] = {}
        self.departures = 0
        # Whether what follows one of its exits was recorded since.
        self.bridged = False
        # What departed frames run; made by `jit.resume`.
        self.resume: dict[int, Step] | None = None
        # Instructions that recordings came through, and how many of them have no native form.
        self.executed = 0
        # Departures for calls of functions that have been refused.
        self.futile = 0
        self.leaving = 0
        # Recordings and compilations that failed double what it takes to try again.
        self.threshold = 1

    @cached_property
    def flow(self) -> Flow:
        return Flow(self.code)

    def saw(self, pc: int, bits: int) -> None:
        """Instruction `pc` went this way."""
        known = self.seen.get(pc, 0)
        if bits & ~known:
            self.seen[pc] = known | bits
            self.changed = True

    def enter_at(self, pc: int) -> None:
        """Let the interpreter enter before instruction `pc`."""
        if pc not in self.entries:
            self.entries.add(pc)
            self.changed = True


def history(code: FuncCode) -> History:
    """The function's history; an empty one if it has none yet."""
    found = code.tier
    if isinstance(found, History):
        return found
    made = code.tier = History(code)
    return made
