"""The way into compiled code and out of it: one piece of machine code for the process.

`enter(vm, entry, instance, reserve, words)` saves the host's registers, goes over to the native stack, reserves
`reserve` bytes there for arguments, copies `words` words of them from the buffer of the VM context, and calls the
entry. It returns how the region ended: RETURNED, LEFT, FAULTED, REFUSED; or HELPED, where it waits for the interpreter
to execute an instruction. `resume(vm, -, instance, -, -)` lets it go on then, with the result or results in `RESULTS`.

In the cases LEFT, FAULTED and REFUSED all registers are in the VM context, in the case of HELPED the stack pointer. The
frames below on the native stack are read from there by `unit.py` and are gone with the next entry.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from jit.x64 import layout as at
from jit.x64.asm import Assembler
from jit.x64.registers import R8, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP

__all__ = ["FAULTED", "HELPED", "LEFT", "REFUSED", "RETURNED", "Stubs", "encode_stubs"]

RETURNED: Final = 0
LEFT: Final = 1
FAULTED: Final = 2
REFUSED: Final = 3
HELPED: Final = 4

_SAVED: Final = (RBX, RBP, R12, R13, R14, R15)


class Stubs(NamedTuple):
    """Offsets. `back`: where the outermost region returns to. `landing`: where exits go, with their number in eax.
    `fault`: where the signal handler goes. `refused`: where a call goes whose callee cannot be entered natively.
    `helper`: what is called for an instruction that the interpreter executes."""

    code: bytes
    enter: int
    back: int
    landing: int
    fault: int
    refused: int
    helper: int
    resume: int


def encode_stubs() -> Stubs:
    asm = Assembler()
    enter = len(asm.code)
    _go_over(asm, at.STACK_TOP)
    asm.rr("sub64", RSP, RCX)
    copied, again = asm.label(), asm.label()
    asm.rr("test64", R8, R8)
    asm.jcc("e", copied)
    asm.bind(again)
    asm.rmx("mov64", RAX, at.VM, R8, 8, at.BUFFER - 8)
    asm.mrx("mov64", RSP, R8, 8, -8, RAX)
    asm.ri("sub64", R8, 1)
    asm.jcc("ne", again)
    asm.bind(copied)
    asm.r("call64", RSI)
    back = len(asm.code)
    asm.mr("mov64", at.VM, at.GPRS, RAX)
    asm.mr("movups", at.VM, at.XMMS, 0)
    asm.ri("mov32", RAX, RETURNED)
    out = asm.label()
    asm.bind(out)
    asm.m("ldmxcsr", at.VM, at.MXCSR + 4)
    asm.rm("mov64", RSP, at.VM, at.HOST_RSP)
    for register in reversed(_SAVED):
        asm.r("pop64", register)
    asm.op("ret")

    dump = asm.label()
    asm.align(16)
    landing = len(asm.code)
    asm.mr("mov32", at.VM, at.EXIT, RAX)
    asm.ri("mov32", RAX, LEFT)
    asm.bind(dump)
    for register in range(1, 16):
        asm.mr("mov64", at.VM, at.GPRS + 8 * register, register)
    for register in range(16):
        asm.mr("movups", at.VM, at.XMMS + 16 * register, register)
    asm.jmp(out)
    fault = len(asm.code)
    asm.ri("mov32", RAX, FAULTED)
    asm.jmp(dump)
    refused = len(asm.code)
    asm.ri("mov32", RAX, REFUSED)
    asm.jmp(dump)
    helper = len(asm.code)
    asm.mr("mov64", at.VM, at.WAITING, RSP)
    asm.ri("mov32", RAX, HELPED)
    asm.jmp(out)
    asm.align(16)
    resume = len(asm.code)
    _go_over(asm, at.WAITING)
    asm.rm("mov64", RAX, at.VM, at.RESULTS)
    asm.rm("movups", 0, at.VM, at.RESULTS)
    asm.op("ret")
    return Stubs(asm.finish(0), enter, back, landing, fault, refused, helper, resume)


def _go_over(asm: Assembler, stack: int) -> None:
    """From the host's registers and stack to the guest's; `stack`: which word of the VM context the latter is in."""
    for register in _SAVED:
        asm.r("push64", register)
    asm.rr("mov64", at.VM, RDI)
    asm.rr("mov64", at.INSTANCE, RDX)
    asm.m("stmxcsr", at.VM, at.MXCSR + 4)
    asm.m("ldmxcsr", at.VM, at.MXCSR)
    asm.mr("mov64", at.VM, at.HOST_RSP, RSP)
    asm.rm("mov64", RSP, at.VM, stack)
    asm.rm("mov64", at.MEMORY, at.INSTANCE, at.MEMORY_BASE)
