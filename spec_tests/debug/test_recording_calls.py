"""Recordings of an embedder: several calls, between which the host reads and writes as it likes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from refsfi.debug.model import Reason
from refsfi.debug.recording.format import RecordingError
from refsfi.debug.recording.read import Recording
from refsfi.debug.recording.replay import Replay
from refsfi.debug.recording.state import digest
from refsfi.debug.recording.write import Recorder
from refsfi.debug.session import Session
from refsfi.errors import GuestExit, Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.tiers import TierChoice, make_tier
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import FuncInst, GlobalInst, HostFunc, Instance, Store
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import HostRef, StructInst
from refsfi.syntax.deftypes import func_deftype
from refsfi.syntax.features import DEFAULT
from refsfi.syntax.types import EXTERNREF, I32, FuncType

GUEST = """(module
 (import "host" "object" (func $object (param i32) (result externref)))
 (import "host" "use" (func $use (param externref) (result i32)))
 (import "host" "exit" (func $exit (param i32)))
 (memory (export "memory") 1) (global (export "g") (mut i32) (i32.const 5))
 (table $t (export "t") 2 externref)
 (func (export "sum") (param $n i32) (result i32) (local $i i32) (local $s i32)
  (loop $l
   (local.set $s (i32.add (local.get $s) (i32.load8_u (local.get $i))))
   (local.set $i (i32.add (local.get $i) (i32.const 1)))
   (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
  (global.set 0 (i32.add (global.get 0) (local.get $s)))
  (local.get $s))
 (func (export "store") (param i32) (i32.store8 (i32.const 7) (local.get 0)))
 (func (export "keep") (param i32) (table.set $t (i32.const 1) (call $object (local.get 0))))
 (func (export "used") (param i32) (result i32) (call $use (table.get $t (local.get 0))))
 (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 7) (local.get 0)))
 (func (export "leave") (param i32) (call $exit (local.get 0))))"""


class Host:
    """An embedder, which records what it does."""

    def __init__(self, tier: str = "off") -> None:
        self.file = io.BytesIO()
        self.store = Store(fuel=1 << 40)
        self.recorder = Recorder(self.file, self.store, DEFAULT)
        program = load_program(GUEST.encode(), DEFAULT, "guest", metered=True, tier=make_tier(TierChoice(tier)))
        self.recorder.module(program, GUEST.encode())
        self.instance = self.recorder.instantiate(program, self.imports(program))

    def imports(self, program: Program) -> list[HostFunc]:
        def function(name: str, params: Sequence[Any], results: Sequence[Any], call: Any) -> HostFunc:
            return HostFunc(func_deftype(FuncType(tuple(params), tuple(results))), call, name)

        return [
            function("object", [I32], [EXTERNREF], lambda number: [HostRef(["an object", number])]),
            function("use", [EXTERNREF], [I32], self.use),
            function("exit", [I32], [], self.exit),
        ]

    def use(self, ref: HostRef | None) -> list[int]:
        # It calls the guest back, which writes to its memory and uses fuel.
        self.call("store", 99)
        return [0 if ref is None else ref.value[1]]

    def exit(self, code: int) -> Sequence[Any]:
        raise GuestExit(code)

    def call(self, name: str, *arguments: Any) -> list[Any]:
        func = self.instance.exports[name]
        assert isinstance(func, FuncInst)
        return list(self.recorder.invoke(func, arguments))

    @property
    def memory(self) -> MemInst:
        memory = self.instance.exports["memory"]
        assert isinstance(memory, MemInst)
        return memory

    def recording(self) -> Recording:
        self.recorder.end()
        return Recording.read(self.file.getvalue())


def run(host: Host) -> None:
    """Everything that an embedder does between two calls."""
    host.memory.data[0:4] = b"\1\2\3\4"
    assert host.call("sum", 4) == [10]
    assert host.memory.grow(1) == 1
    host.memory.data[70000:70003] = b"end"
    counter, table = host.instance.exports["g"], host.instance.exports["t"]
    assert isinstance(counter, GlobalInst)
    assert isinstance(table, TableInst)
    assert counter.value == 15
    counter.value = 1000
    table.grow(1, HostRef(["another", 7]))
    host.call("keep", 6)
    assert [host.call("used", number) for number in range(3)] == [[0], [6], [7]]
    with pytest.raises(Trap):
        host.call("divide", 0)
    with pytest.raises(GuestExit):
        host.call("leave", 3)
    host.memory.data[3] = 40
    assert host.call("sum", 8) == [1 + 2 + 3 + 40 + 99]
    # What comes after the last call is part of the end.
    host.memory.data[100] = 1


@pytest.mark.parametrize("recorded", ["off", "force"])
@pytest.mark.parametrize("replayed", ["off", "force"])
def test_calls_and_what_the_host_does_in_between_come_again(recorded: str, replayed: str) -> None:
    host = Host(recorded)
    run(host)
    recording = host.recording()
    replay = Replay(recording, make_tier(TierChoice(replayed)), lambda *_: None)
    outcome = replay.run()
    assert outcome == [145]
    assert replay.differences(outcome) == []
    (instance,) = replay.instances
    assert state(instance) == state(host.instance)
    assert bytes(instance.mems[0].data[70000:70003]) == b"end"


def state(instance: Instance) -> tuple[bytes, list[Any], list[bool]]:
    (table,) = instance.tables
    return bytes(instance.mems[0].data[:]), [g.value for g in instance.globals], [e is None for e in table.elems]


def test_the_first_call_that_ends_otherwise_is_named() -> None:
    host = Host()
    run(host)
    recording = host.recording()
    (second,) = [number for number, outcome in recording.outcomes.items() if outcome.get("results") == [6]]
    recording.outcomes[second]["results"] = [8]
    replay = Replay(recording, None, lambda *_: None)
    assert replay.differences(replay.run())[0] == f"call {second}: results: [6], recorded was [8]"


def test_the_debugger_goes_back_and_forth_over_changes_of_the_host() -> None:
    host = Host()
    host.memory.data[0:4] = b"\1\2\3\4"
    assert host.call("sum", 4) == [10]
    host.memory.grow(1)
    host.memory.data[2] = 50
    assert host.call("sum", 4) == [57]
    recording = host.recording()
    session = Session(recording.target(recording.programs()), None, recording.journal())
    stop = session.run()
    assert (stop.reason, list(stop.results)) == (Reason.EXIT, [57])
    end = session.clock
    seen = {}
    for clock in range(end, -1, -1):
        session.goto(clock)
        seen[clock] = (session.read_memory(0, 4), len(session.instances()[0].mems[0].data))
    assert seen[0] == (b"\1\2\3\4", 0x10000)
    assert seen[end] == (b"\1\2\x32\4", 0x20000)
    for clock, expected in sorted(seen.items()):
        session.goto(clock)
        assert (session.read_memory(0, 4), len(session.instances()[0].mems[0].data)) == expected


def test_what_cannot_be_recorded_is_refused() -> None:
    host = Host()
    host.instance.exports["t"].elems[0] = host.instance.funcs[3]  # type: ignore[union-attr]
    with pytest.raises(RecordingError, match="reference of the guest's"):
        host.call("sum", 1)

    host = Host()
    host.store.fuel = 1 << 50
    with pytest.raises(RecordingError, match="fuel"):
        host.call("sum", 1)

    host = Host()
    host.exit = lambda code: [][code]  # type: ignore[method-assign]
    host.instance = host.recorder.instantiate(host.instance.program, host.imports(host.instance.program))
    with pytest.raises(IndexError):
        host.call("leave", 3)
    with pytest.raises(RecordingError, match="broken off"):
        host.call("sum", 1)
    recording = host.recording()
    assert recording.stopped
    assert Replay(recording, None, lambda *_: None).run() is None


def test_the_digest_sees_the_heap() -> None:
    text = b"""(module (type $node (struct (field (mut i32)) (field (mut (ref null $node)))))
      (global $list (ref $node) (struct.new $node (i32.const 1) (struct.new $node (i32.const 2) (ref.null $node)))))"""
    program = load_program(text, DEFAULT, "guest")
    one, two = (instantiate(Store(), program, []) for _ in range(2))
    assert digest([one]) == digest([two])
    inner = one.globals[0].value.fields[1]
    assert isinstance(inner, StructInst)
    inner.fields[0] = 3
    assert digest([one]) != digest([two])
    inner.fields[0] = 2
    assert digest([one]) == digest([two])
    # The same numbers in another shape.
    inner.fields[1] = one.globals[0].value
    assert digest([one]) != digest([two])
