"""`tools/bench jit` measures what it says and misses no bar in silence; what the figures are is for quiet machines."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from tools.benchmarks import jit as bench
from tools.benchmarks.cold import cold_kernels
from tools.benchmarks.engines import by_name, compiler_events
from tools.benchmarks.jit import Costs, Row
from tools.benchmarks.kernels import own_kernels


@pytest.mark.parametrize("engine", ["interpreter", "jit"])
def test_cold_modules_compute_what_python_computes(engine: str) -> None:
    for kernel in cold_kernels():
        assert by_name(engine).load(kernel)() == kernel.expect


def test_nothing_is_compiled_in_cold_modules_and_something_in_hot_ones() -> None:
    def compilations(kernel: Any) -> int:
        with compiler_events() as events:
            by_name("jit").load(kernel)()
        return sum(name == "compile" for name, _, _ in events)

    assert [compilations(kernel) for kernel in cold_kernels()] == [0, 0]
    assert compilations(next(k for k in own_kernels() if k.name == "sieve")) > 0


def rows(**figures: tuple[float, float]) -> list[Row]:
    return [Row("k", engine.replace("_", "-"), first, second) for engine, (first, second) in figures.items()]


@pytest.mark.parametrize(
    ("found", "miss"),
    [
        ({"jit": (1.0, 1.0), "wasm3": (1.0, 2.9)}, "times wasm3"),
        ({"jit": (1.0, 1.0), "pwasm_auto": (1.0, 19.0)}, "times pwasm-auto"),
        ({"jit": (1.0, 1.0), "ppci": (2.0, 0.9)}, "times ppci"),
        ({"jit": (1.0, 1.0), "ppci": (0.9, 2.0)}, "as soon as ppci"),
        ({"jit": (1.1, 1.0), "interpreter": (1.0, 9.0)}, "the interpreter's"),
        ({"jit_portable": (1.0, 1.0), "interpreter": (9.0, 4.0)}, "times interpreter"),
        ({"jit_portable": (1.0, 1.0), "pwasm_auto": (9.0, 0.9)}, "times pwasm-auto"),
    ],
)
def test_each_bar_can_be_missed(found: dict[str, tuple[float, float]], miss: str) -> None:
    below = list(bench._below_long(rows(**found)))
    assert len(below) == 1
    assert miss in below[0]


def test_bars_that_are_reached() -> None:
    good = rows(jit=(1, 1), jit_portable=(1, 1), interpreter=(1, 5.1), wasm3=(0, 3), pwasm_auto=(0, 21), ppci=(1, 1.1))
    assert list(bench._below_long(good)) == []
    assert list(bench._below_costs(Costs(10.0, 50.0, 1))) == []
    assert list(bench._below_costs(Costs(10.0, 51.0, 1))) != []


def test_a_peer_that_is_missing_or_a_failure_of_ours_is_no_success() -> None:
    missing = [Row("k", "wasm3", why="NOT INSTALLED"), *rows(jit=(1, 1))]
    assert "wasm3 is not installed" in next(bench._below_long(missing))
    assert "wrong result" in next(bench._below_long([Row("k", "jit", why="wrong result")]))
    assert "wrong result" in next(bench._below_short([Row("k", "jit", why="wrong result")], "warm"))


def test_everything_is_measured_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    options = argparse.Namespace(engine=["interpreter", "jit"], only="sieve", repeat=1, patience=20.0, json=False)
    report: dict[str, Any] = {}
    bench.jit(options, None, report)
    found = json.loads(json.dumps(report))["jit"]
    assert {row["engine"] for row in found["long"] + found["short"] + found["short_warm"]} == {"interpreter", "jit"}
    compiled = [row for row in found["long"] if row["engine"] == "jit"]
    assert all(0 < row["second"] < row["first"] for row in compiled)
    assert found["microseconds"]["compiling"] > 0
    printed = capsys.readouterr().out
    assert "sieve(1000000)" in printed
    assert "times interpreter" in printed
