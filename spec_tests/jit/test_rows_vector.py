"""Machine code of vector instructions beside their meaning."""

from __future__ import annotations

import random

import pytest

from refsfi.numeric.table import SEMANTICS
from spec_tests.jit.rows_support import SETUPS, check_row

_VECTOR = [name for name in SEMANTICS if "x" in name.split(".")[0] or name.startswith("v128.")]


@pytest.mark.parametrize("setup", range(len(SETUPS)), ids=[name for name, _, _ in SETUPS])
@pytest.mark.parametrize("name", [name for name in _VECTOR if name != "i8x16.shuffle"])
def test_vector_instructions(name: str, setup: int) -> None:
    check_row(name, setup)


def _shuffles() -> list[bytes]:
    """Those that processors have instructions for, with the operands in either order, some that are almost like them,
    and random ones."""
    found = {bytes((start + i) % 32 for i in range(16)) for start in range(32)}
    for width in (1, 2, 4, 8):
        for first in (0, 16):
            for second in (0, 16):
                for half in (0, 8):
                    starts = range(half, half + 8, width)
                    pairs = [(s + first, s + second) for s in starts]
                    found.add(bytes(start + i for pair in pairs for start in pair for i in range(width)))
    rng = random.Random(1)
    for width in (2, 4, 8):
        for sides in (1, 2):
            for _ in range(15):
                starts = [width * rng.randrange(16 * sides // width) for _ in range(16 // width)]
                found.add(bytes(start + i for start in starts for i in range(width)))
    for _ in range(20):
        # Bytes, words and doublewords that stay where they are, on one side or the other.
        for width in (1, 2, 4):
            sides = [rng.choice((0, 16)) for _ in range(16 // width)]
            found.add(bytes(i + sides[i // width] for i in range(16)))
        two = rng.sample((0, 16), 2)
        halves = [two[0] + 4 * rng.randrange(4), two[0] + 4 * rng.randrange(4)]
        halves += [two[1] + 4 * rng.randrange(4), two[1] + 4 * rng.randrange(4)]
        found.add(bytes(start + i for start in halves for i in range(4)))
    for near in list(found):
        changed = bytearray(near)
        changed[rng.randrange(16)] = rng.randrange(32)
        found.add(bytes(changed))
    found |= {bytes(rng.randrange(sides) for _ in range(16)) for sides in (16, 32) for _ in range(20)}
    return sorted(found)


@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("setup", range(len(SETUPS)), ids=[name for name, _, _ in SETUPS])
def test_shuffles(setup: int, part: int) -> None:
    check_row("i8x16.shuffle", setup, 1, [(lanes,) for lanes in _shuffles()[part::8]])
