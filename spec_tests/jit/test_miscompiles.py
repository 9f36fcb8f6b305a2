"""Faults put into the emitter on purpose: what runs in lockstep with the interpreter finds each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jit.options import Options
from jit.x64 import rows_memory
from jit.x64.emit import Emitter
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from tools.fuzzing.tiers import Call, Disagreement, Setting, compare_tiers

GUEST = """(module (memory 1)
    (func (export "f") (param i32 i32) (result i64) (local i64 i32)
      (local.set 3 (i32.const 4))
      (loop $l
        (i32.store8 offset=16 (local.get 0) (local.get 1))
        (i64.store16 offset=32 (local.get 0) (i64.const 0xabcdef))
        (i32.store offset=40 (local.get 0) (local.get 1))
        (local.set 2 (i64.add (local.get 2) (i64.extend_i32_u (i32.sub (local.get 1) (local.get 3)))))
        (local.set 2 (i64.xor (local.get 2) (i64.extend_i32_s (i32.load8_s offset=16 (local.get 0)))))
        (local.set 2 (i64.rotl (local.get 2) (i64.load16_u offset=41 (local.get 0))))
        (local.set 2 (i64.add (local.get 2) (i64.load32_u offset=40 (local.get 0))))
        (br_if $l (local.tee 3 (i32.sub (local.get 3) (i32.const 1)))))
      (local.get 2)))"""
CALLS: list[Call] = [("f", [8 * n, 0xFFFFFF80 + n]) for n in range(6)]
CHECKED = Setting("checked", True, Options(hot_loop=1, hot_call=1, hot_exit=1, exits_per_value=0, stretch=0))

Inject = Callable[[pytest.MonkeyPatch], None]


def _named(table: str, instruction: str, encoded: str) -> Inject:
    def inject(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(getattr(rows_memory, table), instruction, encoded)

    return inject


def _displaced(patch: pytest.MonkeyPatch) -> None:
    right = rows_memory.locate

    def wrong(*arguments: Any) -> rows_memory.Address:
        address = right(*arguments)
        address.disp += 1
        return address

    patch.setattr(rows_memory, "locate", wrong)


def _other_constants(patch: pytest.MonkeyPatch) -> None:
    right = Emitter.imm32

    def wrong(self: Emitter, value: int) -> int | None:
        imm = right(self, value)
        return None if imm is None else imm ^ 1

    patch.setattr(Emitter, "imm32", wrong)


MISCOMPILES: dict[str, Inject] = {
    "a store is wider than it should be": _named("_STORES", "i32.store8", "mov32"),
    "a store is narrower than it should be": _named("_STORES", "i64.store16", "mov8"),
    "a load is wider than it should be": _named("_LOADS", "i32.load8_s", "mov32"),
    "a load is zero-extended instead of sign-extended": _named("_LOADS", "i32.load8_s", "movzx8_32"),
    "a load is sign-extended instead of zero-extended": _named("_LOADS", "i64.load32_u", "movsx32_64"),
    "a displacement is off by one": _displaced,
    "immediates are off by one": _other_constants,
}


def test_the_guest_runs_when_nothing_is_wrong() -> None:
    counts = compare_tiers(parse_module(GUEST, ALL), CALLS, [CHECKED])
    assert counts["checked regions"]


@pytest.mark.parametrize("what", MISCOMPILES)
def test_lockstep_finds(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them: the kill rate is 1."""
    MISCOMPILES[what](monkeypatch)
    with pytest.raises(Disagreement):
        compare_tiers(parse_module(GUEST, ALL), CALLS, [CHECKED])
