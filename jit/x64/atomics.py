"""Atomic accesses for the interpreter. What Python does in several steps is not atomic against compiled code, which
runs without its lock on the same shared memory; so the interpreter has machine code of its own for them.

A function takes the address, the operand and, for `cmpxchg`, the expected value, and returns the old value,
zero-extended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jit.x64.asm import Assembler
from jit.x64.codememory import CodeMemory
from jit.x64.libc import ffi
from jit.x64.registers import RAX, RDI, RDX, RSI

__all__ = ["NativeAtomics", "encode_atomics"]

_OPERATIONS: Final = ("load", "add", "sub", "and", "or", "xor", "xchg", "cmpxchg")
_READS: Final = {1: "movzx8_32", 2: "movzx16_32", 4: "mov32", 8: "mov64"}


def encode_atomics() -> tuple[bytes, dict[tuple[str, int], int]]:
    """The functions, and where each is: (operation, width in bytes) -> offset."""
    asm = Assembler()
    offsets: dict[tuple[str, int], int] = {}
    for operation in _OPERATIONS:
        for width in _READS:
            asm.align(16)
            offsets[operation, width] = len(asm.code)
            _encode(asm, operation, width)
    return asm.finish(0), offsets


def _encode(asm: Assembler, operation: str, width: int) -> None:
    bits = 8 * width
    if operation == "load":
        asm.rm(_READS[width], RAX, RDI, 0)
        asm.op("ret")
        return
    if operation == "cmpxchg":
        asm.rr("mov64", RAX, RDX)
        asm.mr(f"lock_cmpxchg{bits}", RDI, 0, RSI)
    elif operation in ("add", "sub", "xchg"):
        asm.rr("mov64", RAX, RSI)
        if operation == "sub":
            asm.r("neg64", RAX)
        asm.mr(f"xchg{bits}" if operation == "xchg" else f"lock_xadd{bits}", RDI, 0, RAX)
    else:
        again = asm.label()
        asm.rm(_READS[width], RAX, RDI, 0)
        asm.bind(again)
        asm.rr("mov64", RDX, RAX)
        asm.rr(f"{operation}64", RDX, RSI)
        asm.mr(f"lock_cmpxchg{bits}", RDI, 0, RDX)
        asm.jcc("ne", again)
    if width < 8:
        asm.rr(_READS[width], RAX, RAX)
    asm.op("ret")


class NativeAtomics:
    """What `MemInst.atomics` is where there is compiled code."""

    def __init__(self, memory: CodeMemory) -> None:
        """CodeMemoryFull."""
        code, offsets = encode_atomics()
        self._block = memory.allocate(len(code))
        self._block.write(code)
        signature = "uint64_t(*)(uint64_t, uint64_t, uint64_t)"
        self._functions: dict[tuple[str, int], Callable[[int, int, int], int]] = {
            key: ffi.cast(signature, self._block.address + offset) for key, offset in offsets.items()
        }

    def __call__(self, operation: str, width: int, address: int, operand: int = 0, expected: int = 0) -> int:
        """Access `width` bytes at an address of the process, aligned and accessible; operands are unsigned. The old
        value."""
        return self._functions[operation, width](address, operand, expected)
