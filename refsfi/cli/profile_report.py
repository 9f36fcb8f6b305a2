"""What a profile says, as tables: where time went, what compiling cost, what left compiled code, what would help."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from refsfi.observe.monitors.report import Cell, Column, Report, Table, share
from refsfi.observe.profile.costs import payback
from refsfi.observe.profile.model import CATEGORIES, Profile, Region
from refsfi.observe.profile.questions import Change, Difference

__all__ = ["difference", "ms", "report"]

_MS: Final = 1e6
# Compilations of which it is told when they have paid for themselves: the dearest.
_REPAID: Final = 100
_PHASES: Final = ("build", "optimise", "emit", "install")


def ms(ns: int) -> float:
    """Milliseconds, as tables show them."""
    return round(ns / _MS, 1)


def report(profile: Profile) -> Report:
    """All that can be told of a profile but the code of regions."""
    found = Report("profile", _totals(profile))
    found.tables = [
        _categories(profile),
        _functions(profile),
        _regions(profile),
        _exits(profile),
        _remedies(profile),
        _aborts(profile),
        _counters(profile),
        _ledger(profile),
        _leaving(profile),
        _timeline(profile),
    ]
    return found


def _totals(profile: Profile) -> dict[str, Cell]:
    times = profile.times()
    sampled = sum(times.values())
    named = sampled - times["other"]
    return {
        "program": " ".join([profile.program, *profile.arguments]),
        "wall_ms": ms(profile.wall),
        "samples": len(profile.samples),
        "sampled_ms": ms(sampled),
        "named_percent": round(100 * share(named, sampled), 1),
        "lost_samples": profile.lost,
    }


def _categories(profile: Profile) -> Table:
    times = {category: ns for category, ns in profile.times().items() if ns}
    whole = sum(times.values())
    rows = [(c, share(ns, whole), ms(ns), CATEGORIES[c]) for c, ns in sorted(times.items(), key=lambda t: -t[1])]
    columns = [
        Column("category", "category"),
        Column("share", "%", "percent"),
        Column("ms", "ms", "number"),
        Column("meaning", "which is", "prose"),
    ]
    return Table("time", "Where time went", columns, rows)


def _functions(profile: Profile) -> Table:
    """Of the guest's functions, themselves: inlined ones have what is theirs."""
    times: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    names: dict[tuple[int, int], str] = {}
    for sample in profile.samples:
        spot = profile.spots[sample.spot]
        if spot.func >= 0:
            key = spot.module, spot.func
            times[key][spot.category] += sample.weight
            # A region's samples have the name of the function that was compiled, not of one inlined into it.
            if spot.category != "native" or key not in names:
                names[key] = spot.name
    whole = profile.sampled
    rows = [
        (names[key], share(of.total(), whole), ms(of["native"]), ms(of["interpreting"]))
        for key, of in sorted(times.items(), key=lambda t: (-t[1].total(), t[0]))
    ]
    columns = [
        Column("function", "function"),
        Column("share", "%", "percent"),
        Column("native_ms", "native ms", "number"),
        Column("interpreted_ms", "interpreted ms", "number"),
    ]
    return Table("functions", "Functions", columns, rows)


def _regions(profile: Profile) -> Table:
    times = profile.region_times()
    whole = profile.sampled
    rows = [
        (
            region.number,
            region.name,
            share(times.get(region.number, 0), whole),
            region.entered,
            region.wasm,
            region.code,
            round(share(region.code, region.wasm), 1),
            region.spills,
            f"{region.unchecked}/{region.accesses}",
            region.exits,
        )
        for region in _by_time(profile.regions, times)
    ]
    columns = [
        Column("region", "#", "count"),
        Column("function", "function"),
        Column("share", "%", "percent"),
        Column("entered", "entered", "count"),
        Column("instructions", "wasm", "count"),
        Column("bytes", "bytes", "count"),
        Column("bytes_per_instruction", "B/wasm", "number"),
        Column("spills", "spills", "count"),
        Column("checks_eliminated", "unchecked"),
        Column("exits", "exits", "count"),
    ]
    return Table("regions", "Regions: compiled code, and accesses to memory that need no check", columns, rows)


def _by_time(regions: Sequence[Region], times: dict[int, int]) -> list[Region]:
    return sorted(regions, key=lambda region: (-times.get(region.number, 0), region.number))


def _exits(profile: Profile) -> Table:
    whole = profile.wall
    rows = [
        (
            ms(exit.cost),
            share(exit.cost, whole),
            ms(exit.host),
            exit.taken,
            exit.region,
            f"{exit.name}@{exit.pc}",
            exit.instruction,
            exit.cause,
        )
        for exit in profile.ranked_exits()
    ]
    columns = [
        Column("cost_ms", "ms", "number"),
        Column("share", "%", "percent"),
        Column("host_ms", "host ms", "number"),
        Column("taken", "taken", "count"),
        Column("region", "#", "count"),
        Column("place", "at"),
        Column("instruction", "instruction"),
        Column("cause", "cause"),
    ]
    return Table("exits", "Exits, by the interpreter's time that followed", columns, rows)


def _remedies(profile: Profile) -> Table:
    """What helps against the causes that were met, those that cost most first."""
    costs: dict[tuple[str, str], int] = defaultdict(int)
    for exit in profile.ranked_exits():
        costs[exit.cause, exit.remedy] += exit.cost
    rows = [(cause, remedy) for (cause, remedy), _ in sorted(costs.items(), key=lambda t: (-t[1], t[0]))]
    return Table(
        "remedies",
        "What helps against these exits",
        [Column("cause", "cause"), Column("remedy", "remedy", "prose")],
        rows,
    )


def _aborts(profile: Profile) -> Table:
    counted: dict[tuple[str, str], list[int]] = {}
    cures: dict[str, str] = {}
    for row in profile.compilations:
        if row.abort:
            of = counted.setdefault((row.name, row.abort), [0, 1, 0])
            of[0] += 1
            of[1] = max(of[1], row.penalty)
            of[2] += row.took
            cures[row.abort] = row.remedy
    rows = [
        (name, abort, times, penalty, ms(took), cures[abort])
        for (name, abort), (times, penalty, took) in sorted(counted.items(), key=lambda t: (-t[1][2], t[0]))
    ]
    columns = [
        Column("function", "function"),
        Column("reason", "reason"),
        Column("times", "times", "count"),
        Column("penalty", "x", "count"),
        Column("ms", "ms", "number"),
        Column("remedy", "remedy", "prose"),
    ]
    return Table("aborts", "Not compiled; the threshold is multiplied by x", columns, rows)


def _ledger(profile: Profile) -> Table:
    rows: list[list[Cell]] = []
    compiled = [row for row in profile.compilations if not row.abort]
    for number, row in enumerate(sorted(compiled, key=lambda row: (-row.took, row.time))):
        # Each one looks at all samples.
        paid = payback(profile, row) if number < _REPAID else None
        phases = [ms(row.phases.get(phase, 0)) for phase in _PHASES]
        count, unit = (None, "") if paid is None else (paid.count, paid.unit)
        rows.append([row.region, row.name, row.kind, *phases, row.misses, ms(row.took), count, unit])
    columns = [
        Column("region", "#", "count"),
        Column("function", "function"),
        Column("kind", "kind"),
        *(Column(f"{phase}_ms", phase[:5], "number") for phase in _PHASES),
        Column("misses", "misses", "count"),
        Column("ms", "ms", "number"),
        Column("paid_back", "repaid by", "count"),
        Column("paid_in", ""),
    ]
    return Table("compiling", "What compiling cost, in ms, and the work that pays it back", columns, rows)


def _counters(profile: Profile) -> Table:
    """What may be compiled next: places that wait for the budget, then those that are almost hot."""
    near = [c for c in profile.counters if c.waits or 2 * c.passed >= c.threshold]
    rows = [
        (f"{c.name}@{c.pc}" if c.loop else c.name, "loop" if c.loop else "call", c.passed, c.threshold, c.waits)
        for c in sorted(near, key=lambda c: (-c.waits, -share(c.passed, c.threshold), c.func, c.pc))
    ]
    columns = [
        Column("place", "at"),
        Column("kind", "kind"),
        Column("passed", "passed", "count"),
        Column("threshold", "threshold", "count"),
        Column("waits", "waits", "count"),
    ]
    return Table("counters", "Not compiled yet; waits: it was hot, and compiling had used up its share", columns, rows)


def _leaving(profile: Profile) -> Table:
    names = sorted({*profile.left, *profile.formless}, key=lambda n: (-profile.left.get(n, 0), n))
    rows = [(name, profile.left.get(name, 0), profile.formless.get(name, 0)) for name in names]
    columns = [
        Column("instruction", "instruction"),
        Column("left", "left", "count"),
        Column("no_form", "without native form", "count"),
    ]
    return Table("leaving", "Instructions in front of which compiled code was left", columns, rows)


# How many parts a run's time is shown in.
_PARTS: Final = 10


def _timeline(profile: Profile) -> Table:
    shown = [c for c in ("start-up", "interpreting", "recording", "compiling", "native", "host") if profile.times()[c]]
    bucket = max(-(-profile.wall // _PARTS), 1)
    rows: list[list[Cell]] = []
    for number, part in enumerate(profile.timeline(bucket) if profile.samples else []):
        whole = sum(part.values())
        rows.append([ms(number * bucket), *(share(part.get(c, 0), whole) for c in shown)])
    columns = [Column("from_ms", "from ms", "number"), *(Column(c, f"{c} %", "percent") for c in shown)]
    return Table("timeline", "Warm-up", columns, rows)


def difference(found: Difference) -> Report:
    """What has changed between two profiles."""
    result = Report("diff", {"wall_ms": f"{ms(found.wall.before)} -> {ms(found.wall.after)}"})
    result.tables = [
        _changes("time", "Where time went", found.categories),
        _changes("functions", "Functions", found.functions),
        _changes("exits", "Exits, by the interpreter's time that followed", found.exits),
        _changes("compiling", "What compiling cost", found.compiling),
    ]
    return result


def _changes(key: str, title: str, changes: Sequence[Change]) -> Table:
    columns = [
        Column("name", "what"),
        Column("before_ms", "before ms", "number"),
        Column("after_ms", "after ms", "number"),
        Column("by_ms", "by ms", "number"),
    ]
    return Table(key, title, columns, [(c.name, ms(c.before), ms(c.after), ms(c.by)) for c in changes])
