"""Which way branches went: taken or not, and which target of a br_table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.exec.reference import has_descriptor
from refsfi.observe.monitors.monitor import Monitor
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Column, Report, Table, share
from refsfi.observe.operands import first_operand
from refsfi.observe.probes import Callback, instructions
from refsfi.runtime.store import Frame
from refsfi.runtime.values import ref_accepts
from refsfi.syntax.deftypes import close_ref
from refsfi.syntax.module import Instr

# Whether a branch is taken, by the registers and which of them is the topmost operand.
_Holds = Callable[[list[Any], int], bool]


@register
class Branches(Monitor):
    name = "branches"
    summary = "which way branches went, and the targets of br_table"

    def begin(self) -> None:
        # Of br_if, if, br_on_*: not taken, taken. An `if` is taken where its condition holds.
        self._ways: dict[tuple[FuncCode, int], list[int]] = {}
        # Of br_table: a count a label, the default's last.
        self._tables: dict[tuple[FuncCode, int], list[int]] = {}
        self.watched.probes.on_function(self._place)

    def _place(self, code: FuncCode) -> None:
        for pc, instr in instructions(code):
            if instr.op.mnemonic == "br_table":
                self.watched.probes.probe(code, pc, self._table(code, pc, instr))
            elif instr.op.mnemonic in ("if", "br_if") or instr.op.mnemonic.startswith("br_on_"):
                self.watched.probes.probe(code, pc, self._two_ways(code, pc, instr))

    def _two_ways(self, code: FuncCode, pc: int, instr: Instr) -> Callback:
        ways = self._ways[code, pc] = [0, 0]
        holds = _condition(code, instr)
        # The topmost operand's register.
        top = code.nlocals + code.side.heights[pc] - 1

        def went(frame: Frame, pc: int) -> None:
            ways[holds(frame.regs, top)] += 1

        return went

    def _table(self, code: FuncCode, pc: int, instr: Instr) -> Callback:
        default = len(instr.args[0])
        targets = self._tables[code, pc] = [0] * (default + 1)

        def went(frame: Frame, pc: int) -> None:
            index = frame.regs[first_operand(frame, pc, 1)]
            targets[min(index, default)] += 1

        return went

    def report(self) -> Report:
        modules = self.watched.modules
        two = sorted(self._ways.items(), key=lambda item: -sum(item[1]))
        tables = sorted(self._tables.items(), key=lambda item: -sum(item[1]))
        rows = []
        for (code, pc), (fell, took) in two:
            view = modules.view(code.program)
            rows.append(
                (
                    f"{modules.func(code)}:{pc}",
                    view.where(code, pc),
                    view.lister.line(code.index, pc),
                    took,
                    fell,
                    share(took, took + fell),
                )
            )
        targets = []
        for (code, pc), counts in tables:
            branches = code.side.branches[pc]
            if not isinstance(branches, tuple):
                raise Crash("br_table has one branch only")
            place, where = f"{modules.func(code)}:{pc}", modules.view(code.program).where(code, pc)
            for index, count in sorted(enumerate(counts), key=lambda entry: -entry[1]):
                if count:
                    label = "default" if index == len(counts) - 1 else str(index)
                    targets.append((place, where, label, branches[index].pc, count, share(count, sum(counts))))
        return Report(
            self.name,
            {
                "branches": sum(sum(ways) for _, ways in two),
                "taken": sum(ways[1] for _, ways in two),
                "table_branches": sum(sum(counts) for _, counts in tables),
            },
            [
                Table(
                    "branches",
                    "Branches with a condition",
                    [
                        Column("place", "function:pc"),
                        Column("position", "position"),
                        Column("instruction", "instruction"),
                        Column("taken", "taken", "count"),
                        Column("not_taken", "not taken", "count"),
                        Column("share", "taken %", "percent"),
                    ],
                    rows,
                ),
                Table(
                    "targets",
                    "Targets of br_table",
                    [
                        Column("place", "function:pc"),
                        Column("position", "position"),
                        Column("index", "index"),
                        Column("target", "to pc", "count"),
                        Column("count", "count", "count"),
                        Column("share", "%", "percent"),
                    ],
                    targets,
                ),
            ],
        )


def _condition(code: FuncCode, instr: Instr) -> _Holds:
    """When a branch is taken, as `exec.control` decides it."""
    mnemonic = instr.op.mnemonic
    if mnemonic == "br_on_null":
        return lambda regs, top: regs[top] is None
    if mnemonic == "br_on_non_null":
        return lambda regs, top: regs[top] is not None
    if not mnemonic.startswith("br_on_"):
        return lambda regs, top: regs[top] != 0
    wanted = not mnemonic.endswith("_fail")
    target = instr.args[2]
    if "_desc_eq" in mnemonic:
        return lambda regs, top: has_descriptor(regs[top - 1], regs[top], target.null) is wanted
    type = close_ref(target, code.program.info.types)
    return lambda regs, top: ref_accepts(type, regs[top]) is wanted
