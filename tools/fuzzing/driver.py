"""What `tools/fuzz` does with its arguments: run, make findings small, save and print them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.fuzzing.check import check
from tools.fuzzing.mutation import case_input, mutation_run
from tools.fuzzing.peers import missing
from tools.fuzzing.report import Found, Report
from tools.fuzzing.shrink import shrink

__all__ = ["Run", "compare", "jit", "mutate", "show", "soak", "verifier"]

SHRINK_SECONDS = 20.0
# How often a soak measures, however long it takes.
_SAMPLES = 30


@dataclass(frozen=True, slots=True)
class Run:
    """What the fuzzers are told: how many cases, the seed, how many processes, seconds after which no case is begun
    (None: no limit), where findings go, and whether they are made small."""

    count: int
    seed: int
    jobs: int
    seconds: float | None
    out: Path
    shrinking: bool


def mutate(seeds: Sequence[Path], run: Run) -> int:
    """Run the mutation fuzzer; the exit code."""
    report = mutation_run(seeds, run.count, run.seed, run.jobs, run.seconds, _progress(run.count))
    for found in report.found.values():
        content = _smaller(found) if run.shrinking and _repeatable(found) else found.content
        _save(found, run.out, f"mutate-{run.seed}", content)
    return _summary(report, "mutate", run.seed)


def compare(seeds: Sequence[Path] | None, run: Run) -> int:
    """Compare mutations of real modules, or for None generated modules, with the peers; the exit code."""
    what = "smith" if seeds is None else "compare"
    absent = missing()
    if absent:
        print(f"tools/fuzz {what}: not installed: {absent}; pip install 'refsfi[peers]'", file=sys.stderr)
        return 3
    from tools.fuzzing import comparison  # imports what only the peers bring

    report = comparison.comparison_run(seeds, run.count, run.seed, run.jobs, run.seconds, _progress(run.count))
    for found in report.found.values():
        content = found.content
        if run.shrinking and _repeatable(found):
            content = comparison.smaller(found, SHRINK_SECONDS)
        _save(found, run.out, f"{what}-{run.seed}", content)
    return _summary(report, what, run.seed)


def jit(run: Run, small: bool) -> int:
    """Compare the tiers, with `small` modules or any; the exit code."""
    from tools.fuzzing import jitcases  # imports the compiler

    smith = not missing()
    if not smith:
        print("tools/fuzz jit: no modules of wasm-tools smith: pip install 'refsfi[peers]'", file=sys.stderr)
    progress = _progress(run.count)
    report = jitcases.jit_run(run.count, run.seed, run.jobs, run.seconds, progress, smith=smith, small=small)
    for found in report.found.values():
        case = jitcases.make_jit_case(run.seed, found.index, smith=smith, small=small)
        if run.shrinking and _repeatable(found):
            case = jitcases.smaller_case(case, 3 * SHRINK_SECONDS)
        _save(found, run.out, f"jit-{'small-' if small else ''}{run.seed}", jitcases.text_of(case))
    return _summary(report, "jit", run.seed)


def verifier(run: Run, shown: int) -> int:
    """Say how much wrong machine code the verifier refuses; the exit code."""
    try:
        from tools.fuzzing import killrate  # imports the compiler, and the decoder
    except ImportError as error:
        print(f"tools/fuzz verifier: {error}; pip install 'refsfi[disasm]'", file=sys.stderr)
        return 3
    rate = killrate.kill_rate(run.count, run.seed, run.seconds)
    print(f"verifier, seed {run.seed}: {rate.units} units as compiled, none refused; mutants refused:")
    print("\n".join(rate.lines(shown)))
    return 0


def soak(seed: int, minutes: float) -> int:
    """Run cases in this process for so long and say whether anything of them stays behind; the exit code."""
    from tools.fuzzing import soak as soaking  # imports the compiler

    start = time.monotonic()
    print(soaking.heading())
    samples, findings = soaking.soak(
        seed,
        _SAMPLES,
        lambda number, cases: time.monotonic() - start < 60 * minutes * (number + 1) / _SAMPLES,
        lambda sample: print(sample.line(), flush=True),
    )
    leaks = list(soaking.grown(samples))
    for leak in leaks:
        print(f"grows: {leak}")
    for index, finding in findings:
        print(f"case {index} of `jit --small --seed {seed}`, without smith: {finding.signature}")
    print(
        f"soak, seed {seed}: {samples[-1].cases} cases, " + (f"{len(leaks)} leaks" if leaks else "nothing stays behind")
    )
    return 1 if leaks or findings else 0


def show(seeds: Sequence[Path], seed: int, index: int) -> int:
    """Write one case's input to standard output."""
    _, content, _ = case_input(seeds, seed, index)
    sys.stdout.buffer.write(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return 0


def _progress(count: int) -> Callable[[Report, Found | None], None]:
    terminal = sys.stderr.isatty()
    erase = "\r\x1b[K" if terminal else ""
    last = 0.0

    def progress(report: Report, new: Found | None) -> None:
        nonlocal last
        if new is not None:
            print(f"{erase}case {new.index}: {new.finding.signature}", file=sys.stderr)
        if terminal and time.monotonic() - last > 0.2:
            last = time.monotonic()
            print(f"\r\x1b[K{report.cases} of {count}", end="", file=sys.stderr, flush=True)

    return progress


def _repeatable(found: Found) -> bool:
    """Whether it can be made small: not if each attempt would hang, or take this process with it."""
    return not found.finding.signature.startswith(("lost", "time"))


def _smaller(found: Found) -> bytes | str:
    signature = found.finding.signature

    def same(content: bytes | str) -> bool:
        finding = check(content, found.features).finding
        return finding is not None and finding.signature == signature

    return shrink(found.content, same, SHRINK_SECONDS)


def _save(found: Found, out: Path, prefix: str, content: bytes | str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    name = out / f"{prefix}-{found.index}{'.wasm' if isinstance(content, bytes) else '.wat'}"
    if isinstance(content, bytes):
        name.write_bytes(content)
    else:
        name.write_bytes(content.encode("utf-8", "surrogatepass"))
    features = " ".join(sorted(found.features))
    name.with_suffix(".txt").write_text(
        f"{found.finding.signature}\nseed module: {found.origin}\nfeatures: {features}\n\n{found.finding.detail}\n",
        encoding="utf-8",
    )
    print(f"\n--- {found.finding.signature}\n{found.finding.detail.rstrip()}")
    print(f"from {found.origin}, saved as {name}")
    shown = repr(content[:400]) if isinstance(content, bytes) else content[:800]
    print(shown)


def _summary(report: Report, what: str, seed: int) -> int:
    stages = ", ".join(f"{n} {stage}" for stage, n in report.stages.most_common())
    print(f"{what}, seed {seed}: {report.cases} cases in {report.seconds:.0f} s ({stages})")
    for what, number in report.counts.most_common():
        print(f"    {number} {what}")
    for signature, found in report.found.items():
        print(f"    {report.repeats[signature]} x {signature}, first in case {found.index}")
    print(f"{len(report.found)} findings" if report.found else "nothing found")
    return 1 if report.found else 0
