"""The IR's instructions: one row each.

Numeric and vector instructions, loads and stores are the rows of `refsfi.syntax.opcodes`, under the same mnemonics and with
the same operands: what they compute is said in one place. To them come the few that a compiler needs besides.

A row's `effect` orders it: PURE instructions may be moved, merged and dropped; READ ones not across a WRITE; TRAP ones
need a snapshot, because they may have to be executed again by the interpreter; WRITE and CALL stay where they are.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

from refsfi.numeric.table import SEMANTICS
from refsfi.syntax import opcodes

__all__ = ["BY_NAME", "OPS", "Effect", "IrOp", "Type", "irop"]


class Type(IntEnum):
    """Types of values. REF is any reference: an opaque Python object."""

    I32 = 0
    I64 = 1
    F32 = 2
    F64 = 3
    V128 = 4
    REF = 5
    NONE = 6  # of instructions without a result

    def __str__(self) -> str:
        return self.name.lower()


class Effect(Enum):
    PURE = "pure"
    READ = "read"
    TRAP = "trap"  # pure, but for operands it cannot take
    READ_TRAP = "read, trap"
    WRITE = "write"
    WRITE_TRAP = "write, trap"

    @property
    def traps(self) -> bool:
        return self in (Effect.TRAP, Effect.READ_TRAP, Effect.WRITE_TRAP)

    @property
    def pinned(self) -> bool:
        """Whether it happens even if nobody uses the result."""
        return self is not Effect.PURE and self is not Effect.READ


class IrOp:
    """A row. `operands` and `result` are types; an operand of type None may have any. `imms` counts immediates. `wasm` is
    the instruction set's row of the same name, where there is one."""

    __slots__ = ("effect", "id", "imms", "name", "operands", "result", "wasm")

    def __init__(
        self,
        id: int,
        name: str,
        operands: tuple[Type | None, ...],
        result: Type,
        effect: Effect,
        imms: int,
        wasm: opcodes.Op | None,
    ) -> None:
        self.id: Final = id
        self.name: Final = name
        self.operands: Final = operands
        self.result: Final = result
        self.effect: Final = effect
        self.imms: Final = imms
        self.wasm: Final = wasm

    def __repr__(self) -> str:
        return f"<IrOp {self.name}>"


_TYPES = {"i32": Type.I32, "i64": Type.I64, "f32": Type.F32, "f64": Type.F64, "v128": Type.V128}

# Numeric instructions that are undefined for some operands.
_PARTIAL = frozenset(
    [f"{t}.{op}_{s}" for t in ("i32", "i64") for op in ("div", "rem") for s in "su"]
    + [f"{t}.trunc_{f}_{s}" for t in ("i32", "i64") for f in ("f32", "f64") for s in "su"]
)
_LOADS = frozenset("load load-pack vload vload-pack vload-splat vload-zero".split())
_STORES = frozenset("store store-pack vstore".split())


def _rows() -> list[IrOp]:
    rows: list[IrOp] = []

    def add(
        name: str,
        operands: tuple[Type | None, ...],
        result: Type,
        effect: Effect,
        imms: int = 0,
        wasm: opcodes.Op | None = None,
    ) -> None:
        rows.append(IrOp(len(rows), name, operands, result, effect, imms, wasm))

    for type in (Type.I32, Type.I64, Type.F32, Type.F64, Type.V128):
        # The value, as `runtime.values` has it.
        add(f"{type}.const", (), type, Effect.PURE, 1)
    for type in Type:
        if type is Type.NONE:
            continue
        # What a register of the frame held when the region was entered: immediate, the register.
        add(f"{type}.home", (), type, Effect.PURE, 1)
        # A block's parameter.
        add(f"{type}.param", (), type, Effect.PURE)
        add(f"{type}.select", (type, type, Type.I32), type, Effect.PURE)
        # Of the instance: immediate, the index.
        add(f"{type}.global", (), type, Effect.READ, 1)
        add(f"{type}.set_global", (type,), Type.NONE, Effect.WRITE, 1)
    # Immediate, the index of the memory. In pages.
    add("i32.memory_size", (), Type.I32, Effect.READ, 1)
    add("i64.memory_size", (), Type.I64, Effect.READ, 1)
    # Goes on if the operand is not zero, else leaves through its snapshot.
    add("guard", (Type.I32,), Type.NONE, Effect.TRAP)
    for row in opcodes.OPS:
        if row.mnemonic in SEMANTICS and row.operands is not None and row.results is not None and len(row.results) == 1:
            effect = Effect.TRAP if row.mnemonic in _PARTIAL else Effect.PURE
            operands = tuple(_TYPES[t] for t in row.operands)
            add(row.mnemonic, operands, _TYPES[row.results[0]], effect, len(row.imms), row)
        elif row.rule in _LOADS and row.results is not None:
            # Immediate, the memory argument. The address is an i32 or i64, as the memory has it.
            add(row.mnemonic, (None,), _TYPES[row.results[0]], Effect.READ_TRAP, 1, row)
        elif row.rule in _STORES and row.operands is not None:
            add(row.mnemonic, (None, _TYPES[row.operands[1]]), Type.NONE, Effect.WRITE_TRAP, 1, row)
    return rows


OPS: Final[tuple[IrOp, ...]] = tuple(_rows())
BY_NAME: Final[dict[str, IrOp]] = {row.name: row for row in OPS}


def irop(name: str) -> IrOp:
    """The row called `name`; KeyError where there is none."""
    return BY_NAME[name]
