"""The verifier passes what the compiler makes, and refuses nearly everything that is wrong in it on purpose."""

from __future__ import annotations

import pytest

pytest.importorskip("iced_x86", reason="iced-x86 is not installed: nothing was verified")

from jit.options import Options
from jit.select import make_backend
from jit.x64.backend import X64Backend
from jit.x64.verify import check
from refsfi.errors import Crash
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from spec_tests.jit.support import graph_of, program
from tools.fuzzing.killrate import captured, kill_rate, units_of
from tools.fuzzing.tiers import Setting, compare_tiers


@pytest.mark.parametrize("part", range(2))
def test_what_is_compiled_passes(part: int) -> None:
    units = [unit for index in range(4 * part, 4 * part + 4) for unit in units_of(2026, index)]
    assert len(units) > 10
    assert sum(len(check(code, contract)) for code, contract in units) > 1000


# Of everything in these classes none may pass; of the others it depends on what the instruction is for.
FATAL = ("a call is moved", "a foreign instruction")


def test_the_kill_rate() -> None:
    rate = kill_rate(700, 2026, share=0.1)
    assert rate.units > 5
    for what in FATAL:
        assert rate.killed[what] == rate.made[what], list(rate.lines(3))
    assert rate.made["a foreign instruction"] > 100
    assert rate.killed["another base"] >= 0.95 * rate.made["another base"] > 30
    assert rate.killed["a jump is moved"] >= 0.9 * rate.made["a jump is moved"] > 10
    assert rate.killed.total() >= 0.8 * rate.made.total()


GUARDED = "(module (memory 1) (func (param i32) (result i32) (i32.load offset=4 (local.get 0))))"


@pytest.mark.parametrize("explicit", [False, True])
def test_every_change_of_an_access_is_refused(explicit: bool) -> None:
    """All 255 other values of each byte of a load and of the check before it: what passes means the same."""
    backend = X64Backend(Options(explicit=explicit), verified=True)
    with captured() as found:
        (code,) = program(GUARDED).funcs
        unit = backend.compile(graph_of(code))
    ((made, contract),) = found
    place = next(n for n, instr in contract.places if instr.op.mnemonic == "i32.load")
    passed = set()
    for at in range(place, place + 12):
        for byte in range(256):
            if byte != made[at]:
                changed = made[:at] + bytes([byte]) + made[at + 1 :]
                try:
                    check(changed, contract)
                except Crash:
                    continue
                passed.add((at - place, byte))
    del unit
    assert len(passed) < 12 * 256 * 0.05, sorted(passed)


def test_a_refused_unit_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = X64Backend(Options(), verified=True)
    (code,) = program(GUARDED).funcs
    memory = backend._process.memory
    backend._thunks_of(code.program)
    backend._process.sweep()
    before = memory.in_use

    def refuse(self: X64Backend, *arguments: object) -> None:
        raise Crash("refused")

    monkeypatch.setattr(X64Backend, "_verify", refuse)
    for _ in range(3):
        with pytest.raises(Crash):
            backend.compile(graph_of(code))
    assert memory.in_use <= before


def test_checking_runs_are_verified() -> None:
    made = make_backend(None, Options(), checked=True)
    assert isinstance(made, X64Backend)
    assert made.verified
    assert not make_backend(None, Options()).verified  # type: ignore[attr-defined]


def test_bulk_instructions_of_all_lengths() -> None:
    text = """(module (memory 1 2) (memory $b i64 1)
        (func (export "f") (param i32 i32 i32) (result i32)
          (memory.fill (local.get 0) (local.get 1) (local.get 2))
          (memory.copy (local.get 1) (local.get 0) (local.get 2))
          (memory.copy (local.get 0) (local.get 1) (i32.const 7))
          (memory.copy $b 0 (i64.const 5) (local.get 0) (local.get 2))
          (memory.fill $b (i64.extend_i32_u (local.get 0)) (i32.const 3) (i64.const 100))
          (i32.load8_u (local.get 1))))"""
    options = Options(hot_loop=1, hot_call=1, stretch=0)
    calls = [("f", [n, 3 * n, 5 * n]) for n in (0, 1, 9, 500, 65536)]
    counts = compare_tiers(parse_module(text, ALL), calls, [Setting("verified", False, options)])
    assert counts["verified regions"]
