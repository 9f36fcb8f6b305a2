"""The instructions that generated functions are made of, and the constants at which compilers go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from refsfi.numeric.table import SEMANTICS
from refsfi.syntax.opcodes import OPS, Imm

__all__ = [
    "ACCESSES",
    "ADDRESS_MASKS",
    "EDGES",
    "FLOATS",
    "INTEGERS",
    "NUMBERS",
    "PLAIN_ACCESSES",
    "ROWS",
    "TYPES",
    "Row",
]

NUMBERS: Final = ("i32", "i64", "f32", "f64")
INTEGERS: Final = ("i32", "i64")
# How often each type is taken where any would do.
TYPES: Final = ("i32",) * 8 + ("i64",) * 5 + ("f32", "f64") * 2 + ("v128", "funcref", "externref")
ADDRESS_MASKS: Final = (0xFFF8, 0xFFE0, 0x7F, 0xFFC0, 0x3FFF, 0x1FFF, 0xFFFF, 0x1FFFF)

EDGES: Final = {
    "i32": (
        0,
        1,
        2,
        3,
        7,
        8,
        31,
        32,
        33,
        127,
        128,
        255,
        65535,
        65536,
        1 << 30,
        0x7FFFFFFF,
        1 << 31,
        0xFFFFFFFF,
        0xFFFFFFF8,
    ),
    "i64": (
        0,
        1,
        2,
        31,
        32,
        63,
        64,
        255,
        0x7FFFFFFF,
        1 << 31,
        0xFFFFFFFF,
        1 << 32,
        0x7FFFFFFFFFFFFFFF,
        1 << 63,
        (1 << 64) - 1,
    ),
}
FLOATS: Final = (
    "0 -0 1 -1 0.5 -1.5 0.1 1e30 -1e-30 2147483647 2147483648 -2147483648 4294967295 4294967296 9223372036854775807 "
    "18446744073709551615 -1e19 inf -inf nan nan:0x200001 -nan:0x1 0x1p-149 0x1p-126"
).split()


@dataclass(frozen=True, slots=True)
class Row:
    """An instruction that computes: `kind` says which immediates it has."""

    mnemonic: str
    kind: str
    operands: tuple[str, ...]
    results: tuple[str, ...]
    # Bytes of an access, lanes of a vector.
    size: int = 0

    @property
    def atomic(self) -> bool:
        return "atomic" in self.mnemonic

    @property
    def may_trap(self) -> bool:
        return any(part in self.mnemonic for part in ("div_", "rem_", "trunc_f")) and "x" not in self.mnemonic


def _lanes(mnemonic: str) -> int:
    shape = mnemonic.split(".")[0]
    return int(shape.split("x")[1]) if "x" in shape else 0


def _rows() -> dict[str, list[Row]]:
    """By the type of the result: plain ones, and those with lanes."""
    found: dict[str, list[Row]] = {}
    for row in OPS:
        if row.operands is None or row.results is None or len(row.results) != 1:
            continue
        if not row.imms and row.mnemonic in SEMANTICS:
            kind = ""
        elif row.imms == (Imm.LANE,):
            kind = "lane"
        elif row.imms == (Imm.LANES,):
            kind = "lanes"
        else:
            continue
        made = Row(row.mnemonic, kind, row.operands, row.results, _lanes(row.mnemonic))
        found.setdefault(row.results[0], []).append(made)
    return found


def _accesses() -> list[Row]:
    """Everything with a memory argument, atomics included, but for what waits."""
    found = []
    for row in OPS:
        if Imm.MEMARG not in row.imms or row.operands is None or row.results is None or "wait" in row.mnemonic:
            continue
        kind = "lane" if Imm.LANE in row.imms else ""
        found.append(Row(row.mnemonic, kind, row.operands, row.results, row.width or 0))
    return found


ROWS: Final = _rows()
ACCESSES: Final = _accesses()
PLAIN_ACCESSES: Final = [a for a in ACCESSES if "v128" not in a.operands + a.results and "atomic" not in a.mnemonic]
