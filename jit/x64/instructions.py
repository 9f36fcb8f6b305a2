"""The instructions that the assembler knows: one row a name, one line of the tables below a family of rows.

A name fixes operand sizes and register files: `add32` adds 32-bit registers, `movq_xr` moves a general-purpose register
to a vector register. What varies is the *form*, a string with one letter an operand, in the order of the manual:

    r   a register             m   memory at [base + disp]                  i   an immediate
    x   after these letters: the memory operand has an index, [base + index*scale + disp]
    l   memory at a label, [rip + rel32]                                     j   a branch target, rel32

So `add32` has the forms `rr rm mr ri mi`. Wherever there is an `m` it may be indexed, and a label where it is the last
operand. Three-operand instructions of AVX and BMI have `rrr` and `rrm`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONDITIONS", "ROWS", "Imm", "Row"]


class Imm:
    """How an immediate is encoded. Values are given signed or unsigned, whichever is at hand."""

    NONE: Final = ""
    SIGNED: Final = "signed"  # a sign-extended byte where it fits, else as wide as the operand (4 bytes for 8)
    FULL: Final = "full"  # as wide as the operand (4 bytes, sign-extended, for 8)
    BYTE: Final = "byte"  # a selector, 0 to 255
    SHIFT: Final = "shift"  # a byte, but none at all for 1


class Row:
    """`mnemonic` is the manual's, and PeachPy's class. `dst` and `src` are kinds of registers: r8 r16 r32 r64 x. `mem`
    is the width of a memory operand in bytes, 0 where the address alone matters. `fixed` is an operand that the manual
    writes and nobody chooses; `prefix` is put in front, and is the whole instruction where there is no mnemonic."""

    # No dataclass: there are hundreds, and every process that compiles makes them all.
    __slots__ = ("dst", "fixed", "forms", "imm", "mem", "mnemonic", "name", "prefix", "src")

    def __init__(
        self,
        name: str,
        mnemonic: str,
        dst: str,
        src: str,
        mem: int,
        imm: str,
        forms: frozenset[str],
        fixed: str,
        prefix: bytes,
    ) -> None:
        self.name: Final = name
        self.mnemonic: Final = mnemonic
        self.dst: Final = dst
        self.src: Final = src
        self.mem: Final = mem
        self.imm: Final = imm
        self.forms: Final = forms
        self.fixed: Final = fixed
        self.prefix: Final = prefix

    def __repr__(self) -> str:
        return f"<Row {self.name}>"


# Those of the manual's condition codes that are needed, without synonyms but for c and nc.
CONDITIONS: Final = "o no b ae e ne be a s ns p np l ge le g c nc".split()

ROWS: Final[dict[str, Row]] = {}

# Most rows share their forms with others.
_FORMS: Final[dict[str, frozenset[str]]] = {}


def _row(
    name: str,
    mnemonic: str,
    dst: str,
    src: str,
    mem: int,
    forms: str,
    imm: str = Imm.NONE,
    fixed: str = "",
    prefix: bytes = b"",
) -> None:
    found = _FORMS.get(forms)
    if found is None:
        found = _FORMS[forms] = frozenset(forms.split(" "))
    ROWS[name] = Row(name, mnemonic, dst, src, mem, imm, found, fixed, prefix)


# Integer instructions, a row for each size: forms, immediate, sizes, mnemonics.
_ALL: Final = (8, 16, 32, 64)
_WIDE: Final = (32, 64)
_INTEGER: Final = [
    ("rr rm mr ri mi", Imm.SIGNED, _ALL, "add or and sub xor cmp adc sbb"),
    ("rr rm mr ri mi", Imm.FULL, _ALL, "mov"),
    ("rr mr ri mi", Imm.FULL, _ALL, "test"),
    ("r m", Imm.NONE, _ALL, "neg not inc dec mul div idiv"),
    ("r m rr rm rri rmi", Imm.SIGNED, (16, 32, 64), "imul"),
    ("ri mi", Imm.SHIFT, _ALL, "shl shr sar rol ror"),
    ("rri", Imm.BYTE, _WIDE, "shld shrd"),
    ("rr ri", Imm.BYTE, _WIDE, "bt bts btr btc"),
    ("rr rm", Imm.NONE, _WIDE, "bsf bsr popcnt lzcnt tzcnt blsr blsi blsmsk"),
    ("rrr rrm", Imm.NONE, _WIDE, "andn"),
    ("rrr rmr", Imm.NONE, _WIDE, "shlx shrx sarx"),
    ("rri rmi", Imm.BYTE, _WIDE, "rorx"),
    ("rrr rrm", Imm.NONE, _WIDE, "mulx"),
    ("r", Imm.NONE, _WIDE, "bswap"),
    ("mr", Imm.NONE, _ALL, "xadd cmpxchg"),
    ("rr mr", Imm.NONE, _ALL, "xchg"),
    ("r", Imm.NONE, (64,), "push pop"),
    ("r m j", Imm.NONE, (64,), "jmp call"),
]
for _forms, _imm, _sizes, _words in _INTEGER:
    for _word in _words.split():
        for _size in _sizes:
            _kind = f"r{_size}"
            _row(f"{_word}{_size}", _word.upper(), _kind, _kind, _size // 8, _forms, _imm)
for _size in _ALL:
    for _word in "shl shr sar rol ror".split():
        _row(f"{_word}{_size}_cl", _word.upper(), f"r{_size}", "r8", _size // 8, "r m", fixed="cl")
for _size in _WIDE:
    _row(f"lea{_size}", "LEA", f"r{_size}", "r64", 0, "rm")
    for _from in (8, 16):
        _row(f"movzx{_from}_{_size}", "MOVZX", f"r{_size}", f"r{_from}", _from // 8, "rr rm")
        _row(f"movsx{_from}_{_size}", "MOVSX", f"r{_size}", f"r{_from}", _from // 8, "rr rm")
    for _cc in CONDITIONS:
        _row(f"cmov{_cc}{_size}", f"CMOV{_cc.upper()}", f"r{_size}", f"r{_size}", _size // 8, "rr rm")
_row("movsx32_64", "MOVSXD", "r64", "r32", 4, "rr rm")
for _cc in CONDITIONS:
    _row(f"set{_cc}", f"SET{_cc.upper()}", "r8", "r8", 1, "r m")
    _row(f"j{_cc}", f"J{_cc.upper()}", "r64", "r64", 8, "j")
_row("cmpxchg8b", "CMPXCHG8B", "r64", "r64", 8, "m")
_row("cmpxchg16b", "CMPXCHG16B", "r64", "r64", 16, "m")
for _word in "ldmxcsr stmxcsr".split():
    _row(_word, _word.upper(), "r32", "r32", 4, "m")

# Instructions without operands: the form is empty. PeachPy has none of the string instructions, nor the one-byte
# breakpoint under a name, so they are all prefix.
for _word in "ret cdq cqo mfence lfence sfence pause nop ud2 vzeroupper rdtsc cld syscall".split():
    _row(_word, _word.upper(), "r64", "r64", 0, "")
_row("int3", "", "r64", "r64", 0, "", prefix=b"\xcc")
_row("rep_movsb", "", "r64", "r64", 0, "", prefix=b"\xf3\xa4")
_row("rep_stosb", "", "r64", "r64", 0, "", prefix=b"\xf3\xaa")

# Vector instructions: kinds of the operands, width of memory, forms, immediate, mnemonics. `name=MNEMONIC` where they
# differ: one mnemonic may take general-purpose registers of two sizes.
_VECTOR: Final = [
    ("x x 16", "rr rm", Imm.NONE, "addps subps mulps divps sqrtps minps maxps andps andnps orps xorps"),
    ("x x 16", "rr rm", Imm.NONE, "addpd subpd mulpd divpd sqrtpd minpd maxpd andpd andnpd orpd xorpd"),
    ("x x 16", "rr rm", Imm.NONE, "unpcklps unpckhps unpcklpd unpckhpd"),
    ("x x 4", "rr rm", Imm.NONE, "addss subss mulss divss sqrtss minss maxss ucomiss comiss cvtss2sd"),
    ("x x 8", "rr rm", Imm.NONE, "addsd subsd mulsd divsd sqrtsd minsd maxsd ucomisd comisd cvtsd2ss"),
    ("x x 16", "rri rmi", Imm.BYTE, "cmpps cmppd shufps shufpd roundps roundpd blendps blendpd"),
    ("x x 4", "rri rmi", Imm.BYTE, "cmpss roundss insertps"),
    ("x x 8", "rri rmi", Imm.BYTE, "cmpsd roundsd"),
    ("x x 16", "rr rm mr", Imm.NONE, "movaps movapd movups movupd movdqa movdqu"),
    ("x x 4", "rr rm mr", Imm.NONE, "movss"),
    ("x x 8", "rr rm mr", Imm.NONE, "movsd movq"),
    ("x x 4", "rm mr", Imm.NONE, "movd"),
    ("x x 8", "rm mr", Imm.NONE, "movlps movhps movlpd movhpd"),
    ("x x 8", "rr rm", Imm.NONE, "movddup"),
    ("x x 16", "rr rm", Imm.NONE, "movshdup movsldup"),
    ("x x 0", "rr", Imm.NONE, "movhlps movlhps"),
    ("x r32 4", "rr", Imm.NONE, "movd_xr=MOVD"),
    ("x r64 8", "rr", Imm.NONE, "movq_xr=MOVQ"),
    ("r32 x 4", "rr", Imm.NONE, "movd_rx=MOVD"),
    ("r64 x 8", "rr", Imm.NONE, "movq_rx=MOVQ"),
    ("x r32 4", "rr rm", Imm.NONE, "cvtsi2ss32=CVTSI2SS cvtsi2sd32=CVTSI2SD"),
    ("x r64 8", "rr rm", Imm.NONE, "cvtsi2ss64=CVTSI2SS cvtsi2sd64=CVTSI2SD"),
    ("r32 x 4", "rr rm", Imm.NONE, "cvttss2si32=CVTTSS2SI cvtss2si32=CVTSS2SI"),
    ("r64 x 4", "rr rm", Imm.NONE, "cvttss2si64=CVTTSS2SI cvtss2si64=CVTSS2SI"),
    ("r32 x 8", "rr rm", Imm.NONE, "cvttsd2si32=CVTTSD2SI cvtsd2si32=CVTSD2SI"),
    ("r64 x 8", "rr rm", Imm.NONE, "cvttsd2si64=CVTTSD2SI cvtsd2si64=CVTSD2SI"),
    ("x x 16", "rr rm", Imm.NONE, "cvtdq2ps cvttps2dq cvtps2dq cvttpd2dq cvtpd2dq cvtpd2ps"),
    ("x x 8", "rr rm", Imm.NONE, "cvtdq2pd cvtps2pd"),
    ("r32 x 0", "rr", Imm.NONE, "movmskps movmskpd pmovmskb"),
    ("x x 16", "rr rm", Imm.NONE, "paddb paddw paddd paddq paddsb paddsw paddusb paddusw phaddw phaddd"),
    ("x x 16", "rr rm", Imm.NONE, "psubb psubw psubd psubq psubsb psubsw psubusb psubusw"),
    ("x x 16", "rr rm", Imm.NONE, "pmaxsb pmaxsw pmaxsd pmaxub pmaxuw pmaxud"),
    ("x x 16", "rr rm", Imm.NONE, "pminsb pminsw pminsd pminub pminuw pminud"),
    ("x x 16", "rr rm", Imm.NONE, "pmullw pmulhw pmulhuw pmulld pmuldq pmuludq pmulhrsw pmaddwd pmaddubsw pavgb pavgw"),
    ("x x 16", "rr rm", Imm.NONE, "pcmpeqb pcmpeqw pcmpeqd pcmpeqq pcmpgtb pcmpgtw pcmpgtd pcmpgtq"),
    ("x x 16", "rr rm", Imm.NONE, "pabsb pabsw pabsd psignb psignw psignd psadbw pand pandn por pxor ptest pshufb"),
    ("x x 16", "rr rm", Imm.NONE, "punpcklbw punpcklwd punpckldq punpcklqdq punpckhbw punpckhwd punpckhdq punpckhqdq"),
    ("x x 16", "rr rm", Imm.NONE, "packsswb packssdw packuswb packusdw"),
    ("x x 16", "rr rm ri", Imm.BYTE, "psllw pslld psllq psrlw psrld psrlq psraw psrad"),
    ("x x 0", "ri", Imm.BYTE, "pslldq psrldq"),
    ("x x 16", "rri rmi", Imm.BYTE, "pshufd pshuflw pshufhw pblendw palignr"),
    ("x x 8", "rr rm", Imm.NONE, "pmovsxbw pmovsxwd pmovsxdq pmovzxbw pmovzxwd pmovzxdq"),
    ("x x 4", "rr rm", Imm.NONE, "pmovsxbd pmovsxwq pmovzxbd pmovzxwq"),
    ("x x 2", "rr rm", Imm.NONE, "pmovsxbq pmovzxbq"),
    ("x r32 1", "rri rmi", Imm.BYTE, "pinsrb"),
    ("x r32 2", "rri rmi", Imm.BYTE, "pinsrw"),
    ("x r32 4", "rri rmi", Imm.BYTE, "pinsrd"),
    ("x r64 8", "rri rmi", Imm.BYTE, "pinsrq"),
    ("r32 x 1", "rri mri", Imm.BYTE, "pextrb"),
    ("r32 x 2", "rri mri", Imm.BYTE, "pextrw"),
    ("r32 x 4", "rri mri", Imm.BYTE, "pextrd extractps"),
    ("r64 x 8", "rri mri", Imm.BYTE, "pextrq"),
]

# AVX has a twin of each, with a third operand where the destination is also the first source. Here it is not.
_TWO_OPERANDS: Final = frozenset(
    """sqrtps sqrtpd ucomiss ucomisd comiss comisd movaps movapd movups movupd movdqa movdqu movq movd movddup movshdup
    movsldup cvtdq2ps cvttps2dq cvtps2dq cvttpd2dq cvtpd2dq cvtpd2ps cvtdq2pd cvtps2pd movmskps movmskpd pmovmskb pabsb
    pabsw pabsd ptest pmovsxbw pmovsxwd pmovsxdq pmovzxbw pmovzxwd pmovzxdq pmovsxbd pmovsxwq pmovzxbd pmovzxwq pmovsxbq
    pmovzxbq roundps roundpd pshufd pshuflw pshufhw movd_xr movq_xr movd_rx movq_rx cvttss2si32 cvtss2si32 cvttss2si64
    cvtss2si64 cvttsd2si32 cvtsd2si32 cvttsd2si64 cvtsd2si64 pextrb pextrw pextrd extractps pextrq""".split()
)
_THREE: Final = {"rr": "rrr", "rm": "rrm", "rri": "rrri", "rmi": "rrmi", "ri": "rri", "mr": "mr"}
# A move that merges takes three operands only between registers; from memory it clears the rest.
_MERGING: Final = {"rr": "rrr", "rm": "rm", "mr": "mr"}

for _kinds, _forms, _imm, _words in _VECTOR:
    _dst, _src, _mem = _kinds.split()
    for _word in _words.split():
        _name, _, _mnemonic = _word.partition("=")
        _mnemonic = _mnemonic or _name.upper()
        _row(_name, _mnemonic, _dst, _src, int(_mem), _forms, _imm)
        if _name in ("movss", "movsd"):
            _three = " ".join(map(_MERGING.__getitem__, _forms.split()))
        elif _name in ("movlps", "movhps", "movlpd", "movhpd"):
            _three = "rrm mr"
        elif _name in _TWO_OPERANDS:
            _three = _forms
        else:
            _three = " ".join(map(_THREE.__getitem__, _forms.split()))
        _row(f"v{_name}", f"V{_mnemonic}", _dst, _src, int(_mem), _three, _imm)
for _word in "vpbroadcastb=1 vpbroadcastw=2 vpbroadcastd=4 vpbroadcastq=8 vbroadcastss=4".split():
    _name, _, _mem = _word.partition("=")
    _row(_name, _name.upper(), "x", "x", int(_mem), "rr rm")  # AVX2; `vbroadcastss` from memory AVX
for _word in "pblendvb blendvps blendvpd".split():
    _row(_word, _word.upper(), "x", "x", 16, "rr rm", fixed="xmm0")
    _row(f"v{_word}", f"V{_word.upper()}", "x", "x", 16, "rrrr")

# Atomic read-modify-write instructions. `xchg` locks by itself. PeachPy has no prefixes.
_LOCK: Final = b"\xf0"
for _word in "add or and sub xor xadd cmpxchg".split():
    for _size in _ALL:
        _plain = ROWS[f"{_word}{_size}"]
        _forms = " ".join(sorted(_plain.forms & {"mr", "mi"}))
        _row(
            f"lock_{_plain.name}", _plain.mnemonic, _plain.dst, _plain.src, _plain.mem, _forms, _plain.imm, prefix=_LOCK
        )
for _word in ("cmpxchg8b", "cmpxchg16b"):
    _row(f"lock_{_word}", _word.upper(), "r64", "r64", ROWS[_word].mem, "m", prefix=_LOCK)
