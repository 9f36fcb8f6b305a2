"""Compiling costs no more than a share of what has been worked."""

from __future__ import annotations

from time import process_time_ns

import pytest

from jit.budget import Budget, Purse, Unlimited
from jit.options import Options
from jit.portable import Portable
from jit.tier import JitTier
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import FuncInst, HostFunc, Store
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import ALL
from refsfi.syntax.types import FuncType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate


def worked(ns: int) -> None:
    end = process_time_ns() + ns
    while process_time_ns() < end:
        pass


def test_something_is_begun_once_it_is_a_share_of_the_work() -> None:
    budget = Budget(50)
    assert not budget.allows(1_000_000_000_000)
    worked(2_000_000)
    assert budget.allows(1_000_000)


def test_what_was_spent_has_to_be_worked_for() -> None:
    budget = Budget(1)
    began = budget.begin()
    worked(2_000_000)
    budget.end(began)
    assert not budget.allows()
    # As good as a second of the interpreter's.
    for _ in range(100):
        budget.ran(1_000_000, 10)
    assert budget.allows()


def test_a_run_that_is_all_coming_and_going_gains_nothing() -> None:
    budget = Budget(0)
    budget.ran(500, 10)
    assert not budget.allows(1)
    assert Unlimited().allows(1)


def test_a_purse_is_emptied_by_coming_and_going_and_filled_by_running() -> None:
    purse = Purse(10)
    for _ in range(1000):
        purse.ran(100_000, 3)
    assert not purse.empty
    purse.ran(0, 3)
    for _ in range(1000):
        purse.ran(500, 1)
    assert purse.empty
    purse.fill()
    assert not purse.empty


class Spent(Purse):
    """Nothing pays."""

    __slots__ = ()

    @property
    def empty(self) -> bool:
        return True


LEAVING = """(module (func $host (import "" "f"))
  (func (export "run") (param $n i32)
    (loop $next
      (call $host)
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"""


def left(rest: int) -> int:
    """How often a loop that calls the host in each of 500 rounds leaves its region."""
    options = Options(hot_loop=20, hot_exit=1 << 20, stretch=0, rest=rest)
    tier = JitTier(Portable(), options)
    module = parse_module(LEAVING, ALL)
    made = Program(module, validate(module, ALL), tier=tier)
    store = Store()
    run = instantiate(store, made, [HostFunc(func_deftype(FuncType((), ())), lambda: (), "f")]).exports["run"]
    assert isinstance(run, FuncInst)
    invoke(store, run, [500])
    return tier.coverage()["left"]["call"]


def test_an_entry_that_loses_rests_twice_as_long_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left(0) > 400
    monkeypatch.setattr("jit.tier.Purse", Spent)
    # Some of these by the counter at the loop's header, which goes on counting meanwhile.
    assert 0 < left(10) < 50
