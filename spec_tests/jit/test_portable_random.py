"""Random modules: interpreter and generated Python agree in results, memory, globals, fuel, room and traps."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit.options import Options
from jit.portable import Portable
from jit.tier import JitTier
from refsfi.errors import Exhaustion, Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Store
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate
from spec_tests.jit.random_guests import module

FUEL = 3000


def outcomes(text: str, tier: JitTier | None, metered: bool, calls: list[tuple[int, ...]]) -> list[Any]:
    """All that can be seen of some calls of the module's function."""
    parsed = parse_module(text, ALL)
    store = Store(fuel=FUEL if metered else None)
    program = Program(parsed, validate(parsed, ALL), metered=metered, tier=tier)
    instance = instantiate(store, program, [])
    func: Any = instance.exports["f0"]
    seen: list[Any] = []
    for arguments in calls:
        if metered:
            store.fuel = FUEL
        try:
            seen.append(invoke(store, func, list(arguments)))
        except (Trap, Exhaustion) as trap:
            seen.append((trap.code.name, [(frame.func_index, frame.instr) for frame in trap.frames]))
        globals = [g.value for g in instance.globals]
        seen.append((store.fuel, store.room, bytes(instance.mem0.data[:]), globals))
    return seen


@pytest.mark.parametrize("metered", [False, True], ids=["plain", "metered"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), hot=st.sampled_from([None, 1, 2, 5]))
def test_random_modules(metered: bool, seed: int, hot: int | None) -> None:
    """`hot`: thresholds; None compiles every function when it is first called."""
    text = module(seed)
    random = Random(seed)
    calls = [(random.getrandbits(32), random.getrandbits(64), random.getrandbits(64)) for _ in range(3)]
    calls += [(0, 1, 0x3FF0000000000000), (5, 1 << 63, 0x7FF8000000000001)]
    options = Options(force=True) if hot is None else Options(hot_loop=hot, hot_call=hot, hot_exit=1)
    expected = outcomes(text, None, metered, calls)
    assert outcomes(text, JitTier(Portable(), options), metered, calls) == expected
