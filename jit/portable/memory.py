"""Accesses to memory that are more than a load or store of a number, as functions of the memory and the effective
address.

Each raises one of `support.FAULTS` before it has written anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jit.ir.ops import IrOp
from jit.portable.support import Check
from refsfi.errors import Crash
from refsfi.exec.atomics import RMW, read, write
from refsfi.exec.bulk import BYTES
from refsfi.exec.memory import WIDEN, access
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store

__all__ = ["copy", "fill", "memory_access"]


def memory_access(op: IrOp, imm: Any) -> Callable[..., Any]:
    """The function for a vector load, a lane or an atomic instruction: `f(memory, address, *operands)`."""
    if op.wasm is None:
        raise Crash(f"{op.name} is no access to memory")
    rule, width = op.wasm.rule, op.wasm.width
    if rule == "vload_lane":
        return _load_lane(width, imm[1] * width)
    if rule == "vstore_lane":
        return _store_lane(width, imm[1] * width)
    if rule == "atomic.load":
        return _atomic(width, lambda mem, address: read(mem, address, width))
    if rule == "atomic.store":
        return _atomic(width, lambda mem, address, value: write(mem, address, width, value))
    if rule == "atomic.rmw":
        return _atomic(width, _read_modify_write(RMW[op.name.split(".")[-1].removesuffix("_u")], width))
    if rule == "atomic.cmpxchg":
        return _atomic(width, _compare_exchange(width))
    return _widening(width, WIDEN[op.name])


def _widening(width: int, widen: Callable[[bytes], bytes]) -> Callable[..., bytes]:
    return lambda mem, address: widen(access(mem, address, width))


def _load_lane(width: int, at: int) -> Callable[..., bytes]:
    def load(mem: MemInst, address: int, vector: bytes) -> bytes:
        return vector[:at] + access(mem, address, width) + vector[at + width :]

    return load


def _store_lane(width: int, at: int) -> Callable[..., None]:
    def store(mem: MemInst, address: int, vector: bytes) -> None:
        if address + width > len(mem.data):
            raise Check
        mem.data[address : address + width] = vector[at : at + width]

    return store


def _atomic(width: int, function: Callable[..., Any]) -> Callable[..., Any]:
    def atomic(mem: MemInst, address: int, *operands: int) -> Any:
        if address % width or address + width > len(mem.data):
            raise Check
        with mem.lock:
            return function(mem, address, *operands)

    return atomic


def _read_modify_write(operation: Callable[[int, int], int], width: int) -> Callable[..., int]:
    def modify(mem: MemInst, address: int, operand: int) -> int:
        old = read(mem, address, width)
        write(mem, address, width, operation(old, operand))
        return old

    return modify


def _compare_exchange(width: int) -> Callable[..., int]:
    wrap = (1 << (8 * width)) - 1

    def exchange(mem: MemInst, address: int, expected: int, replacement: int) -> int:
        old = read(mem, address, width)
        if old == expected & wrap:
            write(mem, address, width, replacement)
        return old

    return exchange


def fill(store: Store, mem: MemInst, dest: int, value: int, count: int) -> None:
    """`memory.fill`. What takes long is left to the interpreter, which can be interrupted in it."""
    data = mem.data
    if count > BYTES or dest + count > len(data):
        raise Check
    _pay(store, count)
    data[dest : dest + count] = bytes((value & 0xFF,)) * count


def copy(store: Store, target: MemInst, origin: MemInst, dest: int, start: int, count: int) -> None:
    """`memory.copy`, likewise."""
    if count > BYTES or start + count > len(origin.data) or dest + count > len(target.data):
        raise Check
    _pay(store, count)
    target.data[dest : dest + count] = origin.data[start : start + count]


def _pay(store: Store, count: int) -> None:
    """Take the fuel for so many bytes, if there is as much."""
    if store.fuel is not None:
        if store.fuel < count:
            raise Check
        store.fuel -= count
