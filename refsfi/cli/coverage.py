"""`refsfi spec --jit-report`: which instructions ran compiled, and which were left to the interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from refsfi.runtime.tier import COVERAGE
from refsfi.syntax.opcodes import OPS

__all__ = ["merge", "report"]

_WIDTH: Final = 12


def merge(counted: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, Counter[str]]:
    """The sum of what several tiers have counted."""
    total = {kind: Counter[str]() for kind in COVERAGE}
    for one in counted:
        for kind, counts in one.items():
            total[kind].update(counts)
    return total


def report(counted: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Lines of text: what was counted for each row of the table of instructions, and what that comes to."""
    names = tuple(COVERAGE)
    yield "# A line an instruction. Columns:"
    for name, meaning in COVERAGE.items():
        yield f"# {name}: {meaning}"
    verdicts = Counter[str]()
    width = max(len(op.mnemonic) for op in OPS)
    heads = "".join(f"{name:>{_WIDTH}}" for name in names)
    yield f"{'# instruction':<{width}}{heads}  verdict"
    for op in OPS:
        mnemonic = op.mnemonic
        counts = {name: counted[name].get(mnemonic, 0) for name in names}
        verdict = _verdict(counts)
        verdicts[verdict] += 1
        yield f"{mnemonic:<{width}}{''.join(f'{counts[name]:{_WIDTH}}' for name in names)}  {verdict}"
    yield f"# {len(OPS)} instructions: {', '.join(f'{count} {verdict}' for verdict, count in verdicts.most_common())}"


def _verdict(counts: Mapping[str, int]) -> str:
    if counts["compiled"]:
        return "compiled in part" if counts["no form"] else "compiled"
    return "interpreted" if counts["no form"] else "not met"
