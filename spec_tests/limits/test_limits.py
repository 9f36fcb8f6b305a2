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


KEEPERS = """(module
  (type $list (struct (field i32) (field (ref null $list))))
  (type $bytes (array (mut i8)))
  (type $lists (array (mut (ref null $bytes))))
  (tag $t (param exnref))
  (global $all (mut (ref null $list)) (ref.null $list))
  (table $table 1000 (ref null $bytes))
  (func (export "sane") (result i32) (i32.const 42))
  (func (export "local") (local $x (ref null $list))
    (loop (local.set $x (struct.new $list (i32.const 1) (local.get $x))) (br 0)))
  (func (export "global") (loop (global.set $all (struct.new $list (i32.const 1) (global.get $all))) (br 0)))
  (func (export "arrays") (local $all (ref null $lists)) (local $i i32)
    (local.set $all (array.new_default $lists (i32.const 1000)))
    (loop
      (array.set $lists (local.get $all) (local.get $i) (array.new $bytes (i32.const 1) (i32.const 10000)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br 0)))
  (func (export "table") (local $i i32)
    (loop
      (table.set $table (local.get $i) (array.new_default $bytes (i32.const 10000)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br 0)))
  (func (export "exceptions") (local $e exnref) (local $new exnref)
    (loop
      (block $h (result exnref exnref) (try_table (catch_ref $t $h) (throw $t (local.get $e))) (unreachable))
      (local.set $e)
      (drop)
      (br 0)))
  (func $frames (export "frames") (param (ref null $list))
    (call $frames (struct.new $list (i32.const 1) (ref.null $list))))
  (func (export "one") (drop (array.new_default $bytes (i32.const 1000000))))
  (func (export "release") (global.set $all (ref.null $list)))
  (func (export "garbage") (param $n i32)
    (loop
      (drop (struct.new $list (i32.const 1) (ref.null $list)))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"""


class TestHeap:
    """Structures, arrays and exceptions that a guest keeps."""

    LIMIT = 1 << 20

    @pytest.mark.parametrize("way", ["local", "global", "arrays", "table", "exceptions", "one"])
    def test_a_guest_that_keeps_everything(self, way: str) -> None:
        sandbox = Sandbox(KEEPERS, Limits(heap=self.LIMIT))
        for _ in range(2):
            with pytest.raises(Trap) as caught:
                sandbox.call(way)
            assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE
            assert caught.value.message == "garbage-collected heap exhausted"
        assert sandbox.call("sane") == [42]

    def test_what_callers_hold_counts(self) -> None:
        sandbox = Sandbox(KEEPERS, Limits(heap=self.LIMIT))
        with pytest.raises(Trap) as caught:
            sandbox.call("frames", None)
        assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE

    def test_garbage_does_not(self) -> None:
        sandbox = Sandbox(KEEPERS, Limits(heap=self.LIMIT))
        # Twenty times the limit.
        assert sandbox.call("garbage", 20 * self.LIMIT // 160) == []

    def test_what_is_released_is_free_again(self) -> None:
        sandbox = Sandbox(KEEPERS, Limits(heap=self.LIMIT))
        with pytest.raises(Trap):
            sandbox.call("global")
        with pytest.raises(Trap):
            sandbox.call("garbage", 10)
        sandbox.call("release")
        assert sandbox.call("garbage", 10) == []


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
