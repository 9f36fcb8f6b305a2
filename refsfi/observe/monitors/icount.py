"""How many instructions were executed, in all and by function."""

from __future__ import annotations

from refsfi.observe.monitors.monitor import Monitor
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Column, Report, Table, share


@register
class InstructionCount(Monitor):
    name = "icount"
    summary = "how many instructions were executed, by function"

    def begin(self) -> None:
        self._counts = self.watched.counts

    def report(self) -> Report:
        counted = [(sum(self._counts.of(code)), code) for code in self._counts.functions()]
        counted.sort(key=lambda entry: -entry[0])
        total = sum(count for count, _ in counted)
        return Report(
            self.name,
            {"instructions": total, "functions": len(counted)},
            [
                Table(
                    "by_function",
                    "Instructions executed",
                    [
                        Column("function", "function"),
                        Column("count", "count", "count"),
                        Column("share", "%", "percent"),
                    ],
                    [(self.watched.modules.func(code), count, share(count, total)) for count, code in counted],
                )
            ],
        )
