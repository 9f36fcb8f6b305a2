"""Cases of `tools/fuzz jit`: modules of the project's own generator and of `wasm-tools smith`, in all tiers.

What a case is depends on the run's seed and its number alone.
"""

from __future__ import annotations

import gc
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import WasmError
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from refsfi.text.printer import print_module
from refsfi.valid.module import validate
from tools.fuzzing import pool
from tools.fuzzing.check import SECONDS, Finding, TooLong, limit_memory, signature, time_limit
from tools.fuzzing.generate import generate
from tools.fuzzing.peers import WASM_TOOLS, PeerError, run
from tools.fuzzing.report import Found, Report
from tools.fuzzing.shrink import shrink_module
from tools.fuzzing.tiers import Call, Disagreement, Setting, compare_tiers, plan, settings, settings_of_both

__all__ = ["JitCase", "jit_run", "judge_tiers", "make_jit_case", "smaller_case", "text_of"]

# Bytes that a process may write to; reservations do not count.
MEMORY = 6 << 30
SETTINGS = 3
# Every so many-th case is from smith, where wasm-tools is installed.
_SMITH = 8
# Garbage is collected every so many cases.
_COLLECTED = 16


@dataclass(frozen=True, slots=True)
class JitCase:
    """A binary module, what is called, and the settings that are compared with the interpreter."""

    origin: str
    data: bytes
    calls: list[Call]
    chosen: list[Setting]


def make_jit_case(seed: int, index: int, *, smith: bool = True, small: bool = False) -> JitCase:
    """Case number `index` of a run; PeerError where wasm-tools cannot make a module of its bytes. `small`: a short
    module, in each back end once; several times as many of them are run in the same time."""
    random = Random(f"jit:{seed}:{index}")
    if smith and index % _SMITH == _SMITH - 1:
        origin, data = "smith", _smith(random)
        module = decode(data, ALL)
    else:
        origin, module = "generated", parse_module(generate(random, small=small).text, ALL)
        data = encode(module)
        module = decode(data, ALL)
    calls = plan(module, random)
    chosen = settings_of_both(random) if small else settings(random, SETTINGS)
    return JitCase(f"{origin} module {index} of seed {seed}", data, calls, chosen)


def _smith(random: Random) -> bytes:
    """A module of wasm-tools that imports nothing and ends."""
    off = "exceptions gc custom-descriptors shared-everything-threads compact-imports threads".split()
    options = [f"--{name}-enabled=false" for name in off]
    options += [
        "--max-imports=0",
        "--max-memories=2",
        f"--max-memory32-bytes={1 << 18}",
        f"--max-memory64-bytes={1 << 18}",
        "--max-table-elements=100",
        "--min-funcs=2",
        "--export-everything=true",
        "--ensure-termination",
        "--fuel=100",
        f"--memory-offset-choices={random.choice(('90,9,1', '75,24,1'))}",
        f"--disallow-traps={'true' if random.random() < 0.5 else 'false'}",
    ]
    answer = run(WASM_TOOLS, "smith", *options, data=random.randbytes(random.choice((200, 600, 2000))))
    if not answer.accepted:
        raise PeerError(f"wasm-tools smith: {answer.message.strip()}")
    return answer.output


def judge_tiers(case: JitCase) -> tuple[Counter[str], Finding | None]:
    """What was compared, and what is wrong."""
    try:
        with time_limit(SECONDS):
            return compare_tiers(decode(case.data, ALL), case.calls, case.chosen), None
    except TooLong:
        return Counter(), Finding("time: in some tier", f"more than {SECONDS:g} s")
    except Disagreement as found:
        return Counter(), Finding(f"differs: {found.what}", str(found))
    except Exception as error:  # whatever it is, it is the finding
        return Counter(), Finding(signature(error), traceback.format_exc(limit=-12))


def smaller_case(case: JitCase, seconds: float) -> JitCase:
    """A smaller case with the same finding: fewer settings, calls and instructions."""
    end = time.monotonic() + seconds
    _, finding = judge_tiers(case)
    if finding is None:
        return case
    wanted = finding.signature

    def same(candidate: JitCase) -> bool:
        found = judge_tiers(candidate)[1]
        return found is not None and found.signature == wanted

    for setting in case.chosen:
        one = JitCase(case.origin, case.data, case.calls, [setting])
        if same(one):
            case = one
            break
    calls = case.calls
    size = len(calls) // 2
    while size:
        at = 0
        while at < len(calls) and time.monotonic() < end:
            fewer = JitCase(case.origin, case.data, calls[:at] + calls[at + size :], case.chosen)
            if same(fewer):
                calls, case = fewer.calls, fewer
            else:
                at += size
        size //= 2

    def same_module(data: bytes) -> bool:
        module = _valid(data)
        return (
            module is not None
            and {name for name, _ in case.calls} <= {export.name for export in module.exports}
            and same(JitCase(case.origin, data, case.calls, case.chosen))
        )

    data = shrink_module(case.data, same_module, max(end - time.monotonic(), 1.0))
    return JitCase(case.origin, data, case.calls, case.chosen)


def _valid(data: bytes) -> Module | None:
    try:
        module = decode(data, ALL)
        validate(module, ALL)
    except WasmError:
        return None
    return module


def text_of(case: JitCase) -> str:
    """For people: the module's text, with what to do with it in front."""
    lines = [f";; {setting}" for setting in case.chosen]
    lines += [f";; {name}({', '.join(map(repr, arguments))})" for name, arguments in case.calls]
    return "\n".join(lines) + "\n" + print_module(decode(case.data, ALL))


def worker(seed: int, smith: bool, small: bool) -> Callable[[int], tuple[Counter[str], Finding | None]]:
    """The function of one case, for `pool.run`."""
    limit_memory(MEMORY)
    # A third of the time goes to the collector, which looks at young objects thousands of times a case. What it is
    # for, once every few cases, is enough.
    gc.freeze()
    gc.disable()

    def one(index: int) -> tuple[Counter[str], Finding | None]:
        if index % _COLLECTED == 0:
            gc.collect()
        try:
            case = make_jit_case(seed, index, smith=smith, small=small)
        except PeerError:
            return Counter({"not generated": 1}), None
        return judge_tiers(case)

    return one


def jit_run(
    count: int,
    seed: int,
    jobs: int,
    seconds: float | None = None,
    progress: Callable[[Report, Found | None], None] | None = None,
    *,
    smith: bool = True,
    small: bool = False,
) -> Report:
    """Run `count` cases, or as many as begin within `seconds`."""
    start = time.monotonic()
    report = Report()
    end = None if seconds is None else start + seconds
    for index, result in pool.run(worker, (seed, smith, small), count, jobs, 2 * SECONDS, end):
        if isinstance(result, pool.Lost):
            report.stages["lost"] += 1
            finding: Finding | None = Finding(f"lost: {result.why}", result.why)
        else:
            counts, finding = result
            report.stages["ran"] += 1
            report.counts += counts
        new = None
        if finding is not None:
            found = Found(index, f"case {index} of seed {seed}", ALL, b"", finding)
            new = found if report.add(found) else None
        if progress is not None:
            progress(report, new)
    report.seconds = time.monotonic() - start
    return report
