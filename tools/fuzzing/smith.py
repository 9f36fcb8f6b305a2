"""Modules from `wasm-tools smith`, as they are and mutated: the verdict compared with `wasm-tools validate`, and what
they do with wasmtime.

What a case is depends on the run's seed and its number alone: the seed gives the bytes from which wasm-tools makes the
module, and its options.
"""

from __future__ import annotations

import re
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import LimitError, MalformedError, ValidationError
from refsfi.syntax.features import ALL, Feature, Features
from refsfi.syntax.module import Module
from refsfi.valid.module import validate
from tools.fuzzing import pool
from tools.fuzzing.check import SECONDS, Finding, TooLong, limit_memory, signature, time_limit
from tools.fuzzing.differential import RUNNABLE, Difference, compare
from tools.fuzzing.mutate import mutate_binary
from tools.fuzzing.mutate_module import mutate_module
from tools.fuzzing.peers import WASM_TOOLS, PeerError, needed, run, wasm_tools_features
from tools.fuzzing.report import Found, Report
from tools.fuzzing.shrink import shrink_module

__all__ = ["Case", "Judged", "judge", "make_case", "smaller", "smith_run"]

MEMORY = 6 << 30

# Options of `wasm-tools smith` that switch proposals; all of them, but for the two that nobody else has.
_SWITCHES = (
    "bulk-memory exceptions gc custom-descriptors custom-page-sizes memory64 multi-value reference-types relaxed-simd "
    "saturating-float-to-int sign-extension-ops simd tail-call threads wide-arithmetic extended-const"
).split()
_NEVER = "shared-everything-threads", "compact-imports"
_INSTRUCTIONS = (
    "numeric,vector,reference,parametric,variable,table,memory,control",
    "numeric,parametric,variable,control",
    "numeric,vector,parametric,variable,memory",
    "reference,parametric,variable,table,control,aggregate",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A module, where it comes from, and the features to judge it by."""

    origin: str
    data: bytes
    features: Features


@dataclass(slots=True)
class Judged:
    """How far a module came: malformed, invalid, limit (of either side), valid, ran; what was compared; a finding."""

    stage: str
    counts: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None


# --- cases -----------------------------------------------------------------------------------------------------------


def make_case(seed: int, index: int) -> Case:
    """Case number `index` of a run; PeerError where wasm-tools cannot make a module of its bytes."""
    random = Random(f"smith:{seed}:{index}")
    kind = random.choices(("small", "any", "raw", "bytes", "module"), (40, 15, 10, 20, 15))[0]
    data = _generate(kind, random)
    if kind == "bytes":
        data = mutate_binary(data, [_generate(kind, random)], random)
    elif kind == "module":
        module = decode(data, ALL)
        mutate_module(module, random)
        data = encode(module)
    features = ALL
    if random.random() < 0.2:
        features = _closed(ALL - frozenset(random.sample(sorted(ALL), random.choice((1, 2, 5)))))
    return Case(f"{kind} module {index} of seed {seed}", data, features)


def _generate(kind: str, random: Random) -> bytes:
    """A module of wasm-tools. All but those of kind `any` are small enough to be run, and end."""
    options = [f"--{name}-enabled=false" for name in _NEVER]
    options += [f"--{name}-enabled={_bool(random.random() < 0.85)}" for name in _SWITCHES]
    options += [
        f"--max-memories={random.choice((1, 1, 3))}",
        f"--max-tables={random.choice((1, 4))}",
        f"--memory-max-size-required={_bool(random.random() < 0.3)}",
        f"--table-max-size-required={_bool(random.random() < 0.3)}",
        f"--min-uleb-size={random.choice((1, 1, 1, 4))}",
        f"--generate-custom-sections={_bool(random.random() < 0.1)}",
        f"--allow-invalid-funcs={_bool(kind == 'raw')}",
    ]
    if kind != "any":
        options += [
            f"--max-memory32-bytes={1 << 20}",
            f"--max-memory64-bytes={1 << 20}",
            "--max-table-elements=1000",
            f"--memory-offset-choices={random.choice(('90,9,1', '75,24,1', '1,1,1'))}",
            f"--disallow-traps={_bool(random.random() < 0.5)}",
            f"--canonicalize-nans={_bool(random.random() < 0.1)}",
            f"--min-funcs={random.choice((1, 2, 5))}",
            f"--export-everything={_bool(random.random() < 0.5)}",
        ]
        if random.random() < 0.3:
            options.append(f"--allowed-instructions={random.choice(_INSTRUCTIONS)}")
    if kind not in ("any", "raw"):
        options += ["--ensure-termination", "--fuel=50"]
    answer = run(WASM_TOOLS, "smith", *options, data=random.randbytes(random.choice((50, 200, 600, 600, 2000))))
    if not answer.accepted:
        raise PeerError(f"wasm-tools smith: {answer.message.strip()}")
    return answer.output


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _closed(features: Features) -> Features:
    """Without the features that build on one that is off: such combinations mean nothing anywhere else. Passive and
    declarative segments belong to bulk memory and to reference types, which came together."""
    kept = set(features)
    for feature, base in _BASES:
        if base not in kept:
            kept.discard(feature)
    return frozenset(kept)


# In an order such that one pass suffices.
_BASES = (
    (Feature.RELAXED_SIMD, Feature.SIMD),
    (Feature.REFERENCE_TYPES, Feature.BULK_MEMORY),
    (Feature.BULK_MEMORY, Feature.REFERENCE_TYPES),
    (Feature.FUNCTION_REFERENCES, Feature.REFERENCE_TYPES),
    (Feature.GC, Feature.FUNCTION_REFERENCES),
    (Feature.EXCEPTIONS, Feature.REFERENCE_TYPES),
    (Feature.CUSTOM_DESCRIPTORS, Feature.GC),
    (Feature.LEGACY_EXCEPTIONS, Feature.EXCEPTIONS),
)

# --- one case --------------------------------------------------------------------------------------------------------


def judge(case: Case, random: Random) -> Judged:
    """Compare verdicts, and behaviour where both say valid."""
    judged = Judged("malformed")
    try:
        with time_limit(SECONDS):
            module = _verdict(case, judged)
            if module is not None:
                _behaviour(case, module, random, judged)
    except TooLong:
        judged.finding = Finding(f"time: {judged.stage}", f"more than {SECONDS:g} s in phase {judged.stage}")
    except PeerError as error:
        judged.stage = "peer failed"
        judged.counts[f"peer failed: {str(error)[:100]}"] += 1
    except Difference as difference:
        judged.finding = Finding(f"differs: {difference.what}", str(difference))
    except Exception as error:  # whatever it is, it is the finding
        judged.finding = Finding(signature(error), traceback.format_exc(limit=-12))
    return judged


def _verdict(case: Case, judged: Judged) -> Module | None:
    """The module if all agree that it is valid."""
    error = ""
    module = None
    try:
        decoded = decode(case.data, case.features)
        judged.stage = "invalid"
        validate(decoded, case.features)
        judged.stage = "valid"
        module = decoded
    except (MalformedError, ValidationError) as refusal:
        error = str(refusal)
    except LimitError as refusal:
        error = str(refusal)
        judged.stage = "limit"
    answer = run(WASM_TOOLS, "validate", f"--features={wasm_tools_features(case.features)}", data=case.data)
    if answer.accepted == (module is not None):
        return module
    if judged.stage == "limit" or _PEER_LIMIT.search(answer.message):
        judged.stage = "limit"
        judged.counts[f"limit: {_general(error or answer.message)}"] += 1
        return None
    said = _general(error or answer.message)
    judged.finding = Finding(
        f"verdict: {judged.stage}, {'valid' if answer.accepted else 'refused'} by wasm-tools: {said}",
        f"refsfi: {error or 'valid'}\nwasm-tools: {answer.message or 'valid'}",
    )
    return None


# wasm-tools' own limits, in its words.
_PEER_LIMIT = re.compile(r"exceeds? (?:the )?(?:limit|maximum)|out of bounds.*limit|too (?:many|large|big)|size limit")


def _general(message: str) -> str:
    """A message without what depends on the case."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = next((line for line in lines if not line.startswith(("error:", "Caused by"))), lines[0] if lines else "")
    return re.sub(r"\d+", "N", re.sub(r"0x[0-9a-f]+|\(at offset.*|, in .*|^[0-9]+: ", "", text))[:120]


def _behaviour(case: Case, module: Module, random: Random, judged: Judged) -> None:
    unknown = needed(case.data, ALL - RUNNABLE)
    if unknown:
        judged.counts[f"not run: {', '.join(sorted(unknown))}"] += 1
        return
    instrs = [instr for func in module.funcs for instr in func.body]
    if any(instr.op.rule == "atomic.wait" for instr in instrs):
        # It may wait as long as it likes.
        judged.counts["not run: waits"] += 1
        return
    judged.counts += compare(module, random)
    judged.stage = "ran"


# --- a run -----------------------------------------------------------------------------------------------------------


def worker(seed: int) -> Callable[[int], tuple[str, Counter[str], Found | None]]:
    """The function of one case, for `pool.run`."""
    limit_memory(MEMORY)

    def one(index: int) -> tuple[str, Counter[str], Found | None]:
        try:
            case = make_case(seed, index)
        except PeerError:
            return "not generated", Counter(), None
        judged = judge(case, Random(index))
        found = None
        if judged.finding is not None:
            found = Found(index, case.origin, case.features, case.data, judged.finding)
        return judged.stage, judged.counts, found

    return one


def smith_run(
    count: int,
    seed: int,
    jobs: int,
    seconds: float | None = None,
    progress: Callable[[Report, Found | None], None] | None = None,
) -> Report:
    """Run `count` cases, or as many as begin within `seconds`."""
    start = time.monotonic()
    report = Report()
    end = None if seconds is None else start + seconds
    for index, result in pool.run(worker, (seed,), count, jobs, 4 * SECONDS, end):
        found: Found | None = None
        if isinstance(result, pool.Lost):
            report.stages["lost"] += 1
            case = make_case(seed, index)
            found = Found(index, case.origin, case.features, case.data, Finding(f"lost: {result.why}", result.why))
        else:
            stage, counts, found = result
            report.stages[stage] += 1
            report.counts += counts
        new = found if found is not None and report.add(found) else None
        if progress is not None:
            progress(report, new)
    report.seconds = time.monotonic() - start
    return report


def smaller(found: Found, seconds: float) -> bytes:
    """A smaller module with the same finding, or the same module."""
    if isinstance(found.content, str):
        raise TypeError("a text module does not come from wasm-tools smith")

    def same(data: bytes) -> bool:
        finding = judge(Case(found.origin, data, found.features), Random(found.index)).finding
        return finding is not None and finding.signature == found.finding.signature

    return shrink_module(found.content, same, seconds)
