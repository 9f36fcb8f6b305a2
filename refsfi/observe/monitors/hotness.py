"""Where the guest spends its instructions: the hottest functions, and the hottest instructions in them."""

from __future__ import annotations

from refsfi.observe.monitors.monitor import Monitor
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Cell, Column, Report, Table, share


@register
class Hotness(Monitor):
    name = "hotness"
    summary = "the functions and instructions that were executed most"

    def begin(self) -> None:
        self._counts = self.watched.counts

    def report(self) -> Report:
        modules = self.watched.modules
        functions: list[tuple[Cell, ...]] = []
        places: list[tuple[int, str, str, str]] = []
        counted = {code: self._counts.of(code) for code in self._counts.functions()}
        total = sum(map(sum, counted.values()))
        for code, counts in counted.items():
            executed = sum(counts)
            name = modules.func(code)
            functions.append((name, executed, share(executed, total), self._counts.calls(code)))
            view = modules.view(code.program)
            lines = view.lister.lines(code.index)
            places += (
                (count, f"{name}:{pc}", view.where(code, pc), lines[pc].lstrip())
                for pc, count in enumerate(counts)
                if count
            )
        functions.sort(key=lambda row: -row[1])  # type: ignore[operator]
        places.sort(key=lambda place: -place[0])
        return Report(
            self.name,
            {"instructions": total},
            [
                Table(
                    "functions",
                    "Hottest functions",
                    [
                        Column("function", "function"),
                        Column("count", "instructions", "count"),
                        Column("share", "%", "percent"),
                        Column("calls", "calls", "count"),
                    ],
                    functions,
                ),
                Table(
                    "instructions",
                    "Hottest instructions",
                    [
                        Column("count", "count", "count"),
                        Column("share", "%", "percent"),
                        Column("place", "function:pc"),
                        Column("position", "position"),
                        Column("instruction", "instruction"),
                    ],
                    [(count, share(count, total), place, at, text) for count, place, at, text in places],
                ),
            ],
        )
