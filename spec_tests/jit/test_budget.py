"""Compiling costs no more than a share of what has been worked."""

from __future__ import annotations

from time import process_time_ns

from jit.budget import Budget, Unlimited


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
