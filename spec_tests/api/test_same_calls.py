"""Calls in both directions, as with wasmtime-py: values, numbers of them, host functions, callers."""

from __future__ import annotations

from typing import Any

from spec_tests.api.same import Checks, World

check = Checks()


# --- values into the guest and out of it


def echo(type: str, *values: Any) -> Any:
    def body(W: Any) -> Any:
        world = World(W)
        func = world.exports(f'(module (func (export "f") (param {type}) (result {type}) local.get 0))')["f"]
        return [world.try_(lambda value=value: func(world.store, value)) for value in values]

    return body


check.each(
    i32_small=echo("i32", 0, 1, -1, 2**31 - 1, -(2**31)),
    i32_wraps=echo("i32", 2**31, 2**32 - 1, 2**32, 2**40 + 5, -(2**33) - 1),
    i32_bool=echo("i32", True, False),
    i32_refuses_float=echo("i32", 1.0),
    i32_refuses_str=echo("i32", "1"),
    i32_refuses_none=echo("i32", None),
    i32_refuses_bytes=echo("i32", b"1"),
    i64_small=echo("i64", 0, 1, -1, 2**63 - 1, -(2**63)),
    i64_wraps=echo("i64", 2**63, 2**64 - 1, 2**64 + 3),
    i64_refuses_float=echo("i64", 2.5),
    i64_refuses_none=echo("i64", None),
    f32_values=echo("f32", 0.0, -0.0, 1.5, -1e-45, 3.4028234663852886e38),
    f32_rounds=echo("f32", 0.1, 1 / 3, 16777217.0, 1e-46),
    f32_special=echo("f32", float("inf"), float("-inf"), float("nan"), 1e39, -1e300),
    f32_refuses_int=echo("f32", 1),
    f32_refuses_bool=echo("f32", True),
    f32_refuses_str=echo("f32", "nan"),
    f64_values=echo("f64", 0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308),
    f64_special=echo("f64", float("inf"), float("-inf"), float("nan")),
    f64_refuses_int=echo("f64", 1),
    f64_refuses_none=echo("f64", None),
    externref_values=echo("externref", None, 5, "text", 2.5, b"bytes", [1], {"a": 1}),
    externref_false_values=echo("externref", 0, "", 0.0, b"", [], False),
    funcref_null=echo("funcref", None),
    funcref_refuses_int=echo("funcref", 3),
    funcref_refuses_str=echo("funcref", "f"),
    funcref_refuses_callable=echo("funcref", len),
)


@check
def funcref_of_a_guest(W: Any) -> Any:
    world = World(W)
    exports = world.exports(
        """(module (func (export "f") (param funcref) (result funcref) local.get 0)
                   (func (export "g") (param i32) (result i64) i64.const 7))"""
    )
    back = exports["f"](world.store, exports["g"])
    return back, back.type(world.store), back(world.store, 1)


@check
def funcref_of_the_host(W: Any) -> Any:
    world = World(W)
    func = world.func(lambda a: a + 1, "i32", "i32")
    back = world.exports('(module (func (export "f") (param funcref) (result funcref) local.get 0))')["f"](
        world.store, func
    )
    return back(world.store, 4)


@check
def externref_identity(W: Any) -> Any:
    world = World(W)
    thing = object()
    func = world.exports('(module (func (export "f") (param externref) (result externref) local.get 0))')["f"]
    return func(world.store, thing) is thing


@check
def val_for_a_parameter(W: Any) -> Any:
    world = World(W)
    func = world.exports('(module (func (export "f") (param i32 f64) (result f64 i32) local.get 1 local.get 0))')["f"]
    return func(world.store, W.Val.i32(-1), W.Val.f64(2.5)), world.try_(lambda: func(world.store, W.Val.i64(1), 1.0))


@check
def val_of_another_float(W: Any) -> Any:
    world = World(W)
    func = world.exports('(module (func (export "f") (param f32)))')["f"]
    return func(world.store, W.Val.f32(1.0)), world.try_(lambda: func(world.store, W.Val.f64(1.0)))


@check
def val_externref_for_externref(W: Any) -> Any:
    world = World(W)
    func = world.exports('(module (func (export "f") (param externref) (result externref) local.get 0))')["f"]
    return func(world.store, W.Val.externref("x")), world.try_(lambda: func(world.store, W.Val.i32(3)))


# --- numbers of parameters and results


def results(count: int) -> Any:
    def body(W: Any) -> Any:
        values = " ".join(f"i32.const {i}" for i in range(count))
        return World(W).call(f'(module (func (export "f") (result {"i32 " * count}) {values}))')

    return body


check.each(no_result=results(0), one_result=results(1), two_results=results(2), many_results=results(20))


def arity(expected: int, given: int) -> Any:
    def body(W: Any) -> Any:
        return World(W).call(f'(module (func (export "f") (param {"i32 " * expected})))', *range(given))

    return body


check.each(
    too_few_of_one=arity(1, 0),
    too_few_of_three=arity(3, 2),
    too_many_of_none=arity(0, 1),
    too_many_of_two=arity(2, 5),
    enough=arity(4, 4),
)


@check
def mixed_results(W: Any) -> Any:
    return World(W).call(
        """(module (func (export "f") (param i32 i64 f32 f64 externref) (result externref f64 f32 i64 i32)
             local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))""",
        1,
        -2,
        0.5,
        0.25,
        "x",
    )


@check
def type_of_a_function(W: Any) -> Any:
    world = World(W)
    func = world.exports('(module (func (export "f") (param i32 f32 externref) (result i64 funcref) unreachable))')["f"]
    return func.type(world.store)


@check
def result_is_first_wrong_argument(W: Any) -> Any:
    return World(W).call('(module (func (export "f") (param i32 i32)))', "a", "b")


# --- host functions


def host(params: str, results: str, call: Any, *args: Any) -> Any:
    """Call the host's function through a guest's, and by itself."""

    def body(W: Any) -> Any:
        world = World(W)
        seen: list[Any] = []

        def noting(*given: Any) -> Any:
            seen.append(list(given))
            return call(*given)

        func = world.func(noting, params, results)
        names = {"externref": "externref", "funcref": "funcref"}
        declared = f"(param {' '.join(names.get(p, p) for p in params.split())}) (result {results})"
        gets = " ".join(f"local.get {i}" for i in range(len(params.split())))
        guest = world.exports(
            f'(module (import "" "" (func $h {declared})) (func (export "f") {declared} {gets} call $h))', func
        )["f"]
        outcomes = [world.try_(lambda: guest(world.store, *args)), world.try_(lambda: func(world.store, *args))]
        return outcomes, seen

    return body


check.each(
    host_nothing=host("", "", lambda: None),
    host_signed_arguments=host("i32 i64", "", lambda a, b: None, 2**32 - 1, 2**64 - 1),
    host_float_arguments=host("f32 f64", "", lambda a, b: None, 0.1, 0.1),
    host_externref=host("externref", "externref", lambda x: [x], "thing"),
    host_result=host("i32", "i32", lambda a: a * 2, 21),
    host_result_wraps=host("", "i32", lambda: 2**32 + 1),
    host_result_float=host("", "f32", lambda: 0.1),
    host_results_tuple=host("", "i32 i64", lambda: (1, 2)),
    host_results_list=host("", "i32 f64", lambda: [1, 2.0]),
    host_too_few_results=host("", "i32 i32", lambda: (1,)),
    host_too_many_results=host("", "i32 i32", lambda: (1, 2, 3)),
    host_results_none=host("", "i32 i32", lambda: None),
    host_result_missing=host("", "i32", lambda: None),
    host_result_wrong_type=host("", "i32", lambda: "x"),
    host_result_int_for_float=host("", "f64", lambda: 1),
    host_result_float_for_int=host("", "i64", lambda: 1.0),
    host_unexpected_result=host("", "", lambda: 1),
    host_unexpected_false_result=host("", "", lambda: 0),
    host_second_result_wrong=host("", "i32 i32", lambda: (1, "x")),
    host_too_many_parameters=host("i32", "", lambda: None, 1),
    host_raises=host("", "", lambda: 1 // 0),
    host_raises_key_error=host("", "", lambda: {}["key"]),
    host_null_result=host("", "externref", lambda: None),
    host_null_funcref=host("", "funcref", lambda: None),
)


@check
def host_exception_is_the_same_object(W: Any) -> Any:
    world = World(W)
    error = ValueError("mine")

    def fail() -> None:
        raise error

    guest = world.exports('(module (import "" "" (func $h)) (func (export "f") call $h))', world.func(fail))["f"]
    try:
        guest(world.store)
    except ValueError as caught:
        return caught is error, guest.type(world.store)
    return "nothing was raised"


@check
def keyboard_interrupt_passes(W: Any) -> Any:
    world = World(W)

    def fail() -> None:
        raise KeyboardInterrupt

    guest = world.exports('(module (import "" "" (func $h)) (func (export "f") call $h))', world.func(fail))["f"]
    try:
        guest(world.store)
    except KeyboardInterrupt:
        return world.call('(module (func (export "f") (result i32) i32.const 3))')
    return "nothing was raised"


@check
def system_exit_passes(W: Any) -> Any:
    world = World(W)

    def fail() -> None:
        raise SystemExit(3)

    try:
        world.func(fail)(world.store)
    except SystemExit as caught:
        return caught.code
    return "nothing was raised"


@check
def trap_of_the_host(W: Any) -> Any:
    world = World(W)

    def fail() -> None:
        raise W.Trap("my own")

    guest = world.exports('(module (import "" "" (func $h)) (func (export "f") call $h))', world.func(fail))["f"]
    return guest(world.store)


@check
def error_of_the_host(W: Any) -> Any:
    world = World(W)

    def fail() -> None:
        raise W.WasmtimeError("my own")

    guest = world.exports('(module (import "" "" (func $h)) (func (export "f") call $h))', world.func(fail))["f"]
    return guest(world.store)


@check
def host_calls_guest_back(W: Any) -> Any:
    world = World(W)
    depth: list[int] = []

    def back(n: int) -> int:
        depth.append(n)
        return int(exports["f"](world.store, n - 1)) if n else 100

    exports = world.exports(
        """(module (import "" "" (func $h (param i32) (result i32)))
             (func (export "f") (param i32) (result i32) (i32.add (i32.const 1) (call $h (local.get 0)))))""",
        world.func(back, "i32", "i32"),
    )
    return exports["f"](world.store, 10), depth


@check
def guest_trap_crosses_host(W: Any) -> Any:
    world = World(W)
    exports: Any = None

    def back() -> None:
        exports["bad"](world.store)

    exports = world.exports(
        '(module (import "" "" (func $h)) (func (export "bad") unreachable) (func (export "f") call $h))',
        world.func(back),
    )
    return exports["f"](world.store)


@check
def host_swallows_guest_trap(W: Any) -> Any:
    world = World(W)
    exports: Any = None

    def back() -> int:
        try:
            exports["bad"](world.store)
        except W.Trap:
            return 1
        return 0

    exports = world.exports(
        """(module (import "" "" (func $h (result i32))) (func (export "bad") unreachable)
             (func (export "f") (result i32) (i32.add (call $h) (i32.const 10))))""",
        world.func(back, "", "i32"),
    )
    return exports["f"](world.store)


@check
def func_wants_a_store(W: Any) -> Any:
    return World(W).try_(lambda: W.Func(3, W.FuncType([], []), lambda: None))


@check
def func_wants_a_type(W: Any) -> Any:
    return World(W).try_(lambda: W.Func(W.Store(), 3, lambda: None))


@check
def func_need_not_be_callable_at_first(W: Any) -> Any:
    world = World(W)
    return world.try_(lambda: world.func(3)(world.store))


# --- callers


def caller(act: Any, text: str = "", params: str = "") -> Any:
    def body(W: Any) -> Any:
        world = World(W)
        outcomes: list[Any] = []

        def look(caller: Any, *args: Any) -> None:
            outcomes.append(world.try_(lambda: act(W, caller, *args)))

        func = world.func(look, params, "", access_caller=True)
        exports = world.exports(
            f'(module (import "" "" (func $h)) (memory (export "memory") 2) {text} (func (export "f") call $h))', func
        )
        exports["f"](world.store)
        return outcomes

    return body


check.each(
    caller_memory_size=caller(lambda W, c: c["memory"].size(c)),
    caller_memory_read=caller(lambda W, c: c["memory"].read(c, 4, 8), '(data (i32.const 4) "wasm")'),
    caller_memory_write=caller(lambda W, c: (c["memory"].write(c, b"abc", 1), c["memory"].read(c, 0, 5))),
    caller_get=caller(lambda W, c: [c.get("memory"), c.get("f"), c.get("nothing")]),
    caller_missing=caller(lambda W, c: c["nothing"]),
    caller_name_of_wrong_type=caller(lambda W, c: c.get(3)),
    caller_global=caller(lambda W, c: c["g"].value(c), '(global (export "g") i32 (i32.const 9))'),
    caller_table=caller(lambda W, c: c["t"].size(c), '(table (export "t") 3 funcref)'),
    caller_calls_back=caller(lambda W, c: c["g"](c, 20), '(func (export "g") (param i32) (result i32) local.get 0)'),
    caller_makes_global=caller(lambda W, c: W.Global(c, W.GlobalType(W.ValType.i32(), True), 8).value(c)),
    caller_makes_memory=caller(lambda W, c: W.Memory(c, W.MemoryType(W.Limits(1, 2))).size(c)),
)


@check
def caller_is_dead_afterwards(W: Any) -> Any:
    world = World(W)
    kept: list[Any] = []
    func = world.func(kept.append, access_caller=True)
    exports = world.exports(
        '(module (import "" "" (func $h)) (memory (export "memory") 1) (func (export "f") call $h))', func
    )
    exports["f"](world.store)
    dead = kept[0]
    return (
        dead.get("memory"),
        world.try_(lambda: dead["memory"]),
        world.try_(lambda: exports["memory"].size(dead)),
        world.try_(lambda: exports["f"](dead)),
    )


@check
def caller_has_arguments_behind_it(W: Any) -> Any:
    world = World(W)
    seen: list[Any] = []
    func = world.func(lambda c, a, b: seen.append((type(c).__name__, a, b)), "i32 f64", "", access_caller=True)
    func(world.store, 4, 0.5)
    return seen


@check
def caller_of_a_start_function(W: Any) -> Any:
    world = World(W)
    seen: list[Any] = []
    func = world.func(lambda c: seen.append([c["m"].read(c, 0, 3), c.get("x")]), access_caller=True)
    world.exports(
        '(module (import "" "" (func $h)) (memory (export "m") 1) (data (i32.const 0) "foo") (start $h))', func
    )
    return seen


@check
def caller_of_a_direct_call_has_no_exports(W: Any) -> Any:
    world = World(W)
    return world.try_(lambda: world.func(lambda c: c["memory"], access_caller=True)(world.store))


# --- stores


@check
def exports_are_a_mapping(W: Any) -> Any:
    world = World(W)
    exports = world.exports(
        """(module (func (export "z") (result i32) i32.const 1) (memory (export "a") 1)
             (global (export "m") i32 (i32.const 2)) (table (export "t") 1 funcref))"""
    )
    return [
        list(exports),
        len(exports),
        list(exports.by_index),
        list(exports.values()),
        "a" in exports,
        "b" in exports,
        exports.get("b"),
        world.try_(lambda: exports["b"]),
        type(exports.by_index).__name__,
    ]


@check
def exports_by_number(W: Any) -> Any:
    return World(W).exports('(module (func (export "f")))')[0]


test_calls = check.test()
