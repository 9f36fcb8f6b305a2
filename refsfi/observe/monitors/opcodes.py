"""Which instructions of the table were executed, and how often: the dynamic instruction mix."""

from __future__ import annotations

from collections import Counter

from refsfi.observe.monitors.monitor import Monitor
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Column, Report, Table, share


@register
class Opcodes(Monitor):
    name = "opcodes"
    summary = "how often each kind of instruction was executed"

    def begin(self) -> None:
        self._counts = self.watched.counts

    def report(self) -> Report:
        executed: Counter[str] = Counter()
        # How many instructions of the functions that ran are of this kind.
        there: Counter[str] = Counter()
        for code in self._counts.functions():
            body = code.program.module.funcs[code.index].body
            for instr, count in zip(body, self._counts.of(code), strict=True):
                there[instr.op.mnemonic] += 1
                executed[instr.op.mnemonic] += count
        total = executed.total()
        return Report(
            self.name,
            {"instructions": total, "kinds": sum(1 for count in executed.values() if count)},
            [
                Table(
                    "by_opcode",
                    "Instructions executed, by kind",
                    [
                        Column("opcode", "instruction"),
                        Column("count", "count", "count"),
                        Column("share", "%", "percent"),
                        Column("places", "places", "count"),
                    ],
                    [
                        (mnemonic, count, share(count, total), there[mnemonic])
                        for mnemonic, count in executed.most_common()
                    ],
                )
            ],
        )
