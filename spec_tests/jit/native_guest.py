"""A guest in a few instructions of machine code, for tests of faults.

It is entered with values in all registers that the test knows, makes one access at `[r13 + rax + offset]`, and ends in
the landing, which writes all registers to the context: `fault_pc` is 0 if nothing faulted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jit import traps
from jit.x64.asm import Assembler
from jit.x64.codememory import CodeMemory
from jit.x64.libc import ffi
from jit.x64.nativestack import NativeStack
from jit.x64.registers import R8, R9, R10, R11, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP

__all__ = ["ACCESSES", "FAULT_ADDRESS", "FAULT_PC", "PATTERNS", "Context", "Guest"]

# Words of the context.
FAULT_PC, FAULT_ADDRESS, _C_STACK, _STACK, _GO, _REGISTERS, _VECTORS = 0, 1, 2, 3, 4, 8, 24
_WORDS = _VECTORS + 2 * 16

# What the registers hold at the access that have no role in it.
PATTERNS = {r: 0x1111111111111111 * r for r in (RBX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R14)}
_SAVED = (RBX, RBP, R12, R13, R14, R15)

Emit = Callable[[Assembler, int], None]


def _load(asm: Assembler, offset: int) -> None:
    asm.rmx("mov32", RAX, R13, RAX, 1, offset)


def _store(asm: Assembler, offset: int) -> None:
    asm.mrx("mov64", R13, RAX, 1, offset, RDX)


def _vector(asm: Assembler, offset: int) -> None:
    asm.rmx("movdqu", 0, R13, RAX, 1, offset)


def _add(asm: Assembler, offset: int) -> None:
    asm.mrx("add32", R13, RAX, 1, offset, RDX)


def _jump(asm: Assembler, offset: int) -> None:
    """Control flow that left compiled code: to an address that `rcx` holds."""
    asm.r("jmp64", RCX)


def _call(asm: Assembler, offset: int) -> None:
    """A call of the C function at `rcx` with the address of the memory's byte `rax` as its argument."""
    asm.rmx("lea64", RDI, R13, RAX, 1, offset)
    asm.r("call64", RCX)


def _absolute(asm: Assembler, offset: int) -> None:
    """A load of what `rcx` points to, wherever it is."""
    asm.rm("mov32", RAX, RCX, 0)


def _lost(asm: Assembler, offset: int) -> None:
    """A load out of bounds after r15 was overwritten by `rcx`."""
    asm.rr("mov64", R15, RCX)
    asm.rmx("mov32", RAX, R13, RAX, 1, offset)


def _wait(asm: Assembler, offset: int) -> None:
    """A loop that ends when somebody sets the context's word; then a load."""
    again = asm.label()
    asm.bind(again)
    asm.mi("cmp64", R15, 8 * _GO, 0)
    asm.jcc("e", again)
    _load(asm, offset)


ACCESSES: dict[str, Emit] = {
    "load": _load,
    "store": _store,
    "vector": _vector,
    "add": _add,
    "jump": _jump,
    "call": _call,
    "absolute": _absolute,
    "lost": _lost,
    "wait": _wait,
}


class Context:
    """What r15 points to, with a native stack. One for each thread."""

    def __init__(self) -> None:
        self.words: Any = ffi.new("uint64_t[]", _WORDS)
        self.stack = NativeStack(1 << 16)
        self.words[_STACK] = self.stack.top

    @property
    def fault(self) -> tuple[int, int]:
        """pc and address of the last fault."""
        return self.words[FAULT_PC], self.words[FAULT_ADDRESS]

    def register(self, number: int) -> int:
        """What a register held at the landing."""
        return int(self.words[_REGISTERS + number])

    def vector(self, number: int) -> int:
        """The low half of what a vector register held at the landing."""
        return int(self.words[_VECTORS + 2 * number])

    def go(self) -> None:
        """End the loop of the access `wait`."""
        self.words[_GO] = 1


class Guest:
    """Code with one access and one landing, for which faults are redirected."""

    def __init__(self) -> None:
        self.memory = CodeMemory(1 << 20)
        asm = Assembler()
        self.landing = self._emit_landing(asm)
        block = self.memory.allocate(asm.size)
        block.write(asm.finish(block.address))
        self.landing += block.address
        self._entries: dict[tuple[str, int], tuple[Any, int]] = {}

    def install(self) -> Guest:
        traps.install(self.landing, fault_pc=8 * FAULT_PC, fault_address=8 * FAULT_ADDRESS)
        return self

    def run(
        self, context: Context, base: int, index: int, access: str = "load", *, offset: int = 0, target: int = 0
    ) -> int:
        """Make the access and return eax; `target` is what rcx holds."""
        entry, _ = self._entry(access, offset)
        context.words[FAULT_PC] = context.words[FAULT_ADDRESS] = 0
        return int(entry(context.words, base, index, target))

    def access_at(self, access: str, offset: int = 0) -> int:
        """The address of the instruction that `access` begins with."""
        return self._entry(access, offset)[1]

    def _entry(self, access: str, offset: int) -> tuple[Any, int]:
        found = self._entries.get((access, offset))
        if found is None:
            asm = Assembler()
            for register in _SAVED:
                asm.r("push64", register)
            asm.rr("mov64", R15, RDI)
            asm.rr("mov64", R13, RSI)
            asm.rr("mov64", RAX, RDX)
            asm.mr("mov64", R15, 8 * _C_STACK, RSP)
            asm.rm("mov64", RSP, R15, 8 * _STACK)
            for register, value in PATTERNS.items():
                asm.ri("mov64", register, value)
            for number in range(16):
                asm.rr("movq_xr", number, RDX)
                asm.ri("add64", RDX, 1)
            asm.ri("mov64", RDX, PATTERNS[RDX])
            start = len(asm.code)
            ACCESSES[access](asm, offset)
            asm.jmp_abs(self.landing)
            block = self.memory.allocate(asm.size)
            block.write(asm.finish(block.address))
            entry = ffi.cast("uint32_t (*)(uint64_t *, uint64_t, uint64_t, uint64_t)", block.address)
            found = self._entries[access, offset] = entry, block.address + start
        return found

    def _emit_landing(self, asm: Assembler) -> int:
        """Its offset in the block."""
        start = len(asm.code)
        for register in range(16):
            asm.mr("mov64", R15, 8 * (_REGISTERS + register), register)
        for number in range(16):
            asm.mr("movdqu", R15, 8 * (_VECTORS + 2 * number), number)
        asm.rm("mov64", RSP, R15, 8 * _C_STACK)
        for register in reversed(_SAVED):
            asm.r("pop64", register)
        asm.op("ret")
        return start
