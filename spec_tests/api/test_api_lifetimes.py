"""What ends, and that nothing is left of it: memory, mappings, descriptors, threads, Python objects."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import refsfi
from spec_tests.api.support import SPIN, exports, host, store_of

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")

GUEST = """(module (import "" "host" (func $host)) (memory (export "memory") 1) (table 4 funcref)
  (elem (i32.const 0) $f)
  (global $g (mut funcref) (ref.func $f)) (global $e (export "e") (mut externref) (ref.null extern))
  (func $f (export "f") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (i32.load (i32.const 0)))
  (func (export "call") (call $host)) (func (export "trap") unreachable))"""


def mappings() -> int:
    with open("/proc/self/maps", "rb") as file:
        return sum(1 for _ in file)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """What is freed within is freed at once, by nobody's referring to it."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def used(store: refsfi.Store, module: refsfi.Module) -> refsfi.InstanceExports:
    found = refsfi.Instance(store, module, [host(store, lambda: None)]).exports(store)
    assert found["f"](store, 7) == 7
    found["call"](store)
    with pytest.raises(refsfi.Trap):
        found["trap"](store)
    return found


@linux
def test_two_thousand_stores(
    record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Their cost is printed (`pytest -s`, or tools/bench embed); what they leave is nothing."""
    engine = refsfi.Engine()
    module = refsfi.Module(engine, GUEST)

    def make() -> list[Any]:
        stores = [refsfi.Store(engine) for _ in range(2000)]
        return [(store, used(store, module)) for store in stores]

    make()
    gc.collect()
    maps, fds, threads = mappings(), descriptors(), threading.active_count()
    tracemalloc.start()
    try:
        make()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        start = time.perf_counter()
        kept = make()
        took = time.perf_counter() - start
        python = tracemalloc.get_traced_memory()[0] - before
        assert len({id(store) for store, _ in kept}) == 2000
        assert mappings() <= maps + 2 * 2000 + 100
        kept.clear()
        gc.collect()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert left < 20_000
    assert mappings() <= maps + 20
    assert descriptors() <= fds
    assert threading.active_count() <= threads
    record_property("bytes_a_store", python / 2000)
    with capsys.disabled():
        print(f"\n2,000 stores: {python / 2000:,.0f} bytes of Python and {took / 2000 * 1e6:,.0f} µs (traced) each")


@pytest.mark.parametrize("end", ["close", "drop", "with"])
def test_a_store_is_freed_at_once(end: str) -> None:
    engine = refsfi.Engine()
    module = refsfi.Module(engine, GUEST)

    class Thing:
        pass

    with without_collector():
        thing = Thing()
        store = refsfi.Store(engine, thing)
        found = used(store, module)
        found["e"].set_value(store, thing)
        instance = weakref.ref(found._instance)
        memory = weakref.ref(found._instance.mems[0])
        gone = weakref.ref(thing)
        del thing
        if end == "close":
            store.close()
        elif end == "with":
            with store:
                pass
        del found
        if end == "drop":
            assert instance() is not None
        del store
        assert memory() is None
        assert instance() is None
        assert gone() is None


def test_a_view_keeps_its_bytes_and_nothing_else() -> None:
    with without_collector():
        store = store_of()
        found = exports(store, GUEST, host(store, lambda: None))
        view = found["memory"].view(store)
        instance = weakref.ref(found._instance)
        del found, store
        assert instance() is None
        view[0] = 5
        assert view[0] == 5


def test_host_functions_and_what_they_refer_to() -> None:
    class Thing:
        def call(self) -> None:
            pass

    with without_collector():
        thing = Thing()
        store = store_of()
        found = exports(store, GUEST, host(store, thing.call))
        found["call"](store)
        gone = weakref.ref(thing)
        del thing
        assert gone() is not None
        del found, store
        assert gone() is None


def test_a_linker_and_its_definitions() -> None:
    with without_collector():
        engine = refsfi.Engine()
        linker = refsfi.Linker(engine)

        def call() -> None:
            pass

        gone = weakref.ref(call)
        linker.define_func("", "host", refsfi.FuncType([], []), call)
        del call
        for _ in range(3):
            store = refsfi.Store(engine)
            linker.instantiate(store, refsfi.Module(engine, GUEST))
        del store, linker
        assert gone() is None


def test_modules_are_freed() -> None:
    with without_collector():
        engine = refsfi.Engine()
        module = refsfi.Module(engine, GUEST)
        store = refsfi.Store(engine)
        used(store, module)
        program = weakref.ref(module._program)
        del module, store
    gc.collect()
    assert program() is None


def test_time_limits_keep_no_store() -> None:
    store = store_of()
    store.set_timeout(3600)
    gone = weakref.ref(store._context)
    del store
    gc.collect()
    assert gone() is None


@linux
def test_what_a_guest_opened_is_closed_with_its_store(tmp_path: Path) -> None:
    before = descriptors()
    (tmp_path / "in").write_bytes(b"x")
    for end in ("close", "drop"):
        store = store_of()
        wasi = refsfi.WasiConfig()
        wasi.preopen_dir(tmp_path, "/")
        wasi.stdin_file = tmp_path / "in"
        wasi.stdout_file = tmp_path / "out"
        store.set_wasi(wasi)
        assert descriptors() == before + 3
        if end == "close":
            store.close()
        else:
            del store
        assert descriptors() == before


@linux
def test_a_configuration_that_is_not_used_closes_its_files(tmp_path: Path) -> None:
    before = descriptors()
    for _ in range(3):
        wasi = refsfi.WasiConfig()
        for _ in range(3):
            wasi.stdout_file = tmp_path / "out"
        assert descriptors() == before + 1
        wasi.close()
        assert descriptors() == before


@linux
def test_running_programs_leaves_nothing() -> None:
    spin = b'(module (memory 10) (func (export "_start") (loop (br 0))))'
    for _ in range(3):
        with pytest.raises(refsfi.Trap):
            refsfi.run(spin, timeout=0.01)
    gc.collect()
    maps, fds = mappings(), descriptors()
    for _ in range(20):
        with pytest.raises(refsfi.Trap):
            refsfi.run(spin, timeout=0.005)
    gc.collect()
    assert mappings() <= maps + 5
    assert descriptors() <= fds


def test_a_store_is_not_closed_under_its_guest() -> None:
    store = store_of()

    def close() -> None:
        store.close()

    found = exports(store, SPIN, host(store, close))
    with pytest.raises(refsfi.WasmtimeError, match="executes a guest"):
        found["nested"](store)
    assert found["seven"](store) == 7


USES: dict[str, Callable[[refsfi.Store, refsfi.InstanceExports], object]] = {
    "call": lambda s, e: e["f"](s, 1),
    "memory": lambda s, e: e["memory"].size(s),
    "bytes": lambda s, e: e["memory"][0],
    "slice": lambda s, e: e["memory"].__setitem__(slice(0, 1), b"x"),
    "length": lambda s, e: len(e["memory"]),
    "global": lambda s, e: e["e"].value(s),
    "instantiate": lambda s, e: exports(s, "(module)"),
    "data": lambda s, e: s.data(),
    "fuel": lambda s, e: s.get_fuel(),
    "timeout": lambda s, e: s.set_timeout(1),
    "interrupt": lambda s, e: s.interrupt(),
    "limits": lambda s, e: s.set_limits(memory_size=1),
    "wasi": lambda s, e: s.set_wasi(refsfi.WasiConfig()),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_use_after_close_is_a_value_error(use: Callable[[refsfi.Store, refsfi.InstanceExports], object]) -> None:
    store = store_of()
    found = exports(store, GUEST, host(store, lambda: None))
    assert len(found.by_index) == 5
    store.close()
    store.close()
    with pytest.raises(ValueError, match="closed"):
        use(store, found)


MANAGED: dict[str, Callable[[], Any]] = {
    "Config": refsfi.Config,
    "Engine": refsfi.Engine,
    "Store": refsfi.Store,
    "Module": lambda: refsfi.Module(refsfi.Engine(), "(module)"),
    "Linker": lambda: refsfi.Linker(refsfi.Engine()),
    "WasiConfig": refsfi.WasiConfig,
    "FuncType": lambda: refsfi.FuncType([], []),
    "GlobalType": lambda: refsfi.GlobalType(refsfi.ValType.i32(), True),
    "MemoryType": lambda: refsfi.MemoryType(refsfi.Limits(1, None)),
    "TableType": lambda: refsfi.TableType(refsfi.ValType.funcref(), refsfi.Limits(1, None)),
    "TagType": lambda: refsfi.TagType(refsfi.FuncType([], [])),
    "ValType": refsfi.ValType.i32,
    "Trap": lambda: refsfi.Trap("text"),
}


@pytest.mark.parametrize("make", MANAGED.values(), ids=MANAGED.keys())
def test_objects_with_an_end(make: Callable[[], Any]) -> None:
    thing = make()
    with thing as same:
        assert same is thing
    thing.close()
    assert thing._closed
