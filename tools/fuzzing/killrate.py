"""How much of the machine code that is wrong on purpose the verifier refuses.

Units come from generated modules, compiled whole under settings of all kinds. All of them have to pass as they are; of
each, some mutants are checked.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from jit.x64.backend import X64Backend
from jit.x64.verify import Contract, Unsafe, check
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from tools.fuzzing.codemutants import CLASSES, Mutant, mutants
from tools.fuzzing.generate import generate
from tools.fuzzing.tiers import Setting, compare_tiers, plan, settings

__all__ = ["KillRate", "captured", "kill_rate", "units_of"]

# Survivors of a class that are kept to look at.
_KEPT = 40


@dataclass(slots=True)
class KillRate:
    """`units`: that passed as they are. By class: mutants `made` and `killed`; `survivors`: some of the others."""

    units: int = 0
    made: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    survivors: dict[str, list[tuple[Mutant, Contract]]] = field(default_factory=dict)

    def lines(self, show: int = 0) -> Iterator[str]:
        """For people; with so many survivors of each class."""
        for what in (*CLASSES, "together"):
            made, killed = (
                (self.made.total(), self.killed.total()) if what == "together" else (self.made[what], self.killed[what])
            )
            if made:
                yield f"    {what:<38}{killed:>7} of {made:>7} {100 * killed / made:7.2f} %"
            for mutant, contract in self.survivors.get(what, [])[:show]:
                yield f"        {mutant.at:#x}  {mutant.before} -> {mutant.after or 'nothing'}"
                yield f"            for {contract.instruction(mutant.at)}"


@contextmanager
def captured() -> Iterator[list[tuple[bytes, Contract]]]:
    """What the back end compiles meanwhile."""
    found: list[tuple[bytes, Contract]] = []
    verify = X64Backend._verify

    def keep(self: X64Backend, *arguments: Any) -> None:
        graph, code, addresses, block, finished, first_exit = arguments
        contract = self._contract(graph, code, addresses, block, first_exit)
        check(finished, contract)
        found.append((finished, contract))

    X64Backend._verify = keep  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        X64Backend._verify = verify  # type: ignore[method-assign]


def units_of(seed: int, index: int) -> list[tuple[bytes, Contract]]:
    """The units that one case of a run compiles."""
    random = Random(f"verifier:{seed}:{index}")
    module = parse_module(generate(random).text, ALL)
    calls = plan(module, random)
    (chosen,) = settings(random, 1)
    setting = Setting("verified", chosen.metered, chosen.options, chosen.interrupted)
    with captured() as found:
        compare_tiers(module, calls, [setting])
    return found


def kill_rate(count: int, seed: int, seconds: float | None = None, share: float = 0.1) -> KillRate:
    """Check `count` mutants, or as many as there is time for."""
    end = None if seconds is None else time.monotonic() + seconds
    rate = KillRate()
    index = 0
    while rate.made.total() < count and (end is None or time.monotonic() < end):
        random = Random(f"mutants:{seed}:{index}")
        for code, contract in units_of(seed, index):
            rate.units += 1
            # What is never executed can be anything.
            reached = check(code, contract)
            for mutant in mutants(code, contract.text, contract.address, random, share):
                if mutant.at < contract.text and mutant.at not in reached:
                    continue
                rate.made[mutant.what] += 1
                if _is_refused(mutant, contract):
                    rate.killed[mutant.what] += 1
                elif len(kept := rate.survivors.setdefault(mutant.what, [])) < _KEPT:
                    kept.append((mutant, contract))
            if end is not None and time.monotonic() > end:
                break
        index += 1
    return rate


def _is_refused(mutant: Mutant, contract: Contract) -> bool:
    try:
        check(mutant.code, contract)
    except Unsafe:
        return True
    return False
