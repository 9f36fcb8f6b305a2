"""Finding the official suite and its scripts; the features that a directory's tests assume."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsfi.script.suite import features_for, find_scripts, find_suite, is_suite
from refsfi.syntax.features import DEFAULT, WASM3, Feature


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    root = tmp_path / "testsuite"
    for name in ("i32.wast", "names.wast", "custom/a.wast", "legacy/b.wast", "proposals/threads/c.wast", ".git/d.wast"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


def test_features_follow_the_directory(suite: Path) -> None:
    assert features_for(suite / "i32.wast") == WASM3
    assert features_for(suite / "custom/a.wast") == WASM3
    assert features_for(suite / "legacy/b.wast") == WASM3 | {Feature.LEGACY_EXCEPTIONS}
    for proposal in (Feature.WIDE_ARITHMETIC, Feature.CUSTOM_PAGE_SIZES, Feature.CUSTOM_DESCRIPTORS):
        assert features_for(suite / f"proposals/{proposal}/x.wast") == WASM3 | {proposal}


def test_the_threads_proposal_is_based_on_an_older_core(suite: Path) -> None:
    features = features_for(suite / "proposals/threads/c.wast")
    assert Feature.THREADS in features
    assert not features & {Feature.MULTI_MEMORY, Feature.MEMORY64, Feature.REFERENCE_TYPES, Feature.GC}


def test_an_unknown_proposal_is_tested_with_the_core(suite: Path) -> None:
    assert features_for(suite / "proposals/time-travel/x.wast") == WASM3


def test_outside_of_a_suite(tmp_path: Path) -> None:
    assert features_for(tmp_path / "mine.wast") == DEFAULT
    assert features_for(tmp_path / "legacy/mine.wast") == DEFAULT


def test_scripts_in_order_without_hidden_directories(suite: Path) -> None:
    names = [str(path.relative_to(suite)) for path in find_scripts(suite)]
    assert names == ["i32.wast", "names.wast", "custom/a.wast", "legacy/b.wast", "proposals/threads/c.wast"]


def test_json_counts_where_it_is_a_script(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "script.json").write_text('{"source_filename": "x.wast", "commands": []}')
    assert [path.name for path in find_scripts(tmp_path)] == ["script.json"]


def test_the_environment_names_the_suite(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFSFI_TESTSUITE", str(suite))
    assert find_suite(tmp_path / "project") == suite
    monkeypatch.setenv("REFSFI_TESTSUITE", str(tmp_path))
    assert find_suite(tmp_path / "project") is None


@pytest.mark.parametrize("place", ["project/spec_tests/testsuite", "shared/testsuite"])
def test_the_places_of_a_checkout(place: str, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFSFI_TESTSUITE", raising=False)
    assert find_suite(tmp_path / "project") is None
    (tmp_path / place).parent.mkdir(parents=True)
    suite.rename(tmp_path / place)
    assert is_suite(tmp_path / place)
    assert find_suite(tmp_path / "project") == tmp_path / place
