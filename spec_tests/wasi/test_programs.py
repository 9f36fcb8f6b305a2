"""Programs that use WASI do in refsfi and in wasmtime what their golden files say; see `harness`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from refsfi.exec.load import load_module
from refsfi.host.wasi import Wasi, WasiOptions
from refsfi.runtime.store import Store
from spec_tests.wasi.build import NO_COMPILER, have_compiler
from spec_tests.wasi.engines import run_refsfi, run_wasmtime
from spec_tests.wasi.harness import GOLDEN, Case, cases, expected

CASES = cases()
IN_UNSTABLE = [case for case in CASES if case.not_in_unstable is None]
NO_WASMTIME = "nothing was compared with wasmtime: it is not installed (pip install -e .[peers])"


def _require_compiler(case: Case) -> None:
    if case.in_c and not have_compiler():
        pytest.skip(NO_COMPILER)


def _named(chosen: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


@_named(CASES)
def test_refsfi(case: Case, tmp_path: Path) -> None:
    _require_compiler(case)
    assert run_refsfi(case, tmp_path).lines() == expected(case, "refsfi")


@_named([case for case in CASES if case.not_in_wasmtime is None])
def test_wasmtime(case: Case, tmp_path: Path) -> None:
    _require_compiler(case)
    if importlib.util.find_spec("wasmtime") is None:
        pytest.skip(NO_WASMTIME)
    assert run_wasmtime(case, tmp_path).lines() == expected(case, "wasmtime")


@_named(IN_UNSTABLE)
def test_unstable(case: Case, tmp_path: Path) -> None:
    """The first snapshot's functions do the same, but for the numbers and layouts that the programs' header knows."""
    _require_compiler(case)
    assert run_refsfi(case, tmp_path, unstable=True).lines() == expected(case, "refsfi")


@pytest.mark.parametrize("unstable", [False, True])
def test_the_programs_call_every_function(unstable: bool) -> None:
    if not have_compiler():
        pytest.skip(NO_COMPILER)
    module = "wasi_unstable" if unstable else "wasi_snapshot_preview1"
    modules = (load_module(case.module(unstable)) for case in (IN_UNSTABLE if unstable else CASES))
    called = {declared.name for found in modules for declared in found.imports if declared.module == module}
    assert called == set(Wasi(WasiOptions()).imports(Store(), module))


def test_the_programs_meet_every_errno_of_the_interface() -> None:
    """Of docs/sandbox.md's chapter on WASI."""
    golden = [line for case in CASES for line in expected(case, "refsfi")]
    met = {line.rpartition(": ")[2] for line in golden if line.startswith("out ")}
    assert met >= {
        "AGAIN", "BADF", "BUSY", "EXIST", "FBIG", "ILSEQ", "INVAL", "ISDIR", "LOOP", "NAMETOOLONG", "NOENT", "NOSPC",
        "NOTCAPABLE", "NOTDIR", "NOTEMPTY", "NOTSOCK", "NOTSUP", "NXIO", "PERM", "PIPE", "SPIPE", "SUCCESS",
    }  # fmt: skip


def test_what_differs_has_a_reason() -> None:
    names = {case.name for case in CASES}
    for golden in GOLDEN.iterdir():
        assert golden.stem in names
        for line in golden.read_text("utf-8").splitlines():
            if "## wasmtime" in line:
                reason = line.rpartition("; ")[2]
                assert len(reason.split()) > 1, f"{golden.name}: no reason: {line}"
    for case in CASES:
        for reason in (case.not_in_wasmtime, case.not_in_unstable):
            assert reason is None or len(reason.split()) > 1
