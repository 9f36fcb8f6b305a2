"""CVE-2024-47813: types that come and go in several threads are still told apart by indirect calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from refsfi.errors import Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Store
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

ROUNDS = 60


def guest(thread: int, number: int) -> str:
    """A module with types of its own; function 0 has another type than the call expects."""
    mine = " ".join(["i32"] * (1 + (thread + number) % 7))
    return f"""(module (type $mine (func (param {mine} i64))) (type $other (func (param {mine} f64)))
        (table funcref (elem $right $wrong))
        (func $right (type $mine)) (func $wrong (type $other))
        (func (export "f") (param i32)
          {"(i32.const 1) " * len(mine.split())} (i64.const 2)
          (call_indirect (type $mine) (local.get 0))))"""


def work(thread: int) -> list[str]:
    seen = []
    for number in range(ROUNDS):
        module = parse_module(guest(thread, number), ALL)
        store = Store()
        instance = instantiate(store, Program(module, validate(module, ALL)), [])
        for index in (0, 1):
            try:
                invoke(store, instance.exports["f"], [index])
                seen.append("called")
            except Trap as trap:
                seen.append(trap.code.name)
    return seen


def test_cve_2024_47813_types_come_and_go_in_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        for seen in pool.map(work, range(4)):
            assert seen == ["called", "BAD_SIGNATURE"] * ROUNDS
