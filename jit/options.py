"""The tier's settings, with what they were measured to be good for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """`hot_loop`, `hot_call`: how often a loop's header, or a function, is passed until it is recorded. `hot_exit`: how
    often a region is left at one place until the recording goes on there. `exits_per_value`: how often, for each of its
    values, a region must have been left since it was compiled to be compiled anew: then leaving has cost about as much
    as compiling will. `stretch`: how many instructions there have to be for each that has no native form: leaving and
    coming back cost about as much as the interpreter takes for so many. `first_calls`: calls of compiled functions that
    are interpreted in a store in which nothing compiled has run. `futile`: how often a region may be left for a call of
    a function that has been refused. `max_record`: instructions of a recording. `iterations`: how often a recorded loop
    is gone through. `max_region`: instructions of a region. `share`: how much longer, in percent, a run may take for
    what is compiled in it, should that gain nothing (`jit.budget`); None for no limit. `rest`: how often an entry that
    loses is passed until it is tried again, at first; 0: it is always tried. `force`: compile every function as a whole
    when it is first called. `explicit`: compare addresses instead of relying on guard pages. `registers`: how many
    general and how many floating-point registers the allocator may use (None: all): for tests."""

    hot_loop: int = 1000
    hot_call: int = 1500
    hot_exit: int = 40
    exits_per_value: int = 2
    stretch: int = 60
    futile: int = 500
    first_calls: int = 16
    max_record: int = 2500
    iterations: int = 3
    max_region: int = 20000
    share: int | None = None
    rest: int = 0
    force: bool = False
    explicit: bool = False
    inline: bool = True
    registers: tuple[int, int] | None = None
