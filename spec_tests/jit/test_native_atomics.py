"""The machine code by which the interpreter accesses memories that compiled code may be accessing at the same time."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from refsfi.exec.atomics import RMW
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store
from refsfi.syntax import opcodes
from refsfi.syntax.types import I32, Limits, MemType
from spec_tests.jit.rows_support import backend, interesting
from spec_tests.jit.support import Driver, program

_ACCESSES = [
    row.mnemonic for row in opcodes.OPS if row.prefix == 0xFE and row.width and not row.mnemonic.startswith("memory.")
]


def _machine() -> Any:
    backend(0)
    assert MemInst.atomics is not None
    return MemInst.atomics


def _memory() -> MemInst:
    return MemInst(MemType(Limits(1, 1), I32, True, 16))


@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("operation", ["load", "cmpxchg", *RMW])
def test_operations(operation: str, width: int) -> None:
    """The old value, the new one, and the bytes around it."""
    machine, memory, rng = _machine(), _memory(), random.Random(f"{operation} {width}")
    wrap = (1 << 8 * width) - 1
    for _ in range(300):
        before = rng.randbytes(24)
        memory.data[:24] = before
        old = int.from_bytes(before[8 : 8 + width], "little")
        operand, expected = interesting("i64", rng), rng.choice([old, interesting("i64", rng), old | 1 << 63])
        if operation == "load":
            new = old
        elif operation == "cmpxchg":
            new = operand if old == expected & wrap else old
        else:
            new = RMW[operation](old, operand)
        assert machine(operation, width, memory.base + 8, operand, expected) == old
        after = before[:8] + (new & wrap).to_bytes(width, "little") + before[8 + width :]
        assert bytes(memory.data[:24]) == after, (before.hex(), hex(operand), hex(expected))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", _ACCESSES)
def test_the_interpreter_uses_them_for_shared_memories(
    name: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, rng = _machine(), random.Random(name)
    calls: list[tuple[Any, ...]] = []

    def spy(*arguments: int) -> int:
        calls.append(arguments)
        return int(machine(*arguments))

    row = opcodes.BY_MNEMONIC[name]
    types = ["i32", *(str(t) for t in (row.operands or ())[1:])]
    results = " ".join(str(t) for t in row.results or ())
    gets = " ".join(f"(local.get {i})" for i in range(len(types)))
    access = f"(param {' '.join(types)}) (result {results}) ({name} offset=8 {gets})"
    text = f'(module (memory (export "m") 1 1{" shared" * shared}) (func (export "f") {access}))'
    store = Store()
    instance = instantiate(store, program(text), [])
    func: Any = instance.exports["f"]
    alone = instantiate(store, program(text), [])
    same: Any = alone.exports["f"]
    for _ in range(20):
        operands = [interesting(t, rng) for t in types[1:]]
        if "cmpxchg" in name and rng.random() < 0.5:
            operands[0] = int.from_bytes(instance.mems[0].data[16 : 16 + row.width], "little")
        monkeypatch.setattr(MemInst, "atomics", spy)
        got = invoke(store, func, [8, *operands])
        monkeypatch.setattr(MemInst, "atomics", None)
        assert list(got) == list(invoke(store, same, [8, *operands]))
        assert bytes(instance.mems[0].data[:32]) == bytes(alone.mems[0].data[:32])
    assert len(calls) == (20 if shared else 0)


def test_interpreter_and_compiled_code_do_not_come_between_each_other() -> None:
    step = """(drop (i32.atomic.rmw.add (i32.const 0) (i32.const 3)))
      (drop (i64.atomic.rmw.xor (i32.const 8) (i64.const -1)))"""
    text = f"""(module (import "" "memory" (memory 1 1 shared)) (func (export "run") {step * 50}))"""
    memory = _memory()
    compiled = Driver(text, backend(1), imports=[memory])
    compiled.compile()
    store = Store()
    interpreted: Any = instantiate(store, program(text), [memory]).exports["run"]
    finished = threading.Event()
    counts = [0, 0]

    def native() -> None:
        while not finished.is_set():
            compiled("run")
            counts[0] += 50

    thread = threading.Thread(target=native)
    thread.start()
    for _ in range(400):
        invoke(store, interpreted, [])
        counts[1] += 50
    finished.set()
    thread.join()
    assert counts[0]
    assert int.from_bytes(memory.data[0:4], "little") == 3 * sum(counts)
    assert bytes(memory.data[8:16]) == bytes(8)
