"""Which locals of a function may still be read. Compiled code does not keep the others, so that in a frame that it has
left their registers hold something else."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from refsfi.exec.code import FuncCode
from refsfi.exec.postmortem import MISSING, Activation
from refsfi.valid.sidetable import UNREACHABLE, SideTable

__all__ = ["kept_locals", "live_locals"]

_FINAL = ("br", "br_table", "return", "unreachable", "throw", "throw_ref", "rethrow", "else", "catch", "catch_all")


def live_locals(code: FuncCode, pc: int) -> frozenset[int]:
    """Those that some way from instruction `pc` on reads before it sets them."""
    live = _live(code)[pc]
    return frozenset(local for local in range(code.nlocals) if live >> local & 1)


def kept_locals(activation: Activation) -> list[Any]:
    """A frame's locals, `MISSING` for one that nobody has kept."""
    values = activation.locals()
    if activation.code.program.tier is None:
        return values
    live = live_locals(activation.code, activation.pc)
    return [value if local in live else MISSING for local, value in enumerate(values)]


@lru_cache(64)
def _live(code: FuncCode) -> list[int]:
    """For each pc a set of locals, as bits; by iteration from the end, once and again for each loop around."""
    body = code.program.module.funcs[code.index].body
    side = code.side
    targets = _targets(side, len(body))
    live = [0] * (len(body) + 1)
    changed = True
    while changed:
        changed = False
        for pc in range(len(body) - 1, -1, -1):
            if side.heights[pc] == UNREACHABLE:
                continue
            instr = body[pc]
            mnemonic = instr.op.mnemonic
            falls = mnemonic not in _FINAL and not mnemonic.startswith("return_call")
            after = live[pc + 1] if falls else 0
            for target in targets[pc]:
                after |= live[target]
            if mnemonic == "local.get":
                after |= 1 << instr.args[0]
            elif mnemonic in ("local.set", "local.tee"):
                after &= ~(1 << instr.args[0])
            if after != live[pc]:
                live[pc] = after
                changed = True
    return live


def _targets(side: SideTable, count: int) -> list[tuple[int, ...]]:
    targets: list[tuple[int, ...]] = [()] * count
    for pc, branch in side.branches.items():
        targets[pc] = tuple(b.pc for b in branch) if isinstance(branch, tuple) else (branch.pc,)
    for handler in side.handlers:
        caught = tuple(clause.branch.pc for clause in handler.catches)
        for pc in range(handler.start, handler.end):
            targets[pc] += caught
    return targets
