"""Machine code with one thing wrong: what compilers have got wrong, done to units on purpose.

A mutation takes the place of one instruction and is no longer than it. Which class a mutant is of says what went wrong;
some classes break the sandbox always, others only where the instruction at hand keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import iced_x86 as iced
from iced_x86 import Code, FlowControl, Instruction, Mnemonic, OpKind, Register

__all__ = ["CLASSES", "Mutant", "instructions", "mutants"]

_GENERAL: Final = [
    getattr(Register, name) for name in "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split()
]
_EXTENSIONS: Final[dict[Any, Any]] = {
    Code.MOVZX_R32_RM8: Code.MOVSX_R64_RM8,
    Code.MOVZX_R32_RM16: Code.MOVSX_R64_RM16,
    Code.MOV_R32_RM32: Code.MOVSXD_R64_RM32,
}
_WIDER: Final[dict[Any, Any]] = {
    Code.MOV_R32_RM32: Code.MOV_R64_RM64,
    Code.MOV_RM32_R32: Code.MOV_RM64_R64,
    Code.MOV_RM8_R8: Code.MOV_RM32_R32,
    Code.MOVZX_R32_RM8: Code.MOVZX_R32_RM16,
    Code.MOVSS_XMM_XMMM32: Code.MOVSD_XMM_XMMM64,
    Code.MOVSD_XMM_XMMM64: Code.MOVUPS_XMM_XMMM128,
    Code.MOVSS_XMMM32_XMM: Code.MOVSD_XMMM64_XMM,
    Code.MOVSD_XMMM64_XMM: Code.MOVUPS_XMMM128_XMM,
    Code.PINSRB_XMM_R32M8_IMM8: Code.PINSRD_XMM_RM32_IMM8,
    Code.PMOVZXBW_XMM_XMMM64: Code.MOVUPS_XMM_XMMM128,
}
# Of what computes with 32 bits, the form that does not clear the rest.
_LONG: Final[dict[Any, Any]] = {
    getattr(Code, f"{word}_{form.replace('64', '32')}"): getattr(Code, f"{word}_{form}")
    for word in "ADD SUB AND OR XOR".split()
    for form in ("RM64_IMM8", "RM64_R64", "R64_RM64")
    if hasattr(Code, f"{word}_{form}")
} | {
    Code.SHL_RM32_IMM8: Code.SHL_RM64_IMM8,
    Code.LEA_R32_M: Code.LEA_R64_M,
    Code.IMUL_R32_RM32: Code.IMUL_R64_RM64,
    Code.NOT_RM32: Code.NOT_RM64,
    Code.NEG_RM32: Code.NEG_RM64,
}
# Over the kernel's border, out of the guest's memory, into what compiled code keeps.
_FOREIGN: Final = [
    bytes.fromhex(text)
    for text in (
        "0f05",  # syscall
        "cd80",  # int 0x80
        "f4",  # hlt
        "fd",  # std
        "a4",  # movsb, once
        "aa",  # stosb, once
        "0f01d0",  # xgetbv
        "65488b00",  # mov rax, gs:[rax]
        "678b00",  # mov eax, [eax]
        "4989c7",  # mov r15, rax
        "4989c5",  # mov r13, rax
        "4889c4",  # mov rsp, rax
        "c462f3f6e8",  # mulx r13, rcx, rax: the second of its destinations
        "c4e293f6c0",  # mulx rax, r13, rax
        "490fc1c5",  # xadd r13, rax
        "4c0fc1e8",  # xadd rax, r13
        "4d87fe",  # xchg r14, r15
        "50",  # push rax
        "5c",  # pop rsp
        "ffe0",  # jmp rax
        "ffd0",  # call rax
        "c3",  # ret
        "cb",  # retf
        "0fae10",  # ldmxcsr [rax]
        "660ff7c1",  # maskmovdqu [rdi], xmm1
        "d7",  # xlat
        "0f20c0",  # mov rax, cr0
        "c9",  # leave
    )
]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`what` is the class, `at` the offset of the instruction, `code` the whole unit."""

    what: str
    at: int
    code: bytes
    before: str
    after: str


Change = Callable[[Instruction, Random], bool]


def instructions(code: bytes, text: int, address: int) -> list[Instruction]:
    return list(iced.Decoder(64, code[:text], ip=address))


def _jump_target(ins: Instruction, random: Random) -> bool:
    ins.near_branch64 = ins.near_branch_target + random.choice((-64, -5, -1, 1, 2, 3, 7, 16, 4096, 1 << 20))
    return True


def _displacement(ins: Instruction, random: Random) -> bool:
    change = random.choice((-4096, -8, -4, -1, 1, 4, 8, 16, 4096, 1 << 20, 1 << 30))
    ins.memory_displacement = (ins.memory_displacement + change) & (1 << 64) - 1
    ins.memory_displ_size = 8
    return True


def _scale(ins: Instruction, random: Random) -> bool:
    ins.memory_index_scale = random.choice([s for s in (1, 2, 4, 8) if s != ins.memory_index_scale])
    return True


def _base(ins: Instruction, random: Random) -> bool:
    ins.memory_base = random.choice([r for r in _GENERAL if r != ins.memory_base])
    return True


def _index(ins: Instruction, random: Random) -> bool:
    ins.memory_index = random.choice([r for r in _GENERAL if r not in (ins.memory_index, Register.RSP)])
    return True


def _table(codes: dict[Any, Any]) -> Change:
    def change(ins: Instruction, random: Random) -> bool:
        code = codes.get(ins.code)
        if code is None:
            return False
        wide = {Code.MOVSXD_R64_RM32, Code.MOVSX_R64_RM8, Code.MOVSX_R64_RM16}
        ins.code = code
        for number in range(min(ins.op_count, 2)):
            if ins.op_kind(number) == OpKind.REGISTER:
                register = ins.op_register(number)
                if code in wide and number == 1:
                    continue
                ins.set_op_register(number, _resized(register, code, number))
        return True

    return change


def _resized(register: Any, code: Any, number: int) -> Any:
    info = iced.RegisterInfo(register)
    if not iced.RegisterExt.is_gpr(register):
        return register
    kind = iced.OpCodeInfo(code).op_kind(number)
    kinds = iced.OpCodeOperandKind
    if kind in (kinds.R32_REG, kinds.R32_OR_MEM, kinds.R32_OR_MEM_MPX):
        return iced.RegisterExt.full_register32(register)
    if kind in (kinds.R64_REG, kinds.R64_OR_MEM):
        return info.full_register
    return register


def _immediate(ins: Instruction, random: Random) -> bool:
    number = ins.op_count - 1
    if ins.op_kind(number) not in (
        OpKind.IMMEDIATE32,
        OpKind.IMMEDIATE8TO64,
        OpKind.IMMEDIATE32TO64,
        OpKind.IMMEDIATE16,
    ):
        return False
    value = ins.immediate(number)
    value = value - (1 << 64) if value >> 63 else value
    ins.set_immediate_i32(
        number,
        max(-128, min(127, value + random.choice((-16, -8, -1, 1, 8, 16)))) if -128 <= value < 128 else value + 8,
    )
    return True


def _changes(ins: Instruction) -> Iterator[tuple[str, Change | bytes]]:
    """What can be done to an instruction, by class."""
    flow = ins.flow_control
    memory = any(ins.op_kind(n) == OpKind.MEMORY for n in range(ins.op_count)) and ins.mnemonic != Mnemonic.NOP
    stop = memory and ins.memory_base == Register.R15 and ins.mnemonic == Mnemonic.CMP and not ins.memory_displacement
    if flow == FlowControl.CONDITIONAL_BRANCH:
        yield "a check is dropped", b""
        yield "a jump is moved", _jump_target
    elif flow in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CALL) and ins.op_kind(0) == OpKind.NEAR_BRANCH64:
        yield "a call is moved" if flow == FlowControl.CALL else "a jump is moved", _jump_target
    if stop:
        yield "a poll is dropped", b""
    elif (memory and ins.mnemonic == Mnemonic.CMP) or ins.mnemonic == Mnemonic.TEST:
        yield "a comparison is dropped", b""
    if memory and not ins.is_ip_rel_memory_operand:
        yield "another displacement", _displacement
        yield "another base", _base
        if ins.memory_index != Register.NONE:
            yield "another scale", _scale
            yield "another index", _index
    if memory:
        yield "a wider access", _table(_WIDER)
    yield "sign-extended, not zero-extended", _table(_EXTENSIONS)
    yield "a zero-extension is elided", _table(_LONG)
    if (
        ins.op_count
        and ins.mnemonic in (Mnemonic.ADD, Mnemonic.SUB, Mnemonic.CMP, Mnemonic.RET)
        and (memory or ins.op_register(0) == Register.RSP or ins.mnemonic == Mnemonic.RET)
    ):
        yield "another amount of stack, or of fuel", _immediate
    yield "a foreign instruction", _FOREIGN[0]


CLASSES: Final = (
    "a check is dropped",
    "a comparison is dropped",
    "a poll is dropped",
    "a jump is moved",
    "a call is moved",
    "a jump table's entry is moved",
    "a wider access",
    "sign-extended, not zero-extended",
    "a zero-extension is elided",
    "another displacement",
    "another base",
    "another index",
    "another scale",
    "another amount of stack, or of fuel",
    "a foreign instruction",
)


def mutants(code: bytes, text: int, address: int, random: Random, share: float) -> Iterator[Mutant]:
    """Some of a unit's mutants: of all that there could be, a share."""
    encoder = iced.Encoder(64)
    for ins in instructions(code, text, address):
        at = ins.ip - address
        for what, change in _changes(ins):
            if random.random() >= share:
                continue
            made = _made(ins, change, encoder, random)
            if made is None or len(made) > ins.len:
                continue
            made += b"\x90" * (ins.len - len(made))
            if made == code[at : at + ins.len]:
                continue
            after = "; ".join(str(i) for i in iced.Decoder(64, made, ip=ins.ip) if i.mnemonic != Mnemonic.NOP)
            yield Mutant(what, at, code[:at] + made + code[at + ins.len :], str(ins), after)
    for place in range(_tables(code, text, address), len(code) - 3, 4):
        if random.random() < share:
            moved = int.from_bytes(code[place : place + 4], "little", signed=True) + random.choice(
                (-16, -1, 1, 2, 5, 1 << 16)
            )
            yield Mutant(
                "a jump table's entry is moved",
                place,
                code[:place] + moved.to_bytes(4, "little", signed=True) + code[place + 4 :],
                "entry",
                hex(moved),
            )


def _tables(code: bytes, text: int, address: int) -> int:
    """Where the first jump table begins: tables are behind all constants."""
    places = [
        ins.ip_rel_memory_address - address
        for ins in instructions(code, text, address)
        if ins.mnemonic == Mnemonic.LEA and ins.is_ip_rel_memory_operand
    ]
    return min(places, default=len(code))


def _made(ins: Instruction, change: Change | bytes, encoder: iced.Encoder, random: Random) -> bytes | None:
    if isinstance(change, bytes):
        return random.choice(_FOREIGN) if change else b""
    copy = ins.copy()
    if not change(copy, random):
        return None
    try:
        encoder.encode(copy, ins.ip)
    except ValueError:
        encoder.take_buffer()
        return None
    return bytes(encoder.take_buffer())
