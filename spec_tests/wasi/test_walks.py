"""A guest that takes a random walk beneath its directory fares the same in refsfi and in wasmtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from spec_tests.wasi.build import NO_COMPILER, have_compiler
from spec_tests.wasi.engines import run_refsfi, run_wasmtime
from spec_tests.wasi.harness import Case

WALKS = Path(__file__).parent / "walks"
NO_WASMTIME = "no walk was compared with wasmtime's: it is not installed (pip install -e .[peers])"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("name", "met"),
    [
        ("paths", {"SUCCESS", "NOENT", "PERM", "NOTDIR", "EXIST"}),
        ("descriptors", {"SUCCESS", "BADF", "INVAL"}),
    ],
)
def test_both_walk_alike(name: str, met: set[str], seed: int, tmp_path: Path) -> None:
    if not have_compiler():
        pytest.skip(NO_COMPILER)
    if importlib.util.find_spec("wasmtime") is None:
        pytest.skip(NO_WASMTIME)
    case = Case("walk", WALKS / f"{name}.c", args=[str(seed)])
    (tmp_path / "refsfi").mkdir()
    (tmp_path / "wasmtime").mkdir()
    ours, theirs = run_refsfi(case, tmp_path / "refsfi").lines(), run_wasmtime(case, tmp_path / "wasmtime").lines()
    assert ours == theirs
    assert "end exit 0" in ours
    # It got somewhere.
    assert met <= {word for line in ours if line.startswith("out ") for word in line.split()}
