"""Types, values, memories, tables, globals, tags, as with wasmtime-py."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from spec_tests.api.same import Checks, World

check = Checks()


def of(act: Callable[[Any, World], Any], **settings: Any) -> Any:
    """A body that gets the module and a world."""
    return lambda W: act(W, World(W, **settings))


def each_of(*acts: Callable[[Any, World], Any], **settings: Any) -> Any:
    """Outcomes, errors included, of several in one world."""

    def body(W: Any) -> Any:
        world = World(W, **settings)
        return [world.try_(lambda act=act: act(W, world)) for act in acts]

    return body


# --- types

NUMBERS = ("i32", "i64", "f32", "f64")

check.each(
    valtype_text=of(lambda W, w: [str(getattr(W.ValType, n)()) for n in (*NUMBERS, "funcref")]),
    valtype_repr=of(lambda W, w: [repr(getattr(W.ValType, n)()) for n in (*NUMBERS, "funcref")]),
    valtype_equal=of(
        lambda W, w: [
            getattr(W.ValType, a)() == getattr(W.ValType, b)() for a in NUMBERS for b in (*NUMBERS, "funcref")
        ]
    ),
    valtype_not_equal=of(lambda W, w: [W.ValType.i32() != W.ValType.i64(), W.ValType.i32() != W.ValType.i32()]),
    valtype_and_others=of(lambda W, w: [W.ValType.i32() == "i32", W.ValType.i32() == 3, W.ValType.i32() != None]),  # noqa: E711
    valtype_made_directly=of(lambda W, w: W.ValType()),
    functype=of(lambda W, w: W.FuncType([W.ValType.i32(), W.ValType.f64()], [W.ValType.externref()])),
    functype_empty=of(lambda W, w: W.FuncType([], [])),
    functype_of_tuples=of(lambda W, w: W.FuncType((W.ValType.i32(),), (W.ValType.i64(), W.ValType.funcref()))),
    functype_wrong_param=of(lambda W, w: W.FuncType([3], [])),
    functype_wrong_result=of(lambda W, w: W.FuncType([], ["i32"])),
    functype_shares_types=of(lambda W, w: W.FuncType([W.ValType.i32()] * 2, []).params[0] == W.ValType.i32()),
    globaltype=of(lambda W, w: [W.GlobalType(W.ValType.i64(), True), W.GlobalType(W.ValType.f32(), False)]),
    globaltype_wrong=of(lambda W, w: W.GlobalType("i32", True)),
    globaltype_truthy=of(lambda W, w: W.GlobalType(W.ValType.i32(), 1)),
    limits=of(lambda W, w: [W.Limits(1, 2), W.Limits(0, None)]),
    limits_equal=of(
        lambda W, w: [W.Limits(1, 2) == W.Limits(1, 2), W.Limits(1, 2) == W.Limits(1, None), W.Limits(1, 2) == 3]
    ),
    limits_change=of(lambda W, w: [setattr(limits := W.Limits(1, 2), "max", 5), limits]),
    tabletype=of(lambda W, w: W.TableType(W.ValType.funcref(), W.Limits(1, 30))),
    tabletype_without_maximum=of(lambda W, w: W.TableType(W.ValType.externref(), W.Limits(1, None))),
    tabletype_wrong_element=of(lambda W, w: W.TableType(3, W.Limits(1, None))),
    tabletype_wrong_limits=of(lambda W, w: W.TableType(W.ValType.funcref(), 3)),
    memorytype=of(lambda W, w: W.MemoryType(W.Limits(1, 2))),
    memorytype_without_maximum=of(lambda W, w: W.MemoryType(W.Limits(3, None))),
    memorytype_64=of(lambda W, w: W.MemoryType(W.Limits(1, None), is_64=True)),
    memorytype_shared=of(lambda W, w: W.MemoryType(W.Limits(1, 4), shared=True)),
    memorytype_shared_without_maximum=of(lambda W, w: W.MemoryType(W.Limits(1, None), shared=True)),
    memorytype_of_single_bytes=of(lambda W, w: W.MemoryType(W.Limits(1, 100), page_size_log2=0)),
    memorytype_wrong_limits=of(lambda W, w: W.MemoryType(3)),
    memorytype_of_4_gigabytes=of(lambda W, w: W.MemoryType(W.Limits(0x10000, 0x10000))),
    memorytype_maximum_below_minimum=of(lambda W, w: W.MemoryType(W.Limits(5, 2))),
    memorytype_minimum_too_large=of(lambda W, w: W.MemoryType(W.Limits(0x100000000, None))),
    memorytype_maximum_too_large=of(lambda W, w: W.MemoryType(W.Limits(0, 0x100000000))),
    tagtype=of(lambda W, w: W.TagType(W.FuncType([W.ValType.i32()], []))),
    tagtype_wrong=of(lambda W, w: W.TagType(3)),
)


@check
def types_of_a_module(W: Any) -> Any:
    module = World(W, wasm_exceptions=True, wasm_threads=True, shared_memory=True).module(
        """(module
             (import "a" "f" (func (param i32) (result f64)))
             (import "a" "g" (global (mut i64)))
             (import "a" "t" (table 1 5 externref))
             (import "b" "m" (memory 1))
             (import "b" "" (global f32))
             (func (export "fun") (param externref) unreachable)
             (table (export "tab") 3 funcref)
             (memory $m (export "mem") 2 7)
             (export "again" (func 0)) (export "" (global 1))
             (global (export "glo") f64 (f64.const 1)))"""
    )
    return module.imports, module.exports


@check
def types_of_a_module_without_any(W: Any) -> Any:
    module = World(W).module("(module)")
    return module.imports, module.exports


@check
def types_have_settled_limits(W: Any) -> Any:
    exports = World(W).module('(module (memory (export "m") 1) (table (export "t") 1 2 funcref))').exports
    return [[e.name, e.type.limits.min, e.type.limits.max] for e in exports]


@check
def tag_of_a_module(W: Any) -> Any:
    world = World(W, wasm_exceptions=True)
    exports = world.exports('(module (tag (export "t") (param i32 f64)))')
    return exports["t"], exports["t"].type(world.store)


# --- Val

check.each(
    val_value=of(lambda W, w: [W.Val.i32(5).value, W.Val.i64(-1).value, W.Val.f32(0.1).value, W.Val.f64(0.1).value]),
    val_wraps=of(lambda W, w: [W.Val.i32(2**31).value, W.Val.i64(2**63).value, W.Val.i32(2**32 + 7).value]),
    val_type=of(
        lambda W, w: [
            v.type
            for v in (
                W.Val.i32(1),
                W.Val.i64(1),
                W.Val.f32(1.0),
                W.Val.f64(1.0),
                W.Val.externref(1),
                W.Val.funcref(None),
            )
        ]
    ),
    val_as=of(
        lambda W, w: [
            [v.as_i32(), v.as_i64(), v.as_f32(), v.as_f64(), v.as_externref()]
            for v in (W.Val.i32(1), W.Val.i64(2), W.Val.f32(3.0), W.Val.f64(4.0), W.Val.externref("x"))
        ]
    ),
    val_equal=of(
        lambda W, w: [
            W.Val.i32(1) == W.Val.i32(1),
            W.Val.i32(1) == W.Val.i64(1),
            W.Val.i32(1) == 1,
            W.Val.f64(1.5) == 1.5,
            W.Val.externref("x") == "x",
            W.Val.externref(None) == None,  # noqa: E711
        ]
    ),
    val_i32_of_float=of(lambda W, w: W.Val.i32(1.0)),
    val_i64_of_str=of(lambda W, w: W.Val.i64("1")),
    val_f32_of_int=of(lambda W, w: W.Val.f32(1)),
    val_f64_of_int=of(lambda W, w: W.Val.f64(1)),
    val_null_externref=of(lambda W, w: W.Val.ref_null(W.ValType.externref()).type),
    val_null_funcref=of(lambda W, w: W.Val.ref_null(W.ValType.funcref()).value),
    val_null_of_a_number=of(lambda W, w: W.Val.ref_null(W.ValType.i32())),
    val_as_funcref=of(lambda W, w: W.Val.funcref(w.func(lambda: None)).as_funcref()),
)


# --- memories


def memory(
    *acts: Callable[[Any, Any], Any], text: str = '(memory (export "m") 1 5) (data (i32.const 0) "abcdef")'
) -> Any:
    """Outcomes, errors included, with a memory of a module and its store."""

    def body(W: Any) -> Any:
        world = World(W)
        exports = world.exports(f"(module {text})")
        return [world.try_(lambda act=act: act(exports["m"], world.store)) for act in acts]

    return body


SIZE = 65536

check.each(
    memory_sizes=memory(
        lambda m, s: [m.size(s), m.data_len(s), m.page_size(s), m.page_size_log2(s)],
        lambda m, s: m.type(s),
        lambda m, s: m.grow(s, 2),
        lambda m, s: [m.size(s), m.data_len(s)],
        lambda m, s: m.type(s),
        lambda m, s: m.grow(s, 0),
        lambda m, s: m.grow(s, 3),
        lambda m, s: m.grow(s, -1),
        lambda m, s: m.grow(s, 2),
        lambda m, s: m.size(s),
    ),
    memory_read=memory(
        lambda m, s: m.read(s, 0, 6),
        lambda m, s: m.read(s, 2, 4),
        lambda m, s: m.read(s, 4, 2),
        lambda m, s: m.read(s, SIZE - 2),
        lambda m, s: m.read(s, SIZE - 2, SIZE + 10),
        lambda m, s: m.read(s, SIZE, SIZE + 10),
        lambda m, s: m.read(s, -3),
        lambda m, s: m.read(s, -SIZE, -SIZE + 3),
        lambda m, s: m.read(s, 0, -SIZE + 2),
        lambda m, s: m.read(s, None, 3),
        lambda m, s: len(m.read(s)),
        lambda m, s: m.read(s, start=1, stop=3),
    ),
    memory_write=memory(
        lambda m, s: m.write(s, b"xyz"),
        lambda m, s: m.write(s, bytearray(b"12"), 4),
        lambda m, s: m.read(s, 0, 8),
        lambda m, s: m.write(s, b"end", SIZE - 3),
        lambda m, s: m.write(s, b"end", -3),
        lambda m, s: m.read(s, -4),
        lambda m, s: m.write(s, b"more", SIZE - 3),
        lambda m, s: m.write(s, b"more", -2),
        lambda m, s: m.write(s, b"", SIZE),
        lambda m, s: m.write(s, b"x", SIZE + 5),
        lambda m, s: m.write(s, b""),
        lambda m, s: m.write(s, [1, 2, 255], 10),
        lambda m, s: m.read(s, 9, 14),
        lambda m, s: m.write(s, [256]),
        lambda m, s: m.write(s, value=b"kw", start=1),
    ),
    memory_write_text=memory(lambda m, s: m.write(s, "text")),
    memory_empty=memory(
        lambda m, s: [m.size(s), m.data_len(s)],
        lambda m, s: m.read(s, 0, 10),
        lambda m, s: m.write(s, b"x"),
        lambda m, s: m.write(s, b""),
        text='(memory (export "m") 0)',
    ),
    memory_buffer=memory(
        lambda m, s: bytes(m.get_buffer_ptr(s, 6)),
        lambda m, s: bytes(m.get_buffer_ptr(s, 3, 2)),
        lambda m, s: len(m.get_buffer_ptr(s)),
        lambda m, s: m.get_buffer_ptr(s).__setitem__(1, 0x41),
        lambda m, s: m.read(s, 0, 3),
        lambda m, s: issubclass(type(m.get_buffer_ptr(s)), ctypes.Array),
    ),
    memory_pointer=memory(
        lambda m, s: [m.data_ptr(s)[i] for i in range(4)],
        lambda m, s: m.data_ptr(s).__setitem__(3, 7),
        lambda m, s: m.read(s, 0, 6),
        lambda m, s: bytes((ctypes.c_ubyte * 3).from_address(ctypes.addressof(m.data_ptr(s).contents))),
    ),
    memory_without_maximum=memory(
        lambda m, s: m.type(s), lambda m, s: m.grow(s, 70000), lambda m, s: m.size(s), text='(memory (export "m") 1)'
    ),
    memory_grow_of_a_wrong_type=memory(lambda m, s: m.grow(s, "1")),
    memory_of_the_host=each_of(
        lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(2, 3))).size(w.store),
        lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(2, None))).type(w.store),
        lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(0, 1))).grow(w.store, 2),
        lambda W, w: W.Memory(w.store, W.MemoryType(W.Limits(1, 1), shared=True)).size(w.store),
    ),
    memory_of_a_wrong_type=of(lambda W, w: W.Memory(w.store, 3)),
    memory_of_no_store=of(lambda W, w: W.Memory(3, W.MemoryType(W.Limits(1, None)))),
)


@check
def memory_between_host_and_guest(W: Any) -> Any:
    world = World(W)
    memory = W.Memory(world.store, W.MemoryType(W.Limits(1, 3)))
    memory.write(world.store, b"\x05\0\0\0", 8)
    exports = world.exports(
        """(module (import "" "" (memory 1)) (func (export "f") (result i32)
             (i32.store8 (i32.const 0) (i32.const 65)) (drop (memory.grow (i32.const 1))) (i32.load (i32.const 8))))""",
        memory,
    )
    return exports["f"](world.store), memory.read(world.store, 0, 1), memory.size(world.store)


def shared(*acts: Callable[[Any], Any]) -> Any:
    def body(W: Any) -> Any:
        world = World(W, wasm_threads=True, shared_memory=True)
        memory = W.SharedMemory(world.engine, W.MemoryType(W.Limits(1, 3), shared=True))
        return [world.try_(lambda act=act: act(memory)) for act in acts]

    return body


check.each(
    shared_memory=shared(
        lambda m: m.type(), lambda m: m.data_len(), lambda m: m.grow(1), lambda m: m.data_len(), lambda m: m.grow(5)
    ),
    shared_memory_grow_negative=shared(lambda m: m.grow(-1)),
    shared_memory_of_unshared_type=of(
        lambda W, w: W.SharedMemory(w.engine, W.MemoryType(W.Limits(1, 3))), wasm_threads=True, shared_memory=True
    ),
    shared_memory_not_enabled=of(lambda W, w: W.SharedMemory(w.engine, W.MemoryType(W.Limits(1, 3), shared=True))),
)


# --- tables

check.each(
    table_of_functions=each_of(
        lambda W, w: setattr(w, "t", W.Table(w.store, W.TableType(W.ValType.funcref(), W.Limits(2, 5)), None)),
        lambda W, w: [w.t.size(w.store), w.t.type(w.store)],
        lambda W, w: w.t.get(w.store, 0),
        lambda W, w: w.t.get(w.store, 9),
        lambda W, w: w.t.set(w.store, 1, w.func(lambda: 4, "", "i32")),
        lambda W, w: w.t.get(w.store, 1)(w.store),
        lambda W, w: w.t.set(w.store, 2, None),
        lambda W, w: w.t.set(w.store, 0, 5),
        lambda W, w: w.t.grow(w.store, 2, None),
        lambda W, w: w.t.size(w.store),
        lambda W, w: w.t.grow(w.store, 2, None),
        lambda W, w: w.t.grow(w.store, 0, None),
        lambda W, w: w.t.type(w.store),
    ),
    table_of_externals=each_of(
        lambda W, w: setattr(w, "t", W.Table(w.store, W.TableType(W.ValType.externref(), W.Limits(2, None)), "x")),
        lambda W, w: [w.t.get(w.store, 0), w.t.get(w.store, 1), w.t.size(w.store)],
        lambda W, w: w.t.set(w.store, 0, None),
        lambda W, w: w.t.get(w.store, 0),
        lambda W, w: w.t.set(w.store, 1, {"a": 1}),
        lambda W, w: w.t.get(w.store, 1),
        lambda W, w: w.t.grow(w.store, 3, 2.5),
        lambda W, w: [w.t.get(w.store, 4), w.t.size(w.store)],
        lambda W, w: w.t.set(w.store, 5, "beyond"),
    ),
    table_with_a_function=of(
        lambda W, w: W.Table(
            w.store, W.TableType(W.ValType.funcref(), W.Limits(1, None)), w.func(lambda: 3, "", "i32")
        ).get(w.store, 0)(w.store)
    ),
    table_with_a_wrong_element=of(
        lambda W, w: W.Table(w.store, W.TableType(W.ValType.funcref(), W.Limits(1, None)), 4)
    ),
    table_of_a_wrong_type=of(lambda W, w: W.Table(w.store, 3, None)),
)


@check
def table_of_a_guest(W: Any) -> Any:
    world = World(W)
    exports = world.exports(
        """(module (table (export "t") 3 6 funcref) (elem (i32.const 1) $seven) (type $s (func (result i32)))
             (func $seven (result i32) i32.const 7)
             (func (export "call") (param i32) (result i32) (call_indirect (type $s) (local.get 0))))"""
    )
    table, store = exports["t"], world.store
    found = [table.get(store, 0), table.get(store, 1), table.get(store, 1)(store)]
    table.set(store, 2, world.func(lambda: 8, "", "i32"))
    found += [exports["call"](store, 2), world.try_(lambda: exports["call"](store, 0))]
    table.grow(store, 1, table.get(store, 1))
    return [*found, exports["call"](store, 3), table.size(store)]


# --- globals

check.each(
    global_variable=each_of(
        lambda W, w: setattr(w, "g", W.Global(w.store, W.GlobalType(W.ValType.i32(), True), 5)),
        lambda W, w: [w.g.value(w.store), w.g.type(w.store)],
        lambda W, w: w.g.set_value(w.store, 2**32 - 1),
        lambda W, w: w.g.value(w.store),
        lambda W, w: w.g.set_value(w.store, 1.0),
        lambda W, w: w.g.set_value(w.store, W.Val.i32(9)),
        lambda W, w: w.g.set_value(w.store, W.Val.i64(9)),
        lambda W, w: w.g.value(w.store),
    ),
    global_constant=each_of(
        lambda W, w: setattr(w, "g", W.Global(w.store, W.GlobalType(W.ValType.f32(), False), 0.1)),
        lambda W, w: [w.g.value(w.store), w.g.type(w.store)],
        lambda W, w: w.g.set_value(w.store, 1.0),
        lambda W, w: w.g.set_value(w.store, 1),
    ),
    global_externref=each_of(
        lambda W, w: setattr(w, "g", W.Global(w.store, W.GlobalType(W.ValType.externref(), True), "x")),
        lambda W, w: w.g.value(w.store),
        lambda W, w: w.g.set_value(w.store, None),
        lambda W, w: w.g.value(w.store),
    ),
    global_funcref=each_of(
        lambda W, w: setattr(w, "g", W.Global(w.store, W.GlobalType(W.ValType.funcref(), True), None)),
        lambda W, w: w.g.value(w.store),
        lambda W, w: w.g.set_value(w.store, w.func(lambda: 6, "", "i32")),
        lambda W, w: w.g.value(w.store)(w.store),
    ),
    global_wide=each_of(
        lambda W, w: W.Global(w.store, W.GlobalType(W.ValType.i64(), False), 2**63).value(w.store),
        lambda W, w: W.Global(w.store, W.GlobalType(W.ValType.f64(), False), 1e300).value(w.store),
    ),
    global_of_a_wrong_value=of(lambda W, w: W.Global(w.store, W.GlobalType(W.ValType.i32(), True), "x")),
    global_of_a_wrong_type=of(lambda W, w: W.Global(w.store, 3, 4)),
    global_of_a_valtype=of(lambda W, w: W.Global(w.store, W.ValType.i32(), 4)),
)


@check
def global_of_a_guest(W: Any) -> Any:
    world = World(W)
    exports = world.exports(
        """(module (global $g (export "g") (mut f64) (f64.const 1.5)) (global (export "c") i64 (i64.const -3))
             (func (export "double") (global.set $g (f64.add (global.get $g) (global.get $g)))))"""
    )
    found = [exports["g"].value(world.store), exports["c"].value(world.store)]
    exports["double"](world.store)
    found.append(exports["g"].value(world.store))
    exports["g"].set_value(world.store, 100.0)
    exports["double"](world.store)
    found += [exports["g"].value(world.store), exports["c"].type(world.store)]
    return [*found, world.try_(lambda: exports["c"].set_value(world.store, 3))]


# --- tags

check.each(
    tag_of_the_host=each_of(
        lambda W, w: W.Tag(w.store, W.TagType(W.FuncType([W.ValType.i32()], []))).type(w.store),
        lambda W, w: (tag := W.Tag(w.store, W.TagType(W.FuncType([], [])))).eq(w.store, tag),
        lambda W, w: W.Tag(w.store, W.TagType(W.FuncType([], []))).eq(
            w.store, W.Tag(w.store, W.TagType(W.FuncType([], [])))
        ),
        wasm_exceptions=True,
    ),
    tag_with_results=of(
        lambda W, w: W.Tag(w.store, W.TagType(W.FuncType([], [W.ValType.i32()]))), wasm_exceptions=True
    ),
    tag_of_a_wrong_type=of(lambda W, w: W.Tag(w.store, 3)),
)


# --- objects with an end


def closed(make: Callable[[Any, World], Any], use: Callable[[Any, Any], Any]) -> Any:
    """An object used after its end, reached in three ways."""

    def body(W: Any) -> Any:
        world = World(W)
        found = []
        for end in ("close", "close twice", "with"):
            thing = make(W, world)
            if end == "with":
                with thing as same:
                    found.append(same is thing)
            else:
                for _ in range(1 + ("twice" in end)):
                    thing.close()
            found.append(world.try_(lambda thing=thing: use(W, thing)))
        return found

    return body


check.each(
    closed_config=closed(lambda W, w: W.Config(), lambda W, c: setattr(c, "consume_fuel", True)),
    closed_engine=closed(lambda W, w: W.Engine(), lambda W, e: W.Store(e)),
    closed_engine_epoch=closed(lambda W, w: W.Engine(), lambda W, e: e.increment_epoch()),
    closed_store=closed(lambda W, w: W.Store(w.engine), lambda W, s: s.set_epoch_deadline(1)),
    closed_store_data=closed(lambda W, w: W.Store(w.engine, 5), lambda W, s: s.data()),
    closed_module=closed(lambda W, w: w.module("(module)"), lambda W, m: m.exports),
    closed_module_in_use=closed(
        lambda W, w: W.Module(w.engine, "(module)"), lambda W, m: W.Linker(w_engine(W)).instantiate_pre(m)
    ),
    closed_linker=closed(lambda W, w: W.Linker(w.engine), lambda W, linker: linker.define_wasi()),
    closed_wasi_config=closed(lambda W, w: W.WasiConfig(), lambda W, c: c.inherit_env()),
    closed_functype=closed(lambda W, w: W.FuncType([], []), lambda W, t: t.params),
    closed_valtype=closed(lambda W, w: W.ValType.i32(), lambda W, t: str(t)),
    closed_memorytype=closed(lambda W, w: W.MemoryType(W.Limits(1, 2)), lambda W, t: t.limits),
    closed_trap=closed(lambda W, w: W.Trap("text"), lambda W, t: t.message),
    consumed_config=each_of(
        lambda W, w: setattr(w, "c", W.Config()),
        lambda W, w: type(W.Engine(w.c)).__name__,
        lambda W, w: type(W.Engine(w.c)).__name__,
        lambda W, w: setattr(w.c, "debug_info", True),
    ),
    consumed_wasi_config=each_of(
        lambda W, w: setattr(w, "c", W.WasiConfig()),
        lambda W, w: w.store.set_wasi(w.c),
        lambda W, w: w.store.set_wasi(w.c),
    ),
)


def w_engine(W: Any) -> Any:
    return W.Engine()


test_objects = check.test()
