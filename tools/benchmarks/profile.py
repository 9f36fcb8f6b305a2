"""What the profiler costs, and whether what it says holds together.

Costs are ratios of seconds of the processor: calls of a kernel that has been compiled take turns, without a profiler,
with the log alone, and sampled a thousand times a second; the best of each. (What is told while something is compiled
is in the profile itself, as `profiling`.) What is said is judged by its own sums, and by whether two runs name the same
hottest functions, each of which has one region.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.exec.tiers import TierChoice, Watch, make_profiler, make_tier
from refsfi.observe.profile.model import Profile
from refsfi.runtime.store import Store
from tools.benchmarks.kernels import FOLDER, LONG
from tools.benchmarks.report import table
from tools.realprograms.fetch import Store as Files
from tools.realprograms.fetch import Unavailable, cache_folder
from tools.realprograms.interpreter import Interpreter
from tools.realprograms.list import ROOT, find_shared, load
from tools.realprograms.tasks import make_folders, run_steps

__all__ = ["profile"]

# How a kernel is run: name -> ns between samples, None without a profiler.
_WAYS: Final = {"plain": None, "log": 0, "sampled": 1_000_000}

# Calls before anything is measured; calls of each way, for each repetition that is asked for.
_WARM: Final = 3
_CALLS: Final = 4
# Those that take so long that beginning a profile does not count.
_KERNELS: Final = ("fib", "collatz", "mandelbrot")
_INTERPRETERS: Final = ("quickjs", "micropython")

# What is promised: how much slower, by the geometric mean; the share of the time that has a name; how far the sum of
# the parts may be from the whole; how many of the hottest functions two runs agree on.
BAR_LOG, BAR_SAMPLED, BAR_NAMED, BAR_SUM, TOP = 1.01, 1.03, 0.99, 0.02, 5


def profile(report: dict[str, Any], repeat: int, *, quiet: bool) -> bool:
    """Measure, print unless `quiet`, and say whether the promises are kept."""
    costs = {kernel: json.loads(_child("cost", kernel, str(repeat))) for kernel in _KERNELS}
    said = {name: _said(name) for name in (*_KERNELS, *_INTERPRETERS)}
    below = list(_below(costs, said))
    report["profile"] = {"costs": costs, "said": said, "below": below}
    if not quiet:
        print("\nprofiler: CPU time, of the run without one")
        rows = [[kernel, *(f"{of[way] / of['plain']:.3f}" for way in _WAYS)] for kernel, of in costs.items()]
        print(*table(["kernel", *_WAYS], rows), sep="\n")
        print("\nprofiler: what it says")
        header = ["program", "named", "sum/whole", "samples", "same top"]
        print(*table(header, [_row(name, what) for name, what in said.items()]), sep="\n")
        print("\n".join(f"below: {line}" for line in below) if below else "No bar is missed.")
    return not below


def _row(name: str, said: dict[str, Any]) -> list[str]:
    if "why" in said:
        return [name, said["why"], "", "", ""]
    return [
        name,
        f"{said['named']:.2%}",
        f"{said['sum']:.4f}",
        str(said["samples"]),
        f"{said['agreed']} of {said['of']}",
    ]


def _said(name: str) -> dict[str, Any]:
    """What two runs say."""
    found: list[dict[str, Any]] = [json.loads(_child("said", name)) for _ in range(2)]
    if "why" in found[0]:
        return found[0]
    first, second = (run["hits"] for run in found)
    hottest = list(first)[:TOP]
    worst = min(found, key=lambda run: run["named"])
    away = max((run["sum"] for run in found), key=lambda total: abs(total - 1))
    return {
        "named": worst["named"],
        "unnamed": worst["unnamed"],
        "sum": away,
        "samples": worst["samples"],
        "agreed": sum(second.get(name, 0) >= _enough(second) for name in hottest),
        "of": len(hottest),
    }


def _enough(hits: dict[str, int]) -> float:
    """How many samples a function has that could be among the hottest: as many as the last one of those, but for twice
    the standard deviation of such a count."""
    least = list(hits.values())[:TOP][-1] if hits else 0
    return least - 2 * math.sqrt(least)


def _below(costs: dict[str, dict[str, float]], said: dict[str, dict[str, Any]]) -> Iterator[str]:
    for way, bar in (("log", BAR_LOG), ("sampled", BAR_SAMPLED)):
        ratio = sum(of[way] for of in costs.values()) / sum(of["plain"] for of in costs.values())
        if ratio > bar:
            yield f"{way}: {ratio:.3f} times a run without a profiler, the bar is {bar}"
    for name, what in said.items():
        if "why" in what:
            yield f"{name}: {what['why']}"
            continue
        if what["named"] < BAR_NAMED:
            yield f"{name}: {what['named']:.2%} of the time has a name, the bar is {BAR_NAMED:.0%}: {what['unnamed']}"
        if abs(what["sum"] - 1) > BAR_SUM:
            yield f"{name}: the parts are {what['sum']:.4f} of the whole"
        if what["agreed"] < what["of"]:
            yield f"{name}: two runs agree on {what['agreed']} of the {what['of']} hottest functions"


# --- in a process of its own -----------------------------------------------------------------------------------------


def _child(*arguments: str) -> str:
    command = [sys.executable, "-m", "tools.benchmarks.profile", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout


def _cost(kernel: str, repeat: int) -> dict[str, float]:
    """Seconds of the processor that a call takes, the least of all, by way."""
    call = _kernel(kernel)
    first = make_profiler(interval=0)
    tier: Any = make_tier(TierChoice("on", watch=Watch(profiler=first)))
    run = call(tier)
    with first:
        for _ in range(_WARM):
            run()
    log = tier.tier().log
    best = dict.fromkeys(_WAYS, float("inf"))
    for _ in range(_CALLS * repeat):
        for way, interval in _WAYS.items():
            if interval is None:
                best[way] = min(best[way], _timed(run))
                continue
            profiler = make_profiler(interval=interval)
            profiler.attach(log)
            with profiler:
                best[way] = min(best[way], _timed(run))
    return best


def _timed(run: Callable[[], None]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def _kernel(name: str) -> Callable[[Any], Callable[[], None]]:
    """From a tier, what calls the kernel once in an instance of its own."""
    data = (FOLDER / f"{name}.wat").read_bytes()
    n, expect = LONG[name]

    def load_in(tier: Any) -> Callable[[], None]:
        store = Store()
        func: Any = instantiate(store, load_program(data, tier=tier), []).exports["run"]

        def run() -> None:
            (found,) = invoke(store, func, [n])
            if found != expect:
                raise SystemExit(f"{name}({n}) is {found}, not {expect}")

        return run

    return load_in


def _calls(name: str) -> Callable[[TierChoice], None]:
    """A kernel, called a few times in a tier of its own."""
    load_in = _kernel(name)

    def call(choice: TierChoice) -> None:
        run = load_in(make_tier(choice))
        for _ in range(_WARM):
            run()

    return call


def _program(name: str) -> Callable[[TierChoice], None]:
    """A real program with what it is to do. Unavailable."""
    programs = load()
    (task,) = programs.select([name])
    files = Files(programs.files.values(), cache_folder(), find_shared(None))
    binaries = {linked.name: files.read(linked.file) for linked in task.modules}

    def call(choice: TierChoice) -> None:
        class Profiled(Interpreter):
            tier = choice

        with tempfile.TemporaryDirectory(prefix="refsfi-profile-") as scratch:
            guest = Profiled(task, files.shared, make_folders(task, files.shared, Path(scratch)), binaries)
            guest.start()
            run_steps(guest)

    return call


def _run(name: str) -> dict[str, Any]:
    """What a profile of a run says, by its own sums."""
    try:
        call = _calls(name) if name in _KERNELS else _program(name)
    except Unavailable as error:
        return {"why": str(error)}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        profiler = make_profiler(file)
        with profiler:
            call(TierChoice("on", watch=Watch(profiler=profiler)))
        found: Profile = profiler.profile()
    times = found.times()
    main = [s for s in found.samples if found.threads[s.thread] == "MainThread"]
    unnamed: dict[str, int] = {}
    for sample in main:
        spot = found.spots[sample.spot]
        if spot.category == "other":
            unnamed[spot.name] = unnamed.get(spot.name, 0) + sample.weight
    return {
        "named": 1 - sum(unnamed.values()) / found.wall,
        "unnamed": ", ".join(sorted(unnamed, key=lambda n: -unnamed[n])[:5]),
        "sum": sum(s.weight for s in main) / found.wall,
        "samples": len(main),
        "times": times,
        "hits": _hits(found),
    }


def _hits(found: Profile) -> dict[str, int]:
    """Samples in each function, in whichever tier, the most first. They are counted, not weighed: what others take of
    the processor falls on whatever is interrupted, and a single sample may stand for 30 ms of that."""
    spots = found.spots
    return dict(Counter(spots[s.spot].name for s in found.samples if spots[s.spot].func >= 0).most_common())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("cost", "said"))
    parser.add_argument("name")
    parser.add_argument("repeat", nargs="?", type=int, default=3)
    options = parser.parse_args(argv)
    print(json.dumps(_cost(options.name, options.repeat) if options.what == "cost" else _run(options.name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
