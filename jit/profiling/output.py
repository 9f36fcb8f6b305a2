"""The file of a profile while the run goes on: a thread writes what is new every half second.

So nothing is written, and no graph is made text, where something is told: that would cost as much as a tenth of
compiling. And what was written of a run that is killed is at most so old, also where the program is quiet.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import IO, Any, Final

from jit.ir.graph import Graph
from jit.ir.text import dump
from refsfi.observe.profile.file import Writer
from refsfi.observe.profile.model import Profile, Region

__all__ = ["Output"]

# Seconds between two times that what is new is written.
_PAUSE: Final = 0.5


class Output:
    """`fill` brings the profile up to date and says how many spots and samples it has."""

    def __init__(self, file: IO[str], profile: Profile, fill: Callable[[], tuple[int, int]]) -> None:
        self._writer = Writer(file)
        self._profile = profile
        self._fill = fill
        self._lock = threading.Lock()
        # Rows that are to be written. Number of a region -> its graph, until it is.
        self._rows: deque[tuple[str, Any]] = deque()
        self._graphs: dict[int, Graph] = {}
        self._spots = self._samples = 0
        # Why nothing is written any more: the guest goes on, and its owner is told at the end.
        self.error: OSError | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write_often, name="refsfi-profile-file", daemon=True)

    def row(self, kind: str, row: Any) -> None:
        """Have a row written, some time."""
        if self.error is not None:
            return
        self._rows.append((kind, row))

    def region(self, region: Region, graph: Graph | None) -> None:
        """The same for a region. `graph`: as it was before the optimiser; nobody changes it any more."""
        if graph is not None and self.error is None:
            self._graphs[region.number] = graph
        self.row("region", region)

    def begin(self) -> None:
        self._writer.run(self._profile)
        self._thread.start()

    def end(self) -> None:
        """The thread writes nothing any more."""
        self._end.set()
        self._thread.join()

    def _write_often(self) -> None:
        while not self._end.wait(_PAUSE):
            self.write()

    def write(self, *, last: bool = False) -> None:
        """Write what is new. What is told meanwhile waits for nobody, and is written now or the next time. `last`: the
        run is over."""
        if self.error is None:
            try:
                self._write(last=last)
            except OSError as error:
                self.error = error
                self._rows.clear()
                self._graphs.clear()

    def _write(self, *, last: bool) -> None:
        with self._lock:
            writer, profile = self._writer, self._profile
            spots, samples = self._fill()
            while self._rows:
                kind, row = self._rows.popleft()
                if kind == "region":
                    graph = self._graphs.pop(row.number, None)
                    row.graph = "" if graph is None else dump(graph)
                writer.row(kind, writer.fields(row))
            for spot in profile.spots[self._spots : spots]:
                writer.row("spot", writer.fields(spot))
            for start in range(self._samples, samples, 1000):
                part = profile.samples[start : min(start + 1000, samples)]
                writer.row("samples", [[s.time, s.thread, s.spot, s.weight] for s in part])
            self._spots, self._samples = spots, samples
            writer.row("exits", [writer.fields(exit) for exit in profile.exits], last=last)
            if last:
                self._finish()
            writer.flush()

    def _finish(self) -> None:
        writer, profile = self._writer, self._profile
        for number, name in profile.threads.items():
            writer.row("thread", [number, name], last=True)
        for region in profile.regions:
            # How often each was entered is known by now; where the file is full, it does not have them all.
            writer.row("entered", [region.number, region.entered, region.native])
        writer.row("counters", [writer.fields(counter) for counter in profile.counters])
        writer.run(profile)
