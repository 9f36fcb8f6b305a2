"""Engines: settings shared by modules, stores and linkers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from refsfi.api.config import Config, EngineSettings
from refsfi.api.errors import WasmtimeError
from refsfi.api.managed import Managed
from refsfi.exec.tiers import TierChoice, make_tier
from refsfi.runtime.limits import Limits
from refsfi.syntax.features import Feature

if TYPE_CHECKING:
    from refsfi.api.context import Context

__all__ = ["Engine", "EngineState"]


class EngineState:
    """What outlives a closed `Engine` in the objects made with it. Two engines are the same if this is."""

    __slots__ = ("__weakref__", "_deadlines", "_lock", "epoch", "features", "limits", "settings", "tier")

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.features = settings.features
        if settings.other.get("gc_support") is False:
            self.features -= {Feature.GC, Feature.CUSTOM_DESCRIPTORS}
        if settings.other.get("wasm_stack_switching"):
            raise WasmtimeError("the stack-switching proposal is not supported")
        stack = settings.max_wasm_stack
        if stack is None:
            self.limits = Limits()
        elif stack <= 0:
            raise WasmtimeError("max_wasm_stack size cannot be zero")
        else:
            self.limits = Limits(stack=stack)
        if settings.jit == "check" and not settings.consume_fuel:
            raise WasmtimeError("jit mode check counts fuel: set Config.consume_fuel as well")
        self.tier = make_tier(TierChoice(settings.jit, settings.bounds, tuning=tuple(settings.tuning.items())))
        self.epoch = 0
        self._deadlines: WeakSet[Context] = WeakSet()
        # Taken twice by one thread where a signal handler advances the epoch.
        self._lock = threading.RLock()

    def watch(self, context: Context) -> None:
        """Tell the store when the epoch changes, for as long as it lives."""
        with self._lock:
            self._deadlines.add(context)
            context.update_stop()

    def advance(self) -> None:
        """Any thread may."""
        with self._lock:
            self.epoch += 1
            for context in list(self._deadlines):
                context.update_stop()


class Engine(Managed):
    """Made from a `Config`, which it consumes. May be used by any number of threads at once."""

    def __init__(self, config: Config | None = None) -> None:
        if config is None:
            settings = EngineSettings()
        elif isinstance(config, Config):
            settings = config._consume()
        else:
            raise TypeError("expected Config")
        self._state = EngineState(settings)

    @property
    def _engine(self) -> EngineState:
        self._check_open()
        return self._state

    def increment_epoch(self) -> None:
        """Advance the epoch by one: stores whose deadline it reaches stop with `TrapCode.INTERRUPT`."""
        self._engine.advance()

    def is_pulley(self) -> bool:
        """Whether wasmtime's own interpreter runs the guests: never."""
        self._check_open()
        return False
