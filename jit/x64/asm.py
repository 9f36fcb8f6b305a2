"""The assembler: one block of machine code being written.

Its methods are named after the form of the instruction, one letter an operand (`instructions.py`), and take the
instruction's name, then its operands in the manual's order. Registers are ints, a memory operand is `base, disp` or,
with an `x` in the form, `base, index, scale, disp`:

    asm.rr("add64", RAX, RBX)                    add rax, rbx
    asm.rm("mov32", RAX, RSP, 8)                 mov eax, [rsp+8]
    asm.mrx("movsd", RDI, RCX, 8, 16, 3)         movsd [rdi+rcx*8+16], xmm3
    asm.mi("cmp32", R15, 24, 0)                  cmp dword [r15+24], 0

Each has the same body and is written out, because a call more would double its cost: with 0.2 us an instruction,
writing machine code costs less than any other phase of the compiler.

Branches, tables and constants refer to *labels*. All of a block is position-independent but for branches to addresses
outside of it (`jmp_abs`, `call_abs`), so `finish` is told where the block will lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final

from jit.x64.encode import AssemblyError
from jit.x64.encodings import Encodings, shared

__all__ = ["Assembler", "AssemblyError"]

_pack_rel32: Final = Struct("<i").pack_into

# Bytes: what SSE instructions demand of a vector in memory.
_DATA_ALIGNMENT: Final = 16

# The manual's no-operations of 1 to 9 bytes (volume 2, NOP).
_NOPS: Final = [
    bytes.fromhex(text)
    for text in [
        "",
        "90",
        "6690",
        "0f1f00",
        "0f1f4000",
        "0f1f440000",
        "660f1f440000",
        "0f1f8000000000",
        "0f1f840000000000",
        "660f1f840000000000",
    ]
]


class Assembler:
    """A block of code. `code` is what has been written, without constants; `len(code)` is where the next instruction
    will be, and the four bytes before it are the distance after `jmp`, `jcc`, `call` and their like."""

    def __init__(self, encodings: Encodings | None = None) -> None:
        if encodings is None:
            encodings = shared()
        self.code = bytearray()
        self._miss = encodings.finish
        self._branch = encodings.branch
        self._branches = encodings.branches
        self._bound: list[int] = []  # position of each label, -1 while it has none
        self._fixups: dict[int, int] = {}  # where a distance ends: the label it leads to
        self._far: dict[int, int] = {}  # where a distance ends: the address it leads to
        self._alignment = 1  # of the block, in bytes
        self._constants: dict[bytes, int] = {}  # labels
        self._tables: list[tuple[int, Sequence[int]]] = []  # label of the table, labels in it
        known = encodings.finished
        self._none, self._r, self._rr, self._ri = known[""], known["r"], known["rr"], known["ri"]
        self._rri, self._rrr, self._rrri, self._rrrr = known["rri"], known["rrr"], known["rrri"], known["rrrr"]
        self._m, self._mx, self._rm, self._rmx = known["m"], known["mx"], known["rm"], known["rmx"]
        self._mr, self._mrx, self._mi, self._mxi = known["mr"], known["mrx"], known["mi"], known["mxi"]
        self._rmi, self._rmxi, self._mri, self._mrxi = known["rmi"], known["rmxi"], known["mri"], known["mrxi"]
        self._rrm, self._rrmx, self._rrmi, self._rrmxi = known["rrm"], known["rrmx"], known["rrmi"], known["rrmxi"]
        self._rmr, self._rmxr = known["rmr"], known["rmxr"]
        self._l, self._rl, self._rrl = known["l"], known["rl"], known["rrl"]

    # Registers and immediates.

    def op(self, name: str) -> None:
        """An instruction without operands: `ret`, `cqo`, `mfence`, `rep_movsb`."""
        try:
            self.code += self._none[(name,)]
        except KeyError:
            self.code += self._miss("", (name,))

    def r(self, name: str, dst: int) -> None:
        try:
            self.code += self._r[name, dst]
        except KeyError:
            self.code += self._miss("r", (name, dst))

    def rr(self, name: str, dst: int, src: int) -> None:
        try:
            self.code += self._rr[name, dst, src]
        except KeyError:
            self.code += self._miss("rr", (name, dst, src))

    def ri(self, name: str, dst: int, imm: int) -> None:
        """The shortest encoding that leaves the flags as the name says: `mov64` of 0 is a move, not an exclusive or."""
        try:
            self.code += self._ri[name, dst, imm]
        except KeyError:
            self.code += self._miss("ri", (name, dst, imm))

    def rri(self, name: str, dst: int, src: int, imm: int) -> None:
        try:
            self.code += self._rri[name, dst, src, imm]
        except KeyError:
            self.code += self._miss("rri", (name, dst, src, imm))

    def rrr(self, name: str, dst: int, first: int, second: int) -> None:
        """Three-operand instructions of AVX and BMI. `shlx64` has its count last."""
        try:
            self.code += self._rrr[name, dst, first, second]
        except KeyError:
            self.code += self._miss("rrr", (name, dst, first, second))

    def rrri(self, name: str, dst: int, first: int, second: int, imm: int) -> None:
        try:
            self.code += self._rrri[name, dst, first, second, imm]
        except KeyError:
            self.code += self._miss("rrri", (name, dst, first, second, imm))

    def rrrr(self, name: str, dst: int, first: int, second: int, mask: int) -> None:
        """The blends of AVX, whose mask is any register."""
        try:
            self.code += self._rrrr[name, dst, first, second, mask]
        except KeyError:
            self.code += self._miss("rrrr", (name, dst, first, second, mask))

    # From memory.

    def rm(self, name: str, dst: int, base: int, disp: int) -> None:
        try:
            self.code += self._rm[name, dst, base, disp]
        except KeyError:
            self.code += self._miss("rm", (name, dst, base, disp))

    def rmx(self, name: str, dst: int, base: int, index: int, scale: int, disp: int) -> None:
        try:
            self.code += self._rmx[name, dst, base, index, scale, disp]
        except KeyError:
            self.code += self._miss("rmx", (name, dst, base, index, scale, disp))

    def rmi(self, name: str, dst: int, base: int, disp: int, imm: int) -> None:
        try:
            self.code += self._rmi[name, dst, base, disp, imm]
        except KeyError:
            self.code += self._miss("rmi", (name, dst, base, disp, imm))

    def rmxi(self, name: str, dst: int, base: int, index: int, scale: int, disp: int, imm: int) -> None:
        try:
            self.code += self._rmxi[name, dst, base, index, scale, disp, imm]
        except KeyError:
            self.code += self._miss("rmxi", (name, dst, base, index, scale, disp, imm))

    def rrm(self, name: str, dst: int, first: int, base: int, disp: int) -> None:
        try:
            self.code += self._rrm[name, dst, first, base, disp]
        except KeyError:
            self.code += self._miss("rrm", (name, dst, first, base, disp))

    def rrmx(self, name: str, dst: int, first: int, base: int, index: int, scale: int, disp: int) -> None:
        try:
            self.code += self._rrmx[name, dst, first, base, index, scale, disp]
        except KeyError:
            self.code += self._miss("rrmx", (name, dst, first, base, index, scale, disp))

    def rrmi(self, name: str, dst: int, first: int, base: int, disp: int, imm: int) -> None:
        try:
            self.code += self._rrmi[name, dst, first, base, disp, imm]
        except KeyError:
            self.code += self._miss("rrmi", (name, dst, first, base, disp, imm))

    def rrmxi(self, name: str, dst: int, first: int, base: int, index: int, scale: int, disp: int, imm: int) -> None:
        try:
            self.code += self._rrmxi[name, dst, first, base, index, scale, disp, imm]
        except KeyError:
            self.code += self._miss("rrmxi", (name, dst, first, base, index, scale, disp, imm))

    def rmr(self, name: str, dst: int, base: int, disp: int, count: int) -> None:
        """The shifts of BMI2, of what lies in memory."""
        try:
            self.code += self._rmr[name, dst, base, disp, count]
        except KeyError:
            self.code += self._miss("rmr", (name, dst, base, disp, count))

    def rmxr(self, name: str, dst: int, base: int, index: int, scale: int, disp: int, count: int) -> None:
        try:
            self.code += self._rmxr[name, dst, base, index, scale, disp, count]
        except KeyError:
            self.code += self._miss("rmxr", (name, dst, base, index, scale, disp, count))

    # To memory, or memory alone.

    def m(self, name: str, base: int, disp: int) -> None:
        try:
            self.code += self._m[name, base, disp]
        except KeyError:
            self.code += self._miss("m", (name, base, disp))

    def mx(self, name: str, base: int, index: int, scale: int, disp: int) -> None:
        try:
            self.code += self._mx[name, base, index, scale, disp]
        except KeyError:
            self.code += self._miss("mx", (name, base, index, scale, disp))

    def mr(self, name: str, base: int, disp: int, src: int) -> None:
        try:
            self.code += self._mr[name, base, disp, src]
        except KeyError:
            self.code += self._miss("mr", (name, base, disp, src))

    def mrx(self, name: str, base: int, index: int, scale: int, disp: int, src: int) -> None:
        try:
            self.code += self._mrx[name, base, index, scale, disp, src]
        except KeyError:
            self.code += self._miss("mrx", (name, base, index, scale, disp, src))

    def mi(self, name: str, base: int, disp: int, imm: int) -> None:
        try:
            self.code += self._mi[name, base, disp, imm]
        except KeyError:
            self.code += self._miss("mi", (name, base, disp, imm))

    def mxi(self, name: str, base: int, index: int, scale: int, disp: int, imm: int) -> None:
        try:
            self.code += self._mxi[name, base, index, scale, disp, imm]
        except KeyError:
            self.code += self._miss("mxi", (name, base, index, scale, disp, imm))

    def mri(self, name: str, base: int, disp: int, src: int, imm: int) -> None:
        try:
            self.code += self._mri[name, base, disp, src, imm]
        except KeyError:
            self.code += self._miss("mri", (name, base, disp, src, imm))

    def mrxi(self, name: str, base: int, index: int, scale: int, disp: int, src: int, imm: int) -> None:
        try:
            self.code += self._mrxi[name, base, index, scale, disp, src, imm]
        except KeyError:
            self.code += self._miss("mrxi", (name, base, index, scale, disp, src, imm))

    # Labels.

    def label(self) -> int:
        """A new label, which has no position yet."""
        bound = self._bound
        bound.append(-1)
        return len(bound) - 1

    def bind(self, label: int) -> None:
        """The label is here: in front of the next instruction."""
        if self._bound[label] >= 0:
            raise AssemblyError(f"label {label} is bound already, at {self._bound[label]}")
        self._bound[label] = len(self.code)

    def rm_rip(self, name: str, dst: int, label: int) -> None:
        """Form `rl`: from memory at a label. `rm_rip("lea64", RAX, label)` is its address."""
        try:
            self.code += self._rl[name, dst]
        except KeyError:
            self.code += self._miss("rl", (name, dst))
        self._fixups[len(self.code)] = label

    def rrm_rip(self, name: str, dst: int, first: int, label: int) -> None:
        """Form `rrl`: a three-operand instruction whose last is in memory at a label."""
        try:
            self.code += self._rrl[name, dst, first]
        except KeyError:
            self.code += self._miss("rrl", (name, dst, first))
        self._fixups[len(self.code)] = label

    def m_rip(self, name: str, label: int) -> None:
        """Form `l`: memory at a label alone, as `call64` through an address among the constants."""
        try:
            self.code += self._l[(name,)]
        except KeyError:
            self.code += self._miss("l", (name,))
        self._fixups[len(self.code)] = label

    def jcc(self, cc: str, label: int) -> None:
        """Branch on a condition of the manual: `e`, `ne`, `b`, `ae`, … (`instructions.CONDITIONS`)."""
        code = self.code
        try:
            code += self._branches[cc]
        except KeyError:
            code += self._branch(cc)
        self._fixups[len(code)] = label

    def ret(self, popped: int) -> None:
        """Return, and take `popped` bytes of arguments from the stack."""
        if not 0 <= popped < 1 << 16:
            raise AssemblyError(f"a return cannot take {popped} bytes from the stack")
        # PeachPy has no return with an operand.
        self.code += b"\xc2" + popped.to_bytes(2, "little") if popped else b"\xc3"

    def jmp(self, label: int) -> None:
        code = self.code
        try:
            code += self._branches["jmp"]
        except KeyError:
            code += self._branch("jmp")
        self._fixups[len(code)] = label

    def call(self, label: int) -> None:
        code = self.code
        try:
            code += self._branches["call"]
        except KeyError:
            code += self._branch("call")
        self._fixups[len(code)] = label

    def jmp_abs(self, address: int) -> None:
        """Jump to an absolute address, which must lie within 2 GiB of where the block will be."""
        self._leave("jmp", address)

    def call_abs(self, address: int) -> None:
        """Call an absolute address, which must lie within 2 GiB of where the block will be."""
        self._leave("call", address)

    def jcc_abs(self, cc: str, address: int) -> None:
        """Branch on a condition to an absolute address, which must lie within 2 GiB of where the block will be."""
        self._leave(cc, address)

    def _leave(self, kind: str, address: int) -> None:
        self.code += self._branches.get(kind) or self._branch(kind)
        self._far[len(self.code)] = address

    def align(self, boundary: int) -> None:
        """Fill with no-operations up to a multiple of `boundary` bytes, a power of two."""
        self._alignment = max(self._alignment, boundary)
        gap = -len(self.code) % boundary
        while gap:
            step = min(gap, len(_NOPS) - 1)
            self.code += _NOPS[step]
            gap -= step

    # Data behind the code.

    def data(self, constant: bytes) -> int:
        """The label of a constant of 4, 8 or 16 bytes, aligned to its size. Equal constants share a label."""
        known = self._constants.get(constant)
        if known is not None:
            return known
        if len(constant) not in (4, 8, 16):
            raise AssemblyError(f"a constant has 4, 8 or 16 bytes, not {len(constant)}")
        self._alignment = max(self._alignment, _DATA_ALIGNMENT)
        label = self._constants[constant] = self.label()
        return label

    def table(self, labels: Sequence[int]) -> int:
        """The label of a jump table: for each label its signed 32-bit distance from the table's start. The labels may
        still be without a position."""
        self._alignment = max(self._alignment, _DATA_ALIGNMENT)
        label = self.label()
        self._tables.append((label, labels))
        return label

    # Placing the block.

    @property
    def size(self) -> int:
        """How many bytes the block has, its data included."""
        return self._place_data()

    def _place_data(self) -> int:
        """Bind the labels of constants and tables: behind the code, in an order that needs no filling between them."""
        position = len(self.code)
        if self._constants or self._tables:
            position += -position % _DATA_ALIGNMENT
        for constant, label in sorted(self._constants.items(), key=lambda item: -len(item[0])):
            self._bound[label] = position
            position += len(constant)
        for label, labels in self._tables:
            self._bound[label] = position
            position += 4 * len(labels)
        return position

    def offset(self, label: int) -> int:
        """A label's distance in bytes from the block's start. Constants and tables have one once `size` or `finish`
        have been asked."""
        position = self._bound[label]
        if position < 0:
            raise AssemblyError(f"label {label} is not bound")
        return position

    def finish(self, base_address: int) -> bytes:
        """The whole block with all distances filled in, to be placed at `base_address`. May be asked again for
        another."""
        size = self._place_data()
        if base_address % self._alignment:
            raise AssemblyError(f"the block must be aligned to {self._alignment} bytes, and 0x{base_address:x} is not")
        block = bytearray(self.code)
        block += bytes(size - len(block))
        bound = self._bound
        for end, label in self._fixups.items():
            target = bound[label]
            if target < 0:
                raise AssemblyError(f"the label {label} that is used before 0x{end:x} is not bound")
            _pack_rel32(block, end - 4, target - end)
        for end, address in self._far.items():
            distance = address - base_address - end
            if not -(1 << 31) <= distance < 1 << 31:
                raise AssemblyError(f"0x{address:x} is out of reach from 0x{base_address + end:x}")
            _pack_rel32(block, end - 4, distance)
        for constant, label in self._constants.items():
            block[bound[label] : bound[label] + len(constant)] = constant
        for table, labels in self._tables:
            start = bound[table]
            for number, label in enumerate(labels):
                _pack_rel32(block, start + 4 * number, self.offset(label) - start)
        return bytes(block)
