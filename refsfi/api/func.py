"""Functions, of guests and of the host, and the view that a host function gets of its caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from refsfi.api.context import Context, StoreContext, in_turn
from refsfi.api.convert import Signature, signature, wrong_store
from refsfi.api.errors import WasmtimeError
from refsfi.api.trap import UncaughtException, surface
from refsfi.api.types import FuncType, func_def
from refsfi.errors import GuestExit, WasmError
from refsfi.exec.machine import invoke
from refsfi.runtime.store import FuncInst, HostFunc, Instance, Store
from refsfi.runtime.values import Value

if TYPE_CHECKING:
    from refsfi.api.extern import AsExtern
    from refsfi.api.store import AsStore

__all__ = ["Caller", "Func", "host_func"]


class Func:
    """A function in a store: one of the guest's, or `func` as one of type `ty`.

    `func` is called with a Python value for each parameter, after a `Caller` with `access_caller`, and returns None, a
    value, or a sequence where the type has several results. What it raises comes out of the guest's call as it is.
    """

    __slots__ = ("__weakref__", "_context", "_func", "_signature")

    _context: Context
    _func: FuncInst | HostFunc
    _signature: Signature

    def __init__(self, store: AsStore, ty: FuncType, func: Callable[..., Any], access_caller: bool = False) -> None:
        if not isinstance(store, StoreContext):
            raise TypeError("expected a Store")
        context = store._context
        type_ = func_def(ty)
        self._context = context
        self._signature = signature(type_)
        self._func = host_func(context, self._signature, func, access_caller)

    @classmethod
    def _of(cls, context: Context, func: FuncInst | HostFunc) -> Func:
        made = cls.__new__(cls)
        made._context = context
        made._func = func
        made._signature = signature(func.type)
        return made

    def type(self, store: AsStore) -> FuncType:
        self._check(store)
        return FuncType._of(self._func.type)

    def _check(self, store: AsStore) -> None:
        if store._context is not self._context:
            raise wrong_store()

    def __call__(self, store: AsStore, *params: Any) -> Any:
        """Call it. Returns None, the value of a single result, or a list.

        Raises `Trap`, `ExitTrap`, what host functions raise, TypeError for an argument that does not fit, and
        WasmtimeError for a wrong number of them.
        """
        context = store._context
        if context is not self._context:
            raise wrong_store()
        converters = self._signature
        if len(params) != converters.params:
            raise _miscounted(len(params), converters.params)
        arguments: list[Value] = []
        if params:
            arguments = [convert(value, context) for convert, value in zip(converters.to_params, params)]
        try:
            results = in_turn(context, invoke, self._func, arguments)
        except (WasmError, GuestExit) as error:
            surface(error, context, self._func)
        if converters.results == 0:
            return None
        if converters.results == 1:
            return converters.from_results[0](results[0], context)
        return [convert(value, context) for convert, value in zip(converters.from_results, results)]

    def call(self, store: AsStore, *params: Any, timeout: float | None = None) -> Any:
        """Call it with a limit of its own: after `timeout` seconds of wall time it traps with `TrapCode.INTERRUPT`."""
        if timeout is None:
            return self(store, *params)
        with store._context.time_limit(timeout):
            return self(store, *params)

    async def call_async(self, store: AsStore, *params: Any, timeout: float | None = None) -> Any:
        """Call it without blocking the event loop: the guest runs in a thread of its own. Cancelling the awaiting task
        interrupts the guest, and waits until it has stopped."""
        from refsfi.api.aio import run_interruptibly

        return await run_interruptibly(self._context, lambda: self.call(store, *params, timeout=timeout))

    def __repr__(self) -> str:
        return f"<Func {self._func.type}>"


def _miscounted(given: int, expected: int) -> WasmtimeError:
    word = "few" if given < expected else "many"
    return WasmtimeError(f"too {word} parameters provided: given {given}, expected {expected}")


class Caller(StoreContext):
    """The instance that called a host function, and its store; dead once the function has returned. Accepted wherever
    a store is."""

    __slots__ = ("_context", "_instance")

    def __init__(self, context: Context, instance: Instance | None) -> None:
        self._context = context
        self._instance = instance

    if not TYPE_CHECKING:  # else there would be any attribute for a type checker

        def __getattr__(self, name: str) -> Any:
            if name == "_context":
                raise ValueError("caller is no longer valid")
            raise AttributeError(f"'Caller' object has no attribute '{name}'")

    def get(self, name: str) -> AsExtern | None:
        """The calling instance's export of that name, None where there is none."""
        from refsfi.api.extern import wrap

        if not isinstance(name, str):
            raise AttributeError(f"an export's name must be a str, not {name!r}")
        instance = self._instance
        if instance is None:
            return None
        return wrap(self._context, instance.export(name)) if name in instance.program.exports else None

    def __getitem__(self, name: str) -> AsExtern:
        found = self.get(name)
        if found is None:
            raise KeyError(f"failed to find export {name}")
        return found

    def data(self) -> Any | None:
        """The store's data."""
        return self._context.data

    def _invalidate(self) -> None:
        self._instance = None
        del self._context


def host_func(context: Context, converters: Signature, func: Callable[..., Any], access_caller: bool) -> HostFunc:
    """The machine's function that calls a Python function with converted values."""
    from_params = converters.from_params
    give = _giver(converters, context)

    def plain(*raw: Value) -> Sequence[Value]:
        arguments = [convert(value, context) for convert, value in zip(from_params, raw)] if raw else ()
        try:
            return give(func(*arguments))
        except UncaughtException as error:
            raise error._cause from None

    def with_caller(*raw: Value) -> Sequence[Value]:
        arguments = [convert(value, context) for convert, value in zip(from_params, raw)]
        caller = Caller(context, _calling_instance(context))
        try:
            return give(func(caller, *arguments))
        except UncaughtException as error:
            raise error._cause from None
        finally:
            caller._invalidate()

    return HostFunc(converters.type, with_caller if access_caller else plain, getattr(func, "__name__", ""))


def _giver(converters: Signature, context: Context) -> Callable[[Any], Sequence[Value]]:
    """From what a Python function returned to the results."""
    to_results = converters.to_results

    def nothing(result: Any) -> Sequence[Value]:
        if result is not None:
            raise WasmtimeError("callback produced results when it shouldn't")
        return ()

    def several(result: Any) -> Sequence[Value]:
        if len(result) != len(to_results):
            raise WasmtimeError("callback produced wrong number of results")
        return [convert(value, context) for convert, value in zip(to_results, result)]

    if not to_results:
        return nothing
    if len(to_results) > 1:
        return several
    only = to_results[0]
    return lambda result: (only(result, context),)


def _calling_instance(store: Store) -> Instance | None:
    # The frame of a call from outside has no instance, but for that of a start function.
    return getattr(store.frame, "inst", None)
