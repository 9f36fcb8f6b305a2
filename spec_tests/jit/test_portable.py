"""Regions as Python compute what the interpreter does: conformance scripts, and the places where the two meet."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from jit.ir.graph import CALL
from jit.ir.text import parse as parse_graph
from jit.options import Options
from jit.portable import Portable, PortableUnit
from jit.tier import JitTier
from refsfi.errors import Exhaustion, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Store
from refsfi.script.files import load_script
from refsfi.script.interpreter import Interpreter
from refsfi.script.runner import Runner
from refsfi.syntax.features import ALL, DEFAULT, Feature, Features
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate
from spec_tests.jit.support import graph_of, program

CONFORMANCE = Path(__file__).parent.parent / "conformance"
FORCE = Options(force=True)


class Counting(Portable):
    """Remembers what it compiled."""

    def __init__(self) -> None:
        self.units: list[PortableUnit] = []

    def compile(self, graph: Any) -> PortableUnit:
        unit = super().compile(graph)
        self.units.append(unit)
        return unit


class Compiled(Interpreter):
    """Compiles every function when it is first called."""

    def __init__(self, tier: JitTier, metered: bool) -> None:
        super().__init__()
        self._tier = tier
        self._metered = metered
        if metered:
            self._store = Store(fuel=10**12)

    def compile(self, module: Module, features: Features) -> Program:
        return Program(module, validate(module, features), metered=self._metered, tier=self._tier)

    def spawn(self) -> Compiled:
        return Compiled(self._tier, self._metered)


@pytest.mark.parametrize("metered", [False, True], ids=["plain", "metered"])
@pytest.mark.parametrize("name", sorted(path.name for path in CONFORMANCE.glob("*.wast")))
def test_conformance(name: str, metered: bool) -> None:
    features = DEFAULT | {Feature.CUSTOM_DESCRIPTORS} if name == "descriptors.wast" else DEFAULT
    backend = Counting()
    engine = Compiled(JitTier(backend, FORCE), metered)
    records = list(Runner(engine, features, output=lambda _: None).run(load_script(str(CONFORMANCE / name))))
    assert [(r.line, r.expected, r.got) for r in records if r.failed] == []
    assert backend.units


class Guest:
    """An instance of a text module; `backend` None interprets it."""

    def __init__(
        self,
        text: str,
        backend: Portable | None,
        *,
        options: Options = FORCE,
        fuel: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        module = parse_module(text, ALL)
        tier = None if backend is None else JitTier(backend, options)
        self.program = Program(module, validate(module, ALL), metered=fuel is not None, tier=tier)
        self.store = Store(limits, fuel)
        self.instance = instantiate(self.store, self.program, [])

    def __call__(self, name: str, *arguments: Any) -> list[Any]:
        func: Any = self.instance.exports[name]
        return invoke(self.store, func, list(arguments))

    def trap(self, name: str, *arguments: Any) -> tuple[TrapCode, list[tuple[int, int | None]]]:
        """The trap that a call ends with, and where."""
        with pytest.raises(Trap) as caught:
            self(name, *arguments)
        return caught.value.code, [(frame.func_index, frame.instr) for frame in caught.value.frames]


def both(text: str, **settings: Any) -> tuple[Guest, Guest]:
    return Guest(text, Portable(), **settings), Guest(text, None, **settings)


# --- leaving ---------------------------------------------------------------------------------------------------------

TRAPS = """(module (memory 1) (table 2 funcref) (elem (i32.const 0) $id)
  (type $u (func (param i32) (result i32)))
  (func $id (type $u) (local.get 0))
  (func (export "load") (param i32) (result i32)
    (i32.add (i32.load (local.get 0)) (i32.load offset=8 (local.get 0))))
  (func (export "store") (param i32) (i32.store (i32.const 0) (i32.const 1))
    (i32.store16 (local.get 0) (i32.load (i32.const 0))) (i32.store (i32.const 4) (i32.const 2)))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func (export "truncate") (param f64) (result i32) (i32.trunc_f64_u (local.get 0)))
  (func (export "indirect") (param i32) (result i32) (call_indirect (type $u) (i32.const 5) (local.get 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.load (i32.const -1))))))"""


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("load", (65528,)),
        ("load", (65533,)),
        ("load", (0xFFFFFFFF,)),
        ("store", (65535,)),
        ("store", (0xFFFFFFFE,)),
        ("divide", (1, 0)),
        ("divide", (0x80000000, 0xFFFFFFFF)),
        ("truncate", (0x7FF8000000000000,)),
        ("truncate", (0xBFF0000000000000,)),
        ("indirect", (1,)),
        ("indirect", (2,)),
        ("deep", (5,)),
        ("deep", (1000,)),
    ],
)
def test_traps(name: str, arguments: tuple[int, ...]) -> None:
    """The same trap at the same place, with nothing done that comes behind it."""
    compiled, interpreted = both(TRAPS)
    for _ in range(2):
        assert compiled.trap(name, *arguments) == interpreted.trap(name, *arguments)
    assert compiled.instance.mem0.data[:64] == interpreted.instance.mem0.data[:64]
    assert compiled.store.room == interpreted.store.room


RECURSION = """(module
  (func $down (export "down") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func $forever (export "forever") (result i32) (i32.add (call $forever) (i32.const 1)))
  (func $even (export "even") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
  (func $odd (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (return_call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))"""


def test_recursion_deeper_than_pythons() -> None:
    guest = Guest(RECURSION, Portable())
    assert guest("down", 20_000) == [20_000]
    assert guest("even", 30_001) == [0]


def test_recursion_without_end() -> None:
    compiled, interpreted = both(RECURSION, limits=Limits(stack=300_000))
    assert compiled.trap("forever") == interpreted.trap("forever")
    assert compiled.trap("forever")[0] is TrapCode.STACK_OVERFLOW
    assert compiled("down", 1) == [1]


def nested(depth: int, call: Any) -> Any:
    return call() if depth == 0 else nested(depth - 1, call)


def test_entered_near_pythons_limit() -> None:
    guest = Guest(RECURSION, Portable())
    assert guest("down", 10) == [10]
    assert nested(700, lambda: guest("down", 500)) == [500]


LOOP = """(module (global (export "g") (mut i32) (i32.const 0))
  (func $tail (export "tail") (return_call $tail))
  (func (export "spin") (loop (global.set 0 (i32.add (global.get 0) (i32.const 1))) (br 0)))
  (func $f (export "tree") (param i32) (if (local.get 0) (then
    (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))))"""


@pytest.mark.parametrize(("name", "arguments"), [("spin", ()), ("tree", (60,)), ("tail", ())])
def test_stopped(name: str, arguments: tuple[int, ...]) -> None:
    """Loops and calls look whether the host wants the guest to stop."""
    guest = Guest(LOOP, Portable())

    def stop() -> None:
        guest.store.stop = Exhaustion(TrapCode.INTERRUPT)

    timer = threading.Timer(0.1, stop)
    timer.start()
    with pytest.raises(Exhaustion) as caught:
        guest(name, *arguments)
    assert caught.value.code is TrapCode.INTERRUPT
    assert caught.value.frames
    guest.store.stop = None
    assert guest("tree", 3) == []


@pytest.mark.parametrize("fuel", range(0, 60, 1))
def test_fuel(fuel: int) -> None:
    """The count is the same whenever it is looked at, also when it runs out."""
    text = """(module (memory 1)
      (func $g (param i32) (result i32) (i32.load (i32.mul (local.get 0) (i32.const 9000))))
      (func (export "f") (param i32) (result i32) (local i32)
        (loop (local.set 1 (i32.add (local.get 1) (call $g (local.get 0))))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i32.load (local.get 1))))"""
    ends: list[Any] = []
    for guest in both(text, fuel=0):
        for count in (2, 3, 9):
            guest.store.fuel = fuel
            try:
                ends.append(guest("f", count))
            except (Trap, Exhaustion) as trap:
                ends.append((trap.code, [(f.func_index, f.instr) for f in trap.frames]))
            ends.append(guest.store.fuel)
    assert ends[: len(ends) // 2] == ends[len(ends) // 2 :]


def test_nothing_keeps_a_program() -> None:
    """Generated code is part of the program, and goes with it."""
    guest = Guest(RECURSION, Portable())
    assert guest("down", 3) == [3]
    program = weakref.ref(guest.program)
    del guest
    gc.collect()
    assert program() is None


# --- memories ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", ["1 3", "i64 1 3", "1 3 shared"])
def test_memory_that_grows(type: str) -> None:
    """Views of a memory are taken anew once it has grown."""
    index = "i64" if type.startswith("i64") else "i32"
    text = f"""(module (memory {type})
      (func $touch (param {index}) (result i64)
        (i64.store (local.get 0) (i64.add (i64.load (local.get 0)) (i64.const 3)))
        (i32.store16 offset=1 (local.get 0) (i32.const 0x1234))
        (f32.store offset=8 (local.get 0) (f32.load (local.get 0)))
        (i64.load offset=3 (local.get 0)))
      (func (export "f") (param {index}) (result i64) (local i64)
        (local.set 1 (call $touch ({index}.const 8)))
        (drop (memory.grow ({index}.const 1)))
        (i64.add (local.get 1) (call $touch (local.get 0)))))"""
    compiled, interpreted = both(text)
    for address in (8, 65536, 65544, 131064, 131072, 196600, 196592):
        ends = []
        for guest in (compiled, interpreted):
            try:
                ends.append((guest("f", address), guest.instance.mem0.pages))
            except Trap as trap:
                ends.append((trap.code, [(frame.func_index, frame.instr) for frame in trap.frames]))
        assert ends[0] == ends[1], address
    assert bytes(compiled.instance.mem0.data[:]) == bytes(interpreted.instance.mem0.data[:])


# --- numbers ---------------------------------------------------------------------------------------------------------

FLOATS = """(module (memory 1)
  (func (export "move32") (param f32 i32) (result f32) (local f32)
    (f32.store (i32.const 0) (local.get 0))
    (local.set 2 (select (f32.load (i32.const 0)) (f32.const nan:0x200001) (local.get 1)))
    (f32.store (i32.const 4) (local.get 2)) (f32.load (i32.const 4)))
  (func (export "move64") (param f64) (result i64)
    (f64.store (i32.const 0) (local.get 0)) (i64.reinterpret_f64 (f64.load (i32.const 0))))
  (func (export "signs32") (param f32 f32) (result f32)
    (f32.copysign (f32.neg (f32.abs (f32.neg (local.get 0)))) (local.get 1)))
  (func (export "signs64") (param f64 f64) (result f64)
    (f64.copysign (f64.neg (f64.abs (f64.neg (local.get 0)))) (f64.sub (local.get 1) (local.get 1))))
  (func (export "mixed") (param f32 f32 i32) (result f32)
    (loop (if (local.get 2) (then
      (local.set 2 (i32.sub (local.get 2) (i32.const 1)))
      (local.set 0 (if (result f32) (i32.and (local.get 2) (i32.const 1))
        (then (f32.div (local.get 0) (local.get 1))) (else (f32.load (i32.const 8)))))
      (f32.store (i32.const 12) (local.get 0))
      (br 1))))
    (local.get 0))
  (func (export "loaded") (param i32) (result f64)
    (f64.promote_f32 (f32.mul (f32.load (local.get 0)) (f32.load offset=4 (local.get 0)))))
  (data (i32.const 8) "\\01\\00\\a0\\7f\\01\\00\\a0\\ff"))"""

BITS32 = [0, 0x80000000, 0x3F800000, 0x7F800001, 0xFFA00001, 0x7FC00000, 0xFFC00000, 0x7F800000, 0x00000001]
BITS64 = [bits << 32 for bits in BITS32] + [0x7FF0000000000001, 0xFFF8000000000000, 0x3FF0000000000000]


def test_payloads_of_nans() -> None:
    """What is moved keeps its bits, signalling NaNs too; what is computed is canonical."""
    compiled, interpreted = both(FLOATS)
    for a in BITS32:
        for guest_name, arguments in [
            ("move32", (a, 1)),
            ("move32", (a, 0)),
            *(("signs32", (a, b)) for b in BITS32),
            *(("mixed", (a, b, n)) for b in BITS32[:5] for n in (0, 1, 2, 3)),
        ]:
            assert compiled(guest_name, *arguments) == interpreted(guest_name, *arguments), (guest_name, arguments)
    for a in BITS64:
        assert compiled("move64", a) == [a]
        for b in BITS64:
            assert compiled("signs64", a, b) == interpreted("signs64", a, b)
    assert compiled("loaded", 8) == interpreted("loaded", 8)


INTEGERS = """(module
  (func (export "double-negation") (param i64 i32) (result i32)
    (i32.and (i32.eqz (i64.eqz (local.get 0))) (local.get 1)))
  (func (export "negated-product") (param i32) (result i32)
    (i32.mul (i32.const -1) (select (i32.const 0) (i32.const 0x7fffffff) (local.get 0))))
  (func (export "sums") (param i32 i32) (result i32)
    (i32.sub (i32.add (i32.add (local.get 0) (local.get 1)) (i32.const -7)) (i32.shl (local.get 1) (i32.const 3))))
  (func (export "signs") (param i32 i32) (result i32)
    (i32.add (i32.lt_s (local.get 0) (local.get 1))
      (i32.add (i32.shl (i32.ge_s (local.get 0) (i32.const -5)) (i32.const 1))
        (i32.add (i32.shl (i32.gt_s (i32.const 5) (local.get 1)) (i32.const 2))
          (i32.shl (i32.shr_s (i32.extend8_s (local.get 0)) (i32.const 4)) (i32.const 3))))))
  (func (export "below") (param i32 i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (local.get 1))
      (then (i32.sub (local.get 1) (i32.const 1))) (else (i32.sub (local.get 0) (i32.const 1))))))"""

EDGES = [
    0,
    1,
    2,
    5,
    6,
    127,
    128,
    255,
    0x7FFFFFFF,
    0x80000000,
    0x80000001,
    0xFFFFFF80,
    0xFFFFFFFA,
    0xFFFFFFFB,
    0xFFFFFFFF,
]


def test_integers_at_the_edges() -> None:
    """Masks are left out, or comparisons stand for them, only where that makes no difference."""
    compiled, interpreted = both(INTEGERS)
    for a in EDGES:
        assert compiled("negated-product", a) == interpreted("negated-product", a)
        for b in EDGES:
            for name in ("double-negation", "sums", "signs", "below"):
                assert compiled(name, a, b) == interpreted(name, a, b), (name, a, b)


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_entered_in_the_middle_of_loops() -> None:
    """Headers of nested loops are entries. From each, what is left of the loops around is gone through."""
    text = """(module (memory 1) (func (export "f") (param i32) (result i32) (local i32 i32 i32)
      (loop $a
        (local.set 1 (i32.const 3))
        (loop $b
          (if (i32.and (local.get 1) (i32.const 1)) (then
            (local.set 2 (i32.const 4))
            (loop $c
              (local.set 3 (i32.add (i32.mul (local.get 3) (i32.const 7)) (local.get 2)))
              (br_if $c (local.tee 2 (i32.sub (local.get 2) (i32.const 1))))))
            (else (local.set 3 (i32.xor (local.get 3) (local.get 0)))))
          (br_if $b (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
        (br_if $a (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 3)))"""
    for hot in (1, 2, 3, 5, 8):
        options = Options(hot_loop=hot, hot_call=1000, hot_exit=1)
        compiled, interpreted = both(text, options=options)
        for n in (1, 2, 6, 11):
            assert compiled("f", n) == interpreted("f", n)


def test_singles_of_several_entries() -> None:
    """An f32 is a number in the functions in which it only comes from arithmetic, and bits where a signalling NaN may
    come in with the interpreter's registers; they hand it to each other as bits."""
    text = """(module (memory 1) (func (export "f") (param i32 i32) (result i32)
      (local $i i32) (local $j i32) (local $x f32)
      (local.set $x (f32.reinterpret_i32 (local.get 1)))
      (f32.store (i32.const 8) (f32.const 1.5))
      (loop $outer
        (local.set $j (i32.const 3))
        (loop $inner
          (if (i32.gt_u (local.get $i) (i32.const 4))
            (then (local.set $x
              (f32.add (f32.mul (local.get $x) (f32.load (i32.const 8))) (f32.load (i32.const 8))))))
          (br_if $inner (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))
        (if (i32.eq (i32.and (local.get $i) (i32.const 3)) (i32.const 3))
          (then (local.set $x (f32.load (i32.const 0)))))
        (i32.store (i32.const 0) (i32.add (i32.const 0x7fa00000) (local.get $i)))
        (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 0))))
      (i32.reinterpret_f32 (local.get $x))))"""
    for hot in (1, 2, 3, 5, 8):
        compiled, interpreted = both(text, options=Options(hot_loop=hot, hot_call=1000, hot_exit=1))
        for n in (1, 2, 4, 5, 8, 11, 30):
            for bits in (0x7FA00001, 0x3F800000, 0xFF812345):
                assert compiled("f", n, bits) == interpreted("f", n, bits)


def test_source() -> None:
    """What is generated is what one would write: no jump is told by a number where Python can say it."""
    text = """(module (memory 1) (func (param i32) (result i32) (local i32)
      (block (loop
        (br_if 1 (i32.ge_u (local.get 1) (local.get 0)))
        (i32.store8 (local.get 1) (i32.add (local.get 1) (i32.const 1)))
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br 0)))
      (local.get 1)))"""
    unit = Portable().compile(graph_of(program(text).funcs[0], loops=False))
    unit.entry(CALL)
    (source,) = unit.sources.values()
    assert source.count("while s.stop is None:") == 1
    assert "to =" not in source
    assert "& 255" in source


@pytest.mark.parametrize("depth", [10, 19, 40])
def test_deeply_nested(depth: int) -> None:
    """What is nested deeper than Python takes is left to the interpreter."""
    loops = "".join(f"(local.set {i + 1} (i32.const 2)) (loop" for i in range(depth))
    again = "".join(
        f"(br_if 0 (local.tee {i + 1} (i32.sub (local.get {i + 1}) (i32.const {1 if i > depth - 8 else 2})))))"
        for i in reversed(range(depth))
    )
    text = f"""(module (func (export "f") (param i32) (result i32) (local {"i32 " * depth})
      {loops} (local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1))) {again} (local.get 0)))"""
    compiled, interpreted = both(text)
    assert compiled("f", 5) == interpreted("f", 5)
    ladder = "".join(
        f"(if (result i32) (i32.eq (local.get 0) (i32.const {i})) (then (i32.const {i * i})) (else "
        for i in range(depth)
    )
    text = f"""(module (func (export "f") (param i32) (result i32)
      {ladder} (i32.const -1) {"))" * depth}))"""
    compiled, interpreted = both(text)
    assert [compiled("f", i) for i in (0, 7, depth, depth + 1)] == [
        interpreted("f", i) for i in (0, 7, depth, depth + 1)
    ]


def test_parallel_moves() -> None:
    """The parameters of a block get their values all at once."""
    text = """(module (func (export "f") (param i32 i32 i32 i32) (result i32) (local i32)
      (loop
        (local.set 4 (local.get 0))
        (local.set 0 (local.get 1)) (local.set 1 (local.get 2)) (local.set 2 (local.get 4))
        (br_if 0 (local.tee 3 (i32.sub (local.get 3) (i32.const 1)))))
      (i32.add (i32.mul (local.get 0) (i32.const 100))
        (i32.add (i32.mul (local.get 1) (i32.const 10)) (local.get 2)))))"""
    guest = Guest(text, Portable())
    assert [guest("f", 1, 2, 3, n) for n in (1, 2, 3, 4)] == [[231], [312], [123], [231]]


def test_parsed_graph_runs() -> None:
    """The portable back end runs what the text of a graph says: it is the IR's meaning."""
    guest = program('(module (func (export "f") (param i32) (result i32) (local.get 0)))')
    graph = parse_graph(
        """region of func 0
        entry call: b0
        v1 = i32.const 3
        b0:
          v0 = i32.home 0
          v2 = i32.mul v0, v1
          jump b1(v2, v0)
        b1(v3: i32, v4: i32) loop:
          v5 = i32.sub v3, v4
          branch v5 b1(v5, v4) b2
        b2:
          v6 = i32.add v3, v1
          return v6
        """.replace("\n        ", "\n"),
        guest,
    )
    unit = Portable().compile(graph)
    instance = instantiate(Store(), guest, [])
    code = guest.funcs[0]
    code.prepare()
    assert unit.entry(CALL)(instance, 1 << 20, 5) == 8
