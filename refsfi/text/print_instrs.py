"""Instructions as text, chapter 6.5, in plain form: one a line."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from refsfi.errors import Crash
from refsfi.syntax.module import CatchKind, Expr, Instr, MemArg
from refsfi.syntax.opcodes import OPS, Imm, Op, op
from refsfi.syntax.types import ValType
from refsfi.text.annotations import BRANCH_HINT
from refsfi.text.naming import Labels, Naming, Scope
from refsfi.text.numbers import F32, F64, FloatFormat, float_text
from refsfi.text.print_types import TypePrinter

__all__ = ["CLOSERS", "DIVIDERS", "OPENERS", "BodyPrinter", "indent"]

# Deeper nesting is no longer indented, so that the text stays linear in the code.
_MAX_INDENT: Final = 50


def indent(depth: int) -> str:
    """The spaces before a line at that depth of nesting."""
    return "  " * min(depth, _MAX_INDENT)


class BodyPrinter:
    """Prints the instructions of one function, or of a constant expression."""

    def __init__(self, names: Naming, types: TypePrinter, locals: Scope, labels: Labels) -> None:
        self.names = names
        self.types = types
        self.locals = locals
        self.labels = labels

    def instr(self, instr: Instr) -> str:
        """One instruction, without the label that a block defines."""
        text = instr.op.mnemonic
        return text + _writer(instr.op)(self, instr.args) if instr.op.imms else text

    def block(self, instr: Instr) -> str:
        """An instruction that opens a block, and with it the block's label."""
        # The labels in a try_table's clauses count from outside of it.
        rest = _writer(instr.op)(self, instr.args)
        return f"{instr.op.mnemonic}{self.labels.push()}{rest}"

    def line(self, expr: Expr) -> str:
        """A constant expression on one line, without its `end`."""
        return " ".join(self._step(instr)[0] for instr in expr[:-1])

    def lines(
        self, body: Expr, depth: int, hints: Mapping[int, int], offset: Callable[[Instr], str] | None
    ) -> list[str]:
        """The instructions of a body, without its `end`, indented from `depth` on. `offset` gives what stands before
        each.
        """
        lines = []
        for pc, instr in enumerate(body[:-1]):
            before = self.labels.depth()
            text, outside = self._step(instr)
            margin = indent(depth + min(before, self.labels.depth()) - outside)
            if hints and pc in hints:
                lines.append(f'{margin}(@{BRANCH_HINT} "\\{hints[pc]:02x}")')
            lines.append(f"{margin}{offset(instr) if offset is not None else ''}{text}")
        return lines

    def _step(self, instr: Instr) -> tuple[str, int]:
        """The text of an instruction, after its effect on the labels; and by how much it stands further out."""
        if instr.op in OPENERS:
            return self.block(instr), 0
        if instr.op in CLOSERS:
            self.labels.pop()
        return self.instr(instr), 1 if instr.op in DIVIDERS else 0


OPENERS: Final = frozenset(row for row in OPS if Imm.BLOCK in row.imms)
DIVIDERS: Final = frozenset({op("else"), op("catch"), op("catch_all")})
CLOSERS: Final = frozenset({op("end"), op("delegate")})

# Immediates with a leading space each.
_Write: TypeAlias = Callable[[BodyPrinter, tuple[Any, ...]], str]


def _float(bits: int, format: FloatFormat) -> str:
    text = float_text(bits, format)
    if "n" in text:
        return f" {text}"
    # The shortest decimal that denotes the same number is what people read.
    code, integer = ("<d", "<Q") if format is F64 else ("<f", "<I")
    (value,) = struct.unpack(code, struct.pack(integer, bits))
    if format is F32:
        for digits in range(6, 10):
            short = f"{value:.{digits}g}"
            if struct.pack("<f", float(short)) == struct.pack("<f", value):
                value = float(short)
                break
    return f" {text} (;={value!r};)"


def _signed(value: int, bits: int) -> str:
    return f" {value - (1 << bits) if value >> (bits - 1) else value}"


def _vector(value: bytes) -> str:
    lanes = [f" 0x{lane:08x}" for lane in struct.unpack("<4I", value)]
    return f" i32x4{''.join(lanes)}"


def _memarg(p: BodyPrinter, arg: MemArg, width: int) -> str:
    text = f" {p.names.mems.ref(arg.mem)}" if arg.mem else ""
    if arg.offset:
        text += f" offset={arg.offset}"
    if 1 << arg.align != width:
        text += f" align={1 << arg.align}"
    return text


def _block_type(p: BodyPrinter, type: Any) -> str:
    if type is None:
        return ""
    if not isinstance(type, int):
        return f" (result {p.types.val(type)})"
    known = p.names.functype(type)
    return p.types.use(type) + p.types.signature(known)


def _catches(p: BodyPrinter, args: tuple[Any, ...]) -> str:
    clauses = []
    for clause in args[1]:
        tag = "" if clause.tag is None else f" {p.names.tags.ref(clause.tag)}"
        clauses.append(f" ({_CATCH_WORDS[clause.kind]}{tag} {p.labels.ref(clause.label)})")
    return _block_type(p, args[0]) + "".join(clauses)


_CATCH_WORDS: Final = {kind: kind.name.lower() for kind in CatchKind}


def _select(p: BodyPrinter, args: tuple[Any, ...]) -> str:
    types: tuple[ValType, ...] | None = args[0]
    if types is None:
        return ""
    return p.types.group("result", types) or " (result)"


def _both(scope: Callable[[Naming], Scope]) -> _Write:
    """Two indices, which may be left out together where both are 0."""

    def write(p: BodyPrinter, args: tuple[Any, ...]) -> str:
        return "" if args == (0, 0) else f" {scope(p.names).ref(args[0])} {scope(p.names).ref(args[1])}"

    return write


def _field(p: BodyPrinter, args: tuple[Any, ...]) -> str:
    return f" {p.names.types.ref(args[0])} {p.names.fields(args[0]).ref(args[1])}"


def _labels(p: BodyPrinter, args: tuple[Any, ...]) -> str:
    return "".join(f" {p.labels.ref(label)}" for label in (*args[0], args[1]))


def _optional(scope: Scope, index: int) -> str:
    return f" {scope.ref(index)}" if index else ""


_SINGLE: Final[dict[Imm, Callable[[BodyPrinter, Any], str]]] = {
    Imm.TYPE: lambda p, x: f" {p.names.types.ref(x)}",
    Imm.FUNC: lambda p, x: f" {p.names.funcs.ref(x)}",
    Imm.TABLE: lambda p, x: f" {p.names.tables.ref(x)}",
    Imm.MEM: lambda p, x: _optional(p.names.mems, x),
    Imm.GLOBAL: lambda p, x: f" {p.names.globals.ref(x)}",
    Imm.TAG: lambda p, x: f" {p.names.tags.ref(x)}",
    Imm.ELEM: lambda p, x: f" {p.names.elems.ref(x)}",
    Imm.DATA: lambda p, x: f" {p.names.datas.ref(x)}",
    Imm.LOCAL: lambda p, x: f" {p.locals.ref(x)}",
    Imm.LABEL: lambda p, x: f" {p.labels.ref(x)}",
    Imm.COUNT: lambda p, x: f" {x}",
    Imm.LANE: lambda p, x: f" {x}",
    Imm.LANES: lambda p, x: "".join(f" {lane}" for lane in x),
    Imm.I32: lambda p, x: _signed(x, 32),
    Imm.I64: lambda p, x: _signed(x, 64),
    Imm.F32: lambda p, x: _float(x, F32),
    Imm.F64: lambda p, x: _float(x, F64),
    Imm.V128: lambda p, x: _vector(x),
    Imm.BLOCK: _block_type,
    Imm.HEAP: lambda p, x: f" {p.types.heap(x)}",
    Imm.CAST: lambda p, x: f" {p.types.val(x)}",
    Imm.CASTS: lambda p, x: f" {p.types.val(x)}",
}
# Where the text's order is another one, or one immediate needs to know another.
_GROUPS: Final[dict[tuple[Imm, ...], _Write]] = {
    (Imm.TYPE, Imm.TABLE): lambda p, args: _optional(p.names.tables, args[1]) + p.types.use(args[0]),
    (Imm.ELEM, Imm.TABLE): lambda p, args: _optional(p.names.tables, args[1]) + f" {p.names.elems.ref(args[0])}",
    (Imm.DATA, Imm.MEM): lambda p, args: _optional(p.names.mems, args[1]) + f" {p.names.datas.ref(args[0])}",
    (Imm.TABLE, Imm.TABLE): _both(lambda names: names.tables),
    (Imm.MEM, Imm.MEM): _both(lambda names: names.mems),
    (Imm.TYPE, Imm.FIELD): _field,
    (Imm.LABELS, Imm.LABEL): _labels,
    (Imm.BLOCK, Imm.CATCHES): _catches,
    (Imm.SELECT,): _select,
    (Imm.ZERO,): lambda p, args: "",
}


@cache
def _writer(op: Op) -> _Write:
    """What prints the immediates of a row of the opcode table."""
    imms = op.imms
    if imms in _GROUPS:
        return _GROUPS[imms]
    if imms[:1] == (Imm.MEMARG,):
        width = op.width
        if len(imms) == 1:
            return lambda p, args: _memarg(p, args[0], width)
        return lambda p, args: f"{_memarg(p, args[0], width)} {args[1]}"
    if any(imm not in _SINGLE for imm in imms):
        raise Crash(f"{op.mnemonic}: no printer for these immediates")
    writers = tuple(_SINGLE[imm] for imm in imms)
    if len(writers) == 1:
        single = writers[0]
        return lambda p, args: single(p, args[0])
    return lambda p, args: "".join([write(p, arg) for write, arg in zip(writers, args, strict=True)])
