"""Which instructions this processor has.

Read from the kernel's /proc/cpuinfo and not with CPUID: the kernel leaves out what it has not switched on (AVX without
its register state is of no use), and nothing has to be executable before it is known whether compiling is possible at
all.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["BASELINE", "FEATURES", "Cpu", "cpu", "examine"]

# The features that the compiler asks about, under the manual's names: the kernel's name of each.
FEATURES: Final = {
    "sse3": "pni",
    "ssse3": "ssse3",
    "sse4.1": "sse4_1",
    "sse4.2": "sse4_2",
    "popcnt": "popcnt",
    "lzcnt": "abm",
    "bmi1": "bmi1",
    "bmi2": "bmi2",
    "avx": "avx",
    "avx2": "avx2",
    "cmpxchg16b": "cx16",
    "fsrm": "fsrm",
    "erms": "erms",
}

# What compiled code is made of everywhere. SSE2 is part of x86-64.
BASELINE: Final = ("sse3", "ssse3", "sse4.1")


class Cpu(NamedTuple):
    """`features` are those of `FEATURES` that this processor has. `reason` says why machine code cannot be made for it;
    it is empty where it can."""

    features: frozenset[str]
    reason: str = ""


def examine(machine: str, cpuinfo: str | None, bits: int = 64) -> Cpu:
    """`machine` as `os.uname()` names it, `cpuinfo` the text of /proc/cpuinfo or None, `bits` the width of this
    process's addresses: a 32-bit Python on a 64-bit kernel cannot run what we make."""
    if machine not in ("x86_64", "AMD64") or bits != 64:
        return Cpu(frozenset(), f"this is a {bits}-bit process on {machine or 'an unknown processor'}, not on x86-64")
    if cpuinfo is None:
        return Cpu(frozenset(), "/proc/cpuinfo cannot be read, so what the processor can do is not known")
    # A machine may have processors of two kinds, and a thread may move between them. Most of these lines are equal.
    lines = {line.partition(":")[2] for line in cpuinfo.splitlines() if line.startswith("flags")}
    if not lines:
        return Cpu(frozenset(), "/proc/cpuinfo names no processor features")
    everywhere = frozenset.intersection(*(frozenset(line.split()) for line in lines))
    features = frozenset(name for name, flag in FEATURES.items() if flag in everywhere)
    missing = [name for name in BASELINE if name not in features]
    return Cpu(features, f"the processor lacks {', '.join(missing)}" if missing else "")


@cache
def cpu() -> Cpu:
    """This machine's."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        cpuinfo = None
    return examine(os.uname().machine, cpuinfo, 64 if sys.maxsize > 1 << 32 else 32)
