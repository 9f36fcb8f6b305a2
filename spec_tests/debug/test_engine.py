"""The debugger's engine: stops, steps, looking and changing, time travel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from refsfi.debug.breakpoints import Access, Event
from refsfi.debug.history import HistoryOptions
from refsfi.debug.model import DebugError, Place, Reason, Unit
from refsfi.debug.places import functions_named, places_on_line
from refsfi.debug.session import Session
from refsfi.debug.target import Target
from refsfi.errors import TrapCode
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import HostFunc
from refsfi.syntax.features import ALL
from refsfi.syntax.types import FuncExtern

SUMS = """(module (memory (export "m") 1)
(global $g (mut i32) (i32.const 5))
(func $add (param $a i32) (param $b i32) (result i32)
  local.get $a
  local.get $b
  i32.add)
(func $main (export "main") (param $n i32) (result i32) (local $i i32) (local $s i32)
  (loop $again
    (local.set $s (call $add (local.get $s) (local.get $i)))
    (i32.store (i32.mul (local.get $i) (i32.const 4)) (local.get $s))
    (global.set $g (local.get $s))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
  local.get $s))"""


def begin(
    text: str,
    *calls: tuple[str, Sequence[Any]],
    host: dict[str, Callable[..., Sequence[Any]]] | None = None,
    history: HistoryOptions | None = None,
    fuel: int | None = None,
) -> Session:
    """A session; imports are functions of a module `env`, and `main` is called without arguments if nothing is said."""
    program = load_program(text.encode(), ALL, metered=fuel is not None)
    given = {}
    for declared, type in zip(program.module.imports, program.import_types, strict=True):
        assert isinstance(type, FuncExtern)
        given["env", declared.name] = HostFunc(type.type, (host or {})[declared.name], declared.name)  # type: ignore[arg-type]
    return Session(Target.of(program, given, calls or [("main", [])], fuel=fuel), history)


def place(session: Session, name: str, pc: int = 0) -> Place:
    (found,) = functions_named(session.target.programs, name)
    return Place(found.program, found.func_index, pc)


def sums(n: int = 5) -> Session:
    return begin(SUMS, ("main", [n]))


# --- stops -----------------------------------------------------------------------------------------------------------


def test_it_stands_before_the_first_instruction_and_ends_with_the_results() -> None:
    session = sums()
    assert session.stop.reason is Reason.ENTRY
    assert session.stop.place == place(session, "main")
    stop = session.run()
    assert (stop.reason, stop.results, session.running) == (Reason.EXIT, (10,), False)
    assert session.run() == stop


def test_a_breakpoint_stops_before_its_instruction_each_time() -> None:
    session = sums()
    b = session.break_at(place(session, "add", 2))
    pairs = []
    while session.run().reason is Reason.BREAKPOINT:
        assert session.stop.hits == (b.number,)
        pairs.append(tuple(v.value for v in session.frames()[0].operands))
    assert pairs == [(0, 0), (0, 1), (1, 2), (3, 3), (6, 4)]
    assert b.hits == 5


def test_conditions_ignore_counts_and_temporary_breakpoints() -> None:
    session = sums(8)
    at = place(session, "add")
    b = session.break_at(at, condition="$b >= 3 && $b % 2 == 1", ignore=1)
    assert session.run().hits == (b.number,)
    assert session.evaluate("$b").value == 5
    assert session.run().hits == (b.number,)
    assert session.evaluate("$b").value == 7
    session = sums()
    session.break_at(place(session, "add"), temporary=True)
    assert session.run().reason is Reason.BREAKPOINT
    assert session.run().reason is Reason.EXIT


def test_a_condition_that_cannot_be_evaluated_stops_and_says_why() -> None:
    session = sums()
    b = session.break_at(place(session, "add"), condition="$nobody == 1")
    assert session.run().hits == (b.number,)
    assert b.trouble == "there is no local named nobody"


def test_rules_are_breakpoints() -> None:
    session = sums(3)
    b = session.break_rule("Step_read/loop")
    assert session.run().hits == (b.number,)
    assert "Step_read/loop" in session.rules()
    with pytest.raises(DebugError, match="there are Step_read/loop"):
        session.break_rule("loop")


def test_what_can_be_caught() -> None:
    text = """(module (import "env" "f" (func $f (param i32))) (memory 1) (tag $t)
      (func (export "main") (call $f (i32.const 7)) (drop (memory.grow (i32.const 1)))
        (block $h (try_table (catch $t $h) (throw $t))) unreachable))"""
    seen: list[int] = []
    session = begin(text, host={"f": lambda x: seen.append(x) or ()})
    numbers = {event: session.catch(event).number for event in Event if event is not Event.SYSCALL}
    stop = session.run()
    assert (stop.reason, stop.hits, seen) == (Reason.CALL, (numbers[Event.IMPORT],), [])
    assert session.frames()[0].operands[0].value == 7
    assert session.run().hits == (numbers[Event.GROW],)
    assert seen == [7]
    assert session.run().hits == (numbers[Event.THROW],)
    stop = session.run()
    assert (stop.reason, stop.hits) == (Reason.TRAP, (numbers[Event.TRAP],))
    assert stop.trap is not None
    assert stop.trap.code is TrapCode.UNREACHABLE
    assert [session.run(back=True).hits for _ in range(3)] == [
        (numbers[Event.THROW],),
        (numbers[Event.GROW],),
        (numbers[Event.IMPORT],),
    ]
    assert seen == [7]


@pytest.mark.parametrize(
    ("access", "hits"), [(Access.CHANGE, 1), (Access.WRITE, 2), (Access.READ, 1), (Access.ACCESS, 3)]
)
def test_watchpoints_on_memory(access: Access, hits: int) -> None:
    text = """(module (memory 1) (func (export "main")
      (i32.store (i32.const 8) (i32.const 0)) (i64.store (i32.const 3) (i64.const -1))
      (drop (i32.load8_u (i32.const 9))) (i32.store (i32.const 12) (i32.const 1))))"""
    session = begin(text)
    session.watch(session.watch_memory(9, 2), access)
    count = 0
    while session.run().reason is Reason.WATCHPOINT:
        hit = session.stop.watch
        assert hit is not None
        assert session.stop.clock == hit.clock + 1
        count += 1
    assert count == hits


def test_watchpoints_see_every_kind_of_write() -> None:
    text = """(module (memory 1) (global $g (mut i64) (i64.const 1)) (table $t 4 funcref) (data $d "abcd")
      (type $s (struct (field (mut i32)))) (elem declare func $main)
      (func $main (export "main") (local $o (ref null $s))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 8))
        (memory.copy (i32.const 100) (i32.const 0) (i32.const 8))
        (memory.init $d (i32.const 100) (i32.const 0) (i32.const 4))
        (global.set $g (i64.const 2)) (table.set $t (i32.const 2) (ref.func $main))
        (local.set $o (struct.new $s (i32.const 1))) (nop) (struct.set $s 0 (local.get $o) (i32.const 2))))"""
    session = begin(text)
    memory = session.watch(session.watch_memory(102, 1))
    variable = session.watch(session.watch_global(0))
    table = session.watch(session.watch_table(1, 2))
    names = []
    for _ in range(4):
        hit = session.run().watch
        assert hit is not None
        assert hit.place is not None
        names.append((hit.number, hit.place.instr.op.mnemonic, hit.old != hit.new))
    assert names == [
        (memory.number, "memory.copy", True),
        (memory.number, "memory.init", True),
        (variable.number, "global.set", True),
        (table.number, "table.set", True),
    ]
    session.until(next(p for p in (place(session, "main", i) for i in range(40)) if p.instr.op.mnemonic == "nop"))
    session.watch(session.watch_field(session.frames()[0].locals[0].value, 0))
    hit = session.run().watch
    assert hit is not None
    assert (hit.old, hit.new) == (1, 2)


def test_what_the_host_writes_is_watched_too() -> None:
    text = """(module (import "env" "f" (func $f)) (memory 1) (func (export "main") (call $f) nop))"""
    sessions: list[Session] = []

    def write() -> Sequence[Any]:
        sessions[0].memory().data[40:44] = b"host"
        return ()

    sessions.append(begin(text, host={"f": write}))
    (session,) = sessions
    session.watch(session.watch_memory(41, 1))
    for _ in range(2):
        stop = session.run()
        assert stop.reason is Reason.WATCHPOINT
        assert stop.watch is not None
        assert (stop.watch.place, stop.watch.new, stop.clock) == (None, b"o", 1)
        session.goto(0)
        assert session.read_memory(40, 4) == bytes(4)


def test_the_state_of_a_trap_has_its_operands() -> None:
    text = """(module (memory 1) (func $main (export "main") (param i32) (result i32)
      (i32.load offset=4 (i32.add (local.get 0) (i32.const 65536)))))"""
    session = begin(text, ("main", [3]))
    stop = session.run()
    assert stop.reason is Reason.TRAP
    assert stop.place == place(session, "main", 3)
    assert [v.value for v in session.frames()[0].operands] == [65539]
    assert session.step(back=True).place == place(session, "main", 2)
    assert session.step().reason is Reason.STEP
    assert session.step().reason is Reason.TRAP


def test_a_wait_that_nobody_ends_is_a_deadlock() -> None:
    text = """(module (memory 1 1 shared) (func (export "main")
      (drop (memory.atomic.wait32 (i32.const 4) (i32.const 1) (i64.const -1)))
      (drop (memory.atomic.wait32 (i32.const 4) (i32.const 0) (i64.const -1)))))"""
    session = begin(text)
    stop = session.run()
    assert stop.reason is Reason.DEADLOCK
    assert "0x4" in stop.message
    assert session.run().reason is Reason.DEADLOCK
    assert session.run(back=True).reason is Reason.HISTORY_BEGIN


def test_pause_from_another_thread() -> None:
    session = begin('(module (func (export "main") (loop $l (br $l))))')
    timer = threading.Timer(0.1, session.pause)
    timer.start()
    begun = time.monotonic()
    stop = session.run()
    assert stop.reason is Reason.PAUSE
    assert time.monotonic() - begun < 60
    clock = stop.clock
    assert session.step(back=True).clock == clock - 1


# --- steps -----------------------------------------------------------------------------------------------------------


def test_steps_into_over_and_out_both_ways() -> None:
    session = sums()
    call = place(session, "main", 3)
    session.until(call)
    clock = session.clock
    assert session.step().place == place(session, "add")
    assert session.step(out=True).place == place(session, "main", 4)
    assert session.evaluate("%0").value == 0
    assert session.step(back=True, over=True).place == call
    assert session.clock == clock
    assert session.step(over=True).place == place(session, "main", 4)
    assert session.step(back=True).place == place(session, "add", 3)
    assert session.step(back=True, out=True).place == call
    assert session.step(count=3).place == place(session, "add", 2)
    assert session.step(back=True, count=3).place == call


def test_a_breakpoint_in_a_callee_stops_a_step_over_it() -> None:
    session = sums()
    b = session.break_at(place(session, "add", 2))
    session.until(place(session, "main", 3))
    assert session.step(over=True).hits == (b.number,)


def test_steps_by_lines_of_the_text_and_by_blocks() -> None:
    session = sums()
    session.goto(1)
    lines = []
    for _ in range(5):
        assert session.stop.place is not None
        position = session.step(Unit.LINE, over=True).place
        assert position is not None
        assert position.position is not None
        lines.append(position.position[0])
    assert lines == [10, 11, 12, 13, 8]
    back = []
    for _ in range(3):
        stop = session.step(Unit.LINE, over=True, back=True)
        assert stop.place is not None
        assert stop.place.position is not None
        back.append(stop.place.position[0])
    assert back == [13, 12, 11]
    assert places_on_line(session.target.programs[0], 11)[0].pc == session.place.pc  # type: ignore[union-attr]
    session.goto(0)
    assert session.step(Unit.BLOCK).place == place(session, "main", 1)
    assert session.step(Unit.BLOCK).place == place(session, "add")


def test_steps_over_recursion_stay_in_their_frame() -> None:
    text = """(module (func $fac (export "main") (param $n i32) (result i32)
      (if (result i32) (i32.eqz (local.get $n)) (then (i32.const 1))
        (else (i32.mul (local.get $n) (call $fac (i32.sub (local.get $n) (i32.const 1))))))))"""
    session = begin(text, ("main", [6]))
    session.until(next(p for p in (place(session, "fac", i) for i in range(20)) if p.instr.op.mnemonic == "call"))
    place_ = session.place
    assert place_ is not None
    clock = session.clock
    session.step(over=True)
    assert len(session.frames()) == 1
    assert session.evaluate("%1").value == 120
    session.step(over=True, back=True)
    assert session.clock == clock
    session.until(place(session, "fac", 4), back=False)
    assert session.step(out=True).place == Place(place_.program, place_.func_index, place_.pc + 1)


def test_a_step_over_a_call_that_throws_arrives_at_the_handler() -> None:
    text = """(module (tag $t) (func $bad (throw $t)) (func $deep (call $bad))
      (func $main (export "main") (block $h (try_table (catch $t $h) (call $deep) unreachable)) nop))"""
    session = begin(text)
    session.until(place(session, "main", 2))
    stop = session.step(over=True)
    assert stop.reason is Reason.STEP
    assert stop.place is not None
    assert (stop.place.name, len(session.frames())) == ("$main", 1)


# --- looking and changing --------------------------------------------------------------------------------------------


def test_frames_show_locals_operands_and_labels() -> None:
    session = sums()
    session.until(place(session, "add", 1))
    inner, outer = session.frames()
    assert [(v.name, v.value) for v in inner.locals] == [("$a", 0), ("$b", 0)]
    assert [(v.name, str(v.type), v.value) for v in inner.operands] == [("%0", "i32", 0)]
    assert outer.place == place(session, "main", 3)
    assert outer.operands == ()
    assert [(x.kind, x.name, x.depth, x.start, x.target) for x in outer.labels] == [
        ("loop", "again", 0, 0, 0),
        ("func", None, 1, 0, len(outer.place.body) - 1),
    ]


def test_a_change_cuts_off_the_future_and_lasts() -> None:
    session = sums()
    assert session.run().results == (10,)
    end = session.clock
    session.goto(20)
    assert session.evaluate("$i").value == 1
    assert session.set_local(0, 2) is True
    assert session.run().results == (1,)
    assert session.clock < end
    session.goto(10)
    assert session.evaluate("$n").value == 5
    assert session.run().results == (1,)
    with pytest.raises(DebugError, match="the run is over"):
        session.write_memory(0, b"x")


def test_everything_can_be_changed_within_its_type() -> None:
    session = sums()
    session.until(place(session, "add", 2))
    assert session.set_operand(1, 100) is False
    session.set_variable(session.evaluate("i32[0x100]"), -2)
    session.set_variable(session.evaluate("@g"), 77)
    assert session.evaluate("%1 + i32[256] + @g").value == 175
    session.step()
    assert session.evaluate("%0").value == 100
    for wrong in (1 << 32, "x", 1.5, None):
        with pytest.raises(DebugError, match="no value of type i32"):
            session.set_local(0, wrong)
    with pytest.raises(DebugError, match="not all in the memory"):
        session.write_memory(65535, b"ab")
    assert session.read_memory(65535, 10) == b"\0"
    assert session.read_memory(1 << 40, 10) == b""


@pytest.mark.parametrize(
    "text",
    [
        *"( 1+ $ i32[ i32[70000] 1/0 1<<200 $0.5 nobody 1..2 %9 @9 i32[1.5] ~1.5 1&2.0 [] ! u8[-1] 9**9 0x".split(),
        *("2 2", "(" * 200, "1+" * 600 + "1", "1" * 5000, "2.5e999 * 0 & 1", ""),
    ],
)
def test_expressions_that_are_none_are_refused(text: str) -> None:
    session = sums()
    session.goto(3)
    with pytest.raises(DebugError):
        session.evaluate(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * -3", -9),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1 << 4 | 1", 17),
        ("1 < 2 && 2 < 1 || !0", 1),
        ("0xff & ~0xf", 0xF0),
        ("$n == 5", 1),
        ("$clock + $pc + $depth", 3 + 3 + 1),
    ],
)
def test_expressions(text: str, value: int) -> None:
    session = sums()
    session.goto(3)
    assert session.evaluate(text).value == value & ((1 << 64) - 1)


def test_who_wrote_a_byte_and_where_a_value_came_from() -> None:
    session = sums(3)
    b = session.break_at(place(session, "main", 18))
    session.goto(1 << 60)
    session.goto(session.clock - 1)
    clock, hits = session.clock, b.hits
    write = session.last_write(9)
    assert write is not None
    assert write.place == place(session, "main", 9)
    assert (write.old, write.new) == (0, 0)
    assert session.last_write(5000) is None
    assert (session.clock, b.hits) == (clock, hits)
    tree = session.origin(session.evaluate("$s"))
    assert (tree.kind, tree.value) == ("local", 3)
    (call,) = tree.sources
    assert (call.kind, call.what) == ("call", "result of $add")
    (addition,) = call.sources
    assert [source.sources[0].what for source in addition.sources] == [
        "argument 0 of the call",
        "argument 1 of the call",
    ]
    loaded = session.origin(session.evaluate("i32[8]"))
    assert loaded.place == place(session, "main", 9)


# --- time ------------------------------------------------------------------------------------------------------------


def test_the_host_is_called_once_however_often_time_is_travelled() -> None:
    text = """(module (import "env" "f" (func $f (result i32))) (memory (export "m") 1)
      (func (export "main") (result i32) (i32.add (call $f) (call $f))))"""
    answers = iter(range(10, 100))
    session = begin(text, host={"f": lambda: (next(answers),)})
    assert session.run().results == (21,)
    for clock in (0, 2, 1, 3, 0):
        session.goto(clock)
    assert session.run().results == (21,)
    assert [call.results for call in session.host_calls()] == [(10,), (11,)]
    assert next(answers) == 12


def test_what_the_host_calls_back_belongs_to_its_call() -> None:
    text = """(module (import "env" "f" (func $f)) (memory 1) (global $g (mut i32) (i32.const 0))
      (func (export "inner") (i32.store8 (i32.const 5) (i32.const 7)) (global.set $g (i32.const 9)))
      (func (export "main") (result i32) (call $f) (i32.add (global.get $g) (i32.load8_u (i32.const 5)))))"""
    sessions: list[Session] = []
    calls = []

    def back() -> Sequence[Any]:
        calls.append(1)
        session = sessions[0]
        invoke(session.store, session.instances()[0].exports["inner"], [])  # type: ignore[arg-type]
        return ()

    session = begin(text, host={"f": back}, fuel=1000)
    sessions.append(session)
    session.break_at(place(session, "inner"))
    assert session.run().results == (16,)
    fuel, clock = session.store.fuel, session.clock
    assert clock == 6
    session.goto(0)
    assert session.run().results == (16,)
    assert (session.store.fuel, session.clock, calls) == (fuel, clock, [1])


def test_an_error_of_the_host_leaves_the_guest_in_front_of_the_call() -> None:
    text = '(module (import "env" "f" (func $f)) (func (export "main") nop (call $f)))'
    failing = [True]

    def fail() -> Sequence[Any]:
        if failing[0]:
            raise OSError("no more")
        return ()

    session = begin(text, host={"f": fail})
    with pytest.raises(OSError, match="no more"):
        session.run()
    assert session.clock <= 1
    failing[0] = False
    assert session.run().reason is Reason.EXIT


def test_going_back_across_a_grow_makes_the_memory_smaller_again() -> None:
    text = """(module (memory 1) (func (export "main") (drop (memory.grow (i32.const 3)))
      (i32.store (i32.const 200000) (i32.const 1))))"""
    session = begin(text)
    session.run()
    assert len(session.memory().data) == 4 << 16
    session.goto(0)
    assert len(session.memory().data) == 1 << 16
    session.run()
    assert session.read_memory(200000, 1) == b"\x01"


def test_a_refused_grow_is_refused_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '(module (memory 1) (func (export "main") (result i32) (memory.grow (i32.const 3))))'
    session = begin(text)
    storage = type(session.memory()._storage)

    def no_room(self: object, size: int) -> None:
        raise OSError(12, "no room")

    with monkeypatch.context() as context:
        context.setattr(storage, "resize", no_room)
        assert session.run().results == (0xFFFF_FFFF,)
    session.goto(0)
    assert session.run().results == (0xFFFF_FFFF,)


def test_objects_of_the_heap_come_back_as_they_were() -> None:
    text = """(module (type $n (struct (field (mut i32)) (field (ref null $n))))
      (global $head (mut (ref null $n)) (ref.null $n))
      (func (export "main") (result i32) (local $i i32)
        (loop $l (global.set $head (struct.new $n (local.get $i) (global.get $head)))
          (struct.set $n 0 (global.get $head) (i32.mul (local.get $i) (i32.const 3)))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 50))))
        (struct.get $n 0 (global.get $head))))"""
    session = begin(text, history=HistoryOptions(interval=20))
    states = [session.state_hash()]
    while session.running:
        session.step()
        if session.clock == len(states):
            states.append(session.state_hash())
    for clock in range(len(states) - 1, -1, -37):
        session.goto(clock)
        assert session.state_hash() == states[clock]
    assert session.run().results == (147,)


def test_snapshots_stay_within_their_budget_and_everything_stays_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    # Intervals are not to depend on how fast this machine is.
    monkeypatch.setattr("refsfi.debug.timeline._SHARE", float("inf"))
    text = """(module (memory 16) (func (export "main") (local $i i32)
      (loop $l (i32.store (i32.and (i32.mul (local.get $i) (i32.const 40503)) (i32.const 0xffffc)) (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 20000))))))"""
    budget = 4 << 20
    session = begin(text, history=HistoryOptions(budget, interval=2000))
    session.run()
    end = session.clock
    assert session.snapshot_size <= budget
    clocks = session.snapshot_clocks
    assert clocks[0] == 0
    assert len(clocks) > 2
    recent, early = (clocks[-1] - clocks[-2]), (clocks[1] - clocks[0])
    assert recent < early
    for clock in (end // 2, 17, end - 3):
        assert session.goto(clock).clock == clock
        assert session.snapshot_size <= budget


def test_the_plain_interpreter_knows_nothing_of_it() -> None:
    program = load_program(SUMS.encode(), ALL)
    session = Session(Target.of(program, calls=[("main", [5])]))
    session.break_at(place(session, "add"))
    session.run()
    assert all(code.tail is None for code in program.funcs)
    assert isinstance(session.memory(), MemInst)
