"""Guests and asyncio: calls that do not block the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from refsfi.api.context import Context

__all__ = ["run_interruptibly"]

_T = TypeVar("_T")

# How often (seconds) a guest that does not stop, as it waits in a host function, is asked again.
_AGAIN = 0.01


async def run_interruptibly(context: Context, call: Callable[[], _T]) -> _T:
    """What `call` returns, run in a thread of its own; `call` executes guests of the store `context`.

    When the awaiting task is cancelled, the guest is interrupted, and awaited until it has stopped: then the store is
    free. A host function that blocks is not interrupted; the guest stops as soon as it returns.

    Not a pool's thread: a guest that waits, through a host function, for something which itself runs a guest would
    wait for ever once all threads of the pool do so.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()
    variables = contextvars.copy_context()
    given_up = False

    def deliver(result: _T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        elif isinstance(error, StopIteration):
            # Futures refuse it, as coroutines do.
            done.set_exception(RuntimeError("the guest's host raised StopIteration"))
        else:
            done.set_exception(error)

    def work() -> None:
        result: _T | None = None
        error: BaseException | None = None
        if not given_up:
            try:
                result = variables.run(call)
            except BaseException as raised:
                error = raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            # The loop is closed: nobody awaits any more.
            pass

    thread = threading.Thread(target=work, name="refsfi-guest", daemon=True)
    thread.start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        given_up = True
        while not done.done():
            context.interrupt_thread(thread.ident)
            try:
                await asyncio.wait((done,), timeout=_AGAIN)
            except asyncio.CancelledError:
                # Once is enough.
                continue
        if not done.cancelled():
            # Its error, the interruption, was asked for.
            done.exception()
        raise
