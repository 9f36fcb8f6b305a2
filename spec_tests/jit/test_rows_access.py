"""Machine code of vector loads and stores, of atomics, and of memory.fill and memory.copy, beside the interpreter:
results, the whole memory, and traps."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jit.x64 import layout as at
from jit.x64.asm import Assembler
from jit.x64.registers import RSP
from refsfi.errors import Trap
from refsfi.exec.bulk import BYTES
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store
from refsfi.syntax import opcodes
from refsfi.syntax.types import I32, Limits, MemType
from spec_tests.jit.rows_support import SETUPS, backend, interesting, left
from spec_tests.jit.support import Driver, program

_PAGE = 65536

# Memories: an address type, and which of two memories is accessed.
_MEMORIES = [("i32", 0), ("i32", 1), ("i64", 0), ("i64", 1)]
_CONFIGURATIONS = [
    (setup, explicit, memory)
    for setup, explicit in ((0, False), (1, False), (2, True), (3, False))
    for memory in range(len(_MEMORIES))
]
_IDS = [
    f"{SETUPS[setup][0]}{', explicit' if explicit else ''}, {_MEMORIES[memory][0]} memory {_MEMORIES[memory][1]}"
    for setup, explicit, memory in _CONFIGURATIONS
]


class _Pair:
    """Two instances of a module with two equal memories: one whose functions are compiled, one for the interpreter."""

    def __init__(self, functions: str, address: str, setup: int, explicit: bool, *, shared: bool = False) -> None:
        limits = "1 1 shared" if shared else "1 1"
        memories = f"(memory {address} {limits}) (memory {address} {limits})"
        text = f"(module {memories} {functions})"
        self.driver = Driver(text, backend(setup, explicit=explicit))
        self.driver.compile()
        compiled: Any = [code.tier for code in self.driver.program.funcs]
        assert all(tier.unit is not None for tier in compiled), "not all was compiled"
        self.store = Store()
        self.instance = instantiate(self.store, program(text), [])

    def fill(self, seed: int) -> None:
        for number in range(2):
            content = random.Random(seed + number).randbytes(_PAGE)
            for instance in (self.driver.instance, self.instance):
                instance.mems[number].data[:] = content

    def compare(self, export: str, *arguments: Any) -> bool:
        """Call both; whether it trapped."""
        self.driver.departures.clear()
        func: Any = self.instance.exports[export]
        expected, got = _outcome(invoke, self.store, func, list(arguments)), _outcome(self.driver, export, *arguments)
        assert got == expected, (export, arguments)
        for mine, theirs in zip(self.driver.instance.mems, self.instance.mems):
            assert bytes(mine.data) == bytes(theirs.data), (export, arguments)
        trapped = not isinstance(expected, list)
        assert trapped or not left(self.driver), (export, arguments, "left")
        return trapped


def _outcome(function: Any, *arguments: Any) -> Any:
    try:
        return list(function(*arguments))
    except Trap as trap:
        return str(trap)


def _addresses(width: int, offset: int, rng: random.Random, wide: bool) -> Iterator[int]:
    """Of first and last bytes, around them, and far away."""
    for last in (_PAGE - width - offset, _PAGE - offset, _PAGE):
        yield from (last - 1, last, last + 1)
    yield from (0, 1, width, 0xFFFFFFFF, 0x80000000)
    if wide:
        yield from ((1 << 64) - 1, (1 << 64) - width - offset, 1 << 63, 1 << 32)
    for _ in range(10):
        yield rng.randrange(_PAGE // width) * width
        yield rng.randrange(_PAGE)


def _accesses() -> list[str]:
    rows = [row for row in opcodes.OPS if row.width and row.operands is not None]
    vectors = [row.mnemonic for row in rows if row.mnemonic.startswith("v128.")]
    atomics = [row.mnemonic for row in rows if row.prefix == 0xFE and not row.mnemonic.startswith("memory.")]
    scalars = ["f32.load", "f64.load", "f32.store", "f64.store"]
    assert len(vectors) == 22
    assert len(atomics) == 63
    return vectors + atomics + scalars


def _function(name: str, address: str, memory: int, offset: int, lane: int | None, number: int) -> str:
    """The access; address and operands live on, or die with it."""
    row = opcodes.BY_MNEMONIC[name]
    operands = [str(t) for t in (row.operands or ())[1:]]
    results = [str(t) for t in row.results or ()]
    params = " ".join([address, *operands])
    gets = " ".join(f"(local.get {i})" for i in range(len(operands) + 1))
    op = f"{name} {memory} offset={offset}" + ("" if lane is None else f" {lane}")
    dying = f'(func (export "{number}") (param {params}) (result {" ".join(results)}) ({op} {gets}))'
    lasting = f'(func (export "{number}+") (param {params}) (result {" ".join(results)} {params}) ({op} {gets}) {gets})'
    dropped = f'(func (export "{number}-") (param {params}) ({op} {gets}) {"drop" * len(results)})'
    return dying + lasting + dropped


@pytest.mark.parametrize("configuration", range(len(_CONFIGURATIONS)), ids=_IDS)
@pytest.mark.parametrize("name", _accesses())
def test_accesses(name: str, configuration: int) -> None:
    setup, explicit, which = _CONFIGURATIONS[configuration]
    address, memory = _MEMORIES[which]
    row = opcodes.BY_MNEMONIC[name]
    rng = random.Random(f"{name} {configuration}")
    lanes = range(16 // row.width) if name.endswith("_lane") else [None]
    # Alignment is checked of the sum of address and offset.
    kinds = [(offset, lane) for offset in (0, 8, 3) for lane in lanes]
    functions = [_function(name, address, memory, offset, lane, i) for i, (offset, lane) in enumerate(kinds)]
    pair = _Pair("".join(functions), address, setup, explicit, shared=row.prefix == 0xFE)
    pair.fill(1)
    trapped = passed = 0
    for i, (offset, _) in enumerate(kinds):
        for where in _addresses(row.width, offset, rng, address == "i64"):
            operands = [interesting(str(t), rng) for t in (row.operands or ())[1:]]
            if "cmpxchg" in name and rng.random() < 0.5:
                data = pair.instance.mems[memory].data
                operands[0] = int.from_bytes(data[where + offset :][: row.width], "little")
            for form in ("", "+", "-"):
                if pair.compare(f"{i}{form}", where % (1 << int(address[1:])), *operands):
                    trapped += 1
                else:
                    passed += 1
    assert trapped
    assert passed


_BULK = """
(func (export "fill") (param $d A) (param $x i32) (param $n A)
  (memory.fill M (local.get $d) (local.get $x) (local.get $n)))
(func (export "fill+") (param $d A) (param $x i32) (param $n A) (result A i32 A)
  (memory.fill M (local.get $d) (local.get $x) (local.get $n)) (local.get $d) (local.get $x) (local.get $n))
(func (export "copy") (param $d A) (param $s A) (param $n A)
  (memory.copy M M (local.get $d) (local.get $s) (local.get $n)))
(func (export "copy+") (param $d A) (param $s A) (param $n A) (result A A A)
  (memory.copy M M (local.get $d) (local.get $s) (local.get $n)) (local.get $d) (local.get $s) (local.get $n))
(func (export "copy same") (param $d A) (param $n A)
  (memory.copy M M (local.get $d) (local.get $d) (local.get $n)))
(func (export "copy across") (param $d A) (param $s A) (param $n A)
  (memory.copy 0 1 (local.get $d) (local.get $s) (local.get $n)))
(func (export "copy pressed") (param $d A) (param $s A) (param $n A) (result A A A A A A A)
  (local $a A) (local $b A) (local $c A) (local $e A)
  (local.set $a (A.add (local.get $d) (local.get $s))) (local.set $b (A.add (local.get $s) (local.get $n)))
  (local.set $c (A.xor (local.get $d) (local.get $s))) (local.set $e (A.xor (local.get $s) (local.get $n)))
  (local.set $d (A.sub (local.get $a) (local.get $s)))
  (memory.copy M M (local.get $d) (local.get $s) (local.get $n))
  (local.get $a) (local.get $b) (local.get $c) (local.get $e) (local.get $d) (local.get $s) (local.get $n))
"""


@pytest.mark.parametrize("configuration", range(len(_CONFIGURATIONS)), ids=_IDS)
def test_bulk(configuration: int) -> None:
    setup, explicit, which = _CONFIGURATIONS[configuration]
    address, memory = _MEMORIES[which]
    sizes = [*range(34), 64]
    known = "".join(
        f'(func (export "fill {n}") (param A i32) (memory.fill M (local.get 0) (local.get 1) (A.const {n})))'
        f'(func (export "copy {n}") (param A A) (memory.copy M M (local.get 0) (local.get 1) (A.const {n})))'
        for n in sizes
    )
    pair = _Pair((_BULK + known).replace("A", address).replace("M", str(memory)), address, setup, explicit)
    pair.fill(2)
    rng = random.Random(configuration)
    limit = 1 << int(address[1:])
    trapped = passed = 0
    for _ in range(400):
        count = rng.choice([0, 1, 2, 7, 8, 9, 15, 16, 17, 100, 4096, _PAGE, _PAGE + 1, limit - 1, rng.randrange(_PAGE)])
        dest = rng.choice([0, _PAGE, _PAGE + 1, limit - 1, _PAGE - count, rng.randrange(_PAGE)]) % limit
        start = rng.choice([dest, dest + 1, dest - 1, dest + 7, dest - 9, rng.randrange(_PAGE), _PAGE - count]) % limit
        size = rng.choice(sizes)
        calls: list[tuple[Any, ...]] = [
            *((name, dest, start, count) for name in ("copy", "copy+", "copy across", "copy pressed")),
            *((name, dest, rng.getrandbits(32), count) for name in ("fill", "fill+")),
            ("copy same", dest, count),
            (f"copy {size}", dest, start),
            (f"fill {size}", dest, rng.getrandbits(32)),
        ]
        for call in calls:
            if pair.compare(*call):
                trapped += 1
            else:
                passed += 1
    assert trapped > 200
    assert passed > 200


def test_long_bulk_instructions_leave() -> None:
    """They are the interpreter's, who can be stopped in them; what is as long as a piece of theirs is not."""
    text = """(module (memory 40)
      (func (export "fill") (param i32) (memory.fill (i32.const 5) (i32.const 7) (local.get 0)))
      (func (export "copy") (param i32) (memory.copy (i32.const 1) (i32.const 0) (local.get 0))))"""
    driver = Driver(text, backend(1))
    driver.compile()
    for count, leaves in ((BYTES, 0), (BYTES + 1, 1)):
        for name in ("fill", "copy"):
            driver.departures.clear()
            for _ in range(5):
                driver(name, count)
            asked = len(driver.departures) - left(driver)
            assert left(driver) == leaves * (5 - asked), (name, count)
    data = driver.instance.mems[0].data
    assert bytes(data[10 : BYTES + 6]) == bytes([7]) * (BYTES - 4)


@pytest.mark.parametrize("count", ["(i32.const 3)", "(local.get 0)"])
def test_metered_bulk_instructions_pay_by_their_length(count: str) -> None:
    text = f"""(module (memory 1)
      (func (export "fill") (param i32) (memory.fill (i32.const 5) (i32.const 7) {count}))
      (func (export "copy") (param i32) (memory.copy (i32.const 4) (i32.const 5) {count})))"""
    driver = Driver(text, backend(1), fuel=1000)
    driver.compile()
    interpreted = Store(fuel=1000)
    instance = instantiate(interpreted, program(text, metered=True), [])
    for amount in (0, 3, 40, 100, 300, 300, 300):
        for name in ("fill", "copy"):
            func: Any = instance.exports[name]
            before = interpreted.fuel
            expected = _outcome(invoke, interpreted, func, [amount])
            driver.departures.clear()
            assert _outcome(driver, name, amount) == expected
            assert driver.store.fuel == interpreted.fuel
            if expected == []:
                assert not left(driver), (name, amount)
            else:
                # Once all fuel is consumed the region is not even entered.
                assert bool(driver.departures) == (before != 0), (name, amount)
    assert bytes(driver.instance.mems[0].data[:500]) == bytes(instance.mems[0].data[:500])


_WRITING = [name for name in _accesses() if ".atomic." in name and not name.split(".")[2].startswith("load")]


@pytest.mark.parametrize("name", _WRITING)
def test_atomic_writes_lock(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread of a test comes between two halves of an instruction for sure, so it is looked at what is written."""
    driver = Driver(f"(module (memory 1 1 shared) {_function(name, 'i32', 0, 0, None, 0)})", backend(0))
    written: list[str] = []
    plain = Assembler.mr

    def mr(self: Assembler, name: str, base: int, disp: int, src: int) -> None:
        if base not in (RSP, at.VM):
            written.append(name)
        plain(self, name, base, disp, src)

    monkeypatch.setattr(Assembler, "mr", mr)
    monkeypatch.setattr(Assembler, "mrx", None)
    driver.compile()
    # The two forms whose result is used, and the one where it is not.
    assert len(written) == 3
    assert all(name.startswith(("lock_", "xchg")) for name in written), written


_STEP = """
  (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 3)))
  (drop (i64.atomic.rmw8.sub_u (i32.const 9) (i64.const 1)))
  (drop (i32.atomic.rmw16.xor_u (i32.const 12) (i32.const 0x5555)))
  (local.set $old (i32.atomic.load (i32.const 16)))
  (local.set $won (i32.add (local.get $won) (i32.eq (local.get $old)
    (i32.atomic.rmw.cmpxchg (i32.const 16) (local.get $old) (i32.add (local.get $old) (i32.const 1))))))"""
_STEPS, _CALLS = 40, 500


def test_threads_do_not_come_between() -> None:
    """Two threads, each with a store of its own, in compiled code on one memory at once. Now and then they are asked to
    leave, and do a step in the interpreter."""
    text = f"""(module (import "" "memory" (memory 1 1 shared))
      (func (export "run") (result i32) (local $old i32) (local $won i32)
      {_STEP * _STEPS} (local.get $won)))"""
    memory = MemInst(MemType(Limits(1, 1), I32, True, 16))
    drivers = [Driver(text, backend(1), imports=[memory]) for _ in range(2)]
    won: list[int] = []

    def run(driver: Driver) -> None:
        for _ in range(_CALLS):
            won.append(driver("run")[0])

    for driver in drivers:
        driver.compile()
    threads = [threading.Thread(target=run, args=(driver,)) for driver in drivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    steps = 2 * _CALLS * _STEPS
    data = bytes(memory.data[:20])
    assert int.from_bytes(data[0:4], "little") == 3 * steps
    assert data[9] == -steps % 256
    assert data[12:14] == bytes(2)
    assert int.from_bytes(data[16:20], "little") == sum(won)
    assert len(won) == 2 * _CALLS
