"""The IR's instructions: one row each.

Numeric and vector instructions, loads, stores and atomics are the rows of `refsfi.syntax.opcodes`, under the same
mnemonics and with the same operands: what they compute is said in one place. To them come the few that a compiler needs
besides; `_own_rows` describes each.

A row's `effect` orders it: PURE instructions may be moved, merged and dropped; READ ones not across a WRITE; those that
can leave need a snapshot, because the interpreter will execute again what they stand for; WRITE ones stay where they
are.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

from refsfi.numeric.table import SEMANTICS
from refsfi.syntax import opcodes
from refsfi.syntax.types import RefType, ValType

__all__ = ["BY_NAME", "COMPARISONS", "OPS", "Effect", "IrOp", "Type", "irop", "type_of"]


class Type(IntEnum):
    """Types of values. REF is any reference."""

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
    """What an instruction does besides computing its result. `EXIT` in the name: it may leave through its snapshot."""

    PURE = "pure"
    EXIT = "exit"
    READ = "read"
    READ_EXIT = "read, exit"
    WRITE = "write"
    WRITE_EXIT = "write, exit"

    @property
    def exits(self) -> bool:
        return self in (Effect.EXIT, Effect.READ_EXIT, Effect.WRITE_EXIT)

    @property
    def pinned(self) -> bool:
        """Whether it happens even if nobody uses the result."""
        return self is not Effect.PURE and self is not Effect.READ


class IrOp:
    """A row. `operands` and `result` are types; an operand of type None may have any; `operands` is None where their
    number varies. `wasm` is the instruction set's row of the same name, where there is one. `exits`, `pinned`: as of
    `effect`."""

    __slots__ = ("effect", "exits", "id", "name", "operands", "pinned", "pure", "result", "wasm")

    def __init__(
        self,
        id: int,
        name: str,
        operands: tuple[Type | None, ...] | None,
        result: Type,
        effect: Effect,
        wasm: opcodes.Op | None,
    ) -> None:
        self.id: Final = id
        self.name: Final = name
        self.operands: Final = operands
        self.result: Final = result
        self.effect: Final = effect
        self.exits: Final = effect.exits
        self.pinned: Final = effect.pinned
        self.pure: Final = effect is Effect.PURE
        self.wasm: Final = wasm

    def __repr__(self) -> str:
        return f"<IrOp {self.name}>"

    def __reduce__(self) -> tuple[object, ...]:
        return irop, (self.name,)


_TYPES = {"i32": Type.I32, "i64": Type.I64, "f32": Type.F32, "f64": Type.F64, "v128": Type.V128}

# Numeric instructions that are undefined for some operands.
_PARTIAL = frozenset(
    [f"{t}.{op}_{s}" for t in ("i32", "i64") for op in ("div", "rem") for s in "su"]
    + [f"{t}.trunc_{f}_{s}" for t in ("i32", "i64") for f in ("f32", "f64") for s in "su"]
)
_LOADS = frozenset("load load-pack vload vload-pack vload-splat vload-zero vload_lane".split())
_STORES = frozenset("store store-pack vstore vstore_lane".split())


def type_of(type: ValType) -> Type:
    """The IR's type of a Wasm value type."""
    return Type.REF if isinstance(type, RefType) else _TYPES[type.value]


_Row = tuple[str, "tuple[Type | None, ...] | None", Type, Effect]


def _own_rows() -> list[_Row]:
    i32, i64, ref, none = Type.I32, Type.I64, Type.REF, Type.NONE
    rows: list[_Row] = []
    for t in (i32, i64, Type.F32, Type.F64, Type.V128):
        # Immediate: the value, as `refsfi.runtime.values` has it.
        rows.append((f"{t}.const", (), t, Effect.PURE))
    for t in Type:
        if t is none:
            continue
        rows += [
            # What a register of the interpreter's frame held when this entry was taken. Immediate: the register. In the
            # entry for calls, register `i` is argument `i`. Only in entry blocks.
            (f"{t}.home", (), t, Effect.PURE),
            # A parameter of a block. Only in `Block.params`.
            (f"{t}.param", (), t, Effect.PURE),
            # The first operand if the third is not zero, else the second.
            (f"{t}.select", (t, t, i32), t, Effect.PURE),
            # Result number `immediate` of the call or helper that is the operand.
            (f"{t}.result", (none,), t, Effect.PURE),
        ]
        if t is not ref:
            # Of the instance. Immediate: the global's index.
            rows += [(f"{t}.global", (), t, Effect.READ), (f"{t}.set_global", (t,), none, Effect.WRITE)]
    for t in (Type.F32, Type.F64):
        # The canonical NaN for any NaN, else the operand. In front of it, NaNs that arithmetic made have any payload.
        rows.append((f"{t}.canon", (t,), t, Effect.PURE))
    rows += [
        # In pages. Immediate: the index of the memory.
        ("i32.memory_size", (), i32, Effect.READ),
        ("i64.memory_size", (), i64, Effect.READ),
        # The upper half of the product, as signed or unsigned numbers.
        ("i64.mul_high_s", (i64, i64), i64, Effect.PURE),
        ("i64.mul_high_u", (i64, i64), i64, Effect.PURE),
        ("ref.null", (), ref, Effect.PURE),
        ("ref.is_null", (ref,), i32, Effect.PURE),
        ("ref.eq", (ref, ref), i32, Effect.PURE),
        # The operand; leaves if it is null.
        ("ref.as_non_null", (ref,), ref, Effect.EXIT),
        # Immediate: the function's index. Leaves where its reference is not known yet.
        ("ref.func", (), ref, Effect.EXIT),
        # Take `immediate` units of fuel; leaves, without having taken any, where there are fewer.
        ("fuel", (), none, Effect.WRITE_EXIT),
        # Leave if somebody wants the guest to stop.
        ("poll", (), none, Effect.WRITE_EXIT),
        # Leave if fewer than `immediate` bytes of the guest's stack are left.
        ("room", (), none, Effect.EXIT),
        # Take bytes of the guest's stack (immediate, which may be negative), after `room` has seen that they are there.
        ("take_room", (), none, Effect.WRITE),
        # The function that a table's element is (immediate: table index, DefType). Leaves unless the element is
        # known to be a function of exactly this type.
        ("func.of_table", (i32,), ref, Effect.READ_EXIT),
        ("func.of_table64", (i64,), ref, Effect.READ_EXIT),
        # The operand; leaves if it is null, or a function of the host.
        ("func.of_ref", (ref,), ref, Effect.EXIT),
        # In elements. Immediate: the index of the table.
        ("i32.table_size", (), i32, Effect.READ),
        ("i64.table_size", (), i64, Effect.READ),
        # Order what was written before it and what is read behind it, as other threads see it.
        ("fence", (), none, Effect.WRITE),
        # Have the interpreter execute the instruction that the immediate, a `Helper`, names. The snapshot is that in
        # front of it: should the instruction raise something, the region is left there. What it gives are the
        # `result`s.
        ("helper", None, none, Effect.WRITE_EXIT),
        # Call a function of the module: immediate, a `Callee`. The snapshot's innermost frame waits at the call, its
        # arguments popped. What returns are the `result`s.
        ("call", None, none, Effect.WRITE_EXIT),
        # Call the function that the first operand is.
        ("call_func", None, none, Effect.WRITE_EXIT),
        # Bulk instructions; immediates as in `Instr.args`. They leave before the first byte is written.
        ("memory.fill", None, none, Effect.WRITE_EXIT),
        ("memory.copy", None, none, Effect.WRITE_EXIT),
    ]
    return rows


def _rows() -> list[IrOp]:
    rows = [IrOp(i, *row, None) for i, row in enumerate(_own_rows())]

    def add(operands: tuple[Type | None, ...], result: Type, effect: Effect, row: opcodes.Op) -> None:
        rows.append(IrOp(len(rows), row.mnemonic, operands, result, effect, row))

    for row in opcodes.OPS:
        if row.operands is None or row.results is None:
            continue
        if row.mnemonic in SEMANTICS and len(row.results) == 1:
            # Immediate: the tuple `Instr.args`, None where it is empty.
            effect = Effect.EXIT if row.mnemonic in _PARTIAL else Effect.PURE
            add(tuple(_TYPES[t] for t in row.operands), _TYPES[row.results[0]], effect, row)
        elif row.rule in _LOADS:
            # Immediate: the memory argument; of a lane, `(memory argument, lane)`. The address is an i32 or i64, as the
            # memory has it. The same for stores and atomics.
            add((None, *(_TYPES[t] for t in row.operands[1:])), _TYPES[row.results[0]], Effect.READ_EXIT, row)
        elif row.rule in _STORES:
            add((None, _TYPES[row.operands[1]]), Type.NONE, Effect.WRITE_EXIT, row)
        elif row.prefix == 0xFE and row.width and not row.mnemonic.startswith("memory."):
            result = _TYPES[row.results[0]] if row.results else Type.NONE
            add((None, *(_TYPES[t] for t in row.operands[1:])), result, Effect.WRITE_EXIT, row)
    return rows


OPS: Final[tuple[IrOp, ...]] = tuple(_rows())
BY_NAME: Final[dict[str, IrOp]] = {row.name: row for row in OPS}

# Those whose result is 0 or 1.
COMPARISONS: Final[frozenset[str]] = frozenset(
    row.name for row in OPS if row.wasm is not None and row.wasm.rule in ("relop", "testop")
) | {"ref.is_null", "ref.eq"}


def irop(name: str) -> IrOp:
    """The row called `name`; KeyError where there is none."""
    return BY_NAME[name]
