"""Generated modules in all tiers, and each case in which a tier was wrong, made small."""

from __future__ import annotations

import struct
from dataclasses import replace
from random import Random

import pytest

from jit.counters import places
from jit.ir.entry import CALL
from jit.ir.ops import BY_NAME, Type
from jit.options import Options
from jit.x64.code import Code
from jit.x64.emit import _ROWS, Emitter
from jit.x64.unit import _Entry
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from spec_tests.jit.support import program
from tools.fuzzing.generate import generate
from tools.fuzzing.jitcases import judge_tiers, make_jit_case
from tools.fuzzing.peers import missing
from tools.fuzzing.tiers import BACKENDS, Call, Disagreement, Setting, compare_tiers, plan, settings

# Compiles whatever is passed, and whatever a region is left for.
EAGER = Options(hot_loop=1, hot_call=1, hot_exit=1, exits_per_value=0, stretch=0)


def compared(text: str, calls: list[Call], *, options: Options = EAGER, interrupted: int = 0) -> None:
    """The same in all tiers, and compiled at all."""
    module = parse_module(text, ALL)
    chosen = [
        Setting(backend, metered, options, interrupted)
        for backend in BACKENDS
        for metered in (False, True)
        if metered or backend != "checked"
    ]
    counts = compare_tiers(module, calls, chosen)
    for backend in BACKENDS:
        assert counts[f"{backend} regions"], counts


@pytest.mark.parametrize("part", range(4))
def test_generated_modules(part: int) -> None:
    regions = 0
    for index in range(12 * part, 12 * part + 12):
        counts, finding = judge_tiers(make_jit_case(2026, index, smith=False))
        assert finding is None, f"tools/fuzz jit, case {index} of seed 2026: {finding}"
        regions += sum(count for what, count in counts.items() if what.endswith("regions"))
    assert regions > 60


def test_modules_of_smith() -> None:
    absent = missing()
    if absent:
        pytest.skip(f"no modules of wasm-tools smith, as there is none: {absent}")
    ran = 0
    for index in range(7, 80, 8):
        case = make_jit_case(2026, index)
        assert case.origin.startswith("smith")
        counts, finding = judge_tiers(case)
        assert finding is None, f"tools/fuzz jit, case {index} of seed 2026: {finding}"
        ran += sum(count for what, count in counts.items() if what.endswith("runs"))
    assert ran


def test_equal_seeds_make_equal_cases() -> None:
    assert make_jit_case(5, 3, smith=False) == make_jit_case(5, 3, smith=False)
    assert make_jit_case(5, 3, smith=False) != make_jit_case(5, 4, smith=False)


def test_generated_modules_have_what_they_are_for() -> None:
    seen: set[str] = set()
    for seed in range(60):
        module: Module = parse_module(generate(Random(seed)).text, ALL)
        seen |= {instr.op.mnemonic for func in module.funcs for instr in func.body}
    wanted = "loop br br_if br_table call call_indirect call_ref return_call memory.grow memory.fill memory.copy select"
    wanted += " table.grow table.set i64.atomic.rmw.add i32.div_s f64.sqrt v128.load8_lane"
    assert set(wanted.split()) <= seen
    assert len(seen) > 300


def test_a_difference_is_reported_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: a tier that miscomputes is found."""
    module = parse_module(
        '(module (func (export "f0") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))', ALL
    )
    calls: list[Call] = [("f0", [n]) for n in range(6)]
    setting = Setting("x64", True, EAGER)
    compare_tiers(module, calls, [setting])
    number = BY_NAME["i32.add"].id
    right = _ROWS[number]

    def wrong(e: Emitter, v: int) -> int:
        register = right(e, v)
        e.asm.ri("add64", register, 1)
        return register

    monkeypatch.setitem(_ROWS, number, wrong)
    with pytest.raises(Disagreement) as caught:
        compare_tiers(module, calls, [setting])
    assert caught.value.setting is setting
    assert caught.value.what == "x64: results"


def test_settings_reach_every_backend() -> None:
    found = settings(Random(1), 40)
    assert {setting.backend for setting in found} == set(BACKENDS)
    assert all(setting.metered for setting in found if setting.backend == "checked")


def test_plans_call_every_exported_function() -> None:
    module = parse_module(generate(Random(3)).text, ALL)
    assert {name for name, _ in plan(module, Random(3))} == {e.name for e in module.exports if e.name.startswith("f")}


# --- found


@pytest.mark.parametrize("interrupted", [1, 2])
def test_a_refused_call_entry_gives_room_and_fuel_back(interrupted: int) -> None:
    """A signal came just before a region was entered: the activation was paid for once, by the interpreter."""
    text = """(module
        (func $deep (export "deep") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
        (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3))))"""
    calls: list[Call] = [(name, [n]) for n in (5, 9, 40, 100_000) for name in ("deep", "f") for _ in range(3)]
    compared(text, calls, interrupted=interrupted)


def test_regions_that_begin_with_nested_loops_go_on_when_asked_to_leave() -> None:
    """The headers share a step: going on behind the outer one must not enter the region again."""
    text = """(module (func (export "f") (param i32) (result i32) (local i32)
        (loop $a (loop $b (block) (loop) (loop (block (loop))) (i32.const 1) (loop (param i32) drop)
          (local.set 1 (i32.add (local.get 1) (i32.const 1)))
          (br_if $b (i32.rem_u (local.get 1) (i32.const 3)))
          (br_if $a (i32.lt_u (local.get 1) (local.get 0)))))
        (local.get 1)))"""
    compared(text, [("f", [n]) for n in (0, 5, 40)], interrupted=1)


@pytest.mark.parametrize("address", [8, 9, 65535, 65536])
def test_atomics_at_constant_addresses_with_few_registers(address: int) -> None:
    text = f"""(module (memory 1)
        (func (export "f") (param i64) (result i64)
          (i64.atomic.rmw.xor (i32.const {address}) (local.get 0))
          (i64.atomic.rmw.cmpxchg (i32.const {address}) (i64.const 7) (local.get 0))
          (i64.atomic.load (i32.const {address})) i64.add i64.add))"""
    for explicit in (False, True):
        options = Options(hot_call=1, stretch=0, explicit=explicit, registers=(5, 4))
        compared(text, [("f", [n]) for n in (1, 7, 1 << 63)], options=options)


def test_places_of_callers_that_wait_in_the_host() -> None:
    """A function calls the host, which comes back and traps: the outer activation waits where it called, whether it is
    being recorded, interpreted or was compiled."""
    text = """(module (import "env" "again" (func $again (param i32) (result i64)))
        (func (export "f0") (param i32) (result i32) (local $i i32)
          (local.set $i (i32.const 3))
          (loop $l
            (if (i32.eq (local.get $i) (i32.const 2))
              (then (drop (call $again (i32.add (i32.mul (local.get 0) (i32.const 2)) (i32.const 1))))))
            (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
          (i32.div_u (i32.const 7) (local.get 0))))"""
    calls: list[Call] = [("f0", [n]) for n in (0, 1, 2, 3, 4, 5) for _ in range(4)]
    compared(text, calls)


def test_an_invocation_by_the_host_has_places_of_its_own() -> None:
    """A host function is called in the middle of an instruction and calls a function that traps at once."""
    text = """(module (import "env" "again" (func $again (param i32) (result i64)))
        (func (export "a") (param i32) (result i64) (local i32)
          nop nop nop nop nop nop nop nop nop
          (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 4))))
          (call $again (i32.or (local.get 0) (i32.const 1))))
        (func (export "f0") (result i64) unreachable))"""
    compared(text, [("a", [n]) for n in range(6)])


def test_results_that_the_fused_form_reads_from_locals() -> None:
    """Behind a call that a region was left for, the function's end is no place to go on in the fused form."""
    text = """(module (import "env" "print" (func $print (param i32 i64)))
        (func (export "f") (param i32) (result i32) (local i32)
          (local.tee 1 (i32.add (local.get 0) (i32.const 7)))
          (call $print (i32.const 1) (i64.const 2))))"""
    compared(text, [("f", [n]) for n in (1, 2, 3, 4, 5)], options=Options(force=True, stretch=0))


def test_a_recording_that_comes_to_a_region_left_for_a_call() -> None:
    """What is called begins within the recording, and its frame says where it waits by the steps that the recording
    runs."""
    text = """(module (import "env" "again" (func $again (param i32) (result i64)))
        (func $callee (param i32) (result i64)
          nop nop nop nop nop nop nop nop nop
          (call $again (local.get 0)))
        (func $outer (export "outer") (param i32) (result i64) (local i32 i64)
          (loop $l
            (local.set 2 (call $callee (local.get 0)))
            (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 4))))
          (local.get 2))
        (func (export "x") (param i32) (result i64) (loop (result i64) (call $outer (local.get 0))))
        (func (export "f0") (result i64) unreachable))"""
    options = Options(hot_loop=1, hot_call=1000, hot_exit=1000, exits_per_value=0, stretch=0)
    compared(text, [*(("outer", [2 * n]) for n in range(4)), ("x", [1]), ("x", [2])], options=options)


def test_registers_that_no_path_reads_hold_anything() -> None:
    """A region leaves slots alone that are dead; entered again elsewhere, it may be handed nothing, or what is left of
    another type."""
    homes = [(4, Type.I32), (5, Type.I64), (6, Type.V128), (7, Type.F32), (8, Type.I32)]
    entry = _Entry(0, 11, homes, Code(), 0)
    regs = [None, None, None, None, 5, None, 1 << 63, 1 << 40, bytes(16)]
    buffer = bytearray(b"\xff" * 80)
    with pytest.raises(struct.error):
        entry.pack(buffer, 0, *entry.get(regs))
    entry.pack(buffer, 0, *entry.fitting(entry.get(regs)))
    assert buffer == (5).to_bytes(16, "little") + bytes(64)


def test_loops_in_unreachable_code_are_nothing_to_count() -> None:
    """Their labels share the step of what is reached behind them, and were taken for it."""
    text = """(module (global (mut i32) (i32.const 0))
        (func (export "f") (param i64 f32)
          br 0
          if
            block
              loop
                i32.const 2
                loop
                  global.get 0
                  if unreachable if else loop local.get 1 drop end end end
                end
                global.set 0
              end
            end
          end))"""
    (code,) = program(text).funcs
    code.prepare()
    assert list(places(code).values()) == [CALL]
    compared(text, [("f", [n, n]) for n in range(6)])


# A region that is entered at the inner loop does not know the operand beneath it, and leaves it where it is.
BENEATH = """
(module
  (func (export "f") (param $n i32) (param $with i32) (result i32)
    (local $i i32) (local $kept i32) (local $k i32)
    (i32.const 4) (local.set $k)
    (i32.const 7) (i32.add (local.get $with))
    (loop $inner
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $inner (i32.lt_u (local.get $i) (local.get $n))))
    %s))
"""


@pytest.mark.parametrize(
    "then",
    [
        # Set: the local is another one from then on.
        "(local.set $kept) (if (i32.eq (local.get $with) (i32.const 9)) (then (return (local.get $kept))))"
        " (i32.const 1)",
        "(drop (local.tee $kept)) (if (i32.eq (local.get $with) (i32.const 9)) (then (return (local.get $kept))))"
        " (i32.const 1)",
        # Passed round a loop, where another one takes its place.
        "(loop $outer (param i32) (result i32) (local.set $kept) (local.get $k) (local.set $k (i32.sub (local.get $k)"
        " (i32.const 1))) (br_if $outer (local.get $k)) (i32.add (local.get $kept)))",
        # Moved down by a branch that carries it.
        "(drop) (block $out (result i32) (i32.const 5) (i32.add (local.get $with) (i32.const 3)) (loop (br_if 0"
        " (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.mul (local.get $n) (i32.const 2)))))"
        " (br $out))"
        " (if (i32.eq (local.get $with) (i32.const 9)) (then (return (i32.const 1))))",
    ],
)
def test_operands_beneath_what_is_entered(then: str) -> None:
    calls: list[Call] = [("f", [n, n if n < 9 else n % 3 + 8]) for n in range(1, 20)]
    # Not entered where the function begins, in front of the operand.
    compared(BENEATH % then, calls, options=replace(EAGER, hot_call=1 << 20))
