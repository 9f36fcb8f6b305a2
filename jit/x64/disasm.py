"""Machine code as text, through iced-x86, an optional package.

Without it every line shows bytes and no instruction, and `missing` says what to install.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Final

__all__ = ["Line", "disassemble", "missing", "render"]

# Bytes in a line that shows nothing else.
_HEX_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction, or bytes that nothing decodes. `target` is where a branch leads or a rip-relative operand is."""

    address: int
    code: bytes
    text: str
    target: int | None = None


@cache
def _iced() -> ModuleType | None:
    try:
        import iced_x86
    except ImportError:
        return None
    return iced_x86


def missing() -> str | None:
    """Why instructions are not shown, and what to do about it; None where they are."""
    if _iced() is not None:
        return None
    return "machine code is shown as bytes: the disassembler iced-x86 is not installed (pip install 'refsfi[disasm]')"


def disassemble(code: bytes, address: int) -> Iterator[Line]:
    """The lines of `code`, which lies at `address`."""
    iced = _iced()
    if iced is None:
        for start in range(0, len(code), _HEX_BYTES):
            yield Line(address + start, code[start : start + _HEX_BYTES], "")
        return
    formatter = iced.Formatter(iced.FormatterSyntax.NASM)
    formatter.hex_prefix = "0x"
    formatter.hex_suffix = ""
    formatter.uppercase_hex = False
    formatter.space_after_operand_separator = True
    formatter.branch_leading_zeros = False
    formatter.rip_relative_addresses = True
    near = (iced.OpKind.NEAR_BRANCH16, iced.OpKind.NEAR_BRANCH32, iced.OpKind.NEAR_BRANCH64)
    for instruction in iced.Decoder(64, code, ip=address):
        start = instruction.ip - address
        target = None
        if instruction.op_count and instruction.op0_kind in near:
            target = instruction.near_branch_target
        elif instruction.is_ip_rel_memory_operand:
            target = instruction.ip_rel_memory_address
        yield Line(instruction.ip, code[start : start + instruction.len], formatter.format(instruction), target)


def render(
    code: bytes,
    address: int,
    label: Callable[[int], str | None] = lambda address: None,
    note: Callable[[int], str | None] = lambda address: None,
) -> Iterator[str]:
    """Lines of text: offset, bytes, instruction.

    `label` names addresses: a named one has a line of its own in front of its instruction, and a reference to it shows
    the name. `note` is what follows an instruction behind a semicolon.
    """
    for line in disassemble(code, address):
        name = label(line.address)
        if name:
            yield f"{name}:"
        text = line.text
        remarks = []
        if line.target is not None:
            to = label(line.target)
            if to:
                remarks.append(f"-> {to}")
        about = note(line.address)
        if about:
            remarks.append(about)
        if remarks:
            text = f"{text:<40} ; {', '.join(remarks)}"
        yield f"  {line.address - address:5x}  {line.code.hex():<22}  {text}".rstrip()
