"""Places in the source in the interface's backtraces, letter by letter as wasmtime has them."""

from __future__ import annotations

from typing import Any

import pytest

import refsfi
from spec_tests.debug.support import FIXTURES
from tools.fuzzing import peers

# Not an `unreachable` behind a branch: wasmtime makes one conditional trap of both and reports the branch's place.
CALLS = [("faults", "grow", (3,)), ("faults-o2", "grow", (3,)), ("faults-v5", "walk_out", (17,))]


def report(engine: Any, name: str, function: str, arguments: tuple[int, ...]) -> str:
    store = engine.Store()
    module = engine.Module.from_file(store.engine, str(FIXTURES / f"{name}.wasm"))
    with pytest.raises(engine.Trap) as caught:
        engine.Instance(store, module, []).exports(store)[function](store, *arguments)
    return str(caught.value)


@pytest.mark.skipif(bool(peers.missing()), reason=f"not installed: {peers.missing()}")
@pytest.mark.parametrize(("name", "function", "arguments"), CALLS)
def test_details_are_those_of_wasmtime(
    name: str, function: str, arguments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    wasmtime = pytest.importorskip("wasmtime")
    # It is asked for when wasmtime makes its engine, and when we write the report.
    monkeypatch.setenv("WASMTIME_BACKTRACE_DETAILS", "1")
    assert report(refsfi, name, function, arguments) == report(wasmtime, name, function, arguments)


def test_without_the_wish_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASMTIME_BACKTRACE_DETAILS", raising=False)
    assert "faults.c" not in report(refsfi, *CALLS[1])


def test_frames_have_them_in_any_case() -> None:
    store = refsfi.Store()
    module = refsfi.Module.from_file(store.engine, str(FIXTURES / "faults-o2.wasm"))
    with pytest.raises(refsfi.Trap) as caught:
        refsfi.Instance(store, module, []).exports(store)["grow"](store, 3)
    frames = caught.value.frames[0].source_frames
    assert [(frame.function, frame.line, frame.column, frame.inlined) for frame in frames] == [
        ("scale", 31, 17, True),
        ("grow", 37, 42, False),
    ]
    text = refsfi.Module(store.engine, '(module (func (export "f") (unreachable)))')
    with pytest.raises(refsfi.Trap) as caught:
        refsfi.Instance(store, text, []).exports(store)["f"](store)
    assert caught.value.frames[0].source_frames == []
