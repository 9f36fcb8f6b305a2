"""Bytes to instructions, with iced-x86; and which instructions there may be at all.

What an instruction reads and writes, operands that its text does not show included (the second destination of `mulx`,
`rdx` of a division, the `rsp` of a call), is what iced-x86 says, and nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import iced_x86 as iced
from iced_x86 import Code, FlowControl, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register

from jit.x64.verify.contract import Unsafe

__all__ = ["CONDITIONS", "Decoded", "Operand", "decode"]

_READS: Final = frozenset([OpAccess.READ, OpAccess.COND_READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE])
_WRITES: Final = frozenset([OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE])

# By mnemonic, in iced's spelling. No instruction that needs a privilege, enters the kernel, changes a segment, the
# direction flag or a control register, or stores where a vector register says is among them. `cmpsd` and `movsd` are
# also string instructions; those are told apart by their prefix and code.
_ALLOWED: Final = """
    add or and sub xor cmp adc sbb mov test neg not inc dec mul div idiv imul shl shr sar rol ror shld shrd
    bt bts btr btc bsf bsr popcnt lzcnt tzcnt blsr blsi blsmsk andn shlx shrx sarx rorx mulx bswap xadd cmpxchg xchg
    lea movzx movsx movsxd cdq cqo nop mfence ret jmp call movsb stosb
    cmovo cmovno cmovb cmovae cmove cmovne cmovbe cmova cmovs cmovns cmovp cmovnp cmovl cmovge cmovle cmovg
    seto setno setb setae sete setne setbe seta sets setns setp setnp setl setge setle setg
    jo jno jb jae je jne jbe ja js jns jp jnp jl jge jle jg
    addps subps mulps divps sqrtps minps maxps andps andnps orps xorps cmpps shufps roundps blendps unpcklps unpckhps
    addpd subpd mulpd divpd sqrtpd minpd maxpd andpd andnpd orpd xorpd cmppd shufpd roundpd blendpd unpcklpd unpckhpd
    addss subss mulss divss sqrtss minss maxss cmpss roundss ucomiss comiss insertps
    addsd subsd mulsd divsd sqrtsd minsd maxsd cmpsd roundsd ucomisd comisd
    movaps movapd movups movupd movdqa movdqu movss movsd movq movd movlps movhps movlpd movhpd movddup movshdup
    movsldup movhlps movlhps movmskps movmskpd pmovmskb
    cvtss2sd cvtsd2ss cvtsi2ss cvtsi2sd cvttss2si cvtss2si cvttsd2si cvtsd2si cvtdq2ps cvttps2dq cvtps2dq cvttpd2dq
    cvtpd2dq cvtpd2ps cvtdq2pd cvtps2pd
    paddb paddw paddd paddq paddsb paddsw paddusb paddusw phaddw phaddd psubb psubw psubd psubq psubsb psubsw psubusb
    psubusw pmaxsb pmaxsw pmaxsd pmaxub pmaxuw pmaxud pminsb pminsw pminsd pminub pminuw pminud pmullw pmulhw pmulhuw
    pmulld pmuldq pmuludq pmulhrsw pmaddwd pmaddubsw pavgb pavgw pcmpeqb pcmpeqw pcmpeqd pcmpeqq pcmpgtb pcmpgtw
    pcmpgtd pcmpgtq pabsb pabsw pabsd psignb psignw psignd psadbw pand pandn por pxor ptest pshufb punpcklbw punpcklwd
    punpckldq punpcklqdq punpckhbw punpckhwd punpckhdq punpckhqdq packsswb packssdw packuswb packusdw
    psllw pslld psllq psrlw psrld psrlq psraw psrad pslldq psrldq pshufd pshuflw pshufhw pblendw palignr
    pmovsxbw pmovsxwd pmovsxdq pmovzxbw pmovzxwd pmovzxdq pmovsxbd pmovsxwq pmovzxbd pmovzxwq pmovsxbq pmovzxbq
    pinsrb pinsrw pinsrd pinsrq pextrb pextrw pextrd pextrq extractps pblendvb blendvps blendvpd
""".split()
# Each may be there in its AVX form, too.
_MNEMONICS: Final = frozenset(
    getattr(Mnemonic, name.upper())
    for word in _ALLOWED
    for name in (word, "v" + word)
    if hasattr(Mnemonic, name.upper())
) | {Mnemonic.VZEROUPPER, Mnemonic.VPBROADCASTB, Mnemonic.VPBROADCASTW, Mnemonic.VPBROADCASTD, Mnemonic.VPBROADCASTQ}

# Of these there are forms that nobody needs: string instructions without a count would be others.
_STRINGS: Final = frozenset([Code.MOVSB_M8_M8, Code.STOSB_M8_AL])
_GENERAL: Final = {
    getattr(Register, f"R{n}" if n > 7 else name): n
    for n, name in enumerate("RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split())
}
_VECTOR: Final = {getattr(Register, f"XMM{n}"): n for n in range(16)}
_RSP: Final = 4
_NEAR: Final = frozenset([OpKind.NEAR_BRANCH64])


@dataclass(frozen=True, slots=True)
class Operand:
    """A place in memory that an instruction reads or writes. `base` and `index` are general registers, -1 for none;
    `disp` is signed, and an offset in the unit where `rip`. `width` in bytes."""

    base: int
    index: int
    scale: int
    disp: int
    width: int
    reads: bool
    writes: bool
    rip: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    """An instruction at an offset. `general`, `vector`: registers written, the former with their width in bytes.
    `dest`, `source`: the first and second operand where they are general registers, else -1; `xdest`, `xsource`: vector
    registers. `imm`: the last operand where it is one, sign-extended. `target`: of a direct branch, as an address.
    `condition`: of a branch. `conditional`: registers may stay as they were. `flags`: whether it changes any.
    `overwrites`: the first operand is not read."""

    at: int
    end: int
    text: str
    word: str
    operands: tuple[Operand, ...]
    general: tuple[tuple[int, int], ...]
    vector: tuple[int, ...]
    dest: int
    source: int
    xdest: int
    xsource: int
    size: int  # of the first operand, if it is a register
    source_size: int
    imm: int | None
    target: int | None
    condition: str
    repeated: bool
    locked: bool
    conditional: bool
    flags: bool
    overwrites: bool


def decode(code: bytes, text: int, address: int) -> dict[int, Decoded]:
    """The first `text` bytes of a unit that lies at `address`, by offset; `Unsafe` for what may not be there."""
    found: dict[int, Decoded] = {}
    factory = InstructionInfoFactory()
    for instruction in iced.Decoder(64, code[:text], ip=address):
        at = instruction.ip - address
        found[at] = _decoded(at, instruction, factory, address)
    return found


def _decoded(at: int, ins: iced.Instruction, factory: InstructionInfoFactory, address: int) -> Decoded:
    text = str(ins)
    if ins.is_invalid or ins.mnemonic not in _MNEMONICS:
        raise Unsafe(at, text, "no instruction that compiled code may consist of")
    if ins.is_privileged or ins.has_segment_prefix or ins.is_vsib or ins.has_op_mask or ins.has_repne_prefix:
        raise Unsafe(at, text, "a form of the instruction that compiled code has no use for")
    if ins.is_string_instruction and (ins.code not in _STRINGS or not ins.has_rep_prefix):
        raise Unsafe(at, text, "a string instruction without its count")
    if ins.is_jmp_far or ins.is_call_far or ins.is_jmp_far_indirect or ins.is_call_far_indirect:
        raise Unsafe(at, text, "a branch to another segment")
    info = factory.info(ins)
    general: dict[int, int] = {}
    vector: list[int] = []
    conditional = False
    for used in info.used_registers():
        if used.access not in _WRITES:
            continue
        number, width = _register(used.register)
        if width:
            conditional |= used.access in (OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE)
            general[number] = max(general.get(number, 0), width)
        elif number >= 0:
            vector.append(number)
        else:
            raise Unsafe(at, text, "a register that compiled code has no use for")
    kinds = [ins.op_kind(i) for i in range(ins.op_count)]
    registers = [ins.op_register(i) if kind == OpKind.REGISTER else Register.NONE for i, kind in enumerate(kinds)]
    first = registers[0] if registers else Register.NONE
    second = registers[1] if len(registers) > 1 else Register.NONE
    # A write of 32 bits clears the rest, and is reported as one of 64.
    size = iced.RegisterInfo(first).size if first != Register.NONE else 0
    source_size = iced.RegisterInfo(second).size if second != Register.NONE else 0
    if ins.mnemonic == Mnemonic.LEA:
        operands = [_address(at, text, ins, address)]
    else:
        operands = [_operand(at, text, used, ins, address) for used in info.used_memory()]
    if ins.mnemonic in (Mnemonic.CALL, Mnemonic.RET):
        operands = [o for o in operands if o.base != _RSP or not _is_stack(ins, o)]
    imm = None
    if kinds and kinds[-1] in _IMMEDIATES:
        value = ins.immediate(len(kinds) - 1)
        imm = value - (1 << 64) if value >> 63 else value
    target = ins.near_branch_target if kinds and kinds[0] in _NEAR else None
    return Decoded(
        at,
        at + ins.len,
        text,
        _word(ins.mnemonic),
        tuple(operands),
        tuple(general.items()),
        tuple(vector),
        *(_general(first), _general(second), _VECTOR.get(first, -1), _VECTOR.get(second, -1)),
        size,
        source_size,
        imm,
        target,
        _BY_CODE.get(ins.condition_code, "") if ins.flow_control == FlowControl.CONDITIONAL_BRANCH else "",
        bool(ins.has_rep_prefix) and ins.is_string_instruction,
        ins.has_lock_prefix,
        conditional,
        ins.rflags_modified != 0,
        bool(kinds) and info.op0_access == OpAccess.WRITE,
    )


_IMMEDIATES: Final = frozenset(
    getattr(OpKind, name) for name in dir(OpKind) if name.startswith("IMMEDIATE") and not name.endswith("2ND")
)
CONDITIONS: Final = tuple("o no b ae e ne be a s ns p np l ge le g".split())
_BY_CODE: Final = {getattr(iced.ConditionCode, name.upper()): name for name in CONDITIONS}


@cache
def _word(mnemonic: int) -> str:
    return next(name for name in dir(Mnemonic) if getattr(Mnemonic, name) == mnemonic).lower()


@cache
def _register(register: iced.Register_) -> tuple[int, int]:
    """Number and width in bytes of a general register; of a vector register the width is 0."""
    info = iced.RegisterInfo(register)
    full = info.full_register
    if full in _GENERAL:
        # ah to bh would be the second byte of another.
        if register in (Register.AH, Register.BH, Register.CH, Register.DH):
            return -1, 0
        return _GENERAL[full], info.size
    if register in _VECTOR or (iced.RegisterExt.is_ymm(register) or iced.RegisterExt.is_zmm(register)):
        return info.number, 0
    return -1, 0


def _general(register: int) -> int:
    if register == Register.NONE:
        return -1
    number, width = _register(register)
    return number if width else -1


def _address(at: int, text: str, ins: iced.Instruction, address: int) -> Operand:
    """The operand of `lea`, which accesses nothing."""
    if ins.is_ip_rel_memory_operand:
        return Operand(-1, -1, 1, ins.ip_rel_memory_address - address, 0, False, False, True)
    base, index = (_general64(at, text, r) for r in (ins.memory_base, ins.memory_index))
    disp = ins.memory_displacement
    return Operand(base, index, ins.memory_index_scale, disp - (1 << 64) if disp >> 63 else disp, 0, False, False)


def _is_stack(ins: iced.Instruction, operand: Operand) -> bool:
    """Whether an operand is the return address that a call pushes and a return pops."""
    return ins.mnemonic == Mnemonic.RET or operand.writes


def _operand(at: int, text: str, used: iced.UsedMemory, ins: iced.Instruction, address: int) -> Operand:
    if used.segment not in (Register.DS, Register.SS, Register.ES, Register.NONE):
        raise Unsafe(at, text, "another segment")
    width = iced.MemorySizeExt.size(used.memory_size)
    reads, writes = used.access in _READS, used.access in _WRITES
    disp = used.displacement
    disp = disp - (1 << 64) if disp >> 63 else disp
    if ins.is_ip_rel_memory_operand:
        return Operand(-1, -1, 1, ins.ip_rel_memory_address - address, width, reads, writes, True)
    base, index = (_general64(at, text, r) for r in (used.base, used.index))
    return Operand(base, index, used.scale, disp, width, reads, writes)


def _general64(at: int, text: str, register: int) -> int:
    if register == Register.NONE:
        return -1
    if register not in _GENERAL:
        raise Unsafe(at, text, "an address of less than 64 bits")
    return _GENERAL[register]
