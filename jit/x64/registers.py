"""The registers of x86-64, as the small ints that encodings use.

General-purpose registers and vector registers are numbered 0 to 15 each; which of the two a number means, and how wide
it is, the instruction says. So the names below are for people and for `rsp`, `rcx` and the like, which have fixed
roles.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "R8",
    "R9",
    "R10",
    "R11",
    "R12",
    "R13",
    "R14",
    "R15",
    "RAX",
    "RBP",
    "RBX",
    "RCX",
    "RDI",
    "RDX",
    "RSI",
    "RSP",
    "register_name",
]

RAX: Final = 0
RCX: Final = 1
RDX: Final = 2
RBX: Final = 3
RSP: Final = 4
RBP: Final = 5
RSI: Final = 6
RDI: Final = 7
R8: Final = 8
R9: Final = 9
R10: Final = 10
R11: Final = 11
R12: Final = 12
R13: Final = 13
R14: Final = 14
R15: Final = 15

_LEGACY: Final = "ax cx dx bx sp bp si di".split()
_NAMES: Final = {
    # With a REX prefix byte registers 4 to 7 are the low bytes of rsp to rdi, never ah to bh.
    "r8": [*"al cl dl bl spl bpl sil dil".split(), *(f"r{n}b" for n in range(8, 16))],
    "r16": [*_LEGACY, *(f"r{n}w" for n in range(8, 16))],
    "r32": [*(f"e{name}" for name in _LEGACY), *(f"r{n}d" for n in range(8, 16))],
    "r64": [*(f"r{name}" for name in _LEGACY), *(f"r{n}" for n in range(8, 16))],
    "x": [f"xmm{n}" for n in range(16)],
}


def register_name(kind: str, number: int) -> str:
    """The manual's name of a register. `kind` is `r8`, `r16`, `r32`, `r64` or `x`, `number` 0 to 15."""
    return _NAMES[kind][number]
