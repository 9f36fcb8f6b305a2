"""Guests and asyncio: the event loop goes on while they run, and cancelling stops them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from typing import Any

import pytest

import refsfi
from refsfi import TrapCode
from spec_tests.api.support import SPIN, exports, host, store_of


def spinning(**settings: Any) -> tuple[refsfi.Store, refsfi.InstanceExports]:
    store = store_of(**settings)
    return store, exports(store, SPIN, host(store, lambda: None))


def test_a_result() -> None:
    store, found = spinning()
    assert asyncio.run(found["seven"].call_async(store)) == 7


def test_errors_are_the_same_as_of_a_call() -> None:
    store, found = spinning()
    with pytest.raises(refsfi.WasmtimeError, match="too many parameters provided: given 1, expected 0"):
        asyncio.run(found["seven"].call_async(store, 3))
    with pytest.raises(refsfi.Trap) as caught:
        asyncio.run(found["spin"].call_async(store, timeout=0.05))
    assert caught.value.trap_code is TrapCode.INTERRUPT


def test_the_loop_goes_on() -> None:
    store, found = spinning()

    async def main() -> int:
        ticks = 0
        call = asyncio.ensure_future(found["spin"].call_async(store, timeout=0.3))
        while not call.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert isinstance(call.exception(), refsfi.Trap)
        return ticks

    assert asyncio.run(main()) >= 3


def test_cancelling_stops_the_guest_and_frees_the_store() -> None:
    store, found = spinning()

    async def main() -> int:
        call = asyncio.ensure_future(found["spin"].call_async(store))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert store._context.owner is None
        result: int = await found["seven"].call_async(store)
        return result

    assert asyncio.run(main()) == 7
    assert found["seven"](store) == 7


def test_wait_for_is_a_time_limit() -> None:
    store, found = spinning()

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(found["spin"].call_async(store), 0.05)

    asyncio.run(main())
    assert found["seven"](store) == 7


def test_cancelling_before_the_guest_began() -> None:
    store, found = spinning()

    async def main() -> None:
        for _ in range(20):
            call = asyncio.ensure_future(found["spin"].call_async(store))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(main())
    assert found["seven"](store) == 7


def test_cancelling_waits_for_a_host_function() -> None:
    store = store_of()
    returned = threading.Event()

    def slow() -> None:
        time.sleep(0.2)
        returned.set()

    found = exports(store, SPIN, host(store, slow))

    async def main() -> None:
        call = asyncio.ensure_future(found["nested"].call_async(store))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert returned.is_set()

    asyncio.run(main())
    assert found["seven"](store) == 7


def test_many_guests_at_once() -> None:
    engine = refsfi.Engine()
    module = refsfi.Module(
        engine,
        """(module (func (export "sum") (param i32) (result i32) (local i32)
             (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
               (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))""",
    )

    async def one(n: int) -> int:
        store = refsfi.Store(engine)
        result: int = await refsfi.Instance(store, module, []).exports(store)["sum"].call_async(store, n)
        return result

    async def main() -> list[int]:
        return await asyncio.gather(*(one(n) for n in range(1, 40)))

    assert asyncio.run(main()) == [n * (n + 1) // 2 for n in range(1, 40)]


def test_a_guest_may_wait_for_the_loop() -> None:
    """A host function that has the loop do something, which itself runs a guest: no pool of threads runs dry."""
    engine = refsfi.Engine()
    module = refsfi.Module(
        engine,
        """(module (import "" "deeper" (func $deeper (param i32) (result i32)))
             (func (export "f") (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (local.get 0)))))""",
    )

    async def depth(n: int) -> int:
        loop = asyncio.get_running_loop()
        store = refsfi.Store(engine)
        i32 = refsfi.ValType.i32()

        def deeper(n: int) -> int:
            return asyncio.run_coroutine_threadsafe(depth(n - 1), loop).result(60) if n else 0

        func = refsfi.Func(store, refsfi.FuncType([i32], [i32]), deeper)
        result: int = await refsfi.Instance(store, module, [func]).exports(store)["f"].call_async(store, n)
        return result

    assert asyncio.run(depth(50)) == 51


def test_two_calls_at_once_in_a_store_are_refused() -> None:
    store, found = spinning()

    async def main() -> None:
        first = asyncio.ensure_future(found["spin"].call_async(store, timeout=1))
        while store._context.owner is None:
            await asyncio.sleep(0.001)
        with pytest.raises(refsfi.WasmtimeError, match="in use by another thread"):
            await found["seven"].call_async(store)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(main())


def test_context_variables_are_those_of_the_task() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[str] = []
    store = store_of()
    found = exports(store, SPIN, host(store, lambda: seen.append(variable.get())))

    async def main() -> None:
        variable.set("task's")
        await found["nested"].call_async(store)

    asyncio.run(main())
    assert seen == ["task's"]


def test_an_exception_of_a_host_function() -> None:
    store = store_of()

    def fail() -> None:
        raise StopIteration("host's")

    found = exports(store, SPIN, host(store, fail))
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(found["nested"].call_async(store))


def test_start_functions() -> None:
    store = store_of()
    linker = refsfi.Linker(store.engine)
    module = refsfi.Module(store.engine, "(module (func $f (loop (br 0))) (start $f))")

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(linker.instantiate_async(store, module), 0.05)

    asyncio.run(main())


def test_run_async() -> None:
    spin = '(module (func (export "_start") (loop (br 0))))'

    async def main() -> refsfi.RunResult:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(refsfi.run_async(spin.encode()), 0.3)
        return await refsfi.run_async(b'(module (func (export "f") (result i32) i32.const 9))', invoke="f")

    assert asyncio.run(main()).results == (9,)
