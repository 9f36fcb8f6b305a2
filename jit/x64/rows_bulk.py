"""`memory.fill` and `memory.copy`.

They leave, before the first byte is written, where a range is out of bounds, where it is so long that the
interpreter, who can be stopped in it, had better do it, and where there is less fuel than it has bytes.
"""

from __future__ import annotations

from typing import Final

from jit.x64 import layout as at
from jit.x64.code import NOTHING
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX, RCX, RDI, RSI
from refsfi.exec.bulk import BYTES
from refsfi.syntax.types import I64

_T: Final = at.VSCRATCH
_U: Final = at.VSCRATCH2

# Up to so many bytes are copied through two vector registers.
_FEW: Final = 32


def _few(e: Emitter, count: int) -> int | None:
    """A constant count of a few bytes."""
    if not e.is_constant(count):
        return None
    known = int(e.graph.imm[count])
    return known if known <= _FEW else None


def _translate(e: Emitter, v: int, memory: int, register: int, length: int, record: int) -> None:
    """Leave unless `length` bytes (a register) from the address in a register on are inside the memory; then make that
    address one of the machine. Neither register may be an operand's; `record` is for use."""
    asm = e.asm
    asm.rm("mov64", record, at.INSTANCE, e.memory_word(memory))
    asm.rr("mov64", RAX, register)
    asm.rr("add64", RAX, length)
    if e.program.info.mems[memory].addr is I64:
        e.exit_if("b", v)
    asm.rm("cmp64", RAX, record, at.MEM_SIZE)
    e.exit_if("a", v)
    asm.rm("add64", register, record, at.MEM_BASE)


def _pay(e: Emitter, v: int, few: int | None) -> None:
    """The last two reasons to leave for a range of rcx bytes, `few` where that is known: it takes long, or there is too
    little fuel for it, which is taken."""
    asm = e.asm
    if few is None:
        asm.ri("cmp64", RCX, BYTES)
        e.exit_if("a", v)
    if not e.program.metered:
        return
    if few is None:
        asm.rm("mov64", RAX, at.VM, at.FUEL)
        asm.rr("sub64", RAX, RCX)
        e.exit_if("l", v)
        asm.mr("mov64", at.VM, at.FUEL, RAX)
    elif few:
        asm.mi("cmp64", at.VM, at.FUEL, few)
        e.exit_if("l", v)
        asm.mi("sub64", at.VM, at.FUEL, few)


@emits("memory.fill")
def fill(e: Emitter, v: int) -> int:
    asm = e.asm
    (memory,) = e.graph.imm[v]
    dest, value, count = e.graph.args[v]
    e.claim(RDI)
    e.claim(RCX)
    record = e.temp_gpr()
    e.copy_to(RDI, dest)
    e.copy_to(RCX, count)
    _translate(e, v, memory, RDI, RCX, record)
    few = _few(e, count)
    _pay(e, v, few)
    if few is None:
        e.copy_to(RAX, value)
        asm.op("rep_stosb")
    elif few:
        e.copy_to(RAX, value)
        asm.rr("movd_xr", _T, RAX)
        asm.rr("pxor", _U, _U)
        asm.rr("pshufb", _T, _U)
        for name, offset in _chunks(few):
            _store(e, name, RDI, offset, _T)
    return NOTHING


@emits("memory.copy")
def copy(e: Emitter, v: int) -> int:
    target, origin = e.graph.imm[v]
    dest, start, count = e.graph.args[v]
    for register in (RDI, RSI, RCX):
        e.claim(register)
    record = e.temp_gpr()
    for register, value in ((RDI, dest), (RSI, start), (RCX, count)):
        e.copy_to(register, value)
    _translate(e, v, origin, RSI, RCX, record)
    _translate(e, v, target, RDI, RCX, record)
    few = _few(e, count)
    _pay(e, v, few)
    if few is None:
        _copy_many(e)
    else:
        # All is read before anything is written, for the ranges may overlap.
        chunks = list(zip(_chunks(few), (_T, _U)))
        for (name, offset), register in chunks:
            _load(e, name, register, RSI, offset)
        for (name, offset), register in chunks:
            _store(e, name, RDI, offset, register)
    return NOTHING


def _copy_many(e: Emitter) -> None:
    """rcx bytes from rsi to rdi: from the end if the target begins within the source, for then each byte must be read
    before its place is written."""
    asm = e.asm
    backwards, again, rest, single, done = (asm.label() for _ in range(5))
    asm.rr("mov64", RAX, RDI)
    asm.rr("sub64", RAX, RSI)
    asm.rr("cmp64", RAX, RCX)
    asm.jcc("b", backwards)
    asm.op("rep_movsb")
    asm.jmp(done)
    asm.bind(backwards)
    asm.ri("sub64", RCX, 8)
    asm.jcc("b", rest)
    asm.bind(again)
    asm.rmx("mov64", RAX, RSI, RCX, 1, 0)
    asm.mrx("mov64", RDI, RCX, 1, 0, RAX)
    asm.ri("sub64", RCX, 8)
    asm.jcc("ae", again)
    asm.bind(rest)
    asm.ri("add64", RCX, 8)
    asm.jcc("e", done)
    asm.bind(single)
    asm.rmx("movzx8_32", RAX, RSI, RCX, 1, -1)
    asm.mrx("mov8", RDI, RCX, 1, -1, RAX)
    asm.ri("sub64", RCX, 1)
    asm.jcc("ne", single)
    asm.bind(done)


# Moves of 1 to 16 bytes between memory and a vector register.
_MOVES: Final = {1: "b", 2: "w", 4: "movss", 8: "movsd", 16: "movups"}


def _chunks(count: int) -> list[tuple[str, int]]:
    """Up to two moves, with their offsets, that together cover `count` bytes, 1 to 32; they may overlap. None for 0."""
    if count == 0:
        return []
    size = 1 << min(count, 16).bit_length() - 1
    if size == count:
        return [(_MOVES[size], 0)]
    last = 1 if count == 3 else size
    return [(_MOVES[size], 0), (_MOVES[last], count - last)]


def _load(e: Emitter, name: str, register: int, base: int, disp: int) -> None:
    if name in ("b", "w"):
        e.asm.rmi("pinsr" + name, register, base, disp, 0)
    else:
        e.asm.rm(name, register, base, disp)


def _store(e: Emitter, name: str, base: int, disp: int, register: int) -> None:
    if name in ("b", "w"):
        e.asm.mri("pextr" + name, base, disp, register, 0)
    else:
        e.asm.mr(name, base, disp, register)
