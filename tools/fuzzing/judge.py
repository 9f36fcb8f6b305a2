"""One module, and what the peers say of it: its verdict compared with `wasm-tools validate`, and what it does with
wasmtime."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from refsfi.binary.decode import decode
from refsfi.errors import LimitError, MalformedError, PlacedError
from refsfi.syntax.features import ALL, Features
from refsfi.syntax.module import Module
from refsfi.valid.module import validate
from tools.fuzzing.check import SECONDS, Finding, TooLong, signature, time_limit
from tools.fuzzing.differential import RUNNABLE, Difference, compare
from tools.fuzzing.peers import WASM_TOOLS, PeerError, needed, run, wasm_tools_features

__all__ = ["Case", "Judged", "judge"]


@dataclass(frozen=True, slots=True)
class Case:
    """A module, where it comes from, and the features to judge it by."""

    origin: str
    data: bytes
    features: Features


@dataclass(slots=True)
class Judged:
    """How far a module came: malformed, invalid, limit, valid, ran; what was compared; a finding."""

    stage: str
    counts: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None


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
    except (MalformedError, PlacedError) as refusal:
        error = str(refusal)
        if isinstance(refusal, LimitError):
            judged.stage = "limit"
    answer = run(WASM_TOOLS, "validate", f"--features={wasm_tools_features(case.features)}", data=case.data)
    if answer.accepted == (module is not None):
        return module
    said = _general(error or answer.message)
    judged.finding = Finding(
        f"verdict: {judged.stage}, {'valid' if answer.accepted else 'refused'} by wasm-tools: {said}",
        f"refsfi: {error or 'valid'}\nwasm-tools: {answer.message or 'valid'}",
    )
    return None


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
    ops = {instr.op for func in module.funcs for instr in func.body}
    if any(op.rule == "atomic.wait" for op in ops):
        # It may wait as long as it likes.
        judged.counts["not run: waits"] += 1
        return
    if any("relaxed_madd" in op.mnemonic or "relaxed_nmadd" in op.mnemonic for op in ops):
        # The deterministic profile rounds twice (docs/architecture.md), wasmtime fuses.
        judged.counts["not run: relaxed multiply-add"] += 1
        return
    judged.counts += compare(module, random)
    judged.stage = "ran"
