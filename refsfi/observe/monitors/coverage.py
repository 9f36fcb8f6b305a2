"""Which functions and instructions were executed, and which never: as shares, as annotated text, as lcov."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.observe.modules import ModuleView
from refsfi.observe.monitors.monitor import Monitor, Options, option
from refsfi.observe.monitors.registry import register
from refsfi.observe.monitors.report import Column, Listing, Report, Table, share

# Wide enough for a count of a minute's run.
_WIDTH = 10


@dataclass(frozen=True, slots=True)
class CoverageOptions(Options):
    wat: bool = option(False, "show the text of the functions, with counts")
    lcov: str = option("", "write a tracefile for lcov and genhtml; of a binary module its text, too, as FILE.wat")


@dataclass(slots=True)
class _Function:
    """Of one defined function: a count an instruction, and how often it was entered."""

    code: FuncCode
    counts: list[int]
    calls: int

    @property
    def executed(self) -> int:
        return sum(1 for count in self.counts if count)


@register
class Coverage(Monitor):
    name = "coverage"
    summary = "which functions and instructions were executed, and which never"
    options_type = CoverageOptions

    def begin(self) -> None:
        self._counts = self.watched.counts

    def report(self) -> Report:
        options = self.options
        if not isinstance(options, CoverageOptions):
            raise Crash("options of another monitor")
        modules = list(self.watched.modules)
        functions = {view: list(map(self._function, view.program.funcs)) for view in modules}
        every = [function for found in functions.values() for function in found]
        instructions = sum(len(function.counts) for function in every)
        executed = sum(function.executed for function in every)
        entered = sum(1 for function in every if function.executed)
        rows = [
            (
                self.watched.modules.func(function.code),
                function.executed,
                len(function.counts),
                share(function.executed, len(function.counts)),
            )
            for function in sorted(every, key=lambda f: (f.executed > 0, share(f.executed, len(f.counts))))
        ]
        report = Report(
            self.name,
            {
                "functions": len(every),
                "functions_executed": entered,
                "instructions": instructions,
                "instructions_executed": executed,
                "share": share(executed, instructions),
            },
            [
                Table(
                    "by_function",
                    "Functions, those that were never called first",
                    [
                        Column("function", "function"),
                        Column("executed", "executed", "count"),
                        Column("instructions", "instructions", "count"),
                        Column("share", "%", "percent"),
                    ],
                    rows,
                )
            ],
        )
        if options.wat:
            for view, found in functions.items():
                report.listings.append(Listing("text", view.path or "module", list(_annotated(view, found))))
        if options.lcov:
            self._lcov(report, options.lcov, functions)
        return report

    def _function(self, code: FuncCode) -> _Function:
        return _Function(code, self._counts.of(code), self._counts.calls(code))

    def _lcov(self, report: Report, path: str, functions: dict[ModuleView, list[_Function]]) -> None:
        tracefile = ["TN:"]
        for number, (view, found) in enumerate(functions.items()):
            if view.module.source is not None:
                source, lines = view.path, _source_lines(view, found)
            else:
                source = f"{path}.wat" if number == 0 else f"{path}.{number}.wat"
                text, lines = _listed_lines(view, found)
                report.files[source] = text
            tracefile += _record(source, view, found, lines)
        report.files[path] = "\n".join(tracefile) + "\n"


def _annotated(view: ModuleView, functions: list[_Function]) -> Iterator[str]:
    """Functions with a count in front of each instruction: `-` where it was never executed."""
    for function in functions:
        name = _name(view, function)
        yield f"{'':{_WIDTH}}  {name}: {function.executed} of {len(function.counts)} instructions executed"
        if not function.executed:
            continue
        for count, line in zip(function.counts, view.lister.lines(function.code.index), strict=True):
            yield f"{count or '-':>{_WIDTH}}  {line}"


# --- lcov ------------------------------------------------------------------------------------------------------------

# The count of a line, and the line of each function, by its index.
_Lines = tuple[dict[int, int], dict[int, int]]


def _source_lines(view: ModuleView, functions: list[_Function]) -> _Lines:
    """Lines of the text that the module was parsed from. A line has the count of its busiest instruction."""
    counts: dict[int, int] = {}
    begins: dict[int, int] = {}
    source = view.module.source
    if source is None:
        raise Crash("a binary module has no lines")
    for function in functions:
        func = view.module.funcs[function.code.index]
        begins[function.code.index] = source.position(func.at)[0]
        for instr, count in zip(func.body, function.counts, strict=True):
            line, _ = source.position(instr.at)
            counts[line] = max(counts.get(line, 0), count)
    return counts, begins


def _listed_lines(view: ModuleView, functions: list[_Function]) -> tuple[str, _Lines]:
    """A text of the functions of a binary module, one instruction a line, and its lines."""
    text: list[str] = []
    counts: dict[int, int] = {}
    begins: dict[int, int] = {}
    for function in functions:
        text.append(f";; {_name(view, function)}")
        begins[function.code.index] = len(text)
        for count, line in zip(function.counts, view.lister.lines(function.code.index), strict=True):
            text.append(line)
            counts[len(text)] = count
    return "\n".join(text) + "\n", (counts, begins)


def _record(source: str, view: ModuleView, functions: list[_Function], lines: _Lines) -> Iterator[str]:
    """A section of a tracefile, as geninfo(1) describes it."""
    counts, begins = lines
    yield f"SF:{source}"
    for function in functions:
        yield f"FN:{begins[function.code.index]},{_name(view, function)}"
    for function in functions:
        yield f"FNDA:{function.calls},{_name(view, function)}"
    yield f"FNF:{len(functions)}"
    yield f"FNH:{sum(1 for function in functions if function.calls)}"
    for line in sorted(counts):
        yield f"DA:{line},{counts[line]}"
    yield f"LF:{len(counts)}"
    yield f"LH:{sum(1 for count in counts.values() if count)}"
    yield "end_of_record"


def _name(view: ModuleView, function: _Function) -> str:
    """A name that keeps to its line, whatever the module says."""
    name = view.func(function.code.func_index)
    return name if name.isprintable() else f"func {function.code.func_index}"
