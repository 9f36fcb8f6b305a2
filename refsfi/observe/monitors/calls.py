"""Who calls whom, how often; and what indirect calls reach."""

from __future__ import annotations

from refsfi.exec.code import FuncCode
from refsfi.observe.callees import CALLS, INDIRECT, callee
from refsfi.observe.monitors.monitor import Monitor
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Column, Report, Table, share
from refsfi.observe.probes import Callback, instructions
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame, FuncInst, HostFunc
from refsfi.syntax.module import Instr

# The code of a function; a function of the host; None where there is none to call.
_Target = FuncCode | HostFunc | None


@register
class Calls(Monitor, Observer):
    """A call is counted when it is made, also where it then traps. Calls by the host are those of `host`."""

    name = "calls"
    summary = "who calls whom, how often, and what indirect calls reach"

    def begin(self) -> None:
        # (code, pc of the call) -> callee -> how often.
        self._sites: dict[tuple[FuncCode, int], dict[_Target, int]] = {}
        self._by_host: dict[_Target, int] = {}
        # How deep calls of the host are nested -> the latest entry frame there.
        self._entries: dict[int, Frame] = {}
        self.watched.probes.on_function(self._place)
        self.watched.probes.listen(self)

    def _place(self, code: FuncCode) -> None:
        for pc, instr in instructions(code):
            if instr.op.mnemonic in CALLS:
                self.watched.probes.probe(code, pc, self._called(code, pc, instr))

    def _called(self, code: FuncCode, pc: int, instr: Instr) -> Callback:
        targets: dict[_Target, int] = {}
        self._sites[code, pc] = targets

        def called(frame: Frame, pc: int) -> None:
            func = callee(frame, pc, instr)
            target = func.code if isinstance(func, FuncInst) else func
            targets[target] = targets.get(target, 0) + 1

        return called

    def enter(self, frame: Frame) -> None:
        entry, depth = frame.caller, frame.store.nesting
        # A tail call finds the entry frame that the call of the host has made.
        if entry is not None and entry.code is None and self._entries.get(depth) is not entry:
            self._entries[depth] = entry
            self._by_host[frame.code] = self._by_host.get(frame.code, 0) + 1

    def report(self) -> Report:
        edges: dict[tuple[str, str], int] = {}
        for target, count in self._by_host.items():
            edges["host", self._name(target)] = count
        sites = []
        for (code, pc), targets in self._sites.items():
            caller = self.watched.modules.func(code)
            view = self.watched.modules.view(code.program)
            indirect = code.program.module.funcs[code.index].body[pc].op.mnemonic in INDIRECT
            for target, count in targets.items():
                name = self._name(target)
                edges[caller, name] = edges.get((caller, name), 0) + count
                if indirect:
                    sites.append((f"{caller}:{pc}", view.where(code, pc), name, count, sum(targets.values())))
        called: dict[str, int] = {}
        for (_, name), count in edges.items():
            called[name] = called.get(name, 0) + count
        sites.sort(key=lambda site: (-site[4], site[0], -site[3]))
        return Report(
            self.name,
            {
                "calls": sum(edges.values()),
                "edges": len(edges),
                "indirect_calls": sum(site[3] for site in sites),
            },
            [
                Table(
                    "edges",
                    "Calls",
                    [
                        Column("caller", "caller"),
                        Column("callee", "callee"),
                        Column("count", "count", "count"),
                        Column("share", "% of callee's", "percent"),
                    ],
                    [
                        (caller, name, count, share(count, called[name]))
                        for (caller, name), count in sorted(edges.items(), key=lambda edge: -edge[1])
                    ],
                ),
                Table(
                    "indirect",
                    "Targets of indirect calls",
                    [
                        Column("place", "function:pc"),
                        Column("position", "position"),
                        Column("target", "target"),
                        Column("count", "count", "count"),
                        Column("share", "% of site's", "percent"),
                    ],
                    [(place, at, name, count, share(count, total)) for place, at, name, count, total in sites],
                ),
            ],
        )

    def _name(self, target: _Target) -> str:
        if target is None:
            return "(none: traps)"
        if isinstance(target, HostFunc):
            return f"host {target.name or 'function'}"
        return self.watched.modules.func(target)
