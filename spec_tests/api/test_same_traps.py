"""Traps, letter by letter, with codes, frames and offsets; fuel; epochs: as with wasmtime-py."""

from __future__ import annotations

from typing import Any

from spec_tests.api.same import Checks, World, trap_code

check = Checks()


def trap(text: str, *args: Any, **settings: Any) -> Any:
    """Call the export `f`."""
    return lambda W: World(W, **settings).call(text, *args)


def body(instructions: str, more: str = "", params: str = "", *args: Any) -> Any:
    return trap(f'(module {more} (func (export "f") {params} {instructions}))', *args)


MEMORY = "(memory 1)"
TABLE = "(type $t (func)) (type $u (func (param i32))) (table 4 funcref) (func $beta) (elem (i32.const 1) $beta)"

check.each(
    unreachable=body("unreachable"),
    unreachable_after_others=body("i32.const 1 drop nop unreachable"),
    divide_by_zero_i32=body("(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
    divide_by_zero_i64=body("(drop (i64.div_u (i64.const 1) (i64.const 0)))"),
    remainder_by_zero=body("(drop (i32.rem_s (i32.const 1) (i32.const 0)))"),
    division_overflow_i32=body("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"),
    division_overflow_i64=body("(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))"),
    truncate_nan=body("(drop (i32.trunc_f32_s (f32.const nan)))"),
    truncate_nan_f64=body("(drop (i64.trunc_f64_u (f64.const nan)))"),
    truncate_large=body("(drop (i32.trunc_f64_s (f64.const 1e10)))"),
    truncate_negative=body("(drop (i32.trunc_f64_u (f64.const -1)))"),
    load_at_the_end=body("(drop (i32.load (i32.const 65536)))", MEMORY),
    load_across_the_end=body("(drop (i32.load (i32.const 65533)))", MEMORY),
    load_byte=body("(drop (i32.load8_u (i32.const 65536)))", MEMORY),
    load_far=body("(drop (i32.load (i32.const -1)))", MEMORY),
    load_with_offset=body("(drop (i64.load offset=65530 (i32.const 0)))", MEMORY),
    load_with_large_offset=body("(drop (i64.load offset=0xffffffff (i32.const 0)))", MEMORY),
    load_with_offset_and_address=body("(drop (i64.load offset=100000 (i32.const 100000)))", MEMORY),
    load_vector=body("(drop (v128.load (i32.const 65521)))", MEMORY),
    load_from_empty_memory=body("(drop (i32.load (i32.const 0)))", "(memory 0)"),
    store_at_the_end=body("(i32.store (i32.const 65536) (i32.const 1))", MEMORY),
    store_across_the_end=body("(i64.store (i32.const 65529) (i64.const 1))", MEMORY),
    store_byte_far=body("(i32.store8 offset=5 (i32.const 0xfffffff0) (i32.const 1))", MEMORY),
    load_after_growing=body("(drop (memory.grow (i32.const 1))) (drop (i32.load (i32.const 131071)))", MEMORY),
    fill_out_of_bounds=body("(memory.fill (i32.const 65535) (i32.const 1) (i32.const 2))", MEMORY),
    copy_out_of_bounds=body("(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))", MEMORY),
    init_out_of_bounds=body("(memory.init $d (i32.const 0) (i32.const 3) (i32.const 2))", f'{MEMORY} (data $d "wasm")'),
    init_after_drop=body(
        "(data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))", f'{MEMORY} (data $d "wasm")'
    ),
    indirect_out_of_bounds=body("(call_indirect (type $t) (i32.const 4))", TABLE),
    indirect_far=body("(call_indirect (type $t) (i32.const -1))", TABLE),
    indirect_null=body("(call_indirect (type $t) (i32.const 0))", TABLE),
    indirect_wrong_type=body("(call_indirect (type $u) (i32.const 7) (i32.const 1))", TABLE),
    indirect_right=body("(call_indirect (type $t) (i32.const 1))", TABLE),
    table_get=body("(drop (table.get (i32.const 9)))", TABLE),
    table_set=body("(table.set (i32.const 4) (ref.null func))", TABLE),
    table_fill=body("(table.fill (i32.const 3) (ref.null func) (i32.const 2))", TABLE),
    table_copy=body("(table.copy (i32.const 3) (i32.const 0) (i32.const 2))", TABLE),
)


def recursion(text: str) -> Any:
    def run(W: Any) -> Any:
        world = World(W)
        func = world.exports(text)["f"]
        return trap_code(W, lambda: func(world.store))

    return run


check.each(
    recursion=recursion('(module (func $alpha (export "f") call $alpha))'),
    mutual_recursion=recursion('(module (func $alpha (export "f") call $beta) (func $beta call $alpha))'),
    recursion_with_results=recursion('(module (func $alpha (export "f") (result i64 i64) call $alpha))'),
)

NAMED = """(module $mine (func $inner (param i32) (drop (i32.div_u (i32.const 1) (local.get 0))))
  (func $outer (param i32) nop (call $inner (local.get 0))) (func (export "f") (call $outer (i32.const 0))))"""

check.each(
    backtrace_with_names=trap(NAMED),
    backtrace_with_some_names=trap(
        '(module (func unreachable) (func $epsilon call 0) (func (export "f") call $epsilon))'
    ),
    backtrace_in_loop=trap('(module (func (export "f") (loop (block nop unreachable))))'),
    backtrace_in_else=trap(
        '(module (func $beta unreachable) (func (export "f") (if (i32.const 0) (then) (else call $beta))))'
    ),
    backtrace_of_indirect_call=trap(
        "(module (table 1 funcref) (elem (i32.const 0) $beta) (func $beta unreachable)"
        ' (func (export "f") (call_indirect (i32.const 0))))'
    ),
    backtrace_with_tail_call=trap(
        '(module (func $beta unreachable) (func $gamma return_call $beta) (func (export "f") call $gamma))',
        wasm_tail_call=True,
    ),
    backtrace_of_results=trap('(module (func $beta (result i32) unreachable) (func (export "f") (drop (call $beta))))'),
    backtrace_of_many_locals=trap('(module (func (export "f") (local i32 i64 f32 f64) unreachable))'),
    backtrace_of_strange_names=trap('(module $a::b (func $"two words" unreachable) (func (export "f") call 0))'),
)


@check
def backtrace_of_twenty_frames_at_most(W: Any) -> Any:
    return World(W).call(
        """(module (func $alpha (export "f") (param i32)
             (if (i32.eqz (local.get 0))
               (then (drop (i32.div_u (i32.const 1) (local.get 0)))))
             (call $alpha (i32.sub (local.get 0) (i32.const 1)))))""",
        30,
    )


@check
def backtrace_across_the_host(W: Any) -> Any:
    world = World(W)
    inner = world.exports('(module $inner (func $beta (export "g") unreachable))')
    func = world.func(lambda: inner["g"](world.store))
    outer = world.exports(
        '(module $outer (import "" "" (func $gamma)) (func $delta call $gamma) (func (export "f") call $delta))', func
    )
    return outer["f"](world.store)


@check
def backtrace_across_instances(W: Any) -> Any:
    world = World(W)
    inner = world.exports('(module $inner (func $beta (export "g") i32.const 0 i32.const 0 i32.div_u drop))')
    outer = world.exports('(module $outer (import "" "" (func $gamma)) (func (export "f") call $gamma))', inner["g"])
    return outer["f"](world.store)


@check
def start_function_traps(W: Any) -> Any:
    return World(W).exports("(module (func $starter unreachable) (start $starter))")


@check
def start_function_calls_the_host(W: Any) -> Any:
    world = World(W)
    calls: list[int] = []
    world.exports(
        '(module (import "" "" (func $gamma (param i32))) (func $starter i32.const 5 call $gamma) (start $starter))',
        world.func(calls.append, "i32"),
    )
    return calls


@check
def host_raises_in_start_function(W: Any) -> Any:
    world = World(W)
    return world.exports('(module (import "" "" (func $gamma)) (start $gamma))', world.func(lambda: 1 // 0))


check.each(
    data_segment_out_of_bounds=lambda W: World(W).exports('(module (memory 1) (data (i32.const 65535) "ab"))'),
    data_segment_far=lambda W: World(W).exports('(module (memory 1) (data (i32.const -1) "a"))'),
    element_segment_out_of_bounds=lambda W: World(W).exports(
        "(module (table 1 funcref) (func $alpha) (elem (i32.const 1) $alpha))"
    ),
)


@check
def trap_made_by_hand(W: Any) -> Any:
    made = W.Trap("text")
    return made.message, str(made), made.trap_code, len(made.frames)


@check
def trap_of_no_text(W: Any) -> Any:
    return World(W).try_(lambda: W.Trap(3))


@check
def trap_with_empty_text(W: Any) -> Any:
    return W.Trap("").message


@check
def frames_have_attributes(W: Any) -> Any:
    world = World(W)
    try:
        world.call(NAMED)
    except W.Trap as error:
        return [[f.func_index, f.func_name, f.module_name, f.module_offset, f.func_offset] for f in error.frames]
    return "no trap"


@check
def trap_is_no_wasmtime_error(W: Any) -> Any:
    return issubclass(W.Trap, W.WasmtimeError), issubclass(W.ExitTrap, W.WasmtimeError), issubclass(W.Trap, Exception)


@check
def trap_codes(W: Any) -> Any:
    return [[c.name, c.value] for c in W.TrapCode if c.value <= 16]


@check
def trap_code_of_a_number(W: Any) -> Any:
    return W.TrapCode(9).name


@check
def uncaught_exception(W: Any) -> Any:
    return World(W, wasm_exceptions=True).call(
        '(module $mine (tag $t (param i32)) (func $beta i32.const 5 throw $t) (func (export "f") call $beta))'
    )


@check
def usable_after_a_trap(W: Any) -> Any:
    world = World(W)
    exports = world.exports(
        """(module (global $global (mut i32) (i32.const 0))
             (func (export "bad") (global.set $global (i32.const 5)) unreachable)
             (func (export "good") (result i32) global.get $global))"""
    )
    return [world.try_(lambda name=name: exports[name](world.store)) for name in ("good", "bad", "good", "bad", "good")]


# --- fuel


def fuel(text: str, amount: int, *args: Any) -> Any:
    """Call `f` and tell what is left."""

    def run(W: Any) -> Any:
        world = World(W, consume_fuel=True)
        world.store.set_fuel(amount)
        exports = world.exports(text)
        outcome = trap_code(W, lambda: exports["f"](world.store, *args))
        # Wasmtime forgets, when an instruction traps, what it had not written down yet.
        return outcome, None if "DIVISION" in str(outcome) else world.store.get_fuel()

    return run


COUNT = """(module (func (export "f") (param i32) (result i32) (local i32)
  (loop $l (local.set 1 (i32.add (local.get 1) (local.get 0)))
    (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))"""
FIB = """(module (func $alpha (export "f") (param i32) (result i32)
  (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add
    (call $alpha (i32.sub (local.get 0) (i32.const 1))) (call $alpha (i32.sub (local.get 0) (i32.const 2))))))))"""

check.each(
    fuel_of_nothing=fuel('(module (func (export "f")))', 100),
    fuel_of_nops=fuel('(module (func (export "f") nop nop i32.const 1 drop (block) (loop)))', 100),
    fuel_of_a_loop=fuel(COUNT, 10_000, 100),
    fuel_exactly_enough=fuel(COUNT, 902, 100),
    fuel_runs_out=fuel(COUNT, 500, 100),
    fuel_runs_out_at_once=fuel(COUNT, 0, 1),
    fuel_of_calls=fuel(FIB, 100_000, 10),
    fuel_of_calls_runs_out=fuel(FIB, 1000, 20),
    fuel_of_a_trap=fuel('(module (func (export "f") i32.const 1 drop i32.const 2 i32.const 0 i32.div_s drop))', 100),
    fuel_of_unreachable=fuel('(module (func (export "f") i32.const 1 drop unreachable i32.const 5 drop))', 100),
    fuel_of_br_table=fuel(
        '(module (func (export "f") (param i32) (block (block (br_table 0 1 (local.get 0))) nop i32.const 1 drop)))',
        100,
        0,
    ),
    fuel_of_if_without_else=fuel('(module (func (export "f") (if (i32.const 0) (then unreachable))))', 100),
    fuel_of_return=fuel('(module (func (export "f") i32.const 1 drop return i32.const 1 drop))', 100),
    fuel_of_select=fuel('(module (func (export "f") (drop (select (i32.const 1) (i32.const 2) (i32.const 3)))))', 100),
    fuel_of_memory=fuel(
        '(module (memory 1) (func (export "f") (i32.store (i32.const 0) (i32.const 1)) (drop (memory.size))))', 100
    ),
    fuel_of_endless_loop=fuel('(module (func (export "f") (loop (br 0))))', 1000),
    fuel_of_endless_recursion=fuel('(module (func $alpha (export "f") call $alpha))', 50),
    fuel_of_bulk=fuel(
        '(module (memory 1) (func (export "f") (memory.fill (i32.const 0) (i32.const 1) (i32.const 100))'
        " (memory.copy (i32.const 0) (i32.const 50) (i32.const 7)) (drop (memory.grow (i32.const 3)))))",
        1000,
    ),
    fuel_of_bulk_runs_out=fuel(
        '(module (memory 1) (func (export "f") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0))'
        " i32.const 1 drop))",
        50,
        100,
    ),
    fuel_of_table_fill=fuel(
        '(module (table 9 funcref) (func (export "f") (table.fill (i32.const 0) (ref.null func) (i32.const 9))))', 99
    ),
    fuel_of_large_amount=fuel('(module (func (export "f") i32.const 1 drop))', 2**64 - 1),
)


@check
def fuel_at_first(W: Any) -> Any:
    world = World(W, consume_fuel=True)
    exports = world.exports('(module (func (export "f") i32.const 1 drop))')
    return world.store.get_fuel(), world.try_(lambda: exports["f"](world.store))


@check
def fuel_not_configured(W: Any) -> Any:
    world = World(W)
    return world.try_(lambda: world.store.set_fuel(5)), world.try_(world.store.get_fuel)


@check
def fuel_set_by_the_host(W: Any) -> Any:
    world = World(W, consume_fuel=True)
    world.store.set_fuel(10)
    seen: list[int] = []

    def refill() -> None:
        seen.append(world.store.get_fuel())
        world.store.set_fuel(1000)

    exports = world.exports(
        '(module (import "" "" (func $gamma)) (func (export "f") i32.const 1 drop call $gamma i32.const 1 drop))',
        world.func(refill),
    )
    exports["f"](world.store)
    return seen, world.store.get_fuel()


@check
def usable_after_fuel_ran_out(W: Any) -> Any:
    world = World(W, consume_fuel=True)
    exports = world.exports('(module (func (export "f") (result i32) i32.const 7))')
    first = world.try_(lambda: exports["f"](world.store))
    world.store.set_fuel(10)
    return first, exports["f"](world.store), world.store.get_fuel()


# --- epochs

SPIN = '(module (func (export "f") (loop (br 0))) (func (export "g") (result i32) i32.const 4))'


@check
def epoch_reached_at_first(W: Any) -> Any:
    world = World(W, epoch_interruption=True)
    exports = world.exports(SPIN)
    return exports["f"](world.store)


@check
def epoch_reached_at_first_by_a_short_call(W: Any) -> Any:
    world = World(W, epoch_interruption=True)
    exports = world.exports(SPIN)
    return exports["g"](world.store)


@check
def epoch_not_reached(W: Any) -> Any:
    world = World(W, epoch_interruption=True)
    world.store.set_epoch_deadline(1)
    return world.exports(SPIN)["g"](world.store)


@check
def epoch_reached(W: Any) -> Any:
    world = World(W, epoch_interruption=True)
    world.store.set_epoch_deadline(2)
    exports = world.exports(SPIN)
    found = [exports["g"](world.store)]
    world.engine.increment_epoch()
    found.append(exports["g"](world.store))
    world.engine.increment_epoch()
    found.append(world.try_(lambda: exports["f"](world.store)))
    world.store.set_epoch_deadline(1)
    found.append(exports["g"](world.store))
    return found


@check
def epoch_without_interruption(W: Any) -> Any:
    world = World(W)
    world.engine.increment_epoch()
    return world.exports(SPIN)["g"](world.store)


test_traps = check.test()
