"""What a profile says. Times are nanoseconds; a moment is counted from the profile's beginning.

Everything that a report shows is in a `Profile`, and everything in it can be written as JSON: the file of a profile
(`observe.profile.file`) has the same rows, one a line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = [
    "CATEGORIES",
    "Compilation",
    "Counter",
    "Event",
    "Exit",
    "Node",
    "Profile",
    "Region",
    "Sample",
    "Spot",
]

# What time is spent on -> what that means. Every sample is of one of these.
CATEGORIES: Final = {
    "native": "compiled code",
    "interpreting": "the interpreter's steps, blamed on the exit that led there",
    "entering": "the way into compiled code and out of it: registers handed over, frames made",
    "recording": "the recorder's steps",
    "compiling": "building, optimising, emitting, installing",
    "host": "functions of the host, WASI among them, waiting included",
    "start-up": "importing, reading, validating and preparing the module",
    "collecting": "Python's garbage collection",
    "profiling": "the profiler itself",
    "other": "Python code that no other category knows",
}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where time is spent. `name`: the function of the guest or of the host, the phase of the compiler. `func` and `pc`
    are the function's index and the instruction's in its body, -1 where there is none. `region`: a region's number, and
    `offset` a place in its machine code, in bytes. `exit`: the number of the exit that led to the interpreter; -1 where
    none did. `module`: the module's number in the profile."""

    category: str
    name: str
    func: int = -1
    pc: int = -1
    region: int = -1
    offset: int = -1
    exit: int = -1
    module: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """At `time` a thread was at `spot` (an index into `Profile.spots`), for `weight` ns since its last sample."""

    time: int
    thread: int
    spot: int
    weight: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the tier's log told: `name` as in `jit.log`, `func` a function's name, `took` ns."""

    time: int
    name: str
    func: str
    pc: int
    took: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Region:
    """A compiled region. `wasm`: instructions of WebAssembly it was made of; `ir`: values of the intermediate
    representation; `code`: bytes of machine code; `unchecked`: accesses to memory that need no comparison, of
    `accesses`. `replaces`: the region whose place it took, -1 for none. `entered`: how often from the interpreter;
    `native`: ns of these runs by the clock, with what it calls, going in and coming out. `lines`: (offset, func, pc) of
    the code's instructions, each up to the next one. `machine`: the code, in hex. `graph`: its text before the
    optimiser, for replaying it."""

    number: int
    func: int
    name: str
    time: int
    wasm: int
    ir: int
    code: int
    exits: int
    spills: int
    accesses: int = 0
    unchecked: int = 0
    replaces: int = -1
    module: int = 0
    entered: int = 0
    native: int = 0
    lines: list[tuple[int, int, int]] = field(default_factory=list)
    graph: str = ""
    machine: str = ""


@dataclass(slots=True)
class Exit:
    """An exit of a region, `snapshot` -1 where it does not say which. `taken`: how often, but for recordings, which go
    through regions as well; `cost`: ns from there until compiled code was entered again, without what was recorded and
    compiled meanwhile, and without `host`: ns of that in functions of the host, by samples. `cause` and `remedy` are
    for people."""

    number: int
    region: int
    snapshot: int
    func: int
    name: str
    pc: int
    instruction: str
    cause: str
    remedy: str
    taken: int = 0
    cost: int = 0
    module: int = 0
    host: int = 0

    @property
    def title(self) -> str:
        """Which one it is, for people."""
        return f"{self.name}@{self.pc} {self.instruction}: {self.cause}"


@dataclass(slots=True)
class Compilation:
    """An attempt to compile: ns of each phase (`build`, `optimise`, `emit`, `install`). Of the instructions that were
    emitted, `made` were not in memory yet with their operands, and `misses` had an encoding that PeachPy had to be
    asked for; all others were found. `kind`: why it was compiled, as in `jit.log`. `passed`: how often the place of
    the function that is passed most had been passed. `abort`: the reason where it came to nothing, with the `remedy`,
    and `penalty`, the factor by which the function's threshold has grown."""

    time: int
    func: int
    name: str
    region: int
    phases: dict[str, int]
    misses: int = 0
    abort: str = ""
    remedy: str = ""
    penalty: int = 1
    module: int = 0
    made: int = 0
    kind: str = ""
    passed: int = 0

    @property
    def took(self) -> int:
        return sum(self.phases.values())


@dataclass(frozen=True, slots=True)
class Counter:
    """A place of a function that is counted, at the end of the run: its beginning, or the header of a `loop` at `pc`.
    `passed`, since it was hot last, of the `threshold` at which it is hot; a region's entry is not counted any more.
    `waits`: how often it was hot, and what compiling may cost had been used up."""

    func: int
    name: str
    pc: int
    loop: bool
    passed: int
    threshold: int
    waits: int = 0
    module: int = 0


@dataclass(slots=True)
class Node:
    """A part of the time, and what it consists of: a category, then functions, then instructions."""

    name: str
    own: int = 0
    total: int = 0
    children: dict[str, Node] = field(default_factory=dict)

    def add(self, path: Iterable[str], weight: int) -> None:
        node = self
        node.total += weight
        for name in path:
            node = node.children.setdefault(name, Node(name))
            node.total += weight
        node.own += weight

    def ranked(self) -> list[Node]:
        """The children, the one with most time first."""
        return sorted(self.children.values(), key=lambda node: (-node.total, node.name))


@dataclass(slots=True)
class Profile:
    """Of a run. `wall`: ns from beginning to end; `began`: seconds since 1970; `interval`: ns between samples, 0 where
    nothing was sampled. `threads`: number -> name. `modules`: number -> path and digest. `formless`: mnemonic ->
    how often an instruction without native form was met while compiling; `left`: mnemonic -> how often compiled code
    was left in front of one. `complete`: whether the
    run had ended; `cut`: what is wrong with the file it was read from, where something is."""

    program: str = ""
    arguments: list[str] = field(default_factory=list)
    began: float = 0.0
    wall: int = 0
    interval: int = 0
    threads: dict[int, str] = field(default_factory=dict)
    modules: list[dict[str, Any]] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    compilations: list[Compilation] = field(default_factory=list)
    counters: list[Counter] = field(default_factory=list)
    formless: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    complete: bool = False
    cut: str = ""

    def times(self) -> dict[str, int]:
        """ns of each category, all threads together."""
        found = dict.fromkeys(CATEGORIES, 0)
        for sample in self.samples:
            found[self.spots[sample.spot].category] += sample.weight
        return found

    @property
    def sampled(self) -> int:
        """ns that samples stand for, all threads together."""
        return sum(sample.weight for sample in self.samples)

    def tree(self) -> Node:
        """All time: by category; by function, region or phase; by the exit that led to the interpreter; by
        instruction."""
        root = Node("all")
        exits = {exit.number: exit for exit in self.exits}
        for sample in self.samples:
            spot = self.spots[sample.spot]
            path = [spot.category]
            if spot.category == "native" and spot.region >= 0:
                path.append(f"region {spot.region} {spot.name}")
            else:
                path.append(spot.name)
            if spot.category == "interpreting":
                blamed = exits.get(spot.exit)
                path.append("from the start" if blamed is None else f"after {blamed.title}")
            if spot.pc >= 0:
                path.append(f"@{spot.pc}")
            root.add(path, sample.weight)
        return root

    def region_times(self) -> dict[int, int]:
        """ns in each region itself, by its number."""
        found: dict[int, int] = defaultdict(int)
        for sample in self.samples:
            spot = self.spots[sample.spot]
            if spot.category == "native":
                found[spot.region] += sample.weight
        return dict(found)

    def function_times(self) -> dict[tuple[int, int], dict[str, int]]:
        """(module, func) -> category -> ns in the function itself."""
        found: dict[tuple[int, int], dict[str, int]] = {}
        for sample in self.samples:
            spot = self.spots[sample.spot]
            if spot.func >= 0:
                of = found.setdefault((spot.module, spot.func), {})
                of[spot.category] = of.get(spot.category, 0) + sample.weight
        return found

    def line_times(self, region: int) -> dict[int, int]:
        """Offset in a region's machine code -> ns."""
        found: dict[int, int] = defaultdict(int)
        for sample in self.samples:
            spot = self.spots[sample.spot]
            if spot.category == "native" and spot.region == region:
                found[spot.offset] += sample.weight
        return dict(found)

    def ranked_exits(self) -> list[Exit]:
        """Those that were taken, the one that cost most first."""
        return sorted((e for e in self.exits if e.taken), key=lambda e: (-e.cost, -e.taken, e.number))

    def timeline(self, bucket: int = 20_000_000) -> list[dict[str, int]]:
        """For each `bucket` ns of the run: category -> ns, all threads together."""
        found: list[dict[str, int]] = []
        for sample in self.samples:
            category = self.spots[sample.spot].category
            # What a sample stands for may have begun some buckets earlier.
            end, left = sample.time, sample.weight
            while left > 0:
                number = max(end - 1, 0) // bucket
                part = min(left, max(end - number * bucket, 1))
                while len(found) <= number:
                    found.append({})
                found[number][category] = found[number].get(category, 0) + part
                end -= part
                left -= part
        return found
