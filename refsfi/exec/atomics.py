"""Atomic memory instructions (threads proposal).

Atomic accesses of one memory exclude each other through its lock, which makes them sequentially consistent; between
Python threads the interpreter's ordinary accesses are not torn either. Compiled code does not take the lock: where
there is any, accesses to a shared memory are done by the processor (`MemInst.atomics`). All of them are aligned, which
is checked before the bounds.
"""

from __future__ import annotations

from collections.abc import Callable

from refsfi.errors import Trap, TrapCode
from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.memory import access
from refsfi.exec.registry import lowering
from refsfi.runtime.memory import Atomics, MemInst
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Instr, MemArg

RMW: dict[str, Callable[[int, int], int]] = {
    "add": lambda old, x: old + x,
    "sub": lambda old, x: old - x,
    "and": lambda old, x: old & x,
    "or": lambda old, x: old | x,
    "xor": lambda old, x: old ^ x,
    "xchg": lambda old, x: x,
}


def _place(f: Frame, arg: MemArg, width: int, base: int) -> tuple[MemInst, int]:
    """The memory and the effective address of an atomic access, aligned and inside, or the trap."""
    mem = f.inst.mems[arg.mem]
    address = base + arg.offset
    if address % width:
        raise Trap(TrapCode.HEAP_MISALIGNED)
    if address + width > len(mem.data):
        raise mem.out_of_bounds(address)
    return mem, address


def read(mem: MemInst, address: int, width: int) -> int:
    return int.from_bytes(access(mem, address, width), "little")


def write(mem: MemInst, address: int, width: int, value: int) -> None:
    mem.data[address : address + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")


def native(mem: MemInst) -> Atomics | None:
    """What accesses a memory that compiled code in another thread may be accessing at the same time."""
    return MemInst.atomics if mem.waiters is not None else None


@lowering("atomic.load")
def lower_atomic_load(low: Lowerer, pc: int, instr: Instr) -> None:
    """The zero-extended value (threads proposal, `t.atomic.load`)."""
    low.emit_value(_atomic_load, instr.args[0], instr.op.width, low.pop())


def _atomic_load(arg: MemArg, width: int, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        mem, address = _place(f, arg, width, r[a])
        with mem.lock:
            machine = native(mem)
            if machine is not None:
                r[d] = machine("load", width, mem.base + address)
            else:
                r[d] = read(mem, address, width)
        return nxt

    return step


@lowering("atomic.store")
def lower_atomic_store(low: Lowerer, pc: int, instr: Instr) -> None:
    """Store the low bits (threads proposal, `t.atomic.store`)."""
    low.emit(_atomic_store, instr.args[0], instr.op.width, *low.pop_many(2))


def _atomic_store(arg: MemArg, width: int, a: int, b: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        mem, address = _place(f, arg, width, r[a])
        with mem.lock:
            machine = native(mem)
            if machine is not None:
                machine("xchg", width, mem.base + address, r[b])
            else:
                write(mem, address, width, r[b])
        return nxt

    return step


@lowering("atomic.rmw")
def lower_atomic_rmw(low: Lowerer, pc: int, instr: Instr) -> None:
    """Replace by the result of an operation; the old value (threads proposal, `t.atomic.rmw`)."""
    operation = instr.op.mnemonic.split(".")[-1].removesuffix("_u")
    low.emit_value(_atomic_rmw, operation, instr.args[0], instr.op.width, *low.pop_many(2))


def _atomic_rmw(operation: str, arg: MemArg, width: int, a: int, b: int, d: int, nxt: int) -> Step:
    compute = RMW[operation]

    def step(r: Regs, f: Frame) -> int:
        mem, address = _place(f, arg, width, r[a])
        with mem.lock:
            machine = native(mem)
            if machine is not None:
                old = machine(operation, width, mem.base + address, r[b])
            else:
                old = read(mem, address, width)
                write(mem, address, width, compute(old, r[b]))
        r[d] = old
        return nxt

    return step


@lowering("atomic.cmpxchg")
def lower_atomic_cmpxchg(low: Lowerer, pc: int, instr: Instr) -> None:
    """Replace if equal to the expected value; the old value (threads proposal, `t.atomic.rmw.cmpxchg`).

    The narrow forms compare the low bits of the expected value only: it is wrapped first.
    """
    low.emit_value(_atomic_cmpxchg, instr.args[0], instr.op.width, *low.pop_many(3))


def _atomic_cmpxchg(arg: MemArg, width: int, a: int, b: int, c: int, d: int, nxt: int) -> Step:
    wrap = (1 << (8 * width)) - 1

    def step(r: Regs, f: Frame) -> int:
        mem, address = _place(f, arg, width, r[a])
        with mem.lock:
            machine = native(mem)
            if machine is not None:
                old = machine("cmpxchg", width, mem.base + address, r[c], r[b])
            else:
                old = read(mem, address, width)
                if old == r[b] & wrap:
                    write(mem, address, width, r[c])
        r[d] = old
        return nxt

    return step


@lowering("atomic.wait")
def lower_atomic_wait(low: Lowerer, pc: int, instr: Instr) -> None:
    """0: woken, 1: the value is another, 2: the timeout in ns passed, negative for never (threads proposal)."""
    low.emit_value(_atomic_wait, instr.args[0], instr.op.width, *low.pop_many(3))


def _atomic_wait(arg: MemArg, width: int, a: int, b: int, c: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        mem, address = _place(f, arg, width, r[a])
        if mem.waiters is None:
            raise Trap(TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY)
        expected: int = r[b]
        nanoseconds = r[c]
        timeout = None if nanoseconds >> 63 else nanoseconds / 1e9
        store = f.store

        def differs() -> bool:
            return read(mem, address, width) != expected

        def stop() -> None:
            if store.stop is not None:
                raise store.stop

        r[d] = mem.waiters.wait(address, differs, timeout, stop)
        return nxt

    return step


@lowering("atomic.notify")
def lower_atomic_notify(low: Lowerer, pc: int, instr: Instr) -> None:
    """How many waiting threads were woken; none ever waits on a memory that is not shared (threads proposal)."""
    low.emit_value(_atomic_notify, instr.args[0], instr.op.width, *low.pop_many(2))


def _atomic_notify(arg: MemArg, width: int, a: int, b: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        mem, address = _place(f, arg, width, r[a])
        r[d] = 0 if mem.waiters is None else mem.waiters.notify(address, r[b])
        return nxt

    return step


@lowering("atomic.fence")
def lower_atomic_fence(low: Lowerer, pc: int, instr: Instr) -> None:
    """Nothing to order: Python threads see each other's writes in program order (threads proposal)."""
