"""What engines are made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from refsfi.api.errors import WasmtimeError
from refsfi.api.managed import Settings
from refsfi.exec.load import Verdicts
from refsfi.exec.tiers import BOUNDS, MODES
from refsfi.syntax.features import DEFAULT, Feature, Features, switched

__all__ = ["Config", "EngineSettings"]

# What the name of a machine that wasmtime compiles for begins with.
_ARCHITECTURES = frozenset("x86_64 aarch64 riscv64gc riscv64 s390x pulley32 pulley64 pulley32be pulley64be".split())


class EngineSettings:
    """What a `Config` collects and an `Engine` takes over."""

    def __init__(self) -> None:
        self.features: Features = DEFAULT
        self.consume_fuel = False
        self.epoch_interruption = False
        self.shared_memory = False
        self.lazy_validation = False
        # None: verdicts on modules are not remembered.
        self.verdicts: Verdicts | None = None
        self.timeout: float | None = None
        self.max_wasm_stack: int | None = None
        self.jit = "on"
        self.bounds = "guard"
        # Names and values of the compiler's options.
        self.tuning: dict[str, int] = {}
        # Settings of code generators: kept, checked for their type, and without effect on what a guest computes.
        self.other: dict[str, Any] = {}


def _bool(value: object, message: str = "expected a bool") -> bool:
    if not isinstance(value, bool):
        raise TypeError(message)
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("expected an int")
    return value


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a str")
    return value


def _feature(feature: Feature) -> property:
    """A write-only switch for a proposal."""

    def switch(self: Config, enable: bool) -> None:
        on = _bool(enable)
        settings = self._open()
        one = (feature,)
        settings.features = switched(settings.features, one, ()) if on else switched(settings.features, (), one)

    return property(None, switch, None, f"Whether modules may use the {feature} proposal.")


def _stored_bool(name: str, doc: str) -> property:
    def store(self: Config, enable: bool) -> None:
        self._open().other[name] = _bool(enable)

    return property(None, store, None, doc)


def _stored_int(name: str, doc: str) -> property:
    def store(self: Config, size: int) -> None:
        self._open().other[name] = _int(size)

    return property(None, store, None, doc)


def _stored_choice(name: str, what: str, choices: tuple[str, ...], doc: str) -> property:
    def store(self: Config, choice: str) -> None:
        self._open().other[name] = _chosen(choice, what, choices)

    return property(None, store, None, doc)


def _tuned(name: str, doc: str) -> property:
    """A setting of the compiler's options, a positive number."""

    def tune(self: Config, value: int) -> None:
        if _int(value) < 1:
            raise WasmtimeError(f"jit_{name}: {value} is not positive")
        self._open().tuning[name] = value

    return property(None, tune, None, doc)


def _chosen(choice: str, what: str, choices: tuple[str, ...]) -> str:
    if choice not in choices:
        raise WasmtimeError(f"unknown {what}: {choice}")
    return choice


def _cache_directory(path: str) -> Path:
    import tomllib

    try:
        with open(path, "rb") as file:
            named = tomllib.load(file).get("cache", {}).get("directory")
    except OSError as error:
        raise WasmtimeError(f"failed to read config file: {path}: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise WasmtimeError(f"failed to parse config file: {path}: {error}") from error
    return Verdicts.of_user().directory if named is None else Path(named)


class Config(Settings):
    """Write-only settings. `Engine(config)` consumes the object: afterwards it is closed.

    Settings of wasmtime's code generator that mean nothing here are checked and stored, so that programs which set
    them run.
    """

    def __init__(self) -> None:
        self._settings: EngineSettings | None = EngineSettings()

    def _open(self) -> EngineSettings:
        if self._closed or self._settings is None:
            raise ValueError("already closed")
        return self._settings

    def _consume(self) -> EngineSettings:
        settings = self._open()
        self._settings = None
        self.close()
        return settings

    # --- execution

    def _set_consume_fuel(self, enable: bool) -> None:
        self._open().consume_fuel = _bool(enable, "expected an bool")

    consume_fuel = property(None, _set_consume_fuel, None, "Whether stores count fuel; see `Store.set_fuel`.")

    def _set_epoch_interruption(self, enable: bool) -> None:
        self._open().epoch_interruption = bool(enable)

    epoch_interruption = property(
        None, _set_epoch_interruption, None, "Whether stores have deadlines; see `Store.set_epoch_deadline`."
    )

    def _set_shared_memory(self, enable: bool) -> None:
        self._open().shared_memory = _bool(enable)

    shared_memory = property(None, _set_shared_memory, None, "Whether shared memories can be created.")

    def _set_max_wasm_stack(self, size: int) -> None:
        self._open().max_wasm_stack = _int(size)

    max_wasm_stack = property(
        None,
        _set_max_wasm_stack,
        None,
        "Bytes of guest stack. An activation costs 8 bytes for each local and operand plus 64.",
    )

    def _set_lazy_validation(self, enable: bool) -> None:
        self._open().lazy_validation = _bool(enable)

    lazy_validation = property(
        None,
        _set_lazy_validation,
        None,
        "Whether a function's body is read and validated when it is first called instead of when the module is made.",
    )

    def _set_timeout(self, seconds: float | None) -> None:
        settings = self._open()
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
            raise TypeError("expected a number of seconds or None")
        settings.timeout = seconds

    timeout = property(
        None,
        _set_timeout,
        None,
        "Seconds of wall time that each call from outside into a guest may take, what it calls back included; then it "
        "traps with `TrapCode.INTERRUPT`. None for no limit.",
    )

    # --- proposals

    wasm_bulk_memory = _feature(Feature.BULK_MEMORY)
    wasm_custom_descriptors = _feature(Feature.CUSTOM_DESCRIPTORS)
    wasm_custom_page_sizes = _feature(Feature.CUSTOM_PAGE_SIZES)
    wasm_exceptions = _feature(Feature.EXCEPTIONS)
    wasm_extended_const = _feature(Feature.EXTENDED_CONST)
    wasm_function_references = _feature(Feature.FUNCTION_REFERENCES)
    wasm_gc = _feature(Feature.GC)
    wasm_legacy_exceptions = _feature(Feature.LEGACY_EXCEPTIONS)
    wasm_memory64 = _feature(Feature.MEMORY64)
    wasm_multi_memory = _feature(Feature.MULTI_MEMORY)
    wasm_multi_value = _feature(Feature.MULTI_VALUE)
    wasm_mutable_global = _feature(Feature.MUTABLE_GLOBAL)
    wasm_reference_types = _feature(Feature.REFERENCE_TYPES)
    wasm_relaxed_simd = _feature(Feature.RELAXED_SIMD)
    wasm_saturating_float_to_int = _feature(Feature.SATURATING_FLOAT_TO_INT)
    wasm_sign_extension = _feature(Feature.SIGN_EXTENSION)
    wasm_simd = _feature(Feature.SIMD)
    wasm_tail_call = _feature(Feature.TAIL_CALL)
    wasm_threads = _feature(Feature.THREADS)
    wasm_wide_arithmetic = _feature(Feature.WIDE_ARITHMETIC)

    wasm_component_model = _stored_bool("wasm_component_model", "Stored; components cannot be run.")
    wasm_component_model_implements = _stored_bool("wasm_component_model_implements", "Stored.")
    wasm_component_model_map = _stored_bool("wasm_component_model_map", "Stored.")
    wasm_relaxed_simd_deterministic = _stored_bool(
        "wasm_relaxed_simd_deterministic", "Stored; relaxed SIMD is always deterministic here."
    )
    wasm_stack_switching = _stored_bool("wasm_stack_switching", "Stored; an engine refuses True.")
    gc_support = _stored_bool("gc_support", "Whether there are garbage-collected references; False leaves out `gc`.")

    # --- stored for programs that set them

    cranelift_debug_verifier = _stored_bool("cranelift_debug_verifier", "Stored.")
    cranelift_nan_canonicalization = _stored_bool(
        "cranelift_nan_canonicalization", "Stored; NaNs that arithmetic makes are always canonical here."
    )
    cranelift_opt_level = _stored_choice(
        "cranelift_opt_level", "opt level", ("none", "speed", "speed_and_size"), "Stored."
    )
    debug_info = _stored_bool("debug_info", "Stored.")
    macos_use_mach_ports = _stored_bool("macos_use_mach_ports", "Stored.")
    memory_guard_size = _stored_int("memory_guard_size", "Stored.")
    memory_init_cow = _stored_bool("memory_init_cow", "Stored.")
    memory_may_move = _stored_bool("memory_may_move", "Stored.")
    memory_reservation = _stored_int("memory_reservation", "Stored.")
    memory_reservation_for_growth = _stored_int("memory_reservation_for_growth", "Stored.")
    native_unwind_info = _stored_bool("native_unwind_info", "Stored.")
    parallel_compilation = _stored_bool("parallel_compilation", "Stored.")
    profiler = _stored_choice("profiler", "profiler", ("none", "jitdump", "vtune", "perfmap"), "Stored.")
    signals_based_traps = _stored_bool("signals_based_traps", "Stored.")
    strategy = _stored_choice("strategy", "strategy", ("auto", "cranelift"), "Stored.")

    def _set_target(self, triple: str) -> None:
        settings = self._open()
        if _str(triple).partition("-")[0] not in _ARCHITECTURES:
            raise WasmtimeError(f"unknown target: {triple}")
        settings.other["target"] = triple

    target = property(None, _set_target, None, "Stored; the triple of a machine that wasmtime compiles for.")

    def _set_cache(self, enabled: bool | str) -> None:
        settings = self._open()
        if not isinstance(enabled, bool | str):
            raise TypeError("expected string or bool")
        if enabled is False:
            raise WasmtimeError("caching cannot be explicitly disabled")
        settings.verdicts = Verdicts.of_user() if enabled is True else Verdicts(_cache_directory(enabled))

    cache = property(
        None,
        _set_cache,
        None,
        "Remember, by their hash, which modules were found valid, so that they load faster the next time: True for the "
        "user's cache directory, or the path of a TOML file whose table `cache` may name a `directory`.",
    )

    def cranelift_flag_enable(self, flag: str) -> None:
        """Stored."""
        self._open().other[f"cranelift:{_str(flag)}"] = True

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Stored."""
        if not isinstance(key, str):
            raise TypeError("expected a str for key")
        if not isinstance(value, str):
            raise TypeError("expected a str for value")
        self._open().other[f"cranelift:{key}"] = value

    # --- the compiler

    def _set_jit(self, mode: str) -> None:
        self._open().jit = _chosen(mode, "jit mode", MODES)

    jit = property(
        None,
        _set_jit,
        None,
        'What is compiled: "on", hot code, the default; "off", nothing; "force", everything at once; "check", '
        "everything, and compared with the interpreter.",
    )

    def _set_bounds(self, how: str) -> None:
        self._open().bounds = _chosen(how, "bounds strategy", BOUNDS)

    bounds = property(
        None,
        _set_bounds,
        None,
        'How compiled code is kept within memory: "guard", by pages that fault, or "explicit", by comparisons.',
    )
    jit_hot_loop = _tuned("hot_loop", "How often a loop goes round before it is recorded and compiled.")
    jit_hot_call = _tuned("hot_call", "How often a function is called before it is recorded and compiled.")
    jit_hot_exit = _tuned("hot_exit", "How often a region is left at one place before the recording goes on there.")
    jit_max_region = _tuned("max_region", "Instructions of the intermediate representation that a region may have.")
