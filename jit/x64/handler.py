"""The signal handler for faults of compiled code, as machine code.

It runs in whatever thread faulted, without Python, without locks and without the C library: it reads the tables of
ranges, which are only appended to, and either redirects the thread or passes the signal on.

It redirects when all of this holds:

- the kernel raised the signal for an access that its mappings forbid (`si_code` 1 or 2); a signal that somebody sent
  has a number of zero or less there, and no address;
- the instruction lies in memory for guests' code;
- the address lies in a reservation of linear memories.

Then the landing gets all registers as the faulting instruction found them, but for rip, which with the fault's address
is written to the context that r15 points to. Writing that may fault itself, if compiled code lost its r15; such a fault
is at an instruction of the handler, which does not lie in memory for guests' code, so it is passed on.

Passing on is what would have happened without us. A function is jumped to with the registers and the stack that the
kernel made, so that it cannot tell the difference. To die of the default action, the action is made the default and the
instruction repeated, so that a core dump shows it; a signal that was sent is sent again. A fault that is ignored is
fatal all the same, and one that was sent is not.
"""

from __future__ import annotations

from typing import NamedTuple

from jit.x64.asm import Assembler
from jit.x64.registers import R8, R9, R10, RAX, RCX, RDI, RDX, RSI

__all__ = ["ACTION", "DEFAULT", "IGNORE", "ONCE", "SI_CODE", "UC_RIP", "HandlerLayout", "encode_handler", "search"]

# siginfo_t and ucontext_t of x86-64 Linux: offsets in bytes.
SI_CODE = 8
_SI_ADDR = 16
_UC_R15 = 96
UC_RIP = 168

# The record of what to pass on to: two words. The action is DEFAULT, IGNORE or the address of a function; ONCE tells
# whether it is the default from its first use on (SA_RESETHAND).
ACTION = 0
ONCE = 8
DEFAULT = 0
IGNORE = 1

# System calls.
_RT_SIGACTION = 13
_GETPID = 39
_GETTID = 186
_TGKILL = 234
_SIGSET_SIZE = 8


class HandlerLayout(NamedTuple):
    """Addresses and offsets that a handler is made for.

    `code` and `memory`: tables of ranges (`runtime.ranges`). `landing`: a word with the address to go on at, zero while
    there is none. `record`: what to pass on to, see above. `default`: 32 zero bytes, the kernel's notation of the
    default action. `fault_pc` and `fault_address`: offsets of two words in the context that r15 points to.
    """

    code: int
    memory: int
    landing: int
    record: int
    default: int
    fault_pc: int
    fault_address: int


def encode_handler(layout: HandlerLayout) -> bytes:
    """The handler, for any place. At its entry edi is the signal, rsi the siginfo_t, rdx the ucontext_t."""
    asm = Assembler()
    pass_on = asm.label()

    asm.rm("mov32", RAX, RSI, SI_CODE)
    asm.ri("sub32", RAX, 1)
    asm.ri("cmp32", RAX, 1)
    asm.jcc("a", pass_on)
    asm.rm("mov64", R8, RDX, UC_RIP)
    search(asm, layout.code, R8, pass_on)
    asm.rm("mov64", R9, RSI, _SI_ADDR)
    search(asm, layout.memory, R9, pass_on)
    asm.ri("mov64", RAX, layout.landing)
    asm.rm("mov64", RAX, RAX, 0)
    asm.rr("test64", RAX, RAX)
    asm.jcc("e", pass_on)
    asm.rm("mov64", RCX, RDX, _UC_R15)
    asm.mr("mov64", RCX, layout.fault_pc, R8)
    asm.mr("mov64", RCX, layout.fault_address, R9)
    asm.mr("mov64", RDX, UC_RIP, RAX)
    asm.op("ret")

    asm.bind(pass_on)
    _pass_on(asm, layout)
    return bytes(asm.finish(0))


def search(asm: Assembler, table: int, value: int, missing: int) -> None:
    """Go on behind this if the table has a range with the value of register `value`, else at label `missing`."""
    again, following, found = asm.label(), asm.label(), asm.label()
    asm.ri("mov64", RAX, table)
    asm.rm("mov64", RCX, RAX, 0)
    asm.bind(again)
    asm.rr("test64", RCX, RCX)
    asm.jcc("e", missing)
    asm.rm("cmp64", value, RAX, 8)
    asm.jcc("b", following)
    asm.rm("cmp64", value, RAX, 16)
    asm.jcc("b", found)
    asm.bind(following)
    asm.ri("add64", RAX, 16)
    asm.ri("sub64", RCX, 1)
    asm.jmp(again)
    asm.bind(found)


def _pass_on(asm: Assembler, layout: HandlerLayout) -> None:
    function, jump, by_default, done = asm.label(), asm.label(), asm.label(), asm.label()
    asm.ri("mov64", RAX, layout.record)
    asm.rm("mov64", RCX, RAX, ACTION)
    asm.ri("cmp64", RCX, IGNORE)
    asm.jcc("a", function)
    asm.rm("mov32", R8, RSI, SI_CODE)
    asm.jcc("b", by_default)
    asm.rr("test32", R8, R8)
    asm.jcc("le", done)

    # The default action; with the flags and the mask of the record's zeros.
    asm.bind(by_default)
    asm.ri("mov64", RSI, layout.default)
    asm.rr("mov64", R9, RDI)
    asm.rr("xor32", RDX, RDX)
    asm.ri("mov32", R10, _SIGSET_SIZE)
    asm.ri("mov32", RAX, _RT_SIGACTION)
    asm.op("syscall")
    asm.rr("test32", R8, R8)
    asm.jcc("g", done)
    asm.ri("mov32", RAX, _GETPID)
    asm.op("syscall")
    asm.rr("mov32", RDI, RAX)
    asm.ri("mov32", RAX, _GETTID)
    asm.op("syscall")
    asm.rr("mov32", RSI, RAX)
    asm.rr("mov32", RDX, R9)
    asm.ri("mov32", RAX, _TGKILL)
    asm.op("syscall")
    asm.bind(done)
    asm.op("ret")

    asm.bind(function)
    asm.mi("cmp64", RAX, ONCE, 0)
    asm.jcc("e", jump)
    asm.mi("mov64", RAX, ACTION, DEFAULT)
    asm.bind(jump)
    asm.r("jmp64", RCX)
