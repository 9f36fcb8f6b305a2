"""What the processor can do, as the kernel tells it."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from jit.x64.cpu import BASELINE, FEATURES, Cpu, cpu, examine

NEHALEM = "fpu sse sse2 pni ssse3 cx16 sse4_1 sse4_2 popcnt"
HASWELL = NEHALEM + " avx avx2 abm bmi1 bmi2 erms"


def cpuinfo(*flags: str) -> str:
    """As the kernel writes it, a paragraph for each processor."""
    return "".join(
        f"processor\t: {n}\nmodel name\t: A\nflags\t\t: {each}\nbugs\t\t: avx\n\n" for n, each in enumerate(flags)
    )


def test_features_have_the_manuals_names() -> None:
    assert examine("x86_64", cpuinfo(NEHALEM)) == Cpu(
        frozenset({"sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cmpxchg16b"})
    )
    assert examine("x86_64", cpuinfo(HASWELL)).features >= {"lzcnt", "bmi1", "bmi2", "avx", "avx2", "erms"}


def test_a_feature_counts_only_if_every_processor_has_it() -> None:
    mixed = examine("x86_64", cpuinfo(HASWELL, NEHALEM, HASWELL))
    assert mixed == examine("x86_64", cpuinfo(NEHALEM))
    assert examine("x86_64", cpuinfo(HASWELL, "fpu sse sse2 pni")).reason == "the processor lacks ssse3, sse4.1"


@pytest.mark.parametrize(
    ("machine", "text", "bits", "reason"),
    [
        ("aarch64", cpuinfo(HASWELL), 64, "this is a 64-bit process on aarch64, not on x86-64"),
        ("", None, 64, "this is a 64-bit process on an unknown processor, not on x86-64"),
        ("x86_64", cpuinfo(HASWELL), 32, "this is a 32-bit process on x86_64, not on x86-64"),
        ("x86_64", None, 64, "/proc/cpuinfo cannot be read, so what the processor can do is not known"),
        ("x86_64", "processor : 0\n", 64, "/proc/cpuinfo names no processor features"),
        ("x86_64", cpuinfo("fpu sse sse2"), 64, "the processor lacks sse3, ssse3, sse4.1"),
    ],
)
def test_where_machine_code_cannot_be_made_the_reason_is_told(
    machine: str, text: str | None, bits: int, reason: str
) -> None:
    assert examine(machine, text, bits).reason == reason


def test_the_baseline_is_made_of_known_features() -> None:
    assert set(BASELINE) <= set(FEATURES)


def test_this_machine_is_examined_once() -> None:
    assert cpu() is cpu()
    if platform.machine() == "x86_64" and Path("/proc/cpuinfo").exists():
        assert bool(cpu().reason) == (not cpu().features.issuperset(BASELINE))
    else:
        assert cpu().reason
