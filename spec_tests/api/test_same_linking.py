"""Modules, instances, linkers, configurations, limits, WASI configurations, as with wasmtime-py."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spec_tests.api.same import Checks, World, attempt

check = Checks()


def of(act: Callable[[Any, World], Any], **settings: Any) -> Any:
    """A body that gets the module and a world."""
    return lambda W: act(W, World(W, **settings))


def kind(act: Callable[[Any, World], Any], **settings: Any) -> Any:
    """Likewise; of an error that is raised only its class is compared, as its text is about what lies behind."""

    def body(W: Any) -> Any:
        outcome = attempt(W, lambda: act(W, World(W, **settings)))
        raised = isinstance(outcome, list) and outcome[:1] == ["raised"]
        return outcome[:2] if raised else outcome

    return body


EMPTY = b"\0asm\x01\0\0\0"

# --- wat2wasm

check.each(
    wat2wasm_empty=of(lambda W, w: W.wat2wasm("(module)")),
    wat2wasm_of_bytes=of(lambda W, w: W.wat2wasm(b"(module)")),
    wat2wasm_function=of(
        lambda W, w: W.wat2wasm(
            '(module (func $f (export "f") (param $a i32) (result i32) (i32.add (local.get $a) (i32.const 1))))'
        )
    ),
    wat2wasm_sections=of(
        lambda W, w: W.wat2wasm(
            """(module $m (import "a" "b" (func $i (param i64))) (memory 1 2) (table 3 funcref)
                 (global $g f32 (f32.const 1.5)) (elem (i32.const 0) $i) (data (i32.const 4) "x\\00")
                 (func $s) (start $s))"""
        )
    ),
    wat2wasm_nonsense=kind(lambda W, w: W.wat2wasm("(module (func")),
    wat2wasm_unknown_name=kind(lambda W, w: W.wat2wasm("(module (func call $f))")),
    wat2wasm_of_a_number=kind(lambda W, w: W.wat2wasm([])),
)

# --- modules

check.each(
    module_of_text=of(lambda W, w: W.Module(w.engine, "(module)")),
    module_of_text_as_bytes=of(lambda W, w: W.Module(w.engine, b"(module)")),
    module_of_bytes=of(lambda W, w: W.Module(w.engine, EMPTY)),
    module_of_bytearray=of(lambda W, w: W.Module(w.engine, bytearray(EMPTY))),
    module_of_memoryview=kind(lambda W, w: W.Module(w.engine, memoryview(EMPTY))),
    module_of_a_number=of(lambda W, w: W.Module(w.engine, 3)),
    module_of_none=of(lambda W, w: W.Module(w.engine, None)),
    module_of_nothing=kind(lambda W, w: W.Module(w.engine, b"")),
    module_without_engine=of(lambda W, w: W.Module(3, EMPTY)),
    module_truncated=kind(lambda W, w: W.Module(w.engine, EMPTY + b"\x01")),
    module_of_another_version=kind(lambda W, w: W.Module(w.engine, b"\0asm\x02\0\0\0")),
    module_invalid=kind(lambda W, w: W.Module(w.engine, "(module (func (result i32)))")),
    module_invalid_type=kind(lambda W, w: W.Module(w.engine, "(module (func (i32.add (i64.const 1)) drop))")),
    module_validate=of(lambda W, w: W.Module.validate(w.engine, EMPTY)),
    module_validate_bytearray=of(lambda W, w: W.Module.validate(w.engine, bytearray(EMPTY))),
    module_validate_invalid=kind(lambda W, w: W.Module.validate(w.engine, EMPTY + b"\x0a\x01")),
    module_validate_text=kind(lambda W, w: W.Module.validate(w.engine, b"(module)")),
    module_validate_str=of(lambda W, w: W.Module.validate(w.engine, "(module)")),
    module_deserialize_nonsense=kind(lambda W, w: W.Module.deserialize(w.engine, b"nonsense")),
    module_deserialize_a_module=kind(lambda W, w: W.Module.deserialize(w.engine, EMPTY)),
    module_deserialize_str=of(lambda W, w: W.Module.deserialize(w.engine, "x")),
    module_deserialize_missing_file=kind(lambda W, w: W.Module.deserialize_file(w.engine, "/nowhere/at/all")),
    module_from_missing_file=kind(lambda W, w: W.Module.from_file(w.engine, "/nowhere/at/all")),
)


@check
def module_serialized(W: Any) -> Any:
    world = World(W)
    data = world.module('(module (func (export "f") (result i32) i32.const 5))').serialize()
    again = W.Module.deserialize(world.engine, data)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "module")
        Path(path).write_bytes(data)
        third = W.Module.deserialize_file(world.engine, path)
    found = [W.Instance(world.store, m, []).exports(world.store)["f"](world.store) for m in (again, third)]
    return type(data).__name__, found, again.exports


@check
def module_from_file(W: Any) -> Any:
    world = World(W)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("a.wat", b"(module)"), ("b.wasm", EMPTY)):
            path = Path(folder, name)
            path.write_bytes(data)
            found += [W.Module.from_file(world.engine, str(path)), W.Module.from_file(world.engine, path)]
    return found


# --- instances and what does not match


def mismatched(declared: str, given: Callable[[Any, World], Any], **settings: Any) -> Any:
    """The import given in the order of the module, and by a linker."""

    def body(W: Any) -> Any:
        world = World(W, **settings)
        module = world.module(f'(module (import "mod" "item" {declared}))')
        item = given(W, world)
        linker = W.Linker(world.engine)
        linker.define(world.store, "mod", "item", item)
        return [
            world.try_(lambda: W.Instance(world.store, module, [item])),
            world.try_(lambda: linker.instantiate(world.store, module)),
            world.try_(lambda: linker.instantiate_pre(module)),
        ][: 2 if declared.startswith(("(memory", "(table")) else 3]

    return body


def a_global(type: str, mutable: bool, value: Any) -> Any:
    return lambda W, w: W.Global(w.store, W.GlobalType(getattr(W.ValType, type)(), mutable), value)


def a_memory(least: int, most: int | None) -> Any:
    return lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(least, most)))


def a_table(least: int, most: int | None, type: str = "funcref") -> Any:
    return lambda W, w: W.Table(w.store, W.TableType(getattr(W.ValType, type)(), W.Limits(least, most)), None)


def a_func(params: str, results: str) -> Any:
    return lambda W, w: w.func(lambda *a: None, params, results)


check.each(
    import_func=mismatched("(func)", a_func("", "")),
    import_func_of_other_params=mismatched("(func (param i32))", a_func("", "")),
    import_func_of_other_results=mismatched("(func (result i32 f64))", a_func("i32", "i64")),
    import_func_as_memory=mismatched("(memory 1)", a_func("", "")),
    import_memory_as_func=mismatched("(func)", a_memory(1, 2)),
    import_memory_as_table=mismatched("(table 1 funcref)", a_memory(1, 2)),
    import_global=mismatched("(global i32)", a_global("i32", False, 1)),
    import_global_of_other_type=mismatched("(global i64)", a_global("i32", False, 1)),
    import_global_mutable=mismatched("(global (mut i32))", a_global("i32", False, 1)),
    import_global_immutable=mismatched("(global i32)", a_global("i32", True, 1)),
    import_memory=mismatched("(memory 1 5)", a_memory(2, 3)),
    import_memory_too_small=mismatched("(memory 4)", a_memory(2, 5)),
    import_memory_without_maximum=mismatched("(memory 1 5)", a_memory(1, None)),
    import_memory_of_larger_maximum=mismatched("(memory 1 5)", a_memory(1, 6)),
    import_table=mismatched("(table 1 5 funcref)", a_table(1, 5)),
    import_table_too_small=mismatched("(table 3 funcref)", a_table(1, 5)),
    import_table_without_maximum=mismatched("(table 1 5 funcref)", a_table(1, None)),
    import_table_of_other_type=mismatched("(table 1 5 externref)", a_table(1, 5)),
    instance_without_imports=of(lambda W, w: W.Instance(w.store, w.module('(module (import "" "" (func)))'), [])),
    instance_with_too_many_imports=of(lambda W, w: W.Instance(w.store, w.module("(module)"), [w.func(lambda: None)])),
    instance_of_no_module=kind(lambda W, w: W.Instance(w.store, 3, [])),
    instance_in_no_store=kind(lambda W, w: W.Instance(3, w.module("(module)"), [])),
    instance_with_a_wrong_import=of(
        lambda W, w: W.Instance(w.store, w.module('(module (import "" "" (func)))'), [lambda: None])
    ),
    instance_with_no_list=kind(lambda W, w: W.Instance(w.store, w.module("(module)"), 3)),
)

# --- linkers

NOTHING = '(module (import "a" "b" (func)))'


def linked(act: Callable[[Any, World, Any], Any]) -> Any:
    def body(W: Any) -> Any:
        world = World(W)
        return act(W, world, W.Linker(world.engine))

    return body


def define_module(text: str, use: Callable[[Any, World], Any]) -> Any:
    """Define a module as `m` and use the linker."""

    def body(W: Any) -> Any:
        world = World(W)
        linker = W.Linker(world.engine)
        linker.define_module(world.store, "m", world.module(text))
        return use(linker, world)

    return body


check.each(
    linker_unknown_import=linked(lambda W, w, k: k.instantiate(w.store, w.module(NOTHING))),
    linker_unknown_imports=linked(
        lambda W, w, k: k.instantiate(
            w.store, w.module('(module (import "x" "y" (global i32)) (import "a" "b" (func)))')
        )
    ),
    linker_pre_unknown_import=linked(lambda W, w, k: k.instantiate_pre(w.module(NOTHING))),
    linker_get_missing=linked(lambda W, w, k: k.get(w.store, "a", "b")),
    linker_default_missing=linked(
        lambda W, w, k: [k.get_default(w.store, "a")(w.store), k.get_default(w.store, "a").type(w.store)]
    ),
    linker_of_no_engine=of(lambda W, w: W.Linker(3)),
    linker_define_wrong=linked(lambda W, w, k: k.define(w.store, "a", "b", 3)),
    linker_define_wrong_name=linked(lambda W, w, k: k.define(w.store, 1, "b", w.func(lambda: None))),
    linker_define_func_wrong=linked(lambda W, w, k: k.define_func("a", "b", 3, lambda: None)),
    linker_define_instance_wrong=linked(lambda W, w, k: k.define_instance(w.store, "a", 3)),
    linker_define_module_wrong=linked(lambda W, w, k: k.define_module(w.store, "a", 3)),
    linker_instantiate_wrong=linked(lambda W, w, k: k.instantiate(w.store, 3)),
    linker_pre_wrong=linked(lambda W, w, k: k.instantiate_pre(3)),
    linker_as_traps_wrong=linked(lambda W, w, k: k.define_unknown_imports_as_traps(3)),
    linker_as_defaults_wrong=linked(lambda W, w, k: k.define_unknown_imports_as_default_values(w.store, 3)),
    linker_twice=linked(
        lambda W, w, k: [
            k.define(w.store, "a", "b", w.func(lambda: None)),
            k.define(w.store, "a", "b", w.func(lambda: None)),
        ]
    ),
    linker_func_twice=linked(lambda W, w, k: [k.define_func("a", "b", w.type(), lambda: None) for _ in range(2)]),
    linker_wasi_twice=linked(lambda W, w, k: [k.define_wasi(), k.define_wasi()]),
    linker_shadowing_cannot_be_read=linked(lambda W, w, k: k.allow_shadowing),
    linker_knows_its_engine=linked(lambda W, w, k: k.engine is w.engine),
    command_default=define_module(
        '(module (func (export "_start")))', lambda k, w: k.get_default(w.store, "m")(w.store)
    ),
    command_default_empty=define_module(
        '(module (func (export "")) (func (export "_start") unreachable))',
        lambda k, w: k.get_default(w.store, "m")(w.store),
    ),
    command_traps=define_module(
        '(module (func $start (export "_start") unreachable))', lambda k, w: k.get_default(w.store, "m")(w.store)
    ),
    command_is_fresh_each_time=define_module(
        """(module (global $g (mut i32) (i32.const 0)) (func (export "_start")) (memory (export "memory") 1)
             (func (export "f") (result i32)
               (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))""",
        lambda k, w: [k.get(w.store, "m", "f")(w.store) for _ in range(3)],
    ),
    command_memory_is_not_defined=define_module(
        '(module (func (export "_start")) (memory (export "memory") 1))', lambda k, w: k.get(w.store, "m", "memory")
    ),
    command_with_a_global=define_module(
        '(module (func (export "_start")) (global (export "g") i32 (i32.const 1)))', lambda k, w: k
    ),
    command_and_reactor=define_module(
        '(module (func (export "_start")) (func (export "_initialize")))', lambda k, w: k
    ),
    start_is_no_function=define_module('(module (global (export "_start") i32 (i32.const 1)))', lambda k, w: k),
    initialize_is_no_function=define_module(
        '(module (global (export "_initialize") i32 (i32.const 1)))', lambda k, w: k
    ),
    reactor_keeps_its_state=define_module(
        """(module (global $g (mut i32) (i32.const 0)) (func (export "_initialize") (global.set $g (i32.const 40)))
             (func (export "f") (result i32)
               (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))""",
        lambda k, w: [k.get(w.store, "m", "f")(w.store) for _ in range(3)],
    ),
    reactor_traps=define_module('(module (func (export "_initialize") unreachable))', lambda k, w: k),
    reactor_with_parameters=define_module('(module (func (export "_initialize") (param i32)))', lambda k, w: k),
    reactor_with_results=define_module(
        '(module (func (export "_initialize") (result i32) i32.const 1))', lambda k, w: k
    ),
    module_with_missing_import=define_module('(module (import "a" "b" (func)) (func (export "f")))', lambda k, w: k),
    command_with_missing_import=define_module(
        '(module (import "a" "b" (func)) (func (export "_start")))', lambda k, w: k
    ),
)


@check
def linker_instance(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    instance = world.instance('(module (func (export "f") (result i32) i32.const 7) (memory (export "m") 2))')
    linker.define_instance(world.store, "x", instance)
    other = linker.instantiate(
        world.store,
        world.module(
            '(module (import "x" "f" (func $f (result i32))) (import "x" "m" (memory 1)) (export "g" (func $f)))'
        ),
    )
    return [
        other.exports(world.store)["g"](world.store),
        linker.get(world.store, "x", "m").size(world.store),
        world.try_(lambda: linker.define_instance(world.store, "x", instance)),
    ]


@check
def command_with_an_import_that_does_not_match(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    linker.define_func("a", "b", world.type("i32"), lambda a: None)
    module = world.module('(module (import "a" "b" (func)) (func (export "_start")))')
    return linker.define_module(world.store, "m", module)


@check
def linker_functions_for_many_stores(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    seen: list[Any] = []

    def add(caller: Any, a: int) -> int:
        seen.append(caller["memory"].read(caller, 0, 2))
        return a + 1

    linker.define_func("h", "add", world.type("i32", "i32"), add, access_caller=True)
    module = world.module(
        """(module (import "h" "add" (func $add (param i32) (result i32))) (memory (export "memory") 1)
             (data (i32.const 0) "ok") (func (export "f") (result i32) (call $add (i32.const 4))))"""
    )
    found = []
    for _ in range(3):
        store = W.Store(world.engine)
        found.append(linker.instantiate(store, module).exports(store)["f"](store))
    return found, seen


@check
def linker_shadowing(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    linker.allow_shadowing = True
    found = []
    for value in (1, 2):
        linker.define_func("a", "b", world.type("", "i32"), lambda value=value: value)
        found.append(linker.get(world.store, "a", "b")(world.store))
    linker.allow_shadowing = False
    return found, world.try_(lambda: linker.define_func("a", "b", world.type(), lambda: None))


@check
def linker_pre(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    linker.define_func("a", "b", world.type("", "i32"), lambda: 3)
    pre = linker.instantiate_pre(
        world.module('(module (import "a" "b" (func $f (result i32))) (func (export "g") (result i32) call $f))')
    )
    found = []
    for _ in range(2):
        store = W.Store(world.engine)
        found.append(pre.instantiate(store).exports(store)["g"](store))
    return found, pre.module.exports


@check
def linker_pre_with_another_store(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    linker.define(world.store, "a", "b", world.func(lambda: None))
    pre = linker.instantiate_pre(world.module(NOTHING))
    other = W.Store(world.engine)
    return [
        world.try_(lambda: pre.instantiate(world.store)),
        world.try_(lambda: pre.instantiate(other)),
        world.try_(lambda: linker.instantiate(other, world.module(NOTHING))),
    ]


@check
def linker_unknown_as_traps(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    module = world.module(
        """(module (import "a" "b" (func $f (param i32) (result i64))) (export "direct" (func $f))
             (func $calling (export "f") (drop (call $f (i32.const 1)))))"""
    )
    linker.define_unknown_imports_as_traps(module)
    exports = linker.instantiate(world.store, module).exports(world.store)
    return world.try_(lambda: exports["f"](world.store)), world.try_(lambda: exports["direct"](world.store, 1))


@check
def linker_unknown_global_as_trap(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    module = world.module('(module (import "a" "g" (global i32)))')
    linker.define_unknown_imports_as_traps(module)
    return linker.instantiate(world.store, module)


@check
def linker_unknown_as_defaults(W: Any) -> Any:
    world = World(W)
    linker = W.Linker(world.engine)
    module = world.module(
        """(module (import "a" "f" (func $f (param i32) (result i32 i64 f32 f64 externref funcref)))
             (import "a" "g" (global $g f64)) (import "a" "m" (memory 2 5)) (import "a" "t" (table 3 externref))
             (export "f" (func $f)) (export "g" (global $g)) (export "m" (memory 0)) (export "t" (table 0)))"""
    )
    linker.define_unknown_imports_as_default_values(world.store, module)
    exports = linker.instantiate(world.store, module).exports(world.store)
    store = world.store
    return [
        exports["f"](store, 1),
        exports["g"].value(store),
        exports["m"].size(store),
        exports["t"].size(store),
        exports["t"].get(store, 0),
    ]


# --- engines, stores, settings


def setting(name: str, *values: Any) -> Any:
    def body(W: Any) -> Any:
        found = []
        for value in values:
            config = W.Config()
            outcome = attempt(W, lambda config=config, value=value: setattr(config, name, value))
            found.append(outcome[:3] if isinstance(outcome, list) else outcome)
        return found

    return body


SWITCHES = """debug_info wasm_threads wasm_tail_call wasm_reference_types wasm_simd wasm_bulk_memory wasm_multi_value
wasm_multi_memory wasm_memory64 wasm_relaxed_simd wasm_relaxed_simd_deterministic wasm_component_model
wasm_component_model_map wasm_component_model_implements wasm_exceptions wasm_function_references wasm_gc
wasm_wide_arithmetic wasm_custom_page_sizes wasm_stack_switching cranelift_debug_verifier epoch_interruption
consume_fuel parallel_compilation shared_memory gc_support cranelift_nan_canonicalization memory_may_move
native_unwind_info macos_use_mach_ports signals_based_traps memory_init_cow""".split()

check.each(
    **{f"config_{name}": setting(name, True, False, 1, None, "yes") for name in SWITCHES},
    **{
        f"config_{name}": setting(name, 1 << 20, "1", None, 2.5)
        for name in ("max_wasm_stack", "memory_reservation", "memory_guard_size", "memory_reservation_for_growth")
    },
    config_strategy=setting("strategy", "auto", "cranelift", "nonsense", 3),
    config_opt_level=setting("cranelift_opt_level", "none", "speed", "speed_and_size", "fast"),
    config_profiler=setting("profiler", "none", "jitdump", "perfmap", "nonsense"),
    config_cache=setting("cache", False, 3),
    config_target=setting("target", "x86_64-unknown-linux-gnu", 3),
    config_unknown_target=kind(lambda W, w: setattr(W.Config(), "target", "nonsense")),
    config_cannot_be_read=of(lambda W, w: W.Config().wasm_simd),
    engine_of_no_config=of(lambda W, w: W.Engine(3)),
    engine_is_no_pulley=of(lambda W, w: w.engine.is_pulley()),
    store_of_no_engine=of(lambda W, w: W.Store(3)),
    store_without_engine=of(lambda W, w: W.Store().data()),
    store_data=of(lambda W, w: [W.Store(w.engine, d).data() for d in (5, "text", [1], None)]),
    store_knows_its_engine=of(lambda W, w: w.store.engine is w.engine),
    store_gc=of(lambda W, w: w.store.gc()),
    flag_enable=kind(lambda W, w: W.Config().cranelift_flag_enable(3)),
    flag_set_wrong_key=of(lambda W, w: W.Config().cranelift_flag_set(3, "x")),
    flag_set_wrong_value=of(lambda W, w: W.Config().cranelift_flag_set("x", 3)),
)


def proposal(setting: str, text: str) -> Any:
    """A module with the setting on and off."""

    def body(W: Any) -> Any:
        found = []
        for on in (True, False):
            outcome = attempt(W, lambda on=on: World(W, **{setting: on}).module(text))
            found.append(outcome[:2] if isinstance(outcome, list) else outcome)
        return found

    return body


check.each(
    proposal_multi_memory=proposal("wasm_multi_memory", "(module (memory 1) (memory 1))"),
    proposal_memory64=proposal("wasm_memory64", "(module (memory i64 1))"),
    proposal_tail_call=proposal("wasm_tail_call", "(module (func $f return_call $f))"),
    proposal_threads=proposal("wasm_threads", "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))"),
    proposal_custom_page_sizes=proposal("wasm_custom_page_sizes", "(module (memory 1 (pagesize 1)))"),
    proposal_wide_arithmetic=proposal(
        "wasm_wide_arithmetic",
        "(module (func (param i64 i64) (result i64 i64) local.get 0 local.get 1 i64.mul_wide_u))",
    ),
    proposal_exceptions=proposal("wasm_exceptions", "(module (tag $t) (func throw $t))"),
    proposal_multi_value=proposal("wasm_multi_value", "(module (func (result i32 i32) i32.const 1 i32.const 2))"),
)

# --- limits


def limited(act: Callable[[Any, World], Any], **limits: int) -> Any:
    def body(W: Any) -> Any:
        world = World(W)
        world.store.set_limits(**limits)
        return [world.try_(lambda: act(W, world)), world.call('(module (func (export "f") (result i32) i32.const 3))')]

    return body


GROWS = '(module (memory 1) (table 1 funcref) (func (export "f") (param i32) (result i32) (memory.grow (local.get 0))))'
GROWS_TABLE = """(module (table 1 externref)
  (func (export "f") (param i32) (result i32) (table.grow (ref.null extern) (local.get 0))))"""

check.each(
    limit_memory_at_first=limited(lambda W, w: w.exports("(module (memory 3))"), memory_size=100_000),
    limit_memory_grow=limited(lambda W, w: w.call(GROWS, 1), memory_size=100_000),
    limit_memory_grow_within=limited(lambda W, w: w.call(GROWS, 1), memory_size=131_072),
    limit_memory_of_the_host=limited(
        lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(3, None))), memory_size=100_000
    ),
    limit_memory_grown_by_the_host=limited(
        lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(1, None))).grow(w.store, 1), memory_size=100_000
    ),
    limit_table_at_first=limited(lambda W, w: w.exports("(module (table 30 funcref))"), table_elements=20),
    limit_table_grow=limited(lambda W, w: w.call(GROWS_TABLE, 20), table_elements=20),
    limit_table_grow_within=limited(lambda W, w: w.call(GROWS_TABLE, 19), table_elements=20),
    limit_table_of_the_host=limited(
        lambda W, w: W.Table(w.store, W.TableType(W.ValType.funcref(), W.Limits(30, None)), None), table_elements=20
    ),
    limit_instances=of(
        lambda W, w: [
            w.store.set_limits(instances=2),
            w.instance("(module)"),
            w.instance("(module)"),
            w.instance("(module)"),
        ]
    ),
    limit_memories=of(
        lambda W, w: [
            w.store.set_limits(memories=1),
            w.instance("(module (memory 1))"),
            w.instance("(module (memory 1))"),
        ]
    ),
    limit_tables=of(
        lambda W, w: [
            w.store.set_limits(tables=1),
            w.instance("(module (table 1 funcref))"),
            w.instance("(module (table 1 funcref))"),
        ]
    ),
    limit_negative=limited(lambda W, w: w.call(GROWS, 1), memory_size=-5),
)

# --- WASI configurations


def wasi(*acts: Callable[[Any], Any]) -> Any:
    def body(W: Any) -> Any:
        return [attempt(W, lambda act=act: act(W.WasiConfig())) for act in acts]

    return body


def sets(name: str, *values: Any) -> Any:
    return wasi(*(lambda c, value=value: setattr(c, name, value) for value in values))


check.each(
    wasi_argv=sets("argv", ["a", "b"], [], ("a",), 3, [1], [b"a"], "text"),
    wasi_env=sets("env", [("a", "b")], [], {("a", "b")}, 3, [("a", "b", "c")], [("a",)]),
    wasi_stdin_file=sets("stdin_file", "/dev/null", b"/dev/null", Path("/dev/null"), "/nowhere/at/all", 3),
    wasi_stdout_file=sets("stdout_file", "/dev/null", "/nowhere/at/all"),
    wasi_stderr_file=sets("stderr_file", "/dev/null", "/nowhere/at/all"),
    wasi_stdout_custom=sets("stdout_custom", print),
    wasi_inherit=wasi(
        lambda c: c.inherit_argv(),
        lambda c: c.inherit_env(),
        lambda c: c.inherit_stdin(),
        lambda c: c.inherit_stdout(),
        lambda c: c.inherit_stderr(),
    ),
    wasi_preopen=wasi(
        lambda c: c.preopen_dir("/tmp", "/"),
        lambda c: c.preopen_dir("/tmp", "/", False),
        lambda c: c.preopen_dir("/tmp", "/", fs_mutable=False),
        lambda c: c.preopen_dir("/nowhere/at/all", "/"),
        lambda c: c.preopen_dir("/dev/null", "/"),
        lambda c: c.preopen_dir(b"/tmp", "/"),
        lambda c: c.preopen_dir(3, "/"),
    ),
    wasi_cannot_be_read=wasi(lambda c: c.argv, lambda c: c.stdin_file),
    wasi_set_in_no_store=kind(lambda W, w: w.store.set_wasi(3)),
)

PRINTS = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00") (data (i32.const 16) "hello\\n")
  (func (export "write") (param i32) (result i32) (call $write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func (export "read") (result i32) (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func $ending (export "exit") (param i32) (call $exit (local.get 0))))"""


def program(configure: Callable[[Any, Any, Path], Any], use: Callable[[Any, Any, Path], Any]) -> Any:
    """A program with WASI: `configure` gets the module, a configuration and a directory, `use` exports and store."""

    def body(W: Any) -> Any:
        world = World(W)
        with tempfile.TemporaryDirectory() as folder:
            config = W.WasiConfig()
            configure(W, config, Path(folder))
            world.store.set_wasi(config)
            linker = W.Linker(world.engine)
            linker.define_wasi()
            exports = linker.instantiate(world.store, world.module(PRINTS)).exports(world.store)
            return world.try_(lambda: use(exports, world.store, Path(folder)))

    return body


COLLECTED: list[bytes] = []


def collect(data: bytes) -> int:
    COLLECTED.append(data)
    return len(data)


def collected() -> list[bytes]:
    found = [bytes(piece) for piece in COLLECTED]
    COLLECTED.clear()
    return found


check.each(
    wasi_writes_to_a_function=program(
        lambda W, c, folder: setattr(c, "stdout_custom", collect),
        lambda e, s, folder: [e["write"](s, 1), e["write"](s, 2), e["write"](s, 1), collected()],
    ),
    wasi_writes_errors_to_a_function=program(
        lambda W, c, folder: setattr(c, "stderr_custom", lambda data: collect(data) and None),
        lambda e, s, folder: [e["write"](s, 2), collected()],
    ),
    wasi_writes_to_a_file=program(
        lambda W, c, folder: setattr(c, "stdout_file", str(folder / "out")),
        lambda e, s, folder: [e["write"](s, 1), e["write"](s, 1), (folder / "out").read_bytes()],
    ),
    wasi_reads_a_file=program(
        lambda W, c, folder: [(folder / "in").write_bytes(b"abcdefghij"), setattr(c, "stdin_file", str(folder / "in"))],
        lambda e, s, folder: [
            [e["read"](s), e["memory"].read(s, 16, 22), e["memory"].read(s, 8, 12)] for _ in range(3)
        ],
    ),
    wasi_reads_nothing=program(
        lambda W, c, folder: None, lambda e, s, folder: [e["read"](s), e["memory"].read(s, 8, 12)]
    ),
    wasi_writes_to_a_closed_descriptor=program(lambda W, c, folder: None, lambda e, s, folder: e["write"](s, 9)),
    wasi_exit_0=program(lambda W, c, folder: None, lambda e, s, folder: e["exit"](s, 0)),
    wasi_exit_1=program(lambda W, c, folder: None, lambda e, s, folder: e["exit"](s, 1)),
    wasi_exit_125=program(lambda W, c, folder: None, lambda e, s, folder: e["exit"](s, 125)),
)

test_linking = check.test()
