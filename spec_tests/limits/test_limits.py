"""Each limit ends with its trap, or refuses; the store is usable afterwards and the next sandbox runs."""

from __future__ import annotations

import pytest
from guests import Sandbox

from refsfi.errors import Exhaustion, LimitError, Trap, TrapCode
from refsfi.runtime.limits import Limits

GREEDY = """(module
  (type $list (struct (field (ref null $list))))
  (type $array (array i64))
  (memory $m 1)
  (table $t 1 funcref)
  (global $deep (mut i32) (i32.const 0))
  (func (export "sane") (result i32) (i32.const 42))
  (func $deeper (export "recurse") (global.set $deep (i32.add (global.get $deep) (i32.const 1))) (call $deeper))
  (func $mutual (export "recurse indirectly") (call_indirect $t (i32.const 0)))
  (elem (table $t) (i32.const 0) func $mutual)
  (func (export "depth") (result i32) (global.get $deep))
  (func (export "allocate") (result i32)
    (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (memory.size))
  (func (export "allocate elements") (result i32)
    (loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1)))) (table.size $t))
  (func (export "array") (drop (array.new_default $array (i32.const 5000))))
  (func (export "loop") (loop (br 0))))"""


def ended_by(sandbox: Sandbox, name: str) -> TrapCode:
    """The trap of a call; the sandbox works afterwards, and so does another one."""
    with pytest.raises(Trap) as caught:
        sandbox.call(name)
    assert sandbox.store.frame is None
    if sandbox.store.fuel is None:
        assert sandbox.call("sane") == [42]
    assert Sandbox(GREEDY).call("sane") == [42]
    return caught.value.code


@pytest.mark.parametrize("way", ["recurse", "recurse indirectly"])
def test_a_guest_that_recurses_for_ever(way: str) -> None:
    sandbox = Sandbox(GREEDY)
    for _ in range(2):
        assert ended_by(sandbox, way) is TrapCode.STACK_OVERFLOW


def test_the_stack_is_as_large_as_said() -> None:
    depths = []
    for size in (64 << 10, 128 << 10):
        sandbox = Sandbox(GREEDY, Limits(stack=size))
        assert ended_by(sandbox, "recurse") is TrapCode.STACK_OVERFLOW
        depths += sandbox.call("depth")
    # An activation takes 64 bytes, and 8 for each of its operands, at most two here. One that does not fit is not made.
    assert depths == [(64 << 10) // 80, (128 << 10) // 80]


def test_a_guest_that_allocates_for_ever_is_refused() -> None:
    sandbox = Sandbox(GREEDY, Limits(memory=5 << 16, table=100))
    assert sandbox.call("allocate") == [5]
    assert sandbox.call("allocate elements") == [100]


@pytest.mark.parametrize(
    ("way", "code"),
    [("allocate", TrapCode.MEMORY_OUT_OF_BOUNDS), ("allocate elements", TrapCode.TABLE_OUT_OF_BOUNDS)],
)
def test_a_guest_that_allocates_for_ever_traps_where_asked_for(way: str, code: TrapCode) -> None:
    sandbox = Sandbox(GREEDY, Limits(memory=5 << 16, table=100, trap_on_grow_failure=True))
    with pytest.raises(Trap, match="forcing trap when growing"):
        sandbox.call(way)
    assert ended_by(sandbox, way) is code


def test_a_single_array() -> None:
    assert ended_by(Sandbox(GREEDY, Limits(gc_items=4999)), "array") is TrapCode.ALLOCATION_TOO_LARGE
    assert Sandbox(GREEDY, Limits(gc_items=5000)).call("array") == []


@pytest.mark.parametrize("limits", [Limits(memory=65535), Limits(table=0)])
def test_a_module_that_begins_above_the_limit(limits: Limits) -> None:
    with pytest.raises(LimitError, match="exceeds the limit"):
        Sandbox(GREEDY, limits)


def test_fuel() -> None:
    sandbox = Sandbox(GREEDY, fuel=1000)
    assert ended_by(sandbox, "loop") is TrapCode.OUT_OF_FUEL
    assert sandbox.store.fuel == 0
    sandbox.store.fuel = 10
    assert sandbox.call("sane") == [42]
    # One for entering the function, one for its instruction.
    assert sandbox.store.fuel == 8


def test_a_backtrace_has_as_many_frames_as_asked_for() -> None:
    for frames in (0, 1, 3, 50):
        with pytest.raises(Exhaustion) as caught:
            Sandbox(GREEDY, Limits(backtrace=frames)).call("recurse")
        assert len(caught.value.frames) == frames
