"""Whether compiled code can be interrupted, and counts its fuel, however long it runs.

Without the instructions that look at the word that asks to stop, what is left of a unit must have no loops; nor must it
without those that take fuel, if fuel is counted. Two short loops are exempt: one that goes back only when another
thread has changed what it compares, and one that counts a register down to nothing, as the copying of a range does,
whose length has been compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jit.x64 import layout as at
from jit.x64.verify.contract import Unsafe
from jit.x64.verify.decode import Decoded

__all__ = ["check"]

# Instructions of a loop that needs neither.
_SHORT: Final = 8


def check(edges: Mapping[int, set[int]], decoded: Mapping[int, Decoded], metered: bool) -> None:
    """Raise `Unsafe` for a loop that nobody could stop."""
    wanted = [("nobody can interrupt this loop", _polls)]
    if metered:
        wanted.append(("this loop takes no fuel", _takes_fuel))
    for why, passes in wanted:
        at_once = {n for n in edges if passes(decoded[n], decoded)}
        loop = _loop(edges, at_once | _exempt(edges, decoded))
        if loop is not None:
            raise Unsafe(loop, decoded[loop].text, why)


def _polls(ins: Decoded, decoded: Mapping[int, Decoded]) -> bool:
    """A comparison with the word that asks to stop, and the branch that does what it asks for."""
    if ins.word != "cmp" or ins.imm != 0 or not any(o.base == at.VM and o.disp == at.STOP for o in ins.operands):
        return False
    branch = decoded.get(ins.end)
    return branch is not None and branch.condition == "ne"


def _takes_fuel(ins: Decoded, decoded: Mapping[int, Decoded]) -> bool:
    return ins.word == "sub" and any(o.base == at.VM and o.disp == at.FUEL and o.writes for o in ins.operands)


def _exempt(edges: Mapping[int, set[int]], decoded: Mapping[int, Decoded]) -> set[int]:
    """The branches back of loops that end by themselves."""
    found = set()
    for n, targets in edges.items():
        ins = decoded[n]
        for target in targets:
            if not ins.condition or target > n:
                continue
            body = [decoded[m] for m in sorted(decoded) if target <= m < n]
            if len(body) > _SHORT or any(i.condition or i.word in ("jmp", "call") for i in body) or not body:
                continue
            last = body[-1]
            again = ins.condition == "ne" and last.word == "cmpxchg" and last.locked
            down = ins.condition in ("ne", "ae") and last.word == "sub" and last.dest == 1 and (last.imm or 0) > 0
            if again or down:
                found.add(n)
    return found


def _loop(edges: Mapping[int, set[int]], without: set[int]) -> int | None:
    """An instruction that can be come back to, some being left out."""
    done: set[int] = set()
    path: set[int] = set()
    for first in edges:
        if first in done or first in without:
            continue
        stack = [(first, iter(edges.get(first, ())))]
        path.add(first)
        while stack:
            node, following = stack[-1]
            for target in following:
                if target in path:
                    return target
                if target not in done and target not in without:
                    path.add(target)
                    stack.append((target, iter(edges.get(target, ()))))
                    break
            else:
                stack.pop()
                path.discard(node)
                done.add(node)
    return None
