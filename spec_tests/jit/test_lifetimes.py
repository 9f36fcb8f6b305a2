"""Code lives as long as what it was made from, is shared by all instances, and nothing of it stays behind."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jit.options import Options
from jit.tier import JitTier
from jit.x64.backend import X64Backend, _process
from jit.x64.contexts import VMS
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Store
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate
from spec_tests.jit.maps import mappings
from tools.fuzzing.generate import generate
from tools.fuzzing.jitcases import judge_tiers, make_jit_case

EAGER = Options(hot_loop=2, hot_call=2, hot_exit=2, exits_per_value=0, stretch=0)
# Enough for all to be compiled that will be, in a store that is new.
WARM = [*range(1, 20)] * 12
SUM = """(module (memory 1) (table 2 funcref) (elem (i32.const 0) func $add)
    (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "f") (param i32) (result i32) (local i32)
      (loop $l
        (local.set 1 (call $add (local.get 1) (local.get 0)))
        (i32.store (i32.const 8) (local.get 1))
        (if (i32.eq (local.get 0) (i32.const 7)) (then (i32.store8 (i32.const 3) (local.get 0))))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (i32.load (i32.const 8))))"""


def program(text: str, tier: JitTier) -> Program:
    module = parse_module(text, ALL)
    return Program(module, validate(module, ALL), tier=tier)


def called(made: Program, *arguments: int) -> list[Any]:
    """What `f` returns for each, in a store and an instance of its own, which are gone afterwards."""
    store = Store(Limits(stack=1 << 16))
    func: Any = instantiate(store, made, []).exports["f"]
    return [value for argument in arguments for value in invoke(store, func, [argument])]


def settle() -> None:
    """Have everything freed that nothing leads to. What is freed may have been the last to lead to something else."""
    for _ in range(4):
        gc.collect()
        _process().sweep()


def in_use() -> dict[str, int]:
    """What the process keeps for code."""
    process = _process()
    settle()
    return {
        "bytes": process.memory.in_use,
        "exits": len(process.exits),
        "faults": len(process.faults),
        "calls": len(process.calls),
        "replaced": len(process.replaced),
        "gone": len(process.gone),
        "contexts": len(VMS),
    }


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def start() -> dict[str, int]:
    X64Backend(EAGER)
    return in_use()


def test_a_thousand_instances_share_their_code(start: dict[str, int]) -> None:
    made = program(SUM, JitTier(X64Backend(EAGER), EAGER))
    assert called(made, *WARM) == [n * (n + 1) // 2 for n in WARM]
    store = Store(Limits(stack=1 << 16))
    instances = []
    sizes = []
    # The first thousand may still extend what was compiled before there were any.
    for _ in range(2):
        for _ in range(1000):
            instance = instantiate(store, made, [])
            instances.append(instance)
            func: Any = instance.exports["f"]
            assert invoke(store, func, [9]) == [45]
        sizes.append(in_use())
    assert start["bytes"] < sizes[0]["bytes"] < start["bytes"] + 4096
    assert sizes[1] == sizes[0]
    assert all(bytes(instance.mem0.data[3:4]) == b"\x07" for instance in instances)


def test_code_goes_with_its_program(start: dict[str, int]) -> None:
    made = program(SUM, JitTier(X64Backend(EAGER), EAGER))
    assert called(made, *WARM) == [n * (n + 1) // 2 for n in WARM]
    during = in_use()
    assert during["bytes"] > start["bytes"]
    assert during["exits"] > start["exits"]
    del made
    assert in_use() == start


def test_code_stays_while_a_store_has_an_instance(start: dict[str, int]) -> None:
    store = Store(Limits(stack=1 << 16))
    made = program(SUM, JitTier(X64Backend(EAGER), EAGER))
    func: Any = instantiate(store, made, []).exports["f"]
    del made
    for n in range(1, 20):
        settle()
        assert invoke(store, func, [n]) == [n * (n + 1) // 2]
    assert in_use()["bytes"] > start["bytes"]
    del func, store
    assert in_use() == start


def test_what_is_compiled_anew_replaces_what_was(start: dict[str, int]) -> None:
    """The function is extended again and again; only the last region of each function is kept."""
    cases = " ".join(
        f"(if (i32.eq (local.get 0) (i32.const {n})) (then (local.set 1 (i32.add (local.get 1) (i32.const {n})))))"
        for n in range(1, 12)
    )
    text = f'(module (func (export "f") (param i32) (result i32) (local i32) {cases} (local.get 1)))'
    tier = JitTier(X64Backend(EAGER), EAGER)
    compiled: list[int] = []
    tier.log.listeners.append(lambda event: compiled.append(1) if event.name == "compile" else None)
    made = program(text, tier)
    sizes = []
    for n in range(1, 12):
        assert called(made, *[n] * 40) == [n] * 40
        sizes.append(in_use())
    assert len(compiled) > 5
    units = {id(code.tier.unit): code.tier.unit for code in made.funcs}  # type: ignore[attr-defined]
    assert sizes[-1]["exits"] - start["exits"] == sum(len(unit.code.exits) for unit in units.values())
    assert sizes[-1]["replaced"] == sizes[-1]["gone"] == 0
    del units, made, tier
    compiled.clear()
    assert in_use() == start


def test_programs_that_share_a_tier_come_and_go(start: dict[str, int]) -> None:
    tier = JitTier(X64Backend(EAGER), EAGER)
    for _ in range(60):
        made = program(SUM, tier)
        called(made, *WARM)
    assert in_use()["bytes"] < start["bytes"] + 4096
    del made
    assert in_use() == start


def test_a_soak_of_random_modules_leaves_nothing(start: dict[str, int]) -> None:
    """Code, registries, descriptors and mappings are what they were; memory does not grow with the number of cases."""

    def soak(first: int, count: int) -> None:
        for index in range(first, first + count):
            _, finding = judge_tiers(make_jit_case(77, index, smith=False))
            assert finding is None, finding

    soak(0, 25)
    before, descriptors, maps, memory = in_use(), len(os.listdir("/proc/self/fd")), len(mappings()), resident()
    soak(25, 40)
    assert in_use() == before
    assert len(os.listdir("/proc/self/fd")) == descriptors
    # Python's own arenas come and go.
    assert len(mappings()) <= maps + 40
    # 40 modules with three tiers each keep less than 1 MiB a module, or something holds them.
    assert resident() - memory < 40 << 20


def test_modules_that_were_never_compiled_keep_nothing(start: dict[str, int]) -> None:
    for seed in range(10):
        module = parse_module(generate(Random(seed)).text, ALL)
        Program(module, validate(module, ALL), tier=JitTier(X64Backend(Options()), Options()))
    assert in_use() == start
